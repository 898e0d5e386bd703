/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes: how each record moves a delivery, what is stale, what an attempt by hand changes, an endpoint's health. */
#include "topics.h"

#define T0    TEST_START_MS
#define DUE   (T0 + 60000) /* when the deliveries of the table are due */
#define AGAIN (T0 + 99000) /* when a record wants the next attempt */

/* Where a delivery stands before the record. */
enum start {
    FRESH,    /* pending, no attempt yet */
    TRIED,    /* pending, two attempts made */
    SENT,     /* delivered by its first attempt */
    FAILED,   /* exhausted by its first attempt */
    GIVEN_UP, /* the endpoint was disabled */
    STARTS
};

static const struct fx_outcome to_tried[] = {
        {.number = 1, .status = DELIVERY_PENDING, .due_ms = DUE, .http_status = 500},
        {.number = 2, .status = DELIVERY_PENDING, .due_ms = DUE, .http_status = 0}};
static const struct fx_outcome to_sent[] = {{.number = 1, .status = DELIVERY_SUCCESS, .http_status = 204}};
static const struct fx_outcome to_failed[] = {
        {.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED, .http_status = 410}};
static const struct fx_outcome to_given_up[] = {
        {.number = 1, .status = DELIVERY_FAIL, .reason = REASON_DISABLED, .http_status = 500}};

static const struct {
    const struct fx_outcome *outcomes;
    size_t count;
} starts[STARTS] = {
        [TRIED] = {to_tried, 2}, [SENT] = {to_sent, 1}, [FAILED] = {to_failed, 1}, [GIVEN_UP] = {to_given_up, 1}};

static oid_t begin(struct fixture *f, oid_t app, oid_t ep, enum start start)
{
    oid_t msg = fx_send(f, app, ep, DUE);
    for (size_t i = 0; i < starts[start].count; i++)
        assert_true(fx_record(f, app, msg, ep, starts[start].outcomes[i]));
    return msg;
}

struct expected {
    enum delivery_status status;
    enum delivery_reason reason;
    int tries;
    int64_t due_ms;
    bool has_pos;
};

static void expect(struct fixture *f, const char *name, oid_t msg, oid_t ep, struct expected e,
                   enum attempt_trigger request)
{
    struct delivery d = fx_delivery(f, msg, ep);
    if (d.status != e.status || d.reason != e.reason || d.tries != e.tries || d.due_ms != e.due_ms ||
        (d.pos != 0) != e.has_pos || d.request != request)
        fail_msg("%s: status %d reason %d tries %d due +%lld pos +%lld request %d", name, d.status, d.reason, d.tries,
                 (long long)(d.due_ms - T0), (long long)(d.pos - T0), d.request);
    if (e.has_pos && request == TRIGGER_SCHEDULE)
        assert_int_equal(d.pos, e.due_ms);
}

#define PENDING_AT(n, due)                                                                                             \
    {                                                                                                                  \
        DELIVERY_PENDING, REASON_NONE, n, due, true                                                                    \
    }
#define SENT_AFTER(n)                                                                                                  \
    {                                                                                                                  \
        DELIVERY_SUCCESS, REASON_NONE, n, 0, false                                                                     \
    }
#define FAILED_AFTER(n)                                                                                                \
    {                                                                                                                  \
        DELIVERY_FAIL, REASON_EXHAUSTED, n, 0, false                                                                   \
    }

