/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's inside, shared by its files: writer.c (the thread and its groups), writer_submit.c, writer_backup.c. */
#ifndef PR_STORE_WRITER_PRIV_H
#define PR_STORE_WRITER_PRIV_H

#include <pthread.h>

#include "store/marks.h"
#include "store/writer.h"

struct backup_job {
    const char *path;
    const char *why;
    struct backend_backup *copy;
    enum err result;
    int percent;
    bool begun;
    bool done;
};

struct writer {
    struct backend *backend;
    pthread_t thread;

    pthread_mutex_t lock; /* guards down to `stats` */
    pthread_cond_t wake;
    pthread_cond_t backup_moved;
    struct op_queue incoming;
    size_t queued_bytes;
    size_t queue_bytes_max;
    size_t queued_ops;
    bool sleeping;
    bool closing;
    bool gone; /* the thread takes nothing any more */
    struct backup_job *backup;
    struct store_stats stats;

    /* The thread's own. */
    struct lanes lanes;
    struct marks marks;
    enum err trouble; /* ERR_FULL, ERR_UNAVAILABLE: appends are refused, results tried again at retry_ms */
    bool sweep_turn;  /* while the disk is full: whose try the next group is */
    int64_t retry_ms;
    int64_t space_ms; /* the next look at the disk */
    struct backup_job *copying;
    bool ending; /* `closing` as of the last intake */
};

/* Hands operations back, with one wake-up per loop; q is empty after. The writer's thread. */
void writer_finish(struct writer *w, struct op_queue *q);
/* One step of the copy under way. The writer's thread. */
void writer_backup_step(struct writer *w);

#endif
