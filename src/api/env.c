/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environments come into being with the first write of a token that names them, together with the profiles of this
 * binary. Two tokens may be first at once: the key of the environment is unique, the loser reads what the winner wrote.
 */
#include "api/env.h"

#include <inttypes.h>

#include "api/env_settings.h"

#define PAGE 250

static const struct {
    const char *name;
    const char *description;
} operational[] = {
        {"endpoint.created", "An endpoint was created"},
        {"endpoint.updated", "An endpoint was changed"},
        {"endpoint.deleted", "An endpoint was deleted"},
        {"endpoint.disabled", "An endpoint was disabled, by itself or by somebody"},
        {"endpoint.enabled", "An endpoint was enabled again"},
        {"message.attempt.failing", "A message has failed several times and is still being tried"},
        {"message.attempt.exhausted", "All attempts of a message have failed"},
        {"message.attempt.recovered", "A message was delivered after it had failed"},
};

struct str env_profile_body(struct arena *a, oid_t version, bool builtin)
{
    return arena_printf(a, "{\"current\":\"%" PRId64 "\",\"builtin\":%s}", version, builtin ? "true" : "false");
}

/* Two changes: the version and the profile that points to it. */
static void add_profile(const struct api *api, struct arena *a, oid_t env, const struct api_profile_row *row,
                        int64_t now_ms, struct object_change *two)
{
    struct object base = {.env = env, .created_ms = now_ms, .updated_ms = now_ms};
    two[0] = (struct object_change){.change = OBJECT_CREATE, .object = base};
    two[0].object.kind = OBJ_PROFILE_VERSION;
    two[0].object.id = oid_next(api->oids, now_ms);
    two[0].object.body = row->json;
    two[1] = (struct object_change){.change = OBJECT_CREATE, .object = base};
    two[1].object.kind = OBJ_PROFILE;
    two[1].object.id = oid_next(api->oids, now_ms);
    two[1].object.key = row->name;
    two[1].object.body = env_profile_body(a, two[0].object.id, true);
}

struct object_change *env_creation(const struct api *api, struct arena *a, const struct object *env, size_t *count)
{
    size_t n = 0;
    struct object_change *changes =
            arena_zalloc(a, (1 + 2 * api->row_count + ARRAY_LEN(operational)) * sizeof *changes);
    changes[n++] = (struct object_change){.change = OBJECT_CREATE, .object = *env};
    for (size_t i = 0; i < api->row_count; i++, n += 2)
        add_profile(api, a, env->id, &api->rows[i], env->created_ms, &changes[n]);
    for (size_t i = 0; i < ARRAY_LEN(operational) && str_eq(env->key, STR(MANAGEMENT_ENV)); i++)
        changes[n++] = (struct object_change){
                .change = OBJECT_CREATE,
                .object = {.id = oid_next(api->oids, env->created_ms),
                           .kind = OBJ_EVENT_TYPE,
                           .env = env->id,
                           .key = str_c(operational[i].name),
                           .body = arena_printf(a, "{\"description\":\"%s\"}", operational[i].description),
                           .created_ms = env->created_ms,
                           .updated_ms = env->created_ms}};
    *count = n;
    return changes;
}

/* One that the API made and that was deleted does not come back because somebody still holds a token of it. */
static enum err is_deleted(const struct api *api, struct store_reader *reader, struct arena *a, struct str name,
                           bool *out)
{
    struct object o;
    oid_t id;
    *out = false;
    if (oid_parse(name, object_prefix(OBJ_ENV), api->id_key, &id) != ERR_OK)
        return ERR_OK;
    enum err e = store_get_object(reader, a, OBJ_ENV, id, &o);
    *out = e == ERR_OK && str_eq(o.key, name);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err create(const struct api *api, struct store_reader *reader, struct arena *a, struct str name,
                       int64_t now_ms, oid_t *out)
{
    bool deleted;
    enum err e = is_deleted(api, reader, a, name, &deleted);
    if (e != ERR_OK || deleted)
        return e != ERR_OK ? e : ERR_NOT_FOUND;
    struct object env = {.id = oid_next(api->oids, now_ms),
                         .kind = OBJ_ENV,
                         .key = name,
                         .body = STR("{}"),
                         .created_ms = now_ms,
                         .updated_ms = now_ms};
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}};
    op.changes = env_creation(api, a, &env, &op.count);
    e = store_run(api->store, &op.op);
    if (e == ERR_OK)
        *out = env.id;
    return e;
}

