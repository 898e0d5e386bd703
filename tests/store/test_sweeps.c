/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk work: each sweep alone, in steps of several sizes, does all that it should and nothing else. */
#include "topics.h"

#define N 7

struct scene {
    oid_t app, ep, other;
    oid_t msg[N];
    int64_t at_ms[N];
};

/* N messages a second apart, each to two endpoints. */
static struct scene scene_make(struct fixture *f)
{
    struct scene s = {.app = fx_app(f), .ep = fx_id(f), .other = fx_id(f)};
    for (size_t i = 0; i < N; i++) {
        s.at_ms[i] = f->now_ms += 1000;
        struct message m = fx_message(f, s.app);
        struct store_target t[2] = {{.ep = s.ep, .profile_version = 1, .due_ms = f->now_ms},
                                    {.ep = s.other, .profile_version = 1, .due_ms = f->now_ms}};
        OK(fx_append(f, &m, t, 2));
        s.msg[i] = m.id;
    }
    return s;
}

static void fail_pending_stops_an_endpoint(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 1; max <= N + 1; max += 3) {
        struct scene s = scene_make(f);
        fx_record(f, s.app, s.msg[0], s.ep, (struct fx_outcome){.number = 1, .http_status = 200});
        fx_record(f, s.app, s.msg[1], s.ep,
                  (struct fx_outcome){.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED});
        OK(fx_resend(f, s.app, s.msg[1], s.ep, TRIGGER_MANUAL)); /* a request waits, the schedule is over */
        OK(fx_resend(f, s.app, s.msg[2], s.ep, TRIGGER_MANUAL));
        struct store_sweep op = {.sweep = SWEEP_FAIL_PENDING, .ep = s.ep, .reason = REASON_DISABLED, .rows_max = max};
        assert_int_equal(fx_sweep(f, op, NULL), N - 1);
        for (size_t i = 0; i < N; i++) {
            struct delivery d = fx_delivery(f, s.msg[i], s.ep), same = fx_delivery(f, s.msg[i], s.other);
            assert_int_equal(d.status, i == 0 ? DELIVERY_SUCCESS : DELIVERY_FAIL);
            assert_int_equal(d.reason, i == 0 ? REASON_NONE : i == 1 ? REASON_EXHAUSTED : REASON_DISABLED);
            assert_int_equal(d.pos, 0);
            assert_int_equal(d.due_ms, 0);
            assert_int_equal(d.request, TRIGGER_SCHEDULE);
            assert_int_equal(same.status, DELIVERY_PENDING);
        }
        assert_int_equal(fx_sweep(f, op, NULL), 0);
    }
}

static void payloads_age_out(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 1; max <= N + 1; max += 3) {
        oid_t app = fx_app(f), ep = fx_id(f), msg[N];
        int64_t base = f->now_ms;
        for (size_t i = 0; i < N; i++) {
            f->now_ms += 1000;
            struct message m = fx_message(f, app);
            /* Two retention times, mixed. */
            m.expires_ms = f->now_ms + (i % 2 == 0 ? TIME_DAY_MS : 30 * TIME_DAY_MS);
            struct store_target t = {.ep = ep, .profile_version = 1, .due_ms = f->now_ms};
            OK(fx_append(f, &m, &t, 1));
            msg[i] = m.id;
        }
        f->now_ms = base + TIME_DAY_MS + 3500; /* messages 0 and 2 are older than a day */
        struct store_sweep op = {.sweep = SWEEP_PAYLOADS, .until_ms = f->now_ms, .rows_max = max};
        assert_int_equal(fx_sweep(f, op, NULL), 2);
        for (size_t i = 0; i < N; i++) {
            struct message got;
            OK(store_get_message(f->reader, f->arena, app, msg[i], true, &got));
            assert_int_equal(got.payload.ptr == NULL, i == 0 || i == 2);
        }
        f->now_ms += 31 * TIME_DAY_MS;
        op.until_ms = f->now_ms;
        assert_int_equal(fx_sweep(f, op, NULL), N - 2);
        assert_int_equal(fx_sweep(f, op, NULL), 0);
    }
}

