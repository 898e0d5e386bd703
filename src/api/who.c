/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking, and whether a route is for them. */
#include "api/who.h"
#include "api/console.h"
#include "auth/portal.h"
#include "auth/token.h"
#include "crypto/seal.h"
#include "sys/clock.h"

static enum err by_key(const struct api *api, struct store_reader *reader, struct arena *a, struct str key,
                       int64_t now_ms, struct principal *out)
{
    struct token t;
    if (reader == NULL)
        return ERR_UNAVAILABLE;
    enum err e = token_find(reader, a, key, now_ms, &t);
    if (e != ERR_OK)
        return e;
    token_principal(&t, out);
    token_touch(api->store, a, &t, key, now_ms);
    return out->role != AUTH_NOBODY ? ERR_OK : ERR_UNAUTHORIZED;
}

static enum err by_portal_key(const struct api *api, struct store_reader *reader, struct arena *a, struct str key,
                              int64_t now_ms, struct principal *out)
{
    struct portal_key k;
    if (reader == NULL)
        return ERR_UNAVAILABLE;
    enum err e = portal_find(reader, a, api->id_key, key, now_ms, &k);
    if (e == ERR_OK)
        portal_principal(&k, out);
    return e;
}

enum err api_authenticate(const struct api *api, struct store_reader *reader, struct arena *a, struct str authorization,
                          int64_t now_ms, struct principal *out)
{
    struct str token = str_trim(authorization), app = STR_NULL;
    if (!str_starts_nocase(token, STR("bearer ")))
        return ERR_UNAUTHORIZED;
    token = str_trim(str_skip(token, 7));
    if (str_starts(token, STR("prk_")))
        return by_key(api, reader, a, token, now_ms, out);
    if (str_starts(token, STR(PORTAL_SESSION_PREFIX)))
        return by_portal_key(api, reader, a, token, now_ms, out);
    struct principal p;
    /* Made elsewhere, by the clock that others have; our own may still be on its way to it (sys/clock.h). */
    if (auth_jwt_verify(a, token, keyring_jwt_secret(api->keys), clock_system_ms(), &p, &app) != ERR_OK)
        return ERR_UNAUTHORIZED;
    if (app.ptr != NULL && oid_parse(app, "app_", api->id_key, &p.app) != ERR_OK)
        return ERR_UNAUTHORIZED;
    *out = p;
    return ERR_OK;
}

enum err api_identify(const struct api *api, struct api_call *call, struct str app_text, bool session_only,
                      const char **why)
{
    *why = NULL;
    call->console = NULL;
    if (console_cookie(api, call->headers, call->header_count).ptr != NULL)
        return console_identify(api, call, app_text, session_only, why);
    return session_only ? ERR_UNAUTHORIZED
                        : api_authenticate(api, call->reader, call->arena, call_header(call, STR("Authorization")),
                                           call->now_ms, &call->who);
}

struct str api_credential(const struct api *api, struct arena *a, const struct http_header *headers, size_t count)
{
    struct str cookie = console_cookie(api, headers, count), authorization = STR_NULL, env = STR_NULL;
    for (size_t i = count; i-- > 0;) {
        if (str_eq_nocase(headers[i].name, STR("Authorization")))
            authorization = headers[i].value;
        else if (str_eq_nocase(headers[i].name, STR(CONSOLE_ENV_HEADER)))
            env = headers[i].value;
    }
    return cookie.ptr == NULL ? authorization : arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(env), STR_ARG(cookie));
}

bool api_may_send(const struct principal *who, oid_t app)
{
    return ((1u << who->role) & WHO_SEND) != 0 && auth_scope_allows(who, AUTH_AREA_MESSAGE, true) &&
           (who->app == 0 || who->app == app);
}

struct str api_actor(const struct api *api, struct arena *a, const struct principal *who)
{
    char key[OID_TEXT_SIZE];
    struct buf out = BUF_INIT(4096);
    struct json_writer w = json_writer(&out);
    bool portal = who->role == AUTH_PORTAL || who->role == AUTH_PORTAL_READ;
    oid_t id = who->user != 0 ? who->user : who->token;
    const char *prefix = who->user != 0 ? "user_" : portal ? "portal_" : "key_";
    if (id != 0)
        oid_format(id, prefix, api->id_key, key);
    json_w_object(&w);
    struct str type = who->token != 0 ? STR("api_key") : STR("token");
    if (portal)
        type = STR("portal");
    else if (who->user != 0)
        type = STR("user");
    json_w_str_at(&w, "type", type);
    json_w_str_at(&w, "id", str_c(id != 0 ? key : who->env));
    json_w_opt_str_at(&w, "name", who->name);
    json_w_object_end(&w);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

bool who_may(const struct principal *who, const struct route *route)
{
    if ((route->flags & ROUTE_OPERATOR) != 0 && !who->is_operator)
        return false;
    bool write = route->method != HTTP_M_GET && (route->flags & ROUTE_READ_SCOPE) == 0;
    if (((1u << who->role) & route->who) == 0 || !auth_scope_allows(who, route->area, write))
        return false;
    bool in_workspace = strstr(route->pattern, "{app_id}") != NULL;
    return who->app == 0 || in_workspace || (route->flags & ROUTE_ENV_SHARED) != 0;
}
