/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over all workspaces as background tasks: attempts of each, and the event types that its endpoints ask for.
 * A step reads some workspaces and adds their lines to the task's result.
 */
#include "api/routes.h"
#include "api/statistics.h"
#include "api/task.h"
#include "base/time.h"

#define STEP_APPS 50
/* A task is one object; its body has a limit. */
#define OUTPUT_MAX ((size_t)900 << 10)
#define APPS_MAX   10000

/* The workspaces of this step: those that were named, or the next of all. */
static enum err next_apps(struct task_run *r, struct task *t, struct object **out, size_t *count, bool *more)
{
    if (t->app_count == 0)
        return workspaces_page(r->reader, r->arena, t->env, &t->cursor, out, count, more);
    struct object *list = arena_zalloc(r->arena, STEP_APPS * sizeof *list);
    *count = 0;
    for (size_t i = 0; i < STEP_APPS && t->cursor_pos < (int64_t)t->app_count; i++) {
        oid_t id = 0;
        enum err e = oid_parse(t->apps[t->cursor_pos++], "app_", r->api->id_key, &id);
        if (e == ERR_OK)
            e = store_get_object(r->reader, r->arena, OBJ_APP, id, &list[*count]);
        if (e == ERR_OK && list[*count].deleted_ms == 0)
            *count += 1;
        else if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    *out = list;
    *more = t->cursor_pos < (int64_t)t->app_count;
    return ERR_OK;
}

static enum err stats_write(struct task_run *r, const struct task *t, const struct app *app, struct json_writer *w)
{
    uint64_t attempts;
    char id[OID_TEXT_SIZE];
    oid_format(app->id, "app_", r->api->id_key, id);
    enum err e = attempts_total(r->reader, app->id, t->since_ms, t->until_ms, &attempts);
    if (e != ERR_OK)
        return e;
    json_w_object(w);
    json_w_i64_at(w, "messageDestinations", (int64_t)attempts);
    json_w_str_at(w, "appId", str_c(id));
    json_w_opt_str_at(w, "appUid", app->uid);
    json_w_object_end(w);
    return ERR_OK;
}

static enum err types_write(struct task_run *r, const struct task *t, const struct app *app, struct json_writer *w)
{
    struct endpoint_census c = {0};
    char id[OID_TEXT_SIZE];
    oid_format(app->id, "app_", r->api->id_key, id);
    enum err e = endpoint_census(r->api, r->reader, r->arena, t->env, app->id, &c);
    if (e != ERR_OK)
        return e;
    json_w_object(w);
    json_w_str_at(w, "appId", str_c(id));
    json_w_name(w, STR("explicitlySubscribedEventTypes"));
    json_w_array(w);
    for (size_t i = 0; i < c.type_count; i++)
        json_w_str(w, c.types[i]);
    json_w_array_end(w);
    json_w_bool_at(w, "hasCatchAllEndpoint", c.takes_all);
    json_w_object_end(w);
    return ERR_OK;
}

static enum err step(struct task_run *r, struct task *t, bool *more,
                     enum err (*write)(struct task_run *r, const struct task *t, const struct app *app,
                                       struct json_writer *w))
{
    struct object *objects;
    size_t count;
    struct buf out = BUF_INIT(2 * OUTPUT_MAX);
    enum err e = next_apps(r, t, &objects, &count, more);
    buf_add_str(&out, t->output);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        struct app app;
        struct json_writer w = json_writer(&out);
        if (out.len > 0)
            buf_add_str(&out, STR(","));
        e = app_decode(r->arena, &objects[i], &app);
        if (e == ERR_OK)
            e = write(r, t, &app, &w);
    }
    if (e == ERR_OK) {
        t->processed += (int64_t)count;
        if (out.overflow || out.len > OUTPUT_MAX)
            t->error = STR("there are too many applications for one result; name some in appIds");
        else
            t->output = arena_str(r->arena, buf_str(&out));
    }
    buf_fini(&out);
    return e;
}

