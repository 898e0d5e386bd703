/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine and its receivers. Its messages are its own, so that what it does can be held against what is stored: it
 * starts only what is pending and due, one at a time per delivery, with the number that follows; what is recorded as
 * delivered stays so; and in the end everything has been delivered, exhausted, or was ended by people.
 */
#include "sim.h"

#include <stdlib.h>

#include "base/mem.h"

enum { CREW_EPS = 3, PIECES = 900, EVENTS = 400, RECORDS = 200 };

static const int64_t schedule[] = {1000, 5000, 30000};

/* A delivery of the crew's: what is known of it from what was acknowledged. */
struct piece {
    oid_t msg;
    oid_t ep;
    int64_t pos;
    bool ended_by_hand; /* expunged or canceled */
    bool live;          /* an attempt is under way, or its outcome is not recorded */
    bool delivered;     /* a success was acknowledged */
    int tries;          /* the most that was seen */
};

enum event_kind { EV_FINISH, EV_READ };

struct event {
    enum event_kind kind;
    int64_t at_ms;
    uint64_t order;
    struct work *work;
    struct engine_endpoint *ep;
    int64_t from_pos, until_pos;
    size_t limit;
};

/* An outcome that is to be recorded, and is tried again until it is. */
struct result {
    struct work *work;
    oid_t msg, ep;
    int number;
    enum attempt_trigger trigger;
    bool success;
    struct engine_verdict verdict;
    bool applied; /* in the group under way */
    bool moved;
};

struct crew {
    struct sim *w;
    struct engine *engine;
    oid_t app;
    oid_t ep[CREW_EPS]; /* the first keeps an order */
    struct piece pieces[PIECES];
    size_t piece_count;
    size_t fresh; /* of the group under way, from this one on */
    struct event events[EVENTS];
    size_t event_count;
    uint64_t orders;
    struct result results[RECORDS];
    size_t result_count;
    oid_t asked_ep;  /* in the group under way: look for work of this endpoint */
    oid_t reread_ep; /* it changed much of this endpoint */
    size_t forget;   /* index + 1 of the piece that it ended */
    bool healthy;
    int host_in_flight;
};

static struct piece *piece_find(struct crew *c, oid_t msg, oid_t ep)
{
    for (size_t i = 0; i < c->piece_count; i++)
        if (c->pieces[i].msg == msg && c->pieces[i].ep == ep)
            return &c->pieces[i];
    return NULL;
}

static struct event *plan(struct crew *c, enum event_kind kind, int64_t in_ms)
{
    assert_true(c->event_count < EVENTS);
    struct event *v = &c->events[c->event_count++];
    *v = (struct event){.kind = kind, .at_ms = c->w->s.f[0].now_ms + in_ms, .order = c->orders++};
    return v;
}

/* ---- what the engine asks for ------------------------------------------------------------------------------------
 */

static uint64_t env_random(void *arg)
{
    (void)arg;
    return sim_pick(UINT64_MAX);
}

/* Nothing that stands before it in its endpoint's order is still to be sent. */
static void check_order(struct crew *c, const struct piece *started)
{
    struct delivery d;
    if (started->ep != c->ep[0])
        return;
    for (size_t i = 0; i < c->piece_count; i++) {
        const struct piece *p = &c->pieces[i];
        if (p->ep != started->ep || p->pos >= started->pos)
            continue;
        enum err e = store_get_delivery(c->w->s.f[0].reader, p->msg, p->ep, &d);
        if (e == ERR_OK && d.status == DELIVERY_PENDING && d.request == TRIGGER_SCHEDULE)
            fail_msg("out of order: %lld (place %lld) began before %lld (place %lld, now %lld, due %lld, tries %d, "
                     "fifo %d)",
                     (long long)started->msg, (long long)started->pos, (long long)p->msg, (long long)p->pos,
                     (long long)d.pos, (long long)d.due_ms, d.tries, d.fifo);
    }
}

