/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints, the workspaces they take turns in, the hosts they share, and the mark that says what of their work is only
 * in the store.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine_priv.h"

/* A refill begins this long before its work is due, so that reading it makes nothing late. */
#define REFILL_AHEAD_MS 500
/* After a refill that could not be read. */
#define REFILL_AGAIN_MS 1000
/* An endpoint may have this much in memory whatever the others have. */
#define RESIDENT_MIN 4
/* So much that is asked for by hand is read at once, and finds room beyond that of all others. */
#define BY_HAND_ROOM 16

static uint64_t hash_name(const char *name)
{
    return hash_sip((struct hash_key){0x706f7374, 0x72696465}, name, strlen(name));
}

/* ---- hosts ---- */

static struct engine_host *host_find(struct engine *e, const char *name)
{
    for (struct table_node *n = table_find(&e->hosts, hash_name(name)); n != NULL; n = table_next(n)) {
        struct engine_host *h = CONTAINER_OF(n, struct engine_host, by_name);
        if (strcmp(h->name, name) == 0)
            return h;
    }
    return NULL;
}

static struct engine_host *host_ref(struct engine *e, const char *name)
{
    struct engine_host *h = host_find(e, name);
    if (h == NULL) {
        h = mem_zalloc(1, sizeof *h);
        h->name = mem_strndup(name, strlen(name));
        h->gate = e->env.host_open(e->env.arg, name);
        list_init(&h->blocked);
        table_insert(&e->hosts, &h->by_name, hash_name(name));
    }
    h->refs++;
    return h;
}

void engine_host_unref(struct engine *e, struct engine_host *h)
{
    if (h == NULL || --h->refs > 0)
        return;
    table_remove(&e->hosts, &h->by_name);
    e->env.host_close(e->env.arg, h->gate);
    free(h->name);
    free(h);
}

void engine_host_freed(struct engine *e, const char *host)
{
    struct engine_host *h = host_find(e, host);
    if (h != NULL)
        endpoint_let_in(e, &h->blocked);
}

static void activate_all(struct engine *e, struct list *blocked)
{
    for (struct list *n; (n = list_pop_front(blocked)) != NULL;)
        endpoint_activate(e, CONTAINER_OF(n, struct engine_endpoint, blocked));
}

static void unblock_host(struct table_node *n, void *arg)
{
    activate_all(arg, &CONTAINER_OF(n, struct engine_host, by_name)->blocked);
}

void engine_retry_blocked(struct engine *e)
{
    table_each(&e->hosts, unblock_host, e);
    activate_all(e, &e->suspects_blocked);
}

/* ---- workspaces ---- */

static struct engine_workspace *workspace_meet(struct engine *e, oid_t app)
{
    struct table_node *n = table_find(&e->workspaces, hash_u64((uint64_t)app));
    for (; n != NULL; n = table_next(n)) {
        struct engine_workspace *ws = CONTAINER_OF(n, struct engine_workspace, by_id);
        if (ws->app == app)
            return ws;
    }
    struct engine_workspace *ws = mem_zalloc(1, sizeof *ws);
    ws->app = app;
    list_init(&ws->endpoints);
    list_init(&ws->active);
    list_init(&ws->turn);
    table_insert(&e->workspaces, &ws->by_id, hash_u64((uint64_t)app));
    return ws;
}

static void leave_workspace(struct engine *e, struct engine_endpoint *ep)
{
    struct engine_workspace *ws = ep->ws;
    endpoint_deactivate(ep);
    list_remove(&ep->of_workspace);
    ep->ws = NULL;
    if (ws == NULL || !list_empty(&ws->endpoints))
        return;
    heap_remove(&e->paced, &ws->paced);
    table_remove(&e->workspaces, &ws->by_id);
    free(ws);
}

