/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the process's file descriptors are shared out, so that clients cannot take those of deliveries, nor either of
 * them those of the store.
 */
#ifndef PR_SERVE_DESCRIPTORS_H
#define PR_SERVE_DESCRIPTORS_H

#include <stddef.h>

struct descriptors {
    int clients;  /* connections of each reactor's listener, 1 at least */
    int attempts; /* in flight at a time, of each reactor, 1 at least */
    size_t idle;  /* connections to receivers that each reactor keeps open for later; 0 = as many as it likes */
};

/* Raises the limit as far as it goes and shares out what is left of it now. clients_max: no reactor needs more. */
struct descriptors descriptors_share(unsigned reactors, int clients_max, int attempts_max);

#endif
