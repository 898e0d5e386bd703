/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries that are asked for again, made late, or canceled: in bulk, in steps of several sizes. */
#include "topics.h"

#define N 7

struct scene {
    oid_t app, ep, other;
    oid_t msg[N];
    int64_t at_ms[N];
};

static const struct replay_filter failed = {.status = DELIVERY_FAIL, .status_class = -1};

/* N messages a second apart, each to two endpoints: types a.0, a.1, a.0 …, the first half with a channel and a tag. */
static struct scene scene_make(struct fixture *f)
{
    struct scene s = {.app = fx_app(f), .ep = fx_id(f), .other = fx_id(f)};
    for (size_t i = 0; i < N; i++) {
        s.at_ms[i] = f->now_ms += 1000;
        struct message m = fx_message(f, s.app);
        m.event_type = i % 2 == 0 ? STR("a.0") : STR("a.1");
        m.channels = i < N / 2 ? STR("[\"x\",\"y\"]") : STR_NULL;
        m.tags = i < N / 2 ? STR("[\"t\"]") : STR_NULL;
        struct store_target t[2] = {{.ep = s.ep, .profile_version = 1, .due_ms = f->now_ms},
                                    {.ep = s.other, .profile_version = 1, .due_ms = f->now_ms}};
        OK(fx_append(f, &m, t, 2));
        s.msg[i] = m.id;
    }
    return s;
}

/* All were tried once: the third got a 200, the others a 500 and no more tries. */
static void scene_try(struct fixture *f, const struct scene *s)
{
    for (size_t i = 0; i < N; i++) {
        bool good = i == 3;
        fx_record(f, s->app, s->msg[i], s->ep,
                  (struct fx_outcome){.number = 1,
                                      .status = good ? DELIVERY_SUCCESS : DELIVERY_FAIL,
                                      .reason = good ? REASON_NONE : REASON_EXHAUSTED,
                                      .http_status = good ? 200 : 500});
    }
}

static void the_failed_of_a_time(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 1; max <= N + 1; max += 3) {
        struct scene s = scene_make(f);
        scene_try(f, &s);
        /* The range is closed: the first and the last but one message stand on its ends. */
        struct store_sweep op = {.sweep = SWEEP_REPLAY,
                                 .ep = s.ep,
                                 .replay = &failed,
                                 .since_ms = s.at_ms[1],
                                 .until_ms = s.at_ms[N - 2],
                                 .now_ms = f->now_ms + 50,
                                 .rows_max = max};
        assert_int_equal(fx_sweep(f, op, NULL), N - 3);
        for (size_t i = 0; i < N; i++) {
            struct delivery d = fx_delivery(f, s.msg[i], s.ep);
            bool asked = i >= 1 && i <= N - 2 && i != 3;
            assert_int_equal(d.status, i == 3 ? DELIVERY_SUCCESS : DELIVERY_FAIL);
            assert_int_equal(d.request, asked ? TRIGGER_RECOVERY : TRIGGER_SCHEDULE);
            assert_int_equal(d.pos, asked ? f->now_ms + 50 : 0);
            assert_int_equal(fx_delivery(f, s.msg[i], s.other).request, TRIGGER_SCHEDULE);
        }
        /* The ends of time are a range too. Asked for already counts, and is not asked for again. */
        op.since_ms = 0;
        op.until_ms = TIME_NEVER;
        op.now_ms += 1000;
        assert_int_equal(fx_sweep(f, op, NULL), N - 1);
        assert_int_equal(fx_delivery(f, s.msg[1], s.ep).pos, f->now_ms + 50);
        assert_int_equal(fx_delivery(f, s.msg[0], s.ep).pos, f->now_ms + 1050);
    }
}

