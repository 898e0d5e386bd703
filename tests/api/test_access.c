/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and the portal: what they open, and how they end. */
#include "fixture.h"

#include <stdio.h>

static void api_keys_are_confined(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body; /* of the key */
        const char *method;
        const char *path;
        const char *request;
        int status;
    } rows[] = {
            {"{\"name\":\"k\"}", "GET", "/api/v1/app", NULL, 200},
            {"{\"name\":\"k\",\"role\":\"viewer\"}", "GET", "/api/v1/app/w", NULL, 200},
            {"{\"name\":\"k\",\"role\":\"viewer\"}", "PATCH", "/api/v1/app/w", "{}", 403},
            {"{\"name\":\"k\",\"role\":\"editor\"}", "POST", "/api/v1/app", "{\"name\":\"n\"}", 403},
            {"{\"name\":\"k\",\"appId\":\"w\"}", "GET", "/api/v1/app/w", NULL, 200},
            {"{\"name\":\"k\",\"appId\":\"w\"}", "GET", "/api/v1/app/v", NULL, 404},
            {"{\"name\":\"k\",\"appId\":\"w\"}", "DELETE", "/api/v1/app/w", NULL, 403},
            {"{\"name\":\"k\",\"appId\":\"w\"}", "PUT", "/api/v1/app/new", "{\"name\":\"n\"}", 403},
            {"{\"name\":\"k\",\"appId\":\"w\",\"role\":\"owner\"}", "PUT", "/api/v1/app/new", "{\"name\":\"n\"}", 404},
            {"{\"name\":\"k\",\"appId\":\"w\"}", "GET", "/api/v1/app", NULL, 403},
            {"{\"name\":\"k\",\"scopes\":[\"message:read\"]}", "GET", "/api/v1/app/w/msg", NULL, 200},
            {"{\"name\":\"k\",\"scopes\":[\"message:read\"]}", "GET", "/api/v1/app/w/endpoint", NULL, 403},
            {"{\"name\":\"k\",\"scopes\":[\"token:write\"]}", "POST", "/api/v1/auth/api-key", "{\"name\":\"x\"}", 422},
            {"{\"name\":\"k\",\"scopes\":[\"token:write\"]}", "POST", "/api/v1/auth/api-key",
             "{\"name\":\"x\",\"scopes\":[\"token:read\"]}", 201},
    };
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    expect(f, "POST", "/api/v1/app", "{\"name\":\"V\",\"uid\":\"v\"}", 201, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect(f, "POST", "/api/v1/auth/api-key", rows[i].body, 201, "\"token\":\"prk_");
        char *id = pick(f, "id");
        struct str bearer = arena_printf(f->arena, "Bearer %s", pick(f, "token"));
        request_as(f, bearer.ptr, rows[i].method, rows[i].path, rows[i].request);
        if (f->status != rows[i].status)
            fail_msg("row %zu: %d %s", i, f->status, f->answer.ptr);
        expect(f, "DELETE", path_of(f, "/api/v1/auth/api-key/$", id), NULL, 204, NULL);
        request_as(f, bearer.ptr, rows[i].method, rows[i].path, rows[i].request);
        assert_int_equal(f->status, 401);
        expect(f, "DELETE", path_of(f, "/api/v1/auth/api-key/$", id), NULL, 404, NULL);
    }
    static const struct api_step steps[] = {
            {ENV_A, "POST", "/api/v1/auth/api-key", "{\"name\":\"k\",\"role\":\"king\"}", 422, "owner, editor", NULL},
            {ENV_A, "POST", "/api/v1/auth/api-key", "{\"name\":\"k\",\"scopes\":[\"x:read\"]}", 422, "scope", NULL},
            {ENV_A, "POST", "/api/v1/auth/api-key", "{\"name\":\"k\",\"expiresAt\":\"2020-01-01T00:00:00Z\"}", 422,
             "future", NULL},
            {ENV_A, "POST", "/api/v1/auth/api-key", "{\"name\":\"listed\",\"expiresIn\":60}", 201, NULL, NULL},
            {ENV_A, "GET", "/api/v1/auth/api-key", NULL, 200, "\"name\":\"listed\"", "\"token\""},
            {ENV_B, "GET", "/api/v1/auth/api-key", NULL, 200, "\"data\":[]", NULL},
    };
    RUN(steps);
}

#define ACCESS "/api/v1/auth/app-portal-access/"