static void records_move_deliveries(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        enum start start;
        struct fx_outcome outcome;
        bool moved;
        struct expected expected;
    } rows[] = {
            {"first, delivered", FRESH, {.number = 1, .http_status = 200}, true, SENT_AFTER(1)},
            {"first, again later",
             FRESH,
             {.number = 1, .status = DELIVERY_PENDING, .due_ms = AGAIN, .http_status = 500},
             true,
             PENDING_AT(1, AGAIN)},
            {"first, gone",
             FRESH,
             {.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED, .http_status = 410},
             true,
             FAILED_AFTER(1)},
            {"third, delivered", TRIED, {.number = 3, .http_status = 299}, true, SENT_AFTER(3)},
            {"third, again later",
             TRIED,
             {.number = 3, .status = DELIVERY_PENDING, .due_ms = AGAIN, .http_status = 302},
             true,
             PENDING_AT(3, AGAIN)},
            {"third, the last",
             TRIED,
             {.number = 3, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED},
             true,
             FAILED_AFTER(3)},
            {"stale: number done already",
             TRIED,
             {.number = 2, .status = DELIVERY_PENDING, .due_ms = AGAIN, .http_status = 500},
             false,
             PENDING_AT(2, DUE)},
            {"stale: number done already, the last",
             TRIED,
             {.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED, .http_status = 500},
             false,
             PENDING_AT(2, DUE)},
            {"stale: number not begun",
             FRESH,
             {.number = 2, .status = DELIVERY_PENDING, .due_ms = AGAIN},
             false,
             PENDING_AT(0, DUE)},
            {"stale, delivered: finishes", TRIED, {.number = 1, .http_status = 200}, true, SENT_AFTER(2)},
            {"delivered before, fails",
             SENT,
             {.number = 2, .status = DELIVERY_PENDING, .due_ms = AGAIN},
             false,
             SENT_AFTER(1)},
            {"delivered before, delivered", SENT, {.number = 2, .http_status = 200}, false, SENT_AFTER(1)},
            {"failed before, fails",
             FAILED,
             {.number = 2, .status = DELIVERY_PENDING, .due_ms = AGAIN},
             false,
             FAILED_AFTER(1)},
            {"failed before, late 2xx of the schedule",
             FAILED,
             {.number = 1, .http_status = 200},
             false,
             FAILED_AFTER(1)},
            {"given up while on its way, delivered", GIVEN_UP, {.number = 2, .http_status = 200}, true, SENT_AFTER(1)},
            {"given up while on its way, fails",
             GIVEN_UP,
             {.number = 2, .status = DELIVERY_PENDING, .due_ms = AGAIN},
             false,
             {DELIVERY_FAIL, REASON_DISABLED, 1, 0, false}},
    };
    oid_t app = fx_app(f), ep = fx_id(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        oid_t msg = begin(f, app, ep, rows[i].start);
        if (fx_record(f, app, msg, ep, rows[i].outcome) != rows[i].moved)
            fail_msg("%s: moved", rows[i].name);
        expect(f, rows[i].name, msg, ep, rows[i].expected, TRIGGER_SCHEDULE);
        /* Moved or not, the attempt is in the log. */
        struct attempt at;
        OK(store_get_attempt(f->reader, f->arena, app, f->last_id, &at));
        assert_int_equal(at.msg, msg);
        assert_int_equal(at.number, rows[i].outcome.number);
    }
}