static void env_start(void *arg, struct work *work)
{
    struct crew *c = arg;
    struct sim *w = c->w;
    struct delivery d;
    oid_t ep = engine_endpoint_id(work->ep);
    struct piece *p = piece_find(c, work->msg, ep);
    assert_non_null(p);
    assert_false(p->live); /* one live attempt per delivery */
    OK(store_get_delivery(w->s.f[0].reader, work->msg, ep, &d));
    if (work->trigger == TRIGGER_SCHEDULE) {
        assert_int_equal(d.status, DELIVERY_PENDING);
        assert_int_equal(work->tries, d.tries);    /* the number that follows */
        assert_true(d.due_ms <= w->s.f[0].now_ms); /* never early */
        assert_true(d.tries <= (int)ARRAY_LEN(schedule));
        check_order(c, p);
    } else {
        assert_int_equal(d.request, work->trigger);
    }
    p->live = true;
    w->counts.attempts++;
    plan(c, EV_FINISH, 1 + (int64_t)sim_pick(3000))->work = work;
}

static void env_refill(void *arg, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit)
{
    struct event *v = plan(arg, EV_READ, (int64_t)sim_pick(50));
    v->ep = ep;
    v->from_pos = from_pos;
    v->until_pos = until_pos;
    v->limit = limit;
}

static void env_release(void *arg, struct work *work)
{
    (void)arg;
    work->body = NULL;
}

static void env_forget(void *arg, struct engine_endpoint *ep)
{
    (void)arg;
    (void)ep;
}

static bool env_acquire(void *arg, void *gate)
{
    struct crew *c = arg;
    (void)gate;
    if (c->host_in_flight >= 10)
        return false;
    c->host_in_flight++;
    return true;
}

static void env_release_host(void *arg, void *gate)
{
    (void)gate;
    ((struct crew *)arg)->host_in_flight--;
}

static void *env_open(void *arg, const char *host)
{
    (void)host;
    return arg;
}

static void env_close(void *arg, void *gate)
{
    (void)arg;
    (void)gate;
}

static void configure(struct crew *c, oid_t ep)
{
    struct engine_config config = {.app = c->app, .host = "h:80", .fifo = ep == c->ep[0]};
    engine_configure(c->engine, engine_meet(c->engine, ep), &config, c->w->s.f[0].now_ms);
}

static void engine_begin(struct crew *c)
{
    struct engine_env env = {.arg = c,
                             .random = env_random,
                             .start = env_start,
                             .refill = env_refill,
                             .release = env_release,
                             .forget = env_forget,
                             .host_acquire = env_acquire,
                             .host_release = env_release_host,
                             .host_open = env_open,
                             .host_close = env_close};
    struct engine_limits limits = {.per_endpoint = 8,
                                   .total = 24,
                                   .resident_max = 16,
                                   .bytes_max = 5000,
                                   .idle_max = 4,
                                   .horizon_ms = 3000,
                                   .disable_after_ms = 100 * TIME_DAY_MS};
    c->host_in_flight = 0;
    c->engine = engine_new(&limits, &env);
    for (size_t i = 0; i < CREW_EPS; i++)
        configure(c, c->ep[i]);
}

/* ---- within a group ----------------------------------------------------------------------------------------------
 */

static void record(struct crew *c, struct result *r)
{
    struct sim *w = c->w;
    struct fx_outcome o = {.number = r->trigger == TRIGGER_SCHEDULE ? r->number : 0,
                           .trigger = r->trigger,
                           .status = r->verdict.status,
                           .reason = r->verdict.reason,
                           .due_ms = r->verdict.due_ms,
                           .http_status = r->success ? 200 : 500};
    struct attempt t = fx_attempt(&w->s.f[0], c->app, r->msg, r->ep, &o);
    struct store_record a = {.op.kind = STORE_RECORD,
                             .attempt = &t,
                             .status = r->verdict.status,
                             .reason = r->verdict.reason,
                             .due_ms = r->verdict.due_ms,
                             .in_order = r->verdict.in_order,
                             .health = r->verdict.health_changed ? &r->verdict.health : NULL};
    struct store_record b = a;
    r->applied = world_apply(w, &a.op, &b.op);
    if (!r->applied)
        return;
    assert_int_equal(a.moved, b.moved);
    r->moved = a.moved;
}

