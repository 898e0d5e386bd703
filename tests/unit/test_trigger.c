/* SPDX-License-Identifier: Apache-2.0 */
/* Trigger URLs through api_handle, against the memory store: every answer, what is kept, what starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/env.h"
#include "api/trigger_in.h"
#include "api/trigger_url.h"
#include "base/mem.h"
#include "base/time.h"

#define NOW    1795000000000
#define PUBLIC "https://hooks.example.com"

struct fixture {
    struct store *store;
    struct store_reader *reader;
    struct keyring *keys;
    struct catalog *catalog;
    struct oid_source oids;
    struct arena *arena;
    struct ssrf_policy urls;
    struct api api;
    oid_t env, app, automation;
    struct object trigger;
    int64_t now_ms;
    struct buf answer;
    int status;
    struct str type;
};

static void put(struct fixture *f, struct object_change *changes, size_t count)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    assert_int_equal(store_run(f->store, &op.op), ERR_OK);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    const char *why = "";
    struct store_config config = {.path = NULL};
    assert_int_equal(keyring_load("/nonexistent/keys",
                                  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "secret",
                                  &f->keys, &why),
                     ERR_OK);
    assert_int_equal(store_open(&config, &f->store, &why), ERR_OK);
    assert_int_equal(store_reader_open(f->store, &f->reader), ERR_OK);
    f->arena = arena_new(65536);
    f->catalog = catalog_new(f->keys, store_identity(f->store)->id_key);
    f->now_ms = NOW;
    oid_source_init(&f->oids, 1, 0);
    f->api = (struct api){.store = f->store,
                          .catalog = f->catalog,
                          .keys = f->keys,
                          .id_key = store_identity(f->store)->id_key,
                          .oids = &f->oids,
                          .urls = &f->urls,
                          .default_profile = "standard",
                          .public_url = PUBLIC,
                          .retention_payload_ms = 90 * TIME_DAY_MS,
                          .triggers = trigger_desk_new(100)};
    f->env = oid_next(&f->oids, NOW);
    f->app = oid_next(&f->oids, NOW);
    f->automation = oid_next(&f->oids, NOW);
    struct app app = {.id = f->app, .env = f->env, .name = STR("A"), .profile = STR("standard"), .metadata = STR("{}")};
    struct object_change changes[2] = {
            {.object = {.id = f->env, .kind = OBJ_ENV, .key = STR("org_x"), .body = STR("{}"), .created_ms = NOW}}};
    app_encode(f->arena, &app, &changes[1].object);
    put(f, changes, 2);
    f->answer = BUF_INIT(1 << 22);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    trigger_desk_free(f->api.triggers);
    catalog_free(f->catalog);
    store_reader_close(f->reader);
    store_close(f->store);
    keyring_free(f->keys);
    arena_free(f->arena);
    buf_fini(&f->answer);
    free(f);
    return 0;
}

static struct trigger_place place(struct fixture *f)
{
    return (struct trigger_place){.api = &f->api,
                                  .reader = f->reader,
                                  .arena = f->arena,
                                  .env = f->env,
                                  .app = f->app,
                                  .now_ms = f->now_ms,
                                  .at = "trigger"};
}

static const struct json *parse(struct fixture *f, const char *text)
{
    struct json *j;
    assert_int_equal(json_parse(f->arena, str_c(text), &j, NULL), ERR_OK);
    return j;
}

static void reload(struct fixture *f, oid_t id)
{
    assert_int_equal(store_get_object(f->reader, f->arena, OBJ_TRIGGER, id, &f->trigger), ERR_OK);
}

/* A trigger of a new automation; its path. */
static const char *make(struct fixture *f, const char *definition, enum trigger_state state)
{
    struct object_change changes[TRIGGER_CHANGES_MAX];
    size_t count;
    struct problems problems = PROBLEMS_INIT;
    struct trigger_place at = place(f);
    struct trigger t;
    struct str url;
    enum err e = trigger_create(&at, oid_next(&f->oids, NOW), parse(f, definition), changes, &count, &problems);
    if (e != ERR_OK)
        fail_msg("%s: " STR_FMT, definition, STR_ARG(buf_str(&problems.json)));
    problems_fini(&problems);
    put(f, changes, count);
    reload(f, changes[0].object.id);
    if (state != TRIGGER_DRAFT) {
        assert_int_equal(trigger_publish(&at, &f->trigger, state, 77, changes), ERR_OK);
        put(f, changes, 1);
        reload(f, f->trigger.id);
    }
    assert_int_equal(trigger_decode(f->arena, f->keys, &f->trigger, &t), ERR_OK);
    assert_int_equal(trigger_url_text(&f->api, f->reader, f->arena, &t, &url), ERR_OK);
    assert_true(str_starts(url, STR(PUBLIC "/v1/webhooks/in/")));
    assert_true(url.len >= sizeof PUBLIC + 15 + TRIGGER_TOKEN_CHARS);
    return url.ptr + sizeof PUBLIC - 1;
}