/* Lives of nearly the same length: the younger message may be the first to expire, and the other follows. */
static void payloads_expire_out_of_order(void **state)
{
    struct fixture *f = *state;
    static const int64_t lives[] = {50, 10, 55, 5, 59, 20}; /* minutes */
    oid_t app = fx_app(f), msg[ARRAY_LEN(lives)];
    int64_t base = f->now_ms;
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct message m = fx_message(f, app);
        m.expires_ms = base + lives[i] * TIME_MINUTE_MS;
        OK(fx_append(f, &m, NULL, 0));
        msg[i] = m.id;
    }
    size_t gone = 0;
    for (int64_t minute = 0; minute <= 120; minute += 10) {
        struct store_sweep op = {
                .sweep = SWEEP_PAYLOADS, .until_ms = base + minute * TIME_MINUTE_MS + 1, .rows_max = 100};
        gone += fx_sweep(f, op, NULL);
        for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
            struct message got;
            OK(store_get_message(f->reader, f->arena, app, msg[i], true, &got));
            assert_int_equal(got.payload.ptr == NULL, lives[i] <= minute);
        }
    }
    assert_int_equal(gone, ARRAY_LEN(lives));
}

static void messages_age_out_unless_pending(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 1; max <= N + 1; max += 3) {
        struct scene s = scene_make(f);
        for (size_t i = 0; i < N; i++) {
            if (i == 2)
                continue;
            fx_record(f, s.app, s.msg[i], s.ep, (struct fx_outcome){.number = 1, .http_status = 200});
            if (i != 3)
                fx_record(f, s.app, s.msg[i], s.other,
                          (struct fx_outcome){.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED});
        }
        oid_t attempt = f->last_id;
        struct store_sweep op = {.sweep = SWEEP_MESSAGES, .until_ms = s.at_ms[N - 1], .rows_max = max};
        assert_int_equal(fx_sweep(f, op, NULL), N - 3);
        for (size_t i = 0; i < N; i++) {
            struct message got;
            struct delivery d;
            bool there = i == 2 || i == 3 || i == N - 1;
            assert_int_equal(store_get_message(f->reader, f->arena, s.app, s.msg[i], true, &got),
                             there ? ERR_OK : ERR_NOT_FOUND);
            assert_int_equal(store_get_delivery(f->reader, s.msg[i], s.ep, &d), there ? ERR_OK : ERR_NOT_FOUND);
            assert_int_equal(store_get_delivery(f->reader, s.msg[i], s.other, &d), there ? ERR_OK : ERR_NOT_FOUND);
        }
        struct attempt at;
        OK(store_get_attempt(f->reader, f->arena, s.app, attempt, &at));
        op.until_ms = f->now_ms + 1;
        assert_int_equal(fx_sweep(f, op, NULL), 1);
    }
}

/* The event id of a message that is gone is free again. */
static void forgotten_event_ids_are_free(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message m = fx_message(f, app);
    m.event_id = STR("once");
    OK(fx_append(f, &m, NULL, 0));
    f->now_ms += 1000;
    struct store_sweep op = {.sweep = SWEEP_MESSAGES, .until_ms = f->now_ms, .rows_max = 10};
    m.id = fx_id(f);
    assert_int_equal(fx_append(f, &m, NULL, 0), ERR_CONFLICT);
    assert_int_equal(fx_sweep(f, op, NULL), 1);
    OK(fx_append(f, &m, NULL, 0));
}

static void attempts_age_out(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 1; max <= N + 1; max += 3) {
        struct scene s = scene_make(f);
        oid_t attempt[N];
        int64_t until = 0;
        for (size_t i = 0; i < N; i++) {
            f->now_ms += 1000;
            fx_record(f, s.app, s.msg[0], s.ep,
                      (struct fx_outcome){.number = (int)i + 1, .status = DELIVERY_PENDING, .due_ms = f->now_ms});
            attempt[i] = f->last_id;
            until = i == 4 ? f->now_ms : until;
        }
        assert_int_equal(
                fx_sweep(f, (struct store_sweep){.sweep = SWEEP_ATTEMPTS, .until_ms = until, .rows_max = max}, NULL),
                4);
        for (size_t i = 0; i < N; i++) {
            struct attempt at;
            assert_int_equal(store_get_attempt(f->reader, f->arena, s.app, attempt[i], &at),
                             i < 4 ? ERR_NOT_FOUND : ERR_OK);
        }
        assert_int_equal(fx_delivery(f, s.msg[0], s.ep).tries, N);
        fx_sweep(f, (struct store_sweep){.sweep = SWEEP_ATTEMPTS, .until_ms = f->now_ms + 1, .rows_max = 100}, NULL);
    }
}