static void append(struct crew *c)
{
    struct sim *w = c->w;
    struct message m = fx_message(&w->s.f[0], c->app);
    struct store_target t[2][CREW_EPS];
    size_t count = 0;
    for (size_t i = 0; i < CREW_EPS; i++)
        if (sim_pick(3) > 0) {
            t[0][count] = (struct store_target){
                    .ep = c->ep[i], .profile_version = 1, .fifo = i == 0, .due_ms = w->s.f[0].now_ms};
            t[1][count] = t[0][count];
            count++;
        }
    if (c->piece_count + count > PIECES)
        return;
    struct store_append a = {.op.kind = STORE_APPEND, .message = &m, .targets = t[0], .target_count = count};
    struct store_append b = {.op.kind = STORE_APPEND, .message = &m, .targets = t[1], .target_count = count};
    a.app_version = b.app_version = fx_app_version(&w->s.f[0], c->app);
    if (!world_apply(w, &a.op, &b.op))
        return;
    for (size_t i = 0; i < count; i++) {
        assert_true(t[0][i].fifo || t[0][i].pos == t[1][i].pos);
        c->pieces[c->piece_count++] = (struct piece){.msg = m.id, .ep = t[0][i].ep, .pos = t[0][i].pos};
    }
}

static void ask(struct crew *c)
{
    const struct piece *p = &c->pieces[sim_pick(c->fresh)];
    struct store_resend a = {.op.kind = STORE_RESEND,
                             .app = c->app,
                             .msg = p->msg,
                             .ep = p->ep,
                             .profile_version = 1,
                             .trigger = TRIGGER_MANUAL,
                             .fifo = p->ep == c->ep[0],
                             .now_ms = c->w->s.f[0].now_ms};
    struct store_resend b = a;
    if (!p->ended_by_hand && world_apply(c->w, &a.op, &b.op))
        c->asked_ep = p->ep;
}

static void expunge(struct crew *c)
{
    size_t at = sim_pick(c->fresh);
    struct store_expunge a = {.op.kind = STORE_EXPUNGE, .app = c->app, .msg = c->pieces[at].msg};
    struct store_expunge b = a;
    if (world_apply(c->w, &a.op, &b.op))
        c->forget = at + 1;
}

static void cancel(struct crew *c)
{
    oid_t ep = c->ep[sim_pick(CREW_EPS)];
    struct store_sweep a = {.op.kind = STORE_SWEEP,
                            .sweep = SWEEP_CANCEL,
                            .ep = ep,
                            .until_ms = c->w->s.f[0].now_ms - 60000,
                            .now_ms = c->w->s.f[0].now_ms,
                            .rows_max = 1000};
    struct store_sweep b = a;
    if (!world_apply(c->w, &a.op, &b.op))
        return;
    assert_int_equal(a.rows, b.rows);
    c->reread_ep = ep;
}

void crew_apply(struct sim *w)
{
    struct crew *c = w->crew;
    c->fresh = c->piece_count;
    c->asked_ep = c->reread_ep = 0;
    c->forget = 0;
    for (size_t i = 0; i < c->result_count && !w->s.broken; i++)
        record(c, &c->results[i]);
    if (c->healthy || w->s.broken)
        return;
    if (sim_pick(2) == 0)
        append(c);
    if (c->fresh > 0 && !w->s.broken && sim_pick(12) == 0)
        ask(c);
    if (c->fresh > 0 && !w->s.broken && sim_pick(40) == 0)
        expunge(c);
    if (!w->s.broken && sim_pick(80) == 0)
        cancel(c);
}

/* ---- after it ----------------------------------------------------------------------------------------------------
 */

static void hand_over(struct crew *c, const struct piece *p)
{
    int64_t now = c->w->s.f[0].now_ms;
    struct engine_endpoint *ep = engine_meet(c->engine, p->ep);
    struct delivery d;
    configure(c, p->ep);
    OK(store_get_delivery(c->w->s.f[0].reader, p->msg, p->ep, &d));
    struct work work = {.msg = p->msg, .profile_version = 1, .due_ms = d.due_ms, .pos = p->pos, .body_bytes = 100};
    if (d.request != TRIGGER_SCHEDULE || sim_pick(5) == 0)
        engine_pending(c->engine, ep, p->pos, now);
    else if (d.status == DELIVERY_PENDING)
        (void)engine_add(c->engine, ep, &work, now);
}

