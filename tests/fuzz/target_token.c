/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: nothing that we did not sign is valid, and of what is signed every claim is checked; then scopes, one-time
 * codes, ids and the texts of bytes. A byte that says which, then the input.
 */
#include "auth/auth.h"
#include "auth/totp.h"
#include "base/time.h"
#include "crypto/crypto.h"
#include "crypto/keyfile.h"
#include "fuzz.h"
#include "signing/oauth.h"

#define SECRET STR("a secret that nobody can guess, 32+")

static void check_strange(struct str in)
{
    struct arena *a = arena_new(4096);
    struct principal who;
    struct str app;
    CHECK(auth_jwt_verify(a, in, SECRET, FUZZ_NOW_MS, &who, &app) == ERR_UNAUTHORIZED);
    CHECK(auth_jwt_verify(a, in, STR(""), FUZZ_NOW_MS, &who, &app) == ERR_UNAUTHORIZED);
    arena_free(a);
}

/* The parts are header and claims, which we sign. */
static void check_signed(struct str in)
{
    struct arena *a = arena_new(4096);
    struct principal who = {.role = AUTH_NOBODY};
    struct str app = STR_NULL, header = fuzz_part(&in);
    struct buf token = BUF_INIT(65536);
    unsigned char mac[CRYPTO_MAC_MAX];
    crypto_base64url(header, &token);
    buf_add_c(&token, '.');
    crypto_base64url(in, &token);
    struct str part = buf_str(&token);
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA256, SECRET);
    size_t len = crypto_sign(s, &part, 1, mac);
    crypto_signer_free(s);
    buf_add_c(&token, '.');
    crypto_base64url(str_of((const char *)mac, len), &token);
    if (auth_jwt_verify(a, buf_str(&token), SECRET, FUZZ_NOW_MS, &who, &app) == ERR_OK) {
        CHECK(strncmp(who.env, "org_", 4) == 0 && strlen(who.env) == 4 + OID_TEXT_LEN);
        CHECK((who.role == AUTH_PORTAL) == (app.ptr != NULL) && (who.role == AUTH_PORTAL || who.role == AUTH_OWNER));
        CHECK(!who.is_operator || who.role == AUTH_OWNER);
        CHECK(str_find_str(header, STR("S256")) < header.len || str_find(header, '\\') < header.len);
        token.ptr[token.len / 2] = (char)(token.ptr[token.len / 2] ^ 1);
        CHECK(auth_jwt_verify(a, buf_str(&token), SECRET, FUZZ_NOW_MS, &who, &app) == ERR_UNAUTHORIZED);
    }
    buf_fini(&token);
    arena_free(a);
}

static void check_codes(struct str in)
{
    struct buf out = BUF_INIT(8192), back = BUF_INIT(8192);
    uint32_t bits;
    (void)!auth_scope(in, &bits);
    (void)totp_check(STR("12345678901234567890"), in, FUZZ_NOW_MS, 0);
    totp_base32(in, &out);
    CHECK(totp_unbase32(buf_str(&out), &back) == ERR_OK && str_eq(buf_str(&back), in));
    buf_clear(&back);
    (void)!totp_unbase32(in, &back);
    buf_clear(&out);
    buf_clear(&back);
    crypto_base64(in, &out);
    CHECK(crypto_unbase64(buf_str(&out), &back) == ERR_OK && str_eq(buf_str(&back), in));
    buf_clear(&out);
    buf_clear(&back);
    crypto_hex(in, &out);
    CHECK(crypto_unhex(buf_str(&out), &back) == ERR_OK && str_eq(buf_str(&back), in));
    buf_clear(&back);
    (void)!crypto_unbase64(in, &back);
    (void)!crypto_unbase64url(in, &back);
    (void)!crypto_unhex(in, &back);
    buf_fini(&out);
    buf_fini(&back);
}

static void check_ids(struct str in)
{
    static const struct hash_key key = {1, 2};
    oid_t id = 0;
    char text[OID_TEXT_SIZE];
    if (oid_parse(in, "msg_", key, &id) == ERR_OK) {
        oid_format(id, "msg_", key, text);
        CHECK(id > 0 && str_eq(str_c(text), in));
    }
    (void)oid_is_uuid(in);
    uint64_t n = 1;
    memcpy(&n, in.ptr, in.len < 8 ? in.len : 8);
    n &= INT64_MAX;
    oid_format((oid_t)n, "msg_", key, text);
    if (n > 0)
        CHECK(oid_parse(str_c(text), "msg_", key, &id) == ERR_OK && id == (oid_t)n);
}

static void check_answers(struct str in)
{
    struct arena *a = arena_new(4096);
    struct oauth o = {.token_url = STR("https://example.com/token"), .client_id = STR("me")};
    struct oauth_token token;
    struct str why = STR_NULL;
    struct keyfile keys;
    const char *what = NULL;
    if (oauth_answer_read(a, &o, STR_NULL, 200, in, &token, &why)) {
        CHECK(token.access.len > 0 && token.life_ms >= -1);
        CHECK(str_find(token.access, '\n') == token.access.len && str_find(token.access, '\r') == token.access.len);
    } else {
        CHECK(why.len > 0);
    }
    CHECK(!oauth_answer_read(a, &o, STR_NULL, 400, in, &token, &why));
    (void)!keyfile_parse(in, &keys, &what);
    arena_free(a);
}

static void run(struct str in)
{
    static void (*const checks[])(struct str) = {check_strange, check_signed, check_codes, check_ids, check_answers};
    size_t which = fuzz_byte(&in) % ARRAY_LEN(checks);
    AUTO_FREE char *copy = fuzz_copy(in);
    checks[which](str_of(copy, in.len));
}

#define ORG "org_0123456789ABCDEFGHIJKLMNOPQ"

static const struct str seeds[] = {
        STR("\0eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcmdfMDEyMzQ1Njc4OUFCQ0RFRkdISUpLTE1OT1BRIn0.AAAA"),
        STR("\0eyJhbGciOiJub25lIn0.e30."),
        STR("\1{\"alg\":\"HS256\",\"typ\":\"JWT\"}\0{\"iat\":1,\"exp\":1900000000.5,\"nbf\":1,\"sub\":\"" ORG "\"}"),
        STR("\1{\"alg\":\"HS256\"}\0{\"sub\":\"app_0123456789ABCDEFGHIJKLMNOPQ\",\"org\":\"" ORG "\",\"exp\":null}"),
        STR("\1{\"alg\":\"HS256\",\"crit\":[]}\0{\"sub\":\"" ORG "\",\"postriderOperator\":true}"),
        STR("\2endpoint:read"),
        STR("\2*:read"),
        STR("\2"
            "123456"),
        STR("\2GEZDGNBVGY3TQOJQ"),
        STR("\3msg_2p5jXN8AQM9LWM0D4loKWxJek01"),
        STR("\3"
            "0190a4f0-0000-7000-8000-000000000000"),
        STR("\4{\"access_token\":\"x\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"refresh_token\":\"y\"}"),
        STR("\4{\"error\":\"invalid_client\",\"error_description\":\"no\"}"),
};
static const char *const words[] = {
        "\"alg\":\"HS256\"", "\"sub\":",        "\"org\":",        "\"exp\":",  "\"nbf\":", ORG,    "app_", "\"none\"",
        "\"access_token\":", "\"expires_in\":", "\"token_type\":", "endpoint:", ":write",   "msg_", NULL};
const struct fuzz_target fuzz_token = {
        .name = "token", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 1024};
