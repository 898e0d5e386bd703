/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export and import of what an environment consists of beside its workspaces: event types, settings, connectors. An
 * import replaces what has the same name, leaves alone what is not in it, and writes all or nothing; the same twice
 * changes nothing the second time.
 */
#include <stdlib.h>

#include "api/connector.h"
#include "api/env_settings.h"
#include "api/event_type.h"
#include "api/idempotency.h"
#include "api/message_check.h"
#include "api/problems.h"
#include "api/routes.h"

#define PAGE      250
#define TYPES_MAX 5000 /* of an import */
#define VERSION   1    /* of what an export says; the only one there is */

/* ---- export -------------------------------------------------------------------------------------------------------
 */

static enum err write_types(struct api_call *call, struct json_writer *w)
{
    struct str after = STR_NULL;
    size_t got;
    do {
        struct object *objects;
        struct object_query q = {
                .kind = OBJ_EVENT_TYPE, .env = call->env, .by_key = true, .after_key = after, .limit = PAGE};
        enum err e = store_list_objects(call->reader, call->arena, &q, &objects, &got);
        for (size_t i = 0; e == ERR_OK && i < got; i++) {
            struct event_type t;
            after = objects[i].key;
            if ((e = event_type_decode(call->arena, &objects[i], &t)) == ERR_OK)
                event_type_write(&objects[i], &t, w);
        }
        if (e != ERR_OK)
            return e;
    } while (got == PAGE);
    return ERR_OK;
}

