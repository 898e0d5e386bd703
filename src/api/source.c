/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ingest sources: made, changed and deleted together with their workspace and trigger. The operations on a source's
 * endpoints are those of any workspace's endpoints; routes say so with ROUTE_SOURCE.
 */
#include "api/source.h"

#include "api/idempotency.h"
#include "api/routes.h"
#include "api/source_cron.h"
#include "api/task.h"
#include "api/trigger_in.h"
#include "api/trigger_url.h"
#include "automation/run.h"
#include "base/time.h"
#include "model/config.h"

#define CHANGES_MAX (TRIGGER_CHANGES_MAX + 3)

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static enum err find(const struct api *api, struct api_call *call, struct object *o, struct source *out)
{
    oid_t id = 0;
    struct str text = call->params[0];
    enum err e = ERR_NOT_FOUND;
    if (call->env == 0)
        return ERR_NOT_FOUND;
    if (oid_parse(text, object_prefix(OBJ_SOURCE), api->id_key, &id) == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_SOURCE, id, o);
    else if (text.len > 0 && text.len <= 256)
        e = store_find_object(call->reader, call->arena, OBJ_SOURCE, call->env, 0, text, o);
    if (e == ERR_OK && (o->deleted_ms != 0 || o->env != call->env))
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? source_decode(call->arena, o, out) : e;
}

bool call_source(const struct api *api, struct api_call *call, struct object *o, struct source *out)
{
    enum err e = find(api, call, o, out);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such source");
        return false;
    }
    return answer_ok(call, e);
}

bool source_enter(struct api *api, struct api_call *call)
{
    struct object o;
    struct source s;
    if (!call_source(api, call, &o, &s))
        return false;
    call->params[0] = api_id(api, call, s.app, object_prefix(OBJ_APP));
    return true;
}

struct trigger_place source_place(struct api *api, struct api_call *call, oid_t app)
{
    return (struct trigger_place){.api = api,
                                  .reader = call->reader,
                                  .arena = call->arena,
                                  .env = call->env,
                                  .app = app,
                                  .now_ms = call->now_ms};
}

