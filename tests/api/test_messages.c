/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and attempts, read and forgotten. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* As the engine would write it. */
static void record_failure(struct fixture *f, oid_t msg)
{
    struct arena *a = arena_new(4096);
    struct object_query envs = {.kind = OBJ_ENV, .limit = 1};
    struct object *env, *app, *ep;
    size_t n;
    assert_int_equal(store_list_objects(f->reader, a, &envs, &env, &n), ERR_OK);
    struct object_query apps = {.kind = OBJ_APP, .env = env->id, .limit = 1};
    assert_int_equal(store_list_objects(f->reader, a, &apps, &app, &n), ERR_OK);
    struct object_query eps = {.kind = OBJ_ENDPOINT, .env = env->id, .app = app->id, .limit = 1};
    assert_int_equal(store_list_objects(f->reader, a, &eps, &ep, &n), ERR_OK);
    struct attempt t = {.id = oid_next(&f->oids, NOW),
                        .msg = msg,
                        .ep = ep->id,
                        .app = app->id,
                        .number = 1,
                        .status = DELIVERY_FAIL,
                        .cause = CAUSE_STATUS,
                        .error = STR("status 500"),
                        .http_status = 500,
                        .started_ms = NOW,
                        .phases.total_us = 12345,
                        .url = STR("https://example.com/"),
                        .request_headers = STR("webhook-id: 1\nAuthorization: ****\n"),
                        .response_headers = STR("Content-Type: text/plain\n"),
                        .response_body = STR("\xff\xfe"),
                        .event_type = STR("t.x")};
    struct store_record op = {
            .op = {.kind = STORE_RECORD}, .attempt = &t, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED};
    assert_int_equal(store_run(f->store, &op.op), ERR_OK);
    assert_true(op.moved);
    arena_free(a);
}

