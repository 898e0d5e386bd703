/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: appended, read back byte for byte, found, listed; what an append refuses. */
#include "topics.h"

#include <stdlib.h>

#include "base/mem.h"

static void payloads_come_back_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    char every[256];
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)i;
    size_t big_len = 900000;
    AUTO_FREE char *big = mem_alloc(big_len);
    for (size_t i = 0; i < big_len; i++)
        big[i] = (char)(i * 31 + i / 256);
    const struct str payloads[] = {STR("{}"),
                                   STR(""),
                                   STR("\0"),
                                   STR("{\"a\": 1E400 , \"a\":\"\\ud800\"}\n\n"),
                                   str_of(every, sizeof every),
                                   str_of(big, big_len)};
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        struct message m = fx_message(f, app), got;
        m.payload = payloads[i];
        struct store_target t = {.ep = ep, .profile_version = 9, .due_ms = f->now_ms};
        OK(fx_append(f, &m, &t, 1));
        OK(store_get_message(f->reader, f->arena, app, m.id, true, &got));
        fx_same_message(&got, &m);
    }
}

static void every_field_comes_back(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct message_render renders[] = {{.profile_version = 7, .head = STR("{\"data\":"), .tail = STR("}")},
                                       {.profile_version = 8, .head = STR("\0x"), .tail = STR("")}};
    struct message m = fx_message(f, app), got;
    m.event_id = STR("evt 1 \xc3\xbc");
    m.occurred_ms -= 1000;
    m.actor = STR("{\"id\":\"u1\"}");
    m.channels = STR("[\"c1\",\"c2\"]");
    m.tags = STR("[\"t1\"]");
    m.deliver_at_ms = f->now_ms + 60000;
    m.content_type = STR("text/plain");
    m.renders = renders;
    m.render_count = 2;
    struct store_target t[2] = {{.ep = ep, .profile_version = 7, .due_ms = m.deliver_at_ms},
                                {.ep = ep + 1, .profile_version = 8, .due_ms = m.deliver_at_ms}};
    OK(fx_append(f, &m, t, 2));
    OK(store_get_message(f->reader, f->arena, app, m.id, true, &got));
    fx_same_message(&got, &m);
    OK(store_find_message(f->reader, f->arena, app, m.event_id, true, &got));
    fx_same_message(&got, &m);
    OK(store_get_message(f->reader, f->arena, app, m.id, false, &got));
    m.payload = STR_NULL;
    fx_same_message(&got, &m);
    assert_int_equal(store_get_message(f->reader, f->arena, app + 1, m.id, true, &got), ERR_NOT_FOUND);
    assert_int_equal(store_get_message(f->reader, f->arena, app, m.id + 1, true, &got), ERR_NOT_FOUND);
    assert_int_equal(store_find_message(f->reader, f->arena, app + 1, m.event_id, true, &got), ERR_NOT_FOUND);
    assert_int_equal(store_find_message(f->reader, f->arena, app, STR("evt"), true, &got), ERR_NOT_FOUND);
    for (size_t i = 0; i < 2; i++) {
        struct delivery d = fx_delivery(f, m.id, t[i].ep);
        struct delivery expected = {.msg = m.id,
                                    .ep = t[i].ep,
                                    .profile_version = t[i].profile_version,
                                    .status = DELIVERY_PENDING,
                                    .due_ms = m.deliver_at_ms,
                                    .pos = m.deliver_at_ms};
        fx_same_delivery(&d, &expected);
    }
}

static void messages_without_targets_are_kept(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message m = fx_message(f, app), got;
    OK(fx_append(f, &m, NULL, 0));
    OK(store_get_message(f->reader, f->arena, app, m.id, true, &got));
    fx_same_message(&got, &m);
    struct delivery *rows, d;
    size_t count;
    OK(store_list_deliveries(f->reader, f->arena, &(struct delivery_query){.msg = m.id, .limit = 10}, &rows, &count));
    assert_int_equal(count, 0);
    assert_int_equal(store_get_delivery(f->reader, m.id, 5, &d), ERR_NOT_FOUND);
}

