/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that does tasks, one after the other. It owns its queue of ids and its reader; each step is one commit of
 * bounded size, followed by the task's cursor.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/task.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#define STEP_ROWS 500
#define KEEP_MS   (7 * TIME_DAY_MS)
#define PAGE      250

struct api_tasks {
    struct api *api;
    int64_t (*now)(void);
    struct store_reader *reader;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    oid_t *queue;
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
        t->queue = mem_realloc(t->queue, t->cap * sizeof *t->queue);
    }
    t->queue[t->count++] = task;
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

/* The next id, or 0 when the thread shall end. */
static oid_t next_task(struct api_tasks *t)
{
    oid_t id = 0;
    pthread_mutex_lock(&t->lock);
    while (t->count == 0 && !t->stop)
        pthread_cond_wait(&t->wake, &t->lock);
    if (!t->stop) {
        id = t->queue[0];
        memmove(t->queue, t->queue + 1, --t->count * sizeof *t->queue);
    }
    pthread_mutex_unlock(&t->lock);
    return id;
}

/* Waits a second, or until the end. */
static void pause_before_retry(struct api_tasks *t)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec++;
    pthread_mutex_lock(&t->lock);
    if (!t->stop)
        pthread_cond_clockwait(&t->wake, &t->lock, CLOCK_MONOTONIC, &at);
    pthread_mutex_unlock(&t->lock);
}

static enum err commit(struct api_tasks *t, struct object_change *change)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = change, .count = 1};
    return store_run(t->api->store, &op.op);
}

/* Writes where the task stands. What is finished and of no interest to anybody is deleted. */
static enum err save(struct api_tasks *t, struct arena *a, struct task *task)
{
    bool done = task->status == TASK_FINISHED && task->kind != TASK_RECOVER;
    struct object_change change = {.change = done ? OBJECT_DELETE : OBJECT_UPDATE,
                                   .object = {.id = task->id,
                                              .kind = OBJ_TASK,
                                              .env = task->env,
                                              .body = task_body(a, task),
                                              .updated_ms = t->now()},
                                   .expected_version = task->version};
    enum err e = commit(t, &change);
    if (e == ERR_OK)
        task->version++;
    return e;
}

static void tell(struct api_tasks *t, const struct task *task)
{
    struct api *api = t->api;
    if (task->kind == TASK_RECOVER && api->on_pending != NULL)
        api->on_pending(api->hook_arg, task->ep);
    if (task->kind != TASK_RECOVER && api->on_endpoint_changed != NULL)
        api->on_endpoint_changed(api->hook_arg, task->env, task->app, task->ep);
}

/* One sweep. *more: again. */
static enum err sweep(struct api_tasks *t, struct task *task, bool *more)
{
    struct store_sweep op = {.op = {.kind = STORE_SWEEP},
                             .sweep = task->kind == TASK_RECOVER ? SWEEP_RECOVER : SWEEP_FAIL_PENDING,
                             .ep = task->ep,
                             .reason = task->reason,
                             .since_ms = task->since_ms,
                             .until_ms = task->until_ms,
                             .now_ms = t->now(),
                             .rows_max = STEP_ROWS,
                             .cursor = task->cursor};
    enum err e = store_run(t->api->store, &op.op);
    if (e != ERR_OK)
        return e;
    task->cursor = op.cursor;
    *more = op.more;
    if (op.rows > 0)
        tell(t, task);
    return ERR_OK;
}

