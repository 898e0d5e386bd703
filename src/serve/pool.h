/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few worker threads, each with its own reader of the store, that run jobs in blocking code. The queue is bounded.
 */
#ifndef PR_SERVE_POOL_H
#define PR_SERVE_POOL_H

#include "store/store.h"

struct pool;

/* Embedded in its owner; `run` is called on a worker and may free it. */
struct pool_job {
    struct pool_job *next;
    void (*run)(struct pool_job *job, struct store_reader *reader);
};

/* ERR_IO, ERR_UNAVAILABLE: no thread or no reader could be had. */
MUST_USE enum err pool_new(struct store *store, const char *name, int threads, size_t queue_max, struct pool **out);
/* False: the queue is full. Any thread. */
bool pool_submit(struct pool *p, struct pool_job *job);
/* Like pool_submit for work that must not be lost: not bounded. */
void pool_submit_always(struct pool *p, struct pool_job *job);
size_t pool_queued(struct pool *p);
/* Finishes what is queued, ends the threads. NULL is fine. */
void pool_free(struct pool *p);

#endif
