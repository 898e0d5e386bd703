/* SPDX-License-Identifier: Apache-2.0 */
/* What is configured: applications, event types, endpoints, profiles; and how errors look. */
#include "fixture.h"

#include "api/env.h"

static void errors_have_their_shapes(void **state)
{
    static const struct api_step steps[] = {
            {NONE, "GET", "/api/v1/app", NULL, 401, "{\"code\":\"authentication_failed\",\"detail\":", NULL},
            {NONE, "GET", "/api/v1/nothing", NULL, 404, "{\"code\":\"not_found\"", NULL},
            {NONE, "PUT", "/api/v1/app", NULL, 405, "\"method_not_allowed\"", NULL},
            {NONE, "GET", "/health", NULL, 200, "ok", NULL},
            {NONE, "GET", "/api/v1/health/ping", NULL, 204, NULL, NULL},
            {NONE, "OPTIONS", "/api/v1/app", NULL, 204, NULL, NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":", 400, "line 1, column 9", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\n \"name\": x}", 400, "line 2, column", NULL},
            {ENV_A, "POST", "/api/v1/app", "[]", 422, "{\"detail\":[{\"loc\":[\"body\"]", NULL},
            {ENV_A, "POST", "/api/v1/app", "{}", 422,
             "{\"detail\":[{\"loc\":[\"body\",\"name\"],\"msg\":\"is missing\"", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"x\",\"profile\":\"none\"}", 422, "\"profile\"", NULL},
            {ENV_A, "GET", "/api/v1/app?limit=251", NULL, 422, "[\"query\",\"limit\"]", NULL},
            {ENV_A, "GET", "/api/v1/app?limit=x", NULL, 400, "cannot be read", NULL},
            {ENV_A, "GET", "/api/v1/app?iterator=%zz", NULL, 400, "iterator", NULL},
            {ENV_A, "GET", "/api/v1/app?iterator=app_x", NULL, 422, "[\"query\",\"iterator\"]", NULL},
            {ENV_A, "GET", "/api/v1/app?order=up", NULL, 422, "[\"query\",\"order\"]", NULL},
            {ENV_A, "GET", "/api/v1/app/none", NULL, 404, "no such workspace", NULL},
    };
    struct fixture *f = *state;
    RUN(steps);
    request(f, NONE, "DELETE", "/api/v1/app", NULL);
    assert_true(str_find_str(f->headers, STR("Allow: OPTIONS, GET, HEAD, POST")) < f->headers.len);
    assert_true(str_find_str(f->headers, STR("Access-Control-Allow-Origin: *")) < f->headers.len);
    request_as(f, "Bearer nonsense", "GET", "/api/v1/app", NULL);
    assert_int_equal(f->status, 401);
    request_as(f, "Basic nonsense", "GET", "/api/v1/app", NULL);
    assert_int_equal(f->status, 401);
}

