/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot route, POST /api/v1/app/{app_id}/msg: who asks, which workspace, what message, which endpoints; committed;
 * answered; handed over.
 *
 *   begin ─(token and workspace in memory)─────────▶ admit ─▶ append ─▶ committed ─▶ 202, hand-over
 *     └──(not)─▶ prepare on an API worker ─▶ prepared ─┘          ├─ stale: prepare again
 *                                                                 └─ a known idempotency key: ingest_again.c
 */
#include <stdlib.h>

#include "base/mem.h"
#include "serve/ingest.h"

#include "automation/run.h"
#include "serve/live.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

#define NO_APP "no such workspace" /* in the words of the other routes */

#define STALE_TRIES_MAX  8
#define ANSWER_BYTES_MAX (64u << 20)

/* A delivery on its way to the reactor that owns its endpoint. */
struct handover {
    struct loop_task task;
    struct reactor *to;
    const struct workspace *ws;
    struct body *body;
    struct store_target target;
};

bool ingest_matches(struct reactor *r, const struct http_request *q, struct str *app)
{
    struct str path = q->path;
    if (q->method != HTTP_M_POST)
        return false;
    if (str_find(path, '%') < path.len) {
        buf_clear(&r->scratch);
        path_normal(path, &r->scratch);
        path = buf_str(&r->scratch);
    }
    if (!str_starts(path, STR("/api/v1/app/")))
        return false;
    path = str_skip(path, 12);
    *app = str_split(&path, '/');
    return app->len > 0 && str_find(*app, '%') == app->len && (str_eq(path, STR("msg")) || str_eq(path, STR("msg/")));
}

static struct ingest *new_ingest(struct reactor *r, struct http_exchange *x)
{
    struct ingest *in = r->free_ingests;
    if (in != NULL) {
        r->free_ingests = in->next_free;
    } else {
        in = mem_zalloc(1, sizeof *in);
        in->arena = arena_new(4096);
    }
    in->reactor = r;
    in->exchange = x;
    in->ws = NULL;
    in->body = NULL;
    in->problems = STR_NULL;
    in->key.known = false;
    in->key_is_new = false;
    in->stale_tries = 0;
    in->why = NULL;
    return in;
}

void ingest_free(struct ingest *in)
{
    struct reactor *r = in->reactor;
    catalog_unref(in->ws);
    body_unref(in->body);
    arena_reset(in->arena);
    in->next_free = r->free_ingests;
    r->free_ingests = in;
}

void ingest_free_all(struct reactor *r)
{
    while (r->free_ingests != NULL) {
        struct ingest *in = r->free_ingests;
        r->free_ingests = in->next_free;
        arena_free(in->arena);
        free(in);
    }
}

/* ---- answers ---- */

void ingest_error(struct ingest *in, enum err e, const char *detail)
{
    serve_count_message(e);
    relay_error(in->exchange, e, detail);
    ingest_free(in);
}

static void answer_json(struct ingest *in, int status, struct buf *json)
{
    static const struct http_header headers[] = {{{"Content-Type", 12}, {"application/json", 16}},
                                                 {{"Access-Control-Allow-Origin", 27}, {"*", 1}}};
    metrics_count_answer(status);
    bool open = http_exchange_header(in->exchange, STR("Cookie")).ptr == NULL; /* to pages of others */
    http_respond(in->exchange, status, headers, open ? 2 : 1, buf_str(json));
}

void ingest_problems(struct ingest *in, const struct problems *problems)
{
    struct buf *out = &in->reactor->scratch;
    buf_clear(out);
    api_problems_json(problems, out);
    serve_count_message(ERR_INVALID);
    answer_json(in, err_http_status(ERR_INVALID), out);
    ingest_free(in);
}

static bool wants_content(const struct http_request *q)
{
    for (struct str rest = q->query; rest.len > 0;)
        if (str_eq(str_split(&rest, '&'), STR("with_content=false")))
            return false;
    return true;
}

void ingest_accepted(struct ingest *in, const struct message *m)
{
    struct buf *out = &in->reactor->scratch;
    buf_clear(out);
    message_out(m, in->reactor->shared->id_key, wants_content(http_exchange_request(in->exchange)), out);
    answer_json(in, 202, out);
}

/* ---- hand-over ---- */

static void hand_over(struct loop_task *task)
{
    struct handover *h = CONTAINER_OF(task, struct handover, task);
    pump_take(h->to, h->ws, h->body, &h->target);
    catalog_unref(h->ws);
    body_unref(h->body);
    free(h);
}

static void hand_over_all(struct ingest *in)
{
    struct reactor *r = in->reactor;
    for (size_t i = 0; i < in->append.target_count; i++) {
        const struct store_target *t = &in->append.targets[i];
        struct reactor *to = reactor_of(r->shared, t->ep);
        if (to == r) {
            pump_take(r, in->ws, in->body, t);
            continue;
        }
        struct handover *h = mem_alloc(sizeof *h);
        *h = (struct handover){
                .task = {.run = hand_over}, .to = to, .ws = in->ws, .body = body_ref(in->body), .target = *t};
        catalog_ref(in->ws);
        reactor_send(r, to, &h->task);
    }
}

