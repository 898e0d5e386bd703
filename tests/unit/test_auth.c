/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "auth/auth.h"
#include "crypto/crypto.h"

#define SECRET STR("test-secret")
#define NOW_MS ((int64_t)1795000000000)
#define ORG    "org_23rb8YdGqMT0qIzpgGwdXfHirMu"
#define APP    "app_1srOrx2ZWZBpBUvZwXKQmoEYga2"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void sign_token(const char *header, const char *claims, struct str secret, struct buf *out)
{
    unsigned char mac[CRYPTO_MAC_MAX];
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA256, secret);
    *out = BUF_INIT(8192);
    crypto_base64url(str_c(header), out);
    buf_add_c(out, '.');
    crypto_base64url(str_c(claims), out);
    struct str part = buf_str(out);
    size_t len = crypto_sign(s, &part, 1, mac);
    buf_add_c(out, '.');
    crypto_base64url(str_of((char *)mac, len), out);
    crypto_signer_free(s);
}

static enum err verify(struct str token, struct principal *who, char *app, size_t size)
{
    struct arena *a = arena_new(1024);
    struct str text = STR_NULL;
    enum err e = auth_jwt_verify(a, token, SECRET, NOW_MS, who, &text);
    assert_true(text.len < size);
    if (text.len > 0)
        memcpy(app, text.ptr, text.len);
    app[text.len] = '\0';
    arena_free(a);
    return e;
}

/* Made with Python's hmac and base64. */
static void foreign_token_is_taken(void **state)
{
    (void)state;
    struct principal who;
    char app[64];
    assert_int_equal(verify(STR("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                                "eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MjAxNTAwMDAwMCwibmJmIjoxNzAwMDAwMDAwLCJpc3MiOiJzdml4LX"
                                "NlcnZlciIsInN1YiI6Im9yZ18yM3JiOFlkR3FNVDBxSXpwZ0d3ZFhmSGlyTXUifQ.MvAcpCzV-"
                                "b4jJo7oKINVmlSjhvADP8MCFZ-88r9irlg"),
                            &who, app, sizeof app),
                     ERR_OK);
    assert_int_equal(who.role, AUTH_OWNER);
    assert_string_equal(who.env, ORG);
    assert_int_equal(who.app, 0);
    assert_string_equal(app, "");
}

static void claims_decide(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *claims;
        enum auth_role role; /* AUTH_NOBODY: refused */
    } rows[] = {
            {HEADER, "{\"sub\":\"" ORG "\"}", AUTH_OWNER},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":1795000000}", AUTH_OWNER}, /* within the leeway */
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":1794999940.5}", AUTH_OWNER},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":1.7949999405e9}", AUTH_OWNER},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":1794999939.5}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":1794999940}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":0}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":-1}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":\"1895000000\"}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"exp\":true}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"nbf\":1795000060.0}", AUTH_OWNER},
            {HEADER, "{\"sub\":\"" ORG "\",\"nbf\":1795000060.5}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" ORG "\",\"nbf\":[]}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" APP "\",\"org\":\"" ORG "\"}", AUTH_PORTAL},
            {HEADER, "{\"sub\":\"" APP "\"}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" APP "\",\"org\":\"" APP "\"}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"" APP "\",\"org\":7}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"org_short\"}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"org_23rb8YdGqMT0qIzpgGwdXfHir'--\"}", AUTH_NOBODY},
            {HEADER, "{\"sub\":\"usr_23rb8YdGqMT0qIzpgGwdXfHirMu\"}", AUTH_NOBODY},
            {HEADER, "{}", AUTH_NOBODY},
            {HEADER, "[]", AUTH_NOBODY},
            {HEADER, "not json", AUTH_NOBODY},
            {"{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"x\"}", "{\"sub\":\"" ORG "\"}", AUTH_OWNER},
            {"{\"alg\":\"none\"}", "{\"sub\":\"" ORG "\"}", AUTH_NOBODY},
            {"{\"alg\":\"HS512\"}", "{\"sub\":\"" ORG "\"}", AUTH_NOBODY},
            {"{\"alg\":\"hs256\"}", "{\"sub\":\"" ORG "\"}", AUTH_NOBODY},
            {"{\"typ\":\"JWT\"}", "{\"sub\":\"" ORG "\"}", AUTH_NOBODY},
            {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "{\"sub\":\"" ORG "\"}", AUTH_NOBODY},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct principal who = {.role = AUTH_NOBODY};
        char app[64];
        struct buf token;
        sign_token(rows[i].header, rows[i].claims, SECRET, &token);
        enum err e = verify(buf_str(&token), &who, app, sizeof app);
        if (e != (rows[i].role == AUTH_NOBODY ? ERR_UNAUTHORIZED : ERR_OK) || who.role != rows[i].role)
            fail_msg("row %zu: %s %s", i, rows[i].header, rows[i].claims);
        if (e == ERR_OK) {
            assert_string_equal(who.env, ORG);
            assert_string_equal(app, rows[i].role == AUTH_PORTAL ? APP : "");
        }
        buf_fini(&token);
    }
}