static void a_duplicate_leaves_its_group_alone(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), other = fx_app(f), ep = fx_id(f);
    enum { N = 6 };
    struct store_append ops[N];
    struct message m[N], got;
    struct store_target t[N];
    static const char *const event_ids[N] = {"same", NULL, "same", "other", "same", NULL};
    const oid_t apps[N] = {app, app, app, app, other, app};
    for (size_t i = 0; i < N; i++) {
        m[i] = fx_message(f, apps[i]);
        m[i].event_id = str_c(event_ids[i]);
        t[i] = (struct store_target){.ep = ep, .profile_version = 1, .due_ms = f->now_ms};
        ops[i] = (struct store_append){.op.kind = STORE_APPEND,
                                       .message = &m[i],
                                       .app_version = fx_app_version(f, apps[i]),
                                       .targets = &t[i],
                                       .target_count = 1};
    }
    fx_run_together(f, &ops[0].op, sizeof ops[0], N);
    for (size_t i = 0; i < N; i++) {
        bool stored = i != 2;
        assert_int_equal(ops[i].op.result, stored ? ERR_OK : ERR_CONFLICT);
        assert_int_equal(store_get_message(f->reader, f->arena, apps[i], m[i].id, true, &got),
                         stored ? ERR_OK : ERR_NOT_FOUND);
        struct delivery d;
        assert_int_equal(store_get_delivery(f->reader, m[i].id, ep, &d), stored ? ERR_OK : ERR_NOT_FOUND);
    }
    OK(store_find_message(f->reader, f->arena, app, STR("same"), true, &got));
    assert_int_equal(got.id, m[0].id);
}

static void a_stale_match_is_refused(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message m = fx_message(f, app), got;
    uint64_t now = fx_app_version(f, app);
    const uint64_t versions[] = {now - 1, now + 1};
    for (size_t i = 0; i < 2; i++) {
        struct store_append op = {.op.kind = STORE_APPEND, .message = &m, .app_version = versions[i]};
        assert_int_equal(store_run(f->store, &op.op), ERR_STALE);
    }
    assert_int_equal(store_get_message(f->reader, f->arena, app, m.id, true, &got), ERR_NOT_FOUND);
    struct object ep = fx_object(f, OBJ_ENDPOINT, app, NULL);
    OK(fx_change(f, OBJECT_CREATE, &ep, 0));
    struct store_append op = {.op.kind = STORE_APPEND, .message = &m, .app_version = now};
    assert_int_equal(store_run(f->store, &op.op), ERR_STALE);
    op.app_version = fx_app_version(f, app);
    OK(store_run(f->store, &op.op));
}

static void fifo_positions_rise(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f), ep2 = fx_id(f);
    int64_t last = 0, pos;
    oid_t ids[5];
    for (size_t i = 0; i < 5; i++) {
        if (i == 3)
            f->now_ms -= 1000; /* the clock of another thread may be behind: order stays that of the commits */
        ids[i] = fx_send_fifo(f, app, ep, &pos);
        assert_true(pos > last);
        last = pos;
    }
    fx_send_fifo(f, app, ep2, &pos); /* another endpoint has an order of its own */
    assert_true(fx_delivery(f, f->last_id, ep2).fifo);
    /* A retry keeps its place. */
    int64_t head = fx_delivery(f, ids[0], ep).pos;
    assert_true(fx_record(
            f, app, ids[0], ep,
            (struct fx_outcome){
                    .number = 1, .status = DELIVERY_PENDING, .due_ms = f->now_ms + 99999, .http_status = 500}));
    struct delivery d = fx_delivery(f, ids[0], ep);
    assert_int_equal(d.pos, head);
    assert_int_equal(d.due_ms, f->now_ms + 99999);
    assert_true(fx_record(f, app, ids[0], ep, (struct fx_outcome){.number = 2, .http_status = 200}));
    fx_send_fifo(f, app, ep, &pos);
    assert_true(pos > last);
    /* Unless the endpoint is not FIFO any more: then it takes the one of its due time. */
    struct fx_outcome later = {.number = 1,
                               .status = DELIVERY_PENDING,
                               .due_ms = f->now_ms + 99999,
                               .not_in_order = true,
                               .http_status = 500};
    assert_true(fx_record(f, app, ids[1], ep, later));
    d = fx_delivery(f, ids[1], ep);
    assert_false(d.fifo);
    assert_int_equal(d.pos, d.due_ms);
    /* A reader may begin behind what it knows. */
    struct pending_delivery *found;
    size_t count;
    struct pending_query q = {.ep = ep,
                              .from_pos = fx_delivery(f, ids[3], ep).pos,
                              .until_pos = TIME_NEVER,
                              .limit = 100,
                              .bytes_max = SIZE_MAX};
    OK(store_load_pending(f->reader, f->arena, &q, &found, &count, &pos));
    assert_int_equal(count, 3);
    assert_int_equal(found[0].delivery.msg, ids[3]);
    assert_int_equal(pos, TIME_NEVER);
}

