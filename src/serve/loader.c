/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads for the engines, on one thread, so that a reactor never waits for the disk: due work of an endpoint, its
 * health, a workspace's new snapshot. Results go back as tasks; jobs of one endpoint stay in order.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "serve/reactor.h"
#include "sys/clock.h"

/* A snapshot that cannot be read is asked for again, for half a minute. */
#define RELOAD_TRIES_MAX 300
#define RELOAD_AGAIN_US  100000
#define REFILL_BYTES_MAX ((size_t)4 << 20)

/* ---- due work ---- */

struct refill {
    struct pool_job job;
    struct loop_task task;
    struct reactor *reactor;
    struct engine_endpoint *engine;
    oid_t ep;
    int64_t from_pos;
    int64_t until_pos;
    size_t limit;
    bool want_health;
    /* results */
    const struct workspace *ws; /* a reference; NULL: gone, or could not be read */
    bool failed;
    struct work *rows;
    size_t count;
    int64_t next_pos;
    struct endpoint_health health; /* ep = 0: not read */
};

/* On the reactor: configuration first, so that rows can be taken. */
static void finish_refill(struct loop_task *task)
{
    struct refill *f = CONTAINER_OF(task, struct refill, task);
    struct reactor *r = f->reactor;
    int64_t now_ms = clock_wall_ms();
    struct target *t = engine_endpoint_user(f->engine);
    if (t == NULL && f->ws != NULL)
        t = target_apply(r, f->ws, f->ep);
    if (t == NULL && !f->failed)
        engine_close_endpoint(r->engine, f->engine); /* stays until the refill is in */
    if (t != NULL && f->health.ep != 0 && !t->health_known) {
        t->health_known = true;
        engine_set_health(f->engine, &f->health);
    }
    engine_refilled(r->engine, f->engine, f->rows, f->count, f->next_pos, f->failed, now_ms);
    if (f->ws != NULL)
        catalog_unref(f->ws);
    free(f->rows);
    free(f);
}

static enum err load_workspace(struct shared *s, struct store_reader *reader, struct arena *a, oid_t ep,
                               const struct workspace **out)
{
    struct object o;
    enum err e = store_get_object(reader, a, OBJ_ENDPOINT, ep, &o);
    if (e != ERR_OK)
        return e;
    *out = catalog_get(s->catalog, o.app);
    return *out != NULL ? ERR_OK : catalog_load(s->catalog, reader, o.app, out);
}

static enum err load_rows(struct refill *f, struct store_reader *reader, struct arena *a)
{
    struct shared *s = f->reactor->shared;
    struct pending_query q = {.ep = f->ep,
                              .from_pos = f->from_pos,
                              .until_pos = f->until_pos,
                              .limit = f->limit,
                              .bytes_max = REFILL_BYTES_MAX};
    struct pending_delivery *found;
    size_t count;
    enum err e = store_load_pending(reader, a, &q, &found, &count, &f->next_pos);
    if (e != ERR_OK)
        return e;
    f->rows = mem_zalloc(count, sizeof f->rows[0]);
    for (size_t i = 0; i < count; i++) {
        const struct delivery *d = &found[i].delivery;
        struct body *b = body_new(&found[i].message, s->id_key);
        (void)catalog_profile_get(s->catalog, reader, d->profile_version); /* so that the reactor finds it in memory */
        f->rows[f->count++] = (struct work){.msg = d->msg,
                                            .profile_version = d->profile_version,
                                            .transform = d->transform,
                                            .tries = d->tries,
                                            .trigger = d->request,
                                            .due_ms = d->request != TRIGGER_SCHEDULE ? d->pos : d->due_ms,
                                            .pos = d->pos,
                                            .body_bytes = b->bytes,
                                            .body = b};
    }
    return ERR_OK;
}

static void run_refill(struct pool_job *job, struct store_reader *reader)
{
    struct refill *f = CONTAINER_OF(job, struct refill, job);
    struct arena *a = arena_new(65536);
    f->next_pos = TIME_NEVER;
    enum err e = load_workspace(f->reactor->shared, reader, a, f->ep, &f->ws);
    if (e == ERR_OK)
        e = load_rows(f, reader, a);
    if (e == ERR_OK && f->want_health && store_get_health(reader, f->ep, &f->health) == ERR_OK)
        f->health.ep = f->ep;
    f->failed = e != ERR_OK && e != ERR_NOT_FOUND;
    if (f->failed)
        log_warn("refill_failed", LOG_CSTR("error", err_text(e)));
    arena_free(a);
    f->task.run = finish_refill;
    loop_post(f->reactor->loop, &f->task);
}

void loader_refill(struct reactor *r, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit)
{
    struct refill *f = mem_zalloc(1, sizeof *f);
    f->job.run = run_refill;
    f->reactor = r;
    f->engine = ep;
    f->ep = engine_endpoint_id(ep);
    f->from_pos = from_pos;
    f->until_pos = until_pos;
    f->limit = limit;
    struct target *t = engine_endpoint_user(ep);
    f->want_health = t == NULL || !t->health_known;
    pool_submit_always(r->shared->loader, &f->job);
}

/* ---- new snapshots ---- */

struct fresh {
    struct loop_task task;
    struct reactor *reactor;
    oid_t app;
    const struct workspace *ws; /* a reference, or NULL: the workspace is gone */
};

struct reload_job {
    struct pool_job job;
    int tries;
    struct shared *shared;
    oid_t app;
};