static void applications_live(void **state)
{
    static const struct api_step steps[] = {
            {ENV_NEW, "GET", "/api/v1/app", NULL, 200,
             "{\"data\":[],\"iterator\":null,\"prevIterator\":null,\"done\":true}", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"One\",\"uid\":\"one\",\"metadata\":{\"a\":\"b\"}}", 201,
             "\"profile\":\"standard\"", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"One\",\"uid\":\"one\"}", 409, "\"conflict\"", NULL},
            {ENV_A, "POST", "/api/v1/app?get_if_exists=true", "{\"name\":\"Other\",\"uid\":\"one\"}", 200,
             "\"name\":\"One\"", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"M\",\"uid\":\"app_m\"}", 422, "\"uid\"", NULL},
            {ENV_A, "GET", "/api/v1/app/one/", NULL, 200, "\"metadata\":{\"a\":\"b\"}", NULL},
            {ENV_B, "GET", "/api/v1/app/one", NULL, 404, NULL, NULL},
            {ENV_A, "PATCH", "/api/v1/app/one", "{\"rateLimit\":5}", 200, "\"throttleRate\":5,\"rateLimit\":5", NULL},
            {ENV_A, "PATCH", "/api/v1/app/one", "{\"rateLimit\":-1}", 422, "[\"body\",\"rateLimit\"]", NULL},
            {ENV_A, "PUT", "/api/v1/app/one", "{\"name\":\"Two\",\"uid\":\"one\"}", 200, "\"metadata\":{}",
             "\"rateLimit\":5"},
            {ENV_A, "PUT", "/api/v1/app/two", "{\"name\":\"Second\"}", 201, "\"uid\":\"two\"", NULL},
            {ENV_A, "PATCH", "/api/v1/app/two", "{\"uid\":\"one\"}", 409, NULL, NULL},
            {ENV_A, "GET", "/api/v1/app?limit=1", NULL, 200, "\"name\":\"Two\"", "\"done\":true"},
            {ENV_A, "GET", "/api/v1/app?limit=1&order=descending", NULL, 200, "\"name\":\"Second\"", "\"done\":true"},
            {ENV_A, "GET", "/api/v1/event-type", NULL, 200, "\"data\":[]", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"M\",\"uid\":\"m\",\"profile\":\"myra\"}", 201, "\"myra\"",
             NULL},
            {ENV_A, "GET", "/api/v1/event-type", NULL, 200, "\"name\":\"contact.created\"", NULL},
            {ENV_A, "DELETE", "/api/v1/app/one", NULL, 204, NULL, NULL},
            {ENV_A, "GET", "/api/v1/app/one", NULL, 404, NULL, NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"Again\",\"uid\":\"one\"}", 201, NULL, NULL},
    };
    RUN(steps);
    assert_true(((struct fixture *)*state)->config_changes > 5);
}

static void event_types_live(void **state)
{
    static const struct api_step steps[] = {
            {ENV_A, "POST", "/api/v1/event-type", "{\"name\":\"b.x\"}", 422, "description", NULL},
            {ENV_A, "POST", "/api/v1/event-type",
             "{\"name\":\"b.x\",\"description\":\"B\",\"schemas\":{\"1\":{\"a\":1}}}", 201,
             "\"schemas\":{\"1\":{\"a\":1}}", NULL},
            {ENV_A, "POST", "/api/v1/event-type", "{\"name\":\"b.x\",\"description\":\"B\"}", 409, NULL, NULL},
            {ENV_A, "PUT", "/api/v1/event-type/a.x", "{\"description\":\"A\"}", 201, "\"name\":\"a.x\"", NULL},
            {ENV_A, "PUT", "/api/v1/event-type/a.x", "{\"description\":\"A2\",\"deprecated\":true}", 200, "\"A2\"",
             NULL},
            {ENV_A, "PUT", "/api/v1/event-type/a%20x", "{\"description\":\"A\"}", 422, "\"path\"", NULL},
            {ENV_A, "GET", "/api/v1/event-type", NULL, 200, "\"iterator\":\"b.x\",\"prevIterator\":\"-a.x\"",
             "{\"a\":1}"},
            {ENV_A, "GET", "/api/v1/event-type?with_content=true", NULL, 200, "{\"a\":1}", NULL},
            {ENV_A, "GET", "/api/v1/event-type?limit=1", NULL, 200, "\"done\":false", "b.x"},
            {ENV_A, "GET", "/api/v1/event-type?limit=1&iterator=a.x", NULL, 200, "\"b.x\"", "a.x\",\"des"},
            {ENV_A, "GET", "/api/v1/event-type?limit=1&iterator=-b.x", NULL, 200, "\"name\":\"a.x\"",
             "\"name\":\"b.x\""},
            {ENV_A, "DELETE", "/api/v1/event-type/a.x", NULL, 204, NULL, NULL},
            {ENV_A, "GET", "/api/v1/event-type", NULL, 200, NULL, "a.x"},
            {ENV_A, "GET", "/api/v1/event-type?include_archived=true", NULL, 200, "\"name\":\"a.x\"", NULL},
            {ENV_A, "GET", "/api/v1/event-type/a.x", NULL, 200, "\"archived\":true", NULL},
            {ENV_A, "POST", "/api/v1/event-type", "{\"name\":\"a.x\",\"description\":\"new\"}", 201,
             "\"archived\":false", NULL},
            {ENV_A, "PATCH", "/api/v1/event-type/a.x", "{\"groupName\":\"g\"}", 200, "\"groupName\":\"g\"", NULL},
            {ENV_A, "DELETE", "/api/v1/event-type/a.x?expunge=true", NULL, 204, NULL, NULL},
            {ENV_A, "GET", "/api/v1/event-type/a.x", NULL, 404, NULL, NULL},
            {ENV_B, "GET", "/api/v1/event-type/b.x", NULL, 404, NULL, NULL},
    };
    RUN(steps);
}