static void check_page(struct fixture *f, struct message_query q, const char *name, const oid_t *ids, size_t n)
{
    struct message *rows;
    struct delivery *deliveries = NULL;
    size_t count;
    OK(store_list_messages(f->reader, f->arena, &q, &rows, q.ep != 0 ? &deliveries : NULL, &count));
    if (count != n)
        fail_msg("%s: %zu rows, not %zu", name, count, n);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].id != ids[i])
            fail_msg("%s: row %zu is %lld, not %lld", name, i, (long long)rows[i].id, (long long)ids[i]);
        assert_int_equal(rows[i].payload.ptr != NULL, q.with_payload);
        if (q.ep == 0)
            continue;
        struct delivery d = fx_delivery(f, ids[i], q.ep);
        fx_same_delivery(&deliveries[i], &d);
    }
}

static void lists_filter_and_page(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), other = fx_app(f), ep = fx_id(f), m[7];
    static const struct {
        const char *type, *channels, *tags;
        bool to_ep;
        int http_status; /* of a first attempt; 0: none */
        enum delivery_status status;
    } rows[7] = {
            {"a", "[\"c1\"]", NULL, true, 200, DELIVERY_SUCCESS},
            {"b", "[\"c1\",\"c2\"]", "[\"t\"]", true, 500, DELIVERY_FAIL},
            {"a", NULL, NULL, false, 0, DELIVERY_PENDING},
            {"a", "[\"c2\"]", "[\"t\",\"u\"]", true, 0, DELIVERY_PENDING},
            {"c", "[\"c1c2\"]", "[\"tt\"]", true, 503, DELIVERY_PENDING},
            {"b", "[\"quo\\\"te\",\"\xc3\xbc\"]", NULL, false, 0, DELIVERY_PENDING},
            {"a", NULL, "[\"t\"]", true, 200, DELIVERY_SUCCESS},
    };
    for (size_t i = 0; i < 7; i++) {
        f->now_ms += 1000;
        struct message x = fx_message(f, app), stranger = fx_message(f, other);
        x.event_type = str_c(rows[i].type);
        x.channels = str_c(rows[i].channels);
        x.tags = str_c(rows[i].tags);
        struct store_target t = {.ep = ep, .profile_version = 1, .due_ms = f->now_ms};
        OK(fx_append(f, &x, &t, rows[i].to_ep ? 1 : 0));
        OK(fx_append(f, &stranger, NULL, 0));
        m[i] = x.id;
        if (rows[i].http_status != 0)
            fx_record(f, app, x.id, ep,
                      (struct fx_outcome){.number = 1,
                                          .status = rows[i].status,
                                          .http_status = rows[i].http_status,
                                          .due_ms = rows[i].status == DELIVERY_PENDING ? f->now_ms + 5000 : 0});
    }
    const struct str a = STR("a"), ac[] = {STR("c"), STR("a")}, none = STR("zz");
