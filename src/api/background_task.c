/* SPDX-License-Identifier: Apache-2.0 */
/* Background tasks as they are seen: started, listed, read, canceled. task.h has what they are. */
#include "api/broadcast.h"
#include "api/idempotency.h"
#include "api/import.h"
#include "api/openapi_export.h"
#include "api/routes.h"

#define CANCEL_TRIES 20
#define PAGE         250

/* ---- answers ----------------------------------------------------------------------------------------------------
 */

static enum err write_data(const struct api *api, struct api_call *call, const struct task *t, size_t listed,
                           struct json_writer *w)
{
    const struct task_type *type = &task_types[t->kind];
    int percent = task_percent(t);
    enum err e = ERR_OK;
    json_w_object(w);
    if (type->result != NULL)
        json_w_i64_at(w, type->result, t->done);
    if (t->kind == TASK_BROADCAST)
        e = broadcast_write(api, call, t, listed < BROADCAST_LISTED_ALONE ? listed : BROADCAST_LISTED_ALONE, w);
    if (t->kind == TASK_EXPORT && t->status == TASK_FINISHED && listed == SIZE_MAX) {
        json_w_name(w, STR("openapi"));
        e = openapi_export_write(call, w);
    }
    if (t->kind == TASK_APP_STATS || t->kind == TASK_EVENT_TYPES) {
        json_w_name(w, t->kind == TASK_APP_STATS ? STR("appStats") : STR("event_types"));
        json_w_raw(w, arena_printf(call->arena, "[" STR_FMT "]", STR_ARG(t->output)));
    }
    if (t->kind == TASK_IMPORT) {
        json_w_str_at(w, "appId", api_id(api, call, t->app, "app_"));
        e = import_write(call, t, listed == SIZE_MAX, w);
    } else {
        json_w_i64_at(w, "processed", t->processed);
        json_w_i64_at(w, "skipped", t->skipped);
    }
    if (percent >= 0 && t->kind != TASK_IMPORT) /* which says it of its own */
        json_w_i64_at(w, "percent", percent);
    if (t->canceled)
        json_w_bool_at(w, "canceled", true);
    if (t->error.ptr != NULL)
        json_w_str_at(w, "error", t->error);
    json_w_object_end(w);
    return e;
}

static enum err write_task(const struct api *api, struct api_call *call, const struct task *t, size_t listed,
                           struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, t->id, "qtask_"));
    json_w_str_at(w, "status", str_c(task_status_name(t->status)));
    json_w_str_at(w, "task", str_c(task_types[t->kind].name));
    json_w_name(w, STR("data"));
    enum err e = write_data(api, call, t, listed, w);
    json_w_time_at(w, "updatedAt", t->updated_ms);
    json_w_object_end(w);
    return e;
}

void task_answer(const struct api *api, struct api_call *call, int status, const struct task *t)
{
    struct json_writer w = answer(call, status);
    enum err e = write_task(api, call, t, SIZE_MAX, &w);
    if (e != ERR_OK)
        answer_error(call, e, NULL);
}

bool task_start(struct api *api, struct api_call *call, struct task *t, const struct object_change *extra)
{
    struct object_change changes[2] = {task_create(api, call->arena, t, call->now_ms)};
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = 1};
    if (extra != NULL)
        changes[op.count++] = *extra;
    t->id = changes[0].object.id;
    t->updated_ms = call->now_ms;
    if (call->key != NULL && !call->key_made)
        call_made(call, OBJ_TASK, t->id, 202);
    if (!answer_ok(call, call_run(api, call, &op.op)))
        return false;
    task_wake(api, t->id);
    return true;
}

/* ---- one --------------------------------------------------------------------------------------------------------
 */

/* Who is confined to a workspace sees what may be begun there. */
static bool is_theirs(const struct principal *who, const struct task *t)
{
    if (t->kind == TASK_IMPORT && !auth_scope_allows(who, AUTH_AREA_RECORD, false))
        return false; /* what it says of rows is of records */
    return who->app == 0 || (t->app == who->app && task_types[t->kind].theirs);
}

static enum err load_task(struct api_call *call, oid_t id, struct task *out)
{
    struct object o;
    enum err e = id != 0 ? ERR_OK : ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_TASK, id, &o);
    if (e == ERR_OK && (o.env != call->env || o.deleted_ms != 0))
        e = ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = task_decode(call->arena, &o, out);
    return e == ERR_OK && !is_theirs(&call->who, out) ? ERR_NOT_FOUND : e;
}

static bool find_task(struct api *api, struct api_call *call, struct str text, struct task *out)
{
    oid_t id = 0;
    enum err e = oid_parse(text, "qtask_", api->id_key, &id);
    return answer_ok(call, e == ERR_OK ? load_task(call, id, out) : e);
}

bool task_find(struct api *api, struct api_call *call, struct str text, enum task_kind kind, oid_t app,
               struct task *out)
{
    if (!find_task(api, call, text, out))
        return false;
    if (out->kind != kind || out->app != app)
        answer_error(call, ERR_NOT_FOUND, NULL);
    return out->kind == kind && out->app == app;
}

void background_task_get(struct api *api, struct api_call *call)
{
    struct task t;
    int64_t from = query_int(call, "messages_from", 0, 999999999, 0);
    if (!call_fits(call) || !find_task(api, call, call->params[0], &t))
        return;
    t.listed_from = from;
    task_answer(api, call, 200, &t);
}