static void prepare(struct ingest *in);

static void committed(struct store_op *op)
{
    struct ingest *in = CONTAINER_OF(op, struct ingest, append.op);
    if (op->result == ERR_STALE && ++in->stale_tries < STALE_TRIES_MAX) {
        body_unref(in->body);
        catalog_unref(in->ws);
        in->body = NULL;
        in->ws = NULL;
        prepare(in);
        return;
    }
    if (op->result == ERR_OK && in->key.known) {
        ingest_again(in);
        return;
    }
    if (op->result != ERR_OK) {
        ingest_error(in, op->result, op->result == ERR_CONFLICT ? "a message with this eventId exists already" : NULL);
        return;
    }
    serve_count_message(ERR_OK);
    ingest_accepted(in, &in->body->msg);
    live_message(in->reactor, &in->body->msg);
    hand_over_all(in);
    if (in->append.doc_count > 0)
        runner_wake(&in->reactor->shared->api);
    ingest_free(in);
}

/* ---- what was posted ---- */

/* The body of a message; another one under a known key does not matter. */
static bool parse(struct ingest *in, int64_t now_ms, struct message_in *m)
{
    const struct shared *s = in->reactor->shared;
    struct problems problems = PROBLEMS_INIT;
    struct json_error error;
    struct str actor = http_exchange_header(in->exchange, STR("Postrider-Actor"));
    enum err e = message_in_parse(in->arena, http_exchange_request(in->exchange)->body, actor, now_ms,
                                  s->settings->retention_payload_ms, m, &problems, &error);
    if (e != ERR_OK && in->has_key && !in->key_is_new) {
        ingest_again(in);
    } else if (e != ERR_OK) {
        struct buf *out = &in->reactor->scratch;
        buf_clear(out);
        if (e == ERR_SYNTAX)
            api_syntax_json(&error, out);
        else
            api_problems_json(&problems, out);
        serve_count_message(e);
        answer_json(in, err_http_status(e), out);
        ingest_free(in);
    }
    problems_fini(&problems);
    return e == ERR_OK;
}

static bool read_key(struct ingest *in)
{
    const struct http_request *q = http_exchange_request(in->exchange);
    struct str header = http_exchange_header(in->exchange, STR("idempotency-key"));
    struct problems problems = PROBLEMS_INIT;
    in->has_key = false;
    if (header.ptr == NULL)
        return true;
    struct str credential = api_credential(&in->reactor->shared->api, in->arena, q->headers, q->header_count);
    enum err e =
            idempotency_read(in->reactor->shared->id_key, header, credential, q->path, q->query, &problems, &in->key);
    in->has_key = e == ERR_OK;
    if (e == ERR_INVALID)
        ingest_problems(in, &problems);
    problems_fini(&problems);
    return e != ERR_INVALID;
}

/* Everything is known: check, match, render, append. */
void ingest_admit(struct ingest *in)
{
    struct reactor *r = in->reactor;
    int64_t now_ms = clock_wall_ms();
    struct message_in m;
    if (in->who.who.app != 0 && in->who.who.app != in->ws->app.id) {
        ingest_error(in, ERR_NOT_FOUND, NO_APP);
        return;
    }
    if (!api_may_send(&in->who.who, in->ws->app.id)) {
        ingest_error(in, ERR_FORBIDDEN, NULL);
        return;
    }
    if (!read_key(in) || !parse(in, now_ms, &m))
        return;
    struct match_facts facts = {.event_type = m.message.event_type,
                                .payload = m.message.content_type.ptr != NULL ? STR_NULL : m.message.payload};
    if (in->ws->types != NULL && !ingest_fits(in, &facts)) {
        match_facts_fini(&facts);
        return;
    }
    m.message.id = oid_next(&r->shared->oids, now_ms);
    m.message.env = in->ws->app.env;
    m.message.app = in->ws->app.id;
    if (m.message.actor.ptr == NULL)
        m.message.actor = api_actor(&r->shared->api, in->arena, &in->who.who);
    ingest_match(in, &facts, &m, now_ms);
    match_facts_fini(&facts);
    in->body = body_new(&m.message, r->shared->id_key);
    in->key.made = (struct store_made){.id = m.message.id, .what = MADE_MESSAGE, .status = 202};
    in->append.op = (struct store_op){
            .kind = STORE_APPEND, .key = in->has_key ? &in->key : NULL, .home = r->loop, .done = committed};
    in->append.message = &in->body->msg;
    in->append.app_version = in->ws->version;
    reactor_submit(r, &in->append.op);
}

/* ---- who and where ---- */