/* One request; headers end with a NULL name. */
static void ask(struct fixture *f, enum http_method method, const char *path, const char *query,
                const struct http_header *headers, struct str body)
{
    struct api_call call = {.arena = arena_new(65536),
                            .reader = f->reader,
                            .method = method,
                            .path = str_c(path),
                            .query = str_c(query),
                            .headers = headers,
                            .body = body,
                            .peer = STR("192.0.2.1"),
                            .now_ms = f->now_ms,
                            .out = BUF_INIT(1 << 22)};
    while (headers != NULL && headers[call.header_count].name.ptr != NULL)
        call.header_count++;
    api_handle(&f->api, &call);
    buf_clear(&f->answer);
    buf_add_str(&f->answer, buf_str(&call.out));
    buf_add_c(&f->answer, '\0');
    f->status = call.status;
    buf_fini(&call.out);
    arena_free(call.arena);
}

static const struct http_header json_type[] = {{STR("Content-Type"), STR("application/json")}, {{NULL, 0}, {NULL, 0}}};

static void post(struct fixture *f, const char *path, const char *body)
{
    ask(f, HTTP_M_POST, path, "", json_type, str_c(body));
}

#define expect(f, want, ...) expect_at(f, want, __LINE__, __VA_ARGS__)
static void expect_at(struct fixture *f, int status, int line, const char *part)
{
    if (f->status != status || strstr(f->answer.ptr, part) == NULL)
        fail_msg("line %d: %d %s", line, f->status, f->answer.ptr);
}

/* How many documents of a kind a trigger has. */
static size_t count_docs(struct fixture *f, enum doc_kind kind, int64_t ref)
{
    struct doc *docs;
    size_t count;
    struct doc_query q = {.kind = kind, .app = f->app, .ref = ref, .limit = 1000};
    assert_int_equal(store_list_docs(f->reader, f->arena, &q, &docs, &count), ERR_OK);
    return count;
}

static oid_t automation_of(struct fixture *f)
{
    struct trigger t;
    assert_int_equal(trigger_decode(f->arena, f->keys, &f->trigger, &t), ERR_OK);
    return t.automation;
}