static void results_settle(struct crew *c)
{
    int64_t now = c->w->s.f[0].now_ms;
    for (size_t i = 0; i < c->result_count; i++) {
        struct result *r = &c->results[i];
        struct piece *p = piece_find(c, r->msg, r->ep);
        assert_true(r->applied);
        if (p != NULL) { /* ended by hand meanwhile, retention may have taken it */
            p->live = false;
            p->delivered = p->delivered || (r->success && r->moved);
        }
        engine_recorded(c->engine, r->work, !r->moved, now);
    }
    c->result_count = 0;
}

/* What people did, as it is in the store now. */
static void ended_by_hand(struct crew *c)
{
    for (size_t i = 0; i < c->piece_count; i++) {
        struct piece *p = &c->pieces[i];
        struct delivery d;
        if (store_get_delivery(c->w->s.f[0].reader, p->msg, p->ep, &d) == ERR_OK)
            p->ended_by_hand = p->ended_by_hand || d.status == DELIVERY_CANCELED ||
                               (d.status == DELIVERY_FAIL && d.reason == REASON_EXPIRED);
    }
}

/* The last group may have become nothing, and retention takes what is old: the model says whether it may be gone. */
static void forget_gone(struct crew *c)
{
    size_t kept = 0;
    struct delivery d;
    for (size_t i = 0; i < c->piece_count; i++) {
        const struct piece *p = &c->pieces[i];
        enum err real = store_get_delivery(c->w->s.f[0].reader, p->msg, p->ep, &d);
        assert_int_equal(real, store_get_delivery(c->w->s.f[1].reader, p->msg, p->ep, &d));
        if (real == ERR_OK)
            c->pieces[kept++] = *p;
    }
    c->piece_count = c->fresh = kept;
}

void crew_committed(struct sim *w)
{
    struct crew *c = w->crew;
    int64_t now = w->s.f[0].now_ms;
    results_settle(c);
    if (c->forget > 0 || c->reread_ep != 0)
        ended_by_hand(c);
    for (size_t i = 0; c->forget > 0 && i < c->piece_count; i++)
        if (c->pieces[i].msg == c->pieces[c->forget - 1].msg)
            engine_forget(c->engine, engine_meet(c->engine, c->pieces[i].ep), c->pieces[i].msg, now);
    if (c->reread_ep != 0)
        engine_reread(c->engine, engine_meet(c->engine, c->reread_ep), now);
    if (c->asked_ep != 0)
        engine_by_hand(c->engine, engine_meet(c->engine, c->asked_ep), now);
    for (size_t i = c->fresh; i < c->piece_count; i++)
        hand_over(c, &c->pieces[i]);
    c->fresh = c->piece_count;
    c->forget = 0;
}

void crew_rolled_back(struct sim *w)
{
    struct crew *c = w->crew;
    c->piece_count = c->fresh;
    for (size_t i = 0; i < c->result_count; i++)
        c->results[i].applied = false;
}

void crew_crashed(struct sim *w)
{
    struct crew *c = w->crew;
    int64_t now = w->s.f[0].now_ms;
    engine_pause(c->engine, true);
    for (size_t i = 0; i < c->result_count; i++)
        engine_recorded(c->engine, c->results[i].work, true, now);
    for (size_t i = 0; i < c->event_count; i++)
        if (c->events[i].kind == EV_FINISH)
            engine_unstart(c->engine, c->events[i].work, now);
    engine_free(c->engine);
    c->engine = NULL;
    c->result_count = c->event_count = 0;
    for (size_t i = 0; i < c->piece_count; i++)
        c->pieces[i].live = false;
}

