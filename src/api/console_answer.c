/* SPDX-License-Identifier: Apache-2.0 */
/* What the console is told: its session, its cookie, and why not. */
#include <inttypes.h>

#include "api/console.h"
#include "api/portal.h"
#include "base/mem.h"
#include "model/config.h"

void answer_refusal(struct api_call *call, int status, const char *code, const char *detail)
{
    struct json_writer w = answer(call, status);
    json_w_object(&w);
    json_w_str_at(&w, "code", str_c(code));
    json_w_str_at(&w, "detail", str_c(detail));
    json_w_object_end(&w);
}

bool answer_unthrottled(struct api_call *call, int64_t wait_ms)
{
    if (wait_ms <= 0)
        return true;
    answer_refusal(call, 429, err_code(ERR_RATE), "too many tries: wait a little");
    answer_header(call, STR("Retry-After"),
                  arena_printf(call->arena, "%" PRId64, (wait_ms + TIME_SECOND_MS - 1) / TIME_SECOND_MS));
    return false;
}

void answer_cookie(const struct api *api, struct api_call *call, struct str text, bool portal, int64_t life_ms)
{
    bool secure = api->console->secure, framed = portal && secure && api->console->framed;
    answer_header(call, STR("Set-Cookie"),
                  arena_printf(call->arena, "%s=" STR_FMT "; Path=/; Max-Age=%" PRId64 "; HttpOnly%s%s",
                               secure ? CONSOLE_COOKIE_TLS : CONSOLE_COOKIE, STR_ARG(text),
                               text.len > 0 ? life_ms / TIME_SECOND_MS : 0, secure ? "; Secure" : "",
                               framed ? "; SameSite=None; Partitioned" : "; SameSite=Lax"));
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static void write_user(const struct api *api, struct api_call *call, const struct user *u, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, u->id, "user_"));
    json_w_str_at(w, "email", u->email);
    json_w_opt_str_at(w, "name", u->name);
    json_w_bool_at(w, "totp", u->totp.ptr != NULL);
    json_w_object_end(w);
}

/* Of an environment or a workspace: null when it is gone. */
static struct str name_of(struct api_call *call, enum object_kind kind, oid_t id, struct str *uid)
{
    struct object o;
    struct json *body;
    struct str name = STR_NULL;
    if (store_get_object(call->reader, call->arena, kind, id, &o) != ERR_OK || o.deleted_ms != 0 ||
        json_parse(call->arena, o.body, &body, NULL) != ERR_OK)
        return STR_NULL;
    *uid = o.key;
    return json_as_str(json_get(body, STR("name")), &name) ? name : o.key;
}

static void write_member(const struct api *api, struct api_call *call, const struct member *m, struct json_writer *w)
{
    struct str uid, env = name_of(call, OBJ_ENV, m->env, &uid), app = STR_NULL;
    if (m->app != 0)
        app = name_of(call, OBJ_APP, m->app, &uid);
    if (env.ptr == NULL || (m->app != 0 && app.ptr == NULL))
        return;
    json_w_object(w);
    json_w_str_at(w, "environment", m->env_name);
    json_w_str_at(w, "environmentName", env);
    json_w_name(w, STR("app"));
    if (m->app != 0) {
        json_w_object(w);
        json_w_str_at(w, "id", api_id(api, call, m->app, "app_"));
        json_w_opt_str_at(w, "uid", uid);
        json_w_str_at(w, "name", app);
        json_w_object_end(w);
    } else {
        json_w_null(w);
    }
    json_w_str_at(w, "role", m->role);
    json_w_object_end(w);
}

static void write_names(struct json_writer *w, const char *name, const struct str *names, size_t count)
{
    json_w_name(w, str_c(name));
    json_w_array(w);
    for (size_t i = 0; i < count; i++)
        json_w_str(w, names[i]);
    json_w_array_end(w);
}

static void write_portal(const struct api *api, struct api_call *call, const struct portal_key *k,
                         struct json_writer *w)
{
    struct str uid = STR_NULL, name = name_of(call, OBJ_APP, k->app, &uid);
    json_w_object(w);
    json_w_str_at(w, "appId", api_id(api, call, k->app, "app_"));
    json_w_opt_str_at(w, "appUid", uid);
    json_w_opt_str_at(w, "appName", name);
    json_w_bool_at(w, "readOnly", k->read_only);
    portal_write_capabilities(k, w);
    write_names(w, "featureFlags", k->flags, k->flag_count);
    json_w_object_end(w);
}

void answer_session(const struct api *api, struct api_call *call, const struct console_who *who)
{
    struct buf csrf = BUF_INIT(256);
    struct json_writer w = answer(call, 200);
    const struct portal_key *k = &who->portal;
    session_csrf(who->text, &csrf);
    json_w_object(&w);
    json_w_str_at(&w, "id",
                  who->is_portal ? api_id(api, call, k->id, "portal_") : api_id(api, call, who->session.id, "sess_"));
    json_w_str_at(&w, "csrf", buf_str(&csrf));
    json_w_name(&w, STR("user"));
    if (who->is_portal)
        json_w_null(&w);
    else
        write_user(api, call, &who->user, &w);
    json_w_name(&w, STR("portal"));
    if (who->is_portal)
        write_portal(api, call, k, &w);
    else
        json_w_null(&w);
    json_w_name(&w, STR("memberships"));
    json_w_array(&w);
    for (size_t i = 0; i < who->member_count; i++)
        write_member(api, call, &who->members[i], &w);
    json_w_array_end(&w);
    json_w_time_at(&w, "idleExpiresAt", who->is_portal ? portal_idle_ends_ms(k) : session_idle_ends_ms(&who->session));
    json_w_time_at(&w, "expiresAt", who->is_portal ? k->expires_ms : session_ends_ms(&who->session));
    json_w_object_end(&w);
    mem_free_secret(csrf.ptr, csrf.len);
}
