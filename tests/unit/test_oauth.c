/* SPDX-License-Identifier: Apache-2.0 */
/* What a token server is asked, and what is made of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "signing/oauth.h"

static const unsigned char nonce[OAUTH_NONCE_BYTES] = {1, 2, 3};

static void requests_are_forms(void **state)
{
    (void)state;
    static const struct str scopes[] = {{"a:b", 3}, {"c", 1}};
    static const struct header_pair params[] = {{{"re source", 9}, {"x&y=z*-._~", 10}}};
    static const struct header_pair headers[] = {{{"aCCept", 6}, {"text/json", 9}}};
    const struct oauth o = {.grant_type = OAUTH_GRANT_REFRESH,
                            .auth_method = OAUTH_METHOD_BASIC,
                            .client_id = STR("id:é"),
                            .client_secret = STR("a b+c"),
                            .scopes = scopes,
                            .scope_count = 2,
                            .params = params,
                            .param_count = 1,
                            .headers = headers,
                            .header_count = 1,
                            .refresh_token = STR("old")};
    struct oauth_request r;
    const char *why;
    assert_int_equal(oauth_request_write(&o, STR("new/1"), 0, nonce, &r, &why), ERR_OK);
    assert_true(str_eq(buf_str(&r.body), STR("grant_type=refresh_token&refresh_token=new%2F1&scope=a%3Ab+c&"
                                             "re+source=x%26y%3Dz*-._%7E")));
    struct buf plain = BUF_INIT(1000), want = BUF_INIT(1000);
    crypto_base64(STR("id%3A%C3%A9:a+b%2Bc"), &plain);
    buf_addf(&want,
             "Content-Type: application/x-www-form-urlencoded%cAuthorization: Basic " STR_FMT "%caCCept: text/json%c",
             0, STR_ARG(buf_str(&plain)), 0, 0);
    assert_int_equal(r.header_count, 3);
    assert_true(str_eq(buf_str(&r.headers), buf_str(&want)));
    oauth_request_fini(&r);
    assert_null(r.body.ptr);
    buf_fini(&plain);
    buf_fini(&want);
}

static void a_key_that_cannot_sign_makes_no_request(void **state)
{
    (void)state;
    static const char *const params[] = {NULL, "{}", "{\"secretBase64\":\"AAAA\"}", "{\"secretBase64\":\"*\"}"};
    struct oauth o = {.grant_type = OAUTH_GRANT_CLIENT, .auth_method = OAUTH_METHOD_JWT, .client_id = STR("a")};
    struct oauth_request r;
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        const char *why = NULL;
        o.jwt_params = str_c(params[i]);
        assert_int_equal(oauth_request_write(&o, STR_NULL, 0, nonce, &r, &why), ERR_INVALID);
        assert_non_null(why);
    }
}

static void answers_are_read(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        const char *token; /* NULL: none, then why */
        int64_t life_ms;
        const char *refresh;
        const char *why;
    } rows[] = {
            {200, "{\"access_token\":\"t\",\"token_type\":\"BEARER\",\"expires_in\":60}", "t", 60000, NULL, NULL},
            {201, "{\"access_token\":\"t\"}", "t", -1, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"expires_in\":\"90\"}", "t", 90000, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"expires_in\":0.5}", "t", 500, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"expires_in\":-5}", "t", -1, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"expires_in\":\"soon\"}", "t", -1, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"expires_in\":1e300}", "t", 31536000000, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"expires_in\":null,\"refresh_token\":null}", "t", -1, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"refresh_token\":\"r2\"}", "t", -1, "r2", NULL},
            {200, "{\"access_token\":\"t\",\"refresh_token\":\"r1\"}", "t", -1, NULL, NULL},
            {200, "{\"access_token\":\"t\",\"refresh_token\":\"\"}", "t", -1, NULL, NULL},
            {200, "", NULL, 0, NULL, "its answer is no JSON object, or longer than 16 KiB"},
            {200, "[]", NULL, 0, NULL, "its answer is no JSON object, or longer than 16 KiB"},
            {200, "{\"access_token\":5}", NULL, 0, NULL, "its answer has no access_token that can be used"},
            {200, "{\"access_token\":\"a b\"}", NULL, 0, NULL, "its answer has no access_token that can be used"},
            {200, "{\"access_token\":\"\\u00e9\"}", NULL, 0, NULL, "its answer has no access_token that can be used"},
            {200, "{\"access_token\":\"t\",\"token_type\":\"DPoP\"}", NULL, 0, NULL,
             "its token is not of the type Bearer"},
            {401, "{\"error\":\"invalid_client\"}", NULL, 0, NULL, "it answered 401: invalid_client"},
            {400, "{\"error\":\"e\",\"error_description\":\"d\"}", NULL, 0, NULL, "it answered 400: e: d"},
            {400, "{\"error\":\"e\",\"error_description\":\"no s1 here\"}", NULL, 0, NULL, "it answered 400"},
            {400, "{\"error\":\"e\",\"error_description\":\"no r1 here\"}", NULL, 0, NULL, "it answered 400"},
            {500, "<html>", NULL, 0, NULL, "it answered 500"},
            {302, "{\"access_token\":\"t\"}", NULL, 0, NULL, "it answered 302"},
    };
    const struct oauth o = {.client_secret = STR("s1")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct oauth_token t;
        struct str why;
        bool good = oauth_answer_read(a, &o, STR("r1"), rows[i].status, str_c(rows[i].body), &t, &why);
        if (good != (rows[i].token != NULL))
            fail_msg("%s", rows[i].body);
        if (good) {
            assert_true(str_eq(t.access, str_c(rows[i].token)));
            assert_true(str_eq(t.refresh, str_c(rows[i].refresh)));
            assert_true(t.life_ms == rows[i].life_ms);
        } else if (!str_eq(why, str_c(rows[i].why))) {
            fail_msg("%s: " STR_FMT, rows[i].body, STR_ARG(why));
        }
        arena_free(a);
    }
}

static void own_parameters_are_known(void **state)
{
    (void)state;
    assert_true(oauth_owns_param(STR("grant_type")) && oauth_owns_param(STR("client_assertion_type")));
    assert_true(oauth_owns_param(STR("scope")) && oauth_owns_param(STR("client_secret")));
    assert_false(oauth_owns_param(STR("audience")) || oauth_owns_param(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(requests_are_forms),
            cmocka_unit_test(a_key_that_cannot_sign_makes_no_request),
            cmocka_unit_test(answers_are_read),
            cmocka_unit_test(own_parameters_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
