/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts that somebody asks for: resend one message, recover what failed, try an example. */
#include "api/endpoint.h"
#include "api/event_type.h"
#include "api/idempotency.h"
#include "api/message_in.h"
#include "api/render.h"
#include "api/routes.h"
#include "api/task.h"
#include "base/time.h"

#define RECOVER_DAYS 14

static void tell_pending(struct api *api, oid_t ep)
{
    if (api->on_pending != NULL)
        api->on_pending(api->hook_arg, ep);
}

/* An endpoint that is disabled would never make the attempt. */
static bool is_enabled(struct api_call *call, const struct endpoint *ep)
{
    if (ep->disabled)
        answer_error(call, ERR_CONFLICT, "the endpoint is disabled; enable it first");
    return !ep->disabled;
}

void message_resend(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    struct message m;
    const struct catalog_profile *profile;
    struct message_render render;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, true, &m) ||
        !call_endpoint(api, call, &app, 2, &o, &ep) || !is_enabled(call, &ep) ||
        !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    struct store_resend op = {.op = {.kind = STORE_RESEND},
                              .app = app.id,
                              .msg = m.id,
                              .ep = ep.id,
                              .profile_version = profile->version,
                              .transform = endpoint_transform(&ep),
                              .trigger = TRIGGER_MANUAL,
                              .now_ms = call->now_ms};
    if (render_message(api, call->arena, &app, profile, &m, &render))
        op.render = &render;
    call_made(call, MADE_NOTHING, 0, 202);
    enum err e = call_run(api, call, &op.op);
    if (e == ERR_GONE)
        answer_error(call, e, "the payload has expired");
    if (e == ERR_GONE || !answer_ok(call, e))
        return;
    tell_pending(api, ep.id);
    struct json_writer w = answer(call, 202);
    json_w_object(&w);
    json_w_object_end(&w);
}

/* ---- recover ------------------------------------------------------------------------------------------------------
 */

static int64_t read_time(struct api_call *call, const struct json *body, const char *name)
{
    const struct json *v = json_get(body, str_c(name));
    struct str text;
    int64_t ms = 0;
    if (v != NULL && !json_is_null(v) && (!json_as_str(v, &text) || time_parse(text, &ms) != ERR_OK))
        call_problem(call, name, "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
    return ms;
}

static void write_task(const struct api *api, struct api_call *call, const struct task *t, oid_t id,
                       struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, id, "qtask_"));
    json_w_str_at(w, "status", str_c(task_status_name(t->status)));
    json_w_str_at(w, "task", str_c(task_kind_name(t->kind)));
    json_w_raw_at(w, "data", STR("{}"));
    json_w_time_at(w, "updatedAt", t->updated_ms);
    json_w_object_end(w);
}

static void answer_task(const struct api *api, struct api_call *call, int status, const struct task *t, oid_t id)
{
    struct json_writer w = answer(call, status);
    write_task(api, call, t, id, &w);
}

void endpoint_recover(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep))
        return;
    struct task task = {.kind = TASK_RECOVER, .env = call->env, .app = app.id, .ep = ep.id, .updated_ms = call->now_ms};
    task.since_ms = read_time(call, body, "since");
    task.until_ms = read_time(call, body, "until");
    if (task.until_ms == 0)
        task.until_ms = call->now_ms;
    if (json_get(body, STR("since")) == NULL || json_is_null(json_get(body, STR("since"))))
        call_problem(call, "since", "value_error.missing", "is missing");
    if (!call_fits(call))
        return;
    if (task.since_ms < call->now_ms - RECOVER_DAYS * TIME_DAY_MS)
        call_problem(call, "since", "value_error.range", "must be at most %d days back", RECOVER_DAYS);
    else if (task.since_ms > call->now_ms)
        call_problem(call, "since", "value_error.range", "must not be in the future");
    else if (task.until_ms < task.since_ms)
        call_problem(call, "until", "value_error.range", "must not be before since");
    if (!call_fits(call) || !is_enabled(call, &ep))
        return;
    struct object_change change = task_create(api, call->arena, &task, call->now_ms);
    call_made(call, OBJ_TASK, change.object.id, 202);
    if (!answer_ok(call, call_commit(api, call, &change, 1, call->env, app.id)))
        return;
    task_wake(api, change.object.id);
    answer_task(api, call, 202, &task, change.object.id);
}

