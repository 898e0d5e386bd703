/* SPDX-License-Identifier: Apache-2.0 */
/* Applications: the workspaces of an environment. */
#include "api/application.h"

#include "api/env.h"
#include "api/event_type.h"
#include "api/message_in.h"
#include "api/operational.h"
#include "api/routes.h"
#include "api/task.h"

#define ENSURE_TRIES 5
#define PAGE         250

/* A workspace that nobody sees has no name of its own. */
static void write_app(const struct api *api, struct api_call *call, const struct app *app, struct json_writer *w)
{
    struct app shown = *app;
    if (operational_hides(app->uid))
        shown.uid = STR_NULL;
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, app->id, "app_"));
    fields_write_answer(app_fields, app_field_count, &shown, w);
    json_w_time_at(w, "createdAt", app->created_ms);
    json_w_time_at(w, "updatedAt", app->updated_ms);
    json_w_object_end(w);
}

static void answer_app(const struct api *api, struct api_call *call, int status, const struct app *app)
{
    struct json_writer w = answer(call, status);
    write_app(api, call, app, &w);
}

enum err profile_row_find(struct api_call *call, struct str name, struct object *version)
{
    struct object profile;
    struct env_profile is;
    enum err e = store_find_object(call->reader, call->arena, OBJ_PROFILE, call->env, 0, name, &profile);
    if (e != ERR_OK || (e = env_profile_read(call->arena, &profile, &is)) != ERR_OK)
        return e;
    return store_get_object(call->reader, call->arena, OBJ_PROFILE_VERSION, is.current, version);
}

/* Writes the workspace and the event types that its profile brings along. before NULL: it is new. */
static enum err application_save(struct api *api, struct api_call *call, const struct object *old, struct app *app,
                                 const struct app *before)
{
    struct object_change *changes = NULL;
    size_t n = 0;
    struct object version;
    if (app->profile.ptr == NULL)
        app->profile = str_c(api->default_profile);
    if (before == NULL || !str_eq(before->profile, app->profile)) {
        enum err e = profile_row_find(call, app->profile, &version);
        if (e == ERR_NOT_FOUND) {
            call_problem(call, "profile", "value_error", "no such profile");
            return ERR_INVALID;
        }
        if (e != ERR_OK || (e = event_types_missing(api, call, version.body, &changes, &n)) != ERR_OK)
            return e;
    } else {
        changes = arena_zalloc(call->arena, sizeof *changes);
    }
    app->updated_ms = call->now_ms;
    struct object_change *last = &changes[n++];
    *last = (struct object_change){.change = OBJECT_UPDATE, .expected_version = old != NULL ? old->version : 0};
    if (old == NULL) {
        last->change = OBJECT_CREATE;
        app->id = oid_next(api->oids, call->now_ms);
        app->env = call->env;
        app->created_ms = call->now_ms;
    }
    app_encode(call->arena, app, &last->object);
    call_made(call, OBJ_APP, app->id, 201);
    return call_commit(api, call, changes, n, call->env, app->id);
}

static void finish_save(struct api *api, struct api_call *call, const struct object *old, struct app *app,
                        const struct app *before)
{
    enum err e = application_save(api, call, old, app, before);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "a workspace with this uid exists");
    else if (call_fits(call) && answer_ok(call, e))
        answer_app(api, call, old != NULL ? 200 : 201, app);
}

void application_create(struct api *api, struct api_call *call)
{
    struct app app = {0};
    struct object old;
    bool get = query_bool(call, "get_if_exists", false);
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, app_fields, app_field_count, FIELD_CREATE, body, &app, &call->problems);
    if (!call_fits(call))
        return;
    if (app.uid.ptr != NULL) {
        enum err e = store_find_object(call->reader, call->arena, OBJ_APP, call->env, 0, app.uid, &old);
        if (e == ERR_OK && get) {
            call_made(call, OBJ_APP, old.id, 200);
            if (answer_ok(call, app_decode(call->arena, &old, &app)))
                answer_app(api, call, 200, &app);
            return;
        }
        if (e != ERR_NOT_FOUND && e != ERR_OK) {
            answer_error(call, e, NULL);
            return;
        }
    }
    finish_save(api, call, NULL, &app, NULL);
    if (call->status == 409 && get)
        call->stale = true; /* somebody else created it meanwhile: get it */
}

