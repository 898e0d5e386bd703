/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work comes in, attempts start in fair turns, outcomes are judged. See engine.h for the states and invariants.
 */
#include "engine/engine.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/engine_priv.h"
#include "engine/retry.h"

struct engine *engine_new(const struct engine_limits *limits, const struct engine_env *env)
{
    struct engine *e = mem_zalloc(1, sizeof *e);
    CHECK(limits->per_endpoint > 0 && limits->total > 0 && limits->resident_max >= 8);
    e->limits = *limits;
    e->env = *env;
    table_init(&e->endpoints);
    table_init(&e->workspaces);
    table_init(&e->hosts);
    table_init(&e->pieces);
    heap_init(&e->timers);
    heap_init(&e->paced);
    list_init(&e->active);
    list_init(&e->suspects_blocked);
    list_init(&e->idle);
    return e;
}

static void free_endpoint(struct table_node *n, void *arg)
{
    *(struct engine_endpoint **)arg = CONTAINER_OF(n, struct engine_endpoint, by_id);
}

void engine_free(struct engine *e)
{
    while (e->endpoints.len > 0) {
        struct engine_endpoint *any = NULL;
        table_each(&e->endpoints, free_endpoint, &any);
        endpoint_free(e, any);
    }
    while (e->free_pieces != NULL) {
        struct piece *p = e->free_pieces;
        e->free_pieces = (struct piece *)p->work.body;
        free(p);
    }
    table_fini(&e->endpoints);
    table_fini(&e->workspaces);
    table_fini(&e->hosts);
    table_fini(&e->pieces);
    heap_fini(&e->timers);
    heap_fini(&e->paced);
    free(e);
}

struct each_arg {
    oid_t app;
    void (*fn)(struct engine_endpoint *ep, void *arg);
    void *arg;
};

static void each_endpoint(struct table_node *n, void *arg)
{
    struct each_arg *each = arg;
    struct engine_endpoint *ep = CONTAINER_OF(n, struct engine_endpoint, by_id);
    if (each->app == 0 || (ep->ws != NULL && ep->ws->app == each->app))
        each->fn(ep, each->arg);
}

void engine_each(struct engine *e, oid_t app, void (*fn)(struct engine_endpoint *ep, void *arg), void *arg)
{
    struct each_arg each = {.app = app, .fn = fn, .arg = arg};
    table_each(&e->endpoints, each_endpoint, &each);
}

/* ---- work comes in ---- */

static bool has_room(const struct engine *e, const struct engine_endpoint *ep, const struct work *w, int64_t now_ms)
{
    if (w->due_ms > now_ms + e->limits.horizon_ms)
        return false;
    if (e->bytes > e->limits.bytes_max && ep->in_memory > 0)
        return false;
    if (ep->fifo) /* order: only behind everything that is in the store */
        return ep->stored_pos == TIME_NEVER && !ep->refilling && ep->in_memory < e->limits.resident_max;
    /* A backlog in the store keeps half of the room, so that the new cannot shut out the old. */
    size_t room = ep->stored_pos <= now_ms ? e->limits.resident_max / 2 : e->limits.resident_max;
    return ep->in_memory < room;
}

bool engine_add(struct engine *e, struct engine_endpoint *ep, const struct work *w, int64_t now_ms)
{
    bool taken = ep->configured && has_room(e, ep, w, now_ms) && piece_find(e, w->msg, ep->id) == NULL;
    if (taken)
        piece_add(e, ep, w, now_ms);
    else
        endpoint_mark(ep, w->pos);
    endpoint_arm(e, ep, now_ms);
    return taken;
}

/* ---- starting ---- */

/* Whether the workspace may send one more now; else it waits, with all of its endpoints. */
static bool pace_allows(struct engine *e, struct engine_workspace *ws, int64_t now_ms)
{
    if (ws->per_second == 0)
        return true;
    int64_t at_ms = e->env.workspace_pace(e->env.arg, ws->app, ws->per_second, now_ms);
    if (at_ms > now_ms)
        workspace_wait(e, ws, at_ms);
    return at_ms <= now_ms;
}

/* Starts one piece of the endpoint, or takes it out of the turns until something changes. Returns the list of those
 * that wait for the place that was missing, NULL if it was not for a place. */