static void messages_and_attempts_are_read(void **state)
{
    struct fixture *f = *state;
    static const struct api_step steps[] = {
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\",\"profile\":\"myra\"}", 201, NULL, NULL},
            {ENV_A, "POST", "/api/v1/event-type",
             "{\"name\":\"t.x\",\"description\":\"\",\"schemas\":{\"1\":{\"examples\":[{\"k\":1.10}]}}}", 201, NULL,
             NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL, NULL},
            {ENV_A, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}", 202, "{\"success\":true}", NULL},
            {ENV_A, "POST", E "/e/send-example", "{\"eventType\":\"none\"}", 422, "no such event type", NULL},
            {ENV_A, "POST", E "/e/send-example", "{\"eventType\":\"t.x\"}", 202, "\"payload\":{\"k\":1.10}", NULL},
    };
    RUN(steps);
    char *id = pick(f, "id");
    oid_t msg = 0;
    assert_int_equal(f->pending_calls, 2);
    assert_int_equal(oid_parse(str_c(id), "msg_", f->api.id_key, &msg), ERR_OK);
    expect(f, "GET", "/api/v1/app/w/msg?limit=1", NULL, 200, "\"done\":false");
    expect(f, "GET", "/api/v1/app/w/msg?event_types=t.x", NULL, 200, id);
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg?iterator=$", id), NULL, 200, "svix.ping");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg?iterator=-$", id), NULL, 200, "\"data\":[]");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$", id), NULL, 200, "\"eventUuid\":\"");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$?with_content=false", id), NULL, 200, "\"payload\":{},");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$/raw", id), NULL, 200, "{\"payload\":\"{\\\"k\\\":1.10}\"}");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$/endpoint", id), NULL, 200,
           "\"status\":1,\"statusText\":\"pending\"");
    expect(f, "GET", E "/e/msg?status=1", NULL, 200, id);
    expect(f, "GET", E "/e/msg?status=2", NULL, 200, "\"data\":[]");
    record_failure(f, msg);
    expect(f, "GET", E "/e/msg?status=2", NULL, 200, "\"statusReason\":\"exhausted\"");
    expect(f, "GET", E "/e/stats", NULL, 200, "\"pending\":1,\"sending\":0,\"fail\":1");
    expect(f, "GET", "/api/v1/app/w/attempt/endpoint/e?status=2&with_msg=true", NULL, 200,
           "\"response\":\"//4=\",\"responseEncoding\":\"base64\"");
    assert_non_null(strstr(f->answer.ptr, "\"responseDurationMs\":12,"));
    char *attempt = pick(f, "id");
    expect(f, "GET", "/api/v1/app/w/attempt/endpoint/e?status_code_class=400", NULL, 200, "\"data\":[]");
    expect(f, "GET", path_of(f, "/api/v1/app/w/attempt/msg/$?endpoint_id=e", id), NULL, 200, attempt);
    struct str one = arena_printf(f->arena, "/api/v1/app/w/msg/%s/attempt/%s", id, attempt);
    expect(f, "GET", one.ptr, NULL, 200, "\"triggerType\":0");
    one = arena_printf(f->arena, "%s/headers", one.ptr);
    expect(f, "GET", one.ptr, NULL, 200, "\"sensitive\":[\"Authorization\"]");
    one = arena_printf(f->arena, "/api/v1/app/w/msg/%s/attempt/%s/content", id, attempt);
    expect(f, "DELETE", one.ptr, NULL, 204, NULL);
    one = arena_printf(f->arena, "/api/v1/app/w/msg/%s/attempt/%s", id, attempt);
    expect(f, "GET", one.ptr, NULL, 200, "\"response\":\"EXPUNGED\",\"responseEncoding\":\"text\"");
    expect(f, "POST", E "/e/recover", "{\"since\":\"2020-01-01T00:00:00Z\"}", 422, "[\"body\",\"since\"]");
    expect(f, "POST", E "/e/recover", "{}", 422, "is missing");
    expect(f, "POST", E "/e/recover", "{\"since\":\"2999-01-01T00:00:00Z\"}", 422, "must not be in the future");
    expect(f, "POST", E "/e/recover", "{\"since\":\"x\"}", 422, "value_error.datetime\"}]}");
    struct buf body = BUF_INIT(256);
    struct json_writer w = json_writer(&body);
    json_w_object(&w);
    json_w_time_at(&w, "since", NOW - TIME_DAY_MS);
    json_w_time_at(&w, "until", NOW + TIME_DAY_MS);
    json_w_object_end(&w);
    char *recover = buf_take(&body, NULL);
    expect(f, "POST", E "/e/recover", recover, 202, "\"task\":\"endpoint.recover\"");
    free(recover);
    wait_for_task(f, pick(f, "id"));
    assert_int_equal(f->pending_calls, 3);
    expect(f, "POST", path_of(f, "/api/v1/app/w/msg/$/endpoint/e/resend", id), "", 202, "{}");
    assert_int_equal(f->pending_calls, 4);
    expect(f, "PATCH", E "/e", "{\"disabled\":true}", 200, NULL);
    expect(f, "POST", path_of(f, "/api/v1/app/w/msg/$/endpoint/e/resend", id), "", 409, "disabled");
    for (int i = 0; i < 500 && strstr(f->answer.ptr, "\"pending\":0") == NULL; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        request(f, ENV_A, "GET", E "/e/stats", NULL);
    }
    expect(f, "GET", E "/e/msg?status=2", NULL, 200, "endpoint disabled");
}

static void on_expunged(void *arg, oid_t msg, oid_t ep)
{
    (void)msg;
    (void)ep;
    ((struct fixture *)arg)->expunged_calls++;
}