static struct request newest(struct fixture *f)
{
    struct doc *docs;
    size_t count;
    struct request r;
    struct doc_query q = {.kind = DOC_REQUEST, .app = f->app, .ref = f->trigger.id, .descending = true, .limit = 1};
    assert_int_equal(store_list_docs(f->reader, f->arena, &q, &docs, &count), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(request_decode(f->arena, &docs[0], &r), ERR_OK);
    return r;
}

static void test_published(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{\"methods\":[\"GET\",\"POST\",\"PUT\"]}", TRIGGER_PUBLISHED);
    struct str json;
    post(f, path, "{\"order\":12345678901234567890,\"price\":1.10}");
    expect(f, 202, "{\"id\":\"run_");
    assert_int_equal(count_docs(f, DOC_RUN, automation_of(f)), 1);
    struct request r = newest(f);
    assert_int_equal(r.outcome, REQUEST_ACCEPTED);
    assert_true(r.run != 0);
    assert_int_equal(request_trigger_json(f->arena, &r, &json), ERR_OK);
    assert_non_null(strstr(json.ptr, "\"body\":{\"order\":12345678901234567890,\"price\":1.10}"));
    ask(f, HTTP_M_GET, path, "a=1&a=2&b=%C3%A9", NULL, STR(""));
    expect(f, 202, "run_");
    r = newest(f);
    assert_true(str_eq(r.query, STR("{\"a\":[\"1\",\"2\"],\"b\":\"\xc3\xa9\"}")));
    ask(f, HTTP_M_PUT, path, "", json_type, STR("null"));
    expect(f, 202, "run_");
    /* the automation is deleted */
    struct object_change change[TRIGGER_CHANGES_MAX];
    size_t n;
    struct trigger_place at = place(f);
    assert_int_equal(trigger_delete(&at, &f->trigger, change, &n), ERR_OK);
    put(f, change, n);
    post(f, path, "{}");
    expect(f, 410, "deleted");
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    ask(f, HTTP_M_GET, make(f, "{}", TRIGGER_PUBLISHED), "", NULL, STR("")); /* somebody looks at a link */
    expect(f, 405, "method");
    const char *path = make(f, "{\"methods\":[\"POST\"]}", TRIGGER_PUBLISHED);
    static char large[(1 << 20) + 10];
    static const struct http_header odd[] = {{STR("Content-Type"), STR("application/pdf")}, {{NULL, 0}, {NULL, 0}}};
    static const struct http_header zip[] = {{STR("Content-Type"), STR("application/json")},
                                             {STR("Content-Encoding"), STR("gzip")},
                                             {{NULL, 0}, {NULL, 0}}};
    memset(large, ' ', sizeof large - 1);
    ask(f, HTTP_M_PUT, path, "", json_type, STR("{}"));
    expect(f, 405, "method");
    ask(f, HTTP_M_HEAD, path, "", NULL, STR(""));
    assert_int_equal(f->status, 405);
    ask(f, HTTP_M_DELETE, path, "", NULL, STR(""));
    expect(f, 405, "method");
    ask(f, HTTP_M_POST, path, "", odd, STR("%PDF"));
    expect(f, 415, "content type");
    ask(f, HTTP_M_POST, path, "", zip, STR("x"));
    expect(f, 415, "compressed");
    post(f, path, "{\"a\":1,\n \"b\":}");
    expect(f, 400, "line 2, column 6");
    post(f, path, large);
    expect(f, 413, "1 MiB");
    large[1 << 20] = '\0';
    memcpy(large, "{}", 2);
    post(f, path, large);
    expect(f, 202, "run_");
    ask(f, HTTP_M_POST, "/v1/webhooks/in/00000000000000000000000000000000", "", json_type, STR("{}"));
    expect(f, 404, "no such trigger URL");
    path = make(f, "{}", TRIGGER_PAUSED);
    post(f, path, "{}");
    expect(f, 410, "paused");
    struct request r = newest(f);
    assert_int_equal(r.outcome, REQUEST_REFUSED);
    assert_int_equal(r.status, 410);
}

static void test_draft(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{}", TRIGGER_DRAFT);
    struct str json;
    oid_t id;
    f->api.triggers->per_second = 1000;
    for (int i = 0; i < TRIGGER_CAPTURES + 7; i++) {
        char body[40];
        snprintf(body, sizeof body, "{\"n\":%d}", i);
        post(f, path, body);
        expect(f, 202, "\"captured\":true}");
        assert_non_null(strstr(f->answer.ptr, "{\"id\":\"req_"));
    }
    assert_int_equal(count_docs(f, DOC_REQUEST, f->trigger.id), TRIGGER_CAPTURES);
    assert_int_equal(count_docs(f, DOC_RUN, automation_of(f)), 0);
    assert_int_equal(trigger_sample(&f->api, f->reader, f->arena, &f->trigger, &id, &json), ERR_OK);
    assert_non_null(strstr(json.ptr, "\"body\":{\"n\":56}"));
}

static void test_verified(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{\"verify\":{\"profile\":\"github\",\"secret\":\"It's a Secret to Everybody\"}}",
                            TRIGGER_PUBLISHED);
    struct http_header signed_[] = {{STR("Content-Type"), STR("text/plain")},
                                    {STR("X-Hub-Signature-256"),
                                     STR("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")},
                                    {STR("X-GitHub-Delivery"), STR("d-1")},
                                    {{NULL, 0}, {NULL, 0}}};
    char first[64];
    ask(f, HTTP_M_POST, path, "", signed_, STR("Hello, World!"));
    expect(f, 202, "run_");
    snprintf(first, sizeof first, "%.42s", f->answer.ptr);
    ask(f, HTTP_M_POST, path, "", signed_, STR("Hello, World!"));
    expect(f, 200, "\"duplicate\":true}");
    assert_memory_equal(first, f->answer.ptr, 30);
    assert_int_equal(count_docs(f, DOC_RUN, automation_of(f)), 1);
    ask(f, HTTP_M_POST, path, "", signed_, STR("Hello, World?"));
    expect(f, 401, "the signature does not fit");
    assert_true(str_eq(newest(f).why, STR("the signature does not fit")));
    post(f, path, "{}");
    expect(f, 401, "signature header is missing");
    path = make(f, "{\"verify\":{\"profile\":\"github\"}}", TRIGGER_PUBLISHED);
    ask(f, HTTP_M_POST, path, "", signed_, STR("Hello, World!"));
    expect(f, 401, "no secret is set");
    path = make(f, "{\"verify\":{\"addresses\":[\"198.51.100.0/24\"]}}", TRIGGER_PUBLISHED);
    post(f, path, "{}");
    expect(f, 401, "address");
    path = make(f, "{\"verify\":{\"addresses\":[\"192.0.2.0/24\"]}}", TRIGGER_PUBLISHED);
    post(f, path, "{}");
    expect(f, 202, "run_");
    path = make(f, "{\"verify\":{\"profile\":\"header\",\"secret\":\"s3cret\",\"header\":\"X-Mine\"}}",
                TRIGGER_PUBLISHED);
    struct http_header token[] = {{STR("X-Mine"), STR("s3cret")}, {{NULL, 0}, {NULL, 0}}};
    ask(f, HTTP_M_POST, path, "", token, STR("{}"));
    expect(f, 202, "run_");
    assert_true(str_eq(newest(f).headers, STR("{\"x-mine\":\"***\"}")));
}

static void sweep(struct fixture *f)
{
    struct store_sweep op = {.op = {.kind = STORE_SWEEP}, .sweep = SWEEP_DOCS, .now_ms = f->now_ms, .rows_max = 1000};
    assert_int_equal(store_run(f->store, &op.op), ERR_OK);
}

/* A repeated one is known for longer than any provider retries: Stripe does for three days. */
static void test_how_long(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{\"dedupe\":\"body:id\"}", TRIGGER_PUBLISHED);
    post(f, path, "{\"id\":12345678901234567890}");
    expect(f, 202, "run_");
    static const int64_t later_ms[] = {TIME_DAY_MS, 2 * TIME_DAY_MS, TIME_DAY_MS, 3 * TIME_DAY_MS - 1000};
    for (size_t i = 0; i < ARRAY_LEN(later_ms); i++) {
        f->now_ms += later_ms[i];
        sweep(f);
        post(f, path, "{\"id\":12345678901234567890}");
        expect(f, 200, "\"duplicate\":true");
        post(f, path, "{\"id\":\"12345678901234567890\"}"); /* the same text */
        expect(f, 200, "\"duplicate\":true");
    }
    f->now_ms += 2000;
    sweep(f);
    post(f, path, "{\"id\":12345678901234567890}");
    expect(f, 202, "run_");
    post(f, path, "{\"id\":12345678901234567891}"); /* the same double */
    expect(f, 202, "run_");
}

static void test_handshakes(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{\"verify\":{\"profile\":\"meta\",\"secret\":\"x\",\"verifyToken\":\"t0ken\"}}",
                            TRIGGER_PUBLISHED);
    ask(f, HTTP_M_GET, path, "hub.mode=subscribe&hub.verify_token=t0ken&hub.challenge=1158201444", NULL, STR(""));
    expect(f, 200, "1158201444");
    assert_string_equal(f->answer.ptr, "1158201444");
    ask(f, HTTP_M_GET, path, "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1158201444", NULL, STR(""));
    assert_int_equal(f->status, 401);
    path = make(f, "{\"verify\":{\"profile\":\"okta\",\"secret\":\"x\"}}", TRIGGER_PUBLISHED);
    struct http_header okta[] = {{STR("X-Okta-Verification-Challenge"), STR("a\"b")}, {{NULL, 0}, {NULL, 0}}};
    ask(f, HTTP_M_GET, path, "", okta, STR(""));
    expect(f, 200, "{\"verification\":\"a\\\"b\"}");
    path = make(f, "{\"verify\":{\"profile\":\"xero\",\"secret\":\"x\"}}", TRIGGER_PUBLISHED);
    struct http_header xero[] = {{STR("Content-Type"), STR("application/json")},
                                 {STR("x-xero-signature"), STR("AAAA")},
                                 {{NULL, 0}, {NULL, 0}}};
    ask(f, HTTP_M_POST, path, "", xero, STR("{\"events\":[]}"));
    assert_int_equal(f->status, 401);
    assert_string_equal(f->answer.ptr, "");
    assert_int_equal(count_docs(f, DOC_RUN, automation_of(f)), 0);
}

static void test_rate(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{\"verify\":{\"profile\":\"bearer\",\"secret\":\"s\"}}", TRIGGER_PUBLISHED);
    struct http_header good[] = {{STR("Authorization"), STR("Bearer s")}, {{NULL, 0}, {NULL, 0}}};
    int accepted = 0, limited = 0;
    f->api.triggers->per_second = 10;
    for (int i = 0; i < 5; i++) {
        ask(f, HTTP_M_POST, path, "", NULL, STR("{}")); /* refused: does not count */
        assert_int_equal(f->status, 401);
    }
    for (int i = 0; i < 15; i++) {
        ask(f, HTTP_M_POST, path, "", good, STR("{}"));
        accepted += f->status == 202;
        limited += f->status == 429;
    }
    assert_int_equal(accepted, 10);
    assert_int_equal(limited, 5);
}

static void test_sliding(void **state)
{
    struct sliding *s = sliding_new();
    int64_t at;
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(sliding_take(s, 7, 100, 1000000 + i * 1000, &at));
    assert_false(sliding_take(s, 7, 100, 1999999, &at));
    assert_true(sliding_take(s, 8, 1, 1999999, &at));
    assert_true(sliding_take(s, 7, 100, 2000000, &at));
    assert_false(sliding_take(s, 7, 100, 2000500, &at));
    sliding_give_back(s, 7, at);
    assert_true(sliding_take(s, 7, 100, 2000500, &at));
    assert_false(sliding_take(s, 7, 100, 2000900, &at));
    sliding_free(s);
}

static void test_rotation(void **state)
{
    struct fixture *f = *state;
    const char *old = make(f, "{}", TRIGGER_PUBLISHED);
    struct object_change changes[TRIGGER_CHANGES_MAX];
    struct trigger_place at = place(f);
    struct trigger t;
    struct str url;
    size_t count;
    assert_int_equal(trigger_rotate(&at, &f->trigger, 3600 * 1000, changes, &count), ERR_OK);
    put(f, changes, count);
    reload(f, f->trigger.id);
    assert_int_equal(trigger_decode(f->arena, f->keys, &f->trigger, &t), ERR_OK);
    assert_int_equal(trigger_url_text(&f->api, f->reader, f->arena, &t, &url), ERR_OK);
    const char *new = url.ptr + sizeof PUBLIC - 1;
    post(f, old, "{}");
    expect(f, 202, "run_");
    post(f, new, "{}");
    expect(f, 202, "run_");
    f->now_ms += 3600 * 1000;
    post(f, old, "{}");
    expect(f, 404, "no such");
    for (int i = 0; i < 12; i++) {
        at = place(f);
        assert_int_equal(trigger_rotate(&at, &f->trigger, i % 2 * 1000, changes, &count), ERR_OK);
        assert_true(count <= TRIGGER_CHANGES_MAX);
        put(f, changes, count);
        reload(f, f->trigger.id);
    }
    post(f, new, "{}");
    expect(f, 404, "no such");
}

/* What is asked of senders changes when the automation is published, not before. */
static void test_draft_rules(void **state)
{
    struct fixture *f = *state;
    const char *path = make(f, "{\"verify\":{\"profile\":\"bearer\",\"secret\":\"one\"}}", TRIGGER_PUBLISHED);
    struct http_header one[] = {{STR("Authorization"), STR("bearer one")}, {{NULL, 0}, {NULL, 0}}};
    struct http_header two[] = {{STR("X-Mine"), STR("two")}, {{NULL, 0}, {NULL, 0}}};
    struct object_change changes[TRIGGER_CHANGES_MAX];
    struct problems problems = PROBLEMS_INIT;
    struct trigger_place at = place(f);
    size_t count;
    static const char *const drafts[] = {
            "{\"methods\":[\"POST\"],\"verify\":{\"profile\":\"header\",\"header\":\"x-mine\",\"secret\":\"two\"}}",
            "{\"methods\":[\"PUT\"],\"verify\":{\"profile\":\"header\",\"header\":\"x-mine\"}}", /* the secret stays */
    };
    for (size_t i = 0; i < ARRAY_LEN(drafts); i++) {
        assert_int_equal(trigger_redefine(&at, &f->trigger, parse(f, drafts[i]), changes, &count, &problems), ERR_OK);
        put(f, changes, count);
        reload(f, f->trigger.id);
        ask(f, HTTP_M_POST, path, "", one, STR("{}"));
        expect(f, 202, "run_");
        ask(f, HTTP_M_POST, path, "", two, STR("{}"));
        expect(f, 401, "");
    }
    static const enum trigger_state same[] = {TRIGGER_PAUSED, TRIGGER_PUBLISHED};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) { /* of the version that is in force */
        assert_int_equal(trigger_publish(&at, &f->trigger, same[i], 77, changes), ERR_OK);
        put(f, changes, 1);
        reload(f, f->trigger.id);
    }
    ask(f, HTTP_M_POST, path, "", one, STR("{}"));
    expect(f, 202, "run_");
    assert_int_equal(trigger_publish(&at, &f->trigger, TRIGGER_PUBLISHED, 78, changes), ERR_OK);
    put(f, changes, 1);
    ask(f, HTTP_M_PUT, path, "", two, STR("{}"));
    expect(f, 202, "run_");
    ask(f, HTTP_M_PUT, path, "", one, STR("{}"));
    expect(f, 401, "");
    ask(f, HTTP_M_POST, path, "", two, STR("{}"));
    expect(f, 405, "");
    problems_fini(&problems);
}

