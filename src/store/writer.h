/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: one thread that takes what waits, applies it to the backend in a group, commits, and hands the operations
 * back. What arrives during a commit is the next group; there is no timer and no delay.
 */
#ifndef PR_STORE_WRITER_H
#define PR_STORE_WRITER_H

#include "store/backend.h"

struct writer;

/* queue_bytes_max: appends that wait; over it ERR_BUSY. The backend stays the caller's. */
struct writer *writer_start(struct backend *b, size_t queue_bytes_max);
/* Finishes what was submitted and frees. */
void writer_stop(struct writer *w);
void writer_submit(struct writer *w, struct store_op *first);
/* Fills everything but the sizes of files. */
void writer_stats(struct writer *w, struct store_stats *out);

/* A copy, as store_backup but not synced yet. Waits. */
MUST_USE enum err writer_backup(struct writer *w, const char *to_path, void (*progress)(void *arg, int percent),
                                void *arg, const char **why);

#endif