enum err api_env(const struct api *api, struct store_reader *reader, struct str name, bool make, int64_t now_ms,
                 oid_t *out)
{
    struct object o;
    struct arena *a = arena_new(4096);
    enum err e = store_find_object(reader, a, OBJ_ENV, 0, 0, name, &o);
    if (e == ERR_NOT_FOUND && make) {
        e = create(api, reader, a, name, now_ms, &o.id);
        if (e == ERR_CONFLICT)
            e = store_find_object(reader, a, OBJ_ENV, 0, 0, name, &o);
    } else if (e == ERR_NOT_FOUND) {
        e = ERR_OK;
        o.id = 0;
    }
    if (e == ERR_OK)
        *out = o.id;
    arena_free(a);
    return e;
}

void env_profile_replace(const struct api *api, struct arena *a, const struct object *profile, struct str row,
                         bool builtin, int64_t now_ms, struct object_change two[2])
{
    two[0] = (struct object_change){.change = OBJECT_CREATE,
                                    .object = {.id = oid_next(api->oids, now_ms),
                                               .kind = OBJ_PROFILE_VERSION,
                                               .env = profile->env,
                                               .body = row,
                                               .created_ms = now_ms,
                                               .updated_ms = now_ms}};
    two[1] = (struct object_change){.change = OBJECT_UPDATE, .object = *profile, .expected_version = profile->version};
    two[1].object.body = env_profile_body(a, two[0].object.id, builtin);
    two[1].object.updated_ms = now_ms;
}

/* One profile of one environment: added when it is missing, a new version when the binary's row differs and nobody
 * edited. */
static enum err upgrade_profile(struct api *api, struct store_reader *r, struct arena *a, oid_t env,
                                const struct api_profile_row *row, bool plain, int64_t now_ms)
{
    struct object profile, version;
    struct env_profile is;
    struct object_change two[2];
    struct str wanted = env_profile_wanted(a, row, plain);
    enum err e = store_find_object(r, a, OBJ_PROFILE, env, 0, row->name, &profile);
    if (e == ERR_NOT_FOUND) {
        add_profile(api, a, env, &(struct api_profile_row){row->name, wanted}, now_ms, two);
        return api_commit(api, two, 2, env, 0);
    }
    if (e != ERR_OK || (e = env_profile_read(a, &profile, &is)) != ERR_OK || !is.builtin)
        return e;
    e = store_get_object(r, a, OBJ_PROFILE_VERSION, is.current, &version);
    if (e != ERR_OK || str_eq(version.body, wanted))
        return e;
    env_profile_replace(api, a, &profile, wanted, true, now_ms, two);
    return api_commit(api, two, 2, env, 0);
}

static enum err upgrade(struct api *api, struct store_reader *r, struct arena *a, const struct object *o,
                        int64_t now_ms)
{
    struct environment env;
    struct env_settings s;
    enum err e = environment_decode(a, o, &env);
    if (e == ERR_OK)
        e = env_settings_load(api, a, &env, &s);
    for (size_t i = 0; e == ERR_OK && i < api->row_count; i++)
        e = upgrade_profile(api, r, a, o->id, &api->rows[i], env_settings_plain(&s), now_ms);
    return e;
}

enum err env_profile_read(struct arena *a, const struct object *o, struct env_profile *out)
{
    struct json *body;
    struct str text;
    uint64_t current;
    bool builtin = false;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK || !json_as_str(json_get(body, STR("current")), &text) ||
        str_to_u64(text, &current) != ERR_OK)
        return ERR_INVALID;
    json_as_bool(json_get(body, STR("builtin")), &builtin);
    *out = (struct env_profile){.current = (oid_t)current, .builtin = builtin};
    return ERR_OK;
}

enum err env_upgrade_all(struct api *api, struct store_reader *r, int64_t now_ms)
{
    oid_t after = 0;
    size_t n = 0;
    do {
        struct arena *a = arena_new(65536);
        struct object *envs = NULL;
        struct object_query q = {.kind = OBJ_ENV, .after = after, .limit = PAGE};
        enum err e = store_list_objects(r, a, &q, &envs, &n);
        for (size_t i = 0; e == ERR_OK && i < n; i++) {
            after = envs[i].id;
            e = upgrade(api, r, a, &envs[i], now_ms);
        }
        arena_free(a);
        if (e != ERR_OK)
            return e;
    } while (n == PAGE);
    return ERR_OK;
}

bool env_is_operational_type(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(operational); i++) {
        if (str_eq(name, str_c(operational[i].name)))
            return true;
    }
    return false;
}
