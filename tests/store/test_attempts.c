/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: every field comes back, and the log's lists with their filters. */
#include "topics.h"

static void every_field_comes_back(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f), msg = fx_send(f, app, ep, f->now_ms);
    char body[ATTEMPT_BODY_MAX];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i * 7);
    struct fx_outcome o = {.number = 1, .status = DELIVERY_PENDING, .due_ms = f->now_ms + 5000, .http_status = 503};
    struct attempt t = fx_attempt(f, app, msg, ep, &o), got;
    t.epoch = 2;
    t.phases = (struct attempt_phases){1, 22, 333, 4444, 55555, 666666};
    t.response_body = str_of(body, sizeof body);
    t.response_truncated = true;
    t.event_type = STR("a.b");
    struct store_record op = {.op.kind = STORE_RECORD, .attempt = &t, .status = o.status, .due_ms = o.due_ms};
    OK(store_run(f->store, &op.op));
    OK(store_get_attempt(f->reader, f->arena, app, t.id, &got));
    fx_same_attempt(&got, &t);
    assert_int_equal(store_get_attempt(f->reader, f->arena, app + 1, t.id, &got), ERR_NOT_FOUND);
    assert_int_equal(store_get_attempt(f->reader, f->arena, app, t.id + 1, &got), ERR_NOT_FOUND);
    struct delivery d = fx_delivery(f, msg, ep);
    assert_int_equal(d.last_attempt, t.id);
    assert_true(d.last_failed);

    /* Nothing of it is there: no address, no answer, no words. */
    struct attempt bare = {.id = fx_id(f),
                           .msg = msg,
                           .ep = ep,
                           .app = app,
                           .number = 2,
                           .status = DELIVERY_SUCCESS,
                           .http_status = 200,
                           .started_ms = f->now_ms,
                           .url = STR("https://x.example/"),
                           .event_type = STR("a.b")};
    op = (struct store_record){.op.kind = STORE_RECORD, .attempt = &bare, .status = DELIVERY_SUCCESS};
    OK(store_run(f->store, &op.op));
    OK(store_get_attempt(f->reader, f->arena, app, bare.id, &got));
    fx_same_attempt(&got, &bare);

    /* The same attempt twice is refused and moves nothing; an attempt of a delivery that is gone is logged. */
    assert_int_equal(store_run(f->store, &op.op), ERR_CONFLICT);
    t.id = fx_id(f);
    t.msg = msg + 1000000;
    op.attempt = &t;
    OK(store_run(f->store, &op.op));
    assert_false(op.moved);
    OK(store_get_attempt(f->reader, f->arena, app, t.id, &got));
}

static void check_page(struct fixture *f, struct attempt_query q, const char *name, const oid_t *ids, size_t n)
{
    struct attempt *rows;
    size_t count;
    OK(store_list_attempts(f->reader, f->arena, &q, &rows, &count));
    if (count != n)
        fail_msg("%s: %zu rows, not %zu", name, count, n);
    for (size_t i = 0; i < n; i++) {
        struct attempt whole;
        if (rows[i].id != ids[i])
            fail_msg("%s: row %zu is %lld, not %lld", name, i, (long long)rows[i].id, (long long)ids[i]);
        OK(store_get_attempt(f->reader, f->arena, q.app, ids[i], &whole));
        if (!q.with_content)
            whole.request_headers = whole.response_headers = whole.response_body = STR_NULL;
        fx_same_attempt(&rows[i], &whole);
    }
}