static void endpoints_live(void **state)
{
    static const struct api_step steps[] = {
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL, NULL},
            {ENV_A, "POST", "/api/v1/event-type", "{\"name\":\"t.x\",\"description\":\"\"}", 201, NULL, NULL},
            {ENV_A, "POST", E, "{\"url\":\"http://example.com\"}", 422, "[\"body\",\"url\"]", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://127.0.0.1/\"}", 422, "[\"body\",\"url\"]", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"eventTypes\":[\"no.x\"]}", 422,
             "no such event type: no.x", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"profile\":\"none\"}", 422, "no such profile", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"caBundle\":\"none\"}", 422, "caBundle", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"secret\":\"short\"}", 422, "\"secret\"", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"headers\":{\"Host\":\"x\"}}", 422,
             "[\"body\",\"headers\",\"Host\"]", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"headers\":{\"Webhook-Id\":\"x\"}}", 422,
             "Webhook-Id", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"headers\":{\"X\":\"a\\nb\"}}", 422, "control", NULL},
            {ENV_A, "POST", E,
             "{\"url\":\"HTTPS://Example.com\",\"uid\":\"e1\",\"name\":\"N\",\"filterTypes\":[\"t.x\"],\"headers\":"
             "{\"Authorization\":\"Bearer q\",\"X-A\":\"1\"},\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
             201, "\"url\":\"https://example.com/\"", "Bearer q"},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e1\"}", 409, NULL, NULL},
            {ENV_A, "GET", E "/e1", NULL, 200,
             "\"effectiveRetrySchedule\":[5,300,1800,7200,18000,36000,36000],\"effectiveTimeoutMs\":15000", NULL},
            {ENV_A, "GET", E "/e1", NULL, 200,
             "\"state\":{\"status\":\"ok\",\"reason\":null,\"since\":null,\"nextAttempt\":null}", "whsec"},
            {ENV_B, "GET", E "/e1", NULL, 404, NULL, NULL},
            {ENV_A, "GET", E "/e1/secret", NULL, 200, "{\"key\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}", NULL},
            {ENV_A, "POST", E "/e1/secret/rotate", "", 204, NULL, NULL},
            {ENV_A, "GET", E "/e1/secret", NULL, 200, "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
            {ENV_A, "POST", E "/e1/secret/rotate", "{\"gracePeriodSeconds\":604801}", 422, "gracePeriodSeconds", NULL},
            {ENV_A, "GET", E "/e1/headers", NULL, 200,
             "{\"headers\":{\"Authorization\":\"****\",\"X-A\":\"1\"},\"sensitive\":[\"Authorization\"]}", NULL},
            {ENV_A, "PATCH", E "/e1/headers", "{\"headers\":{\"x-a\":null,\"X-B\":\"2\"}}", 204, NULL, NULL},
            {ENV_A, "GET", E "/e1/headers", NULL, 200, "\"X-B\":\"2\"", "X-A"},
            {ENV_A, "PUT", E "/e1/headers", "{\"headers\":{\"cookie\":\"1\"}}", 422, "cookie", NULL},
            {ENV_A, "PUT", E "/e1/headers", "{\"headers\":{\"X-C\":\"3\"}}", 204, NULL, NULL},
            {ENV_A, "GET", E "/e1/headers", NULL, 200, "{\"headers\":{\"X-C\":\"3\"},\"sensitive\":[]}", NULL},
            {ENV_A, "PUT", E "/e1", "{\"url\":\"https://example.com/2\",\"uid\":\"e1\"}", 200, "\"name\":\"N\"", NULL},
            {ENV_A, "GET", E "/e1/headers", NULL, 200, "X-C", NULL},
            {ENV_A, "PATCH", E "/e1", "{\"name\":null,\"retrySchedule\":[0.5],\"timeoutMs\":100}", 200,
             "\"effectiveRetrySchedule\":[0.5],\"effectiveTimeoutMs\":100", NULL},
            {ENV_A, "PATCH", E "/e1", "{\"disabled\":true}", 200,
             "\"state\":{\"status\":\"disabled\",\"reason\":\"manual\"", NULL},
            {ENV_A, "PATCH", E "/e1", "{\"disabled\":false}", 200, "\"status\":\"ok\"", NULL},
            {ENV_A, "PUT", E "/e2", "{\"url\":\"https://example.com\"}", 201, "\"uid\":\"e2\"", NULL},
            {ENV_A, "PATCH", E "/e2", "{\"profile\":\"myra\"}", 200, "\"effectiveTimeoutMs\":10000", NULL},
            {ENV_A, "GET", E "?limit=1", NULL, 200, "\"uid\":\"e2\"", "\"uid\":\"e1\""},
            {ENV_A, "GET", E "?limit=1&order=ascending", NULL, 200, "\"uid\":\"e1\"", "\"uid\":\"e2\""},
            {ENV_A, "GET", E "/e1/stats", NULL, 200,
             "{\"success\":0,\"pending\":0,\"sending\":0,\"fail\":0,\"canceled\":0}", NULL},
            {ENV_A, "DELETE", E "/e1", NULL, 204, NULL, NULL},
            {ENV_A, "GET", E "/e1", NULL, 404, NULL, NULL},
    };
    RUN(steps);
    assert_true(((struct fixture *)*state)->endpoint_changes > 5);
}

