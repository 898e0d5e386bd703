/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of http_request steps: on a loop and a thread of their own, through a guarded client of their own. What a
 * request points to lives in its own arena, so that nothing of the runner's waits for an answer.
 */
#include <pthread.h>
#include <stdlib.h>

#include "api/handler.h"
#include "api/runner.h"
#include "base/mem.h"
#include "base/time.h"
#include "signing/header.h"

#define TIMEOUT_MS         15000
#define BODY_KEPT          49152
#define RETRY_AFTER_MAX_MS TIME_HOUR_MS

struct outside_desk {
    struct loop *loop;
    struct client *client;
    void (*done)(void *arg, struct outside *o);
    void *arg;
    pthread_t thread;
    struct list open; /* on the wire; the desk's thread's */
    struct loop_task end;
};

/* ---- the request --------------------------------------------------------------------------------------------------
 */

static bool is_reserved(struct str name)
{
    static const char *const reserved[] = {"host",       "content-length",  "transfer-encoding",
                                           "connection", "upgrade",         "te",
                                           "trailer",    "idempotency-key", "expect",
                                           "keep-alive", "proxy-connection"};
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (str_eq_nocase(name, str_c(reserved[i])))
            return true;
    }
    return false;
}

const char *outside_header_refusal(struct str name)
{
    if (!header_is_name(name))
        return "is not a header name";
    return is_reserved(name) ? "is a header that cannot be set" : NULL;
}

/* False: *out. */
static bool add_headers(struct turn *t, struct outside *o, const char **lines, size_t *count, bool *typed,
                        struct outcome *out)
{
    const struct json *headers = json_get(t->input, STR("headers"));
    *typed = false;
    for (const struct json *h = headers != NULL ? headers->child : NULL; h != NULL; h = h->next) {
        if (outside_header_refusal(h->name) != NULL || *count == OUTSIDE_HEADERS_MAX || !header_is_value(h->text)) {
            *out = turn_failed(t, "headers: \"" STR_FMT "\" cannot be set", STR_ARG(str_take(h->name, 100)));
            return false;
        }
        *typed = *typed || str_eq_nocase(h->name, STR("content-type"));
        lines[(*count)++] = arena_printf(o->arena, STR_FMT ": " STR_FMT, STR_ARG(h->name), STR_ARG(h->text)).ptr;
    }
    return true;
}

/* False: *out. */
static bool fill(struct turn *t, struct outside *o, struct outcome *out)
{
    char id[OID_TEXT_SIZE];
    const char *why = NULL;
    const char **lines = arena_zalloc(o->arena, (OUTSIDE_HEADERS_MAX + 3) * sizeof *lines);
    struct str method = turn_text(t, "method");
    const struct json *body = json_get(t->input, STR("body"));
    int64_t timeout_ms = TIMEOUT_MS;
    size_t n = 0;
    bool typed;
    if (ssrf_parse_url(t->api->urls, turn_text(t, "url"), &o->url, &why) != ERR_OK) {
        *out = turn_failed(t, "url: %s", why);
        return false;
    }
    oid_format(t->run.id, doc_prefix(DOC_RUN), t->api->id_key, id);
    lines[n++] = arena_printf(o->arena, "Idempotency-Key: %s-" STR_FMT, id, STR_ARG(t->step->id)).ptr;
    if (!add_headers(t, o, lines, &n, &typed, out))
        return false;
    (void)json_as_i64(json_get(t->input, STR("timeoutMs")), &timeout_ms);
    struct str bytes = body == NULL || json_is_null(body) ? STR("")
                       : body->type == JSON_STRING        ? body->text
                                                          : body->raw;
    if (bytes.len > 0 && !typed)
        lines[n++] = body->type == JSON_STRING ? "Content-Type: text/plain; charset=utf-8"
                                               : "Content-Type: application/json";
    o->run = t->run.id;
    o->app = t->run.app;
    o->request = (struct client_request){.method = method.ptr != NULL ? arena_str(o->arena, method) : STR("POST"),
                                         .url = str_c(o->url.normal),
                                         .headers = lines,
                                         .header_count = n,
                                         .body = {arena_str(o->arena, bytes)},
                                         .answer_max = BODY_KEPT,
                                         .timeout_ms = timeout_ms};
    return true;
}

