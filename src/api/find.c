/* SPDX-License-Identifier: Apache-2.0 */
/* From the names in a path to objects of the caller's own environment and workspace; whatever is not there, or somebody
 * else's, is not found. */
#include "api/message_in.h"
#include "api/operational.h"

#define UUID_PAGE 250

struct str api_id(const struct api *api, struct api_call *call, oid_t id, const char *prefix)
{
    char text[OID_TEXT_SIZE];
    oid_format(id, prefix, api->id_key, text);
    return arena_str(call->arena, str_c(text));
}

/* By id when it has the prefix of one, else by key. */
static enum err find_object(const struct api *api, struct store_reader *r, struct arena *a, enum object_kind kind,
                            oid_t env, oid_t app, struct str text, struct object *out)
{
    oid_t id = 0;
    enum err e = ERR_NOT_FOUND;
    if (env == 0 || text.len == 0 || (kind == OBJ_APP && operational_hides(text)))
        return ERR_NOT_FOUND;
    if (oid_parse(text, object_prefix(kind), api->id_key, &id) == ERR_OK)
        e = store_get_object(r, a, kind, id, out);
    else if (text.len <= 256)
        e = store_find_object(r, a, kind, env, app, text, out);
    if (e == ERR_OK && (out->deleted_ms != 0 || out->env != env || (app != 0 && out->app != app)))
        e = ERR_NOT_FOUND;
    return e;
}

enum err api_app_id(const struct api *api, struct store_reader *reader, struct arena *a, oid_t env, struct str text,
                    oid_t *out)
{
    struct object o;
    enum err e = find_object(api, reader, a, OBJ_APP, env, 0, text, &o);
    if (e == ERR_OK)
        *out = o.id;
    return e;
}

bool call_app_object(const struct api *api, struct api_call *call, struct object *o, struct app *out)
{
    enum err e = find_object(api, call->reader, call->arena, OBJ_APP, call->env, 0, call->params[0], o);
    if (e == ERR_OK && call->who.app != 0 && call->who.app != o->id)
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such workspace");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, app_decode(call->arena, o, out));
}

bool call_app(const struct api *api, struct api_call *call, struct app *out)
{
    struct object o;
    return call_app_object(api, call, &o, out);
}

bool call_endpoint(const struct api *api, struct api_call *call, const struct app *app, size_t param, struct object *o,
                   struct endpoint *out)
{
    enum err e = find_object(api, call->reader, call->arena, OBJ_ENDPOINT, app->env, app->id, call->params[param], o);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such endpoint");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, endpoint_decode(call->arena, api->keys, o, out));
}

bool call_endpoint_id(const struct api *api, struct api_call *call, const struct app *app, struct str text, oid_t *out)
{
    struct object o;
    oid_t id = 0;
    enum err e;
    if (oid_parse(text, object_prefix(OBJ_ENDPOINT), api->id_key, &id) == ERR_OK) {
        e = store_get_object(call->reader, call->arena, OBJ_ENDPOINT, id, &o);
        if (e == ERR_OK && o.app != app->id)
            e = ERR_NOT_FOUND;
    } else {
        e = find_object(api, call->reader, call->arena, OBJ_ENDPOINT, app->env, app->id, text, &o);
    }
    if (e == ERR_OK)
        *out = o.id;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such endpoint");
        return false;
    }
    return answer_ok(call, e);
}

/* A generated UUID names its millisecond: what the workspace has of it is looked through. */
static enum err find_by_uuid(const struct api *api, struct api_call *call, oid_t app, struct str uuid, oid_t *id)
{
    struct message_query q = {.app = app, .status = -1, .limit = UUID_PAGE};
    struct message *list;
    size_t count = UUID_PAGE;
    oid_t first;
    if (!oid_uuid_range(uuid, &first, &q.before))
        return ERR_NOT_FOUND;
    q.after = first - 1;
    while (count == UUID_PAGE) {
        enum err e = store_list_messages(call->reader, call->arena, &q, &list, NULL, &count);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < count; i++) {
            char own[OID_UUID_SIZE];
            q.before = *id = list[i].id;
            if (str_eq_nocase(message_uuid(&list[i], api->id_key, own), uuid))
                return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

bool call_message(const struct api *api, struct api_call *call, const struct app *app, size_t param, bool with_payload,
                  struct message *out)
{
    struct str text = call->params[param];
    oid_t id = 0;
    enum err e;
    if (oid_parse(text, "msg_", api->id_key, &id) == ERR_OK)
        e = store_get_message(call->reader, call->arena, app->id, id, with_payload, out);
    else
        e = store_find_message(call->reader, call->arena, app->id, text, with_payload, out);
    if (e == ERR_NOT_FOUND && id == 0 && find_by_uuid(api, call, app->id, text, &id) == ERR_OK)
        e = store_get_message(call->reader, call->arena, app->id, id, with_payload, out);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such message");
        return false;
    }
    return answer_ok(call, e);
}

static enum err committed(struct api *api, const struct store_objects *op, enum err e, oid_t env, oid_t app)
{
    /* Event types come along with other changes: somebody else added the same ones just now. */
    if (e == ERR_CONFLICT && op->count > 1 && op->changes[op->failed_at].object.kind == OBJ_EVENT_TYPE)
        return ERR_STALE;
    if (e != ERR_OK)
        return e;
    catalog_changed(api->catalog, env, app);
    if (api->on_config_changed != NULL)
        api->on_config_changed(api->hook_arg, env, app);
    return ERR_OK;
}

enum err api_commit(struct api *api, struct object_change *changes, size_t count, oid_t env, oid_t app)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    enum err e = store_run(api->store, &op.op);
    return committed(api, &op, e, env, app);
}

enum err call_commit(struct api *api, struct api_call *call, struct object_change *changes, size_t count, oid_t env,
                     oid_t app)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    enum err e = call_run(api, call, &op.op);
    return committed(api, &op, e, env, app);
}