enum err task_step_app_stats(struct task_run *r, struct task *t, bool *more)
{
    return step(r, t, more, stats_write);
}

enum err task_step_event_types(struct task_run *r, struct task *t, bool *more)
{
    return step(r, t, more, types_write);
}

/* ---- asking for them ----------------------------------------------------------------------------------------------
 */

static int64_t read_time(struct api_call *call, const struct json *body, const char *name)
{
    struct str text;
    int64_t ms = 0;
    const struct json *v = json_get(body, str_c(name));
    if (v == NULL || json_is_null(v))
        call_problem(call, name, "value_error.missing", "is missing");
    else if (!json_as_str(v, &text) || time_parse(text, &ms) != ERR_OK)
        call_problem(call, name, "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
    return ms;
}

struct named_apps {
    struct str *found; /* ids */
    size_t found_count;
    struct str *unresolved;
    size_t unresolved_count;
};

static enum err apps_resolve(struct api *api, struct api_call *call, const struct json *list, struct named_apps *n)
{
    n->found = arena_zalloc(call->arena, (list->count + 1) * sizeof *n->found);
    n->unresolved = arena_zalloc(call->arena, (list->count + 1) * sizeof *n->unresolved);
    for (const struct json *c = list->child; c != NULL; c = c->next) {
        oid_t id = 0;
        struct str text = STR("");
        enum err e = json_as_str(c, &text) ? api_app_id(api, call->reader, call->arena, call->env, text, &id)
                                           : ERR_NOT_FOUND;
        if (e == ERR_OK)
            n->found[n->found_count++] = api_id(api, call, id, "app_");
        else if (e == ERR_NOT_FOUND || e == ERR_INVALID)
            n->unresolved[n->unresolved_count++] = text;
        else
            return e;
    }
    return ERR_OK;
}

static void answer_started(const struct api *api, struct api_call *call, const struct task *t,
                           const struct named_apps *n)
{
    struct json_writer w = answer(call, 202);
    json_w_object(&w);
    json_w_str_at(&w, "id", api_id(api, call, t->id, "qtask_"));
    json_w_str_at(&w, "status", str_c(task_status_name(t->status)));
    json_w_str_at(&w, "task", str_c(task_types[t->kind].name));
    if (n != NULL) {
        json_w_name(&w, STR("unresolvedAppIds"));
        json_w_array(&w);
        for (size_t i = 0; i < n->unresolved_count; i++)
            json_w_str(&w, n->unresolved[i]);
        json_w_array_end(&w);
    }
    json_w_time_at(&w, "updatedAt", t->updated_ms);
    json_w_object_end(&w);
}

void stats_usage_apps(struct api *api, struct api_call *call)
{
    struct task t = {.kind = TASK_APP_STATS, .env = call->env};
    struct named_apps n = {0};
    const struct json *body = call_json(call, false), *list;
    if (body == NULL)
        return;
    t.since_ms = read_time(call, body, "since");
    t.until_ms = read_time(call, body, "until");
    if (t.since_ms != 0 && t.until_ms != 0 && t.until_ms < t.since_ms)
        call_problem(call, "until", "value_error.range", "must not be before since");
    list = json_get(body, STR("appIds"));
    if (list != NULL && !json_is_null(list)) {
        if (list->type != JSON_ARRAY || list->count > APPS_MAX)
            call_problem(call, "appIds", "type_error.list", "must be an array of at most %d ids", APPS_MAX);
        else if (!answer_ok(call, apps_resolve(api, call, list, &n)))
            return;
        else if (n.found_count == 0)
            call_problem(call, "appIds", "value_error", "names no workspace that there is");
    }
    t.apps = n.found;
    t.app_count = n.found_count;
    if (call_fits(call) && task_start(api, call, &t, NULL))
        answer_started(api, call, &t, &n);
}

void stats_usage_event_types(struct api *api, struct api_call *call)
{
    struct task t = {.kind = TASK_EVENT_TYPES, .env = call->env};
    if (task_start(api, call, &t, NULL))
        answer_started(api, call, &t, NULL);
}