static void attempts_by_hand_leave_the_schedule(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        enum start start;
        enum attempt_trigger trigger;
        int http_status;
        struct expected asked, done;
    } rows[] = {
            {"pending, delivered", TRIED, TRIGGER_MANUAL, 200, PENDING_AT(2, DUE), SENT_AFTER(2)},
            {"pending, fails", TRIED, TRIGGER_MANUAL, 500, PENDING_AT(2, DUE), PENDING_AT(2, DUE)},
            {"fresh, fails", FRESH, TRIGGER_RECOVERY, 0, PENDING_AT(0, DUE), PENDING_AT(0, DUE)},
            {"failed, delivered",
             FAILED,
             TRIGGER_MANUAL,
             200,
             {DELIVERY_FAIL, REASON_EXHAUSTED, 1, 0, true},
             SENT_AFTER(1)},
            {"failed, recovered",
             FAILED,
             TRIGGER_RECOVERY,
             200,
             {DELIVERY_FAIL, REASON_EXHAUSTED, 1, 0, true},
             SENT_AFTER(1)},
            {"failed, fails",
             FAILED,
             TRIGGER_MANUAL,
             500,
             {DELIVERY_FAIL, REASON_EXHAUSTED, 1, 0, true},
             FAILED_AFTER(1)},
            {"sent, delivered again",
             SENT,
             TRIGGER_MANUAL,
             200,
             {DELIVERY_SUCCESS, REASON_NONE, 1, 0, true},
             SENT_AFTER(1)},
    };
    oid_t app = fx_app(f), ep = fx_id(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        oid_t msg = begin(f, app, ep, rows[i].start);
        OK(fx_resend(f, app, msg, ep, rows[i].trigger));
        expect(f, rows[i].name, msg, ep, rows[i].asked, rows[i].trigger);
        bool first = rows[i].trigger == TRIGGER_MANUAL; /* else in its turn; the schedule's own time is later */
        assert_int_equal(fx_delivery(f, msg, ep).pos, first ? f->now_ms / PLACE_BY_HAND_STEP_MS : f->now_ms);
        struct fx_outcome o = {.trigger = rows[i].trigger,
                               .http_status = rows[i].http_status,
                               .status = rows[i].done.status,
                               .reason = rows[i].done.reason,
                               .due_ms = rows[i].done.due_ms};
        fx_record(f, app, msg, ep, o);
        expect(f, rows[i].name, msg, ep, rows[i].done, TRIGGER_SCHEDULE);
        struct delivery d = fx_delivery(f, msg, ep);
        assert_int_equal(d.last_attempt, f->last_id);
        assert_int_equal(d.last_failed, rows[i].http_status != 200);
    }
}

/* The schedule may bring its own result while an attempt by hand is asked for: neither swallows the other. */
static void the_schedule_goes_on_beside_a_request(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    oid_t msg = begin(f, app, ep, FRESH);
    OK(fx_resend(f, app, msg, ep, TRIGGER_MANUAL));
    assert_true(fx_record(
            f, app, msg, ep,
            (struct fx_outcome){.number = 1, .status = DELIVERY_PENDING, .due_ms = AGAIN, .http_status = 500}));
    struct delivery d = fx_delivery(f, msg, ep);
    assert_int_equal(d.tries, 1);
    assert_int_equal(d.due_ms, AGAIN);
    assert_int_equal(d.request, TRIGGER_MANUAL);
    assert_int_equal(d.pos, f->now_ms / PLACE_BY_HAND_STEP_MS);
    fx_record(f, app, msg, ep,
              (struct fx_outcome){.trigger = TRIGGER_MANUAL, .status = DELIVERY_PENDING, .due_ms = AGAIN});
    expect(f, "after the manual one", msg, ep, (struct expected)PENDING_AT(1, AGAIN), TRIGGER_SCHEDULE);
    /* What was asked for is done even when the schedule delivers first. */
    OK(fx_resend(f, app, msg, ep, TRIGGER_MANUAL));
    assert_true(fx_record(f, app, msg, ep, (struct fx_outcome){.number = 2, .http_status = 200}));
    expect(f, "asked for, then delivered", msg, ep, (struct expected){DELIVERY_SUCCESS, REASON_NONE, 2, 0, true},
           TRIGGER_MANUAL);
    assert_int_equal(fx_delivery(f, msg, ep).pos, f->now_ms / PLACE_BY_HAND_STEP_MS);
    fx_record(f, app, msg, ep, (struct fx_outcome){.trigger = TRIGGER_MANUAL, .http_status = 200});
    expect(f, "both done", msg, ep, (struct expected)SENT_AFTER(2), TRIGGER_SCHEDULE);
}