void environment_export(struct api *api, struct api_call *call)
{
    struct env_settings settings;
    struct object *objects;
    struct connector *connectors;
    size_t count;
    if (!answer_ok(call, env_settings_own(api, call, &settings)) ||
        !answer_ok(call, connectors_read(call, call->env, &objects, &connectors, &count)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_i64_at(&w, "version", VERSION);
    json_w_time_at(&w, "createdAt", call->now_ms);
    json_w_name(&w, STR("eventTypes"));
    json_w_array(&w);
    enum err e = write_types(call, &w);
    json_w_array_end(&w);
    json_w_name(&w, STR("settings"));
    json_w_object(&w);
    env_settings_write(&settings, &w);
    json_w_object_end(&w);
    json_w_name(&w, STR("connectors"));
    json_w_array(&w);
    for (size_t i = 0; i < count; i++)
        connector_out(api, call, &connectors[i], &w);
    json_w_array_end(&w);
    json_w_object_end(&w);
    answer_ok(call, e);
}

/* ---- import -------------------------------------------------------------------------------------------------------
 */

struct import {
    struct api *api;
    struct api_call *call;
    struct object_change *changes;
    size_t count;
    struct object *connector_objects; /* those that are there, in parallel */
    struct connector *connectors;
    size_t connector_count;
    size_t connectors_new;
};

/* The list of this name, with a problem if it is none; NULL: nothing to import. */
static const struct json *list_of(struct api_call *call, const struct json *body, const char *name, size_t max)
{
    const struct json *list = json_get(body, str_c(name));
    if (list == NULL || json_is_null(list))
        return NULL;
    if (list->type != JSON_ARRAY)
        call_problem(call, name, "type_error.list", "must be a list");
    else if (list->count > max)
        call_problem(call, name, "value_error.max_items", "may have at most %zu items", max);
    else
        return list;
    return NULL;
}

/* The profile whose catalogue a type comes from, if this environment has it. */
static struct str known_profile(struct api_call *call, const struct json *body)
{
    struct object o;
    struct str name;
    if (!json_as_str(json_get(body, STR("profile")), &name) || name.len == 0 || name.len > 256 ||
        store_find_object(call->reader, call->arena, OBJ_PROFILE, call->env, 0, name, &o) != ERR_OK)
        return STR_NULL;
    return arena_str(call->arena, name);
}

static enum err import_type(struct import *in, const struct json *body)
{
    struct api_call *call = in->call;
    struct object old;
    struct event_type t = {0};
    fields_read(call->arena, event_type_fields, event_type_field_count, FIELD_CREATE, body, &t, &call->problems);
    if (t.validate)
        schemas_check(call->arena, t.schemas, &call->problems);
    if (call->problems.count > 0)
        return ERR_OK;
    t.profile = known_profile(call, body);
    enum err e = event_type_find(call, t.name, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    struct object_change change = {.change = OBJECT_CREATE,
                                   .object = {.kind = OBJ_EVENT_TYPE, .env = call->env, .created_ms = call->now_ms}};
    struct str text = event_type_encode(call->arena, &t);
    if (e == ERR_OK && str_eq(old.body, text))
        return ERR_OK;
    if (e == ERR_OK)
        change = (struct object_change){.change = OBJECT_UPDATE, .object = old, .expected_version = old.version};
    else
        change.object.id = oid_next(in->api->oids, call->now_ms);
    change.object.key = t.name;
    change.object.body = text;
    change.object.updated_ms = call->now_ms;
    in->changes[in->count++] = change;
    return ERR_OK;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* A name that is there twice would be written twice in one commit. */
static void refuse_twins(struct api_call *call, const char *list, struct str *names, size_t count)
{
    qsort(names, count, sizeof *names, by_key);
    for (size_t i = 1; i < count; i++) {
        if (str_eq(names[i - 1], names[i]))
            problem_add(&call->problems, "body", str_c(list), names[i], "value_error.unique_items", "is there twice");
    }
}

/* Each item of a list by itself, so that a problem says where it is. */
static enum err import_list(struct import *in, const struct json *list, const char *name,
                            enum err (*take)(struct import *in, const struct json *body))
{
    struct api_call *call = in->call;
    struct str *names = arena_alloc(call->arena, ((list != NULL ? list->count : 0) + 1) * sizeof *names);
    size_t i = 0, n = 0;
    enum err e = ERR_OK;
    for (const struct json *item = list != NULL ? list->child : NULL; item != NULL && e == ERR_OK;
         item = item->next, i++) {
        struct problems outer = call->problems;
        call->problems = PROBLEMS_INIT;
        if (item->type != JSON_OBJECT)
            problem_add(&call->problems, "body", STR_NULL, STR_NULL, "type_error.dict", "must be an object");
        else
            e = take(in, item);
        if (json_as_str(json_get(item, STR("uid")), &names[n]) || json_as_str(json_get(item, STR("name")), &names[n]))
            n++;
        problems_move(call->arena, &call->problems, &outer, str_c(name), arena_printf(call->arena, "%zu", i));
        call->problems = outer;
    }
    if (e == ERR_OK)
        refuse_twins(call, name, names, n);
    return e;
}

static enum err import_connector(struct import *in, const struct json *body)
{
    struct api_call *call = in->call;
    struct connector c = {0}, *all = in->connectors;
    size_t count = in->connector_count, at = 0;
    connector_in(call, body, &c);
    if (call->problems.count > 0)
        return ERR_OK;
    while (at < count &&
           !(c.uid.ptr != NULL ? str_eq(all[at].uid, c.uid) : all[at].uid.ptr == NULL && str_eq(all[at].name, c.name)))
        at++;
    if (at == count && count + in->connectors_new++ >= CONNECTORS_MAX) {
        problem_add(&call->problems, "body", STR_NULL, STR_NULL, "value_error.limit",
                    "this environment has as many connectors as it may have");
        return ERR_OK;
    }
    in->count += connector_change(in->api, call, call->env, at < count ? &in->connector_objects[at] : NULL,
                                  at < count ? &all[at] : NULL, &c, &in->changes[in->count]);
    return ERR_OK;
}

static enum err import_settings(struct import *in, const struct json *body)
{
    struct api_call *call = in->call;
    struct object o;
    struct environment env;
    struct env_settings s;
    if (body == NULL || json_is_null(body))
        return ERR_OK;
    if (body->type != JSON_OBJECT) {
        call_problem(call, "settings", "type_error.dict", "must be an object");
        return ERR_OK;
    }
    enum err e = store_find_object(call->reader, call->arena, OBJ_ENV, 0, 0, str_c(call->who.env), &o);
    if (e != ERR_OK || (e = environment_decode(call->arena, &o, &env)) != ERR_OK ||
        (e = env_settings_load(in->api, call->arena, &env, &s)) != ERR_OK)
        return e;
    struct problems outer = call->problems;
    struct str before = env.settings;
    size_t from = in->count;
    call->problems = PROBLEMS_INIT;
    env_settings_read(in->api, call, body, FIELD_REPLACE, &s);
    if (call->problems.count == 0)
        e = env_settings_changes(in->api, call, &o, &env, &s, in->changes, &in->count);
    if (before.ptr != NULL && str_eq(before, env.settings))
        in->count = from;
    problems_move(call->arena, &call->problems, &outer, STR("settings"), STR_NULL);
    call->problems = outer;
    return e;
}

/* Without a version it was written by hand, as this one. What is asked for and would not be done is refused. */
static void check_head(struct api_call *call, const struct json *body)
{
    static const char *const others[] = {"dryRun", "replaceAll"};
    const struct json *version = json_get(body, STR("version"));
    int64_t n;
    if (version != NULL && !json_is_null(version) && (!json_as_i64(version, &n) || n != VERSION))
        call_problem(call, "version", "value_error.const",
                     "must be %d, the only version that there is: this export is of a newer Postrider, or of something "
                     "else",
                     VERSION);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        const struct json *asked = json_get(body, str_c(others[i]));
        if (asked != NULL && asked->type == JSON_TRUE)
            call_problem(call, others[i], "value_error",
                         "is not possible here: an import replaces what has the same name and leaves all else alone");
    }
}

void environment_import(struct api *api, struct api_call *call)
{
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    struct import in = {.api = api, .call = call};
    check_head(call, body);
    const struct json *types = list_of(call, body, "eventTypes", TYPES_MAX);
    const struct json *connectors = list_of(call, body, "connectors", CONNECTORS_MAX);
    size_t max = (types != NULL ? types->count : 0) + (connectors != NULL ? connectors->count : 0) +
                 ENV_SETTINGS_CHANGES_MAX(api);
    in.changes = arena_zalloc(call->arena, max * sizeof *in.changes);
    enum err e = import_list(&in, types, "eventTypes", import_type);
    if (e == ERR_OK && connectors != NULL)
        e = connectors_read(call, call->env, &in.connector_objects, &in.connectors, &in.connector_count);
    if (e == ERR_OK)
        e = import_list(&in, connectors, "connectors", import_connector);
    if (e == ERR_OK)
        e = import_settings(&in, json_get(body, STR("settings")));
    if (!answer_ok(call, e) || !call_fits(call))
        return;
    call_made(call, MADE_NOTHING, 0, 204);
    if (in.count > 0 && !answer_ok(call, call_commit(api, call, in.changes, in.count, call->env, 0)))
        return;
    env_settings_spread(api, call, call->env);
    answer_empty(call);
}
