/* SPDX-License-Identifier: Apache-2.0 */
/* Environments: made, seen, named and deleted by the one that owns them. */
#include "api/environment.h"

#include "api/env.h"
#include "api/routes.h"
#include "api/task.h"
#include "auth/token.h"

#define TYPES       "must be 'development' or 'production'"
#define SCAN_PAGE   250
#define REVOKES_MAX 10000 /* keys of an environment that is deleted, in one commit */

#define AT(member) offsetof(struct environment, member)

/* A change only gives the name: the first row. */
const struct field environment_fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(name), .min = 1, .max = 255},
        {.name = "type", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(type)},
        {.name = "owner", .kind = FIELD_TEXT, .flags = FIELD_STORED, .at = AT(owner)},
        {.name = "settings", .kind = FIELD_OBJECT, .flags = FIELD_STORED, .at = AT(settings)},
};
const size_t environment_field_count = ARRAY_LEN(environment_fields);
const size_t environment_change_field_count = 1;

enum err environment_decode(struct arena *a, const struct object *o, struct environment *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct environment){.type = STR("production")};
    fields_read(a, environment_fields, environment_field_count, FIELD_LOAD, body, out, NULL);
    out->id = o->id;
    out->key = o->key;
    out->created_ms = o->created_ms;
    out->updated_ms = o->updated_ms;
    out->version = o->version;
    return ERR_OK;
}

static struct str encode(struct arena *a, const struct environment *env)
{
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(environment_fields, environment_field_count, env, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

struct object_change environment_change(struct arena *a, const struct object *o, const struct environment *env,
                                        int64_t now_ms)
{
    struct object_change change = {.change = OBJECT_UPDATE, .object = *o, .expected_version = o->version};
    change.object.body = encode(a, env);
    change.object.updated_ms = now_ms;
    return change;
}

/* ---- finding ------------------------------------------------------------------------------------------------------
 */

static bool is_managed(const struct api_call *call, const struct environment *env)
{
    struct str own = str_c(call->who.env);
    return str_eq(env->key, own) || (env->owner.ptr != NULL && str_eq(env->owner, own));
}

static bool find(struct api_call *call, struct str key, struct object *o, struct environment *out)
{
    enum err e = ERR_NOT_FOUND;
    if (key.len > 0 && key.len <= 256)
        e = store_find_object(call->reader, call->arena, OBJ_ENV, 0, 0, key, o);
    if (e == ERR_OK && (e = environment_decode(call->arena, o, out)) == ERR_OK && !is_managed(call, out))
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such environment");
        return false;
    }
    return answer_ok(call, e);
}

bool call_environment_own(struct api_call *call, struct object *o, struct environment *out)
{
    return find(call, str_c(call->who.env), o, out);
}

bool call_environment(struct api_call *call, size_t param, struct object *o, struct environment *out)
{
    return find(call, call->params[param], o, out);
}

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

static void write_environment(const struct environment *env, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", env->key);
    json_w_str_at(w, "name", env->name.ptr != NULL ? env->name : env->key);
    json_w_str_at(w, "type", env->type);
    json_w_str_at(w, "region", STR("self-hosted"));
    json_w_opt_str_at(w, "owner", env->owner);
    json_w_time_at(w, "createdAt", env->created_ms);
    json_w_time_at(w, "updatedAt", env->updated_ms);
    json_w_object_end(w);
}

static void answer_environment(struct api_call *call, int status, const struct environment *env)
{
    struct json_writer w = answer(call, status);
    write_environment(env, &w);
}

void environment_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct environment env;
    (void)api;
    if (call_environment(call, 0, &o, &env))
        answer_environment(call, 200, &env);
}