/* Found by its uid, or created; two may do so at once. */
static enum err ensure(struct api *api, struct api_call *call, struct app *app, oid_t *out)
{
    struct object old;
    /* It comes along: it is not what the request's idempotency key stands for. */
    struct store_key *key = call->key;
    enum err e = ERR_STALE;
    call->key = NULL;
    for (int i = 0; i < ENSURE_TRIES && (e == ERR_CONFLICT || e == ERR_STALE); i++) {
        e = store_find_object(call->reader, call->arena, OBJ_APP, call->env, 0, app->uid, &old);
        if (e == ERR_NOT_FOUND) {
            e = application_save(api, call, NULL, app, NULL);
            old.id = app->id;
        }
        if (e == ERR_OK)
            *out = old.id;
    }
    call->key = key;
    return e == ERR_CONFLICT || e == ERR_STALE ? ERR_BUSY : e;
}

static bool read_brought(struct api_call *call, const struct json *body, struct str uid, struct app *app)
{
    fields_read(call->arena, app_fields, app_field_count, FIELD_CREATE, body, app, &call->problems);
    if (app->uid.ptr == NULL)
        app->uid = uid;
    if (!str_eq(app->uid, uid) || !chars_fit(CHARS_ID, uid) || uid.len > 256 || str_starts(uid, STR("app_")))
        problem_add(&call->problems, "body", STR("application"), STR("uid"), "value_error",
                    "must be a uid, the same as in the path");
    return call->problems.count == 0;
}

enum err application_bring(struct api *api, struct api_call *call, const struct json *body, struct str uid, oid_t *out)
{
    struct app app = {0};
    if (body->type != JSON_OBJECT)
        call_problem(call, "application", "type_error.dict", "must be an object");
    else if (read_brought(call, body, uid, &app))
        return ensure(api, call, &app, out);
    return ERR_INVALID;
}

enum err api_app_of_message(struct api *api, struct api_call *call, oid_t *out)
{
    struct json_want want = {.name = STR("application")};
    struct json *body;
    struct app app = {0};
    struct str uid = call->params[0];
    if (call->who.app != 0 || json_pick(call->body, &want, 1, NULL) != ERR_OK || want.value.type != JSON_OBJECT ||
        json_parse(call->arena, want.value.raw, &body, NULL) != ERR_OK)
        return ERR_NOT_FOUND;
    if (!api_may_send(&call->who, 0))
        return ERR_FORBIDDEN;
    /* Nothing is created for a message that is then refused. */
    struct message_in in;
    enum err e = message_in_parse(call->arena, call->body, call_header(call, STR("Postrider-Actor")), call->now_ms,
                                  api->retention_payload_ms, &in, &call->problems, NULL);
    if (e != ERR_OK)
        return e;
    if (!read_brought(call, body, uid, &app))
        return ERR_INVALID;
    e = api_env(api, call->reader, str_c(call->who.env), true, call->now_ms, &call->env);
    return e == ERR_OK ? ensure(api, call, &app, out) : e;
}

/* The workspace that is to be changed: what belongs to something else is changed by that. False: answered. */
static bool find_own(const struct api *api, struct api_call *call, struct object *o, struct app *out)
{
    if (!call_app_object(api, call, o, out))
        return false;
    if (!operational_hides(out->uid))
        return true;
    answer_error(call, ERR_NOT_FOUND, "no such workspace");
    return false;
}

void application_get(struct api *api, struct api_call *call)
{
    struct app app;
    if (call_app(api, call, &app))
        answer_app(api, call, 200, &app);
}

void application_put(struct api *api, struct api_call *call)
{
    struct object o;
    struct app app = {0}, before;
    oid_t id;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    enum err e = api_app_id(api, call->reader, call->arena, call->env, call->params[0], &id);
    if (e != ERR_NOT_FOUND || call->who.app != 0) {
        if (!find_own(api, call, &o, &app))
            return;
    }
    before = app;
    fields_read(call->arena, app_fields, app_field_count, FIELD_REPLACE, body, &app, &call->problems);
    if (e == ERR_NOT_FOUND && app.uid.ptr == NULL && !str_starts(call->params[0], STR("app_")) &&
        chars_fit(CHARS_ID, call->params[0]) && call->params[0].len <= 256)
        app.uid = call->params[0];
    if (call_fits(call))
        finish_save(api, call, e == ERR_OK ? &o : NULL, &app, e == ERR_OK ? &before : NULL);
}

