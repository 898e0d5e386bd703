/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine against a model of the store, with a virtual clock and seeded chance: work is committed, handed over late
 * or not at all, refills read old snapshots, outcomes are recorded late, people ask for attempts by hand, receivers
 * come and go. After every step the invariants of engine.h are looked at; in the end everything must have been
 * delivered or exhausted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "engine/engine_priv.h"
#include "engine/match.h"
#include "engine/retry.h"

#define ROWS_MAX      4000
#define ENDPOINTS     6
#define EVENTS_MAX    20000
#define REQUEST_LIMIT 3

static const int64_t schedule[] = {1000, 5000, 30000};

struct row {
    oid_t msg;
    oid_t ep;
    enum delivery_status status;
    int tries;
    int64_t due_ms;
    int64_t pos; /* 0: not pending */
    enum attempt_trigger request;
    bool busy; /* started and not yet recorded */
    int by_hand;
    bool expunged; /* the store has ended it */
};

enum event_kind { EV_HAND_OVER, EV_FINISH, EV_COMMIT, EV_READ, EV_REFILLED };

struct event {
    struct heap_node at;
    enum event_kind kind;
    struct work *work;
    struct row *row;
    struct engine_endpoint *ep;
    int64_t from_pos;
    int64_t until_pos;
    size_t limit;
    struct work rows[64];
    size_t count;
    int64_t next_pos;
    bool success;
    struct engine_verdict verdict;
    enum attempt_trigger trigger;
};

struct world {
    struct engine *engine;
    int64_t now_ms;
    uint64_t seed;
    struct row rows[ROWS_MAX];
    size_t row_count;
    struct heap events;
    bool healthy;
    int64_t last_pos;
    bool fifo[ENDPOINTS + 1];
    int rate[ENDPOINTS + 1];
    int workspace_rate[3];
    struct rate pace[3];
    int64_t of_workspace[3][64]; /* start times */
    int of_workspace_at[3];
    int busy[ENDPOINTS + 1];
    int starts;
    int host_in_flight;
    int64_t recent[ENDPOINTS + 1][64]; /* start times, for the rate */
    int recent_at[ENDPOINTS + 1];
};

static uint64_t chance(struct world *w)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return hash_u64(w->seed);
}

static int64_t between(struct world *w, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(chance(w) % (uint64_t)(hi - lo + 1));
}

static struct event *plan(struct world *w, enum event_kind kind, int64_t in_ms)
{
    struct event *v = mem_zalloc(1, sizeof *v);
    v->kind = kind;
    heap_set(&w->events, &v->at, w->now_ms + in_ms);
    return v;
}

static struct row *find_row(struct world *w, oid_t msg, oid_t ep)
{
    for (size_t i = 0; i < w->row_count; i++)
        if (w->rows[i].msg == msg && w->rows[i].ep == ep)
            return &w->rows[i];
    return NULL;
}

/* ---- the driver's side ---- */

static uint64_t env_random(void *arg)
{
    return chance(arg);
}

static void check_fifo(struct world *w, const struct row *started)
{
    for (size_t i = 0; i < w->row_count; i++) {
        const struct row *r = &w->rows[i];
        if (r->ep == started->ep && r->pos != 0 && r->pos < started->pos && r->request == TRIGGER_SCHEDULE)
            fail_msg("FIFO order broken: %lld started before %lld", (long long)started->msg, (long long)r->msg);
    }
}

/* rate + 2 starts of a workspace may not lie within a second. */
static void check_pace(struct world *w, int app)
{
    int rate = w->workspace_rate[app], at = w->of_workspace_at[app]++;
    w->of_workspace[app][at % 64] = w->now_ms;
    if (rate > 0 && at > rate)
        assert_true(w->now_ms - w->of_workspace[app][(at - rate - 1) % 64] >= 1000);
}

