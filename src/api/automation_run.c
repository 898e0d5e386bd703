/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of an automation: listed, looked at, cancelled, tried again from where they failed. */
#include "api/automation.h"

#include "api/handler.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "base/time.h"

#define TRIES 5

/* ---- finding ------------------------------------------------------------------------------------------------------
 */

/* The automation of params[1], also a deleted one: its runs stay readable. False: answered. */
static bool call_automation(const struct api *api, struct api_call *call, struct app *app, oid_t *id)
{
    struct object o;
    if (!call_app(api, call, app))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_AUTOMATION), api->id_key, id);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_AUTOMATION, *id, &o);
    if (e == ERR_OK && o.app != app->id)
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such automation");
        return false;
    }
    return answer_ok(call, e);
}

static bool call_run_of(const struct api *api, struct api_call *call, struct app *app, struct run *out)
{
    oid_t automation, id = 0;
    struct doc d;
    if (!call_automation(api, call, app, &automation))
        return false;
    enum err e = oid_parse(call->params[2], doc_prefix(DOC_RUN), api->id_key, &id);
    if (e == ERR_OK)
        e = store_get_doc(call->reader, call->arena, DOC_RUN, id, &d);
    if (e == ERR_OK && (d.app != app->id || d.ref != automation))
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such run");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, run_decode(call->arena, &d, out));
}

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

static void write_time(struct json_writer *w, const char *name, int64_t ms)
{
    if (ms != 0)
        json_w_time_at(w, name, ms);
    else
        json_w_null_at(w, name);
}

static void write_id(const struct api *api, struct api_call *call, struct json_writer *w, const char *name, oid_t id,
                     const char *prefix)
{
    if (id != 0)
        json_w_str_at(w, name, api_id(api, call, id, prefix));
    else
        json_w_null_at(w, name);
}

/* The members of a run, in an object that the caller has opened. */
static void write_run(const struct api *api, struct api_call *call, const struct run *r, struct json_writer *w)
{
    struct automation_version v;
    if (automation_version_load(call->reader, call->arena, r->version, &v) != ERR_OK)
        v.number = 0; /* damage */
    json_w_str_at(w, "id", api_id(api, call, r->id, doc_prefix(DOC_RUN)));
    json_w_str_at(w, "status", str_c(run_status_name(r->status)));
    json_w_i64_at(w, "version", v.number);
    json_w_opt_str_at(w, "step", run_is_over(r->status) && r->status != RUN_FAILED ? STR_NULL : r->at);
    write_id(api, call, w, "request", r->request, doc_prefix(DOC_REQUEST));
    write_id(api, call, w, "parent", r->parent, doc_prefix(DOC_RUN));
    write_id(api, call, w, "target", r->target, doc_prefix(DOC_RECORD));
    json_w_opt_str_at(w, "error", r->error);
    json_w_time_at(w, "startedAt", r->created_ms);
    write_time(w, "endedAt", r->ended_ms);
    write_time(w, "dueAt", run_is_over(r->status) ? 0 : r->due_ms);
}

static void write_step(const struct run_step *s, enum run_status status, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", s->id);
    json_w_str_at(w, "type", s->type);
    json_w_str_at(w, "status", str_c(run_status_name(status)));
    json_w_time_at(w, "startedAt", s->began_ms);
    write_time(w, "endedAt", s->ended_ms);
    json_w_i64_at(w, "attempts", s->attempts);
    json_w_raw_at(w, "input", s->input.ptr != NULL ? s->input : STR("null"));
    json_w_raw_at(w, "output", s->output.ptr != NULL ? s->output : STR("null"));
    json_w_opt_str_at(w, "error", s->error);
    json_w_object_end(w);
}

/* A step that was under way when the run was cancelled ended with it. */
static enum run_status step_status(const struct run *r, const struct doc *d)
{
    bool open = !run_is_over((enum run_status)d->status);
    return open && run_is_over(r->status) ? r->status : (enum run_status)d->status;
}