/* Puts the identity and the old text into the new one; fails at the object whose identity is `fail_at`. */
struct reseal {
    struct fixture *f;
    oid_t fail_at;
    size_t calls;
};

static enum err reseal(void *arg, struct str sealed, struct str identity, struct buf *out)
{
    struct reseal *r = arg;
    uint64_t id;
    OK(str_to_u64(identity, &id));
    r->calls++;
    if ((oid_t)id == r->fail_at)
        return ERR_INVALID;
    buf_add(out, "\x01\0\0\0\x02", 5);
    buf_add_str(out, str_skip(sealed, 5));
    return ERR_OK;
}

static void secrets_are_sealed_again(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct object o[N], got;
    char old[] = "\x01\0\0\0\x01nonce-----12ciphertext tag-------------";
    char new[] = "\x01\0\0\0\x02nonce-----12ciphertext tag-------------";
    for (size_t i = 0; i < N; i++) {
        o[i] = fx_object(f, OBJ_ENDPOINT, app, NULL);
        if (i != 2)
            o[i].sealed = str_of(i == 4 ? new : old, sizeof old);
        OK(fx_change(f, OBJECT_CREATE, &o[i], 0));
    }
    struct reseal r = {.f = f, .fail_at = o[5].id};
    struct store_sweep op = {.op.kind = STORE_SWEEP,
                             .sweep = SWEEP_RESEAL,
                             .rows_max = 100,
                             .key_id = 2,
                             .reseal = reseal,
                             .reseal_arg = &r};
    /* A secret that does not open stops the step, and the step has done nothing. */
    assert_int_equal(store_run(f->store, &op.op), ERR_INVALID);
    OK(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, o[0].id, &got));
    fx_same_str(got.sealed, str_of(old, sizeof old), "sealed");
    r.fail_at = 0;
    op.rows_max = 2;
    assert_int_equal(fx_sweep(f, op, NULL), N - 2);
    for (size_t i = 0; i < N; i++) {
        OK(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, o[i].id, &got));
        fx_same_str(got.sealed, i == 2 ? STR_NULL : str_of(new, sizeof new), "sealed");
        assert_int_equal(got.version, 1);
    }
    assert_int_equal(fx_sweep(f, op, NULL), 0);
}

static void deleted_objects_are_forgotten(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct object o[6], got;
    for (size_t i = 0; i < ARRAY_LEN(o); i++) {
        o[i] = fx_object(f, i == 5 ? OBJ_ENV : OBJ_ENDPOINT, i == 5 ? 0 : app, NULL);
        if (i == 5)
            o[i].env = 0;
        OK(fx_change(f, OBJECT_CREATE, &o[i], 0));
        o[i].updated_ms = f->now_ms + (int64_t)i * 10;
        if (i > 0)
            OK(fx_change(f, OBJECT_DELETE, &o[i], 0));
    }
    uint64_t version = fx_app_version(f, app);
    struct store_sweep op = {.sweep = SWEEP_OBJECTS, .until_ms = f->now_ms + 31, .rows_max = 2};
    assert_int_equal(fx_sweep(f, op, NULL), 3);
    for (size_t i = 0; i < ARRAY_LEN(o); i++)
        assert_int_equal(store_get_object(f->reader, f->arena, o[i].kind, o[i].id, &got),
                         i >= 1 && i <= 3 ? ERR_NOT_FOUND : ERR_OK);
    op.until_ms = INT64_MAX;
    assert_int_equal(fx_sweep(f, op, NULL), 1);
    OK(store_get_object(f->reader, f->arena, OBJ_ENV, o[5].id, &got));
    assert_int_equal(fx_app_version(f, app), version);
}

const struct CMUnitTest sweep_tests[] = {
        FX_TEST(deleted_objects_are_forgotten),
        FX_TEST(fail_pending_stops_an_endpoint),
        FX_TEST(payloads_age_out),
        FX_TEST(payloads_expire_out_of_order),
        FX_TEST(messages_age_out_unless_pending),
        FX_TEST(forgotten_event_ids_are_free),
        FX_TEST(attempts_age_out),
        FX_TEST(secrets_are_sealed_again),
};
const size_t sweep_test_count = ARRAY_LEN(sweep_tests);