static int64_t env_pace(void *arg, oid_t app, int per_second, int64_t now_ms)
{
    struct world *w = arg;
    struct rate *r = &w->pace[app];
    assert_int_equal(per_second, w->workspace_rate[app]);
    rate_set(r, per_second);
    int64_t at_ms = rate_ready_ms(r, now_ms);
    if (at_ms <= now_ms)
        rate_take(r, now_ms);
    return at_ms;
}

static void env_start(void *arg, struct work *work)
{
    struct world *w = arg;
    oid_t ep = engine_endpoint_id(work->ep);
    struct row *r = find_row(w, work->msg, ep);
    assert_non_null(r);
    assert_false(r->busy); /* one live attempt per delivery */
    assert_true(r->pos != 0);
    r->busy = true;
    w->starts++;
    w->busy[ep]++;
    assert_true(w->busy[ep] <= 8 + 8); /* window and what is being recorded */
    if (work->trigger == TRIGGER_SCHEDULE) {
        assert_int_equal(work->tries, r->tries);
        assert_true(w->now_ms >= r->due_ms); /* never early */
        assert_true(r->tries <= (int)ARRAY_LEN(schedule));
    }
    if (w->fifo[ep]) {
        assert_int_equal(w->busy[ep], 1);
        check_fifo(w, r);
    }
    if (w->rate[ep] > 0) {
        int at = w->recent_at[ep]++ % 64;
        w->recent[ep][at] = w->now_ms;
        int before = (at + 64 - (w->rate[ep] + 1)) % 64; /* rate + 2 starts may not lie within a second */
        if (w->recent_at[ep] > w->rate[ep] + 1 && w->rate[ep] < 60)
            assert_true(w->now_ms - w->recent[ep][before] >= 1000);
    }
    check_pace(w, (int)(ep % 2 + 1));
    struct event *v = plan(w, EV_FINISH, between(w, 1, 400));
    v->work = work;
    v->row = r;
    v->trigger = work->trigger;
    v->success = w->healthy || chance(w) % 100 < (ep % 3 == 0 ? 10u : 80u);
}

static void env_refill(void *arg, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit)
{
    struct world *w = arg;
    struct event *v = plan(w, EV_READ, between(w, 0, 30));
    v->ep = ep;
    v->from_pos = from_pos;
    v->until_pos = until_pos;
    v->limit = limit < 64 ? limit : 64;
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
    struct world *w = arg;
    (void)gate;
    if (w->host_in_flight >= 10)
        return false;
    w->host_in_flight++;
    return true;
}

