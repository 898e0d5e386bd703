/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/oauth.h"

#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/rs256.h"
#include "json/write.h"

#define BODY_BYTES_MAX    (256u * 1024)
#define HEADERS_BYTES_MAX (512u * 1024)
#define JWT_BYTES_MAX     (64u * 1024)
#define JWT_LIFE_S        300
#define WORDS_MAX         300
#define TOKEN_BYTES_MAX   16000

static const struct str owned_params[] = {
        {"grant_type", 10},    {"client_id", 9},         {"client_secret", 13},        {"scope", 5},
        {"refresh_token", 13}, {"client_assertion", 16}, {"client_assertion_type", 21}};

bool oauth_owns_param(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(owned_params); i++)
        if (str_eq(owned_params[i], name))
            return true;
    return false;
}

/* ---- the request --------------------------------------------------------------------------------------------------
 */

/* As forms are: RFC 6749 wants it in bodies and for both parts of Basic. */
static void add_encoded(struct buf *out, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (alnum || c == '-' || c == '_' || c == '.' || c == '*') {
            buf_add_c(out, (char)c);
        } else if (c == ' ') {
            buf_add_c(out, '+');
        } else {
            buf_add_c(out, '%');
            buf_add_c(out, digits[c >> 4]);
            buf_add_c(out, digits[c & 15]);
        }
    }
}

static void add_param(struct buf *body, struct str name, struct str value)
{
    if (body->len > 0)
        buf_add_c(body, '&');
    add_encoded(body, name);
    buf_add_c(body, '=');
    add_encoded(body, value);
}

static void add_header(struct oauth_request *r, struct str name, struct str value)
{
    buf_add_str(&r->headers, name);
    buf_add_str(&r->headers, STR(": "));
    buf_add_str(&r->headers, value);
    buf_add_c(&r->headers, '\0');
    r->header_count++;
}

static void add_scopes(struct buf *body, const struct oauth *o)
{
    if (o->scope_count == 0)
        return;
    struct buf all = BUF_INIT(BODY_BYTES_MAX);
    for (size_t i = 0; i < o->scope_count; i++) {
        if (i > 0)
            buf_add_c(&all, ' ');
        buf_add_str(&all, o->scopes[i]);
    }
    add_param(body, STR("scope"), buf_str(&all));
    buf_fini(&all);
}

static void add_basic(struct oauth_request *r, const struct oauth *o)
{
    struct buf plain = BUF_INIT(BODY_BYTES_MAX), value = BUF_INIT(BODY_BYTES_MAX);
    add_encoded(&plain, o->client_id);
    buf_add_c(&plain, ':');
    add_encoded(&plain, o->client_secret);
    buf_add_str(&value, STR("Basic "));
    crypto_base64(buf_str(&plain), &value);
    add_header(r, STR("Authorization"), buf_str(&value));
    mem_free_secret(plain.ptr, plain.len);
    mem_free_secret(value.ptr, value.len);
}

static bool read_jwt(struct arena *a, struct str params, struct oauth_jwt *out)
{
    struct json *json;
    *out = (struct oauth_jwt){0};
    if (params.ptr == NULL || json_parse(a, params, &json, NULL) != ERR_OK)
        return false;
    fields_read(a, oauth_jwt_fields, oauth_jwt_field_count, FIELD_LOAD, json, out, NULL);
    return out->secret.ptr != NULL;
}

static enum err sign(struct str key_base64, struct str text, struct buf *signature, const char **why)
{
    struct buf key = BUF_INIT(JWT_BYTES_MAX);
    enum err e = crypto_unbase64(str_trim(key_base64), &key);
    if (e != ERR_OK)
        *why = "it is not base64";
    else
        e = crypto_rs256_sign(buf_str(&key), text, signature, why);
    mem_free_secret(key.ptr, key.len);
    return e;
}

const char *oauth_check_key(struct str base64)
{
    struct buf signature = BUF_INIT(JWT_BYTES_MAX);
    const char *why = NULL;
    enum err e = sign(base64, STR("?"), &signature, &why);
    buf_fini(&signature);
    return e == ERR_OK ? NULL : why;
}