static void profiles_live(void **state)
{
    static const char row[] =
            "{\"name\":\"mine\",\"body\":{\"type\":\"raw\"},\"headers\":{\"X-Sig\":\"{signature}\"},"
            "\"signedString\":\"{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\",\"secret\":"
            "{\"keyDecoding\":\"raw\",\"generate\":{\"bytes\":32,\"encoding\":\"alphanumeric\"}},"
            "\"retrySchedule\":[1],\"timeoutMs\":5000,\"disableOn410\":false}";
    const struct api_step steps[] = {
            {ENV_NEW, "GET", "/api/v1/profile", NULL, 200, "\"name\":\"metapulse\"", NULL},
            {ENV_A, "GET", "/api/v1/profile/standard", NULL, 200, "\"builtin\":true", NULL},
            {ENV_A, "POST", "/api/v1/profile", "{\"name\":\"mine\"}", 422, "{\"detail\":[{\"loc\":[\"body\"", NULL},
            {ENV_A, "POST", "/api/v1/profile", row, 201, "\"X-Sig\":\"{signature}\"", NULL},
            {ENV_A, "POST", "/api/v1/profile", row, 409, NULL, NULL},
            {ENV_A, "POST", "/api/v1/profile/mine/preview",
             "{\"eventType\":\"a\",\"payload\":{\"x\": 1},\"secret\":\"0123456789abcdef0123456789abcdef\"}", 200,
             "\"body\":\"{\\\"x\\\": 1}\"", NULL},
            {ENV_A, "POST", "/api/v1/profile/myra/preview", "{\"eventType\":\"a\",\"payload\":{\"x\": 1}}", 200,
             "\\\"event_type\\\":\\\"a\\\"", NULL},
            {ENV_A, "POST", "/api/v1/profile/myra/preview", "{\"payload\":{\"x\": 1}}", 422, "eventType", NULL},
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL, NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\",\"profile\":\"mine\"}", 201,
             "\"effectiveTimeoutMs\":5000", NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"profile\":\"mine\",\"headers\":{\"x-sig\":\"1\"}}",
             422, "x-sig", NULL},
            {ENV_A, "DELETE", "/api/v1/profile/mine", NULL, 409, "use this profile", NULL},
            {ENV_A, "DELETE", "/api/v1/profile/standard", NULL, 409, NULL, NULL},
            {ENV_A, "DELETE", E "/e", NULL, 204, NULL, NULL},
            {ENV_A, "DELETE", "/api/v1/profile/mine", NULL, 204, NULL, NULL},
            {ENV_A, "GET", "/api/v1/profile/mine", NULL, 404, NULL, NULL},
            {ENV_A, "GET", "/api/v1/settings/egress", NULL, 200, "{\"addresses\":[\"203.0.113.7\"],\"proxy\":null}",
             NULL},
    };
    RUN(steps);
}