static void only_what_fits(void **state)
{
    struct fixture *f = *state;
    const struct str one[] = {STR("a.1")}, two[] = {STR("a.1"), STR("a.0")};
    const struct {
        struct replay_filter filter;
        size_t rows;
    } cases[] = {
            {{.status = -1, .status_class = -1}, N},
            {{.status = DELIVERY_FAIL, .status_class = -1}, N - 1},
            {{.status = DELIVERY_SUCCESS, .status_class = -1}, 1},
            {{.status = DELIVERY_CANCELED, .status_class = -1}, 0},
            {{.status = -1, .status_class = 200}, 1},
            {{.status = -1, .status_class = 500}, N - 1},
            {{.status = -1, .status_class = 0}, 0},
            {{.status = DELIVERY_SUCCESS, .status_class = 500}, 0},
            {{.status = -1, .status_class = -1, .event_types = one, .event_type_count = 1}, N / 2},
            {{.status = -1, .status_class = -1, .event_types = two, .event_type_count = 2}, N},
            {{.status = -1, .status_class = -1, .channel = STR("y")}, N / 2},
            {{.status = -1, .status_class = -1, .channel = STR("t")}, 0},
            {{.status = -1, .status_class = -1, .tag = STR("t")}, N / 2},
            {{.status = -1, .status_class = -1, .tag = STR("t"), .event_types = one, .event_type_count = 1}, 1},
    };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct scene s = scene_make(f);
        scene_try(f, &s);
        struct store_sweep op = {.sweep = SWEEP_REPLAY,
                                 .ep = s.ep,
                                 .replay = &cases[c].filter,
                                 .until_ms = TIME_NEVER,
                                 .now_ms = f->now_ms,
                                 .rows_max = 3};
        size_t rows = fx_sweep(f, op, NULL);
        if (rows != cases[c].rows)
            fail_msg("case %zu: %zu rows, not %zu", c, rows, cases[c].rows);
    }
}

/* Pending ones are on their way: nobody asks for them again. Without a payload nothing can be sent: that is counted. */
static void pending_and_expunged_are_left(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    scene_try(f, &s);
    oid_t late = fx_send(f, s.app, s.ep, f->now_ms + 60000);
    for (size_t i = 0; i < 2; i++) {
        struct store_expunge expunge = {.op.kind = STORE_EXPUNGE, .app = s.app, .msg = s.msg[i]};
        OK(store_run(f->store, &expunge.op));
        assert_true(expunge.erased);
        OK(store_run(f->store, &expunge.op));
        assert_false(expunge.erased);
    }
    static const struct replay_filter all = {.status = -1, .status_class = -1};
    struct store_sweep op = {.op.kind = STORE_SWEEP,
                             .sweep = SWEEP_REPLAY,
                             .ep = s.ep,
                             .replay = &all,
                             .until_ms = TIME_NEVER,
                             .now_ms = f->now_ms,
                             .rows_max = 100};
    OK(store_run(f->store, &op.op));
    assert_int_equal(op.rows, N - 2);
    assert_int_equal(op.skipped, 2);
    assert_int_equal(op.visited, N + 1);
    assert_false(op.more);
    assert_int_equal(fx_delivery(f, s.msg[0], s.ep).request, TRIGGER_SCHEDULE);
    assert_int_equal(fx_delivery(f, late, s.ep).request, TRIGGER_SCHEDULE);
}

static void what_waits_is_canceled(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 1; max <= N + 3; max += 3) {
        struct scene s = scene_make(f);
        int64_t before_ms = s.at_ms[N - 1];
        oid_t younger = s.msg[N - 1];
        fx_record(f, s.app, s.msg[0], s.ep, (struct fx_outcome){.number = 1, .http_status = 200});
        fx_record(f, s.app, s.msg[1], s.ep,
                  (struct fx_outcome){.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED});
        fx_record(f, s.app, s.msg[2], s.ep,
                  (struct fx_outcome){
                          .number = 1, .status = DELIVERY_PENDING, .due_ms = f->now_ms + TIME_DAY_MS}); /* far behind */
        OK(fx_resend(f, s.app, s.msg[1], s.ep, TRIGGER_MANUAL)); /* a request waits, the schedule is over */
        struct store_sweep op = {
                .sweep = SWEEP_CANCEL, .ep = s.ep, .until_ms = before_ms, .now_ms = f->now_ms, .rows_max = max};
        assert_int_equal(fx_sweep(f, op, NULL), N - 2);
        for (size_t i = 0; i < N; i++) {
            struct delivery d = fx_delivery(f, s.msg[i], s.ep);
            bool left = s.msg[i] == younger;
            assert_int_equal(d.status, i == 0   ? DELIVERY_SUCCESS
                                       : i == 1 ? DELIVERY_FAIL
                                       : left   ? DELIVERY_PENDING
                                                : DELIVERY_CANCELED);
            assert_int_equal(d.reason, i == 1 ? REASON_EXHAUSTED : REASON_NONE);
            assert_int_equal(d.request, TRIGGER_SCHEDULE);
            assert_int_equal(d.due_ms != 0, left);
            assert_int_equal(d.pos != 0, left);
            assert_int_equal(fx_delivery(f, s.msg[i], s.other).status, DELIVERY_PENDING);
        }
        assert_int_equal(fx_sweep(f, op, NULL), 0);
        /* An attempt that was on its way: a 2xx is a fact, a failure changes nothing. */
        assert_true(fx_record(f, s.app, s.msg[3], s.ep, (struct fx_outcome){.number = 1, .http_status = 200}));
        assert_int_equal(fx_delivery(f, s.msg[3], s.ep).status, DELIVERY_SUCCESS);
        assert_false(fx_record(
                f, s.app, s.msg[4], s.ep,
                (struct fx_outcome){
                        .number = 1, .status = DELIVERY_PENDING, .due_ms = f->now_ms + 1000, .http_status = 500}));
        assert_int_equal(fx_delivery(f, s.msg[4], s.ep).status, DELIVERY_CANCELED);
        /* And by hand it can be had all the same. */
        OK(fx_resend(f, s.app, s.msg[4], s.ep, TRIGGER_MANUAL));
        assert_true(fx_record(f, s.app, s.msg[4], s.ep,
                              (struct fx_outcome){.number = 0, .trigger = TRIGGER_MANUAL, .http_status = 200}));
        assert_int_equal(fx_delivery(f, s.msg[4], s.ep).status, DELIVERY_SUCCESS);
    }
}