void background_task_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct task t;
    oid_t id = 0;
    enum err e = oid_parse(call->params[0], "qtask_", api->id_key, &id);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_TASK, id, &o);
    if (e == ERR_OK && (o.env != call->env || o.deleted_ms != 0))
        e = ERR_NOT_FOUND;
    if (answer_ok(call, e) && answer_ok(call, task_decode(call->arena, &o, &t)))
        answer_task(api, call, 200, &t, id);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct task *t = (const struct task *)items + i;
    write_task(api, call, t, t->id, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct task *)items)[i].id, "qtask_");
}

void background_task_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct object *objects;
    size_t count;
    if (!page_read(api, call, "qtask_", PAGE_DESCENDING, &page) ||
        !answer_ok(call, list_objects(call, OBJ_TASK, call->env, 0, &page, &objects, &count)))
        return;
    struct task *tasks = arena_alloc(call->arena, (count + 1) * sizeof *tasks);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, task_decode(call->arena, &objects[i], &tasks[i])))
            return;
    }
    answer_page(api, call, &(struct page_items){&page, count, tasks, write_item, name_item});
}

/* ---- example ------------------------------------------------------------------------------------------------------
 */

static bool example_payload(struct api_call *call, struct str type, int64_t index, struct str *out)
{
    struct object o;
    *out = STR("{\"success\":true}");
    if (str_eq(type, STR("svix.ping")))
        return true;
    enum err e = event_type_find(call, type, &o);
    if (e == ERR_NOT_FOUND) {
        call_problem(call, "eventType", "value_error", "no such event type");
        call_fits(call);
        return false;
    }
    if (!answer_ok(call, e))
        return false;
    *out = event_type_example(call->arena, &o, index);
    if (out->ptr == NULL)
        *out = STR("{\"test\":true,\"message\":\"This is an example of an event of this type.\"}");
    return true;
}

/* One message with one delivery, whatever the endpoint is subscribed to. */
static enum err append_example(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                               const struct catalog_profile *profile, struct message *m)
{
    struct message_render render;
    struct store_target target = {.ep = ep->id,
                                  .profile_version = profile->version,
                                  .transform = endpoint_transform(ep),
                                  .fifo = ep->fifo,
                                  .due_ms = call->now_ms};
    struct store_append op = {.op = {.kind = STORE_APPEND}, .message = m, .targets = &target, .target_count = 1};
    m->id = oid_next(api->oids, call->now_ms);
    m->env = app->env;
    m->app = app->id;
    if (render_message(api, call->arena, app, profile, m, &render)) {
        m->renders = &render;
        m->render_count = 1;
    }
    call_made(call, MADE_MESSAGE, m->id, 202);
    enum err e = store_app_version(call->reader, app->id, &op.app_version);
    if (e == ERR_OK)
        e = call_run(api, call, &op.op);
    m->renders = NULL;
    m->render_count = 0;
    return e;
}

void endpoint_send_example(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    const struct catalog_profile *profile;
    int64_t index = 0;
    struct message m = {.occurred_ms = call->now_ms, .expires_ms = call->now_ms + api->retention_payload_ms};
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep) ||
        !is_enabled(call, &ep) || !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    m.actor = api_actor(api, call->arena, &call->who);
    if (!json_as_str(json_get(body, STR("eventType")), &m.event_type) || m.event_type.len == 0 ||
        m.event_type.len > 256 || !chars_fit(CHARS_ID, m.event_type))
        call_problem(call, "eventType", "value_error", "must be the name of an event type");
    json_as_i64(json_get(body, STR("exampleIndex")), &index);
    if (!call_fits(call) || !example_payload(call, m.event_type, index, &m.payload) ||
        !answer_ok(call, append_example(api, call, &app, &ep, profile, &m)))
        return;
    tell_pending(api, ep.id);
    answer(call, 202);
    message_out(&m, api->id_key, true, &call->out);
}