/* Each row states only what differs from a plain list. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define Q(...)   ((struct attempt_query){.app = app, .status = -1, .status_class = -1, .limit = 50, __VA_ARGS__})
#define IDS(...) (const oid_t[]){__VA_ARGS__}, ARRAY_LEN(((const oid_t[]){__VA_ARGS__}))

static void lists_filter_and_page(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), other = fx_app(f), ep[2] = {fx_id(f), fx_id(f)}, m[3], t[9];
    static const struct {
        const char *type, *channels, *tags;
    } messages[3] = {{"a", "[\"c1\"]", NULL}, {"b", "[\"c1\",\"c2\"]", "[\"t\"]"}, {"c", NULL, "[\"t\",\"u\"]"}};
    static const struct {
        size_t msg, ep;
        int http_status;
    } rows[9] = {{0, 0, 500}, {1, 0, 200}, {0, 1, 404}, {2, 0, 0},  {0, 0, 204},
                 {1, 1, 301}, {2, 1, 201}, {2, 0, 599}, {1, 0, 100}};
    for (size_t i = 0; i < 3; i++) {
        struct message x = fx_message(f, app);
        x.event_type = str_c(messages[i].type);
        x.channels = str_c(messages[i].channels);
        x.tags = str_c(messages[i].tags);
        struct store_target targets[2] = {{.ep = ep[0], .profile_version = 1, .due_ms = f->now_ms},
                                          {.ep = ep[1], .profile_version = 1, .due_ms = f->now_ms}};
        OK(fx_append(f, &x, targets, 2));
        m[i] = x.id;
    }
    oid_t foreign_ep = fx_id(f), foreign = fx_send(f, other, foreign_ep, f->now_ms);
    for (size_t i = 0; i < 9; i++) {
        f->now_ms += 1000;
        struct fx_outcome o = {.number = 9, .http_status = rows[i].http_status};
        struct attempt x = fx_attempt(f, app, m[rows[i].msg], ep[rows[i].ep], &o);
        x.event_type = str_c(messages[rows[i].msg].type);
        struct store_record op = {
                .op.kind = STORE_RECORD, .attempt = &x, .status = DELIVERY_PENDING, .due_ms = f->now_ms};
        OK(store_run(f->store, &op.op));
        t[i] = x.id;
        fx_record(f, other, foreign, foreign_ep, (struct fx_outcome){.number = 9, .http_status = 500});
    }
    const struct str a = STR("a"), bc[] = {STR("b"), STR("c")};
    check_page(f, Q(), "workspace", IDS(t[8], t[7], t[6], t[5], t[4], t[3], t[2], t[1], t[0]));
    check_page(f, Q(.with_content = true, .limit = 3), "with content", IDS(t[8], t[7], t[6]));
    check_page(f, Q(.limit = 3, .before = t[6]), "second page", IDS(t[5], t[4], t[3]));
    check_page(f, Q(.limit = 2, .after = t[2], .ascending = true), "back", IDS(t[3], t[4]));
    check_page(f, Q(.after = t[2], .before = t[5]), "between", IDS(t[4], t[3]));
    check_page(f, Q(.ep = ep[0]), "endpoint", IDS(t[8], t[7], t[4], t[3], t[1], t[0]));
    check_page(f, Q(.ep = ep[0], .limit = 2, .before = t[7]), "endpoint, page", IDS(t[4], t[3]));
    check_page(f, Q(.ep = ep[0], .limit = 2, .after = t[1], .ascending = true), "endpoint, back", IDS(t[3], t[4]));
    check_page(f, Q(.msg = m[0]), "message", IDS(t[4], t[2], t[0]));
    check_page(f, Q(.msg = m[0], .limit = 1, .before = t[4]), "message, page", IDS(t[2]));
    check_page(f, Q(.msg = m[0], .limit = 1, .after = t[0], .ascending = true), "message, back", IDS(t[2]));
    check_page(f, Q(.msg = m[0], .ep = ep[1]), "message and endpoint", IDS(t[2]));
    check_page(f, Q(.status = DELIVERY_SUCCESS), "good", IDS(t[6], t[4], t[1]));
    check_page(f, Q(.status = DELIVERY_FAIL, .ep = ep[1]), "bad of an endpoint", IDS(t[5], t[2]));
    check_page(f, Q(.status_class = 200), "2xx", IDS(t[6], t[4], t[1]));
    check_page(f, Q(.status_class = 500), "5xx", IDS(t[7], t[0]));
    check_page(f, Q(.status_class = 0), "no answer", IDS(t[3]));
    check_page(f, Q(.status_class = 100), "1xx", IDS(t[8]));
    check_page(f, Q(.status_class = 300, .ep = ep[0]), "3xx of the other endpoint", NULL, 0);
    check_page(f, Q(.event_types = &a, .event_type_count = 1), "type", IDS(t[4], t[2], t[0]));
    check_page(f, Q(.event_types = bc, .event_type_count = 2, .limit = 2, .before = t[8]), "types, page",
               IDS(t[7], t[6]));
    check_page(f, Q(.channel = STR("c1")), "channel", IDS(t[8], t[5], t[4], t[2], t[1], t[0]));
    check_page(f, Q(.channel = STR("c2"), .ep = ep[0]), "channel of an endpoint", IDS(t[8], t[1]));
    check_page(f, Q(.tag = STR("t"), .status = DELIVERY_SUCCESS), "tag and good", IDS(t[6], t[1]));
    check_page(f, Q(.tag = STR("T")), "tags have a case", NULL, 0);
    check_page(f, Q(.ep = foreign_ep), "another workspace's endpoint", NULL, 0);
    check_page(f, Q(.msg = foreign), "another workspace's message", NULL, 0);
}

const struct CMUnitTest attempt_tests[] = {
        FX_TEST(every_field_comes_back),
        FX_TEST(lists_filter_and_page),
};
const size_t attempt_test_count = ARRAY_LEN(attempt_tests);
