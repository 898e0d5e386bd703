/* SPDX-License-Identifier: Apache-2.0 */
/* What customers see of a trigger: its requests, the sample that its automation is built with, its variables; another
 * URL for it. */
#include "api/idempotency.h"
#include "api/routes.h"
#include "api/trigger_in.h"
#include "api/trigger_url.h"
#include "base/time.h"
#include "incoming/variables.h"
#include "model/config.h"

#define SHOWN_BODY_MAX  16384 /* bytes of a body in a list */
#define WALK_MAX        2000  /* requests looked at for one page of samples */
#define GRACE_MAX_S     604800
#define GRACE_DEFAULT_S 0

/* ---- finding -------------------------------------------------------------------------------------------------------
 */

/* The trigger of params[1] in the workspace. False: answered. */
static bool call_trigger(struct api *api, struct api_call *call, struct object *o, struct trigger *t)
{
    struct app app;
    oid_t id = 0;
    if (!call_app(api, call, &app))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_TRIGGER), api->id_key, &id);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_TRIGGER, id, o);
    if (e == ERR_OK && (o->deleted_ms != 0 || o->app != app.id))
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such trigger");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, trigger_decode(call->arena, api->keys, o, t));
}

/* That of the automation of params[1]. False: answered. */
static bool call_automation_trigger(struct api *api, struct api_call *call, struct object *o, struct trigger *t)
{
    struct app app;
    struct object automation;
    oid_t id = 0;
    if (!call_app(api, call, &app))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_AUTOMATION), api->id_key, &id);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_AUTOMATION, id, &automation);
    if (e == ERR_OK && (automation.deleted_ms != 0 || automation.app != app.id))
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such automation");
        return false;
    }
    struct trigger_owner of = {app.env, app.id, id};
    if (e == ERR_OK)
        e = trigger_find(call->reader, call->arena, &of, o);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "the automation has no trigger that takes requests");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, trigger_decode(call->arena, api->keys, o, t));
}

/* ---- requests ------------------------------------------------------------------------------------------------------
 */

static enum err load_request(struct store_reader *r, struct arena *a, const struct trigger *t, oid_t id,
                             struct request *out)
{
    struct doc d;
    enum err e = store_get_doc(r, a, DOC_REQUEST, id, &d);
    if (e == ERR_OK && (d.app != t->app || d.ref != t->id))
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? request_decode(a, &d, out) : e;
}

static const char *outcome_name(enum request_outcome o)
{
    switch (o) {
    case REQUEST_ACCEPTED:
        return "accepted";
    case REQUEST_CAPTURED:
        return "captured";
    case REQUEST_DUPLICATE:
        return "duplicate";
    case REQUEST_REFUSED:
        return "refused";
    }
    return "refused";
}

/* The body as a run would see it; of what cannot be read its text. */
static void write_body(struct api_call *call, const struct request *r, bool whole, struct json_writer *w)
{
    struct str json;
    struct json *tree;
    if (!whole && r->size > SHOWN_BODY_MAX)
        json_w_null_at(w, "body");
    else if (request_trigger_json(call->arena, r, &json) == ERR_OK &&
             json_parse(call->arena, json, &tree, NULL) == ERR_OK)
        json_w_raw_at(w, "body", json_get(tree, STR("body"))->raw);
    else
        json_w_str_at(w, "body", r->body);
}

static void write_request(const struct api *api, struct api_call *call, const struct request *r, bool whole,
                          struct json_writer *w)
{
    json_w_str_at(w, "id", api_id(api, call, r->id, doc_prefix(DOC_REQUEST)));
    json_w_time_at(w, "receivedAt", r->received_ms);
    json_w_str_at(w, "outcome", str_c(outcome_name(r->outcome)));
    json_w_i64_at(w, "status", r->status);
    json_w_opt_str_at(w, "reason", r->why);
    json_w_opt_str_at(w, "runId", r->run != 0 ? api_id(api, call, r->run, doc_prefix(DOC_RUN)) : STR_NULL);
    json_w_str_at(w, "method", r->method);
    json_w_raw_at(w, "headers", r->headers);
    json_w_raw_at(w, "query", r->query);
    json_w_opt_str_at(w, "contentType", r->type);
    json_w_opt_str_at(w, "address", r->peer);
    json_w_i64_at(w, "size", r->size);
    write_body(call, r, whole, w);
}

/* What a page is written from. */
struct listed {
    const struct trigger *trigger;
    const struct request *requests;
    oid_t sample; /* the one in force */
};

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->requests[i].id, doc_prefix(DOC_REQUEST));
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    json_w_object(w);
    write_request(api, call, &l->requests[i], false, w);
    json_w_object_end(w);
}