/* Asks for access and leaves "Bearer …" in `token` and the link's key in `link`. */
static void access_portal(struct fixture *f, const char *path, const char *body, char token[200], char link[200])
{
    expect(f, "POST", path, body, 200, "\"url\":\"https://hooks.example.com/portal#key=prl_");
    const char *key = strstr(f->answer.ptr, "#key=") + 5;
    snprintf(link, 200, "%.*s", (int)strcspn(key, "\""), key);
    snprintf(token, 200, "Bearer %s", pick(f, "token"));
}

static void portal_tokens_are_confined(void **state)
{
    static const struct {
        const char *body;
        int list, create, secret, rotate, example; /* statuses */
    } rows[] = {
            {"{}", 200, 201, 200, 204, 202},
            {"{\"readOnly\":true}", 200, 403, 403, 403, 403},
            {"{\"capabilities\":[\"ViewBase\"]}", 200, 403, 403, 403, 403},
            {"{\"capabilities\":[\"ViewBase\",\"ViewEndpointSecret\"]}", 200, 403, 200, 403, 403},
            {"{\"capabilities\":[\"ViewBase\",\"ManageEndpointSecret\"]}", 200, 403, 200, 204, 403},
            {"{\"capabilities\":[\"ViewBase\",\"CreateAttempts\"],\"featureFlags\":[\"x\"]}", 200, 403, 403, 403, 202},
            {"{\"capabilities\":[\"ManageEndpoint\"],\"expiry\":3600,\"sessionId\":\"user@1\"}", 200, 201, 200, 204,
             403},
    };
    struct fixture *f = *state;
    char token[200], link[200];
    f->api.public_url = "https://hooks.example.com";
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    expect(f, "POST", "/api/v1/app", "{\"name\":\"V\",\"uid\":\"v\"}", 201, NULL);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        access_portal(f, ACCESS "w", rows[i].body, token, link);
        int list = status_as(f, token, "GET", E, NULL);
        int create = status_as(f, token, "POST", E, "{\"url\":\"https://example.com\"}");
        int secret = status_as(f, token, "GET", E "/e/secret", NULL);
        int rotate = status_as(f, token, "POST", E "/e/secret/rotate", "{}");
        int example = status_as(f, token, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}");
        if (list != rows[i].list || create != rows[i].create || secret != rows[i].secret || rotate != rows[i].rotate ||
            example != rows[i].example)
            fail_msg("%s: %d %d %d %d %d", rows[i].body, list, create, secret, rotate, example);
        assert_int_equal(status_as(f, token, "GET", "/api/v1/app/v", NULL), 404);
        assert_int_equal(status_as(f, token, "GET", "/api/v1/app", NULL), 403);
        assert_int_equal(status_as(f, token, "DELETE", "/api/v1/app/w", NULL), 403);
        assert_int_equal(status_as(f, token, "POST", ACCESS "w", "{}"), 403);
        assert_int_equal(status_as(f, token, "GET", "/api/v1/auth/whoami", NULL), 200);
        assert_int_equal(status_as(f, token, "POST", "/api/v1/auth/logout", ""), 204);
        assert_int_equal(status_as(f, token, "GET", E, NULL), 401);
    }
    /* Its keys are no API keys. */
    expect(f, "GET", "/api/v1/auth/api-key", NULL, 200, "\"data\":[]");
}