void application_patch(struct api *api, struct api_call *call)
{
    struct object o;
    struct app app, before;
    const struct json *body = call_json(call, false);
    if (body == NULL || !find_own(api, call, &o, &app))
        return;
    before = app;
    fields_read(call->arena, app_fields, app_field_count, FIELD_PATCH, body, &app, &call->problems);
    if (call_fits(call))
        finish_save(api, call, &o, &app, &before);
}

void application_delete(struct api *api, struct api_call *call)
{
    struct object o;
    struct app app;
    if (!find_own(api, call, &o, &app))
        return;
    struct task task = {.kind = TASK_DELETE_APP, .env = call->env, .app = app.id};
    struct object_change changes[2] = {
            {.change = OBJECT_DELETE, .object = o, .expected_version = o.version},
            task_create(api, call->arena, &task, call->now_ms),
    };
    changes[0].object.updated_ms = call->now_ms;
    if (!answer_ok(call, call_commit(api, call, changes, 2, call->env, app.id)))
        return;
    task_wake(api, changes[1].object.id);
    answer_empty(call);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    write_app(api, call, (const struct app *)items + i, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct app *)items)[i].id, "app_");
}

/* Which applications a list leaves out, by what their endpoints are. */
struct left_out {
    bool empty;    /* without endpoints */
    bool disabled; /* with only disabled ones */
    bool play;     /* with only ones at Svix Play */
};

static enum err is_left_out(const struct api *api, struct api_call *call, const struct left_out *x, oid_t app,
                            bool *out)
{
    struct object_query q = {.kind = OBJ_ENDPOINT, .env = call->env, .app = app, .limit = PAGE};
    bool any = false, enabled = false, elsewhere = false;
    size_t count = PAGE;
    *out = false;
    if (!x->empty && !x->disabled && !x->play)
        return ERR_OK;
    while (count == PAGE && !(enabled && elsewhere)) {
        struct object *page;
        enum err e = store_list_objects(call->reader, call->arena, &q, &page, &count);
        for (size_t i = 0; e == ERR_OK && i < count; i++) {
            struct endpoint ep;
            q.after = page[i].id;
            e = endpoint_decode(call->arena, api->keys, &page[i], &ep);
            any = true;
            enabled = enabled || (e == ERR_OK && !ep.disabled);
            elsewhere = elsewhere || (e == ERR_OK && !str_starts(ep.url, STR("https://play.svix.com/")));
        }
        if (e != ERR_OK)
            return e;
    }
    *out = any ? (x->disabled && !enabled) || (x->play && !elsewhere) : x->empty;
    return ERR_OK;
}

/* Adds those of a page of objects that are shown, up to one more than the limit. */
static enum err add_shown(const struct api *api, struct api_call *call, const struct left_out *x,
                          const struct object *objects, size_t count, size_t max, struct app *apps, size_t *n)
{
    for (size_t i = 0; i < count && *n < max; i++) {
        bool out = operational_hides(objects[i].key);
        enum err e = out ? ERR_OK : is_left_out(api, call, x, objects[i].id, &out);
        if (e == ERR_OK && !out)
            e = app_decode(call->arena, &objects[i], &apps[(*n)++]);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

void application_list(struct api *api, struct api_call *call)
{
    struct page page, at;
    struct object *objects;
    size_t count, n = 0;
    struct left_out x = {.empty = query_bool(call, "exclude_apps_with_no_endpoints", false),
                         .disabled = query_bool(call, "exclude_apps_with_disabled_endpoints", false),
                         .play = query_bool(call, "exclude_apps_with_svix_play_endpoints", false)};
    if (!page_read(api, call, "app_", PAGE_ASCENDING, &page))
        return;
    at = page;
    at.limit++; /* one of them is not shown */
    struct app *apps = arena_alloc(call->arena, (page.limit + 1) * sizeof *apps);
    do {
        if (!answer_ok(call, list_objects(call, OBJ_APP, call->env, 0, &at, &objects, &count)) ||
            !answer_ok(call, add_shown(api, call, &x, objects, count, page.limit + 1, apps, &n)))
            return;
        if (count > 0)
            at.at = objects[count - 1].id;
    } while (n <= page.limit && count > at.limit);
    answer_page(api, call, &(struct page_items){&page, n, apps, write_item, name_item});
}
