/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that does tasks: a step of one, then a step of the next whose turn it is. It owns the queue and its
 * reader; others only put ids into its inbox. A step's work is committed first, then where the task stands, which fails
 * when somebody canceled it meanwhile. Between two steps it rests as long as the last one took, so that what is sent
 * and what was just accepted keep at least half of the disk.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/task.h"
#include "api/task_queue.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "sys/clock.h"

#define PAGE         250
#define AGAIN_MS     1000 /* after a step that could not be done now */
#define REST_MAX_MS  100
#define TIDY_EVERY_S 3600

struct api_tasks {
    struct api *api;
    int64_t (*now)(void);
    struct store_reader *reader;
    struct task_queue queue;
    int64_t tidy_ms; /* when to look for old ones next; monotonic, as the queue's times */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    oid_t *inbox;
    size_t count, cap;
    bool stop;
};

void task_wake(struct api *api, oid_t task)
{
    struct api_tasks *t = api->tasks;
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 16 : 2 * t->cap;
        t->inbox = mem_realloc(t->inbox, t->cap * sizeof *t->inbox);
    }
    t->inbox[t->count++] = task;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

static bool stopping(struct api_tasks *t)
{
    pthread_mutex_lock(&t->lock);
    bool stop = t->stop;
    pthread_mutex_unlock(&t->lock);
    return stop;
}

/* Until then (monotonic), the end, or, with `news`, something in the inbox. */
static void wait_until(struct api_tasks *t, int64_t at_ms, bool news)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    pthread_mutex_lock(&t->lock);
    while (!t->stop && !(news && t->count > 0) && clock_mono_ms() < at_ms)
        pthread_cond_clockwait(&t->wake, &t->lock, CLOCK_MONOTONIC, &at);
    pthread_mutex_unlock(&t->lock);
}

/* ---- a step ------------------------------------------------------------------------------------------------------
 */

static enum err commit(struct api_tasks *t, struct object_change *changes, size_t count)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    return store_run(t->api->store, &op.op);
}

static enum err load(struct api_tasks *t, struct arena *a, oid_t id, struct task *out)
{
    struct object o;
    enum err e = store_get_object(t->reader, a, OBJ_TASK, id, &o);
    if (e == ERR_OK && o.deleted_ms != 0)
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? task_decode(a, &o, out) : e;
}

/* Writes where the task stands, with what the step wants written with it. */
static enum err save(struct api_tasks *t, struct task_run *r, const struct task *task)
{
    struct object_change changes[2 * TASK_CHANGES + 1];
    size_t n = 1;
    enum err e = ERR_OK;
    for (size_t i = 0; i < r->change_count; i++)
        changes[n++] = r->changes[i];
    if (task->status != TASK_RUNNING)
        e = task_ended(t->reader, r->arena, task, r->now_ms, changes, &n);
    changes[0] = task_update(r->arena, task, r->now_ms);
    return e == ERR_OK ? commit(t, changes, n) : e;
}

static enum err step(struct api_tasks *t, struct arena *a, struct task *task)
{
    struct task_run r = {.api = t->api, .reader = t->reader, .arena = a, .now_ms = t->now()};
    bool more = false;
    enum err e = task_types[task->kind].step(&r, task, &more);
    if (e != ERR_OK && !err_may_retry(e)) {
        log_error("task_failed", LOG_INT("task", task->id), LOG_CSTR("kind", task_types[task->kind].name),
                  LOG_CSTR("error", err_text(e)));
        task->error = str_c(err_text(e));
        e = ERR_OK;
    }
    if (task->error.ptr != NULL)
        task->status = TASK_FAILED;
    else if (!more)
        task->status = TASK_FINISHED;
    return e == ERR_OK ? save(t, &r, task) : e;
}

/* A step of the task whose turn it is, if it is still to be done. */
static void run_turn(struct api_tasks *t, oid_t id)
{
    struct arena *a = arena_new(16384);
    struct task task;
    enum err e = load(t, a, id, &task);
    oid_t env = e == ERR_OK ? task.env : 0;
    bool runs = e == ERR_OK && task.status == TASK_RUNNING;
    if (runs)
        e = step(t, a, &task);
    if (e != ERR_OK && e != ERR_CLOSED && e != ERR_NOT_FOUND)
        task_queue_put(&t->queue, env, id, clock_mono_ms() + AGAIN_MS);
    else if (e == ERR_OK && runs && task.status == TASK_RUNNING)
        task_queue_put(&t->queue, env, id, 0);
    arena_free(a);
}

/* ---- what there is to do ----------------------------------------------------------------------------------------
 */

