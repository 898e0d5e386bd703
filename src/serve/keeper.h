/* SPDX-License-Identifier: Apache-2.0 */
/*
 * House-keeping once a second, on a thread of its own: what has aged out is deleted in small steps.
 */
#ifndef PR_SERVE_KEEPER_H
#define PR_SERVE_KEEPER_H

#include "serve/reactor.h"

struct keeper;

/* NULL: no thread could be had. */
struct keeper *keeper_start(struct shared *s);
/* Ends after the step under way. NULL is fine. */
void keeper_stop(struct keeper *k);

#endif