static void env_release_host(void *arg, void *gate)
{
    struct world *w = arg;
    (void)gate;
    w->host_in_flight--;
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

/* ---- the store's side ---- */

static int by_pos(const void *a, const void *b)
{
    const struct row *const *x = a, *const *y = b;
    return (*x)->pos < (*y)->pos ? -1 : (*x)->pos > (*y)->pos;
}

static void read_pending(struct world *w, struct event *v)
{
    struct row *sorted[ROWS_MAX];
    size_t n = 0;
    oid_t ep = engine_endpoint_id(v->ep);
    for (size_t i = 0; i < w->row_count; i++)
        if (w->rows[i].ep == ep && w->rows[i].pos != 0 && w->rows[i].pos >= v->from_pos)
            sorted[n++] = &w->rows[i];
    qsort(sorted, n, sizeof sorted[0], by_pos);
    v->next_pos = TIME_NEVER;
    for (size_t i = 0; i < n; i++) {
        const struct row *r = sorted[i];
        if (v->count == v->limit || r->pos > v->until_pos) {
            v->next_pos = r->pos;
            break;
        }
        v->rows[v->count++] = (struct work){.msg = r->msg,
                                            .tries = r->tries,
                                            .trigger = r->request,
                                            .due_ms = r->request != TRIGGER_SCHEDULE ? r->pos : r->due_ms,
                                            .pos = r->pos,
                                            .body_bytes = 100};
    }
}

/* The rules of store.h for a record. */
static bool commit(struct world *w, struct event *v)
{
    struct row *r = v->row;
    r->busy = false;
    w->busy[r->ep]--;
    if (r->expunged)
        return false;
    if (v->trigger != TRIGGER_SCHEDULE) {
        r->request = TRIGGER_SCHEDULE;
        if (v->success)
            r->status = DELIVERY_SUCCESS;
        r->pos = r->status == DELIVERY_PENDING ? (w->fifo[r->ep] ? r->pos : r->due_ms) : 0;
        return true;
    }
    bool moved = r->status == DELIVERY_PENDING;
    if (!moved)
        return false;
    r->tries++;
    r->status = v->verdict.status;
    r->due_ms = v->verdict.due_ms;
    if (r->request != TRIGGER_SCHEDULE) /* what waits keeps its place */
        return true;
    if (r->status != DELIVERY_PENDING)
        r->pos = 0;
    else if (!w->fifo[r->ep])
        r->pos = r->due_ms;
    return true;
}

static void new_message(struct world *w, oid_t ep)
{
    struct row *r = &w->rows[w->row_count++];
    int64_t pos = w->fifo[ep] && w->last_pos >= w->now_ms ? w->last_pos + 1 : w->now_ms;
    w->last_pos = pos > w->last_pos ? pos : w->last_pos;
    *r = (struct row){
            .msg = (oid_t)w->row_count, .ep = ep, .status = DELIVERY_PENDING, .due_ms = w->now_ms, .pos = pos};
    plan(w, EV_HAND_OVER, w->fifo[ep] ? 0 : between(w, 0, 50))->row = r;
}

static void ask_by_hand(struct world *w, struct row *r)
{
    if (r->request != TRIGGER_SCHEDULE || r->by_hand >= REQUEST_LIMIT || r->expunged)
        return;
    r->by_hand++;
    r->request = TRIGGER_MANUAL;
    if (!w->fifo[r->ep])
        r->pos = w->now_ms / PLACE_BY_HAND_STEP_MS;
    else if (r->pos == 0) /* in an order it keeps its place, or comes last */
        r->pos = w->now_ms;
    engine_by_hand(w->engine, engine_meet(w->engine, r->ep), w->now_ms);
}

static void expunge(struct world *w)
{
    struct row *r = &w->rows[chance(w) % w->row_count];
    if (r->pos == 0)
        return;
    r->expunged = true;
    r->status = DELIVERY_FAIL;
    r->request = TRIGGER_SCHEDULE;
    r->pos = 0;
    engine_forget(w->engine, engine_meet(w->engine, r->ep), r->msg, w->now_ms);
}

/* What is pending for an endpoint of the older half of the messages ends at once. */
static void cancel(struct world *w)
{
    oid_t ep = w->rows[chance(w) % w->row_count].ep;
    for (size_t i = 0; i < w->row_count / 2; i++) {
        struct row *r = &w->rows[i];
        if (r->ep != ep || r->pos == 0)
            continue;
        r->expunged = true;
        r->status = DELIVERY_CANCELED;
        r->request = TRIGGER_SCHEDULE;
        r->pos = 0;
    }
    engine_reread(w->engine, engine_meet(w->engine, ep), w->now_ms);
}

static void configure(struct world *w, oid_t ep)
{
    struct engine_config c = {.app = ep % 2 + 1,
                              .host = ep % 2 ? "a:80" : "b:80",
                              .rate_per_second = w->rate[ep],
                              .workspace_per_second = w->workspace_rate[ep % 2 + 1],
                              .fifo = w->fifo[ep]};
    engine_configure(w->engine, engine_meet(w->engine, ep), &c, w->now_ms);
}

static void happen(struct world *w, struct event *v)
{
    struct work work;
    switch (v->kind) {
    case EV_HAND_OVER:
        if (v->row->pos == 0)
            break;
        work = (struct work){.msg = v->row->msg, .due_ms = v->row->due_ms, .pos = v->row->pos, .body_bytes = 100};
        if (v->row->tries != 0 || v->row->request != TRIGGER_SCHEDULE)
            break;
        if (!engine_meet(w->engine, v->row->ep)->configured)
            configure(w, v->row->ep);
        engine_add(w->engine, engine_meet(w->engine, v->row->ep), &work, w->now_ms);
        break;
    case EV_FINISH: {
        struct engine_outcome o = {.success = v->success,
                                   .breaker_counts = true,
                                   .retry_after_ms = chance(w) % 5 == 0 ? between(w, 0, 100000) : -1,
                                   .schedule_ms = schedule,
                                   .schedule_count = ARRAY_LEN(schedule)};
        struct event *c = plan(w, EV_COMMIT, between(w, 0, 40));
        engine_outcome(w->engine, v->work, &o, w->now_ms, &c->verdict);
        c->work = v->work;
        c->row = v->row;
        c->success = v->success;
        c->trigger = v->trigger;
        break;
    }
    case EV_COMMIT: {
        bool moved = commit(w, v);
        engine_recorded(w->engine, v->work, !moved, w->now_ms);
        break;
    }
    case EV_READ: {
        read_pending(w, v);
        struct event *f = plan(w, EV_REFILLED, between(w, 0, 60));
        struct heap_node node = f->at;
        *f = *v;
        f->at = node;
        f->kind = EV_REFILLED;
        break;
    }
    case EV_REFILLED:
        if (!v->ep->configured) /* it was forgotten while it was idle */
            configure(w, engine_endpoint_id(v->ep));
        engine_refilled(w->engine, v->ep, v->rows, v->count, v->next_pos, chance(w) % 20 == 0 && v->count == 0,
                        w->now_ms);
        break;
    }
}

static size_t unfinished(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->row_count; i++)
        n += w->rows[i].pos != 0;
    return n;
}