void workspace_wait(struct engine *e, struct engine_workspace *ws, int64_t until_ms)
{
    if (until_ms != 0) {
        list_remove(&ws->turn);
        heap_set(&e->paced, &ws->paced, until_ms);
        return;
    }
    heap_remove(&e->paced, &ws->paced);
    if (!list_empty(&ws->active) && !list_on(&ws->turn))
        list_push_back(&e->active, &ws->turn);
}

/* It waits for no place any more, and a place that it was offered goes to the next. */
static void leave_blocked(struct engine *e, struct engine_endpoint *ep)
{
    struct list *let_in = ep->let_in;
    ep->let_in = NULL;
    list_remove(&ep->blocked);
    if (let_in != NULL)
        endpoint_let_in(e, let_in);
}

/* ---- endpoints ---- */

struct engine_endpoint *engine_find(struct engine *e, oid_t id)
{
    struct table_node *n = table_find(&e->endpoints, hash_u64((uint64_t)id));
    for (; n != NULL; n = table_next(n)) {
        struct engine_endpoint *ep = CONTAINER_OF(n, struct engine_endpoint, by_id);
        if (ep->id == id)
            return ep;
    }
    return NULL;
}

struct engine_endpoint *engine_meet(struct engine *e, oid_t id)
{
    struct engine_endpoint *ep = engine_find(e, id);
    if (ep != NULL)
        return ep;
    ep = mem_zalloc(1, sizeof *ep);
    ep->id = id;
    ep->stored_pos = ep->by_hand_pos = TIME_NEVER;
    list_init(&ep->of_workspace);
    list_init(&ep->turn);
    list_init(&ep->blocked);
    list_init(&ep->ready);
    list_init(&ep->tombstones);
    list_init(&ep->idle);
    heap_init(&ep->waiting);
    breaker_init(&ep->breaker, e->limits.per_endpoint);
    table_insert(&e->endpoints, &ep->by_id, hash_u64((uint64_t)id));
    return ep;
}

/* ---- endpoints with nothing to do ---- */

static void set_idle(struct engine *e, struct engine_endpoint *ep, bool idle)
{
    if (idle == list_on(&ep->idle))
        return;
    if (idle) {
        list_push_back(&e->idle, &ep->idle);
        e->idle_count++;
    } else {
        list_remove(&ep->idle);
        e->idle_count--;
    }
}

/* Nothing that would be lost: no work here or in the store, nothing learnt that must be remembered. */
static bool is_idle(const struct engine_endpoint *ep)
{
    return ep->in_memory == 0 && ep->busy == 0 && !ep->refilling && ep->stored_pos == TIME_NEVER &&
           ep->by_hand_pos == TIME_NEVER && !ep->closing && ep->breaker.state == BREAKER_CLOSED &&
           ep->breaker.failures == 0;
}

/* Endpoints are many and few have something to do: those idle for longest are forgotten, and met again when needed. */
static void forget_idle(struct engine *e, int64_t now_ms)
{
    while (e->idle_count > e->limits.idle_max) {
        struct list *n = list_first(&e->idle);
        struct engine_endpoint *ep = n != NULL ? CONTAINER_OF(n, struct engine_endpoint, idle) : NULL;
        if (ep == NULL || rate_ready_ms(&ep->rate, now_ms) > now_ms) /* its rate must still be kept */
            return;
        endpoint_free(e, ep);
    }
}

void endpoint_free(struct engine *e, struct engine_endpoint *ep)
{
    CHECK(ep->busy == 0);
    set_idle(e, ep, false);
    ep->refilling = false;
    queue_clear(e, ep);
    e->env.forget(e->env.arg, ep);
    queue_free_tombstones(e, ep);
    heap_fini(&ep->waiting);
    heap_remove(&e->timers, &ep->timer);
    leave_blocked(e, ep);
    leave_workspace(e, ep);
    engine_host_unref(e, ep->host);
    table_remove(&e->endpoints, &ep->by_id);
    free(ep);
}