static enum err load_trigger(const struct api *api, struct api_call *call, const struct source *s, struct object *o,
                             struct trigger *t)
{
    enum err e = store_get_object(call->reader, call->arena, OBJ_TRIGGER, s->trigger, o);
    return e == ERR_OK ? trigger_decode(call->arena, api->keys, o, t) : e;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

enum err source_url(const struct api *api, struct api_call *call, const struct source *s, struct str *out)
{
    struct object o;
    struct trigger t;
    *out = STR_NULL;
    if (s->trigger == 0)
        return ERR_OK;
    enum err e = load_trigger(api, call, s, &o, &t);
    return e == ERR_OK ? trigger_url_text(api, call->reader, call->arena, &t, out) : e;
}

/* Whether the caller may do what the URL is for, or make another: who may only look sees it without its token. */
static bool may_use_url(const struct api_call *call)
{
    return ((1u << call->who.role) & WHO_SEND) != 0 && (auth_scope_allows(&call->who, AUTH_AREA_MESSAGE, true) ||
                                                        auth_scope_allows(&call->who, AUTH_AREA_APP, true));
}

enum err source_write(const struct api *api, struct api_call *call, const struct source *s, struct json_writer *w)
{
    struct str url;
    enum err e = source_url(api, call, s, &url);
    if (e != ERR_OK)
        return e;
    if (url.len > 0 && !may_use_url(call))
        url = trigger_url_covered(call->arena, url);
    json_w_str_at(w, "id", api_id(api, call, s->id, object_prefix(OBJ_SOURCE)));
    fields_write_answer(source_fields, source_field_count, s, w);
    if (s->config.ptr != NULL)
        json_w_raw_at(w, "config", s->config);
    json_w_opt_str_at(w, "ingestUrl", url);
    json_w_time_at(w, "createdAt", s->created_ms);
    json_w_time_at(w, "updatedAt", s->updated_ms);
    return ERR_OK;
}

static void answer_source(const struct api *api, struct api_call *call, int status, const struct source *s)
{
    struct json_writer w = answer(call, status);
    json_w_object(&w);
    enum err e = source_write(api, call, s, &w);
    json_w_object_end(&w);
    answer_ok(call, e);
}

static void finish(struct api *api, struct api_call *call, int status, enum err e, const struct source *s)
{
    if (e == ERR_CONFLICT)
        answer_error(call, e, "a source with this uid exists");
    else if (answer_ok(call, e))
        answer_source(api, call, status, s);
}

/* ---- make and change --------------------------------------------------------------------------------------------- */

/* A uid has no dot, which others would not take. */
static void check_uid(struct api_call *call, struct str uid)
{
    if (str_find(uid, '.') < uid.len)
        call_problem(call, "uid", "value_error.pattern", "may hold letters, digits, - and _ only");
}

static void app_change(struct api_call *call, const struct source *s, struct app *app, struct object_change *out)
{
    app->name = s->name;
    app->updated_ms = call->now_ms;
    app_encode(call->arena, app, &out->object);
}

/* The source first: it is what the audit log names. */
static void create(struct api *api, struct api_call *call, const struct json *body, struct source *s)
{
    struct object_change changes[CHANGES_MAX];
    struct trigger t = {.use = TRIGGER_SOURCE, .state = TRIGGER_PUBLISHED};
    const struct source_type *type = source_type_read(call, s->type);
    if (type != NULL)
        source_config_read(call, body, type, &t, &s->config);
    check_uid(call, s->uid);
    if (!call_fits(call))
        return;
    s->id = oid_next(api->oids, call->now_ms);
    s->env = call->env;
    s->app = oid_next(api->oids, call->now_ms);
    s->created_ms = s->updated_ms = call->now_ms;
    struct trigger_place at = source_place(api, call, s->app);
    bool timed = type != NULL && (type->flags & SOURCE_CRON) != 0;
    t.automation = s->id;
    if (!timed) {
        trigger_make(&at, &t, &changes[2]);
        s->trigger = t.id;
    }
    changes[0] = (struct object_change){.change = OBJECT_CREATE};
    source_encode(call->arena, s, &changes[0].object);
    struct app app = {.id = s->app,
                      .env = call->env,
                      .uid = arena_printf(call->arena, SOURCE_APP_PREFIX "%lld", (long long)s->id),
                      .profile = STR("standard"),
                      .metadata = STR("{}"),
                      .created_ms = call->now_ms};
    changes[1] = (struct object_change){.change = OBJECT_CREATE};
    app_change(call, s, &app, &changes[1]);
    call_made(call, OBJ_SOURCE, s->id, 201);
    enum err e = timed ? source_cron_plan(api, call, s) : ERR_OK;
    if (e == ERR_OK)
        e = call_commit(api, call, changes, timed ? 2 : 4, call->env, s->app);
    finish(api, call, 201, e, s);
    if (timed)
        runner_wake(api);
}

void source_create(struct api *api, struct api_call *call)
{
    struct source s = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, source_fields, source_field_count, FIELD_CREATE, body, &s, &call->problems);
    create(api, call, body, &s);
}

void source_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct source s;
    if (call_source(api, call, &o, &s))
        answer_source(api, call, 200, &s);
}

/* Writes the source, its workspace if that is called otherwise now, and its trigger (NULL: as it is). */
static void save(struct api *api, struct api_call *call, const struct object *old, struct source *s,
                 struct object_change *trigger)
{
    struct object o;
    struct app app;
    struct object_change changes[3] = {{.change = OBJECT_UPDATE, .expected_version = old->version}};
    size_t count = 1;
    enum err e = store_get_object(call->reader, call->arena, OBJ_APP, s->app, &o);
    if (e == ERR_OK)
        e = app_decode(call->arena, &o, &app);
    if (!answer_ok(call, e))
        return;
    s->updated_ms = call->now_ms;
    source_encode(call->arena, s, &changes[0].object);
    if (!str_eq(app.name, s->name)) {
        changes[count] = (struct object_change){.change = OBJECT_UPDATE, .expected_version = o.version};
        app_change(call, s, &app, &changes[count++]);
    }
    if (trigger != NULL)
        changes[count++] = *trigger;
    finish(api, call, 200, call_commit(api, call, changes, count, call->env, s->app), s);
}

void source_patch(struct api *api, struct api_call *call)
{
    struct object o;
    struct source s;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_source(api, call, &o, &s))
        return;
    fields_read(call->arena, source_fields, source_patch_field_count, FIELD_PATCH, body, &s, &call->problems);
    check_uid(call, s.uid);
    if (call_fits(call))
        save(api, call, &o, &s, NULL);
}