static void bad_tokens_are_refused(void **state)
{
    (void)state;
    struct principal who;
    char app[64];
    struct buf token, other;
    sign_token(HEADER, "{\"sub\":\"" ORG "\"}", SECRET, &token);
    sign_token(HEADER, "{\"sub\":\"" ORG "\"}", STR("another-secret"), &other);
    assert_int_equal(verify(buf_str(&token), &who, app, sizeof app), ERR_OK);
    assert_int_equal(verify(buf_str(&other), &who, app, sizeof app), ERR_UNAUTHORIZED);
    for (size_t i = 0; i < token.len; i++) { /* every byte counts, and so does every length */
        token.ptr[i] ^= 1;
        assert_int_equal(verify(buf_str(&token), &who, app, sizeof app), ERR_UNAUTHORIZED);
        token.ptr[i] ^= 1;
        assert_int_equal(verify(str_take(buf_str(&token), i), &who, app, sizeof app), ERR_UNAUTHORIZED);
    }
    buf_add_c(&token, '.');
    assert_int_equal(verify(buf_str(&token), &who, app, sizeof app), ERR_UNAUTHORIZED);
    struct arena *a = arena_new(1024);
    struct str text;
    buf_clear(&other);
    auth_jwt_make(STR(ORG), SECRET, NOW_MS, 0, &other);
    assert_int_equal(auth_jwt_verify(a, buf_str(&other), STR_NULL, NOW_MS, &who, &text), ERR_UNAUTHORIZED);
    arena_free(a);
    buf_fini(&token), buf_fini(&other);
}

static void made_tokens_verify(void **state)
{
    (void)state;
    struct principal who;
    struct str text;
    struct arena *a = arena_new(1024);
    struct buf token = BUF_INIT(8192);
    auth_jwt_make(STR(ORG), SECRET, NOW_MS, 0, &token);
    assert_int_equal(auth_jwt_verify(a, buf_str(&token), SECRET, NOW_MS, &who, &text), ERR_OK);
    assert_string_equal(who.env, ORG);
    assert_int_equal(auth_jwt_verify(a, buf_str(&token), SECRET, NOW_MS + (int64_t)3651 * 86400000, &who, &text),
                     ERR_OK);
    assert_int_equal(auth_jwt_verify(a, buf_str(&token), SECRET, NOW_MS + (int64_t)3654 * 86400000, &who, &text),
                     ERR_UNAUTHORIZED);
    buf_clear(&token);
    auth_jwt_make(STR(ORG), SECRET, NOW_MS, NOW_MS + 5000, &token);
    assert_int_equal(auth_jwt_verify(a, buf_str(&token), SECRET, NOW_MS + 64000, &who, &text), ERR_OK);
    assert_int_equal(auth_jwt_verify(a, buf_str(&token), SECRET, NOW_MS + 65000, &who, &text), ERR_UNAUTHORIZED);
    buf_fini(&token);
    arena_free(a);
}

static void keys_are_random_and_hashed(void **state)
{
    (void)state;
    struct buf one = BUF_INIT(128), two = BUF_INIT(128);
    auth_key_generate(&one);
    auth_key_generate(&two);
    assert_int_equal(one.len, 44);
    assert_true(str_starts(buf_str(&one), STR("prk_")));
    for (size_t i = 4; i < one.len; i++)
        assert_non_null(memchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", one.ptr[i], 62));
    assert_false(str_eq(buf_str(&one), buf_str(&two)));
    buf_clear(&one);
    auth_key_hash(STR("abc"), &one);
    assert_true(str_eq(buf_str(&one), STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")));
    buf_fini(&one), buf_fini(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(foreign_token_is_taken),     cmocka_unit_test(claims_decide),
            cmocka_unit_test(bad_tokens_are_refused),     cmocka_unit_test(made_tokens_verify),
            cmocka_unit_test(keys_are_random_and_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
