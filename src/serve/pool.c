/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct worker {
    pthread_t thread;
    struct pool *pool;
    struct store_reader *reader;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct pool_job *first;
    struct pool_job **last;
    size_t queued;
    size_t queue_max;
    bool stop;
    int count;
    struct worker workers[];
};

static struct pool_job *next_job(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->first == NULL && !p->stop)
        pthread_cond_wait(&p->wake, &p->lock);
    struct pool_job *job = p->first;
    if (job != NULL) {
        p->first = job->next;
        if (p->first == NULL)
            p->last = &p->first;
        p->queued--;
    }
    pthread_mutex_unlock(&p->lock);
    return job;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (struct pool_job *job; (job = next_job(w->pool)) != NULL;)
        job->run(job, w->reader);
    return NULL;
}

enum err pool_new(struct store *store, const char *name, int threads, size_t queue_max, struct pool **out)
{
    struct pool *p = mem_zalloc(1, sizeof *p + (size_t)threads * sizeof p->workers[0]);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->last = &p->first;
    p->queue_max = queue_max;
    for (int i = 0; i < threads; i++) {
        struct worker *w = &p->workers[i];
        w->pool = p;
        enum err e = store_reader_open(store, &w->reader);
        if (e == ERR_OK && pthread_create(&w->thread, NULL, work, w) != 0) {
            store_reader_close(w->reader);
            e = ERR_IO;
        }
        if (e != ERR_OK) {
            pool_free(p);
            return e;
        }
        pthread_setname_np(w->thread, name);
        p->count++;
    }
    *out = p;
    return ERR_OK;
}

static void push(struct pool *p, struct pool_job *job)
{
    job->next = NULL;
    *p->last = job;
    p->last = &job->next;
    p->queued++;
    pthread_cond_signal(&p->wake);
}

bool pool_submit(struct pool *p, struct pool_job *job)
{
    pthread_mutex_lock(&p->lock);
    bool room = p->queued < p->queue_max && !p->stop;
    if (room)
        push(p, job);
    pthread_mutex_unlock(&p->lock);
    return room;
}

void pool_submit_always(struct pool *p, struct pool_job *job)
{
    pthread_mutex_lock(&p->lock);
    push(p, job);
    pthread_mutex_unlock(&p->lock);
}

size_t pool_queued(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->queued;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->count; i++) {
        pthread_join(p->workers[i].thread, NULL);
        store_reader_close(p->workers[i].reader);
    }
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