/* Nothing will happen by itself. */
static bool is_quiet(const struct world *w)
{
    return heap_min(&w->events) == NULL && engine_next_ms(w->engine) == TIME_NEVER;
}

static void advance(struct world *w)
{
    struct heap_node *next = heap_min(&w->events);
    int64_t at = next != NULL ? next->key : TIME_NEVER;
    int64_t step = engine_next_ms(w->engine);
    if (step < at)
        at = step;
    assert_true(at != TIME_NEVER);
    if (at > w->now_ms)
        w->now_ms = at;
    for (struct heap_node *n; (n = heap_pop_until(&w->events, w->now_ms)) != NULL;) {
        struct event *v = CONTAINER_OF(n, struct event, at);
        happen(w, v);
        free(v);
    }
    engine_step(w->engine, w->now_ms);
}

static struct world *begin(uint64_t seed)
{
    struct world *w = mem_zalloc(1, sizeof *w);
    struct engine_env env = {.arg = w,
                             .random = env_random,
                             .start = env_start,
                             .refill = env_refill,
                             .release = env_release,
                             .forget = env_forget,
                             .workspace_pace = env_pace,
                             .host_acquire = env_acquire,
                             .host_release = env_release_host,
                             .host_open = env_open,
                             .host_close = env_close};
    struct engine_limits limits = {.per_endpoint = 8,
                                   .total = 24,
                                   .resident_max = 16,
                                   .bytes_max = 5000,
                                   .idle_max = 2,
                                   .horizon_ms = 3000,
                                   .disable_after_ms = TIME_DAY_MS};
    w->seed = seed;
    w->now_ms = 1795000000000;
    heap_init(&w->events);
    w->engine = engine_new(&limits, &env);
    w->fifo[2] = w->fifo[5] = true;
    w->rate[4] = 20;
    w->workspace_rate[2] = seed % 2 == 0 ? 30 : 0; /* of endpoints 1, 3 and 5 */
    for (oid_t ep = 1; ep <= ENDPOINTS; ep++)
        configure(w, ep);
    return w;
}

static void end(struct world *w)
{
    while (heap_min(&w->events) != NULL)
        advance(w);
    engine_free(w->engine);
    heap_fini(&w->events);
    free(w);
}

