/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/route.h"
#include "api/routes.h"
#include "api/who.h"
#include "auth/token.h"

static void paths_find_their_row(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path;
        api_handler_fn *handle; /* NULL: none with this method */
        const char *params[3];
    } rows[] = {
            {HTTP_M_GET, "/api/v1/app", application_list, {0}},
            {HTTP_M_GET, "/api/v1/app/", application_list, {0}},
            {HTTP_M_HEAD, "/api/v1/app", application_list, {0}},
            {HTTP_M_DELETE, "/api/v1/app", NULL, {0}},
            {HTTP_M_GET, "/api/v1/app/a.b", application_get, {"a.b"}},
            {HTTP_M_PUT, "/api/v1/app/x/endpoint/y/headers/", endpoint_headers_put, {"x", "y"}},
            {HTTP_M_GET, "/api/v1/app/x/msg/m/attempt/t", attempt_get, {"x", "m", "t"}},
            {HTTP_M_POST, "/api/v1/app/x/msg/m/endpoint/e/resend", message_resend, {"x", "m", "e"}},
            {HTTP_M_GET, "/api/v1/health/ping", health_ping, {0}},
            {HTTP_M_GET, "/health", health_report, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct route *route;
        struct str params[API_PARAMS_MAX] = {0};
        unsigned methods;
        assert_int_equal(route_find(rows[i].method, str_c(rows[i].path), &route, params, &methods), ERR_OK);
        assert_true((route != NULL ? route->handle : NULL) == rows[i].handle);
        for (size_t j = 0; j < 3 && rows[i].handle != NULL; j++)
            assert_true(str_eq(params[j], str_c(rows[i].params[j])));
    }
    static const char *const unknown[] = {"",
                                          "/",
                                          "/api",
                                          "/api/v1",
                                          "/api/v1//",
                                          "/api/v2/app",
                                          "/api/v1/app//endpoint",
                                          "/api/v1/app/x/nothing",
                                          "/api/v1/app/x/endpoint/y/z",
                                          "//api/v1/app"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        const struct route *route;
        struct str params[API_PARAMS_MAX];
        unsigned methods;
        assert_int_equal(route_find(HTTP_M_GET, str_c(unknown[i]), &route, params, &methods), ERR_NOT_FOUND);
    }
}

static const struct route *row_of(enum http_method method, const char *path)
{
    const struct route *route;
    struct str params[API_PARAMS_MAX];
    unsigned methods;
    assert_int_equal(route_find(method, str_c(path), &route, params, &methods), ERR_OK);
    return route;
}

static void roles_may(void **state)
{
    (void)state;
    enum { O = 1, E = 2, V = 4, P = 8, R = 16 };
    static const struct {
        enum http_method method;
        const char *path;
        unsigned may;      /* of a whole environment (portals: of their workspace) */
        bool confined_may; /* who has the right, confined to one workspace */
    } rows[] = {
            {HTTP_M_GET, "/api/v1/app", O | E | V, false},
            {HTTP_M_POST, "/api/v1/app", O, false},
            {HTTP_M_GET, "/api/v1/app/a", O | E | V | P | R, true},
            {HTTP_M_PATCH, "/api/v1/app/a", O, true},
            {HTTP_M_DELETE, "/api/v1/app/a", O, true},
            {HTTP_M_GET, "/api/v1/event-type", O | E | V | P | R, true},
            {HTTP_M_POST, "/api/v1/event-type", O | E, false},
            {HTTP_M_POST, "/api/v1/app/a/endpoint", O | E | P, true},
            {HTTP_M_GET, "/api/v1/app/a/endpoint/e", O | E | V | P | R, true},
            {HTTP_M_GET, "/api/v1/app/a/endpoint/e/secret", O | E | P, true},
            {HTTP_M_POST, "/api/v1/app/a/endpoint/e/secret/rotate", O | E | P, true},
            {HTTP_M_POST, "/api/v1/app/a/endpoint/e/recover", O | E | P, true},
            {HTTP_M_POST, "/api/v1/app/a/msg", O | E, true},
            {HTTP_M_DELETE, "/api/v1/app/a/msg/m/content", O | E, true},
            {HTTP_M_DELETE, "/api/v1/app/a/msg/m/attempt/t/content", O | E, true},
            {HTTP_M_POST, "/api/v1/app/a/msg/m/endpoint/e/resend", O | E | P, true},
            {HTTP_M_GET, "/api/v1/app/a/attempt/msg/m", O | E | V | P | R, true},
            {HTTP_M_PUT, "/api/v1/profile/p", O | E, false},
            {HTTP_M_GET, "/api/v1/settings/egress", O | E | V | P | R, true},
            {HTTP_M_POST, "/api/v1/auth/api-key", O, false},
            {HTTP_M_GET, "/api/v1/operational-webhook/endpoint", O | E | V, false},
            {HTTP_M_POST, "/api/v1/operational-webhook/endpoint", O, false},
            {HTTP_M_GET, "/api/v1/operational-webhook/endpoint/e/secret", O, false},
            {HTTP_M_POST, "/api/v1/auth/app-portal-access/a", O, true},
            {HTTP_M_POST, "/api/v1/auth/app/a/expire-all", O, true},
            {HTTP_M_GET, "/api/v1/app/a/poller/e", O | E | V | P | R, true},
            {HTTP_M_GET, "/api/v1/app/a/poller/e/consumer/c", O | E | P, true},
            {HTTP_M_POST, "/api/v1/app/a/polling-endpoint/e/consumer/c/commit", O | E | P, true},
            {HTTP_M_POST, "/api/v1/auth/app/a/poller/e/token/rotate", O | E | P, true},
            {HTTP_M_GET, "/api/v1/app/a/events", O | E | V | P | R, true},
            {HTTP_M_GET, "/api/v1/events", O | E | V, false},
            {HTTP_M_POST, "/api/v1/auth/logout", O | E | V | P | R, true},
    };
    static const enum auth_role roles[] = {AUTH_OWNER, AUTH_EDITOR, AUTH_VIEWER, AUTH_PORTAL, AUTH_PORTAL_READ};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct route *route = row_of(rows[i].method, rows[i].path);
        for (size_t j = 0; j < ARRAY_LEN(roles); j++) {
            bool portal = roles[j] == AUTH_PORTAL || roles[j] == AUTH_PORTAL_READ;
            bool right = (rows[i].may & (1u << j)) != 0;
            struct principal p = {.role = roles[j], .app = portal ? 7 : 0};
            if (who_may(&p, route) != (right && (!portal || rows[i].confined_may)))
                fail_msg("%s role %zu", rows[i].path, j);
            p.app = 7;
            if (who_may(&p, route) != (right && rows[i].confined_may))
                fail_msg("%s role %zu, confined", rows[i].path, j);
        }
        struct principal nobody = {.role = AUTH_NOBODY};
        assert_false(who_may(&nobody, route));
    }
}

