/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumers: names under which somebody polls, whose places the store remembers. A DOC_CONSUMER of the endpoint, made
 * by the first poll.
 *
 *   poller            what a poll answers is read: the next one goes on behind it
 *   polling-endpoint  what a poll hands out is leased until it is committed or the lease is over; then it is handed out
 *                     again, under the same offsets. Offsets count the messages of this consumer, from 1
 *
 * A place is written before its messages are answered, at the version that was read: two polls at once get different
 * messages. Who lost an answer polls with the iterator of the one before.
 */
#include "api/describe.h"
#include "api/idempotency.h"
#include "api/poll.h"
#include "api/routes.h"
#include "base/time.h"

#define CONSUMERS_MAX  100
#define LEASE_MS       30000
#define LEASE_MAX_MS   ((int64_t)12 * 3600 * 1000)
#define BODY_BYTES_MAX 65536

struct consumer {
    struct doc doc;  /* id 0: not made yet */
    oid_t at;        /* read and committed up to here */
    int64_t offset;  /* of the message there */
    int64_t *leased; /* ids of those that were handed out behind it */
    size_t leased_count;
    oid_t next; /* the place behind them */
    int64_t lease_ms;
};

struct seek_in {
    int64_t after_ms;
};
struct commit_in {
    int64_t offset;
};

const struct field poller_seek_fields[] = {
        {.name = "after", .kind = FIELD_TIME, .flags = FIELD_REQUIRED, .at = offsetof(struct seek_in, after_ms)}};
const size_t poller_seek_field_count = ARRAY_LEN(poller_seek_fields);
const struct field poller_commit_fields[] = {
        {.name = "offset", .kind = FIELD_MS, .at = offsetof(struct commit_in, offset), .min = 0}};
const size_t poller_commit_field_count = ARRAY_LEN(poller_commit_fields);

/* ---- stored -------------------------------------------------------------------------------------------------------
 */

