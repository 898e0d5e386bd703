/* SPDX-License-Identifier: Apache-2.0 */
#include "transform/turns.h"

#include <stdlib.h>

#include "base/mem.h"

struct turn_ep {
    struct list node; /* turn_app.eps */
    oid_t ep;
    struct list jobs;
};

struct turn_app {
    struct list node; /* turns.apps */
    oid_t app;
    struct list eps;
    size_t count;
};

void turns_init(struct turns *t)
{
    list_init(&t->apps);
    t->count = 0;
}

/* Only those that wait are on the lists: they are short, or there is trouble that dwarfs a walk. */
static struct turn_app *find_app(struct turns *t, oid_t app)
{
    for (LIST_EACH(pos, &t->apps)) {
        struct turn_app *a = CONTAINER_OF(pos, struct turn_app, node);
        if (a->app == app)
            return a;
    }
    struct turn_app *a = mem_zalloc(1, sizeof *a);
    a->app = app;
    list_init(&a->node);
    list_init(&a->eps);
    list_push_back(&t->apps, &a->node);
    return a;
}

static struct turn_ep *find_ep(struct turn_app *a, oid_t ep)
{
    for (LIST_EACH(pos, &a->eps)) {
        struct turn_ep *e = CONTAINER_OF(pos, struct turn_ep, node);
        if (e->ep == ep)
            return e;
    }
    struct turn_ep *e = mem_zalloc(1, sizeof *e);
    e->ep = ep;
    list_init(&e->node);
    list_init(&e->jobs);
    list_push_back(&a->eps, &e->node);
    return e;
}

bool turns_add(struct turns *t, struct transform_job *job)
{
    struct turn_app *a = find_app(t, job->app);
    if (a->count >= TURNS_PER_APP_MAX)
        return false;
    list_push_back(&find_ep(a, job->ep)->jobs, &job->node);
    a->count++;
    t->count++;
    return true;
}

/* There is one: empty lists are not kept. */
static struct list *pop(struct list *head)
{
    struct list *n = list_pop_front(head);
    CHECK(n != NULL);
    return n;
}

struct transform_job *turns_take(struct turns *t)
{
    if (list_empty(&t->apps))
        return NULL;
    struct turn_app *a = CONTAINER_OF(pop(&t->apps), struct turn_app, node);
    struct turn_ep *e = CONTAINER_OF(pop(&a->eps), struct turn_ep, node);
    struct transform_job *job = CONTAINER_OF(pop(&e->jobs), struct transform_job, node);
    a->count--;
    t->count--;
    if (list_empty(&e->jobs))
        free(e);
    else
        list_push_back(&a->eps, &e->node);
    if (list_empty(&a->eps))
        free(a);
    else
        list_push_back(&t->apps, &a->node);
    return job;
}
