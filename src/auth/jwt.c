/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Tokens, HS256. The algorithm is ours to say, not the token's: the signature is checked first, as HMAC-SHA256
 * whatever the header claims, and nothing unauthenticated is parsed.
 */
#include "auth/auth.h"
#include "crypto/crypto.h"
#include "json/tree.h"
#include "json/write.h"

#define TOKEN_MAX 8192
#define LEEWAY_S  60
/* Only this program writes it, and only for its own commands. */
#define OPERATOR_CLAIM "postriderOperator"
#define TEN_YEARS_S    ((int64_t)3652 * 24 * 3600)

/* A token in its three parts, still encoded; `signed_part` is the first two with their dot. */
struct parts {
    struct str header;
    struct str claims;
    struct str signature;
    struct str signed_part;
};

static bool split_token(struct str token, struct parts *out)
{
    struct str rest = token;
    if (token.len > TOKEN_MAX)
        return false;
    out->header = str_split(&rest, '.');
    out->claims = str_split(&rest, '.');
    out->signature = rest;
    if (out->header.len == 0 || out->claims.len == 0 || out->signature.len == 0)
        return false;
    out->signed_part = str_take(token, out->header.len + 1 + out->claims.len);
    return true;
}

static void sign_part(struct str part, struct str secret, unsigned char out[CRYPTO_MAC_MAX], size_t *len)
{
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA256, secret);
    CHECK(s != NULL);
    *len = crypto_sign(s, &part, 1, out);
    crypto_signer_free(s);
}

static bool check_signature(const struct parts *p, struct str secret)
{
    unsigned char want[CRYPTO_MAC_MAX];
    size_t len;
    struct buf got = BUF_INIT(CRYPTO_MAC_MAX);
    if (secret.len == 0)
        return false;
    sign_part(p->signed_part, secret, want, &len);
    bool good = crypto_unbase64url(p->signature, &got) == ERR_OK &&
                crypto_equal(str_of((const char *)want, len), buf_str(&got));
    buf_fini(&got);
    return good;
}

/* The JSON object behind one part, or NULL. It lives in the arena. */
static const struct json *decode_part(struct arena *a, struct str part)
{
    struct buf text = BUF_INIT(TOKEN_MAX);
    struct json *tree = NULL;
    if (crypto_unbase64url(part, &text) == ERR_OK && json_parse(a, arena_str(a, buf_str(&text)), &tree, NULL) != ERR_OK)
        tree = NULL;
    buf_fini(&text);
    return tree != NULL && tree->type == JSON_OBJECT ? tree : NULL;
}

static bool check_header(const struct json *header)
{
    struct str alg;
    return json_as_str(json_get(header, STR("alg")), &alg) && str_eq(alg, STR("HS256")) &&
           json_get(header, STR("crit")) == NULL;
}

/* A time claim in seconds, perhaps with a fraction; absent leaves *out. False: there, but not a number. */
static bool read_seconds(const struct json *claims, struct str name, double *out)
{
    const struct json *j = json_get(claims, name);
    return j == NULL || json_is_null(j) || json_as_double(j, out);
}

static bool check_times(const struct json *claims, int64_t now_ms)
{
    double now = (double)now_ms / 1000, exp = now + 1, nbf = now;
    return read_seconds(claims, STR("exp"), &exp) && read_seconds(claims, STR("nbf"), &nbf) && now < exp + LEEWAY_S &&
           now >= nbf - LEEWAY_S;
}

/* Whether s is prefix and 27 characters of [0-9A-Za-z]. */
static bool has_id_shape(struct str s, struct str prefix)
{
    if (!str_starts(s, prefix) || s.len != prefix.len + OID_TEXT_LEN)
        return false;
    for (size_t i = prefix.len; i < s.len; i++) {
        char c = s.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z'))
            return false;
    }
    return true;
}

static bool read_subject(const struct json *claims, struct principal *out, struct str *app_text)
{
    struct str sub, org;
    if (!json_as_str(json_get(claims, STR("sub")), &sub))
        return false;
    *out = (struct principal){.role = AUTH_OWNER};
    *app_text = STR_NULL;
    org = sub;
    if (has_id_shape(sub, STR("app_"))) {
        if (!json_as_str(json_get(claims, STR("org")), &org))
            return false;
        out->role = AUTH_PORTAL;
        *app_text = sub;
    } else {
        json_as_bool(json_get(claims, STR(OPERATOR_CLAIM)), &out->is_operator);
    }
    if (!has_id_shape(org, STR("org_")))
        return false;
    memcpy(out->env, org.ptr, org.len);
    return true;
}

enum err auth_jwt_verify(struct arena *a, struct str token, struct str secret, int64_t now_ms, struct principal *out,
                         struct str *app_text)
{
    struct parts p;
    struct principal who;
    struct str app;
    if (!split_token(token, &p) || !check_signature(&p, secret))
        return ERR_UNAUTHORIZED;
    const struct json *header = decode_part(a, p.header), *claims = decode_part(a, p.claims);
    if (header == NULL || claims == NULL || !check_header(header) || !check_times(claims, now_ms) ||
        !read_subject(claims, &who, &app))
        return ERR_UNAUTHORIZED;
    *out = who;
    *app_text = arena_str(a, app);
    return ERR_OK;
}

static void make_token(struct str env, struct str secret, int64_t now_ms, int64_t exp_ms, bool is_operator,
                       struct buf *out)
{
    unsigned char mac[CRYPTO_MAC_MAX];
    size_t len, start = out->len;
    struct buf claims = BUF_INIT(TOKEN_MAX);
    struct json_writer w = json_writer(&claims);
    json_w_object(&w);
    json_w_i64_at(&w, "iat", now_ms / 1000);
    json_w_i64_at(&w, "exp", exp_ms != 0 ? exp_ms / 1000 : now_ms / 1000 + TEN_YEARS_S);
    json_w_i64_at(&w, "nbf", now_ms / 1000);
    json_w_str_at(&w, "iss", STR("postrider"));
    json_w_str_at(&w, "sub", env);
    if (is_operator)
        json_w_bool_at(&w, OPERATOR_CLAIM, true);
    json_w_object_end(&w);
    crypto_base64url(STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), out);
    buf_add_c(out, '.');
    crypto_base64url(buf_str(&claims), out);
    buf_fini(&claims);
    if (out->overflow)
        return;
    sign_part(str_skip(buf_str(out), start), secret, mac, &len);
    buf_add_c(out, '.');
    crypto_base64url(str_of((const char *)mac, len), out);
}

void auth_jwt_make(struct str env, struct str secret, int64_t now_ms, int64_t exp_ms, struct buf *out)
{
    make_token(env, secret, now_ms, exp_ms, false, out);
}

void auth_jwt_make_operator(struct str env, struct str secret, int64_t now_ms, int64_t exp_ms, struct buf *out)
{
    make_token(env, secret, now_ms, exp_ms, true, out);
}
