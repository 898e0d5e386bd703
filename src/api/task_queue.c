/* SPDX-License-Identifier: Apache-2.0 */
#include "api/task_queue.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

struct turn_env {
    struct list link;
    oid_t env;
    struct list tasks;
};

struct turn_task {
    struct list link;
    oid_t id;
    int64_t not_before_ms;
};

void task_queue_init(struct task_queue *q)
{
    list_init(&q->envs);
}

static struct turn_env *env_get(struct task_queue *q, oid_t env)
{
    for (LIST_EACH(n, &q->envs)) {
        struct turn_env *e = CONTAINER_OF(n, struct turn_env, link);
        if (e->env == env)
            return e;
    }
    struct turn_env *e = mem_zalloc(1, sizeof *e);
    e->env = env;
    list_init(&e->link);
    list_init(&e->tasks);
    list_push_back(&q->envs, &e->link);
    return e;
}

void task_queue_put(struct task_queue *q, oid_t env, oid_t task, int64_t not_before_ms)
{
    struct turn_env *e = env_get(q, env);
    for (LIST_EACH(n, &e->tasks)) {
        if (CONTAINER_OF(n, struct turn_task, link)->id == task)
            return;
    }
    struct turn_task *t = mem_zalloc(1, sizeof *t);
    t->id = task;
    list_init(&t->link);
    t->not_before_ms = not_before_ms;
    list_push_back(&e->tasks, &t->link);
}

/* Takes the task out; its environment's next turn comes after all others'. */
static oid_t take(struct task_queue *q, struct turn_env *e, struct turn_task *t)
{
    oid_t id = t->id;
    list_remove(&t->link);
    free(t);
    list_remove(&e->link);
    list_push_back(&q->envs, &e->link);
    return id;
}

oid_t task_queue_take(struct task_queue *q, int64_t now_ms, int64_t *at_ms)
{
    *at_ms = TIME_NEVER;
    for (LIST_EACH_SAFE(n, next, &q->envs)) {
        struct turn_env *e = CONTAINER_OF(n, struct turn_env, link);
        for (LIST_EACH(m, &e->tasks)) {
            struct turn_task *t = CONTAINER_OF(m, struct turn_task, link);
            if (t->not_before_ms <= now_ms)
                return take(q, e, t);
            *at_ms = t->not_before_ms < *at_ms ? t->not_before_ms : *at_ms;
        }
        if (list_empty(&e->tasks)) {
            list_remove(&e->link);
            free(e);
        }
    }
    return 0;
}

void task_queue_fini(struct task_queue *q)
{
    for (struct list *n; (n = list_pop_front(&q->envs)) != NULL;) {
        struct turn_env *e = CONTAINER_OF(n, struct turn_env, link);
        for (struct list *m; (m = list_pop_front(&e->tasks)) != NULL;)
            free(CONTAINER_OF(m, struct turn_task, link));
        free(e);
    }
}
