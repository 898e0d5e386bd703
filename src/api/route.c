/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request: find the row, find out who asks, may they, then the handler. */
#include "api/route.h"

#include "api/audit.h"
#include "api/console.h"
#include "api/idempotency.h"
#include "api/operational.h"
#include "api/source.h"
#include "api/who.h"

#define STALE_TRIES 20

static const char *const method_names[] = {
        [HTTP_M_GET] = "GET",     [HTTP_M_HEAD] = "HEAD",     [HTTP_M_POST] = "POST",      [HTTP_M_PUT] = "PUT",
        [HTTP_M_PATCH] = "PATCH", [HTTP_M_DELETE] = "DELETE", [HTTP_M_OPTIONS] = "OPTIONS"};

static bool pattern_fits(const struct route *r, struct str path, struct str params[API_PARAMS_MAX])
{
    struct str p = str_skip(str_c(r->pattern), 1);
    size_t n = 0;
    while (p.len > 0 || path.len > 0) {
        struct str want = str_split(&p, '/'), got = str_split(&path, '/');
        if (want.len > 0 && want.ptr[0] == '{') {
            if (got.len == 0)
                return false;
            if ((r->flags & ROUTE_REST) != 0 && p.len == 0) {
                got.len = (size_t)(path.ptr - got.ptr) + path.len;
                path = STR("");
            }
            params[n++] = got;
        } else if (!str_eq(want, got)) {
            return false;
        }
    }
    return true;
}

/* The more a pattern says literally, the better it fits: "/msg/search" before "/msg/{msg_id}". */
static size_t literal_len(const char *pattern)
{
    size_t n = 0;
    for (bool inside = false; *pattern != '\0'; pattern++) {
        inside = *pattern == '{' || (inside && *pattern != '}');
        n += !inside;
    }
    return n;
}

enum err route_find(enum http_method method, struct str path, const struct route **route,
                    struct str params[API_PARAMS_MAX], unsigned *methods)
{
    size_t best = 0;
    *route = NULL;
    *methods = 0;
    path = str_skip(path, 1);
    if (str_ends(path, STR("/")))
        path.len--;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route *r = &api_routes[i];
        struct str found[API_PARAMS_MAX] = {0};
        if (!pattern_fits(r, path, found) || literal_len(r->pattern) < best)
            continue;
        if (literal_len(r->pattern) > best) {
            best = literal_len(r->pattern);
            *methods = 0;
            *route = NULL;
        }
        *methods |= 1u << r->method;
        if (r->method == method || (method == HTTP_M_HEAD && r->method == HTTP_M_GET)) {
            *route = r;
            memcpy(params, found, sizeof found);
        }
    }
    return *methods != 0 ? ERR_OK : ERR_NOT_FOUND;
}

static struct str allowed(struct arena *a, unsigned methods)
{
    struct str out = STR("OPTIONS");
    if ((methods & (1u << HTTP_M_GET)) != 0)
        methods |= 1u << HTTP_M_HEAD;
    for (unsigned m = 0; m < ARRAY_LEN(method_names); m++) {
        if ((methods & (1u << m)) != 0)
            out = arena_printf(a, STR_FMT ", %s", STR_ARG(out), method_names[m]);
    }
    return out;
}

static void answer_preflight(struct api_call *call, unsigned methods)
{
    struct str wanted = call_header(call, STR("Access-Control-Request-Headers"));
    answer_empty(call);
    answer_header(call, STR("Access-Control-Allow-Methods"), allowed(call->arena, methods));
    answer_header(call, STR("Access-Control-Allow-Headers"),
                  wanted.len > 0 && wanted.len < 1024 ? wanted : STR("Authorization"));
    answer_header(call, STR("Access-Control-Max-Age"), STR("86400"));
    answer_header(call, STR("Allow"), allowed(call->arena, methods));
}

