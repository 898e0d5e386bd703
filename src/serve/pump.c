/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the engine's decisions to requests on the wire, and from their results to records in the store.
 *
 * A flight is one attempt: request, result, record, all in one object that is used again. It belongs to the reactor;
 * its strings live until the record is committed.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "serve/flight.h"
#include "serve/live.h"
#include "serve/pace.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

#define HEADERS_BYTES_MAX (416u * 1024)
#define NO_SECRET         "the endpoint has no secret that its profile can sign with: rotate its secret"
#define CAPTURE_BYTES_MAX (ATTEMPT_BODY_MAX + 96u * 1024)

static uint64_t draw(void *arg)
{
    struct reactor *r = arg; /* xorshift128+ (Vigna 2014); jitter only */
    uint64_t x = r->random_state[0], y = r->random_state[1];
    r->random_state[0] = y;
    x ^= x << 23;
    r->random_state[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
    return r->random_state[1] + y;
}

static struct flight *new_flight(struct reactor *r)
{
    struct flight *f = r->free_flights;
    if (f != NULL) {
        r->free_flights = f->next_free;
    } else {
        f = mem_zalloc(1, sizeof *f);
        list_init(&f->sending);
        f->headers = BUF_INIT(HEADERS_BYTES_MAX);
        f->text = BUF_INIT(CAPTURE_BYTES_MAX);
    }
    f->reactor = r;
    f->slot = SIZE_MAX;
    return f;
}

/* Big buffers are given back, small ones kept. */
static void free_flight(struct reactor *r, struct flight *f)
{
    rewrite_free(f->rewrite);
    f->rewrite = NULL;
    body_unref(f->body);
    catalog_unref(f->ws);
    f->body = NULL;
    f->ws = NULL;
    f->work = NULL;
    if (f->text.cap > 8192)
        buf_fini(&f->text);
    if (f->headers.cap > 8192)
        buf_fini(&f->headers);
    buf_clear(&f->text);
    buf_clear(&f->headers);
    free(f->words);
    f->words = NULL;
    f->next_free = r->free_flights;
    r->free_flights = f;
}

void pump_free_all(struct reactor *r)
{
    while (r->free_flights != NULL) {
        struct flight *f = r->free_flights;
        r->free_flights = f->next_free;
        buf_fini(&f->text);
        buf_fini(&f->headers);
        free(f->lines);
        free(f);
    }
}

/* No longer on its way: off the list that survives a crash. */
static void leave_list(struct flight *f)
{
    struct shared *s = f->reactor->shared;
    inflight_end(s->inflight, f->slot);
    f->slot = SIZE_MAX;
    if (f->alone)
        inflight_leave(s->inflight);
    f->alone = false;
}

/* ---- results ---- */

static void after_record(struct store_op *op)
{
    struct flight *f = CONTAINER_OF(op, struct flight, record.op);
    struct reactor *r = f->reactor;
    bool stale = op->result == ERR_OK && !f->record.moved && f->attempt.trigger == TRIGGER_SCHEDULE;
    if (op->result != ERR_OK && op->result != ERR_CLOSED)
        log_error("record_failed", LOG_CSTR("error", err_text(op->result)));
    if (op->result == ERR_OK)
        live_attempt(r, f->body->msg.env, &f->attempt);
    if (op->result == ERR_OK && f->record.moved) {
        serve_count_delivery(f->record.status);
        notice_recorded(f);
    }
    bool was_alone = f->alone;
    leave_list(f);
    engine_recorded(r->engine, f->work, stale || op->result != ERR_OK, clock_wall_ms());
    free_flight(r, f);
    if (was_alone)
        pump_launch_waiting(r);
}

static bool breaker_counts(const struct flight *f, enum cause c)
{
    /* What the code does wrong by itself says nothing of the endpoint; what it does to our workers must be slowed down.
     */
    if (c == CAUSE_TRANSFORM)
        return f->rewrite->status != TRANSFORM_FAILED;
    return c != CAUSE_NONE && c != CAUSE_EXPIRED && c != CAUSE_PARKED && c != CAUSE_INTERNAL && c != CAUSE_PROXY;
}

/* When to try again: the endpoint's own schedule, else that of the event type, the environment, the profile. The newest
 * that is known, whatever was in force at acceptance. */
static void choose_schedule(const struct flight *f, const struct catalog_env *env, const struct catalog_types *types,
                            struct engine_outcome *o)
{
    const struct catalog_type *type = catalog_type_find(types, f->body->msg.event_type);
    o->schedule_ms = f->ep->retry_schedule_ms;
    o->schedule_count = f->ep->retry_count;
    if (o->schedule_ms == NULL && type != NULL) {
        o->schedule_ms = type->retry_schedule_ms;
        o->schedule_count = type->retry_count;
    }
    if (o->schedule_ms == NULL) {
        o->schedule_ms = env->retry_schedule_ms;
        o->schedule_count = env->retry_count;
    }
    if (o->schedule_ms == NULL)
        o->schedule_ms = profile_retry_schedule(f->profile->profile, &o->schedule_count);
}

static void judge(struct flight *f, const struct client_result *res, struct engine_verdict *v)
{
    struct reactor *r = f->reactor;
    struct engine_outcome o = {.success = res->cause == CAUSE_NONE,
                               .gone = res->http_status == 410 && profile_disables_on_410(f->profile->profile),
                               .final = res->cause == CAUSE_EXPIRED || res->cause == CAUSE_PARKED,
                               .breaker_counts = breaker_counts(f, res->cause),
                               .retry_after_ms = res->retry_after_ms};
    if (o.success) {
        engine_outcome(r->engine, f->work, &o, clock_wall_ms(), v);
        return;
    }
    const struct catalog_env *newest = envs_get(catalog_envs(r->shared->catalog), f->ws->app.env);
    const struct catalog_env *env = newest != NULL ? newest : f->ws->env;
    struct catalog_types *types = catalog_types_newest(r->shared->catalog, f->ws->app.env);
    choose_schedule(f, env, types != NULL ? types : f->ws->types, &o);
    engine_outcome(r->engine, f->work, &o, clock_wall_ms(), v);
    if (env->keeps_failing && !o.gone)
        v->disable = NULL;
    catalog_types_unref(types);
    catalog_env_unref(newest);
}

/* Records what happened. The slices of `res` are the client's: what is kept is copied into the flight. */
static void land(struct flight *f, const struct client_result *res)
{
    struct reactor *r = f->reactor;
    struct engine_verdict v;
    judge(f, res, &v);
    if (res->cause == CAUSE_PARKED) {
        v.reason = REASON_PARKED;
        log_warn("delivery_parked", LOG_CSTR("message", f->body->id_text));
    }
    f->health = v.health;
    flight_describe(f, res, &v);
    f->record = (struct store_record){.op = {.kind = STORE_RECORD, .home = r->loop, .done = after_record},
                                      .attempt = &f->attempt,
                                      .status = v.status,
                                      .reason = v.reason,
                                      .due_ms = v.due_ms,
                                      .in_order = v.in_order,
                                      .transformed = f->rewrite != NULL && f->rewrite->fresh &&
                                                                     f->rewrite->status == TRANSFORM_OK
                                                             ? &f->rewrite->made
                                                             : NULL,
                                      .health = v.health_changed ? &f->health : NULL};
    serve_count_attempt(res->cause, res->phases.total_us);
    log_debug("attempt", LOG_CSTR("message", f->body->id_text), LOG_INT("number", f->attempt.number),
              LOG_CSTR("result", cause_name(res->cause)), LOG_INT("status", res->http_status),
              LOG_STR("error", res->error), LOG_INT("next_ms", f->attempt.next_ms));
    if (v.disable != NULL && !r->cut) /* at the end: the next attempt will say it again */
        disable_endpoint(r->shared, f->ep->id, v.disable);
    reactor_submit(r, &f->record.op);
}

static void prepare(struct flight *f);

static void on_done(struct client_request *req, const struct client_result *res)
{
    struct flight *f = CONTAINER_OF(req, struct flight, request);
    list_remove(&f->sending);
    if (flight_renews(f, res))
        prepare(f); /* and sends it again; it stays on the list of what is in flight */
    else
        land(f, res);
}

/* ---- starting ---- */

static void land_without_sending(struct loop_task *task)
{
    struct flight *f = CONTAINER_OF(task, struct flight, task);
    struct client_result res = {.cause = f->refusal, .retry_after_ms = -1};
    res.phases.total_us = (int32_t)(f->spent_ms * 1000);
    res.http_status = f->renewed ? 401 : 0;
    res.error = str_c(f->refusal_words);
    land(f, &res);
}

/* What cannot be sent is recorded like any attempt, from the next turn: the engine is in the midst of its step. */
static void refuse(struct flight *f, enum cause cause, const char *words)
{
    f->refusal = cause;
    f->refusal_words = words;
    f->task.run = land_without_sending;
    loop_post(f->reactor->loop, &f->task);
}

static void send_request(struct flight *f)
{
    struct reactor *r = f->reactor;
    if (f->spent_ms >= f->request.timeout_ms)
        f->spent_ms = f->request.timeout_ms - 1;
    f->request.spent_ms = f->spent_ms;
    f->request.on_done = on_done;
    list_push_back(&r->sending, &f->sending);
    client_send(r->client, &f->request);
}

/* On the wire, unless processes have ended with it there: then after the others like it, or not at all. */
static void launch(struct flight *f)
{
    struct reactor *r = f->reactor;
    struct inflight *list = r->shared->inflight;
    bool by_hand = f->work->trigger != TRIGGER_SCHEDULE;
    if (f->faults >= INFLIGHT_PARK_FAULTS && !by_hand) {
        f->slot = inflight_begin(list, f->work->msg, f->ep->id);
        refuse(f, CAUSE_PARKED,
               "Postrider failed three times while this delivery was on its way: it is parked; resend it by hand");
        return;
    }
    f->alone = f->faults >= INFLIGHT_ALONE_FAULTS;
    if (f->alone && !inflight_enter(list)) {
        f->alone = false;
        list_push_back(&r->waiting_alone, &f->sending);
        return;
    }
    f->slot = inflight_begin(list, f->work->msg, f->ep->id);
    send_request(f);
}

void pump_launch_waiting(struct reactor *r)
{
    struct list waiting;
    list_init(&waiting);
    list_append_all(&waiting, &r->waiting_alone);
    for (struct list *n; (n = list_pop_front(&waiting)) != NULL;)
        launch(CONTAINER_OF(n, struct flight, sending));
}

/* What it needs has come, or will not. */
static void on_prepared(struct flight *f, const char *why)
{
    if (why != NULL) {
        f->refusal = CAUSE_OAUTH;
        f->refusal_words = why;
        land_without_sending(&f->task);
    } else if (f->slot != SIZE_MAX) {
        send_request(f);
    } else {
        launch(f);
    }
}

static void prepare(struct flight *f)
{
    const char *why;
    f->prepared = on_prepared;
    switch (flight_prepare(f, &why)) {
    case PREPARE_DONE:
        on_prepared(f, NULL);
        return;
    case PREPARE_LATER:
        return;
    case PREPARE_FAILED:
        refuse(f, CAUSE_OAUTH, why);
        return;
    }
}

/* Everything is known: signs, writes and sends. */
static void write_and_send(struct flight *f, struct profile_signers *signers)
{
    const struct work *w = f->work;
    flight_write_request(f, signers);
    struct inflight_past past = inflight_look(f->reactor->shared->inflight, w->msg, f->ep->id);
    f->attempt.epoch = past.epoch;
    f->faults = past.faults;
    prepare(f);
}

void rewrite_done(struct flight *f)
{
    const struct rewrite *p = f->rewrite;
    struct client_result res = {.cause = CAUSE_NONE, .retry_after_ms = -1};
    struct target *t = engine_endpoint_user(f->work->ep);
    struct profile_signers *signers = NULL;
    list_remove(&f->sending);
    if (p->status == TRANSFORM_OK && !p->made.cancelled && t != NULL)
        signers = target_signers(t, f->profile, clock_wall_ms());
    if (signers != NULL) {
        write_and_send(f, signers);
        return;
    }
    if (p->status != TRANSFORM_OK) {
        res.cause = CAUSE_TRANSFORM;
        res.error = str_c(p->why);
    } else if (p->made.cancelled) {
        res.body = STR("cancelled by the transformation: nothing was sent");
    } else {
        res.cause = CAUSE_INTERNAL;
        res.error = STR(NO_SECRET);
    }
    land(f, &res);
}

static void start(void *arg, struct work *w)
{
    struct reactor *r = arg;
    struct target *t = engine_endpoint_user(w->ep);
    struct flight *f = new_flight(r);
    int64_t now_ms = clock_wall_ms();
    CHECK(t != NULL && t->ep != NULL);
    catalog_ref(t->ws);
    f->work = w;
    f->ws = t->ws;
    f->ep = t->ep;
    f->body = body_ref(w->body);
    f->profile = catalog_profile_get(r->shared->catalog, NULL, w->profile_version);
    flight_begin(f, oid_next(&r->shared->oids, now_ms), now_ms);
    if (w->tries == 0 && w->trigger == TRIGGER_SCHEDULE)
        metrics_observe_us(METRIC_FIRST_ATTEMPT, (now_ms - oid_time_ms(w->msg)) * 1000);
    if (f->profile == NULL) {
        f->profile = f->ws->profiles[f->ep - f->ws->endpoints];
        refuse(f, CAUSE_INTERNAL, "the profile version of this delivery is not there");
        return;
    }
    if (f->body->msg.payload.ptr == NULL) {
        refuse(f, CAUSE_EXPIRED, cause_text(CAUSE_EXPIRED));
        return;
    }
    struct profile_signers *signers = target_signers(t, f->profile, now_ms);
    if (signers == NULL) {
        refuse(f, CAUSE_INTERNAL, NO_SECRET);
        return;
    }
    if (w->transform == 0) {
        write_and_send(f, signers);
        return;
    }
    list_push_back(&r->preparing, &f->sending);
    rewrite_start(f);
}

void pump_cut(struct reactor *r)
{
    r->cut = true;
    for (struct list *n; (n = list_pop_front(&r->waiting_alone)) != NULL;) {
        struct flight *f = CONTAINER_OF(n, struct flight, sending);
        engine_unstart(r->engine, f->work, clock_wall_ms());
        free_flight(r, f);
    }
    for (struct list *n; (n = list_pop_front(&r->preparing)) != NULL;) {
        struct flight *f = CONTAINER_OF(n, struct flight, sending);
        flight_unprepare(f);
        leave_list(f);
        engine_unstart(r->engine, f->work, clock_wall_ms());
        free_flight(r, f);
    }
    tokens_cut(r->tokens);
    for (struct list *n; (n = list_pop_front(&r->sending)) != NULL;) {
        struct flight *f = CONTAINER_OF(n, struct flight, sending);
        client_cancel(r->client, &f->request);
        leave_list(f);
        engine_unstart(r->engine, f->work, clock_wall_ms());
        free_flight(r, f);
    }
}

static void refill(void *arg, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit)
{
    loader_refill(arg, ep, from_pos, until_pos, limit);
}

static void release(void *arg, struct work *w)
{
    (void)arg;
    body_unref(w->body);
    w->body = NULL;
}

static void forget(void *arg, struct engine_endpoint *ep)
{
    (void)arg;
    target_forget(ep);
}

static bool host_acquire(void *arg, void *gate)
{
    struct reactor *r = arg;
    return gate_acquire(r->shared->gates, gate, r->index);
}

static void host_release(void *arg, void *gate)
{
    struct reactor *r = arg;
    gate_release(r->shared->gates, gate, r->index);
}

static void *host_open(void *arg, const char *host)
{
    struct reactor *r = arg;
    return gate_open(r->shared->gates, host);
}

static void host_close(void *arg, void *gate)
{
    struct reactor *r = arg;
    gate_close(r->shared->gates, gate);
}

static int64_t workspace_pace(void *arg, oid_t app, int per_second, int64_t now_ms)
{
    struct reactor *r = arg;
    return pace_take(r->shared->pace, app, per_second, now_ms);
}

const struct engine_env pump_engine_env = {.random = draw,
                                           .start = start,
                                           .refill = refill,
                                           .release = release,
                                           .forget = forget,
                                           .workspace_pace = workspace_pace,
                                           .host_acquire = host_acquire,
                                           .host_release = host_release,
                                           .host_open = host_open,
                                           .host_close = host_close};

void pump_take(struct reactor *r, const struct workspace *ws, struct body *body, const struct store_target *target)
{
    int64_t now_ms = clock_wall_ms();
    struct target *t = target_apply(r, ws, target->ep);
    if (t == NULL)
        return; /* disabled meanwhile: its pending work is being failed */
    struct work w = {.msg = body->msg.id,
                     .profile_version = target->profile_version,
                     .transform = target->transform,
                     .due_ms = target->due_ms,
                     .pos = target->pos,
                     .body_bytes = body->bytes,
                     .body = body_ref(body)};
    if (!engine_add(r->engine, t->engine, &w, now_ms))
        body_unref(body);
}