static void write_sample(const struct api *api, struct api_call *call, const void *items, size_t i,
                         struct json_writer *w)
{
    const struct listed *l = items;
    json_w_object(w);
    write_request(api, call, &l->requests[i], false, w);
    json_w_bool_at(w, "selected", l->requests[i].id == l->sample);
    json_w_object_end(w);
}

static bool may_be_sample(const struct request *r)
{
    return r->outcome == REQUEST_ACCEPTED || r->outcome == REQUEST_CAPTURED;
}

/* A page of a trigger's requests; samples: only those that may be one. False: answered. */
static bool list_requests(struct api *api, struct api_call *call, const struct trigger *t, bool samples,
                          struct page *page, struct request **out, size_t *n)
{
    size_t seen = 0, count = 0;
    *n = 0;
    if (!page_read(api, call, doc_prefix(DOC_REQUEST), PAGE_DESCENDING, page))
        return false;
    struct request *list = arena_alloc(call->arena, (page->limit + 1) * sizeof *list);
    struct doc_query q = {.kind = DOC_REQUEST,
                          .app = t->app,
                          .ref = t->id,
                          .descending = page_asks_descending(page),
                          .after = page->at,
                          .limit = page->limit + 1};
    do {
        struct doc *docs;
        if (!answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
            return false;
        for (size_t i = 0; i < count && *n <= page->limit; i++, seen++) {
            if (!answer_ok(call, request_decode(call->arena, &docs[i], &list[*n])))
                return false;
            q.after = docs[i].id;
            *n += !samples || may_be_sample(&list[*n]);
        }
    } while (*n <= page->limit && count == q.limit && seen < WALK_MAX);
    if (*n <= page->limit && count == q.limit)
        page->stopped = api_id(api, call, q.after, doc_prefix(DOC_REQUEST));
    *out = list;
    return true;
}

void trigger_request_list(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct page page;
    struct request *list;
    size_t n;
    if (!call_trigger(api, call, &o, &t) || !list_requests(api, call, &t, false, &page, &list, &n))
        return;
    struct listed l = {.trigger = &t, .requests = list};
    answer_page(api, call, &(struct page_items){&page, n, &l, write_item, name_item});
}

void trigger_request_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct request r;
    oid_t id = 0;
    if (!call_trigger(api, call, &o, &t))
        return;
    enum err e = oid_parse(call->params[2], doc_prefix(DOC_REQUEST), api->id_key, &id);
    if (e == ERR_OK)
        e = load_request(call->reader, call->arena, &t, id, &r);
    if (!answer_ok(call, e))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    write_request(api, call, &r, true, &w);
    json_w_object_end(&w);
}

/* ---- samples -------------------------------------------------------------------------------------------------------
 */

/* The newest that may be one. */
static enum err find_newest(struct store_reader *r, struct arena *a, const struct trigger *t, struct request *out)
{
    struct doc_query q = {.kind = DOC_REQUEST, .app = t->app, .ref = t->id, .descending = true, .limit = 10};
    size_t count, seen = 0;
    do {
        struct doc *docs;
        enum err e = store_list_docs(r, a, &q, &docs, &count);
        for (size_t i = 0; e == ERR_OK && i < count; i++, seen++) {
            e = request_decode(a, &docs[i], out);
            if (e == ERR_OK && may_be_sample(out))
                return ERR_OK;
            q.after = docs[i].id;
        }
        if (e != ERR_OK)
            return e;
    } while (count == q.limit && seen < WALK_MAX);
    return ERR_NOT_FOUND;
}

/* The one that was chosen, or the newest. */
static enum err find_sample(struct store_reader *r, struct arena *a, const struct trigger *t, struct request *out)
{
    enum err e = t->sample != 0 ? load_request(r, a, t, t->sample, out) : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? find_newest(r, a, t, out) : e;
}

enum err trigger_sample(const struct api *api, struct store_reader *r, struct arena *a, const struct object *trigger,
                        oid_t *request, struct str *trigger_json)
{
    struct trigger t;
    struct request rq;
    enum err e = trigger_decode(a, api->keys, trigger, &t);
    if (e == ERR_OK)
        e = find_sample(r, a, &t, &rq);
    if (e == ERR_OK)
        e = request_trigger_json(a, &rq, trigger_json);
    if (e == ERR_OK)
        *request = rq.id;
    return e;
}

enum err trigger_request(const struct api *api, struct store_reader *r, struct arena *a, const struct object *trigger,
                         oid_t request, struct str *trigger_json)
{
    struct trigger t;
    struct request rq;
    enum err e = trigger_decode(a, api->keys, trigger, &t);
    if (e == ERR_OK)
        e = load_request(r, a, &t, request, &rq);
    return e == ERR_OK ? request_trigger_json(a, &rq, trigger_json) : e;
}

