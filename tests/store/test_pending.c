/* SPDX-License-Identifier: Apache-2.0 */
/* Due work: the summary of endpoints, loading in order with bounds, counts. */
#include "topics.h"

static size_t load(struct fixture *f, oid_t ep, int64_t until, size_t limit, size_t bytes,
                   struct pending_delivery **rows, int64_t *next)
{
    struct pending_query q = {.ep = ep, .until_pos = until, .limit = limit, .bytes_max = bytes};
    size_t count = 0;
    OK(store_load_pending(f->reader, f->arena, &q, rows, &count, next));
    return count;
}

static void the_summary_names_first_work(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep[4], msg[4];
    for (size_t i = 0; i < 4; i++)
        ep[i] = fx_id(f);
    for (size_t i = 0; i < 4; i++) {
        fx_send(f, app, ep[i], f->now_ms + 9000);
        msg[i] = fx_send(f, app, ep[i], f->now_ms + 1000 * (int64_t)i);
        fx_send(f, app, ep[i], f->now_ms + 8000);
    }
    struct pending_summary *rows;
    size_t count;
    OK(store_list_pending(f->reader, f->arena, 0, 10, &rows, &count));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rows[i].ep, ep[i]);
        assert_int_equal(rows[i].pos, f->now_ms + 1000 * (int64_t)i);
        assert_int_equal(rows[i].due_ms, f->now_ms + 1000 * (int64_t)i);
    }
    OK(store_list_pending(f->reader, f->arena, 0, 2, &rows, &count));
    assert_int_equal(count, 2);
    OK(store_list_pending(f->reader, f->arena, rows[1].ep, 2, &rows, &count));
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].ep, ep[2]);
    OK(store_list_pending(f->reader, f->arena, rows[1].ep, 2, &rows, &count));
    assert_int_equal(count, 0);
    /* Done work leaves it, asked for work enters it. */
    fx_record(f, app, msg[0], ep[0], (struct fx_outcome){.number = 1, .http_status = 200});
    OK(store_list_pending(f->reader, f->arena, 0, 1, &rows, &count));
    assert_int_equal(rows[0].pos, f->now_ms + 8000);
    OK(fx_resend(f, app, msg[0], ep[0], TRIGGER_MANUAL));
    OK(store_list_pending(f->reader, f->arena, 0, 1, &rows, &count));
    assert_int_equal(rows[0].pos, f->now_ms / PLACE_BY_HAND_STEP_MS);
    assert_in_range(rows[0].due_ms, f->now_ms - PLACE_BY_HAND_STEP_MS + 1, f->now_ms);
}

static void work_loads_in_order_and_within_bounds(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f), other = fx_id(f);
    static const int64_t due[] = {500, 100, 300, 200, 400};
    static const size_t order[] = {1, 3, 2, 4, 0};
    struct message m[5];
    struct message_render renders[2] = {{.profile_version = 7, .head = STR("h7"), .tail = STR("t7")},
                                        {.profile_version = 8, .head = STR("h8"), .tail = STR("t8")}};
    for (size_t i = 0; i < 5; i++) {
        m[i] = fx_message(f, app);
        m[i].channels = STR("[\"x\"]");
        m[i].renders = renders;
        m[i].render_count = 2;
        struct store_target t[2] = {{.ep = ep, .profile_version = 7, .due_ms = f->now_ms + due[i]},
                                    {.ep = other, .profile_version = 8, .due_ms = f->now_ms}};
        OK(fx_append(f, &m[i], t, 2));
    }
    struct pending_delivery *rows;
    int64_t next;
    assert_int_equal(load(f, ep, TIME_NEVER, 10, 1 << 20, &rows, &next), 5);
    assert_int_equal(next, TIME_NEVER);
    for (size_t i = 0; i < 5; i++) {
        const struct message *expected = &m[order[i]];
        struct delivery d = fx_delivery(f, expected->id, ep);
        fx_same_delivery(&rows[i].delivery, &d);
        fx_same_message(&rows[i].message, expected);
        bool found = false;
        for (size_t k = 0; k < rows[i].message.render_count; k++) {
            const struct message_render *r = &rows[i].message.renders[k];
            if (r->profile_version == 7 && str_eq(r->head, STR("h7")) && str_eq(r->tail, STR("t7")))
                found = true;
        }
        assert_true(found);
    }
    assert_int_equal(load(f, ep, TIME_NEVER, 2, 1 << 20, &rows, &next), 2);
    assert_int_equal(next, f->now_ms + 300);
    assert_int_equal(load(f, ep, f->now_ms + 300, 10, 1 << 20, &rows, &next), 3);
    assert_int_equal(next, f->now_ms + 400);
    assert_int_equal(load(f, ep, f->now_ms + 99, 10, 1 << 20, &rows, &next), 0);
    assert_int_equal(next, f->now_ms + 100);
    assert_int_equal(load(f, ep, TIME_NEVER, 10, 1, &rows, &next), 1);
    assert_int_equal(next, f->now_ms + 200);
    assert_int_equal(load(f, ep + 1000, TIME_NEVER, 10, 1 << 20, &rows, &next), 0);
    assert_int_equal(next, TIME_NEVER);
}

static void counts_follow_the_work(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f), msg[6];
    uint64_t pending;
    int64_t first = f->now_ms += 1000;
    for (size_t i = 0; i < 6; i++, f->now_ms += 1000)
        msg[i] = fx_send(f, app, ep, f->now_ms);
    OK(store_count_pending(f->reader, 100, &pending));
    assert_int_equal(pending, 6);
    fx_record(f, app, msg[0], ep, (struct fx_outcome){.number = 1, .http_status = 200});
    fx_record(
            f, app, msg[1], ep,
            (struct fx_outcome){.number = 1, .http_status = 500, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED});
    fx_record(f, app, msg[2], ep,
              (struct fx_outcome){.number = 1, .http_status = 500, .status = DELIVERY_PENDING, .due_ms = f->now_ms});
    fx_record(f, app, msg[5], ep, (struct fx_outcome){.number = 1, .http_status = 200});
    OK(store_count_pending(f->reader, 100, &pending));
    assert_int_equal(pending, 3);
    static const struct {
        int64_t since, until;
        uint64_t success, pending, fail;
    } rows[] = {{0, 6000, 2, 3, 1},
                {0, 5000, 1, 3, 1},
                {1000, 2000, 0, 0, 1},
                {2000, 6000, 1, 3, 0},
                {6000, 9000, 0, 0, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct delivery_counts c;
        OK(store_count_deliveries(f->reader, ep, first + rows[i].since, first + rows[i].until, &c));
        assert_int_equal(c.success, rows[i].success);
        assert_int_equal(c.pending, rows[i].pending);
        assert_int_equal(c.fail, rows[i].fail);
    }
}

/* More than are looked at in a transaction, all due at the same time. */
static void what_is_due_at_once_is_counted(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct delivery_counts c;
    f->now_ms += 1000;
    for (int i = 0; i < 2500; i++)
        fx_send(f, app, ep, f->now_ms);
    OK(store_count_deliveries(f->reader, ep, f->now_ms - 1000, f->now_ms + 1000, &c));
    assert_int_equal(c.pending, 2500);
    assert_int_equal(c.success + c.fail + c.canceled, 0);
}

const struct CMUnitTest pending_tests[] = {
        FX_TEST(the_summary_names_first_work),
        FX_TEST(work_loads_in_order_and_within_bounds),
        FX_TEST(counts_follow_the_work),
        FX_TEST(what_is_due_at_once_is_counted),
};
const size_t pending_test_count = ARRAY_LEN(pending_tests);