/* What is asked for by hand goes before work that is overdue, and a FIFO delivery never leaves its place. */
static void requests_never_postpone(void **state)
{
    struct fixture *f = *state;
    int64_t pos;
    oid_t app = fx_app(f), ep = fx_id(f), fifo = fx_id(f);
    oid_t late = fx_send(f, app, ep, f->now_ms - 5000), second = fx_send_fifo(f, app, fifo, &pos);
    OK(fx_resend(f, app, late, ep, TRIGGER_MANUAL));
    OK(fx_resend(f, app, second, fifo, TRIGGER_MANUAL));
    assert_int_equal(fx_delivery(f, late, ep).pos, f->now_ms / PLACE_BY_HAND_STEP_MS);
    assert_int_equal(fx_delivery(f, second, fifo).pos, pos);
    OK(fx_resend(f, app, late, ep, TRIGGER_RECOVERY)); /* many at once, each in its turn */
    assert_int_equal(fx_delivery(f, late, ep).pos, f->now_ms / PLACE_BY_HAND_STEP_MS);
    fx_record(f, app, second, fifo, (struct fx_outcome){.trigger = TRIGGER_MANUAL, .http_status = 500});
    assert_int_equal(fx_delivery(f, second, fifo).pos, pos);
}

static void resends_are_refused(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    oid_t msg = begin(f, app, ep, FAILED);
    assert_int_equal(fx_resend(f, app, msg + 1, ep, TRIGGER_MANUAL), ERR_NOT_FOUND);
    assert_int_equal(fx_resend(f, app + 1, msg, ep, TRIGGER_MANUAL), ERR_NOT_FOUND);
    fx_sweep(f, (struct store_sweep){.sweep = SWEEP_PAYLOADS, .until_ms = TIME_NEVER, .rows_max = 10}, NULL);
    assert_int_equal(fx_resend(f, app, msg, ep, TRIGGER_MANUAL), ERR_GONE);
    expect(f, "expired", msg, ep, (struct expected)FAILED_AFTER(1), TRIGGER_SCHEDULE);
}

static enum err expunge(struct fixture *f, oid_t app, oid_t msg, oid_t attempt)
{
    struct store_expunge op = {.op.kind = STORE_EXPUNGE, .app = app, .msg = msg, .attempt = attempt};
    return store_run(f->store, &op.op);
}

static void expunged_messages_are_over(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f), fifo = fx_id(f), other = fx_id(f);
    struct message m = fx_message(f, app), got;
    struct message_render render = {.profile_version = 1, .head = STR("<"), .tail = STR(">")};
    m.renders = &render;
    m.render_count = 1;
    struct store_target t[] = {{.ep = ep, .profile_version = 1, .due_ms = f->now_ms},
                               {.ep = fifo, .profile_version = 1, .due_ms = f->now_ms, .fifo = true},
                               {.ep = other, .profile_version = 1, .due_ms = f->now_ms}};
    OK(fx_append(f, &m, t, ARRAY_LEN(t)));
    oid_t neighbour = fx_send(f, app, ep, AGAIN);
    fx_record(f, app, m.id, other, (struct fx_outcome){.number = 1, .http_status = 200});
    OK(fx_resend(f, app, m.id, fifo, TRIGGER_MANUAL));
    assert_int_equal(expunge(f, app + 1, m.id, 0), ERR_NOT_FOUND);
    assert_int_equal(expunge(f, app, other, 0), ERR_NOT_FOUND);
    OK(store_get_message(f->reader, f->arena, app, m.id, true, &got));
    fx_same_str(got.payload, m.payload, "untouched");
    for (int i = 0; i < 2; i++) {
        OK(expunge(f, app, m.id, 0));
        OK(store_get_message(f->reader, f->arena, app, m.id, true, &got));
        assert_null(got.payload.ptr);
        assert_int_equal(got.render_count, 0);
        expect(f, "pending", m.id, ep, (struct expected){DELIVERY_FAIL, REASON_EXPIRED, 0, 0, false}, TRIGGER_SCHEDULE);
        expect(f, "FIFO", m.id, fifo, (struct expected){DELIVERY_FAIL, REASON_EXPIRED, 0, 0, false}, TRIGGER_SCHEDULE);
        expect(f, "done", m.id, other, (struct expected)SENT_AFTER(1), TRIGGER_SCHEDULE);
        assert_int_equal(fx_delivery(f, m.id, fifo).pos, 0);
    }
    expect(f, "neighbour", neighbour, ep, (struct expected)PENDING_AT(0, AGAIN), TRIGGER_SCHEDULE);
    assert_int_equal(fx_resend(f, app, m.id, ep, TRIGGER_MANUAL), ERR_GONE);
    /* What was on its way is logged and moves nothing. */
    assert_false(fx_record(
            f, app, m.id, ep,
            (struct fx_outcome){.number = 1, .status = DELIVERY_PENDING, .due_ms = AGAIN, .http_status = 500}));
    expect(f, "late", m.id, ep, (struct expected){DELIVERY_FAIL, REASON_EXPIRED, 0, 0, false}, TRIGGER_SCHEDULE);
}