static void apply_fresh(struct loop_task *task)
{
    struct fresh *f = CONTAINER_OF(task, struct fresh, task);
    targets_reload(f->reactor, f->app, f->ws);
    if (f->ws != NULL)
        catalog_unref(f->ws);
    free(f);
}

static void give_to_all(struct shared *s, oid_t app, const struct workspace *ws)
{
    for (unsigned i = 0; i < s->reactor_count; i++) {
        struct fresh *f = mem_zalloc(1, sizeof *f);
        f->task.run = apply_fresh;
        f->reactor = &s->reactors[i];
        f->app = app;
        f->ws = ws;
        if (ws != NULL)
            catalog_ref(ws);
        loop_post(f->reactor->loop, &f->task);
    }
}

static void run_reload(struct pool_job *job, struct store_reader *reader)
{
    struct reload_job *j = CONTAINER_OF(job, struct reload_job, job);
    struct shared *s = j->shared;
    const struct workspace *ws = catalog_get(s->catalog, j->app);
    enum err e = ws != NULL ? ERR_OK : catalog_load(s->catalog, reader, j->app, &ws);
    if (e == ERR_OK) {
        give_to_all(s, j->app, ws);
        catalog_unref(ws);
    } else if (e == ERR_NOT_FOUND) {
        give_to_all(s, j->app, NULL);
    } else if (++j->tries < RELOAD_TRIES_MAX && !atomic_load(&s->draining)) {
        usleep(RELOAD_AGAIN_US); /* this thread only reads for the engines, and cannot now */
        pool_submit_always(s->loader, &j->job);
        return;
    } else {
        log_error("reload_failed", LOG_CSTR("error", err_text(e)));
    }
    free(j);
}

void loader_reload(struct shared *s, oid_t app)
{
    struct reload_job *j = mem_zalloc(1, sizeof *j);
    j->job.run = run_reload;
    j->shared = s;
    j->app = app;
    pool_submit_always(s->loader, &j->job);
}

/* ---- news of pending work ---- */

struct news {
    struct loop_task task;
    struct reactor *reactor;
    oid_t ep;
    int64_t pos;
    bool by_hand;
};

/* A piece of news about an endpoint's pending work as a whole. */
struct reread {
    struct loop_task task;
    struct reactor *reactor;
    oid_t ep;
};

struct expunged {
    struct loop_task task;
    struct reactor *reactor;
    oid_t msg;
    oid_t ep;
};

static void apply_news(struct loop_task *task)
{
    struct news *n = CONTAINER_OF(task, struct news, task);
    struct engine *e = n->reactor->engine;
    struct engine_endpoint *ep = engine_meet(e, n->ep);
    if (n->by_hand)
        engine_by_hand(e, ep, clock_wall_ms());
    else
        engine_pending(e, ep, n->pos, clock_wall_ms());
    free(n);
}

static void post_news(struct shared *s, const struct news *like)
{
    struct news *n = mem_zalloc(1, sizeof *n);
    *n = *like;
    n->task.run = apply_news;
    n->reactor = reactor_of(s, n->ep);
    loop_post(n->reactor->loop, &n->task);
}

void loader_pending(struct shared *s, oid_t ep, int64_t pos)
{
    post_news(s, &(struct news){.ep = ep, .pos = pos});
}

void loader_by_hand(struct shared *s, oid_t ep)
{
    post_news(s, &(struct news){.ep = ep, .by_hand = true});
}

static void apply_expunged(struct loop_task *task)
{
    struct expunged *x = CONTAINER_OF(task, struct expunged, task);
    struct engine *e = x->reactor->engine;
    struct engine_endpoint *ep = engine_find(e, x->ep);
    if (ep != NULL)
        engine_forget(e, ep, x->msg, clock_wall_ms());
    free(x);
}

void loader_expunged(struct shared *s, oid_t msg, oid_t ep)
{
    struct expunged *x = mem_zalloc(1, sizeof *x);
    x->task.run = apply_expunged;
    x->reactor = reactor_of(s, ep);
    x->msg = msg;
    x->ep = ep;
    loop_post(x->reactor->loop, &x->task);
}

static void apply_reread(struct loop_task *task)
{
    struct reread *x = CONTAINER_OF(task, struct reread, task);
    struct engine *e = x->reactor->engine;
    struct engine_endpoint *ep = engine_find(e, x->ep);
    if (ep != NULL)
        engine_reread(e, ep, clock_wall_ms());
    free(x);
}

void loader_reread(struct shared *s, oid_t ep)
{
    struct reread *x = mem_zalloc(1, sizeof *x);
    x->task.run = apply_reread;
    x->reactor = reactor_of(s, ep);
    x->ep = ep;
    loop_post(x->reactor->loop, &x->task);
}

enum err loader_start(struct shared *s, struct store_reader *reader, size_t *endpoints)
{
    oid_t after = 0;
    *endpoints = 0;
    for (;;) {
        struct arena *a = arena_new(65536);
        struct pending_summary *list;
        size_t count;
        enum err e = store_list_pending(reader, a, after, 1000, &list, &count);
        for (size_t i = 0; e == ERR_OK && i < count; i++)
            loader_pending(s, list[i].ep, list[i].pos);
        if (e == ERR_OK && count > 0)
            after = list[count - 1].ep;
        arena_free(a);
        if (e != ERR_OK)
            return e;
        *endpoints += count;
        if (count < 1000)
            return ERR_OK;
    }
}
