/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread for each worker process, which it starts, asks and waits for in blocking code, with a reader of the store of
 * its own. Threads are made when something waits and none is free; a worker that has had nothing to do for a while
 * ends.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "transform/process.h"
#include "transform/turns.h"

#define IDLE_S 60
/* API requests that wait for a run hold one of the few API workers: never all, and not all of them for one workspace.
 */
#define WAITERS_MAX         3
#define WAITERS_PER_APP_MAX 2

struct member {
    pthread_t thread;
    struct transform_pool *pool;
    struct store_reader *reader;
    struct transform_process process;
};

struct transform_pool {
    struct store *store;
    struct transform_limits limits;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct turns turns;
    bool stop;
    oid_t waiting[WAITERS_MAX]; /* workspaces that wait for a run; 0: free */
    int idle;
    int count;
    struct member members[];
};

struct transform_pool *transform_pool_new(struct store *store, const struct transform_limits *limits)
{
    struct transform_pool *p = mem_zalloc(1, sizeof *p + (size_t)limits->workers * sizeof p->members[0]);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    turns_init(&p->turns);
    p->store = store;
    p->limits = *limits;
    return p;
}

const struct transform_limits *transform_pool_limits(const struct transform_pool *p)
{
    return &p->limits;
}

/* With the lock held; the worker process ends meanwhile if nothing comes. NULL: the pool ends. */
static struct transform_job *next_job(struct member *m)
{
    struct transform_pool *p = m->pool;
    struct transform_job *job;
    while ((job = turns_take(&p->turns)) == NULL && !p->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_S;
        p->idle++;
        int e = pthread_cond_timedwait(&p->wake, &p->lock, &until);
        p->idle--;
        if (e == ETIMEDOUT && p->turns.count == 0 && !p->stop) {
            pthread_mutex_unlock(&p->lock);
            process_stop(&m->process);
            pthread_mutex_lock(&p->lock);
        }
    }
    return job;
}

static void *work(void *arg)
{
    struct member *m = arg;
    struct transform_pool *p = m->pool;
    struct transform_job *job;
    pthread_mutex_lock(&p->lock);
    while ((job = next_job(m)) != NULL) {
        bool stop = p->stop;
        pthread_mutex_unlock(&p->lock);
        job->run(job, stop ? NULL : &m->process, stop ? NULL : m->reader);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    process_stop(&m->process);
    return NULL;
}

/* One more thread; with the lock held. */
static bool grow(struct transform_pool *p)
{
    struct member *m = &p->members[p->count];
    m->pool = p;
    process_init(&m->process, &p->limits);
    if (store_reader_open(p->store, &m->reader) != ERR_OK)
        return false;
    if (pthread_create(&m->thread, NULL, work, m) != 0) {
        store_reader_close(m->reader);
        return false;
    }
    pthread_setname_np(m->thread, "transform");
    p->count++;
    return true;
}

enum transform_status transform_submit(struct transform_pool *p, struct transform_job *job)
{
    enum transform_status s = TRANSFORM_OK;
    pthread_mutex_lock(&p->lock);
    bool room = (size_t)p->idle > p->turns.count || p->count == p->limits.workers || grow(p) || p->count > 0;
    if (!room || p->stop)
        s = TRANSFORM_MISSING;
    else if (!turns_add(&p->turns, job))
        s = TRANSFORM_BUSY;
    else
        pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    return s;
}

void transform_pool_free(struct transform_pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->count; i++) {
        pthread_join(p->members[i].thread, NULL);
        store_reader_close(p->members[i].reader);
    }
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- waiting for a run ------------------------------------------------------------------------------------------- */

struct waiter {
    struct transform_job job;
    const struct transform_call *call;
    struct arena *arena;
    struct transform_result *out;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool done;
};

static void run_waiter(struct transform_job *job, struct transform_process *p, struct store_reader *reader)
{
    struct waiter *w = CONTAINER_OF(job, struct waiter, job);
    (void)reader;
    if (p != NULL)
        transform_run(p, w->call, w->arena, w->out);
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->over);
    pthread_mutex_unlock(&w->lock);
}

static bool enter(struct transform_pool *p, oid_t app)
{
    int at = -1, own = 0;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < WAITERS_MAX; i++) {
        if (p->waiting[i] == 0)
            at = i;
        own += p->waiting[i] == app ? 1 : 0;
    }
    bool room = at >= 0 && own < WAITERS_PER_APP_MAX;
    if (room)
        p->waiting[at] = app;
    pthread_mutex_unlock(&p->lock);
    return room;
}

static void leave(struct transform_pool *p, oid_t app)
{
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < WAITERS_MAX; i++) {
        if (p->waiting[i] == app) {
            p->waiting[i] = 0;
            break;
        }
    }
    pthread_mutex_unlock(&p->lock);
}

enum transform_status transform_submit_wait(struct transform_pool *p, const struct transform_call *call, oid_t app,
                                            oid_t ep, struct arena *a, struct transform_result *out)
{
    struct waiter w = {.job = {.app = app, .ep = ep, .run = run_waiter}, .call = call, .arena = a, .out = out};
    list_init(&w.job.node);
    *out = (struct transform_result){.status = TRANSFORM_BUSY};
    if (!enter(p, app))
        return TRANSFORM_BUSY;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.over, NULL);
    enum transform_status s = transform_submit(p, &w.job);
    pthread_mutex_lock(&w.lock);
    while (s == TRANSFORM_OK && !w.done)
        pthread_cond_wait(&w.over, &w.lock);
    pthread_mutex_unlock(&w.lock);
    leave(p, app);
    pthread_cond_destroy(&w.over);
    pthread_mutex_destroy(&w.lock);
    if (s != TRANSFORM_OK)
        out->status = s;
    return out->status;
}