static void expunged_attempts_keep_the_rest(void **state)
{
    struct fixture *f = *state;
    struct attempt before, after;
    oid_t app = fx_app(f), ep = fx_id(f), msg = fx_send(f, app, ep, f->now_ms);
    fx_record(f, app, msg, ep, (struct fx_outcome){.number = 1, .http_status = 200});
    oid_t id = f->last_id;
    OK(store_get_attempt(f->reader, f->arena, app, id, &before));
    assert_int_equal(expunge(f, app + 1, msg, id), ERR_NOT_FOUND);
    assert_int_equal(expunge(f, app, msg + 1, id), ERR_NOT_FOUND);
    assert_int_equal(expunge(f, app, msg, id + 1), ERR_NOT_FOUND);
    for (int i = 0; i < 2; i++) {
        OK(expunge(f, app, msg, id));
        OK(store_get_attempt(f->reader, f->arena, app, id, &after));
        fx_same_str(after.response_body, STR(STORE_EXPUNGED), "body");
        before.response_body = after.response_body;
        before.response_truncated = false;
        fx_same_attempt(&after, &before);
    }
    struct message m;
    OK(store_get_message(f->reader, f->arena, app, msg, true, &m));
    assert_non_null(m.payload.ptr);
}

/* The endpoint did not match when the message came: the delivery is made now, with its own envelope. */
static void a_resend_makes_the_delivery(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct message m = fx_message(f, app);
    OK(fx_append(f, &m, NULL, 0));
    struct message_render render = {.profile_version = 77, .head = STR("<"), .tail = STR(">")};
    struct store_resend op = {.op.kind = STORE_RESEND,
                              .app = app,
                              .msg = m.id,
                              .ep = ep,
                              .profile_version = 77,
                              .render = &render,
                              .trigger = TRIGGER_MANUAL,
                              .now_ms = f->now_ms};
    OK(store_run(f->store, &op.op));
    struct delivery d = fx_delivery(f, m.id, ep);
    assert_int_equal(d.profile_version, 77);
    assert_int_equal(d.request, TRIGGER_MANUAL);
    assert_int_equal(d.due_ms, 0);
    assert_int_equal(d.pos, f->now_ms / PLACE_BY_HAND_STEP_MS);
    struct pending_query q = {.ep = ep, .until_pos = TIME_NEVER, .limit = 10, .bytes_max = 1 << 20};
    struct pending_delivery *rows;
    size_t count;
    int64_t next;
    OK(store_load_pending(f->reader, f->arena, &q, &rows, &count, &next));
    assert_int_equal(count, 1);
    fx_same_message(&rows[0].message, &m);
    assert_int_equal(rows[0].message.render_count, 1);
    assert_int_equal(rows[0].message.renders[0].profile_version, 77);
    fx_same_str(rows[0].message.renders[0].head, STR("<"), "head");
    fx_same_str(rows[0].message.renders[0].tail, STR(">"), "tail");
    fx_record(f, app, m.id, ep,
              (struct fx_outcome){.trigger = TRIGGER_MANUAL, .status = DELIVERY_FAIL, .http_status = 500});
    d = fx_delivery(f, m.id, ep);
    assert_int_equal(d.status, DELIVERY_FAIL);
    assert_int_equal(d.pos, 0);
    assert_int_equal(d.tries, 0);
}