static void test_contents(void **state)
{
    static const struct {
        const char *type;
        const char *body;
        const char *seen;
    } cases[] = {
            {"application/vnd.api+json", "[1,2]", "\"body\":[1,2]"},
            {"application/x-www-form-urlencoded", "a=1&b=x+y&a=%32", "\"body\":{\"a\":[\"1\",\"2\"],\"b\":\"x y\"}"},
            {"application/x-www-form-urlencoded", "{\"a\":1}", "\"body\":{\"a\":1}"},
            {"application/xml", "<a>\"</a>", "\"body\":\"<a>\\\"</a>\""},
            {"text/plain; charset=utf-8", "hi", "\"body\":\"hi\""},
            {NULL, "{\"a\":1.0}", "\"body\":{\"a\":1.0}"},
            {NULL, "hi", "\"body\":\"hi\""},
            {"application/json", "", "\"body\":null"},
            {"multipart/form-data; boundary=\"x y\"",
             "--x y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x y\r\nContent-Disposition: form-data; "
             "name=\"f\"; filename=\"/etc/passwd\"\r\nContent-Type: image/png\r\n\r\nabc\r\n--x y--\r\n",
             "\"body\":{\"a\":\"1\",\"f\":{\"filename\":\"/etc/passwd\",\"contentType\":\"image/png\",\"size\":3}}"},
    };
    struct fixture *f = *state;
    const char *path = make(f, "{\"dedupe\":\"body:a[0]\"}", TRIGGER_PUBLISHED);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_header headers[] = {{STR("Content-Type"), str_c(cases[i].type)}, {{NULL, 0}, {NULL, 0}}};
        struct str json;
        ask(f, HTTP_M_POST, path, "", cases[i].type != NULL ? headers : NULL, str_c(cases[i].body));
        if (f->status != 202)
            fail_msg("%zu: %d %s", i, f->status, f->answer.ptr);
        struct request r = newest(f);
        assert_int_equal(request_trigger_json(f->arena, &r, &json), ERR_OK);
        if (strstr(json.ptr, cases[i].seen) == NULL)
            fail_msg("%zu: %s", i, json.ptr);
        assert_true(str_eq(r.body, str_c(cases[i].body)) || r.body.len == 0);
    }
    struct http_header broken[] = {{STR("Content-Type"), STR("multipart/form-data; boundary=x")},
                                   {{NULL, 0}, {NULL, 0}}};
    static const char *const bad[] = {"",
                                      "--x",
                                      "--x\r\n\r\n",
                                      "--x\r\nA: b\r\n\r\n1\r\n--x--",
                                      "--x\r\nContent-Disposition: form-data; name=a",
                                      "{\"a\":\"--x--\"}",
                                      "a\n--x--"};
    for (size_t i = 1; i < ARRAY_LEN(bad); i++) {
        ask(f, HTTP_M_POST, path, "", broken, str_c(bad[i]));
        assert_int_equal(f->status, 400);
    }
}

