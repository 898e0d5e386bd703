/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request at a trigger URL, as strangers send it. Parts: a byte for the sender's row, a byte for the method, the
 * Content-Type, the query, what tells of repetition, the name and the value of a header, the body. No sender's row is
 * talked into a signature or a handshake that takes a secret; what a run would see is JSON, without the secrets of its
 * headers; every variable that is offered may stand in an expression and leads to its value.
 */
#include "crypto/crypto.h"
#include "expr/expr.h"
#include "fuzz.h"
#include "incoming/dedupe.h"
#include "incoming/handshake.h"
#include "incoming/variables.h"
#include "signing/row.h"

#define KEY_CHARS   40 /* also base64 */
#define SHOWN_TRIED 40
#define SENDERS_MAX 64

static struct profile *senders[SENDERS_MAX];
static struct buf key; /* nobody knows it */

/* Of pairs there is a public key, whose private one nobody has any more. */
static struct str secret_of(const struct profile *p)
{
    if (p->keys[0].token || !key_form_is_pair(&p->keys[0]))
        return buf_str(&key);
    return p->keys[0].mac == CRYPTO_ECDSA ? STR("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/"
                                                "7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNN"
                                                "RaINXvVpiglSI8eNEc6wEA3F+g==")
                                          : STR("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
}

static void prepare(void)
{
    CHECK(provider_count <= SENDERS_MAX);
    for (size_t i = 0; i < provider_count; i++)
        senders[i] = provider_profile(&providers[i]);
    key = BUF_INIT(KEY_CHARS);
    crypto_random_base62(KEY_CHARS, &key);
}

static void check_sender(const struct profile *p, const struct incoming *in)
{
    struct profile_header headers[4];
    struct str secret = secret_of(p);
    const char *why = NULL;
    for (size_t i = 0; i < in->header_count; i++)
        headers[i] = (struct profile_header){in->headers[i].name, in->headers[i].value};
    struct profile_request rq = {.headers = headers,
                                 .header_count = in->header_count,
                                 .body = in->body,
                                 .method = in->method,
                                 .url = in->url,
                                 .now_ms = FUZZ_NOW_MS,
                                 .tolerance_s = profile_rules(p)->tolerance_s};
    CHECK(profile_verify(p, &secret, 1, &rq, &why) == ERR_UNAUTHORIZED && why != NULL);
}

/* What is read in parts is what is read as a whole. */
static void check_same(const struct json *x, const struct json *y)
{
    CHECK(x->type == y->type && x->count == y->count && str_eq(x->raw, y->raw) && str_eq(x->text, y->text) &&
          str_eq(x->name, y->name));
    const struct json *b = y->child;
    for (const struct json *a = x->child; a != NULL; a = a->next, b = b->next) {
        CHECK(b != NULL);
        check_same(a, b);
    }
    CHECK(b == NULL);
}

static void check_greeting(struct arena *a, const struct profile *p, const struct incoming *in, const struct json *body)
{
    struct handshake_answer h = {.status = 0};
    enum handshake kind = profile_rules(p)->handshake;
    if (handshake_open(a, kind, in, buf_str(&key), &h))
        CHECK(h.status == 200 && kind != HANDSHAKE_META);
    if (body != NULL && handshake_signed(a, kind, body, buf_str(&key), &h)) {
        CHECK(h.status == 200 || (h.status == 204 && h.body.len == 0));
        CHECK(kind == HANDSHAKE_SLACK || h.body.len == 0 || fuzz_is_json(h.body));
    }
}

/* Once, or as often as it came. */
static void check_masked(const struct json *values)
{
    struct str text;
    CHECK(values != NULL && (values->type == JSON_STRING || values->type == JSON_ARRAY));
    const struct json *v = values->type == JSON_ARRAY ? values->child : values;
    for (; v != NULL; v = values->type == JSON_ARRAY ? v->next : NULL)
        CHECK(json_as_str(v, &text) && str_eq(text, STR("***")));
}

static void check_variables(struct arena *a, const struct json *trigger)
{
    struct buf out = BUF_INIT((size_t)64 << 20);
    struct json_writer w = json_writer(&out);
    struct json *list;
    struct str path;
    CHECK(variables_write(a, trigger, trigger, &w) == 0);
    CHECK(!out.overflow && json_parse(a, buf_str(&out), &list, NULL) == ERR_OK);
    const struct json *v = list->child;
    for (size_t i = 0; i < SHOWN_TRIED && v != NULL; i++, v = v->next) {
        const struct expr_template *t;
        struct expr_error error;
        const struct json *value;
        struct expr_root root = {.name = STR("trigger"), .value = trigger};
        struct expr_env env = {.arena = a, .roots = &root, .root_count = 1};
        CHECK(json_as_str(json_get(v, STR("path")), &path));
        struct buf text = BUF_INIT(path.len + 6);
        buf_addf(&text, "{{ ");
        buf_add_str(&text, path);
        buf_addf(&text, " }}");
        enum err e = expr_compile(a, arena_str(a, buf_str(&text)), &t, &error);
        CHECK(e == ERR_OK || path.len > EXPR_TEXT_MAX - 10);
        if (e == ERR_OK && expr_value(t, &env, &value) == ERR_OK)
            CHECK(env.missing_count == 0);
        buf_fini(&text);
    }
    buf_fini(&out);
}

static void run(struct str in)
{
    static const char *const methods[] = {"POST", "GET", "PUT"};
    if (senders[0] == NULL)
        prepare();
    struct arena *a = arena_new(16384);
    const struct profile *p = senders[fuzz_byte(&in) % provider_count];
    struct http_header headers[3] = {{STR("Authorization"), STR("Bearer of a secret")}};
    struct incoming r = {.method = str_c(methods[fuzz_byte(&in) % ARRAY_LEN(methods)]), .headers = headers};
    headers[1] = (struct http_header){STR("Content-Type"), fuzz_part(&in)};
    r.query = fuzz_part(&in);
    struct str dedupe = fuzz_part(&in), why = STR_NULL;
    headers[2].name = fuzz_part(&in);
    headers[2].value = fuzz_part(&in);
    r.header_count = ARRAY_LEN(headers);
    r.body = in;
    r.url = arena_printf(a, "https://hooks.example.com/v1/webhooks/in/x?" STR_FMT, STR_ARG(r.query));
    check_sender(p, &r);
    enum content kind;
    const char *media = NULL;
    struct incoming_json json;
    struct json *tree = NULL;
    if (content_kind(&r, &kind, &media) != ERR_OK) {
        CHECK(media != NULL);
    } else if (content_json(a, &r, kind, headers[2].name, &json, &why) != ERR_OK) {
        CHECK(why.len > 0);
    } else if (json_depth(json.body) <= 100) {
        CHECK(fuzz_is_json(json.headers) && fuzz_is_json(json.query) && fuzz_is_json(json.body));
        CHECK(json_parse(a, content_whole(a, r.method, &json), &tree, NULL) == ERR_OK);
        check_same(tree, content_tree(a, r.method, &json));
        check_masked(json_get(json_get(tree, STR("headers")), STR("authorization")));
        check_variables(a, tree);
        if (dedupe_check(a, dedupe) == NULL)
            (void)dedupe_key(a, dedupe, &r, tree);
    }
    check_greeting(a, p, &r, json_get(tree, STR("body")));
    arena_free(a);
}

static const struct str seeds[] = {
        STR("\0\0application/"
            "json\0a=1&token=x\0body:order.id\0webhook-id\0msg_1\0{\"order\":{\"id\":820982911946154508}}"),
        STR("\5\0application/x-www-form-urlencoded\0\0query:a\0X-Twilio-Signature\0RSOYDt4T1cUTdK1PDd93/"
            "VVr8B8=\0a=1&a=%32"
            "&b=x+y"),
        STR("\10\1\0hub.mode=subscribe&hub.verify_token=x&hub.challenge=1\0header:x-id\0\0\0"),
        STR("\11\0application/json\0\0none\0x-zm-signature\0v0=00\0{\"event\":\"endpoint.url_validation\",\"payload\":{"
            "\"plainToken\":\"q\"}}"),
        STR("\4\0application/json\0\0\0x-slack-signature\0v0=00\0{\"type\":\"url_verification\",\"challenge\":\"c\"}"),
        STR("\20\0application/json\0\0\0x-signature-timestamp\0001795000000\0{\"type\":0}"),
        STR("\21\1\0\0\0X-Okta-Verification-Challenge\0c\0"),
        STR("\0\0multipart/form-data; boundary=x\0\0body:a\0\0\0--x\r\nContent-Disposition: form-data; "
            "name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=f; filename=\"\\\"b\"\r\nContent-Type: "
            "image/png\r\n\r\n2\r\n--x--\r\n"),
        STR("\0\0text/plain\0%00=%ff\0query:%00\0\0\0\xff\0<a/>"),
        STR("\0\0application/json\0\0body:[\"a b\"][0]\0\0\0\xef\xbb\xbf{\"a "
            "b\":[{\"c\\\"d\":null},2],\"x\\ny\":1,\"x\\ny\":"
            "2,\"\":{}}"),
};
static const char *const words[] = {"application/json",
                                    "application/x-www-form-urlencoded",
                                    "multipart/form-data; boundary=x",
                                    "--x\r\n",
                                    "\r\n\r\n",
                                    "Content-Disposition: form-data; ",
                                    "name=\"",
                                    "filename=\"",
                                    "filename*=",
                                    "webhook_id=",
                                    "hub.challenge=",
                                    "body:",
                                    "header:",
                                    "query:",
                                    "url_verification",
                                    "\xef\xbb\xbf",
                                    "%00",
                                    "bodySHA256=",
                                    "\"webhookTimestamp\":",
                                    NULL};
const struct fuzz_target fuzz_incoming = {.name = "incoming",
                                          .run = run,
                                          .seeds = seeds,
                                          .seed_count = ARRAY_LEN(seeds),
                                          .words = words,
                                          .len_max = 2048};
