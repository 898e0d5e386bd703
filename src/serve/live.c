/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/live.h"
#include "automation/run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

enum { STREAMS_MAX = 512, WAITING_MAX = 64 * 1024, EVENTS_PER_SECOND = 250, EVENT_MAX = 4096, ANSWER_MAX = 1 << 16 };

struct listener {
    struct list link; /* reactor.live */
    struct reactor *reactor;
    struct http_stream *stream; /* NULL: gone, and only the check holds it */
    struct arena *arena;        /* the request */
    struct api_call ask;
    oid_t env;
    oid_t app;
    bool lagged;
    bool checking;
    bool allowed; /* what the check found */
    int64_t second;
    int in_second;
    struct pool_job job;
    struct loop_task task;
};

struct event {
    struct loop_task task;
    struct reactor *reactor;
    oid_t env;
    oid_t app;
    size_t len;
    char text[];
};

/* ---- who watches what -------------------------------------------------------------------------------------------- */

static atomic_uint *counter_of(struct shared *s, oid_t name)
{
    return &s->live.by_name[hash_u64((uint64_t)name) % ARRAY_LEN(s->live.by_name)];
}

static bool is_watched(struct shared *s, oid_t env, oid_t app)
{
    return atomic_load_explicit(&s->live.streams, memory_order_relaxed) != 0 &&
           (atomic_load(counter_of(s, app)) != 0 || atomic_load(counter_of(s, env)) != 0);
}

static void count(struct listener *l, unsigned by)
{
    struct shared *s = l->reactor->shared;
    atomic_fetch_add(&s->live.streams, by);
    atomic_fetch_add(&l->reactor->live_count, by);
    atomic_fetch_add(counter_of(s, l->app != 0 ? l->app : l->env), by);
}

static void free_listener(struct listener *l)
{
    arena_free(l->arena);
    free(l);
}