static void write_jwt_head(const struct oauth_jwt *jwt, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    json_w_str_at(&w, "alg", STR("RS256"));
    json_w_str_at(&w, "typ", STR("JWT"));
    if (jwt->key_id.len > 0)
        json_w_str_at(&w, "kid", jwt->key_id);
    json_w_object_end(&w);
}

static void write_jwt_claims(const struct oauth *o, int64_t life_s, int64_t now_ms, const unsigned char *nonce,
                             struct buf *out)
{
    struct buf id = BUF_INIT(64);
    struct json_writer w = json_writer(out);
    crypto_hex(str_of((const char *)nonce, OAUTH_NONCE_BYTES), &id);
    json_w_object(&w);
    json_w_str_at(&w, "iss", o->client_id);
    json_w_str_at(&w, "sub", o->client_id);
    json_w_str_at(&w, "aud", o->token_url);
    json_w_str_at(&w, "jti", buf_str(&id));
    json_w_i64_at(&w, "iat", now_ms / 1000);
    json_w_i64_at(&w, "exp", now_ms / 1000 + (life_s > 0 ? life_s : JWT_LIFE_S));
    json_w_object_end(&w);
    buf_fini(&id);
}

static enum err add_assertion(struct arena *a, struct oauth_request *r, const struct oauth *o, int64_t now_ms,
                              const unsigned char *nonce, const char **why)
{
    struct oauth_jwt jwt;
    struct buf part = BUF_INIT(JWT_BYTES_MAX), text = BUF_INIT(JWT_BYTES_MAX), signature = BUF_INIT(JWT_BYTES_MAX);
    *why = "jwtParams are missing";
    enum err e = read_jwt(a, o->jwt_params, &jwt) ? ERR_OK : ERR_INVALID;
    if (e == ERR_OK) {
        write_jwt_head(&jwt, &part);
        crypto_base64url(buf_str(&part), &text);
        buf_clear(&part);
        buf_add_c(&text, '.');
        write_jwt_claims(o, jwt.life_s, now_ms, nonce, &part);
        crypto_base64url(buf_str(&part), &text);
        e = sign(jwt.secret, buf_str(&text), &signature, why);
    }
    if (e == ERR_OK) {
        buf_add_c(&text, '.');
        crypto_base64url(buf_str(&signature), &text);
        add_param(&r->body, STR("client_id"), o->client_id);
        add_param(&r->body, STR("client_assertion_type"),
                  STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        add_param(&r->body, STR("client_assertion"), buf_str(&text));
    }
    buf_fini(&part);
    buf_fini(&signature);
    mem_free_secret(text.ptr, text.len);
    return e;
}

static enum err add_client(struct oauth_request *r, const struct oauth *o, int64_t now_ms, const unsigned char *nonce,
                           const char **why)
{
    if (str_eq(o->auth_method, OAUTH_METHOD_BASIC)) {
        add_basic(r, o);
        return ERR_OK;
    }
    if (str_eq(o->auth_method, OAUTH_METHOD_POST)) {
        add_param(&r->body, STR("client_id"), o->client_id);
        add_param(&r->body, STR("client_secret"), o->client_secret);
        return ERR_OK;
    }
    struct arena *a = arena_new(4096);
    enum err e = add_assertion(a, r, o, now_ms, nonce, why);
    arena_free(a);
    return e;
}

static bool has_accept(const struct oauth *o)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (str_eq_nocase(o->headers[i].name, STR("accept")))
            return true;
    return false;
}

