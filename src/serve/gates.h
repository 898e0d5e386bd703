/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests may be in flight to one host, over all reactors: a counter per host under one lock. A reactor that
 * was refused is told when there is room again.
 */
#ifndef PR_SERVE_GATES_H
#define PR_SERVE_GATES_H

#include <stdbool.h>

struct gates;
struct gate;

#define GATES_REACTORS_MAX 64

/* freed(arg, reactor, host) is called, on the releasing thread, for a reactor that was refused before. */
struct gates *gates_new(int per_host, void (*freed)(void *arg, unsigned reactor, const char *host), void *arg);
void gates_free(struct gates *g);
/* Finds or makes the gate of a host; a reference for gate_close. */
struct gate *gate_open(struct gates *g, const char *host);
void gate_close(struct gates *g, struct gate *gate);
/* One more request by this reactor (0..63)? If not, the reactor is remembered. */
bool gate_acquire(struct gates *g, struct gate *gate, unsigned reactor);
void gate_release(struct gates *g, struct gate *gate, unsigned reactor);

#endif