void engine_configure(struct engine *e, struct engine_endpoint *ep, const struct engine_config *c, int64_t now_ms)
{
    if (ep->ws == NULL || ep->ws->app != c->app) {
        leave_workspace(e, ep);
        ep->ws = workspace_meet(e, c->app);
        list_push_back(&ep->ws->endpoints, &ep->of_workspace);
    }
    if (ep->host == NULL || strcmp(ep->host->name, c->host) != 0) {
        struct engine_host *old = ep->host;
        leave_blocked(e, ep);
        ep->host = host_ref(e, c->host);
        engine_host_unref(e, old);
    }
    if (ep->fifo != c->fifo)
        queue_set_fifo(e, ep, c->fifo);
    rate_set(&ep->rate, c->rate_per_second);
    if (ep->ws->per_second != c->workspace_per_second)
        workspace_wait(e, ep->ws, 0); /* finds out anew */
    ep->ws->per_second = c->workspace_per_second;
    if (!ep->configured) /* what the store has of it comes first, in its order */
        endpoint_mark(ep, 0);
    ep->configured = true;
    ep->closing = false;
    ep->enabled_ms = c->enabled_ms;
    ep->blocked_until_ms = 0;
    endpoint_arm(e, ep, now_ms);
}

void engine_close_endpoint(struct engine *e, struct engine_endpoint *ep)
{
    ep->configured = false;
    ep->closing = true;
    ep->stored_pos = ep->by_hand_pos = TIME_NEVER;
    ep->refill_mark = TIME_NEVER;
    queue_clear(e, ep);
    endpoint_deactivate(ep);
    leave_blocked(e, ep);
    heap_remove(&e->timers, &ep->timer);
    endpoint_settle(e, ep);
}

void endpoint_settle(struct engine *e, struct engine_endpoint *ep)
{
    if (!ep->closing || ep->busy > 0 || ep->refilling)
        return;
    endpoint_free(e, ep);
}

void engine_set_health(struct engine_endpoint *ep, const struct endpoint_health *stored)
{
    if (!ep->health_known)
        endpoint_health_merge(&ep->health, *stored, ep->enabled_ms);
    ep->health_known = true;
}

oid_t engine_endpoint_id(const struct engine_endpoint *ep)
{
    return ep->id;
}

void *engine_endpoint_user(const struct engine_endpoint *ep)
{
    return ep->user;
}

void engine_endpoint_set_user(struct engine_endpoint *ep, void *user)
{
    ep->user = user;
}

const struct breaker *engine_endpoint_breaker(const struct engine_endpoint *ep)
{
    return &ep->breaker;
}

/* ---- turns ---- */

void endpoint_deactivate(struct engine_endpoint *ep)
{
    list_remove(&ep->turn);
    if (ep->ws != NULL && list_empty(&ep->ws->active))
        list_remove(&ep->ws->turn);
}

void endpoint_activate(struct engine *e, struct engine_endpoint *ep)
{
    if (ep->ws == NULL || !ep->configured || list_on(&ep->turn) || list_on(&ep->blocked))
        return;
    list_push_back(&ep->ws->active, &ep->turn);
    if (!list_on(&ep->ws->turn) && !heap_on(&ep->ws->paced))
        list_push_back(&e->active, &ep->ws->turn);
}

void endpoint_let_in(struct engine *e, struct list *blocked)
{
    for (struct list *n; (n = list_pop_front(blocked)) != NULL;) {
        struct engine_endpoint *ep = CONTAINER_OF(n, struct engine_endpoint, blocked);
        CHECK(ep->configured && !list_on(&ep->turn));
        bool paced = ep->ws != NULL && heap_on(&ep->ws->paced); /* it asks again when its workspace may send */
        ep->let_in = paced ? NULL : blocked;
        endpoint_activate(e, ep);
        if (!paced)
            return;
    }
}

/* ---- what is only in the store ---- */

void endpoint_mark(struct engine_endpoint *ep, int64_t pos)
{
    if (pos < ep->stored_pos)
        ep->stored_pos = pos;
    if (ep->refilling && pos < ep->refill_mark)
        ep->refill_mark = pos;
}