static void prepared(struct loop_task *task)
{
    struct ingest *in = CONTAINER_OF(task, struct ingest, task);
    if (in->prepared == ERR_INVALID && in->problems.ptr != NULL) {
        struct buf *out = &in->reactor->scratch;
        buf_clear(out);
        buf_add_str(out, in->problems);
        serve_count_message(ERR_INVALID);
        answer_json(in, err_http_status(ERR_INVALID), out);
        ingest_free(in);
        return;
    }
    if (in->prepared != ERR_OK) {
        ingest_error(in, in->prepared, in->why != NULL || in->prepared != ERR_NOT_FOUND ? in->why : NO_APP);
        return;
    }
    struct str authorization = http_exchange_header(in->exchange, STR("Authorization"));
    if (authorization.ptr != NULL) /* a cookie is looked at anew: it can end, and its request can be forged */
        auth_cache_put(in->reactor->auth, authorization, in->epoch, loop_now_ms(in->reactor->loop), &in->who.who,
                       in->who.env);
    ingest_admit(in);
}

/* The workspace is new: the message may bring it along. */
static enum err create_app(struct ingest *in, struct store_reader *reader, int64_t now_ms, oid_t *app)
{
    struct api_call call = {.arena = in->arena,
                            .reader = reader,
                            .body = http_exchange_request(in->exchange)->body,
                            .now_ms = now_ms,
                            .who = in->who.who,
                            .params = {in->app_text},
                            .problems = PROBLEMS_INIT};
    enum err e = api_app_of_message(&in->reactor->shared->api, &call, app);
    if (e == ERR_INVALID) {
        struct buf out = BUF_INIT(65536);
        api_problems_json(&call.problems, &out);
        in->problems = arena_str(in->arena, buf_str(&out));
        buf_fini(&out);
    }
    if (e == ERR_OK)
        in->who.env = call.env;
    problems_fini(&call.problems);
    return e;
}

static enum err look_up(struct ingest *in, struct store_reader *reader)
{
    const struct shared *s = in->reactor->shared;
    const struct http_request *q = http_exchange_request(in->exchange);
    int64_t now_ms = clock_wall_ms();
    oid_t app;
    struct api_call call = {.arena = in->arena,
                            .reader = reader,
                            .method = q->method,
                            .headers = q->headers,
                            .header_count = q->header_count,
                            .body = q->body,
                            .peer = q->peer,
                            .now_ms = now_ms};
    enum err e = api_identify(&s->api, &call, in->app_text, false, &in->why);
    in->who.who = call.who;
    if (e == ERR_OK)
        e = api_env(&s->api, reader, str_c(in->who.who.env), false, now_ms, &in->who.env);
    if (e == ERR_OK && in->who.env == 0)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = api_app_id(&s->api, reader, in->arena, in->who.env, in->app_text, &app);
    if (e == ERR_NOT_FOUND)
        e = create_app(in, reader, now_ms, &app);
    return e == ERR_OK ? catalog_load(s->catalog, reader, app, &in->ws) : e;
}

static void run_prepare(struct pool_job *job, struct store_reader *reader)
{
    struct ingest *in = CONTAINER_OF(job, struct ingest, job);
    in->prepared = look_up(in, reader);
    in->task.run = prepared;
    loop_post(in->reactor->loop, &in->task);
}

static void prepare(struct ingest *in)
{
    in->epoch = atomic_load(&in->reactor->shared->auth_epoch);
    in->job.run = run_prepare;
    if (in->reactor->cut)
        ingest_error(in, ERR_CLOSED, NULL);
    else if (!pool_submit(in->reactor->shared->workers, &in->job))
        ingest_error(in, ERR_BUSY, NULL);
}

/* The snapshot from memory, if the workspace is this environment's. */
static const struct workspace *find_workspace(struct ingest *in)
{
    const struct shared *s = in->reactor->shared;
    const struct workspace *ws = NULL;
    oid_t app;
    if (oid_parse(in->app_text, "app_", s->id_key, &app) == ERR_OK)
        ws = catalog_get(s->catalog, app);
    else
        ws = catalog_find(s->catalog, str_c(in->who.who.env), in->app_text);
    if (ws != NULL && ws->app.env != in->who.env) {
        catalog_unref(ws);
        ws = NULL;
    }
    return ws;
}

void ingest_begin(struct reactor *r, struct http_exchange *x, struct str app)
{
    struct ingest *in = new_ingest(r, x);
    struct str authorization = http_exchange_header(x, STR("Authorization"));
    const struct auth_entry *known =
            auth_cache_get(r->auth, authorization, atomic_load(&r->shared->auth_epoch), loop_now_ms(r->loop));
    in->app_text = str_find(http_exchange_request(x)->path, '%') < http_exchange_request(x)->path.len
                           ? arena_str(in->arena, app)
                           : app;
    if (known != NULL) {
        in->who = *known;
        in->who.who.name = known->who.name.ptr != NULL ? str_of(in->who.name, known->who.name.len) : STR_NULL;
        in->ws = find_workspace(in);
    }
    if (in->ws != NULL)
        ingest_admit(in);
    else
        prepare(in);
}
