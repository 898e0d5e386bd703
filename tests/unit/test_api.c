/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as tables of steps, through api_handle, against the memory store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/env.h"
#include "api/message_in.h"
#include "api/task.h"
#include "base/mem.h"
#include "base/time.h"

#define NOW 1795000000000

struct fixture {
    struct store *store;
    struct store_reader *reader;
    struct keyring *keys;
    struct catalog *catalog;
    struct oid_source oids;
    struct arena *arena;
    struct ssrf_policy urls;
    struct api api;
    _Atomic int config_changes, endpoint_changes;
    _Atomic int pending_calls;
    int expunged_calls;
    struct buf answer; /* the last, NUL-terminated */
    int status;
    struct str headers; /* of the last answer */
    char tokens[4][600];
};

/* Whose token a step uses. */
enum { NONE, ENV_A, ENV_B, ENV_NEW };

static int64_t now(void)
{
    return NOW;
}

static void on_config(void *arg, oid_t env, oid_t app)
{
    (void)env;
    (void)app;
    ((struct fixture *)arg)->config_changes++;
}

static void on_endpoint(void *arg, oid_t env, oid_t app, oid_t ep)
{
    (void)env;
    (void)app;
    (void)ep;
    ((struct fixture *)arg)->endpoint_changes++;
}

static void on_pending(void *arg, oid_t ep)
{
    (void)ep;
    ((struct fixture *)arg)->pending_calls++;
}

static void make_keys(struct fixture *f)
{
    char path[] = "/tmp/postrider-api-XXXXXX", file[64];
    const char *why;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/keys", path);
    assert_int_equal(keyring_load(file, NULL, NULL, &f->keys, &why), ERR_OK);
    unlink(file);
    rmdir(path);
    static const char *const envs[] = {NULL, "org_aaaaaaaaaaaaaaaaaaaaaaaaaaa", "org_bbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                       "org_ccccccccccccccccccccccccccc"};
    for (int i = 1; i < 4; i++) {
        struct buf token = BUF_INIT(1024);
        auth_jwt_make(str_c(envs[i]), keyring_jwt_secret(f->keys), NOW, 0, &token);
        snprintf(f->tokens[i], sizeof f->tokens[i], "Bearer " STR_FMT, STR_ARG(buf_str(&token)));
        buf_fini(&token);
    }
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    const char *why = "";
    struct str trouble;
    static const char *const addresses[] = {"203.0.113.7", NULL};
    struct store_config config = {.path = NULL};
    assert_int_equal(store_open(&config, &f->store, &why), ERR_OK);
    assert_int_equal(store_reader_open(f->store, &f->reader), ERR_OK);
    make_keys(f);
    f->arena = arena_new(65536);
    f->catalog = catalog_new(f->keys, store_identity(f->store)->id_key);
    f->urls = (struct ssrf_policy){.https_only = true};
    oid_source_init(&f->oids, 1, 0);
    f->api = (struct api){.store = f->store,
                          .catalog = f->catalog,
                          .keys = f->keys,
                          .id_key = store_identity(f->store)->id_key,
                          .oids = &f->oids,
                          .urls = &f->urls,
                          .default_profile = "standard",
                          .egress_addresses = addresses,
                          .retention_payload_ms = 90 * TIME_DAY_MS,
                          .hook_arg = f,
                          .on_config_changed = on_config,
                          .on_endpoint_changed = on_endpoint,
                          .on_pending = on_pending};
    f->answer = BUF_INIT(1 << 22);
    assert_int_equal(env_profile_rows(f->arena, NULL, &f->api.rows, &f->api.row_count, &trouble), ERR_OK);
    assert_int_equal(api_tasks_start(&f->api, now), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    api_tasks_stop(&f->api);
    catalog_free(f->catalog);
    store_reader_close(f->reader);
    store_close(f->store);
    keyring_free(f->keys);
    arena_free(f->arena);
    buf_fini(&f->answer);
    free(f);
    return 0;
}

static void request_as(struct fixture *f, const char *authorization, const char *method, const char *path,
                       const char *body)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    struct http_header header = {STR("authorization"), str_c(authorization)};
    struct str query = str_c(path), only_path = str_split(&query, '?');
    struct api_call call = {.arena = arena_new(16384),
                            .reader = f->reader,
                            .path = only_path,
                            .query = query,
                            .headers = &header,
                            .header_count = authorization != NULL,
                            .body = body != NULL ? str_c(body) : STR(""),
                            .now_ms = NOW};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], method) == 0)
            call.method = (enum http_method)i;
    }
    api_handle(&f->api, &call);
    buf_clear(&f->answer);
    buf_add_str(&f->answer, buf_str(&call.out));
    buf_add_c(&f->answer, '\0');
    f->status = call.status;
    f->headers = STR("");
    for (size_t i = 0; i < call.out_header_count; i++)
        f->headers = arena_printf(f->arena, STR_FMT STR_FMT ": " STR_FMT "\n", STR_ARG(f->headers),
                                  STR_ARG(call.out_headers[i].name), STR_ARG(call.out_headers[i].value));
    buf_fini(&call.out);
    arena_free(call.arena);
}