static void answer_run(const struct api *api, struct api_call *call, const struct run *r)
{
    struct doc *docs = NULL;
    size_t count = 0;
    struct str trigger;
    struct doc_query q = {.kind = DOC_STEP, .app = r->app, .ref = r->id, .limit = RUN_STEPS_MAX + 1};
    if (!answer_ok(call, run_trigger_json(call->reader, call->arena, r, &trigger)) ||
        !answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return;
    struct run_step *steps = arena_alloc(call->arena, (count + 1) * sizeof *steps);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, run_step_decode(call->arena, &docs[i], &steps[i])))
            return;
        if (str_eq(steps[i].id, STR("trigger")))
            trigger = steps[i].output;
    }
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    write_run(api, call, r, &w);
    json_w_raw_at(&w, "trigger", trigger.ptr != NULL ? trigger : STR("null"));
    json_w_raw_at(&w, "vars", r->vars.ptr != NULL ? r->vars : STR("{}"));
    json_w_name(&w, STR("steps"));
    json_w_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(steps[i].id, STR("trigger")))
            write_step(&steps[i], step_status(r, &docs[i]), &w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
}

void automation_run_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct run r;
    if (call_run_of(api, call, &app, &r))
        answer_run(api, call, &r);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    json_w_object(w);
    write_run(api, call, (const struct run *)items + i, w);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct run *)items)[i].id, doc_prefix(DOC_RUN));
}

void automation_run_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct page page;
    struct doc *docs = NULL;
    oid_t id;
    size_t count = 0;
    if (!call_automation(api, call, &app, &id) || !page_read(api, call, doc_prefix(DOC_RUN), PAGE_NEWEST, &page))
        return;
    struct doc_query q = {.kind = DOC_RUN,
                          .app = app.id,
                          .ref = id,
                          .descending = page_asks_descending(&page),
                          .after = page.at,
                          .limit = page.limit + 1};
    if (!answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return;
    struct run *runs = arena_alloc(call->arena, (count + 1) * sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, run_decode(call->arena, &docs[i], &runs[i])))
            return;
    }
    answer_page(api, call, &(struct page_items){&page, count, runs, write_item, name_item});
}

/* ---- by hand ------------------------------------------------------------------------------------------------------
 */

static struct plan plan_of(struct api *api, struct api_call *call, const struct app *app)
{
    return (struct plan){
            .api = api, .reader = call->reader, .arena = call->arena, .app = app->id, .now_ms = call->now_ms};
}

/* A run that moves meanwhile is read again: the handler runs again on ERR_STALE. */
void automation_run_cancel(struct api *api, struct api_call *call)
{
    struct app app;
    struct run r;
    if (!call_run_of(api, call, &app, &r))
        return;
    if (run_is_over(r.status)) {
        answer_error(call, ERR_CONFLICT, "it has ended");
        return;
    }
    struct plan p = plan_of(api, call, &app);
    run_plan_end(&p, &r, RUN_CANCELLED, STR_NULL);
    call_made(call, MADE_NOTHING, 0, 204);
    if (answer_ok(call, plan_commit(&p, call)))
        answer_empty(call);
}

/* From the step that failed, with the version that it has; its idempotency key stays the same. */
void automation_run_retry(struct api *api, struct api_call *call)
{
    struct app app;
    struct run r;
    struct doc d;
    if (!call_run_of(api, call, &app, &r))
        return;
    if (r.status != RUN_FAILED) {
        answer_error(call, ERR_CONFLICT, "only a run that has failed can be tried again");
        return;
    }
    struct plan p = plan_of(api, call, &app);
    uint64_t expected = r.doc_version;
    r.status = RUN_RUNNING;
    r.due_ms = r.updated_ms = call->now_ms;
    r.ended_ms = 0;
    r.attempt = 0;
    r.error = STR_NULL;
    r.steps++;
    run_encode(call->arena, &r, &d);
    plan_change(&p, DOC_UPDATE, &d, expected);
    call_made(call, MADE_NOTHING, 0, 204);
    if (!answer_ok(call, plan_commit(&p, call)))
        return;
    runner_wake(api);
    answer_empty(call);
}