/* Ended long ago. */
static enum err forget(struct api_tasks *t, struct arena *a, const struct task *task)
{
    struct object_change changes[TASK_CHANGES + 1];
    size_t n = 1;
    enum err e = task_ended(t->reader, a, task, t->now(), changes, &n);
    changes[0] = (struct object_change){.change = OBJECT_DELETE,
                                        .object = {.id = task->id, .kind = OBJ_TASK, .updated_ms = t->now()}};
    return e == ERR_OK ? commit(t, changes, n) : e;
}

/* Old ones are forgotten; at the start, what was left running goes on. */
static enum err look_env(struct api_tasks *t, oid_t env, bool start)
{
    oid_t after = 0;
    size_t n = 0;
    do {
        struct arena *a = arena_new(16384);
        struct object *found = NULL;
        struct object_query q = {.kind = OBJ_TASK, .env = env, .after = after, .limit = PAGE};
        enum err e = store_list_objects(t->reader, a, &q, &found, &n);
        for (size_t i = 0; e == ERR_OK && i < n; i++) {
            struct task task;
            after = found[i].id;
            if (task_decode(a, &found[i], &task) != ERR_OK)
                continue;
            if (task.status == TASK_RUNNING && start)
                task_queue_put(&t->queue, env, task.id, 0);
            else if (task.status != TASK_RUNNING && t->now() - task.updated_ms > TASK_KEEP_MS)
                e = forget(t, a, &task);
        }
        arena_free(a);
        if (e != ERR_OK)
            return e;
    } while (n == PAGE);
    return ERR_OK;
}

static enum err look(struct api_tasks *t, bool start)
{
    oid_t after = 0;
    size_t n = 0;
    do {
        struct arena *a = arena_new(16384);
        struct object *envs = NULL;
        struct object_query q = {.kind = OBJ_ENV, .after = after, .limit = PAGE};
        enum err e = store_list_objects(t->reader, a, &q, &envs, &n);
        for (size_t i = 0; e == ERR_OK && i < n; i++) {
            after = envs[i].id;
            e = look_env(t, envs[i].id, start);
        }
        arena_free(a);
        if (e != ERR_OK)
            return e;
    } while (n == PAGE);
    t->tidy_ms = clock_mono_ms() + (int64_t)TIDY_EVERY_S * 1000;
    return ERR_OK;
}

/* What others put into the inbox joins the queue. */
static void read_inbox(struct api_tasks *t)
{
    pthread_mutex_lock(&t->lock);
    oid_t *ids = t->inbox;
    size_t count = t->count;
    t->inbox = NULL;
    t->count = t->cap = 0;
    pthread_mutex_unlock(&t->lock);
    struct arena *a = arena_new(16384);
    for (size_t i = 0; i < count; i++) {
        struct task task;
        enum err e = load(t, a, ids[i], &task);
        task_queue_put(&t->queue, e == ERR_OK ? task.env : 0, ids[i], 0);
    }
    arena_free(a);
    free(ids);
}

static void *run_thread(void *arg)
{
    struct api_tasks *t = arg;
    pthread_setname_np(pthread_self(), "tasks");
    while (!stopping(t) && look(t, true) != ERR_OK)
        wait_until(t, clock_mono_ms() + AGAIN_MS, false);
    while (!stopping(t)) {
        int64_t at_ms, began_ms = clock_mono_ms();
        read_inbox(t);
        if (began_ms >= t->tidy_ms && look(t, false) != ERR_OK)
            t->tidy_ms = began_ms + AGAIN_MS;
        oid_t id = task_queue_take(&t->queue, began_ms, &at_ms);
        if (id == 0) {
            wait_until(t, at_ms < t->tidy_ms ? at_ms : t->tidy_ms, true);
            continue;
        }
        run_turn(t, id);
        int64_t took_ms = clock_mono_ms() - began_ms;
        wait_until(t, clock_mono_ms() + (took_ms < REST_MAX_MS ? took_ms : REST_MAX_MS), false);
    }
    return NULL;
}

enum err api_tasks_start(struct api *api, int64_t (*now)(void))
{
    struct api_tasks *t = mem_zalloc(1, sizeof *t);
    t->api = api;
    t->now = now;
    task_queue_init(&t->queue);
    enum err e = store_reader_open(api->store, &t->reader);
    if (e != ERR_OK) {
        free(t);
        return e;
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    api->tasks = t;
    if (pthread_create(&t->thread, NULL, run_thread, t) == 0)
        return ERR_OK;
    api->tasks = NULL;
    store_reader_close(t->reader);
    free(t);
    return ERR_IO;
}

void api_tasks_stop(struct api *api)
{
    struct api_tasks *t = api->tasks;
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    api->tasks = NULL;
    store_reader_close(t->reader);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->inbox);
    task_queue_fini(&t->queue);
    free(t);
}