void automation_sample_list(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct page page;
    struct request *list, sample = {.id = 0};
    size_t n;
    if (!call_automation_trigger(api, call, &o, &t) || !list_requests(api, call, &t, true, &page, &list, &n))
        return;
    enum err e = find_sample(call->reader, call->arena, &t, &sample);
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return;
    struct listed l = {.trigger = &t, .requests = list, .sample = e == ERR_OK ? sample.id : 0};
    answer_page(api, call, &(struct page_items){&page, n, &l, write_sample, name_item});
}

void automation_sample_use(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct request r;
    oid_t id = 0;
    if (!call_automation_trigger(api, call, &o, &t))
        return;
    enum err e = oid_parse(call->params[2], doc_prefix(DOC_REQUEST), api->id_key, &id);
    if (e == ERR_OK)
        e = load_request(call->reader, call->arena, &t, id, &r);
    if (e == ERR_OK && !may_be_sample(&r))
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such request, or none that was taken");
        return;
    }
    if (!answer_ok(call, e))
        return;
    struct object_change change = {.change = OBJECT_UPDATE, .expected_version = o.version};
    t.sample = id;
    t.updated_ms = call->now_ms;
    trigger_encode(call->arena, api->keys, &t, &change.object);
    call_made(call, MADE_NOTHING, 0, 200);
    if (!answer_ok(call, call_commit(api, call, &change, 1, t.env, t.app)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    write_request(api, call, &r, true, &w);
    json_w_bool_at(&w, "selected", true);
    json_w_object_end(&w);
}

/* ---- variables -----------------------------------------------------------------------------------------------------
 */

static enum err read_trigger(struct arena *a, const struct request *r, struct json **out)
{
    struct str text;
    enum err e = request_trigger_json(a, r, &text);
    return e == ERR_OK ? json_parse(a, text, out, NULL) : e;
}

void automation_variable_list(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct request sample = {.id = 0}, newest = {.id = 0};
    struct json *tree = NULL, *later = NULL;
    if (!call_automation_trigger(api, call, &o, &t))
        return;
    enum err e = find_sample(call->reader, call->arena, &t, &sample);
    if (e == ERR_OK)
        e = read_trigger(call->arena, &sample, &tree);
    if (e == ERR_OK)
        e = find_newest(call->reader, call->arena, &t, &newest);
    if (e == ERR_OK && newest.id != sample.id)
        e = read_trigger(call->arena, &newest, &later);
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    size_t changed = 0;
    if (tree != NULL) {
        changed = variables_write(call->arena, tree, later, &w);
    } else {
        json_w_array(&w);
        json_w_array_end(&w);
    }
    json_w_opt_str_at(&w, "sample", tree != NULL ? api_id(api, call, sample.id, doc_prefix(DOC_REQUEST)) : STR_NULL);
    json_w_opt_str_at(&w, "comparedWith",
                      later != NULL ? api_id(api, call, newest.id, doc_prefix(DOC_REQUEST)) : STR_NULL);
    json_w_i64_at(&w, "changes", (int64_t)changed);
    json_w_object_end(&w);
}

/* ---- another URL ---------------------------------------------------------------------------------------------------
 */

void trigger_get(struct api *api, struct api_call *call)
{
    static const char *const states[] = {"draft", "published", "paused"};
    struct object o;
    struct trigger t;
    if (!call_trigger(api, call, &o, &t))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    if (!answer_ok(call, trigger_write(api, call->reader, call->arena, &o, false, &w)))
        return;
    json_w_str_at(&w, "automationId", api_id(api, call, t.automation, object_prefix(OBJ_AUTOMATION)));
    json_w_str_at(&w, "status", str_c(states[t.state]));
    json_w_time_at(&w, "createdAt", t.created_ms);
    json_w_time_at(&w, "updatedAt", t.updated_ms);
    json_w_object_end(&w);
}

void trigger_rotate_url(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct object_change changes[TRIGGER_CHANGES_MAX];
    size_t count;
    int64_t grace_s = GRACE_DEFAULT_S;
    const struct json *body = call_json(call, true);
    if (body == NULL || !call_trigger(api, call, &o, &t))
        return;
    const struct json *grace = json_get(body, STR("graceSeconds"));
    if (grace != NULL && !json_is_null(grace) &&
        (!json_as_i64(grace, &grace_s) || grace_s < 0 || grace_s > GRACE_MAX_S))
        call_problem(call, "graceSeconds", "value_error.range", "must be a whole number from 0 to %d", GRACE_MAX_S);
    if (!call_fits(call))
        return;
    struct trigger_place at = {.api = api,
                               .reader = call->reader,
                               .arena = call->arena,
                               .env = t.env,
                               .app = t.app,
                               .now_ms = call->now_ms};
    enum err e = trigger_rotate(&at, &o, grace_s * TIME_SECOND_MS, changes, &count);
    call_made(call, OBJ_TRIGGER, t.id, 200);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, count, t.env, t.app);
    if (answer_ok(call, e))
        trigger_get(api, call);
}