/* The first endpoint of a deleted workspace: first what is pending for it, then itself. *more: there may be another. */
static enum err delete_endpoint(struct api_tasks *t, struct arena *a, const struct task *task, bool *more)
{
    struct object *found;
    size_t count;
    bool again = true;
    struct object_query q = {.kind = OBJ_ENDPOINT, .env = task->env, .app = task->app, .limit = 1};
    enum err e = store_list_objects(t->reader, a, &q, &found, &count);
    *more = e == ERR_OK && count > 0;
    if (!*more)
        return e;
    struct task pending = {.kind = TASK_FAIL_PENDING, .app = task->app, .ep = found[0].id, .reason = REASON_DELETED};
    while (again) {
        if ((e = sweep(t, &pending, &again)) != ERR_OK)
            return e;
    }
    struct object_change change = {.change = OBJECT_DELETE, .object = found[0]};
    change.object.updated_ms = t->now();
    e = commit(t, &change);
    tell(t, &pending);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The first workspace of a deleted environment: its endpoints, then itself. *more: there may be another. */
static enum err delete_app(struct api_tasks *t, struct arena *a, const struct task *task, bool *more)
{
    struct object *found;
    size_t count;
    struct object_query q = {.kind = OBJ_APP, .env = task->victim, .limit = 1};
    enum err e = store_list_objects(t->reader, a, &q, &found, &count);
    *more = e == ERR_OK && count > 0;
    if (!*more)
        return e;
    struct task one = {.kind = TASK_DELETE_APP, .env = task->victim, .app = found[0].id};
    bool again = true;
    while (again) {
        if ((e = delete_endpoint(t, a, &one, &again)) != ERR_OK)
            return e;
    }
    struct object_change change = {.change = OBJECT_DELETE, .object = found[0]};
    change.object.updated_ms = t->now();
    e = commit(t, &change);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err do_some(struct api_tasks *t, struct arena *a, struct task *task, bool *more)
{
    switch (task->kind) {
    case TASK_DELETE_APP:
        return delete_endpoint(t, a, task, more);
    case TASK_DELETE_ENV:
        return delete_app(t, a, task, more);
    case TASK_RECOVER:
    case TASK_FAIL_PENDING:
        return sweep(t, task, more);
    }
    return ERR_INTERNAL;
}

/* An endpoint that was enabled again keeps what has come for it since. */
static enum err still_wanted(struct api_tasks *t, struct arena *a, const struct task *task, bool *wanted)
{
    struct object o;
    struct endpoint ep;
    *wanted = true;
    if (task->kind != TASK_FAIL_PENDING || task->reason != REASON_DISABLED)
        return ERR_OK;
    enum err e = store_get_object(t->reader, a, OBJ_ENDPOINT, task->ep, &o);
    if (e == ERR_OK)
        e = endpoint_decode(a, t->api->keys, &o, &ep);
    if (e == ERR_OK)
        *wanted = ep.disabled || o.deleted_ms != 0;
    return e;
}

static enum err step(struct api_tasks *t, struct arena *a, struct task *task)
{
    bool more = false, wanted;
    enum err e = still_wanted(t, a, task, &wanted);
    if (e == ERR_OK && wanted)
        e = do_some(t, a, task, &more);
    if (e != ERR_OK)
        return e;
    if (!more)
        task->status = TASK_FINISHED;
    bool has_cursor = task->kind != TASK_DELETE_APP && task->kind != TASK_DELETE_ENV;
    return more && !has_cursor ? ERR_OK : save(t, a, task);
}

static enum err load(struct api_tasks *t, struct arena *a, oid_t id, struct task *out)
{
    struct object o;
    enum err e = store_get_object(t->reader, a, OBJ_TASK, id, &o);
    if (e == ERR_OK && o.deleted_ms != 0)
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? task_decode(a, &o, out) : e;
}

static void run_task(struct api_tasks *t, oid_t id)
{
    while (!stopping(t)) {
        struct arena *a = arena_new(4096);
        struct task task;
        enum err e = load(t, a, id, &task);
        while (e == ERR_OK && task.status == TASK_RUNNING && !stopping(t))
            e = step(t, a, &task);
        arena_free(a);
        if (e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_CLOSED)
            return;
        if (!err_may_retry(e)) {
            log_error("task_failed", LOG_INT("task", id), LOG_CSTR("error", err_text(e)));
            return;
        }
        pause_before_retry(t);
    }
}

/* What was left running goes on; what has been finished for long is forgotten. */
static enum err resume_env(struct api_tasks *t, oid_t env)
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
            if (task.status == TASK_RUNNING) {
                task_wake(t->api, task.id);
            } else if (t->now() - task.updated_ms > KEEP_MS) {
                struct object_change change = {.change = OBJECT_DELETE, .object = found[i]};
                change.object.updated_ms = t->now();
                e = commit(t, &change);
            }
        }
        arena_free(a);
        if (e != ERR_OK)
            return e;
    } while (n == PAGE);
    return ERR_OK;
}

static enum err resume(struct api_tasks *t)
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
            e = resume_env(t, envs[i].id);
        }
        arena_free(a);
        if (e != ERR_OK)
            return e;
    } while (n == PAGE);
    return ERR_OK;
}

static void *run_thread(void *arg)
{
    struct api_tasks *t = arg;
    while (!stopping(t) && resume(t) != ERR_OK)
        pause_before_retry(t);
    for (oid_t id = next_task(t); id != 0; id = next_task(t))
        run_task(t, id);
    return NULL;
}

enum err api_tasks_start(struct api *api, int64_t (*now)(void))
{
    struct api_tasks *t = mem_zalloc(1, sizeof *t);
    t->api = api;
    t->now = now;
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
    free(t->queue);
    free(t);
}