/* A newer program brings other rows: they replace what nobody edited, and only that. */
static void builtin_profiles_are_upgraded(void **state)
{
    struct fixture *f = *state;
    expect(f, "GET", "/api/v1/profile/slack", NULL, 200, "\"timeoutMs\":3000");
    char *edited = arena_cstr(f->arena, str_c(f->answer.ptr));
    expect(f, "PUT", "/api/v1/profile/slack", edited, 200, "\"builtin\":false");
    struct settings s = {.request_timeout_ms = 1234, .retry_schedule_set = true, .default_ed25519 = true};
    struct str why;
    assert_int_equal(env_profile_rows(f->arena, &s, &f->api.rows, &f->api.row_count, &why), ERR_OK);
    struct api_profile_row *rows = arena_alloc(f->arena, f->api.row_count * sizeof *rows);
    for (size_t i = 0; i < f->api.row_count; i++) {
        rows[i] = f->api.rows[i];
        if (str_eq(rows[i].name, STR("slack")))
            rows[i].json = f->api.rows[0].json;
    }
    f->api.rows = rows;
    assert_int_equal(env_upgrade_all(&f->api, f->reader, NOW), ERR_OK);
    expect(f, "GET", "/api/v1/profile/slack", NULL, 200, "\"timeoutMs\":3000");
    expect(f, "GET", "/api/v1/profile/standard", NULL, 200, "\"retrySchedule\":[],\"timeoutMs\":1234");
    char *version = pick(f, "version");
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, "\"effectiveRetrySchedule\":[]");
    expect(f, "GET", E "/e/secret", NULL, 200, "\"key\":\"whsk_");
    expect(f, "POST", E "/e/secret/rotate", "{\"key\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}", 204, NULL);
    assert_int_equal(env_upgrade_all(&f->api, f->reader, NOW), ERR_OK);
    expect(f, "GET", "/api/v1/profile/standard", NULL, 200, version);
}

static void catalog_follows_changes(void **state)
{
    struct fixture *f = *state;
    const struct workspace *w, *again;
    oid_t app = 0;
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\",\"profile\":\"myra\"}", 201, NULL);
    assert_int_equal(oid_parse(str_c(pick(f, "id")), "app_", f->api.id_key, &app), ERR_OK);
    assert_null(catalog_get(f->catalog, app));
    assert_int_equal(catalog_load(f->catalog, f->reader, app, &w), ERR_OK);
    again = catalog_find(f->catalog, STR("org_aaaaaaaaaaaaaaaaaaaaaaaaaaa"), STR("w"));
    assert_ptr_equal(w, again);
    assert_null(catalog_find(f->catalog, STR("org_bbbbbbbbbbbbbbbbbbbbbbbbbbb"), STR("w")));
    catalog_unref(again);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"profile\":\"metapulse\"}", 201, NULL);
    assert_null(catalog_get(f->catalog, app));
    assert_int_equal(catalog_load(f->catalog, f->reader, app, &again), ERR_OK);
    assert_true(again->version > w->version);
    assert_int_equal(w->endpoint_count, 0);
    assert_int_equal(again->endpoint_count, 1);
    assert_true(str_eq(profile_name(again->profiles[0]->profile), STR("metapulse")));
    catalog_unref(w);
    catalog_unref(again);
    expect(f, "DELETE", "/api/v1/app/w", NULL, 204, NULL);
    assert_int_equal(catalog_load(f->catalog, f->reader, app, &w), ERR_NOT_FOUND);
}

const struct CMUnitTest resource_tests[] = {
        FX_TEST(errors_have_their_shapes), FX_TEST(applications_live), FX_TEST(event_types_live),
        FX_TEST(endpoints_live),           FX_TEST(profiles_live),     FX_TEST(builtin_profiles_are_upgraded),
        FX_TEST(catalog_follows_changes),
};
const size_t resource_test_count = ARRAY_LEN(resource_tests);
