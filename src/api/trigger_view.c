/* SPDX-License-Identifier: Apache-2.0 */
/* What customers see of a trigger: its requests, the sample that its automation is built with, its variables; another
 * URL for it. */
#include "api/idempotency.h"
#include "api/request_out.h"
#include "api/routes.h"
#include "api/trigger_in.h"
#include "api/trigger_url.h"
#include "base/time.h"
#include "incoming/variables.h"
#include "model/config.h"

#define VISITED_MAX     200000 /* requests looked at for one page of a filtered list; the time ends it before */
#define GRACE_MAX_S     604800
#define GRACE_DEFAULT_S 0

/* What a run may start with. */
#define OUTCOMES_OF_SAMPLES (1U << REQUEST_ACCEPTED | 1U << REQUEST_CAPTURED)

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

static bool may_be_sample(const struct request *r)
{
    return r->outcome == REQUEST_ACCEPTED || r->outcome == REQUEST_CAPTURED;
}

/* The newest that may be one. */
static enum err find_newest(struct store_reader *r, struct arena *a, const struct trigger *t, struct request *out)
{
    struct doc *docs;
    size_t count;
    struct doc_query q = {.kind = DOC_REQUEST,
                          .app = t->app,
                          .ref = t->id,
                          .descending = true,
                          .limit = 1,
                          .statuses = OUTCOMES_OF_SAMPLES};
    enum err e = store_list_docs(r, a, &q, &docs, &count);
    if (e == ERR_OK && count == 0)
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? request_decode(a, &docs[0], out) : e;
}

/* The one that was chosen, or the newest. */
static enum err find_sample(struct store_reader *r, struct arena *a, const struct trigger *t, struct request *out)
{
    enum err e = t->sample != 0 ? load_request(r, a, t, t->sample, out) : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? find_newest(r, a, t, out) : e;
}

/* The id of the sample in force, 0: there is none. False: answered. */
static bool call_sample(struct api_call *call, const struct trigger *t, oid_t *out)
{
    struct request sample;
    enum err e = find_sample(call->reader, call->arena, t, &sample);
    *out = e == ERR_OK ? sample.id : 0;
    return e == ERR_NOT_FOUND || answer_ok(call, e);
}

/* What a page is written from. */
struct listed {
    struct request *requests;
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
    request_out_members(api, call, &l->requests[i], false, l->requests[i].id == l->sample, w);
    json_w_object_end(w);
}

/* The bits of `outcome`, which may come several times or with commas. False: answered. */
static bool read_outcomes(struct api_call *call, unsigned *out)
{
    size_t count;
    const struct str *wanted = query_list(call, "outcome", &count);
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        int o = REQUEST_ACCEPTED;
        while (o <= REQUEST_REFUSED && !str_eq(wanted[i], str_c(request_outcome_name((enum request_outcome)o))))
            o++;
        if (o > REQUEST_REFUSED)
            problem_add(&call->problems, "query", STR("outcome"), STR_NULL, "value_error",
                        "must be accepted, captured, duplicate or refused");
        else
            *out |= 1U << o;
    }
    return call_fits(call);
}

/* Answers with a page of a trigger's requests of these outcomes, 0: all. */
static void list_requests(struct api *api, struct api_call *call, const struct trigger *t, unsigned outcomes)
{
    struct page page;
    struct doc *docs;
    size_t count;
    oid_t stopped = 0;
    struct listed l = {.sample = 0};
    if (!page_read(api, call, doc_prefix(DOC_REQUEST), PAGE_DESCENDING, &page) || !call_sample(call, t, &l.sample))
        return;
    struct doc_query q = {.kind = DOC_REQUEST,
                          .app = t->app,
                          .ref = t->id,
                          .descending = page_asks_descending(&page),
                          .after = page.at,
                          .limit = page.limit + 1,
                          .statuses = outcomes,
                          .data_max = REQUEST_SHOWN_BODY,
                          .budget = {.rows_max = VISITED_MAX, .stopped = &stopped}};
    if (!answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return;
    l.requests = arena_alloc(call->arena, (count + 1) * sizeof *l.requests);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, request_decode(call->arena, &docs[i], &l.requests[i])))
            return;
    }
    if (stopped != 0)
        page.stopped = api_id(api, call, stopped, doc_prefix(DOC_REQUEST));
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
}

void trigger_request_list(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    unsigned outcomes;
    if (call_trigger(api, call, &o, &t) && read_outcomes(call, &outcomes))
        list_requests(api, call, &t, outcomes);
}

void trigger_request_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct trigger t;
    struct request r;
    oid_t id = 0, sample;
    if (!call_trigger(api, call, &o, &t))
        return;
    enum err e = oid_parse(call->params[2], doc_prefix(DOC_REQUEST), api->id_key, &id);
    if (e == ERR_OK)
        e = load_request(call->reader, call->arena, &t, id, &r);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such request, or it is no longer kept");
        return;
    }
    if (!answer_ok(call, e) || !call_sample(call, &t, &sample))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    request_out_members(api, call, &r, true, r.id == sample, &w);
    json_w_object_end(&w);
}

/* ---- samples -------------------------------------------------------------------------------------------------------
 */

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
    if (call_automation_trigger(api, call, &o, &t))
        list_requests(api, call, &t, OUTCOMES_OF_SAMPLES);
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
    request_out_members(api, call, &r, true, true, &w);
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
    if (!answer_ok(call, trigger_write(api, call, &o, false, &w)))
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