static void contents_are_expunged(void **state)
{
    struct fixture *f = *state;
    char id[64], path[200];
    f->api.on_expunged = on_expunged;
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL);
    expect(f, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}", 202, NULL);
    snprintf(id, sizeof id, "%s", pick(f, "id"));
    const char *message = arena_printf(f->arena, "/api/v1/app/w/msg/%s", id).ptr;
    snprintf(path, sizeof path, "%s/content", message);
    request(f, ENV_B, "DELETE", path, NULL);
    assert_int_equal(f->status, 404);
    expect(f, "GET", message, NULL, 200, "\"success\":true");
    expect(f, "DELETE", path, NULL, 204, NULL);
    assert_int_equal(f->expunged_calls, 1);
    expect(f, "DELETE", path, NULL, 204, NULL);
    expect(f, "GET", message, NULL, 200, "\"payload\":{\"expired\":true}");
    snprintf(path, sizeof path, "%s/raw", message);
    expect(f, "GET", path, NULL, 410, "expired");
    snprintf(path, sizeof path, "%s/endpoint", message);
    expect(f, "GET", path, NULL, 200, "\"statusReason\":\"payload expired\"");
    snprintf(path, sizeof path, "%s/endpoint/e/resend", message);
    expect(f, "POST", path, "", 410, "expired");
    expect(f, "DELETE", "/api/v1/app/w/msg/msg_000000000000000000000000000/content", NULL, 404, NULL);
}

static void deleted_workspaces_are_cleared(void **state)
{
    struct fixture *f = *state;
    oid_t app = 0, ep = 0;
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    assert_int_equal(oid_parse(str_c(pick(f, "id")), "app_", f->api.id_key, &app), ERR_OK);
    expect(f, "POST", E, "{\"url\":\"https://example.com\"}", 201, NULL);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL);
    assert_int_equal(oid_parse(str_c(pick(f, "id")), "ep_", f->api.id_key, &ep), ERR_OK);
    expect(f, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}", 202, NULL);
    expect(f, "DELETE", "/api/v1/app/w", NULL, 204, NULL);
    expect(f, "GET", E, NULL, 404, NULL);
    struct delivery_counts counts = {0};
    struct object o = {0};
    for (int i = 0; i < 500 && (counts.fail == 0 || o.deleted_ms == 0); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        assert_int_equal(store_count_deliveries(f->reader, ep, NOW - 1000, NOW + 1000, &counts), ERR_OK);
        assert_int_equal(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, ep, &o), ERR_OK);
    }
    assert_int_equal(counts.fail, 1);
    assert_true(o.deleted_ms != 0);
    expect(f, "GET", "/api/v1/background-task", NULL, 200, NULL);
}

static void messages_bring_workspaces_along(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *uid;
        const char *body;
        enum err err;
    } rows[] = {
            {"new", "{\"eventType\":\"a\",\"payload\":{}}", ERR_NOT_FOUND},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":null}", ERR_NOT_FOUND},
            {"new", "{\"payload\":{},\"application\":{\"name\":\"N\"}}", ERR_INVALID},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{}}", ERR_INVALID},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\",\"uid\":\"b\"}}", ERR_INVALID},
            {"app_x", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\"}}", ERR_INVALID},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\",\"profile\":\"myra\"}}",
             ERR_OK},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\",\"uid\":\"new\"}}", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        oid_t app;
        struct api_call call = {.arena = arena_new(4096),
                                .reader = f->reader,
                                .body = str_c(rows[i].body),
                                .now_ms = NOW,
                                .params = {str_c(rows[i].uid)},
                                .problems = PROBLEMS_INIT};
        assert_int_equal(api_authenticate(&f->api, f->reader, call.arena, str_c(f->tokens[ENV_A]), NOW, &call.who),
                         ERR_OK);
        enum err e = api_app_of_message(&f->api, &call, &app);
        if (e != rows[i].err)
            fail_msg("row %zu: %s", i, err_code(e));
        assert_int_equal(call.problems.count > 0, e == ERR_INVALID);
        problems_fini(&call.problems);
        arena_free(call.arena);
    }
    expect(f, "GET", "/api/v1/app?limit=2", NULL, 200, "\"done\":true");
    expect(f, "GET", "/api/v1/app/new", NULL, 200, "\"profile\":\"myra\"");
}

const struct CMUnitTest message_tests[] = {
        FX_TEST(messages_and_attempts_are_read),
        FX_TEST(contents_are_expunged),
        FX_TEST(deleted_workspaces_are_cleared),
        FX_TEST(messages_bring_workspaces_along),
};
const size_t message_test_count = ARRAY_LEN(message_tests);