/* Each row states only what differs from a plain list. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define Q(...)   ((struct message_query){.app = app, .status = -1, .limit = 50, __VA_ARGS__})
#define IDS(...) (const oid_t[]){__VA_ARGS__}, ARRAY_LEN(((const oid_t[]){__VA_ARGS__}))
    check_page(f, Q(), "all", IDS(m[6], m[5], m[4], m[3], m[2], m[1], m[0]));
    check_page(f, Q(.with_payload = true), "with payload", IDS(m[6], m[5], m[4], m[3], m[2], m[1], m[0]));
    check_page(f, Q(.limit = 2), "first page", IDS(m[6], m[5]));
    check_page(f, Q(.limit = 2, .before = m[5]), "second page", IDS(m[4], m[3]));
    check_page(f, Q(.before = m[1]), "last page", IDS(m[0]));
    check_page(f, Q(.before = m[0]), "behind the last", NULL, 0);
    check_page(f, Q(.limit = 2, .after = m[1], .ascending = true), "back", IDS(m[2], m[3]));
    check_page(f, Q(.limit = 3, .after = m[4], .ascending = true), "back to the top", IDS(m[5], m[6]));
    check_page(f, Q(.after = m[4]), "newer than", IDS(m[6], m[5]));
    check_page(f, Q(.after = m[1], .before = m[4]), "between", IDS(m[3], m[2]));
    check_page(f, Q(.after = m[1], .before = m[4], .ascending = true), "between, ascending", IDS(m[2], m[3]));
    check_page(f, Q(.event_types = &a, .event_type_count = 1), "type", IDS(m[6], m[3], m[2], m[0]));
    check_page(f, Q(.event_types = ac, .event_type_count = 2), "types", IDS(m[6], m[4], m[3], m[2], m[0]));
    check_page(f, Q(.event_types = ac, .event_type_count = 2, .limit = 2, .before = m[6]), "types, page",
               IDS(m[4], m[3]));
    check_page(f, Q(.event_types = &none, .event_type_count = 1), "unknown type", NULL, 0);
    check_page(f, Q(.channel = STR("c1")), "channel", IDS(m[1], m[0]));
    check_page(f, Q(.channel = STR("c2")), "channel of two", IDS(m[3], m[1]));
    check_page(f, Q(.channel = STR("c")), "part of a channel", NULL, 0);
    check_page(f, Q(.channel = STR("quo\"te")), "channel with a quote", IDS(m[5]));
    check_page(f, Q(.channel = STR("\xc3\xbc")), "channel in UTF-8", IDS(m[5]));
    check_page(f, Q(.tag = STR("t")), "tag", IDS(m[6], m[3], m[1]));
    check_page(f, Q(.tag = STR("t"), .channel = STR("c2"), .event_types = &a, .event_type_count = 1), "all filters",
               IDS(m[3]));
    check_page(f, Q(.ep = ep), "endpoint", IDS(m[6], m[4], m[3], m[1], m[0]));
    check_page(f, Q(.ep = ep, .limit = 2, .before = m[4]), "endpoint, page", IDS(m[3], m[1]));
    check_page(f, Q(.ep = ep, .limit = 2, .after = m[1], .ascending = true), "endpoint, back", IDS(m[3], m[4]));
    check_page(f, Q(.ep = ep, .status = DELIVERY_SUCCESS), "sent", IDS(m[6], m[0]));
    check_page(f, Q(.ep = ep, .status = DELIVERY_PENDING), "pending", IDS(m[4], m[3]));
    check_page(f, Q(.ep = ep, .status = DELIVERY_FAIL), "failed", IDS(m[1]));
    check_page(f, Q(.ep = ep, .status = DELIVERY_SUCCESS, .before = m[6]), "sent, page", IDS(m[0]));
    check_page(f, Q(.ep = ep, .tag = STR("t"), .event_types = &a, .event_type_count = 1, .with_payload = true),
               "endpoint, filters", IDS(m[6], m[3]));
    check_page(f, Q(.ep = ep + 1), "other endpoint", NULL, 0);
}

static void deliveries_page_by_endpoint(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep[5];
    struct store_target t[5] = {{0}};
    for (size_t i = 0; i < 5; i++) {
        ep[i] = fx_id(f);
        t[i] = (struct store_target){.ep = ep[i], .profile_version = 1, .due_ms = f->now_ms};
    }
    struct message m = fx_message(f, app), second = fx_message(f, app);
    OK(fx_append(f, &m, t, 5));
    OK(fx_append(f, &second, t, 2));
    const struct {
        oid_t before, after;
        bool ascending;
        size_t limit, n;
        size_t at[5];
    } rows[] = {
            {0, 0, false, 10, 5, {4, 3, 2, 1, 0}}, {0, 0, false, 2, 2, {4, 3}},    {ep[3], 0, false, 2, 2, {2, 1}},
            {ep[1], 0, false, 10, 1, {0}},         {ep[0], 0, false, 10, 0, {0}},  {0, ep[2], false, 10, 2, {4, 3}},
            {0, 0, true, 10, 5, {0, 1, 2, 3, 4}},  {0, ep[1], true, 2, 2, {2, 3}}, {ep[2], 0, true, 10, 2, {0, 1}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct delivery *d;
        size_t count;
        struct delivery_query q = {m.id, rows[i].before, rows[i].after, rows[i].ascending, rows[i].limit};
        OK(store_list_deliveries(f->reader, f->arena, &q, &d, &count));
        assert_int_equal(count, rows[i].n);
        for (size_t k = 0; k < count; k++) {
            struct delivery expected = fx_delivery(f, m.id, ep[rows[i].at[k]]);
            fx_same_delivery(&d[k], &expected);
        }
    }
}

const struct CMUnitTest message_tests[] = {
        FX_TEST(payloads_come_back_byte_for_byte),
        FX_TEST(every_field_comes_back),
        FX_TEST(messages_without_targets_are_kept),
        FX_TEST(a_duplicate_leaves_its_group_alone),
        FX_TEST(a_stale_match_is_refused),
        FX_TEST(fifo_positions_rise),
        FX_TEST(lists_filter_and_page),
        FX_TEST(deliveries_page_by_endpoint),
};
const size_t message_test_count = ARRAY_LEN(message_tests);