struct outside *outside_make(struct turn *t, struct outcome *out)
{
    struct outside *o = mem_zalloc(1, sizeof *o);
    o->arena = arena_new(8192);
    list_init(&o->node);
    if (fill(t, o, out))
        return o;
    outside_free(o);
    return NULL;
}

void outside_free(struct outside *o)
{
    ssrf_url_fini(&o->url);
    arena_free(o->arena);
    free(o);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------
 */

static void write_body(struct arena *a, struct str body, bool cut, struct json_writer *w)
{
    struct json *tree;
    bool small = body.len <= BODY_KEPT && !cut;
    json_w_name(w, STR("body"));
    if (body.len == 0)
        json_w_null(w);
    else if (small && json_parse(a, body, &tree, NULL) == ERR_OK && json_depth(body) < RUN_JSON_DEPTH)
        json_w_raw(w, tree->raw);
    else
        json_w_str(w, str_take(body, BODY_KEPT / 3)); /* escaped it may grow */
}

static void on_answer(struct client_request *r, const struct client_result *res)
{
    struct outside *o = CONTAINER_OF(r, struct outside, request);
    struct outside_desk *d = o->desk;
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct json_writer w = json_writer(&text);
    bool good = res->cause == CAUSE_NONE;
    o->outcome = (struct outcome){.kind = good ? OUTCOME_DONE : OUTCOME_FAILED,
                                  .error = good ? STR_NULL : arena_str(o->arena, str_take(res->error, 500)),
                                  .retry_after_ms = res->retry_after_ms};
    if (o->outcome.retry_after_ms > RETRY_AFTER_MAX_MS)
        o->outcome.retry_after_ms = RETRY_AFTER_MAX_MS;
    if (res->http_status != 0) {
        json_w_object(&w);
        json_w_i64_at(&w, "status", res->http_status);
        write_body(o->arena, res->body, res->body_truncated, &w);
        json_w_object_end(&w);
        o->outcome.output = arena_str(o->arena, buf_str(&text));
    }
    buf_fini(&text);
    list_remove(&o->node);
    d->done(d->arg, o);
}

/* ---- the desk -----------------------------------------------------------------------------------------------------
 */

static void begin(struct loop_task *task)
{
    struct outside *o = CONTAINER_OF(task, struct outside, task);
    list_push_back(&o->desk->open, &o->node);
    o->request.on_done = on_answer;
    client_send(o->desk->client, &o->request);
}

void outside_send(struct outside_desk *d, struct outside *o)
{
    o->desk = d;
    o->task.run = begin;
    loop_post(d->loop, &o->task);
}

static void *run_desk(void *arg)
{
    struct outside_desk *d = arg;
    pthread_setname_np(pthread_self(), "outside");
    loop_run(d->loop);
    return NULL;
}

/* What is on the wire comes back without an outcome, and is not written. */
static void end(struct loop_task *task)
{
    struct outside_desk *d = CONTAINER_OF(task, struct outside_desk, end);
    for (struct list *n; (n = list_pop_front(&d->open)) != NULL;) {
        struct outside *o = CONTAINER_OF(n, struct outside, node);
        client_cancel(d->client, &o->request);
        outside_free(o);
    }
    loop_stop(d->loop);
}

struct outside_desk *outside_open(const struct client_config *c, void (*done)(void *arg, struct outside *o), void *arg,
                                  const char **why)
{
    struct outside_desk *d = mem_zalloc(1, sizeof *d);
    struct client_config config = *c;
    d->loop = config.loop = loop_new();
    d->done = done;
    d->arg = arg;
    list_init(&d->open);
    *why = "no event loop";
    d->client = d->loop != NULL ? client_new(&config, why) : NULL;
    if (d->client != NULL && pthread_create(&d->thread, NULL, run_desk, d) == 0)
        return d;
    if (d->client != NULL)
        client_free(d->client);
    loop_free(d->loop);
    free(d);
    return NULL;
}

void outside_close(struct outside_desk *d)
{
    d->end.run = end;
    loop_post(d->loop, &d->end);
    CHECK(pthread_join(d->thread, NULL) == 0);
    client_free(d->client);
    loop_free(d->loop);
    free(d);
}