static void test_definitions(void **state)
{
    static const char *const bad[] = {
            "{\"type\":\"schedule\"}",
            "{\"dedupe\":\"cookie:x\"}",
            "{\"dedupe\":\"body:\"}",
            "{\"dedupe\":\"body:a | upper\"}",
            "{\"methods\":[\"PATCH\"]}",
            "{\"verify\":\"github\"}",
            "{\"verify\":{}}",
            "{\"verify\":{\"profile\":\"nobody\"}}",
            "{\"verify\":{\"profile\":\"github\",\"row\":{}}}",
            "{\"verify\":{\"row\":{\"headers\":{}}}}",
            "{\"verify\":{\"row\":{\"headers\":{\"X-A\":\"{signature}\"},\"verify\":{\"dedupe\":\"x-id\"}}}}",
            "{\"verify\":{\"profile\":\"standard\",\"secret\":\"whsec_!\"}}",
            "{\"verify\":{\"profile\":\"github\",\"secret\":\"a\",\"secrets\":[\"b\"]}}",
            "{\"verify\":{\"profile\":\"github\",\"toleranceSeconds\":-1}}",
            "{\"verify\":{\"addresses\":[\"10.0.0.1/8\"]}}",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct object_change changes[TRIGGER_CHANGES_MAX];
        size_t count;
        struct problems problems = PROBLEMS_INIT;
        struct trigger_place at = place(f);
        if (trigger_create(&at, 5, parse(f, bad[i]), changes, &count, &problems) != ERR_INVALID || problems.count == 0)
            fail_msg("%s was taken", bad[i]);
        problems_fini(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_published, setup, teardown),
            cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
            cmocka_unit_test_setup_teardown(test_draft, setup, teardown),
            cmocka_unit_test_setup_teardown(test_verified, setup, teardown),
            cmocka_unit_test_setup_teardown(test_handshakes, setup, teardown),
            cmocka_unit_test_setup_teardown(test_how_long, setup, teardown),
            cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
            cmocka_unit_test(test_sliding),
            cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
            cmocka_unit_test_setup_teardown(test_draft_rules, setup, teardown),
            cmocka_unit_test_setup_teardown(test_contents, setup, teardown),
            cmocka_unit_test_setup_teardown(test_definitions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
