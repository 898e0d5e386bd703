/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of an automation, or about a record: listed, looked at, cancelled, tried again from where they failed. */
#include "api/idempotency.h"
#include "api/record.h"
#include "api/routes.h"
#include "api/run_out.h"

#define VISITED_MAX 200000 /* runs looked at for one page of a filtered list; the time ends it before */

/* ---- finding ------------------------------------------------------------------------------------------------------
 */

/* The automation of params[1], also a deleted one: its runs stay readable. False: answered. */
static bool call_automation(const struct api *api, struct api_call *call, struct app *app, oid_t *id, bool *deleted)
{
    struct object o;
    *deleted = false;
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
    *deleted = e == ERR_OK && o.deleted_ms != 0;
    return answer_ok(call, e);
}

static bool call_run_of(const struct api *api, struct api_call *call, struct app *app, struct run *out, bool *deleted)
{
    oid_t automation, id = 0;
    struct doc d;
    if (!call_automation(api, call, app, &automation, deleted))
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

/* ---- looking at them ----------------------------------------------------------------------------------------------
 */

void automation_run_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct run r;
    bool deleted;
    if (call_run_of(api, call, &app, &r, &deleted))
        run_out_answer(api, call, &r);
}

/* A page of runs as they are written. */
struct listed {
    struct run *runs;
    struct run_shelf *shelf;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    json_w_object(w);
    run_out_members(api, call, l->shelf, &l->runs[i], w);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->runs[i].id, doc_prefix(DOC_RUN));
}

/* The bits of `status`, which may come several times or with commas. False: answered. */
static bool read_statuses(struct api_call *call, unsigned *out)
{
    size_t count;
    const struct str *wanted = query_list(call, "status", &count);
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        int s = RUN_RUNNING;
        while (s <= RUN_CANCELLED && !str_eq(wanted[i], str_c(run_status_name((enum run_status)s))))
            s++;
        if (s > RUN_CANCELLED)
            problem_add(&call->problems, "query", STR("status"), STR_NULL, "value_error",
                        "must be running, waiting, done, failed or cancelled");
        else
            *out |= 1U << s;
    }
    return call_fits(call);
}

/* Answers with a page of runs, newest first: those of q->ref, or those about q->about. */
static void list_runs(struct api *api, struct api_call *call, struct doc_query *q)
{
    struct page page;
    struct run_shelf shelf = {.of = {.id = 0}};
    struct doc *docs = NULL;
    size_t count = 0;
    oid_t stopped = 0;
    if (!page_read(api, call, doc_prefix(DOC_RUN), PAGE_NEWEST, &page) || !read_statuses(call, &q->statuses))
        return;
    q->kind = DOC_RUN;
    q->descending = page_asks_descending(&page);
    q->after = page.at;
    q->limit = page.limit + 1;
    q->budget = (struct visit_budget){.rows_max = VISITED_MAX, .stopped = &stopped};
    if (!answer_ok(call, store_list_docs(call->reader, call->arena, q, &docs, &count)))
        return;
    struct listed l = {arena_alloc(call->arena, (count + 1) * sizeof *l.runs), &shelf};
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, run_decode(call->arena, &docs[i], &l.runs[i])))
            return;
    }
    if (stopped != 0)
        page.stopped = api_id(api, call, stopped, doc_prefix(DOC_RUN));
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
}

void automation_run_list(struct api *api, struct api_call *call)
{
    struct app app;
    oid_t id;
    bool deleted;
    if (call_automation(api, call, &app, &id, &deleted))
        list_runs(api, call, &(struct doc_query){.app = app.id, .ref = id});
}

/* Whether there is, or was, such a record in the workspace: what was deleted has a history, as long as that is kept. */
static enum err had_record(struct api_call *call, oid_t app, oid_t id)
{
    struct doc d, *docs = NULL;
    size_t count = 0;
    struct doc_query q = {.kind = DOC_CHANGE, .app = app, .ref = id, .limit = 1};
    enum err e = store_get_doc(call->reader, call->arena, DOC_RECORD, id, &d);
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK && d.app != app ? ERR_NOT_FOUND : e;
    e = store_list_docs(call->reader, call->arena, &q, &docs, &count);
    return e == ERR_OK && count == 0 ? ERR_NOT_FOUND : e;
}

/* Also of one that was deleted, by its id. */
void record_run_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type type;
    struct doc d;
    struct record rec;
    oid_t id = 0;
    if (!call_app(api, call, &app))
        return;
    enum err e = record_type_find(call->reader, call->arena, &app, call->params[1], &type);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such type of records");
        return;
    }
    if (e == ERR_OK && oid_parse(call->params[2], doc_prefix(DOC_RECORD), api->id_key, &id) == ERR_OK) {
        e = had_record(call, app.id, id);
    } else if (e == ERR_OK) {
        e = record_find(api, call->reader, call->arena, app.id, &type, call->params[2], &d, &rec);
        id = e == ERR_OK ? d.id : 0;
    }
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such record");
        return;
    }
    if (answer_ok(call, e))
        list_runs(api, call, &(struct doc_query){.app = app.id, .about = id});
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
    bool deleted;
    if (!call_run_of(api, call, &app, &r, &deleted))
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

/* From the step that failed, with the version that it has; its idempotency key stays the same. It counts as under way
 * again, so it takes back the key that it gave up. */
void automation_run_retry(struct api *api, struct api_call *call)
{
    struct app app;
    struct run r;
    struct doc d;
    bool deleted;
    if (!call_run_of(api, call, &app, &r, &deleted))
        return;
    if (deleted) {
        answer_error(call, ERR_CONFLICT, "its automation was deleted: nothing starts it any more");
        return;
    }
    if (r.status != RUN_FAILED) {
        answer_error(call, ERR_CONFLICT, "only a run that has failed can be tried again");
        return;
    }
    if (call->now_ms - r.created_ms > RUN_LIFE_MS || r.steps >= RUN_STEPS_MAX) {
        answer_error(call, ERR_CONFLICT, "it is older than a year, or has begun 1,000 steps: it cannot go on");
        return;
    }
    struct plan p = plan_of(api, call, &app);
    uint64_t expected = r.doc_version;
    r.status = RUN_RUNNING;
    r.key = r.held;
    r.due_ms = r.updated_ms = call->now_ms;
    r.ended_ms = 0;
    r.attempt = 0;
    r.error = STR_NULL;
    r.steps++;
    run_encode(call->arena, &r, &d);
    plan_change(&p, DOC_UPDATE, &d, expected);
    call_made(call, MADE_NOTHING, 0, 204);
    enum err e = plan_commit(&p, call);
    if (e == ERR_CONFLICT) {
        answer_error(call, e, "another run of this automation is under way for the same record");
        return;
    }
    if (!answer_ok(call, e))
        return;
    runner_wake(api);
    answer_empty(call);
}