void environment_create(struct api *api, struct api_call *call)
{
    struct object own, made;
    struct environment self, env = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_environment_own(call, &own, &self))
        return;
    if (self.owner.ptr != NULL) {
        answer_error(call, ERR_FORBIDDEN, "an environment that another one owns makes no more of them");
        return;
    }
    fields_read(call->arena, environment_fields, environment_field_count, FIELD_CREATE, body, &env, &call->problems);
    if (env.type.ptr != NULL && !str_eq(env.type, STR("development")) && !str_eq(env.type, STR("production")))
        call_problem(call, "type", "value_error.const", TYPES);
    if (!call_fits(call))
        return;
    env.id = oid_next(api->oids, call->now_ms);
    env.key = api_id(api, call, env.id, object_prefix(OBJ_ENV));
    env.owner = self.key;
    env.created_ms = env.updated_ms = call->now_ms;
    made = (struct object){.id = env.id,
                           .kind = OBJ_ENV,
                           .key = env.key,
                           .body = encode(call->arena, &env),
                           .created_ms = call->now_ms,
                           .updated_ms = call->now_ms};
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}};
    op.changes = env_creation(api, call->arena, &made, &op.count);
    call_made(call, OBJ_ENV, env.id, 201);
    if (answer_ok(call, call_run(api, call, &op.op)))
        answer_environment(call, 201, &env);
}

void environment_put(struct api *api, struct api_call *call)
{
    struct object o;
    struct environment env;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_environment(call, 0, &o, &env))
        return;
    fields_read(call->arena, environment_fields, environment_change_field_count, FIELD_REPLACE, body, &env,
                &call->problems);
    if (!call_fits(call))
        return;
    env.updated_ms = call->now_ms;
    struct object_change change = environment_change(call->arena, &o, &env, call->now_ms);
    if (answer_ok(call, api_commit(api, &change, 1, env.id, 0)))
        answer_environment(call, 200, &env);
}

/* Gone at once with all of its keys; a job deletes the workspaces, one after the other. */
void environment_delete(struct api *api, struct api_call *call)
{
    struct object o;
    struct environment env;
    size_t keys = 0;
    if (!call_environment(call, 0, &o, &env))
        return;
    if (str_eq(env.key, str_c(call->who.env))) {
        answer_error(call, ERR_CONFLICT, "an environment cannot delete itself: the one that owns it can");
        return;
    }
    struct object_change *changes = arena_alloc(call->arena, (REVOKES_MAX + 2) * sizeof *changes);
    if (!answer_ok(call,
                   token_revoke_all(call->reader, call->arena, env.key, call->now_ms, changes + 2, REVOKES_MAX, &keys)))
        return;
    if (keys == REVOKES_MAX) {
        answer_error(call, ERR_CONFLICT, "it has too many API keys: revoke some first");
        return;
    }
    struct task task = {.kind = TASK_DELETE_ENV, .env = call->env, .victim = env.id};
    changes[0] = (struct object_change){.change = OBJECT_DELETE, .object = o, .expected_version = o.version};
    changes[0].object.updated_ms = call->now_ms;
    changes[1] = task_create(api, call->arena, &task, call->now_ms);
    enum err e = api_commit(api, changes, keys + 2, env.id, 0);
    /* A key that somebody else revoked just now: look again. */
    if (!answer_ok(call, e == ERR_NOT_FOUND ? ERR_STALE : e))
        return;
    if (api->on_token_changed != NULL)
        api->on_token_changed(api->hook_arg);
    task_wake(api, changes[1].object.id);
    answer_empty(call);
}

/* ---- list ---------------------------------------------------------------------------------------------------------
 */

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    (void)api;
    (void)call;
    write_environment((const struct environment *)items + i, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct environment *)items)[i].id, object_prefix(OBJ_ENV));
}

/* Iterators are made from the object's id, which is not in the answer: tokens name environments as they like. */
void environment_list(struct api *api, struct api_call *call)
{
    struct page page;
    size_t n = 0, got;
    if (!page_read(api, call, object_prefix(OBJ_ENV), PAGE_ASCENDING, &page))
        return;
    struct environment *found = arena_alloc(call->arena, (page.limit + 1) * sizeof *found);
    oid_t after = page.at;
    do {
        struct object *objects;
        struct object_query q = {
                .kind = OBJ_ENV, .descending = page_asks_descending(&page), .after = after, .limit = SCAN_PAGE};
        if (!answer_ok(call, store_list_objects(call->reader, call->arena, &q, &objects, &got)))
            return;
        for (size_t i = 0; i < got && n <= page.limit; i++) {
            after = objects[i].id;
            if (environment_decode(call->arena, &objects[i], &found[n]) == ERR_OK && is_managed(call, &found[n]))
                n++;
        }
    } while (got == SCAN_PAGE && n <= page.limit);
    answer_page(api, call, &(struct page_items){&page, n, found, write_item, name_item});
}