static void health_is_written_with_the_outcome(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct endpoint_health h, bad = {.ep = ep, .failing_since_ms = T0 + 1, .exhausted_since_ms = T0 + 2},
                              good = {.ep = ep};
    OK(store_get_health(f->reader, ep, &h));
    assert_int_equal(h.ep, ep);
    assert_int_equal(h.failing_since_ms, 0);
    assert_int_equal(h.exhausted_since_ms, 0);
    oid_t msg = begin(f, app, ep, FRESH);
    fx_record(f, app, msg, ep,
              (struct fx_outcome){.number = 1, .status = DELIVERY_PENDING, .due_ms = AGAIN, .health = &bad});
    OK(store_get_health(f->reader, ep, &h));
    assert_int_equal(h.failing_since_ms, T0 + 1);
    assert_int_equal(h.exhausted_since_ms, T0 + 2);
    fx_record(f, app, msg, ep, (struct fx_outcome){.number = 2, .http_status = 200, .health = &good});
    OK(store_get_health(f->reader, ep, &h));
    assert_int_equal(h.failing_since_ms, 0);
    assert_int_equal(h.exhausted_since_ms, 0);
}

/* Who has not read it yet adds to it: what is older stays, unless the endpoint was enabled again since. */
static void health_that_was_not_read_is_added_to(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f), msg = begin(f, app, ep, FRESH);
    static const struct {
        struct endpoint_health put;
        int64_t failing, exhausted;
    } rows[] = {
            {{.failing_since_ms = T0 + 5, .merge = true}, T0 + 5, 0},
            {{.failing_since_ms = T0 + 7, .exhausted_since_ms = T0 + 7, .merge = true}, T0 + 5, T0 + 7},
            {{.failing_since_ms = T0 + 9, .exhausted_since_ms = T0 + 9, .merge = true, .enabled_ms = T0 + 5},
             T0 + 5,
             T0 + 7},
            {{.failing_since_ms = T0 + 9, .merge = true, .enabled_ms = T0 + 6}, T0 + 9, T0 + 7},
            {{.failing_since_ms = T0 + 3, .merge = true, .enabled_ms = T0 + 20}, T0 + 3, 0},
            {{.failing_since_ms = T0 + 30}, T0 + 30, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct endpoint_health h = rows[i].put;
        h.ep = ep;
        fx_record(f, app, msg, ep,
                  (struct fx_outcome){.number = (int)i + 1, .status = DELIVERY_PENDING, .due_ms = AGAIN, .health = &h});
        OK(store_get_health(f->reader, ep, &h));
        assert_int_equal(h.failing_since_ms, rows[i].failing);
        assert_int_equal(h.exhausted_since_ms, rows[i].exhausted);
    }
}

const struct CMUnitTest record_tests[] = {
        FX_TEST(records_move_deliveries),
        FX_TEST(attempts_by_hand_leave_the_schedule),
        FX_TEST(the_schedule_goes_on_beside_a_request),
        FX_TEST(requests_never_postpone),
        FX_TEST(resends_are_refused),
        FX_TEST(a_resend_makes_the_delivery),
        FX_TEST(expunged_messages_are_over),
        FX_TEST(expunged_attempts_keep_the_rest),
        FX_TEST(health_is_written_with_the_outcome),
        FX_TEST(health_that_was_not_read_is_added_to),
};
const size_t record_test_count = ARRAY_LEN(record_tests);