enum err oauth_request_write(const struct oauth *o, struct str refresh_token, int64_t now_ms,
                             const unsigned char nonce[OAUTH_NONCE_BYTES], struct oauth_request *out, const char **why)
{
    struct oauth_request r = {.body = BUF_INIT(BODY_BYTES_MAX), .headers = BUF_INIT(HEADERS_BYTES_MAX)};
    bool refresh = str_eq(o->grant_type, OAUTH_GRANT_REFRESH);
    add_param(&r.body, STR("grant_type"), refresh ? STR("refresh_token") : STR("client_credentials"));
    if (refresh)
        add_param(&r.body, STR("refresh_token"), refresh_token);
    add_header(&r, STR("Content-Type"), STR("application/x-www-form-urlencoded"));
    if (!has_accept(o))
        add_header(&r, STR("Accept"), STR("application/json"));
    enum err e = add_client(&r, o, now_ms, nonce, why);
    add_scopes(&r.body, o);
    for (size_t i = 0; i < o->param_count; i++)
        add_param(&r.body, o->params[i].name, o->params[i].value);
    for (size_t i = 0; i < o->header_count; i++)
        add_header(&r, o->headers[i].name, o->headers[i].value);
    if (e == ERR_OK && (r.body.overflow || r.headers.overflow)) {
        *why = "the request is too long";
        e = ERR_INVALID;
    }
    if (e == ERR_OK)
        *out = r;
    else
        oauth_request_fini(&r);
    return e;
}

void oauth_request_fini(struct oauth_request *r)
{
    mem_free_secret(r->body.ptr, r->body.len);
    mem_free_secret(r->headers.ptr, r->headers.len);
    *r = (struct oauth_request){.body = BUF_INIT(BODY_BYTES_MAX), .headers = BUF_INIT(HEADERS_BYTES_MAX)};
}

/* ---- the answer ---------------------------------------------------------------------------------------------------
 */

/* It becomes a header's value, so nothing but visible ASCII. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return s.len > 0 && s.len <= TOKEN_BYTES_MAX;
}

static bool holds(struct str text, struct str secret)
{
    return secret.len > 0 && str_find_str(text, secret) < text.len;
}

/* The server's own words, unless they repeat what is secret. */
static struct str words_of(struct arena *a, const struct oauth *o, struct str refresh_token, const struct json *answer)
{
    struct str code = STR_NULL, text = STR_NULL;
    json_as_str(json_get(answer, STR("error")), &code);
    json_as_str(json_get(answer, STR("error_description")), &text);
    struct str all = text.len > 0 ? arena_printf(a, STR_FMT ": " STR_FMT, STR_ARG(code), STR_ARG(text)) : code;
    if (all.len == 0 || holds(all, o->client_secret) || holds(all, refresh_token))
        return STR_NULL;
    return str_take(all, WORDS_MAX);
}

static int64_t life_of(const struct json *answer)
{
    struct str text;
    double s = 0;
    uint64_t whole;
    const struct json *life = json_get(answer, STR("expires_in"));
    if (json_as_str(life, &text) && str_to_u64(text, &whole) == ERR_OK) /* some servers write it as text */
        s = (double)whole;
    else if (!json_as_double(life, &s))
        return -1;
    return !(s >= 0) ? -1 : s > 31536000 ? INT64_C(31536000000) : (int64_t)(s * 1000);
}

bool oauth_answer_read(struct arena *a, const struct oauth *o, struct str refresh_token, int status, struct str body,
                       struct oauth_token *out, struct str *why)
{
    struct json *answer = NULL;
    struct str type = STR("bearer"), words;
    struct oauth_token t = {.life_ms = -1};
    bool is_object = json_parse(a, body, &answer, NULL) == ERR_OK && answer->type == JSON_OBJECT;
    if (status < 200 || status > 299) {
        words = is_object ? words_of(a, o, refresh_token, answer) : STR_NULL;
        *why = arena_printf(a, "it answered %d%s" STR_FMT, status, words.len > 0 ? ": " : "", STR_ARG(words));
        return false;
    }
    if (!is_object) {
        *why = STR("its answer is no JSON object, or longer than 16 KiB");
        return false;
    }
    json_as_str(json_get(answer, STR("token_type")), &type);
    if (!json_as_str(json_get(answer, STR("access_token")), &t.access) || !is_token(t.access))
        *why = STR("its answer has no access_token that can be used");
    else if (!str_eq_nocase(type, STR("bearer")))
        *why = STR("its token is not of the type Bearer");
    else
        *why = STR_NULL;
    if (why->ptr != NULL)
        return false;
    t.life_ms = life_of(answer);
    if (json_as_str(json_get(answer, STR("refresh_token")), &t.refresh) &&
        (t.refresh.len == 0 || str_eq(t.refresh, refresh_token)))
        t.refresh = STR_NULL;
    *out = t;
    return true;
}
