/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator has set that others may know; health; who am I. */
#include "api/routes.h"

void settings_egress(struct api *api, struct api_call *call)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("addresses"));
    json_w_array(&w);
    for (const char *const *a = api->egress_addresses; a != NULL && *a != NULL; a++)
        json_w_str(&w, str_c(*a));
    json_w_array_end(&w);
    /* Without what it takes to use the proxy: "http://user:password@host" reads "http://host". */
    struct str proxy = str_c(api->proxy);
    size_t at = str_find(proxy, '@'), scheme = str_find_str(proxy, STR("://"));
    if (at < proxy.len && scheme < at)
        proxy = arena_printf(call->arena, STR_FMT "://" STR_FMT, STR_ARG(str_take(proxy, scheme)),
                             STR_ARG(str_skip(proxy, at + 1)));
    else if (at < proxy.len)
        proxy = str_skip(proxy, at + 1);
    json_w_opt_str_at(&w, "proxy", proxy.len > 0 ? proxy : STR_NULL);
    json_w_object_end(&w);
}

void health_ping(struct api *api, struct api_call *call)
{
    (void)api;
    answer_empty(call);
}

void health_report(struct api *api, struct api_call *call)
{
    struct store_stats stats;
    store_stats(api->store, &stats);
    struct json_writer w = answer(call, stats.full ? 503 : 200);
    json_w_object(&w);
    json_w_str_at(&w, "status", stats.full ? STR("storage_full") : STR("ok"));
    json_w_object_end(&w);
}

static bool is_portal(enum auth_role role)
{
    return role == AUTH_PORTAL || role == AUTH_PORTAL_READ;
}

void whoami(struct api *api, struct api_call *call)
{
    static const char *const roles[] = {[AUTH_NOBODY] = NULL,
                                        [AUTH_OWNER] = "owner",
                                        [AUTH_EDITOR] = "editor",
                                        [AUTH_VIEWER] = "viewer",
                                        [AUTH_PORTAL] = "portal",
                                        [AUTH_PORTAL_READ] = "portal-read",
                                        [AUTH_INTEGRATION] = "integration",
                                        [AUTH_POLLER] = "poller"};
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "envId", str_c(call->who.env));
    json_w_opt_str_at(&w, "appId", call->who.app != 0 ? api_id(api, call, call->who.app, "app_") : STR_NULL);
    json_w_opt_str_at(&w, "streamAppId", STR_NULL);
    json_w_opt_str_at(&w, "sessionId", is_portal(call->who.role) ? call->who.name : STR_NULL);
    bool jwt = call->who.token == 0 && call->who.user == 0;
    json_w_str_at(&w, "permissionSource", jwt ? STR("SvixJwt") : STR("Unknown"));
    json_w_str_at(&w, "role", str_c(roles[call->who.role]));
    json_w_opt_str_at(&w, "name", call->who.name);
    json_w_object_end(&w);
}