static struct str encode(struct arena *a, const struct consumer *c)
{
    struct buf out = BUF_INIT(BODY_BYTES_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_i64_at(&w, "at", c->at);
    json_w_i64_at(&w, "offset", c->offset);
    json_w_i64_at(&w, "next", c->next);
    json_w_i64_at(&w, "lease", c->lease_ms);
    json_w_name(&w, STR("leased"));
    json_w_array(&w);
    for (size_t i = 0; i < c->leased_count; i++)
        json_w_i64(&w, c->leased[i]);
    json_w_array_end(&w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return body;
}

static enum err decode(struct arena *a, struct consumer *c)
{
    struct json *body;
    if (json_parse(a, c->doc.body, &body, NULL) != ERR_OK)
        return ERR_INTERNAL;
    const struct json *leased = json_get(body, STR("leased"));
    if (leased == NULL || !json_as_i64(json_get(body, STR("at")), &c->at) ||
        !json_as_i64(json_get(body, STR("offset")), &c->offset) ||
        !json_as_i64(json_get(body, STR("next")), &c->next) || !json_as_i64(json_get(body, STR("lease")), &c->lease_ms))
        return ERR_INTERNAL;
    c->leased = arena_alloc(a, (leased->count + 1) * sizeof *c->leased);
    for (const struct json *i = leased->child; i != NULL; i = i->next)
        c->leased_count += json_as_i64(i, &c->leased[c->leased_count]);
    return ERR_OK;
}

/* The consumer of params[2]; id 0: a new one. False: answered. */
static bool find(struct api_call *call, const struct poller *p, struct consumer *out)
{
    struct str name = call->params[2];
    *out = (struct consumer){.at = p->ep->id};
    if (name.len > 256 || !chars_fit(CHARS_ID, name))
        problem_add(&call->problems, "path", STR("consumer_id"), STR_NULL, "value_error.pattern",
                    "may hold letters, digits, -, _ and . only, 256 at most");
    if (!call_fits(call))
        return false;
    enum err e = store_find_doc(call->reader, call->arena, DOC_CONSUMER, p->ws->app.id, p->ep->id, name, &out->doc);
    if (e == ERR_OK)
        e = decode(call->arena, out);
    return e == ERR_NOT_FOUND || answer_ok(call, e);
}

/* There is room for one more. False: answered. */
static bool may_add(struct api_call *call, const struct poller *p)
{
    struct doc *docs;
    size_t count;
    struct doc_query q = {.kind = DOC_CONSUMER, .app = p->ws->app.id, .ref = p->ep->id, .limit = CONSUMERS_MAX};
    if (!answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return false;
    if (count >= CONSUMERS_MAX)
        answer_error(call, ERR_CONFLICT, "the endpoint has as many consumers as it may have");
    return count < CONSUMERS_MAX;
}

/* False: answered; somebody else was here meanwhile, and the handler starts over. */
static bool save(struct api *api, struct api_call *call, const struct poller *p, struct consumer *c)
{
    bool is_new = c->doc.id == 0;
    if (is_new && !may_add(call, p))
        return false;
    struct doc_change change = {
            .change = is_new ? DOC_CREATE : DOC_UPDATE, .doc = c->doc, .expected_version = c->doc.version};
    if (is_new)
        change.doc = (struct doc){.id = oid_next(api->oids, call->now_ms),
                                  .kind = DOC_CONSUMER,
                                  .app = p->ws->app.id,
                                  .ref = p->ep->id,
                                  .key = call->params[2],
                                  .created_ms = call->now_ms};
    change.doc.body = encode(call->arena, c);
    change.doc.updated_ms = call->now_ms;
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = p->ws->app.id, .changes = &change, .count = 1};
    enum err e = call_run(api, call, &op.op);
    return answer_ok(call, e == ERR_CONFLICT || e == ERR_NOT_FOUND ? ERR_STALE : e);
}

/* Nothing is handed out. */
static void forget_lease(struct consumer *c)
{
    c->leased_count = 0;
    c->lease_ms = 0;
    c->next = c->at;
}

/* False: answered. */
static bool is_free(struct api_call *call, const struct consumer *c)
{
    char until[TIME_TEXT_SIZE];
    if (c->lease_ms <= call->now_ms)
        return true;
    time_format(c->lease_ms, until);
    answer_error(call, ERR_CONFLICT,
                 arena_printf(call->arena,
                              "messages are leased to this consumer until %s: commit their offset, or wait", until)
                         .ptr);
    return false;
}

/* ---- poller -------------------------------------------------------------------------------------------------------
 */

static void consumer_poll(struct api *api, struct api_call *call, struct poller *p)
{
    struct consumer c;
    struct poll q = {.app = p->ws->app.id, .ep = p->ep};
    if (!find(call, p, &c) || !is_free(call, &c))
        return;
    poll_query(api, call, c.at, &q);
    if (!call_fits(call) || !answer_ok(call, poll_read(api, call, &q)))
        return;
    bool moved = c.doc.id == 0 || q.next != c.at || c.leased_count > 0;
    c.at = q.next;
    c.offset += (int64_t)q.count;
    forget_lease(&c);
    if (!moved || save(api, call, p, &c))
        poller_answer(api, call, p, &q);
}

/* A look at the headers of an answer must not lose what is in it. False: answered. */
static bool takes(struct api_call *call)
{
    if (call->method == HTTP_M_HEAD)
        answer_error(call, ERR_METHOD, NULL);
    return call->method != HTTP_M_HEAD;
}

void poller_consumer_poll(struct api *api, struct api_call *call)
{
    struct poller p;
    if (!takes(call) || !poller_begin(api, call, &p))
        return;
    consumer_poll(api, call, &p);
    poller_end(&p);
}

static void consumer_seek(struct api *api, struct api_call *call, struct poller *p, int64_t after_ms)
{
    struct consumer c;
    if (!find(call, p, &c))
        return;
    c.at = poll_place_at(after_ms);
    forget_lease(&c);
    if (!save(api, call, p, &c))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "iterator", poll_iterator(api, call, c.at));
    json_w_object_end(&w);
}

void poller_consumer_seek(struct api *api, struct api_call *call)
{
    struct poller p;
    struct seek_in in = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, poller_seek_fields, poller_seek_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (!call_fits(call) || !poller_begin(api, call, &p))
        return;
    consumer_seek(api, call, &p, in.after_ms);
    poller_end(&p);
}

/* ---- polling-endpoint ---------------------------------------------------------------------------------------------
 */

static void answer_leased(struct api *api, struct api_call *call, struct poller *p, const struct consumer *c,
                          const struct poll *q)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < q->count; i++) {
        json_w_object(&w);
        json_w_i64_at(&w, "offset", c->offset + 1 + (int64_t)i);
        poller_write(api, call, p, &q->messages[i], &w);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_bool_at(&w, "done", q->done);
    json_w_object_end(&w);
}