static void simulate(uint64_t seed)
{
    struct world *w = begin(seed);
    for (int i = 0; i < 3000 && w->row_count < 600; i++) {
        if (chance(w) % 3 == 0)
            new_message(w, (oid_t)(1 + chance(w) % ENDPOINTS));
        if (chance(w) % 40 == 0 && w->row_count > 0)
            ask_by_hand(w, &w->rows[chance(w) % w->row_count]);
        if (chance(w) % 40 == 0 && w->row_count > 0)
            expunge(w);
        if (chance(w) % 100 == 0 && w->row_count > 0)
            cancel(w);
        if (!is_quiet(w))
            advance(w);
    }
    w->healthy = true;
    int64_t healed_ms = w->now_ms;
    for (int i = 0; unfinished(w) > 0; i++) {
        if (is_quiet(w)) { /* as the driver does about once a second */
            w->now_ms += 1000;
            engine_retry_blocked(w->engine);
            engine_step(w->engine, w->now_ms);
        }
        if (i > EVENTS_MAX || is_quiet(w))
            fail_msg("seed %llu: %zu deliveries are stuck", (unsigned long long)seed, unfinished(w));
        advance(w);
    }
    assert_true(w->now_ms - healed_ms < TIME_HOUR_MS);
    while (heap_min(&w->events) != NULL)
        advance(w);
    for (size_t i = 0; i < w->row_count; i++)
        assert_true(w->rows[i].status == DELIVERY_SUCCESS || w->rows[i].tries == (int)ARRAY_LEN(schedule) + 1 ||
                    w->rows[i].expunged);
    assert_int_equal(w->host_in_flight, 0);
    struct engine_stats st;
    engine_stats(w->engine, &st);
    assert_true(st.endpoints < ENDPOINTS); /* some were idle and are forgotten */
    assert_int_equal(st.in_memory, 0);
    assert_int_equal(st.bytes, 0);
    end(w);
}

static void everything_ends(void **state)
{
    (void)state;
    const char *from = getenv("SEED");
    uint64_t first = from != NULL ? strtoull(from, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + (from != NULL ? 1 : 150); seed++) {
        simulate(seed);
    }
}

/* A backlog that is far larger than what is kept in memory, and one of it, or one that is over, is asked for. */
static void by_hand_goes_before_a_backlog(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world *w = begin(seed);
        w->healthy = true;
        for (int i = 0; i < 600; i++)
            new_message(w, 1);
        while (w->starts < 100)
            advance(w);
        struct row *r = &w->rows[seed % 2 == 0 ? 0 : 599];
        assert_true(seed % 2 == 0 ? r->pos == 0 : r->pos != 0);
        ask_by_hand(w, r);
        int before = w->starts;
        while (!r->busy)
            advance(w);
        /* those under way, and those that begin while the store is read */
        if (w->starts - before > 40)
            fail_msg("seed %llu: %d others went first", (unsigned long long)seed, w->starts - before - 1);
        while (unfinished(w) > 0)
            advance(w);
        end(w);
    }
}

/* What a workspace may not send does not keep others from it, and an end of the limit is an end of the wait. */
static void a_limit_holds_its_workspace_only(void **state)
{
    (void)state;
    struct world *w = begin(2);
    int began[3];
    w->healthy = true;
    w->workspace_rate[2] = 10;
    for (oid_t ep = 1; ep <= ENDPOINTS; ep++)
        configure(w, ep);
    for (int i = 0; i < 200; i++)
        new_message(w, (oid_t)(i % 4 < 3 ? 1 : 6)); /* 1 is limited */
    int64_t from_ms = w->now_ms;
    while (w->now_ms - from_ms < 3000)
        advance(w);
    memcpy(began, w->of_workspace_at, sizeof began);
    assert_in_range(began[2], 28, 32);
    assert_int_equal(began[1], 50);
    w->workspace_rate[2] = 0;
    configure(w, 1);
    from_ms = w->now_ms;
    while (unfinished(w) > 0)
        advance(w);
    assert_in_range(w->now_ms - from_ms, 0, 6000);
    end(w);
}