/* Pages of others may not sign anybody in. False: answered. */
static bool from_own_page(struct api *api, struct api_call *call)
{
    struct str type = call_header(call, STR("Content-Type")), kind = str_trim(str_split(&type, ';'));
    const char *why = api->console != NULL ? console_foreign(api, call) : "there is no console";
    if (why != NULL)
        answer_error(call, ERR_FORBIDDEN, why);
    else if (call->body.len > 0 && !str_eq_nocase(kind, STR("application/json")))
        answer_error(call, ERR_MEDIA_TYPE, "the body must be application/json");
    else
        return true;
    return false;
}

/* Customers change nothing where the operator has set `readOnly`. False: answered. */
static bool portal_may(struct api *api, struct api_call *call, const struct route *route)
{
    const struct catalog_env *env;
    if (call->who.role != AUTH_PORTAL || (route->who & WHO_PORTAL_READ) != 0 || call->env == 0)
        return true;
    if (!answer_ok(call, envs_load(catalog_envs(api->catalog), call->reader, call->env, &env)))
        return false;
    bool may = !env->portal_reads;
    catalog_env_unref(env);
    if (!may)
        answer_error(call, ERR_FORBIDDEN, "the portal is read-only");
    return may;
}

/* Decodes path parameters, finds principal and environment. False: answered. */
static bool admit(struct api *api, struct api_call *call, const struct route *route)
{
    for (size_t i = 0; i < API_PARAMS_MAX; i++) {
        if (!text_decode(call->arena, call->params[i], false, &call->params[i])) {
            answer_error(call, ERR_NOT_FOUND, NULL);
            return false;
        }
    }
    if ((route->flags & ROUTE_PUBLIC) != 0)
        return (route->flags & ROUTE_OWN_PAGE) == 0 || from_own_page(api, call);
    struct str app = strstr(route->pattern, "{app_id}") != NULL ? call->params[0] : STR_NULL;
    const char *why = NULL;
    enum err e = api_identify(api, call, app, (route->flags & ROUTE_SESSION) != 0, &why);
    if (e == ERR_UNAUTHORIZED && call->console == NULL)
        answer_header(call, STR("WWW-Authenticate"), STR("Bearer"));
    if (e != ERR_OK && why != NULL)
        answer_error(call, e, why);
    if (why != NULL || !answer_ok(call, e))
        return false;
    if ((route->flags & ROUTE_SESSION) != 0)
        return true;
    if (!who_may(&call->who, route)) {
        answer_error(call, ERR_FORBIDDEN, NULL);
        return false;
    }
    if ((route->flags & ROUTE_FRESH) != 0 && !console_is_fresh(call)) {
        answer_refusal(call, 403, "confirm_required", "enter your password once more");
        return false;
    }
    bool create = (route->flags & ROUTE_NEW_ENV) != 0;
    if (!answer_ok(call, api_env(api, call->reader, str_c(call->who.env), create, call->now_ms, &call->env)))
        return false;
    if (!portal_may(api, call, route))
        return false;
    if ((route->flags & ROUTE_SOURCE) != 0)
        return source_enter(api, call);
    return (route->flags & ROUTE_OPERATIONAL) == 0 || operational_enter(api, call);
}

/* A handler that another change overtook wrote nothing: it starts over with what is there now. */
static void handle(struct api *api, struct api_call *call, const struct route *route)
{
    size_t headers = call->out_header_count;
    for (int i = 0; i < STALE_TRIES; i++) {
        call->stale = false;
        call->out_header_count = headers;
        call->bad_query = NULL;
        problems_fini(&call->problems);
        call->problems = PROBLEMS_INIT;
        if (idempotency_answer(api, call))
            break;
        route->handle(api, call);
        if (!call->stale)
            break;
    }
}

static void handle_post(struct api *api, struct api_call *call, const struct route *route)
{
    if (!idempotency_begin(api, call))
        return;
    handle(api, call, route);
    if (call->later.go_on != NULL) {
        idempotency_leave(call); /* others with its key hold workers, which it needs to go on */
        return;
    }
    audit_finish(api, call);
    idempotency_end(api, call);
}