/* What was found is handed out; what was only passed over is read. */
static void lease(struct api_call *call, struct consumer *c, const struct poll *q, int64_t lease_ms)
{
    if (q->count == 0)
        c->at = q->next;
    forget_lease(c);
    c->next = q->next;
    c->leased = arena_alloc(call->arena, (q->count + 1) * sizeof *c->leased);
    for (size_t i = 0; i < q->count; i++)
        c->leased[c->leased_count++] = q->messages[i].id;
    c->lease_ms = q->count > 0 && lease_ms > 0 ? call->now_ms + lease_ms : 0;
}

static void lease_poll(struct api *api, struct api_call *call, struct poller *p)
{
    struct consumer c;
    struct poll q = {.app = p->ws->app.id, .ep = p->ep};
    int64_t limit = query_int(call, "limit", 0, INT32_MAX, POLL_LIMIT);
    int64_t lease_ms = query_int(call, "lease_duration_ms", 0, LEASE_MAX_MS, LEASE_MS);
    struct str start = query_text(call, "starting_position");
    if (start.len > 0 && !str_eq(start, STR("earliest")) && !str_eq(start, STR("latest")))
        problem_add(&call->problems, "query", STR("starting_position"), STR_NULL, "value_error",
                    "must be earliest or latest");
    if (!call_fits(call) || !find(call, p, &c) || !is_free(call, &c))
        return;
    bool is_new = c.doc.id == 0;
    if (is_new && str_eq(start, STR("latest")) && !answer_ok(call, poll_latest(api, call, q.app, c.at, &c.at)))
        return;
    q.from = c.at;
    q.limit = limit == 0 ? POLL_LIMIT : limit < POLL_LIMIT_MAX ? (size_t)limit : POLL_LIMIT_MAX;
    if (!answer_ok(call, poll_read(api, call, &q)))
        return;
    bool moved = is_new || q.count > 0 || q.next != c.at || c.leased_count > 0;
    lease(call, &c, &q, lease_ms);
    if (!moved || save(api, call, p, &c))
        answer_leased(api, call, p, &c, &q);
}

void polling_consumer_poll(struct api *api, struct api_call *call)
{
    struct poller p;
    if (!takes(call) || !poller_begin(api, call, &p))
        return;
    lease_poll(api, call, &p);
    poller_end(&p);
}

static void commit(struct api *api, struct api_call *call, struct poller *p, int64_t offset)
{
    struct consumer c;
    if (!find(call, p, &c))
        return;
    if (c.doc.id == 0) {
        answer_error(call, ERR_NOT_FOUND, "no such consumer");
        return;
    }
    if (offset > c.offset + (int64_t)c.leased_count) {
        call_problem(call, "offset", "value_error.range", "was not handed out to this consumer");
        call_fits(call);
        return;
    }
    call_made(call, MADE_NOTHING, 0, 204);
    if (offset <= c.offset) { /* it was committed before */
        answer_empty(call);
        return;
    }
    size_t n = (size_t)(offset - c.offset);
    c.offset = offset;
    c.at = n < c.leased_count ? c.leased[n - 1] : c.next;
    c.leased += n;
    c.leased_count -= n;
    if (c.leased_count == 0)
        forget_lease(&c);
    if (save(api, call, p, &c))
        answer_empty(call);
}

void polling_consumer_commit(struct api *api, struct api_call *call)
{
    struct poller p;
    struct commit_in in = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, poller_commit_fields, poller_commit_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (json_get(body, STR("offset")) == NULL)
        call_problem(call, "offset", "value_error.missing", "is missing");
    if (!call_fits(call) || !poller_begin(api, call, &p))
        return;
    commit(api, call, &p, in.offset);
    poller_end(&p);
}

enum err poller_forget_consumers(struct api *api, struct api_call *call, const struct endpoint *ep)
{
    struct doc *docs;
    size_t count;
    struct doc_query q = {.kind = DOC_CONSUMER, .app = ep->app, .ref = ep->id, .limit = CONSUMERS_MAX};
    enum err e = store_list_docs(call->reader, call->arena, &q, &docs, &count);
    if (e != ERR_OK || count == 0)
        return e;
    struct doc_change *changes = arena_zalloc(call->arena, count * sizeof *changes);
    for (size_t i = 0; i < count; i++)
        changes[i] = (struct doc_change){.change = DOC_DELETE, .doc = docs[i]};
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = ep->app, .changes = changes, .count = count};
    return store_run(api->store, &op.op);
}