static void mark_by_hand(struct engine_endpoint *ep, int64_t pos)
{
    if (pos < ep->by_hand_pos)
        ep->by_hand_pos = pos;
}

static bool wants_by_hand(const struct engine *e, const struct engine_endpoint *ep)
{
    return ep->by_hand_pos != TIME_NEVER && ep->in_memory < e->limits.resident_max + BY_HAND_ROOM;
}

/* When the next refill should begin, TIME_NEVER if none is needed or possible now. */
static int64_t refill_at_ms(const struct engine *e, const struct engine_endpoint *ep)
{
    if (!ep->refilling && wants_by_hand(e, ep))
        return ep->refill_not_before_ms;
    if (ep->refilling || ep->stored_pos == TIME_NEVER || ep->in_memory > e->limits.resident_max / 2)
        return TIME_NEVER;
    if (e->bytes > e->limits.bytes_max && ep->in_memory >= RESIDENT_MIN)
        return TIME_NEVER;
    /* pos is a time: of a FIFO endpoint that of the commit, and only its own order counts. */
    int64_t at = ep->fifo ? 0 : ep->stored_pos - REFILL_AHEAD_MS;
    return at > ep->refill_not_before_ms ? at : ep->refill_not_before_ms;
}

void endpoint_want_refill(struct engine *e, struct engine_endpoint *ep, int64_t now_ms)
{
    if (e->paused || refill_at_ms(e, ep) > now_ms)
        return;
    if (wants_by_hand(e, ep)) {
        int64_t from_pos = ep->by_hand_pos;
        ep->by_hand_pos = TIME_NEVER;
        ep->refilling = ep->refilling_by_hand = true;
        e->env.refill(e->env.arg, ep, from_pos, PLACE_BY_HAND_MAX, BY_HAND_ROOM);
        return;
    }
    size_t room = e->bytes > e->limits.bytes_max ? RESIDENT_MIN : e->limits.resident_max - ep->in_memory;
    ep->refilling = true;
    ep->refill_mark = TIME_NEVER;
    /* What lies before the mark is in memory: reading it again would only be in the way of what is not. */
    e->env.refill(e->env.arg, ep, ep->stored_pos, ep->fifo ? TIME_NEVER : now_ms + e->limits.horizon_ms, room);
}

void endpoint_arm(struct engine *e, struct engine_endpoint *ep, int64_t now_ms)
{
    int64_t due_ms;
    if (queue_head(ep, now_ms, &due_ms) != NULL) {
        due_ms = ep->blocked_until_ms > now_ms ? ep->blocked_until_ms : TIME_NEVER;
        if (due_ms == TIME_NEVER) /* its turn, or what blocks it, brings it back */
            endpoint_activate(e, ep);
    }
    set_idle(e, ep, is_idle(ep));
    int64_t at = refill_at_ms(e, ep);
    if (due_ms < at)
        at = due_ms;
    if (at == TIME_NEVER)
        heap_remove(&e->timers, &ep->timer);
    else if (!heap_on(&ep->timer) || ep->timer.key != at)
        heap_set(&e->timers, &ep->timer, at);
    if (e->idle_count > e->limits.idle_max)
        forget_idle(e, now_ms);
}

void engine_pending(struct engine *e, struct engine_endpoint *ep, int64_t pos, int64_t now_ms)
{
    endpoint_mark(ep, pos);
    endpoint_arm(e, ep, now_ms);
}

void engine_by_hand(struct engine *e, struct engine_endpoint *ep, int64_t now_ms)
{
    if (ep->fifo)
        endpoint_mark(ep, 0);
    else
        mark_by_hand(ep, 0);
    endpoint_arm(e, ep, now_ms);
}