static void request(struct fixture *f, int who, const char *method, const char *path, const char *body)
{
    request_as(f, who != NONE ? f->tokens[who] : NULL, method, path, body);
}

struct step {
    int who;
    const char *method;
    const char *path;
    const char *body;
    int status;
    const char *has;     /* in the answer, NULL: anything */
    const char *has_not; /* NULL: anything */
};

static void run_steps(struct fixture *f, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        request(f, s->who, s->method, s->path, s->body);
        if (f->status != s->status || (s->has != NULL && strstr(f->answer.ptr, s->has) == NULL) ||
            (s->has_not != NULL && strstr(f->answer.ptr, s->has_not) != NULL))
            fail_msg("step %zu, %s %s %s: %d %s", i, s->method, s->path, s->body != NULL ? s->body : "", f->status,
                     f->answer.ptr);
        struct json_slice v;
        if (f->status != 204)
            assert_int_equal(json_check(str_c(f->answer.ptr), &v, NULL), ERR_OK);
    }
}

#define RUN(steps) run_steps(*state, (steps), ARRAY_LEN(steps))

static void errors_have_their_shapes(void **state)
{
    static const struct step steps[] = {
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
            {ENV_A, "GET", "/api/v1/app/none", NULL, 404, "no such application", NULL},
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
    static const struct step steps[] = {
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
    static const struct step steps[] = {
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

#define E "/api/v1/app/w/endpoint"

static void endpoints_live(void **state)
{
    static const struct step steps[] = {
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

/* The value of the first "name":"value" in the last answer. */
static char *pick(struct fixture *f, const char *name)
{
    struct str s = str_c(f->answer.ptr), quoted = arena_printf(f->arena, "\"%s\":\"", name);
    size_t at = str_find_str(s, quoted);
    assert_true(at < s.len);
    s = str_skip(s, at + quoted.len);
    return arena_cstr(f->arena, str_take(s, str_find(s, '"')));
}

static char *path_of(struct fixture *f, const char *fmt, const char *id)
{
    struct buf out = BUF_INIT(1024);
    for (; *fmt != '\0'; fmt++) {
        if (*fmt == '$')
            buf_add_str(&out, str_c(id));
        else
            buf_add_c(&out, *fmt);
    }
    char *path = arena_cstr(f->arena, buf_str(&out));
    buf_fini(&out);
    return path;
}

static void expect(struct fixture *f, const char *method, const char *path, const char *body, int status,
                   const char *has)
{
    const struct step s = {ENV_A, method, path, body, status, has, NULL};
    run_steps(f, &s, 1);
}

static void wait_for_task(struct fixture *f, const char *id)
{
    char *path = path_of(f, "/api/v1/background-task/$", id);
    for (int i = 0; i < 500; i++) {
        request(f, ENV_A, "GET", path, NULL);
        if (strstr(f->answer.ptr, "\"finished\"") != NULL)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("%s", f->answer.ptr);
}

/* As the engine would write it. */
static void record_failure(struct fixture *f, oid_t msg)
{
    struct arena *a = arena_new(4096);
    struct object_query envs = {.kind = OBJ_ENV, .limit = 1};
    struct object *env, *app, *ep;
    size_t n;
    assert_int_equal(store_list_objects(f->reader, a, &envs, &env, &n), ERR_OK);
    struct object_query apps = {.kind = OBJ_APP, .env = env->id, .limit = 1};
    assert_int_equal(store_list_objects(f->reader, a, &apps, &app, &n), ERR_OK);
    struct object_query eps = {.kind = OBJ_ENDPOINT, .env = env->id, .app = app->id, .limit = 1};
    assert_int_equal(store_list_objects(f->reader, a, &eps, &ep, &n), ERR_OK);
    struct attempt t = {.id = oid_next(&f->oids, NOW),
                        .msg = msg,
                        .ep = ep->id,
                        .app = app->id,
                        .number = 1,
                        .status = DELIVERY_FAIL,
                        .cause = CAUSE_STATUS,
                        .error = STR("status 500"),
                        .http_status = 500,
                        .started_ms = NOW,
                        .phases.total_us = 12345,
                        .url = STR("https://example.com/"),
                        .request_headers = STR("webhook-id: 1\nAuthorization: ****\n"),
                        .response_headers = STR("Content-Type: text/plain\n"),
                        .response_body = STR("\xff\xfe"),
                        .event_type = STR("t.x")};
    struct store_record op = {
            .op = {.kind = STORE_RECORD}, .attempt = &t, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED};
    assert_int_equal(store_run(f->store, &op.op), ERR_OK);
    assert_true(op.moved);
    arena_free(a);
}

static void messages_and_attempts_are_read(void **state)
{
    struct fixture *f = *state;
    static const struct step steps[] = {
            {ENV_A, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\",\"profile\":\"myra\"}", 201, NULL, NULL},
            {ENV_A, "POST", "/api/v1/event-type",
             "{\"name\":\"t.x\",\"description\":\"\",\"schemas\":{\"1\":{\"examples\":[{\"k\":1.10}]}}}", 201, NULL,
             NULL},
            {ENV_A, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL, NULL},
            {ENV_A, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}", 202, "{\"success\":true}", NULL},
            {ENV_A, "POST", E "/e/send-example", "{\"eventType\":\"none\"}", 422, "no such event type", NULL},
            {ENV_A, "POST", E "/e/send-example", "{\"eventType\":\"t.x\"}", 202, "\"payload\":{\"k\":1.10}", NULL},
    };
    RUN(steps);
    char *id = pick(f, "id");
    oid_t msg = 0;
    assert_int_equal(f->pending_calls, 2);
    assert_int_equal(oid_parse(str_c(id), "msg_", f->api.id_key, &msg), ERR_OK);
    expect(f, "GET", "/api/v1/app/w/msg?limit=1", NULL, 200, "\"done\":false");
    expect(f, "GET", "/api/v1/app/w/msg?event_types=t.x", NULL, 200, id);
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg?iterator=$", id), NULL, 200, "svix.ping");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg?iterator=-$", id), NULL, 200, "\"data\":[]");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$", id), NULL, 200, "\"eventUuid\":\"");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$?with_content=false", id), NULL, 200, "\"payload\":{},");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$/raw", id), NULL, 200, "{\"payload\":\"{\\\"k\\\":1.10}\"}");
    expect(f, "GET", path_of(f, "/api/v1/app/w/msg/$/endpoint", id), NULL, 200,
           "\"status\":1,\"statusText\":\"pending\"");
    expect(f, "GET", E "/e/msg?status=1", NULL, 200, id);
    expect(f, "GET", E "/e/msg?status=2", NULL, 200, "\"data\":[]");
    record_failure(f, msg);
    expect(f, "GET", E "/e/msg?status=2", NULL, 200, "\"statusReason\":\"exhausted\"");
    expect(f, "GET", E "/e/stats", NULL, 200, "\"pending\":1,\"sending\":0,\"fail\":1");
    expect(f, "GET", "/api/v1/app/w/attempt/endpoint/e?status=2&with_msg=true", NULL, 200,
           "\"response\":\"//4=\",\"responseEncoding\":\"base64\"");
    assert_non_null(strstr(f->answer.ptr, "\"responseDurationMs\":12,"));
    char *attempt = pick(f, "id");
    expect(f, "GET", "/api/v1/app/w/attempt/endpoint/e?status_code_class=400", NULL, 200, "\"data\":[]");
    expect(f, "GET", path_of(f, "/api/v1/app/w/attempt/msg/$?endpoint_id=e", id), NULL, 200, attempt);
    struct str one = arena_printf(f->arena, "/api/v1/app/w/msg/%s/attempt/%s", id, attempt);
    expect(f, "GET", one.ptr, NULL, 200, "\"triggerType\":0");
    one = arena_printf(f->arena, "%s/headers", one.ptr);
    expect(f, "GET", one.ptr, NULL, 200, "\"sensitive\":[\"Authorization\"]");
    one = arena_printf(f->arena, "/api/v1/app/w/msg/%s/attempt/%s/content", id, attempt);
    expect(f, "DELETE", one.ptr, NULL, 204, NULL);
    one = arena_printf(f->arena, "/api/v1/app/w/msg/%s/attempt/%s", id, attempt);
    expect(f, "GET", one.ptr, NULL, 200, "\"response\":\"EXPUNGED\",\"responseEncoding\":\"text\"");
    expect(f, "POST", E "/e/recover", "{\"since\":\"2020-01-01T00:00:00Z\"}", 422, "[\"body\",\"since\"]");
    expect(f, "POST", E "/e/recover", "{}", 422, "is missing");
    expect(f, "POST", E "/e/recover", "{\"since\":\"2999-01-01T00:00:00Z\"}", 422, "must not be in the future");
    expect(f, "POST", E "/e/recover", "{\"since\":\"x\"}", 422, "value_error.datetime\"}]}");
    struct buf body = BUF_INIT(256);
    struct json_writer w = json_writer(&body);
    json_w_object(&w);
    json_w_time_at(&w, "since", NOW - TIME_DAY_MS);
    json_w_time_at(&w, "until", NOW + TIME_DAY_MS);
    json_w_object_end(&w);
    char *recover = buf_take(&body, NULL);
    expect(f, "POST", E "/e/recover", recover, 202, "\"task\":\"endpoint.recover\"");
    free(recover);
    wait_for_task(f, pick(f, "id"));
    assert_int_equal(f->pending_calls, 3);
    expect(f, "POST", path_of(f, "/api/v1/app/w/msg/$/endpoint/e/resend", id), "", 202, "{}");
    assert_int_equal(f->pending_calls, 4);
    expect(f, "PATCH", E "/e", "{\"disabled\":true}", 200, NULL);
    expect(f, "POST", path_of(f, "/api/v1/app/w/msg/$/endpoint/e/resend", id), "", 409, "disabled");
    for (int i = 0; i < 500 && strstr(f->answer.ptr, "\"pending\":0") == NULL; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        request(f, ENV_A, "GET", E "/e/stats", NULL);
    }
    expect(f, "GET", E "/e/msg?status=2", NULL, 200, "endpoint disabled");
}

static void on_expunged(void *arg, oid_t msg, oid_t ep)
{
    (void)msg;
    (void)ep;
    ((struct fixture *)arg)->expunged_calls++;
}

static void contents_are_expunged(void **state)
{
    struct fixture *f = *state;
    char id[64], path[200];
    f->api.on_expunged = on_expunged;
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL);
    expect(f, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}", 202, NULL);
    snprintf(id, sizeof id, "%s", pick(f, "id"));
    const char *message = arena_printf(f->arena, "/api/v1/app/w/msg/%s", id).ptr;
    snprintf(path, sizeof path, "%s/content", message);
    request(f, ENV_B, "DELETE", path, NULL);
    assert_int_equal(f->status, 404);
    expect(f, "GET", message, NULL, 200, "\"success\":true");
    expect(f, "DELETE", path, NULL, 204, NULL);
    assert_int_equal(f->expunged_calls, 1);
    expect(f, "DELETE", path, NULL, 204, NULL);
    expect(f, "GET", message, NULL, 200, "\"payload\":{\"expired\":true}");
    snprintf(path, sizeof path, "%s/raw", message);
    expect(f, "GET", path, NULL, 410, "expired");
    snprintf(path, sizeof path, "%s/endpoint", message);
    expect(f, "GET", path, NULL, 200, "\"statusReason\":\"payload expired\"");
    snprintf(path, sizeof path, "%s/endpoint/e/resend", message);
    expect(f, "POST", path, "", 410, "expired");
    expect(f, "DELETE", "/api/v1/app/w/msg/msg_000000000000000000000000000/content", NULL, 404, NULL);
}

static void deleted_workspaces_are_cleared(void **state)
{
    struct fixture *f = *state;
    oid_t app = 0, ep = 0;
    expect(f, "POST", "/api/v1/app", "{\"name\":\"W\",\"uid\":\"w\"}", 201, NULL);
    assert_int_equal(oid_parse(str_c(pick(f, "id")), "app_", f->api.id_key, &app), ERR_OK);
    expect(f, "POST", E, "{\"url\":\"https://example.com\"}", 201, NULL);
    expect(f, "POST", E, "{\"url\":\"https://example.com\",\"uid\":\"e\"}", 201, NULL);
    assert_int_equal(oid_parse(str_c(pick(f, "id")), "ep_", f->api.id_key, &ep), ERR_OK);
    expect(f, "POST", E "/e/send-example", "{\"eventType\":\"svix.ping\"}", 202, NULL);
    expect(f, "DELETE", "/api/v1/app/w", NULL, 204, NULL);
    expect(f, "GET", E, NULL, 404, NULL);
    struct delivery_counts counts = {0};
    struct object o = {0};
    for (int i = 0; i < 500 && (counts.fail == 0 || o.deleted_ms == 0); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        assert_int_equal(store_count_deliveries(f->reader, ep, NOW - 1000, NOW + 1000, &counts), ERR_OK);
        assert_int_equal(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, ep, &o), ERR_OK);
    }
    assert_int_equal(counts.fail, 1);
    assert_true(o.deleted_ms != 0);
    expect(f, "GET", "/api/v1/background-task", NULL, 200, NULL);
}

static void profiles_live(void **state)
{
    static const char row[] =
            "{\"name\":\"mine\",\"body\":{\"type\":\"raw\"},\"headers\":{\"X-Sig\":\"{signature}\"},"
            "\"signedString\":\"{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\",\"secret\":"
            "{\"keyDecoding\":\"raw\",\"generate\":{\"bytes\":32,\"encoding\":\"alphanumeric\"}},"
            "\"retrySchedule\":[1],\"timeoutMs\":5000,\"disableOn410\":false}";
    const struct step steps[] = {
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
    static const struct step steps[] = {
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

static int status_as(struct fixture *f, const char *token, const char *method, const char *path, const char *body)
{
    request_as(f, token, method, path, body);
    return f->status;
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
    expect(f, "POST", ACCESS "w", "{}", 404, "no such application");
    access_portal(f, ACCESS "w", "{\"application\":{\"name\":\"W\"}}", one, old_link);
    expect(f, "GET", "/api/v1/app/w", NULL, 200, "\"uid\":\"w\"");
    access_portal(f, ACCESS "w", "{\"sessionId\":\"a\",\"application\":{\"name\":\"ignored\"}}", two, link);
    static const struct step refused[] = {
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

static void messages_bring_workspaces_along(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *uid;
        const char *body;
        enum err err;
    } rows[] = {
            {"new", "{\"eventType\":\"a\",\"payload\":{}}", ERR_NOT_FOUND},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":null}", ERR_NOT_FOUND},
            {"new", "{\"payload\":{},\"application\":{\"name\":\"N\"}}", ERR_INVALID},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{}}", ERR_INVALID},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\",\"uid\":\"b\"}}", ERR_INVALID},
            {"app_x", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\"}}", ERR_INVALID},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\",\"profile\":\"myra\"}}",
             ERR_OK},
            {"new", "{\"eventType\":\"a\",\"payload\":{},\"application\":{\"name\":\"N\",\"uid\":\"new\"}}", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        oid_t app;
        struct api_call call = {.arena = arena_new(4096),
                                .reader = f->reader,
                                .body = str_c(rows[i].body),
                                .now_ms = NOW,
                                .params = {str_c(rows[i].uid)},
                                .problems = PROBLEMS_INIT};
        assert_int_equal(api_authenticate(&f->api, f->reader, call.arena, str_c(f->tokens[ENV_A]), NOW, &call.who),
                         ERR_OK);
        enum err e = api_app_of_message(&f->api, &call, &app);
        if (e != rows[i].err)
            fail_msg("row %zu: %s", i, err_code(e));
        assert_int_equal(call.problems.count > 0, e == ERR_INVALID);
        problems_fini(&call.problems);
        arena_free(call.arena);
    }
    expect(f, "GET", "/api/v1/app?limit=2", NULL, 200, "\"done\":true");
    expect(f, "GET", "/api/v1/app/new", NULL, 200, "\"profile\":\"myra\"");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(errors_have_their_shapes),
            TEST(applications_live),
            TEST(event_types_live),
            TEST(endpoints_live),
            TEST(messages_and_attempts_are_read),
            TEST(contents_are_expunged),
            TEST(deleted_workspaces_are_cleared),
            TEST(profiles_live),
            TEST(builtin_profiles_are_upgraded),
            TEST(api_keys_are_confined),
            TEST(portal_tokens_are_confined),
            TEST(portal_access_ends),
            TEST(portal_access_is_within_scopes),
            TEST(messages_bring_workspaces_along),
            TEST(catalog_follows_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