/* Many rows of one time are walked in steps that are smaller. */
static void canceling_walks_rows_of_one_time(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    int64_t due_ms = f->now_ms + TIME_HOUR_MS;
    for (int i = 0; i < 40; i++)
        fx_send(f, app, ep, due_ms);
    f->now_ms += 10;
    int64_t before_ms = f->now_ms;
    for (int i = 0; i < 25; i++)
        fx_send(f, app, ep, due_ms);
    struct store_sweep op = {.sweep = SWEEP_CANCEL, .ep = ep, .until_ms = before_ms, .rows_max = 7};
    size_t steps = 0;
    assert_int_equal(fx_sweep(f, op, &steps), 40);
    assert_true(steps < 20);
}

static struct store_resend missing(struct fixture *f, const struct scene *s, size_t i, oid_t ep, bool fifo)
{
    return (struct store_resend){.op.kind = STORE_RESEND,
                                 .app = s->app,
                                 .msg = s->msg[i],
                                 .ep = ep,
                                 .profile_version = 3,
                                 .trigger = TRIGGER_SCHEDULE,
                                 .now_ms = f->now_ms,
                                 .if_missing = true,
                                 .fifo = fifo};
}

static void what_is_missing_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    scene_try(f, &s);
    oid_t late = fx_id(f), ordered = fx_id(f);
    for (int twice = 0; twice < 2; twice++) {
        for (size_t i = 0; i < N; i++) {
            struct store_resend op = missing(f, &s, i, late, false);
            OK(store_run(f->store, &op.op));
            assert_int_equal(op.changed, twice == 0);
        }
    }
    struct store_resend there = missing(f, &s, 0, s.ep, false);
    OK(store_run(f->store, &there.op));
    assert_false(there.changed);
    assert_int_equal(fx_delivery(f, s.msg[0], s.ep).status, DELIVERY_FAIL);
    for (size_t i = 0; i < N; i++) {
        struct delivery d = fx_delivery(f, s.msg[i], late);
        assert_int_equal(d.status, DELIVERY_PENDING);
        assert_int_equal(d.request, TRIGGER_SCHEDULE);
        assert_int_equal(d.due_ms, f->now_ms);
        assert_int_equal(d.pos, f->now_ms);
        assert_int_equal(d.profile_version, 3);
    }
    int64_t last = 0;
    for (size_t i = 0; i < N; i++) {
        struct store_resend op = missing(f, &s, i, ordered, true);
        OK(store_run(f->store, &op.op));
        struct delivery d = fx_delivery(f, s.msg[i], ordered);
        assert_true(d.fifo);
        assert_true(d.pos > last);
        last = d.pos;
    }
}

const struct CMUnitTest replay_tests[] = {
        FX_TEST(the_failed_of_a_time),
        FX_TEST(only_what_fits),
        FX_TEST(pending_and_expunged_are_left),
        FX_TEST(what_waits_is_canceled),
        FX_TEST(canceling_walks_rows_of_one_time),
        FX_TEST(what_is_missing_is_made_once),
};
const size_t replay_test_count = ARRAY_LEN(replay_tests);