/* The store's row says that somebody asked for an attempt by hand; ours is in memory already. */
static void merge_row(struct engine *e, struct piece *p, const struct work *row, int64_t now_ms)
{
    if (row->trigger == TRIGGER_SCHEDULE || p->work.trigger != TRIGGER_SCHEDULE || p->state == WORK_TOMBSTONE)
        return;
    if (p->state == WORK_RUNNING || p->state == WORK_RECORDING) {
        p->recheck = true;
        return;
    }
    p->work.trigger = row->trigger;
    p->work.due_ms = now_ms;
    piece_schedule(e, p, now_ms);
}

/* Where the next refill begins. took: a row was new here. */
static void move_mark(struct engine_endpoint *ep, int64_t next_pos, bool failed, bool took, int64_t now_ms)
{
    bool by_hand = ep->refilling_by_hand;
    if (by_hand && !failed && next_pos <= PLACE_BY_HAND_MAX)
        mark_by_hand(ep, next_pos);
    else if (by_hand && failed)
        mark_by_hand(ep, 0);
    else if (!by_hand && !failed)
        ep->stored_pos = next_pos < ep->refill_mark ? next_pos : ep->refill_mark;
    /* More stand at one place than are read at once: the first must go before the others can be seen. */
    if (failed || (by_hand && !took && next_pos <= PLACE_BY_HAND_MAX))
        ep->refill_not_before_ms = now_ms + REFILL_AGAIN_MS;
    if (ep->refill_stale)
        ep->stored_pos = 0;
    if (!ep->configured)
        ep->stored_pos = ep->by_hand_pos = TIME_NEVER;
}

void engine_refilled(struct engine *e, struct engine_endpoint *ep, const struct work *rows, size_t count,
                     int64_t next_pos, bool failed, int64_t now_ms)
{
    CHECK(ep->refilling);
    bool took = false;
    for (size_t i = 0; i < count; i++) {
        struct work row = rows[i];
        row.ep = ep;
        struct piece *p = piece_find(e, row.msg, ep->id);
        if (ep->refill_stale) {
            ;
        } else if (p != NULL) {
            if (p->state == WORK_TOMBSTONE && row.trigger != TRIGGER_SCHEDULE)
                row.pos <= PLACE_BY_HAND_MAX ? mark_by_hand(ep, row.pos) : endpoint_mark(ep, row.pos);
            merge_row(e, p, &row, now_ms);
        } else if (ep->configured) {
            piece_add(e, ep, &row, now_ms);
            took = true;
            continue;
        }
        e->env.release(e->env.arg, &row);
    }
    move_mark(ep, next_pos, failed, took, now_ms);
    ep->refilling = ep->refilling_by_hand = ep->refill_stale = false;
    queue_free_tombstones(e, ep);
    if (ep->closing)
        endpoint_settle(e, ep);
    else
        endpoint_arm(e, ep, now_ms);
}

void engine_reread(struct engine *e, struct engine_endpoint *ep, int64_t now_ms)
{
    if (!ep->configured)
        return; /* it has nothing in memory, and reads all when it is */
    ep->reread++;
    ep->refill_stale = ep->refilling;
    endpoint_mark(ep, 0);
    queue_clear(e, ep);
    endpoint_arm(e, ep, now_ms);
}

void engine_forget(struct engine *e, struct engine_endpoint *ep, oid_t msg, int64_t now_ms)
{
    struct piece *p = piece_find(e, msg, ep->id);
    if (p != NULL) {
        if (p->state == WORK_TOMBSTONE)
            return;
        if (p->state == WORK_RUNNING || p->state == WORK_RECORDING) {
            p->recheck = true;
            return;
        }
    } else if (ep->refilling && ep->configured) {
        /* A refill may have read it: only a tombstone keeps that row out. */
        p = piece_add(e, ep, &(struct work){.msg = msg, .due_ms = TIME_NEVER, .pos = TIME_NEVER}, now_ms);
    } else {
        return;
    }
    piece_drop(e, p);
    endpoint_arm(e, ep, now_ms);
}