static struct list *start_one(struct engine *e, struct engine_endpoint *ep, int64_t now_ms)
{
    int64_t at_ms;
    struct piece *p = queue_head(ep, now_ms, &at_ms);
    if (p == NULL || (ep->fifo && ep->busy > 0)) {
        endpoint_deactivate(ep);
        if (p == NULL)
            endpoint_arm(e, ep, now_ms);
        return NULL;
    }
    bool by_hand = p->work.trigger != TRIGGER_SCHEDULE;
    bool allowed = breaker_allows(&ep->breaker, ep->running, by_hand ? 0 : p->work.due_ms, now_ms, &at_ms);
    if (allowed) {
        int64_t ready_ms = rate_ready_ms(&ep->rate, now_ms);
        allowed = ready_ms <= now_ms;
        at_ms = ready_ms;
    }
    if (!allowed) {
        endpoint_deactivate(ep);
        if (at_ms != TIME_NEVER) {
            ep->blocked_until_ms = at_ms;
            endpoint_arm(e, ep, now_ms);
        }
        return NULL;
    }
    bool suspect = !ep->breaker.proven;
    if (suspect && e->suspects_running >= (e->limits.total + 1) / 2) {
        endpoint_deactivate(ep);
        return &e->suspects_blocked;
    }
    if (!e->env.host_acquire(e->env.arg, ep->host->gate)) {
        endpoint_deactivate(ep);
        return &ep->host->blocked;
    }
    if (!pace_allows(e, ep->ws, now_ms)) {
        e->env.host_release(e->env.arg, ep->host->gate);
        endpoint_let_in(e, &ep->host->blocked); /* the place may have been meant for another */
        return NULL;
    }
    rate_take(&ep->rate, now_ms);
    p->suspect = suspect;
    e->suspects_running += suspect ? 1 : 0;
    piece_begin(e, p);
    e->env.start(e->env.arg, &p->work);
    return NULL;
}

/*
 * One that was let in from those that wait for a place lets the next one in, whether it took the place or could not use
 * it, until one finds no place: it stays the first of those that wait. So no free place is forgotten.
 */
static void take_turn(struct engine *e, struct engine_endpoint *ep, int64_t now_ms)
{
    struct list *let_in = ep->let_in;
    ep->let_in = NULL;
    struct list *blocked = start_one(e, ep, now_ms);
    if (blocked != NULL && blocked == let_in)
        list_push_front(blocked, &ep->blocked);
    else if (blocked != NULL)
        list_push_back(blocked, &ep->blocked);
    if (let_in != NULL && blocked != let_in)
        endpoint_let_in(e, let_in);
}

/* One start per workspace and turn, one per endpoint and turn of its workspace. */
static void start_all(struct engine *e, int64_t now_ms)
{
    while (!e->paused && e->busy < e->limits.total) {
        struct list *n = list_pop_front(&e->active);
        if (n == NULL)
            return;
        struct engine_workspace *ws = CONTAINER_OF(n, struct engine_workspace, turn);
        list_push_back(&e->active, &ws->turn);
        struct list *m = list_pop_front(&ws->active);
        CHECK(m != NULL);
        list_push_back(&ws->active, m);
        take_turn(e, CONTAINER_OF(m, struct engine_endpoint, turn), now_ms);
    }
}

void engine_step(struct engine *e, int64_t now_ms)
{
    for (struct heap_node *h; (h = heap_pop_until(&e->timers, now_ms)) != NULL;) {
        struct engine_endpoint *ep = CONTAINER_OF(h, struct engine_endpoint, timer);
        endpoint_want_refill(e, ep, now_ms);
        if (e->paused && !ep->refilling) {
            heap_set(&e->timers, &ep->timer, now_ms + 100);
            continue;
        }
        endpoint_arm(e, ep, now_ms);
    }
    for (struct heap_node *h; (h = heap_pop_until(&e->paced, now_ms)) != NULL;)
        workspace_wait(e, CONTAINER_OF(h, struct engine_workspace, paced), 0);
    start_all(e, now_ms);
}

int64_t engine_next_ms(const struct engine *e)
{
    struct heap_node *h = heap_min(&e->timers), *p = heap_min(&e->paced);
    int64_t timer_ms = h != NULL ? h->key : TIME_NEVER, paced_ms = p != NULL ? p->key : TIME_NEVER;
    return timer_ms < paced_ms ? timer_ms : paced_ms;
}

void engine_pause(struct engine *e, bool paused)
{
    e->paused = paused;
}

/* ---- ending ---- */

/* A RUNNING piece ends: gives its places back and lets those in that waited for them. */
static void leave_places(struct engine *e, struct piece *p)
{
    struct engine_endpoint *ep = p->work.ep;
    CHECK(p->state == WORK_RUNNING);
    ep->running--;
    e->running--;
    e->env.host_release(e->env.arg, p->host->gate);
    engine_host_freed(e, p->host->name);
    engine_host_unref(e, p->host);
    p->host = NULL;
    if (!p->suspect)
        return;
    p->suspect = false;
    e->suspects_running--;
    endpoint_let_in(e, &e->suspects_blocked);
}

void engine_unstart(struct engine *e, struct work *w, int64_t now_ms)
{
    struct piece *p = CONTAINER_OF(w, struct piece, work);
    leave_places(e, p);
    p->work.ep->busy--;
    e->busy--;
    p->state = WORK_READY;
    piece_schedule(e, p, now_ms);
    endpoint_arm(e, p->work.ep, now_ms);
}