/* ERR_STALE: a step came between. */
static enum err cancel_once(struct api *api, struct api_call *call, struct task *t)
{
    struct object_change changes[TASK_CHANGES + 1];
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = 1};
    t->status = TASK_FAILED;
    t->canceled = true;
    t->updated_ms = call->now_ms;
    changes[0] = task_update(call->arena, t, call->now_ms);
    enum err e = task_ended(call->reader, call->arena, t, call->now_ms, changes, &op.count);
    return e == ERR_OK ? store_run(api->store, &op.op) : e;
}

void task_cancel(struct api *api, struct api_call *call, struct task *t)
{
    enum err e = ERR_STALE;
    for (int i = 0; i < CANCEL_TRIES && e == ERR_STALE; i++) {
        if (!answer_ok(call, load_task(call, t->id, t)))
            return;
        if (t->canceled) {
            e = ERR_OK;
        } else if (t->status != TASK_RUNNING) {
            answer_error(call, ERR_CONFLICT, "the task has ended");
            return;
        } else if (!task_types[t->kind].cancelable) {
            answer_error(call, ERR_CONFLICT, "a task of this kind cannot be canceled");
            return;
        } else {
            e = cancel_once(api, call, t);
        }
    }
    if (!answer_ok(call, e == ERR_STALE ? ERR_BUSY : e))
        return;
    if (t->kind == TASK_IMPORT)
        import_forget(api, call->reader, t->app, t->id);
    call_made(call, OBJ_TASK, t->id, 200);
    task_answer(api, call, 200, t);
}

void background_task_cancel(struct api *api, struct api_call *call)
{
    struct task t;
    if (!find_task(api, call, call->params[0], &t))
        return;
    if (t.kind == TASK_IMPORT && !auth_scope_allows(&call->who, AUTH_AREA_RECORD, true))
        answer_error(call, ERR_FORBIDDEN, "the key may not change records");
    else
        task_cancel(api, call, &t);
}

/* ---- lists ------------------------------------------------------------------------------------------------------
 */

struct task_filter {
    struct str status; /* null: any */
    struct str task;   /* null: any that other servers have */
    oid_t app;         /* 0: any */
};

static bool is_status(struct str s)
{
    for (int i = TASK_RUNNING; i <= TASK_FAILED; i++) {
        if (str_eq(s, str_c(task_status_name((enum task_status)i))))
            return true;
    }
    return false;
}

static bool is_task(struct str s)
{
    for (size_t i = 0; i < TASK_KINDS; i++) {
        if (str_eq(s, str_c(task_types[i].name)))
            return true;
    }
    /* Of other servers: there are none of these here. */
    return str_eq(s, STR("application.stats")) || str_eq(s, STR("sdk.generate")) ||
           str_eq(s, STR("event-type.aggregate"));
}

static bool read_filter(const struct api *api, struct api_call *call, struct task_filter *f)
{
    struct str app = query_text(call, "app_id");
    f->status = query_text(call, "status");
    f->task = query_text(call, "task");
    if (f->status.len > 0 && !is_status(f->status))
        problem_add(&call->problems, "query", STR("status"), STR_NULL, "value_error",
                    "must be running, finished or failed");
    if (f->task.len > 0 && !is_task(f->task))
        problem_add(&call->problems, "query", STR("task"), STR_NULL, "value_error", "is not a kind of task");
    f->app = 0;
    enum err e = app.len > 0 ? api_app_id(api, call->reader, call->arena, call->env, app, &f->app) : ERR_OK;
    if (e == ERR_NOT_FOUND)
        problem_add(&call->problems, "query", STR("app_id"), STR_NULL, "value_error", "is no workspace");
    else if (!answer_ok(call, e))
        return false;
    return call_fits(call);
}

static bool fits(const struct task_filter *f, const struct task *t)
{
    struct str name = str_c(task_types[t->kind].name);
    if (f->app != 0 && t->app != f->app)
        return false;
    if (f->status.len > 0 && !str_eq(f->status, str_c(task_status_name(t->status))))
        return false;
    return f->task.len > 0 ? str_eq(f->task, name) : task_types[t->kind].known;
}

/* Up to one more than the page. */
static enum err list_tasks(struct api_call *call, const struct page *p, const struct task_filter *f, struct task *out,
                           size_t *count)
{
    struct object_query q = {
            .kind = OBJ_TASK, .env = call->env, .descending = page_asks_descending(p), .after = p->at, .limit = PAGE};
    size_t got = call->env != 0 ? PAGE : 0;
    *count = 0;
    while (got == PAGE && *count <= p->limit) {
        struct object *found;
        enum err e = store_list_objects(call->reader, call->arena, &q, &found, &got);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < got && *count <= p->limit; i++) {
            struct task t;
            q.after = found[i].id;
            if (task_decode(call->arena, &found[i], &t) == ERR_OK && is_theirs(&call->who, &t) && fits(f, &t))
                out[(*count)++] = t;
        }
    }
    return ERR_OK;
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct task *t = (const struct task *)items + i;
    enum err e = write_task(api, call, t, BROADCAST_LISTED, w);
    (void)e; /* what could not be read of a broadcast's messages is not in the list; its own answer says so */
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct task *)items)[i].id, "qtask_");
}

void background_task_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct task_filter filter;
    size_t count;
    if (!read_filter(api, call, &filter) || !page_read(api, call, "qtask_", PAGE_DESCENDING, &page))
        return;
    struct task *tasks = arena_alloc(call->arena, (page.limit + 1) * sizeof *tasks);
    if (answer_ok(call, list_tasks(call, &page, &filter, tasks, &count)))
        answer_page(api, call, &(struct page_items){&page, count, tasks, write_item, name_item});
}