static void delays_stay_inside(void **state)
{
    (void)state;
    const int64_t delays[] = {5000, 2000, 0};
    for (uint64_t random = 0; random < 5000; random++) {
        int64_t d = retry_delay_ms(delays, 3, 1, -1, random);
        assert_true(d >= 4500 && d <= 5000);
    }
    assert_int_equal(retry_delay_ms(delays, 3, 2, 3000, 7), 3000);
    assert_int_equal(retry_delay_ms(delays, 3, 2, 9000, 7), 4000);
    assert_true(retry_delay_ms(delays, 3, 2, 1000, 7) <= 2000);
    assert_int_equal(retry_delay_ms(delays, 3, 3, -1, 7), 0);
    assert_int_equal(retry_delay_ms(delays, 3, 4, -1, 7), -1);
    assert_int_equal(retry_delay_ms(NULL, 0, 1, 3000, 7), -1);
}

static void breaker_opens_and_ramps(void **state)
{
    (void)state;
    struct breaker b;
    int64_t at;
    breaker_init(&b, 16);
    for (int i = 0; i < 50; i++) /* one message alone never opens it: its own schedule is the pace */
        breaker_failure(&b, 1, false, 1000, 0);
    assert_int_equal(b.state, BREAKER_CLOSED);
    for (oid_t msg = 2; msg <= BREAKER_FAILURES; msg++)
        breaker_failure(&b, msg, false, 1000, 0);
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_false(breaker_allows(&b, 0, 1000, 1500, &at));
    assert_int_equal(at, 2000);
    assert_true(breaker_allows(&b, 0, 1000, 2000, &at));
    assert_false(breaker_allows(&b, 1, 1000, 2000, &at));
    for (oid_t msg = 100; msg < 120; msg++)
        breaker_failure(&b, msg, false, 2000, 0);
    assert_int_equal(b.wait_ms, BREAKER_WAIT_MAX_MS);
    /* Who tries by hand meanwhile makes nobody wait longer; as the probe that is due it counts. */
    int64_t probe_ms = b.probe_ms;
    for (oid_t msg = 200; msg < 220; msg++)
        breaker_failure(&b, msg, true, probe_ms - 1, 0);
    assert_int_equal(b.probe_ms, probe_ms);
    breaker_failure(&b, 300, true, probe_ms, 0);
    assert_int_equal(b.probe_ms, probe_ms + BREAKER_WAIT_MAX_MS);
    assert_true(breaker_allows(&b, 0, 2000, 2000 + BREAKER_WAIT_MAX_MS, &at));
    breaker_success(&b);
    assert_int_equal(b.state, BREAKER_RAMP);
    for (int i = 0; i < 20; i++)
        breaker_success(&b);
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_int_equal(b.window, 16);
}

static void matching(void **state)
{
    (void)state;
    const struct str types[] = {STR("a.b"), STR("c")}, channels[] = {STR("x")}, other[] = {STR("y")};
    struct endpoint all = {0}, some = {.event_types = types, .event_type_count = 2},
                    channel = {.channels = channels, .channel_count = 1}, off = {.disabled = true};
    struct match_facts ab = {.event_type = STR("a.b")}, z = {.event_type = STR("z")},
                       x = {.event_type = STR("z"), .channels = channels, .channel_count = 1},
                       y = {.event_type = STR("z"), .channels = other, .channel_count = 1};
    assert_true(match_endpoint(&all, &z) && match_endpoint(&all, &x));
    assert_true(match_endpoint(&some, &ab) && !match_endpoint(&some, &z));
    assert_true(match_endpoint(&channel, &x) && !match_endpoint(&channel, &y) && !match_endpoint(&channel, &z));
    assert_false(match_endpoint(&off, &ab));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(everything_ends),
            cmocka_unit_test(by_hand_goes_before_a_backlog),
            cmocka_unit_test(a_limit_holds_its_workspace_only),
            cmocka_unit_test(delays_stay_inside),
            cmocka_unit_test(breaker_opens_and_ramps),
            cmocka_unit_test(matching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