static bool has_type(const struct api_call *call)
{
    for (size_t i = 0; i < call->out_header_count; i++) {
        if (str_eq(call->out_headers[i].name, STR("Content-Type")))
            return true;
    }
    return false;
}

/* What other servers of this API have and this one does not, so that nobody looks for a typing error. */
static const char *closed_to(struct str path)
{
    static const char sentence[] =
            "streams, sinks and one-click destinations are not part of Postrider: it delivers to "
            "endpoints and lets them poll";
    struct str rest = str_starts(path, STR("/api/v1/")) ? str_skip(path, strlen("/api/v1/")) : STR("");
    struct str top = str_split(&rest, '/'), second = str_split(&rest, '/'), third = str_split(&rest, '/');
    bool closed = str_eq(top, STR("stream")) || (str_eq(top, STR("auth")) && str_starts(second, STR("stream-")));
    if (str_eq(top, STR("app")))
        closed = str_eq(third, STR("destination")) || str_eq(third, STR("autoconfig"));
    return closed ? sentence : NULL;
}

static void finish(struct api_call *call)
{
    problems_fini(&call->problems);
    if (call->out.len > 0 && !has_type(call))
        answer_header(call, STR("Content-Type"), STR("application/json"));
}

void api_handle(struct api *api, struct api_call *call)
{
    const struct route *route;
    unsigned methods;
    call->problems = PROBLEMS_INIT;
    call->env = 0;
    call->key = NULL;
    call->out_header_count = 0;
    if (call->out.max == 0)
        call->out.max = API_OUT_MAX;
    call->console = NULL;
    call->later.go_on = NULL;
    if (str_find(call->path, '%') < call->path.len) {
        struct buf path = BUF_INIT(call->path.len + 1);
        path_normal(call->path, &path);
        call->path = arena_str(call->arena, buf_str(&path));
        buf_fini(&path);
    }
    enum err found = route_find(call->method, call->path, &route, call->params, &methods);
    call->route = route;
    call->audited = false;
    /* Pages of others may read what a bearer token gets them, never what a cookie does. */
    if (console_cookie(api, call->headers, call->header_count).ptr == NULL &&
        (route == NULL || (route->flags & (ROUTE_SESSION | ROUTE_OWN_PAGE)) == 0))
        answer_header(call, STR("Access-Control-Allow-Origin"), STR("*"));
    answer_header(call, STR("Cache-Control"), STR("no-store"));
    if (found != ERR_OK) {
        const char *closed = closed_to(call->path);
        answer_error(call, ERR_NOT_FOUND, closed != NULL ? closed : "no such path");
    } else if (call->method == HTTP_M_OPTIONS) {
        answer_preflight(call, methods);
    } else if (route != NULL && (route->flags & ROUTE_HOT) != 0) {
        /* It came past the hot path: the workspace's name holds what no name does. */
        answer_error(call, ERR_NOT_FOUND, NULL);
    } else if (route == NULL) {
        answer_error(call, ERR_METHOD, NULL);
        answer_header(call, STR("Allow"), allowed(call->arena, methods));
    } else if (admit(api, call, route)) {
        if (route->method == HTTP_M_POST && (route->flags & (ROUTE_PUBLIC | ROUTE_SESSION)) == 0)
            handle_post(api, call, route);
        else {
            handle(api, call, route);
            audit_finish(api, call);
        }
    }
    finish(call);
}

void api_resume(struct api *api, struct api_call *call)
{
    void *arg = call->later.arg;
    void (*go_on)(struct api * api, struct api_call * call, void *arg) = call->later.go_on;
    call->later.go_on = NULL;
    call->problems = PROBLEMS_INIT;
    go_on(api, call, arg);
    if (call->later.go_on == NULL)
        audit_finish(api, call);
    finish(call);
}