static void portal_access_ends(void **state)
{
    struct fixture *f = *state;
    char one[200], two[200], later[200], link[200], old_link[200], body[300];
    f->api.public_url = "https://hooks.example.com";
    expect(f, "POST", ACCESS "w", "{}", 404, "no such workspace");
    access_portal(f, ACCESS "w", "{\"application\":{\"name\":\"W\"}}", one, old_link);
    expect(f, "GET", "/api/v1/app/w", NULL, 200, "\"uid\":\"w\"");
    access_portal(f, ACCESS "w", "{\"sessionId\":\"a\",\"application\":{\"name\":\"ignored\"}}", two, link);
    static const struct api_step refused[] = {
            {ENV_A, "POST", ACCESS "x", "{\"application\":{\"name\":\"X\",\"uid\":\"y\"}}", 422, "\"uid\"", NULL},
            {ENV_A, "POST", ACCESS "x", "{\"application\":{}}", 422, "is missing", NULL},
            {ENV_A, "POST", ACCESS "x", "{\"application\":1}", 422, "must be an object", NULL},
            {ENV_A, "POST", ACCESS "w", "{\"expiry\":60}", 422, "[\"body\",\"expiry\"]", NULL},
            {ENV_A, "POST", ACCESS "w", "{\"expiry\":604801}", 422, "[\"body\",\"expiry\"]", NULL},
            {ENV_A, "POST", ACCESS "w", "{\"capabilities\":[\"Everything\"]}", 422, "capability", NULL},
            {ENV_A, "POST", ACCESS "w", "{\"sessionId\":\"a b\"}", 422, "sessionId", NULL},
            {ENV_B, "POST", ACCESS "w", "{}", 404, NULL, NULL},
            {ENV_A, "POST", "/api/v1/auth/logout", "", 403, "portal", NULL},
            {ENV_A, "POST", "/api/v1/auth/app/w/expire-all", "{\"expiry\":259201}", 422, "expiry", NULL},
            {NONE, "POST", "/api/v1/auth/one-time-token", "{}", 422, "oneTimeToken", NULL},
            {NONE, "POST", "/api/v1/auth/one-time-token", "{\"oneTimeToken\":\"prl_x\"}", 401, NULL, NULL},
    };
    RUN(refused);
    /* A link is no token, and is worth one session. */
    snprintf(body, sizeof body, "Bearer %s", link);
    assert_int_equal(status_as(f, body, "GET", E, NULL), 401);
    snprintf(body, sizeof body, "{\"oneTimeToken\":\"%s\"}", link);
    request(f, NONE, "POST", "/api/v1/auth/one-time-token", body);
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(f->answer.ptr, "\"ManageEndpoint\""));
    snprintf(later, sizeof later, "Bearer %s", pick(f, "token"));
    request(f, NONE, "POST", "/api/v1/auth/one-time-token", body);
    assert_int_equal(f->status, 401);
    assert_int_equal(status_as(f, later, "GET", E, NULL), 200);

    expect(f, "POST", "/api/v1/auth/app/w/expire-all", "{\"sessionIds\":[\"a\"],\"expiry\":60}", 204, NULL);
    assert_int_equal(status_as(f, two, "GET", E, NULL), 200);
    expect(f, "POST", "/api/v1/auth/app/w/expire-all", "{\"sessionIds\":[\"a\"]}", 204, NULL);
    assert_int_equal(status_as(f, two, "GET", E, NULL), 401);
    assert_int_equal(status_as(f, later, "GET", E, NULL), 401);
    assert_int_equal(status_as(f, one, "GET", E, NULL), 200);
    expect(f, "POST", "/api/v1/auth/app/w/expire-all", "", 204, NULL);
    assert_int_equal(status_as(f, one, "GET", E, NULL), 401);
    snprintf(body, sizeof body, "{\"oneTimeToken\":\"%s\"}", old_link);
    request(f, NONE, "POST", "/api/v1/auth/one-time-token", body);
    assert_int_equal(f->status, 401);
}

/* A key that may little gives no access to much. */
static void portal_access_is_within_scopes(void **state)
{
    static const struct {
        const char *scopes, *body;
        int status;
    } rows[] = {
            {"[\"token:write\"]", "{}", 403},
            {"[\"token:write\",\"*:read\"]", "{\"capabilities\":[\"ViewBase\"]}", 200},
            {"[\"token:write\",\"*:read\"]", "{\"capabilities\":[\"ViewEndpointSecret\"]}", 403},
            {"[\"*:*\"]", "{\"capabilities\":[\"ManageEndpoint\"]}", 200},
            {"[\"endpoint:*\"]", "{\"capabilities\":[\"ViewBase\"]}", 403},
    };
    struct fixture *f = *state;
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str body = arena_printf(f->arena, "{\"name\":\"k\",\"scopes\":%s}", rows[i].scopes);
        expect(f, "POST", "/api/v1/auth/api-key", body.ptr, 201, NULL);
        struct str token = arena_printf(f->arena, "Bearer %s", pick(f, "token"));
        assert_int_equal(status_as(f, token.ptr, "POST", ACCESS "w", rows[i].body), rows[i].status);
    }
}

const struct CMUnitTest access_tests[] = {
        FX_TEST(api_keys_are_confined),
        FX_TEST(portal_tokens_are_confined),
        FX_TEST(portal_access_ends),
        FX_TEST(portal_access_is_within_scopes),
};
const size_t access_test_count = ARRAY_LEN(access_tests);