void crew_recovered(struct sim *w)
{
    struct crew *c = w->crew;
    struct pending_summary *all;
    size_t count;
    forget_gone(c);
    ended_by_hand(c);
    engine_begin(c);
    OK(store_list_pending(w->s.f[0].reader, w->s.f[0].arena, 0, 1000, &all, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < CREW_EPS; k++)
            if (all[i].ep == c->ep[k])
                engine_pending(c->engine, engine_meet(c->engine, all[i].ep), all[i].pos, w->s.f[0].now_ms);
}

/* ---- time --------------------------------------------------------------------------------------------------------
 */

static void finish(struct crew *c, struct work *work)
{
    int64_t now = c->w->s.f[0].now_ms;
    assert_true(c->result_count < RECORDS);
    struct result *r = &c->results[c->result_count++];
    *r = (struct result){.work = work,
                         .msg = work->msg,
                         .ep = engine_endpoint_id(work->ep),
                         .number = work->tries + 1,
                         .trigger = work->trigger,
                         .success = c->healthy || sim_pick(100) < 60};
    struct engine_outcome o = {.success = r->success,
                               .breaker_counts = true,
                               .retry_after_ms = sim_pick(6) == 0 ? (int64_t)sim_pick(100000) : -1,
                               .schedule_ms = schedule,
                               .schedule_count = ARRAY_LEN(schedule)};
    engine_outcome(c->engine, work, &o, now, &r->verdict);
}

static void refill(struct crew *c, const struct event *v)
{
    struct pending_delivery *rows;
    struct work work[64];
    size_t count;
    int64_t next;
    struct pending_query q = {.ep = engine_endpoint_id(v->ep),
                              .from_pos = v->from_pos,
                              .until_pos = v->until_pos,
                              .limit = v->limit < 64 ? v->limit : 64,
                              .bytes_max = 1 << 20};
    OK(store_load_pending(c->w->s.f[0].reader, c->w->s.f[0].arena, &q, &rows, &count, &next));
    for (size_t i = 0; i < count; i++) {
        const struct delivery *d = &rows[i].delivery;
        work[i] = (struct work){.msg = d->msg,
                                .profile_version = d->profile_version,
                                .tries = d->tries,
                                .trigger = d->request,
                                .due_ms = d->request != TRIGGER_SCHEDULE ? 0 : d->due_ms, /* at once */
                                .pos = d->pos,
                                .body_bytes = 100};
    }
    configure(c, q.ep);
    engine_refilled(c->engine, v->ep, work, count, next, false, c->w->s.f[0].now_ms);
}

static size_t event_next(const struct crew *c)
{
    size_t best = c->event_count;
    for (size_t i = 0; i < c->event_count; i++)
        if (best == c->event_count || c->events[i].at_ms < c->events[best].at_ms ||
            (c->events[i].at_ms == c->events[best].at_ms && c->events[i].order < c->events[best].order))
            best = i;
    return best;
}

void crew_run(struct sim *w)
{
    struct crew *c = w->crew;
    int64_t now = w->s.f[0].now_ms;
    for (size_t at; (at = event_next(c)) < c->event_count && c->events[at].at_ms <= now;) {
        struct event v = c->events[at];
        c->events[at] = c->events[--c->event_count];
        if (v.kind == EV_FINISH)
            finish(c, v.work);
        else
            refill(c, &v);
    }
    engine_retry_blocked(c->engine);
    engine_step(c->engine, now);
}

int64_t crew_next_ms(struct sim *w)
{
    const struct crew *c = w->crew;
    size_t at = event_next(c);
    int64_t now = w->s.f[0].now_ms, next = engine_next_ms(c->engine);
    if (at < c->event_count && c->events[at].at_ms < next)
        next = c->events[at].at_ms;
    /* What is blocked is let in again about once a second. */
    if (next > now + 1000)
        next = now + 1000;
    return c->result_count > 0 ? now : next;
}

/* ---- what must hold ----------------------------------------------------------------------------------------------
 */

/*
 * Attempts of the schedule are numbered to tries, each once: no outcome is lost once it counts, and none counts twice.
 * Retention takes the oldest.
 */
static void check_numbers(struct sim *w, const struct piece *p, const struct delivery *d)
{
    struct attempt *all;
    size_t count;
    int last = 0;
    struct attempt_query q = {.app = w->crew->app,
                              .msg = p->msg,
                              .ep = p->ep,
                              .status = -1,
                              .status_class = -1,
                              .ascending = true,
                              .limit = 100};
    OK(store_list_attempts(w->s.f[0].reader, w->s.f[0].arena, &q, &all, &count));
    /* One that ran while people ended the delivery is logged, but does not count. */
    if (p->ended_by_hand)
        return;
    for (size_t i = 0; i < count; i++)
        if (all[i].trigger == TRIGGER_SCHEDULE) {
            assert_true(last == 0 || all[i].number == last + 1);
            last = all[i].number;
        }
    assert_true(last == d->tries || last == 0);
}

static void check_piece(struct sim *w, struct piece *p, bool at_end)
{
    struct delivery real, model;
    OK(store_get_delivery(w->s.f[0].reader, p->msg, p->ep, &real));
    OK(store_get_delivery(w->s.f[1].reader, p->msg, p->ep, &model));
    if (real.fifo && real.pos != 0 && model.pos != 0)
        model.pos = real.pos;
    fx_same_delivery(&real, &model);
    assert_true(real.tries >= p->tries && real.tries <= (int)ARRAY_LEN(schedule) + 1);
    p->tries = real.tries;
    assert_true(!p->delivered || real.status == DELIVERY_SUCCESS);
    assert_true((real.pos != 0) == (real.status == DELIVERY_PENDING || real.request != TRIGGER_SCHEDULE));
    check_numbers(w, p, &real);
    if (!at_end)
        return;
    assert_true(real.pos == 0 && real.status != DELIVERY_PENDING);
    assert_true(real.status == DELIVERY_SUCCESS || p->ended_by_hand ||
                (real.reason == REASON_EXHAUSTED && real.tries == (int)ARRAY_LEN(schedule) + 1));
}

void crew_check(struct sim *w, bool at_end)
{
    struct crew *c = w->crew;
    forget_gone(c);
    ended_by_hand(c);
    for (size_t i = 0; i < c->piece_count; i++)
        check_piece(w, &c->pieces[i], at_end);
}

size_t crew_pending(struct sim *w)
{
    struct crew *c = w->crew;
    struct delivery d;
    size_t n = c->result_count + c->event_count;
    forget_gone(c);
    for (size_t i = 0; i < c->piece_count; i++) {
        OK(store_get_delivery(w->s.f[0].reader, c->pieces[i].msg, c->pieces[i].ep, &d));
        n += d.pos != 0;
    }
    return n;
}

/* ---- begin and end -----------------------------------------------------------------------------------------------
 */

void crew_say_stuck(struct sim *w)
{
    struct crew *c = w->crew;
    struct delivery d;
    struct engine_stats st;
    engine_stats(c->engine, &st);
    print_message("now %lld: the engine has %zu endpoints, %zu running, %zu recording, %zu in memory\n",
                  (long long)w->s.f[0].now_ms, st.endpoints, st.running, st.recording, st.in_memory);
    for (size_t i = 0; i < c->piece_count; i++) {
        const struct piece *p = &c->pieces[i];
        if (store_get_delivery(w->s.f[0].reader, p->msg, p->ep, &d) == ERR_OK && d.pos != 0)
            print_message("endpoint %d message %lld: status %d, %d tries, due %lld, pos %lld, request %d, live %d\n",
                          (int)(p->ep - c->ep[0]), (long long)d.msg, d.status, d.tries, (long long)d.due_ms,
                          (long long)d.pos, d.request, p->live);
    }
}

void crew_heal(struct sim *w)
{
    w->crew->healthy = true;
}

void crew_open(struct sim *w)
{
    struct crew *c = w->crew = mem_zalloc(1, sizeof *c);
    c->w = w;
    c->app = w->s.app[0];
    for (size_t i = 0; i < CREW_EPS; i++)
        c->ep[i] = fx_id(&w->s.f[0]);
    engine_begin(c);
}

void crew_close(struct sim *w)
{
    crew_crashed(w);
    free(w->crew);
    w->crew = NULL;
}
