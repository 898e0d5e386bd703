/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking, and whether a route is for them. */
#include "api/who.h"
#include "api/handler.h"
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
    if (who->token != 0)
        oid_format(who->token, portal ? "portal_" : "key_", api->id_key, key);
    json_w_object(&w);
    json_w_str_at(&w, "type", portal ? STR("portal") : who->token != 0 ? STR("api_key") : STR("token"));
    json_w_str_at(&w, "id", str_c(who->token != 0 ? key : who->env));
    json_w_opt_str_at(&w, "name", who->name);
    json_w_object_end(&w);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

bool who_may(const struct principal *who, const struct route *route)
{
    bool write = route->method != HTTP_M_GET && (route->flags & ROUTE_READ_SCOPE) == 0;
    if (((1u << who->role) & route->who) == 0 || !auth_scope_allows(who, route->area, write))
        return false;
    bool in_workspace = strstr(route->pattern, "{app_id}") != NULL;
    return who->app == 0 || in_workspace || (route->flags & ROUTE_ENV_SHARED) != 0;
}