static void on_gone(void *arg)
{
    struct listener *l = arg;
    list_remove(&l->link);
    count(l, -1u);
    l->stream = NULL;
    if (!l->checking)
        free_listener(l);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* A stream that cannot keep up, or that so much happens in that nobody could read it, is told less. */
static void tell(struct listener *l, struct str text)
{
    int64_t second = loop_now_ms(l->reactor->loop) / 1000;
    if (second != l->second) {
        l->second = second;
        l->in_second = 0;
    }
    bool room = l->in_second < EVENTS_PER_SECOND;
    if (room && l->lagged)
        l->lagged = !http_stream_write(l->stream, STR("event: lagged\ndata: {}\n\n"));
    if (!room || l->lagged || !http_stream_write(l->stream, text))
        l->lagged = true;
    l->in_second++;
}

static void tell_all(struct reactor *r, oid_t env, oid_t app, struct str text)
{
    for (LIST_EACH(n, &r->live)) {
        struct listener *l = CONTAINER_OF(n, struct listener, link);
        if (l->app != 0 ? l->app == app : l->env == env)
            tell(l, text);
    }
}

static void run_event(struct loop_task *task)
{
    struct event *e = CONTAINER_OF(task, struct event, task);
    tell_all(e->reactor, e->env, e->app, str_of(e->text, e->len));
    free(e);
}

/* To every reactor with streams; from: the one whose thread this is, NULL: none. */
static void publish(struct shared *s, struct reactor *from, oid_t env, oid_t app, struct str text)
{
    for (unsigned i = 0; i < s->reactor_count; i++) {
        struct reactor *to = &s->reactors[i];
        if (atomic_load(&to->live_count) == 0)
            continue;
        if (to == from) {
            tell_all(to, env, app, text);
            continue;
        }
        struct event *e = mem_alloc(sizeof *e + text.len);
        *e = (struct event){.task = {.run = run_event}, .reactor = to, .env = env, .app = app, .len = text.len};
        memcpy(e->text, text.ptr, text.len);
        if (from != NULL)
            reactor_send(from, to, &e->task);
        else
            loop_post(to->loop, &e->task);
    }
}

static struct json_writer begin(struct shared *s, const char *kind, oid_t id, const char *prefix, oid_t app,
                                struct buf *out)
{
    char text[OID_TEXT_SIZE];
    buf_addf(out, "event: %s\ndata: ", kind);
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    oid_format(id, prefix, s->id_key, text);
    json_w_str_at(&w, "id", str_c(text));
    oid_format(app, "app_", s->id_key, text);
    json_w_str_at(&w, "appId", str_c(text));
    return w;
}

static void end(struct shared *s, struct reactor *from, oid_t env, oid_t app, struct json_writer *w)
{
    json_w_object_end(w);
    buf_add_str(w->out, STR("\n\n"));
    if (!w->out->overflow)
        publish(s, from, env, app, buf_str(w->out));
    buf_fini(w->out);
}

void live_message(struct reactor *r, const struct message *m)
{
    struct shared *s = r->shared;
    struct buf out = BUF_INIT(EVENT_MAX);
    if (!is_watched(s, m->env, m->app))
        return;
    struct json_writer w = begin(s, "message", m->id, "msg_", m->app, &out);
    json_w_str_at(&w, "eventType", m->event_type);
    json_w_time_at(&w, "timestamp", oid_time_ms(m->id));
    end(s, r, m->env, m->app, &w);
}

void live_attempt(struct reactor *r, oid_t env, const struct attempt *t)
{
    struct shared *s = r->shared;
    struct buf out = BUF_INIT(EVENT_MAX);
    char id[OID_TEXT_SIZE];
    if (!is_watched(s, env, t->app))
        return;
    struct json_writer w = begin(s, "attempt", t->id, "atmpt_", t->app, &out);
    oid_format(t->msg, "msg_", s->id_key, id);
    json_w_str_at(&w, "msgId", str_c(id));
    oid_format(t->ep, "ep_", s->id_key, id);
    json_w_str_at(&w, "endpointId", str_c(id));
    json_w_i64_at(&w, "status", t->status);
    json_w_i64_at(&w, "responseStatusCode", t->http_status);
    json_w_time_at(&w, "timestamp", t->started_ms);
    end(s, r, env, t->app, &w);
}

void live_endpoint(struct shared *s, oid_t env, oid_t app, oid_t ep)
{
    struct buf out = BUF_INIT(EVENT_MAX);
    if (!is_watched(s, env, app))
        return;
    struct json_writer w = begin(s, "endpoint", ep, "ep_", app, &out);
    end(s, NULL, env, app, &w);
}

void live_request(struct shared *s, oid_t env, oid_t app, oid_t trigger, oid_t request)
{
    struct buf out = BUF_INIT(EVENT_MAX);
    char id[OID_TEXT_SIZE];
    if (!is_watched(s, env, app))
        return;
    struct json_writer w = begin(s, "request", request, doc_prefix(DOC_REQUEST), app, &out);
    oid_format(trigger, object_prefix(OBJ_TRIGGER), s->id_key, id);
    json_w_str_at(&w, "triggerId", str_c(id));
    end(s, NULL, env, app, &w);
}

/* Whoever changes runs knows no environment: it is read, once somebody watches anything. */
void live_run(struct shared *s, struct store_reader *r, oid_t env, oid_t app, const struct doc *run)
{
    struct buf out = BUF_INIT(EVENT_MAX);
    char id[OID_TEXT_SIZE];
    struct object o;
    if (atomic_load_explicit(&s->live.streams, memory_order_relaxed) == 0)
        return;
    struct arena *a = arena_new(4096);
    if (env == 0 && store_get_object(r, a, OBJ_APP, app, &o) == ERR_OK)
        env = o.env;
    if (env != 0 && is_watched(s, env, app)) {
        struct json_writer w = begin(s, "run", run->id, doc_prefix(DOC_RUN), app, &out);
        oid_format(run->ref, object_prefix(OBJ_AUTOMATION), s->id_key, id);
        json_w_str_at(&w, "automationId", str_c(id));
        json_w_str_at(&w, "status", str_c(run_status_name((enum run_status)run->status)));
        if (run->about != 0) {
            oid_format(run->about, doc_prefix(DOC_RECORD), s->id_key, id);
            json_w_str_at(&w, "target", str_c(id));
        }
        end(s, NULL, env, app, &w);
    }
    arena_free(a);
}

/* ---- whether they still may -------------------------------------------------------------------------------------- */

static void checked(struct loop_task *task)
{
    struct listener *l = CONTAINER_OF(task, struct listener, task);
    l->checking = false;
    if (l->stream == NULL)
        free_listener(l);
    else if (!l->allowed)
        http_stream_end(l->stream);
}

static void run_check(struct pool_job *job, struct store_reader *reader)
{
    struct listener *l = CONTAINER_OF(job, struct listener, job);
    struct api_call call = l->ask;
    call.arena = arena_new(16384);
    call.reader = reader;
    call.now_ms = clock_wall_ms();
    call.problems = PROBLEMS_INIT;
    call.out = BUF_INIT(ANSWER_MAX);
    api_handle(&l->reactor->shared->api, &call);
    /* Trouble of the store says nothing about rights: the next beat asks again. */
    l->allowed = call.status >= 500 || (call.live.on && call.live.env == l->env && call.live.app == l->app);
    buf_fini(&call.out);
    problems_fini(&call.problems);
    arena_free(call.arena);
    l->task.run = checked;
    loop_post(l->reactor->loop, &l->task);
}

static void check_all(struct reactor *r)
{
    for (LIST_EACH(n, &r->live)) {
        struct listener *l = CONTAINER_OF(n, struct listener, link);
        if (l->checking || r->cut)
            continue;
        l->job.run = run_check;
        l->checking = pool_submit(r->shared->workers, &l->job);
    }
}

struct recheck {
    struct loop_task task;
    struct reactor *reactor;
};

static void run_recheck(struct loop_task *task)
{
    struct recheck *c = CONTAINER_OF(task, struct recheck, task);
    check_all(c->reactor);
    free(c);
}

void live_recheck(struct shared *s)
{
    for (unsigned i = 0; i < s->reactor_count; i++) {
        if (atomic_load(&s->reactors[i].live_count) == 0)
            continue;
        struct recheck *c = mem_zalloc(1, sizeof *c);
        c->task.run = run_recheck;
        c->reactor = &s->reactors[i];
        loop_post(c->reactor->loop, &c->task);
    }
}

void live_beat(struct loop_timer *timer)
{
    struct reactor *r = CONTAINER_OF(timer, struct reactor, live_timer);
    for (LIST_EACH(n, &r->live)) {
        struct listener *l = CONTAINER_OF(n, struct listener, link);
        if (l->lagged)
            l->lagged = !http_stream_write(l->stream, STR("event: lagged\ndata: {}\n\n"));
        else if (!http_stream_write(l->stream, STR(":\n\n")))
            l->lagged = true;
    }
    check_all(r);
    if (!list_empty(&r->live))
        loop_timer_set(r->loop, timer, loop_now_ms(r->loop) + LIVE_BEAT_MS);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* What the request is asked again with. */
static void keep_ask(struct listener *l, const struct api_call *call)
{
    static const char *const kept[] = {"Authorization", "Cookie", "Postrider-Environment"};
    struct http_header *headers = arena_alloc(l->arena, ARRAY_LEN(kept) * sizeof *headers);
    size_t n = 0;
    for (size_t i = 0; i < call->header_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(kept) && n < ARRAY_LEN(kept); k++)
            if (str_eq_nocase(call->headers[i].name, str_c(kept[k])))
                headers[n++] = (struct http_header){.name = str_c(kept[k]),
                                                    .value = arena_str(l->arena, call->headers[i].value)};
    l->ask = (struct api_call){.method = call->method,
                               .path = arena_str(l->arena, call->path),
                               .query = arena_str(l->arena, call->query),
                               .headers = headers,
                               .header_count = n,
                               .peer = arena_str(l->arena, call->peer),
                               .unseen = true};
}

void live_open(struct reactor *r, struct http_exchange *x, const struct api_call *call)
{
    if (atomic_load(&r->live_count) >= STREAMS_MAX) {
        relay_error(x, ERR_BUSY, "too many live streams");
        return;
    }
    struct listener *l = mem_zalloc(1, sizeof *l);
    struct http_stream_config c = {.waiting_bytes_max = WAITING_MAX, .on_gone = on_gone, .arg = l};
    l->reactor = r;
    l->arena = arena_new(2048);
    l->env = call->live.env;
    l->app = call->live.app;
    keep_ask(l, call);
    metrics_count_answer(call->status);
    l->stream = http_stream_open(x, call->status, call->out_headers, call->out_header_count, &c);
    if (l->stream == NULL) {
        free_listener(l);
        return;
    }
    list_init(&l->link);
    list_push_back(&r->live, &l->link);
    count(l, 1);
    tell(l, STR("retry: 2000\n: listening\n\n"));
    if (!heap_on(&r->live_timer.node))
        loop_timer_set(r->loop, &r->live_timer, loop_now_ms(r->loop) + LIVE_BEAT_MS);
}