/* A key that polls an endpoint may do that, whatever else there is. */
static void pollers_poll(void **state)
{
    (void)state;
    struct principal p = {.role = AUTH_POLLER, .app = 7, .endpoint = 8};
    size_t n = 0;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route *r = &api_routes[i];
        bool polls = strstr(r->pattern, "/poller/{sink_id}") != NULL ||
                     strstr(r->pattern, "/polling-endpoint/{sink_id}") != NULL;
        if (who_may(&p, r) != polls && (r->flags & (ROUTE_PUBLIC | ROUTE_SESSION)) == 0)
            fail_msg("%s", r->pattern);
        n += polls;
    }
    assert_int_equal(n, 5);
}

static void scopes_narrow(void **state)
{
    (void)state;
    static const struct {
        const char *scope;
        enum http_method method;
        const char *path;
        bool may;
    } rows[] = {
            {"message:write", HTTP_M_POST, "/api/v1/app/a/msg", true},
            {"message:write", HTTP_M_GET, "/api/v1/app/a/msg", true},
            {"message:write", HTTP_M_GET, "/api/v1/app/a/endpoint", false},
            {"message:read", HTTP_M_POST, "/api/v1/app/a/msg", false},
            {"*:read", HTTP_M_GET, "/api/v1/app/a/endpoint/e", true},
            {"*:read", HTTP_M_GET, "/api/v1/app/a/endpoint/e/secret", false},
            {"*:*", HTTP_M_DELETE, "/api/v1/app/a", true},
            {"endpoint:*", HTTP_M_DELETE, "/api/v1/app/a/endpoint/e", true},
            {"endpoint:read", HTTP_M_GET, "/api/v1/app/a/endpoint/e/secret", false},
            {"endpoint:write", HTTP_M_GET, "/api/v1/app/a/endpoint/e/secret", true},
            {"endpoint:write", HTTP_M_POST, "/api/v1/app/a/endpoint/e/secret/rotate", true},
            {"secret:read", HTTP_M_GET, "/api/v1/app/a/endpoint/e/secret", true},
            {"secret:read", HTTP_M_POST, "/api/v1/app/a/endpoint/e/secret/rotate", false},
            {"secret:write", HTTP_M_GET, "/api/v1/app/a/endpoint/e", false},
            {"*:read", HTTP_M_POST, "/api/v1/auth/logout", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct principal p = {.role = AUTH_OWNER};
        assert_int_equal(auth_scope(str_c(rows[i].scope), &p.scopes), ERR_OK);
        assert_int_equal(who_may(&p, row_of(rows[i].method, rows[i].path)), rows[i].may);
    }
    static const char *const wrong[] = {"", "message", "message:", ":read", "nothing:read", "message:delete", "*"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint32_t bits = 0;
        assert_int_equal(auth_scope(str_c(wrong[i]), &bits), ERR_INVALID);
    }
}

static void texts_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool query;
        const char *out; /* NULL: malformed */
    } rows[] = {{"abc", false, "abc"},
                {"a%2Fb", false, "a/b"},
                {"a+b", false, "a+b"},
                {"a+b", true, "a b"},
                {"%e2%82%ac", true, "\xe2\x82\xac"},
                {"%", false, NULL},
                {"%4", false, NULL},
                {"%zz", false, NULL},
                {"a%00", false, NULL},
                {"%ff", false, NULL},
                {"%41", false, "A"},
                {"", false, ""}};
    struct arena *a = arena_new(1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str out;
        assert_int_equal(text_decode(a, str_c(rows[i].in), rows[i].query, &out), rows[i].out != NULL);
        if (rows[i].out != NULL)
            assert_true(str_eq(out, str_c(rows[i].out)));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(paths_find_their_row), cmocka_unit_test(roles_may),         cmocka_unit_test(pollers_poll),
            cmocka_unit_test(scopes_narrow),        cmocka_unit_test(texts_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