static void judge_health(struct engine *e, struct engine_endpoint *ep, bool success, bool exhausted, int64_t now_ms,
                         struct engine_verdict *v)
{
    struct endpoint_health *h = &ep->health;
    struct endpoint_health before = *h;
    bool unknown = !ep->health_known;
    h->ep = ep->id;
    endpoint_health_begin(h, ep->enabled_ms);
    if (success) {
        h->failing_since_ms = h->exhausted_since_ms = 0;
        ep->health_known = true;
    } else {
        if (h->failing_since_ms == 0)
            h->failing_since_ms = now_ms;
        if (exhausted && h->exhausted_since_ms == 0)
            h->exhausted_since_ms = now_ms;
        else if (exhausted && now_ms - h->exhausted_since_ms >= e->limits.disable_after_ms)
            v->disable = "failing";
    }
    v->health_changed = h->failing_since_ms != before.failing_since_ms ||
                        h->exhausted_since_ms != before.exhausted_since_ms || (success && unknown);
    v->health = *h;
    v->health.merge = unknown && !success;
    v->health.enabled_ms = ep->enabled_ms;
}

static void judge_failure(struct engine *e, struct work *w, const struct engine_outcome *o, int64_t now_ms,
                          struct engine_verdict *v)
{
    uint64_t random = e->env.random(e->env.arg);
    int64_t delay = retry_delay_ms(o->schedule_ms, o->schedule_count, w->tries, o->retry_after_ms, random);
    bool exhausted = delay < 0 || o->final;
    v->status = exhausted ? DELIVERY_FAIL : DELIVERY_PENDING;
    v->reason = o->final ? REASON_EXPIRED : exhausted ? REASON_EXHAUSTED : REASON_NONE;
    v->due_ms = exhausted ? 0 : now_ms + delay;
    judge_health(e, w->ep, false, exhausted && !o->final, now_ms, v);
}

void engine_outcome(struct engine *e, struct work *w, const struct engine_outcome *o, int64_t now_ms,
                    struct engine_verdict *v)
{
    struct piece *p = CONTAINER_OF(w, struct piece, work);
    struct engine_endpoint *ep = w->ep;
    bool scheduled = w->trigger == TRIGGER_SCHEDULE;
    *v = (struct engine_verdict){.status = DELIVERY_FAIL, .health = ep->health};
    leave_places(e, p);
    p->state = WORK_RECORDING;
    ep->blocked_until_ms = 0;
    if (o->success)
        breaker_success(&ep->breaker);
    else if (o->breaker_counts)
        breaker_failure(&ep->breaker, w->msg, !scheduled, now_ms, e->env.random(e->env.arg));
    if (scheduled)
        w->tries++;
    if (o->success) {
        v->status = DELIVERY_SUCCESS;
        judge_health(e, ep, true, false, now_ms, v);
    } else if (scheduled) {
        judge_failure(e, w, o, now_ms, v);
    }
    if (o->gone)
        v->disable = "gone";
    w->due_ms = v->due_ms;
    v->in_order = ep->fifo;
    if (!ep->fifo)
        w->pos = v->due_ms;
    endpoint_arm(e, ep, now_ms);
}

void engine_recorded(struct engine *e, struct work *w, bool again, int64_t now_ms)
{
    struct piece *p = CONTAINER_OF(w, struct piece, work);
    struct engine_endpoint *ep = w->ep;
    CHECK(p->state == WORK_RECORDING);
    ep->busy--;
    e->busy--;
    bool reread = p->reread != ep->reread;
    bool look_again = again || reread || p->recheck || w->trigger != TRIGGER_SCHEDULE;
    p->recheck = false;
    if (look_again && ep->fifo) { /* it may come first still: what stands behind it waits until it was read again */
        ep->refill_stale = ep->refilling;
        queue_clear(e, ep);
    }
    bool stays = w->due_ms != 0 && ep->configured && !look_again &&
                 (ep->fifo || w->due_ms <= now_ms + e->limits.horizon_ms);
    if (stays) {
        piece_schedule(e, p, now_ms);
    } else {
        if (look_again) /* its place in the store is not known */
            endpoint_mark(ep, 0);
        else if (w->due_ms != 0)
            endpoint_mark(ep, w->pos);
        piece_drop(e, p);
    }
    if (ep->closing)
        endpoint_settle(e, ep);
    else
        endpoint_arm(e, ep, now_ms);
}

void engine_stats(const struct engine *e, struct engine_stats *out)
{
    *out = (struct engine_stats){.endpoints = e->endpoints.len,
                                 .running = (size_t)e->running,
                                 .recording = (size_t)(e->busy - e->running),
                                 .in_memory = e->in_memory,
                                 .bytes = e->bytes};
    for (size_t i = 0; e->endpoints.buckets != NULL && i <= e->endpoints.mask; i++)
        for (const struct table_node *n = e->endpoints.buckets[i]; n != NULL; n = n->next)
            if (CONTAINER_OF(n, const struct engine_endpoint, by_id)->breaker.state == BREAKER_OPEN)
                out->breakers_open++;
}
