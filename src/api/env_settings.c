/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of an environment: kept in its body, answered, and made to work. */
#include "api/env_settings.h"

#include "api/describe.h"
#include "api/env.h"
#include "api/idempotency.h"
#include "api/routes.h"

#define STORED_MAX (1u << 20)

enum err env_settings_load(const struct api *api, struct arena *a, const struct environment *env,
                           struct env_settings *out)
{
    struct json *body;
    struct str text = env->settings.ptr != NULL ? env->settings : STR("{}");
    if (json_parse(a, text, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct env_settings){0};
    fields_read(a, env_settings_fields, env_settings_field_count, FIELD_LOAD, body, out, NULL);
    if (json_get(body, STR("enforceHttps")) == NULL)
        out->enforce_https = false;
    out->enforce_https = out->enforce_https || api->urls->https_only;
    return ERR_OK;
}

enum err env_settings_own(const struct api *api, struct api_call *call, struct env_settings *out)
{
    struct object o;
    struct environment env;
    enum err e = store_find_object(call->reader, call->arena, OBJ_ENV, 0, 0, str_c(call->who.env), &o);
    if (e == ERR_OK)
        e = environment_decode(call->arena, &o, &env);
    return e == ERR_OK ? env_settings_load(api, call->arena, &env, out) : e;
}

static void write_names(struct json_writer *w, const char *name, const struct str *names, size_t count)
{
    json_w_name(w, str_c(name));
    json_w_array(w);
    for (size_t i = 0; i < count; i++)
        json_w_str(w, names[i]);
    json_w_array_end(w);
}

void env_settings_write(const struct env_settings *s, struct json_writer *w)
{
    fields_write_answer(env_settings_fields, env_settings_field_count, s, w);
    write_names(w, "advancedEndpointTypes", s->endpoint_types, s->endpoint_type_count);
    write_names(w, "applicationAlertEvents", s->alert_events, s->alert_event_count);
    json_w_bool_at(w, "showSvixBrandFooter", false);
    json_w_null_at(w, "whitelabelLogo");
}

/* ---- profiles ------------------------------------------------------------------------------------------------------
 */

/* Nobody edited it and it is not as the settings want it: the two changes that make it so. */
static enum err follow(struct api *api, struct api_call *call, oid_t env, const struct api_profile_row *row, bool plain,
                       struct object_change *changes, size_t *count)
{
    struct object profile, version;
    struct env_profile is;
    struct str wanted = env_profile_wanted(call->arena, row, plain);
    enum err e = store_find_object(call->reader, call->arena, OBJ_PROFILE, env, 0, row->name, &profile);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e != ERR_OK || (e = env_profile_read(call->arena, &profile, &is)) != ERR_OK || !is.builtin)
        return e;
    e = store_get_object(call->reader, call->arena, OBJ_PROFILE_VERSION, is.current, &version);
    if (e != ERR_OK || str_eq(version.body, wanted))
        return e;
    env_profile_replace(api, call->arena, &profile, wanted, true, call->now_ms, changes + *count);
    *count += 2;
    return ERR_OK;
}

enum err env_settings_changes(struct api *api, struct api_call *call, const struct object *o, struct environment *env,
                              const struct env_settings *s, struct object_change *changes, size_t *count)
{
    struct buf out = BUF_INIT(STORED_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(env_settings_fields, env_settings_field_count, s, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    env->settings = arena_str(call->arena, buf_str(&out));
    env->updated_ms = call->now_ms;
    buf_fini(&out);
    changes[(*count)++] = environment_change(call->arena, o, env, call->now_ms);
    for (size_t i = 0; i < api->row_count; i++) {
        enum err e = follow(api, call, env->id, &api->rows[i], env_settings_plain(s), changes, count);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

void env_settings_spread(struct api *api, struct api_call *call, oid_t env)
{
    const struct catalog_env *settings;
    struct catalog_types *types;
    if (envs_load(catalog_envs(api->catalog), call->reader, env, &settings) == ERR_OK)
        catalog_env_unref(settings);
    if (catalog_types_read(api->catalog, call->reader, env, &types) == ERR_OK)
        catalog_types_unref(types);
}

/* ---- handlers ------------------------------------------------------------------------------------------------------
 */

static void answer_settings(struct api_call *call, const struct env_settings *s)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    env_settings_write(s, &w);
    json_w_object_end(&w);
}

void env_settings_get(struct api *api, struct api_call *call)
{
    struct env_settings s;
    if (answer_ok(call, env_settings_own(api, call, &s)))
        answer_settings(call, &s);
}

static void change(struct api *api, struct api_call *call, enum field_mode mode)
{
    struct object o;
    struct environment env;
    struct env_settings s;
    size_t n = 0;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_environment_own(call, &o, &env) ||
        !answer_ok(call, env_settings_load(api, call->arena, &env, &s)))
        return;
    env_settings_read(api, call, body, mode, &s);
    if (!call_fits(call))
        return;
    struct object_change *changes = arena_alloc(call->arena, ENV_SETTINGS_CHANGES_MAX(api) * sizeof *changes);
    enum err e = env_settings_changes(api, call, &o, &env, &s, changes, &n);
    if (!answer_ok(call, e == ERR_OK ? api_commit(api, changes, n, env.id, 0) : e))
        return;
    env_settings_spread(api, call, env.id);
    answer_settings(call, &s);
}

void env_settings_put(struct api *api, struct api_call *call)
{
    change(api, call, FIELD_REPLACE);
}

void env_settings_patch(struct api *api, struct api_call *call)
{
    change(api, call, FIELD_PATCH);
}

/* What the portal needs to know, and everybody with a token of the environment may. */
void env_settings_of_portal(struct api *api, struct api_call *call)
{
    struct env_settings s;
    enum err e = env_settings_own(api, call, &s);
    if (e == ERR_NOT_FOUND)
        e = env_settings_load(api, call->arena, &(struct environment){0}, &s);
    if (!answer_ok(call, e))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    for (size_t i = 0; i < env_settings_field_count; i++) {
        if (env_settings_is_public(&env_settings_fields[i]))
            fields_write_answer(&env_settings_fields[i], 1, &s, &w);
    }
    write_names(&w, "advancedEndpointTypes", s.endpoint_types, s.endpoint_type_count);
    json_w_opt_str_at(&w, "logoUrl", s.logo_url);
    json_w_bool_at(&w, "enableMessageTags", false);
    json_w_bool_at(&w, "showSvixBrandFooter", false);
    json_w_object_end(&w);
}
