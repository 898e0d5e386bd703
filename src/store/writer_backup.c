/* SPDX-License-Identifier: Apache-2.0 */
/* A copy as the writer's side work: a step between two groups, so that no commit waits for long. */
#include "store/writer_priv.h"

#define BACKUP_PAGES_BUSY 32
#define BACKUP_PAGES_IDLE 256

void writer_backup_step(struct writer *w)
{
    struct backup_job *job = w->copying;
    const struct backend_ops *ops = w->backend->ops;
    int percent = 0;
    bool done = false;
    enum err e = ERR_OK;
    if (!job->begun) {
        job->begun = true;
        e = ops->backup_begin(w->backend, job->path, &job->copy, &job->why);
    } else {
        int pages = lanes_count(&w->lanes) > 0 ? BACKUP_PAGES_BUSY : BACKUP_PAGES_IDLE;
        e = w->ending ? ERR_CLOSED : ops->backup_step(w->backend, job->copy, pages, &percent, &done);
        if (e != ERR_OK || done) {
            enum err end = ops->backup_end(w->backend, job->copy, e == ERR_OK);
            e = e == ERR_OK ? end : e;
            done = true;
        }
    }
    pthread_mutex_lock(&w->lock);
    job->result = e;
    job->done = done || e != ERR_OK;
    if (job->done)
        w->backup = NULL;
    if (job->done || percent != job->percent)
        pthread_cond_broadcast(&w->backup_moved);
    job->percent = percent;
    pthread_mutex_unlock(&w->lock);
}

enum err writer_backup(struct writer *w, const char *to_path, void (*progress)(void *arg, int percent), void *arg,
                       const char **why)
{
    struct backup_job job = {.path = to_path, .why = "the copy could not be written: look at the disk of the new file"};
    int told = -1;
    pthread_mutex_lock(&w->lock);
    while (w->backup != NULL && !w->closing)
        pthread_cond_wait(&w->backup_moved, &w->lock);
    if (w->closing) {
        pthread_mutex_unlock(&w->lock);
        *why = "the store is closing";
        return ERR_CLOSED;
    }
    w->backup = &job;
    w->sleeping = false;
    pthread_cond_signal(&w->wake);
    while (!job.done) {
        pthread_cond_wait(&w->backup_moved, &w->lock);
        int percent = job.percent;
        if (job.done || percent == told || progress == NULL)
            continue;
        told = percent;
        pthread_mutex_unlock(&w->lock);
        progress(arg, percent);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    *why = job.why;
    return job.result;
}