static void replace(struct api *api, struct api_call *call, const struct json *body, const struct object *o,
                    struct source *s)
{
    struct object trigger;
    struct trigger t;
    struct object_change change;
    struct str before = s->type, uid = s->uid;
    bool timed = s->trigger == 0;
    t = (struct trigger){.use = TRIGGER_SOURCE};
    if (!timed && !answer_ok(call, load_trigger(api, call, s, &trigger, &t)))
        return;
    fields_read(call->arena, source_fields, source_field_count, FIELD_REPLACE, body, s, &call->problems);
    if (s->uid.ptr == NULL && str_eq(call->params[0], uid)) /* by which it was called */
        s->uid = uid;
    check_uid(call, s->uid);
    if (!str_eq(before, s->type))
        t.secret_count = 0;
    const struct source_type *type = source_type_read(call, s->type);
    if (type != NULL && timed != ((type->flags & SOURCE_CRON) != 0))
        call_problem(call, "type", "value_error", "a source with a URL stays one, and one with a schedule");
    else if (type != NULL)
        source_config_read(call, body, type, &t, &s->config);
    if (!call_fits(call) || (timed && !answer_ok(call, source_cron_plan(api, call, s))))
        return;
    struct trigger_place at = source_place(api, call, s->app);
    if (!timed)
        trigger_save(&at, &t, &change);
    save(api, call, o, s, timed ? NULL : &change);
    if (timed)
        runner_wake(api);
}

void source_put(struct api *api, struct api_call *call)
{
    struct object o;
    struct source s = {0};
    struct str text = call->params[0];
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    enum err e = find(api, call, &o, &s);
    if (e == ERR_OK) {
        replace(api, call, body, &o, &s);
        return;
    }
    if (e != ERR_NOT_FOUND) {
        answer_error(call, e, NULL);
        return;
    }
    fields_read(call->arena, source_fields, source_field_count, FIELD_CREATE, body, &s, &call->problems);
    if (s.uid.ptr == NULL && !str_starts(text, STR("src_")) && text.len <= 60 && chars_fit(CHARS_ID, text))
        s.uid = text;
    create(api, call, body, &s);
}

void source_delete(struct api *api, struct api_call *call)
{
    struct object o, trigger, app;
    struct source s;
    size_t count = 0;
    struct object_change changes[CHANGES_MAX];
    if (!call_source(api, call, &o, &s))
        return;
    struct trigger_place at = source_place(api, call, s.app);
    enum err e = ERR_OK;
    if (s.trigger != 0)
        e = store_get_object(call->reader, call->arena, OBJ_TRIGGER, s.trigger, &trigger);
    if (e == ERR_OK && s.trigger != 0)
        e = trigger_remove(&at, &trigger, &changes[1], &count);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_APP, s.app, &app);
    if (!answer_ok(call, e))
        return;
    struct task task = {.kind = TASK_DELETE_APP, .env = call->env, .app = s.app};
    changes[0] = (struct object_change){.change = OBJECT_DELETE, .object = o, .expected_version = o.version};
    changes[0].object.updated_ms = call->now_ms;
    count++;
    changes[count] = (struct object_change){.change = OBJECT_DELETE, .object = app};
    changes[count++].object.updated_ms = call->now_ms;
    changes[count++] = task_create(api, call->arena, &task, call->now_ms);
    if (!answer_ok(call, call_commit(api, call, changes, count, call->env, s.app)))
        return;
    task_wake(api, changes[count - 1].object.id);
    answer_empty(call);
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

struct listed {
    const struct source *sources;
    enum err err;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    struct listed *l = (struct listed *)(uintptr_t)items;
    json_w_object(w);
    enum err e = source_write(api, call, &l->sources[i], w);
    json_w_object_end(w);
    if (e != ERR_OK)
        l->err = e;
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->sources[i].id, object_prefix(OBJ_SOURCE));
}

void source_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct object *objects = NULL;
    size_t count = 0;
    if (!page_read(api, call, object_prefix(OBJ_SOURCE), PAGE_DESCENDING, &page) ||
        !answer_ok(call, list_objects(call, OBJ_SOURCE, call->env, 0, &page, &objects, &count)))
        return;
    struct source *sources = arena_alloc(call->arena, (count + 1) * sizeof *sources);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, source_decode(call->arena, &objects[i], &sources[i])))
            return;
    }
    struct listed l = {.sources = sources};
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
    answer_ok(call, l.err);
}
