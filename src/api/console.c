/* SPDX-License-Identifier: Apache-2.0 */
/* Who sits behind a cookie, and whether it was they who asked. */
#include <pthread.h>
#include <stdlib.h>

#include "api/console.h"
#include "base/mem.h"
#include "config/settings.h"
#include "crypto/crypto.h"

#define FIRST_LIFE_MS TIME_DAY_MS

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void make_first_link(struct api *api, int64_t now_ms, struct buf *link)
{
    struct console *c = api->console;
    struct buf text = BUF_INIT(256), hash = BUF_INIT(256);
    buf_add_str(&text, STR(LINK_PREFIX));
    crypto_random_base62(43, &text);
    auth_key_hash(buf_str(&text), &hash);
    c->first_hash = str_of(mem_strndup(hash.ptr, hash.len), hash.len);
    c->first_expires_ms = now_ms + FIRST_LIFE_MS;
    buf_addf(link, "%s/link#key=" STR_FMT, api->public_url, STR_ARG(buf_str(&text)));
    mem_free_secret(text.ptr, text.len);
    buf_fini(&hash);
}

enum err console_open(struct api *api, struct store_reader *r, const struct settings *set, int64_t now_ms,
                      struct buf *link)
{
    bool any = true;
    struct arena *a = arena_new(4096);
    enum err e = user_any(r, a, &any);
    arena_free(a);
    if (e != ERR_OK)
        return e;
    struct console *c = mem_zalloc(1, sizeof *c);
    c->secure = str_starts(str_c(api->public_url), STR("https://"));
    c->framed = !str_eq(str_c(set->frame_ancestors), STR("'none'"));
    c->proxies = set->trusted_proxies;
    c->proxy_count = set->trusted_proxy_count;
    c->throttle = throttle_new(api->id_key);
    pthread_mutex_init(&c->first_lock, NULL);
    api->console = c;
    if (!any)
        make_first_link(api, now_ms, link);
    return ERR_OK;
}

void console_close(struct api *api)
{
    struct console *c = api->console;
    if (c == NULL)
        return;
    throttle_free(c->throttle);
    pthread_mutex_destroy(&c->first_lock);
    free((void *)(uintptr_t)c->first_hash.ptr);
    free(c);
    api->console = NULL;
}

/* ---- the cookie -------------------------------------------------------------------------------------------------- */

static struct str header_of(const struct http_header *headers, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(headers[i].name, name))
            return headers[i].value;
    }
    return STR_NULL;
}

struct str console_cookie(const struct api *api, const struct http_header *headers, size_t count)
{
    if (api->console == NULL || header_of(headers, count, STR("Authorization")).ptr != NULL)
        return STR_NULL;
    struct str name = api->console->secure ? STR(CONSOLE_COOKIE_TLS) : STR(CONSOLE_COOKIE);
    for (size_t i = 0; i < count; i++) {
        struct str rest = headers[i].value;
        if (!str_eq_nocase(headers[i].name, STR("Cookie")))
            continue;
        while (rest.len > 0) {
            struct str value = str_trim(str_split(&rest, ';'));
            if (str_eq(str_split(&value, '='), name) && value.len > 0)
                return value;
        }
    }
    return STR_NULL;
}

static enum err find_user(const struct api *api, struct store_reader *r, struct arena *a, int64_t now_ms,
                          struct console_who *w)
{
    struct member *members;
    size_t n, kept = 0;
    enum err e = session_find(r, a, api->id_key, w->text, now_ms, &w->session);
    if (e == ERR_OK)
        e = user_get(r, a, api->keys, w->session.user, &w->user);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && w->user.disabled))
        return ERR_UNAUTHORIZED;
    if (e == ERR_OK)
        e = member_list(r, a, &w->user, &members, &n);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < n; i++) {
        if (!members[i].invited)
            members[kept++] = members[i];
    }
    w->members = members;
    w->member_count = kept;
    return ERR_OK;
}

enum err console_find(const struct api *api, struct store_reader *r, struct arena *a, struct str text, int64_t now_ms,
                      struct console_who *out)
{
    *out = (struct console_who){.text = text};
    if (str_starts(text, STR(SESSION_PREFIX)))
        return find_user(api, r, a, now_ms, out);
    if (!str_starts(text, STR(PORTAL_SESSION_PREFIX)))
        return ERR_UNAUTHORIZED;
    out->is_portal = true;
    enum err e = portal_find(r, a, api->id_key, text, now_ms, &out->portal);
    return e == ERR_OK && now_ms >= portal_idle_ends_ms(&out->portal) ? ERR_UNAUTHORIZED : e;
}

/* ---- forged requests --------------------------------------------------------------------------------------------- */

/* "scheme://host" of the page against ours, as PUBLIC_URL says or as the client calls us. */
static bool is_own_origin(const struct api *api, const struct api_call *call, struct str origin)
{
    struct str host = call_header(call, STR("Host"));
    size_t at = str_find_str(origin, STR("://"));
    return str_eq_nocase(origin, str_c(api->public_url)) ||
           (host.len > 0 && at < origin.len && str_eq_nocase(str_skip(origin, at + 3), host));
}

const char *console_foreign(const struct api *api, const struct api_call *call)
{
    struct str site = call_header(call, STR("Sec-Fetch-Site")), origin = call_header(call, STR("Origin"));
    if (site.len > 0 && !str_eq(site, STR("same-origin")) && !str_eq(site, STR("none")))
        return "the request comes from a page of another site";
    if (origin.len > 0 && !is_own_origin(api, call, origin))
        return "the request comes from a page of another origin";
    return NULL;
}

static bool changes_something(enum http_method m)
{
    return m != HTTP_M_GET && m != HTTP_M_HEAD && m != HTTP_M_OPTIONS;
}

/* Types that a page of others cannot send without being asked first (a preflight, which it fails). */
static bool is_asked_first(struct str kind)
{
    static const char *const types[] = {"application/json", "text/csv", "application/x-ndjson"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq_nocase(kind, str_c(types[i])))
            return true;
    }
    return false;
}

static enum err check_forgery(const struct api *api, const struct api_call *call, const char **why)
{
    struct buf want = BUF_INIT(256);
    session_csrf(call->console->text, &want);
    bool same = crypto_equal(buf_str(&want), call_header(call, STR(CONSOLE_CSRF_HEADER)));
    mem_free_secret(want.ptr, want.len);
    *why = same ? console_foreign(api, call) : "the session's " CONSOLE_CSRF_HEADER " is missing or wrong";
    if (*why != NULL)
        return ERR_FORBIDDEN;
    struct str type = call_header(call, STR("Content-Type")), kind = str_trim(str_split(&type, ';'));
    return call->body.len == 0 || is_asked_first(kind) ? ERR_OK : ERR_MEDIA_TYPE;
}

/* ---- which membership -------------------------------------------------------------------------------------------- */

static void take_member(struct api_call *call, const struct member *m)
{
    const struct user *u = &call->console->user;
    struct principal p = {.role = user_role(m->role), .app = m->app, .user = u->id};
    p.name = u->name.len > 0 ? u->name : u->email;
    CHECK(m->env_name.len < sizeof p.env);
    memcpy(p.env, m->env_name.ptr, m->env_name.len);
    call->who = p;
}

/* In the environment of the first: the one for the workspace that is named, else the one for all, else any. */
static enum err choose_member(const struct api *api, struct api_call *call, struct str app_text, const char **why)
{
    const struct console_who *w = call->console;
    struct str env = call_header(call, STR(CONSOLE_ENV_HEADER));
    const struct member *best = NULL;
    oid_t app = 0;
    size_t same = 0;
    if (env.len == 0 && w->member_count > 0)
        env = w->members[0].env_name;
    for (size_t i = 0; i < w->member_count; i++)
        same += str_eq(w->members[i].env_name, env);
    for (size_t i = 0; i < w->member_count; i++) {
        const struct member *m = &w->members[i];
        if (!str_eq(m->env_name, env))
            continue;
        if (app == 0 && same > 1 && app_text.len > 0) {
            enum err e = api_app_id(api, call->reader, call->arena, m->env, app_text, &app);
            if (e != ERR_OK && e != ERR_NOT_FOUND)
                return e;
        }
        if (best == NULL || (m->app != 0 && m->app == app) || (m->app == 0 && best->app != app))
            best = m;
    }
    if (best == NULL) {
        *why = w->member_count == 0 ? "you are a member of nothing" : "you are no member of such an environment";
        return w->member_count == 0 ? ERR_FORBIDDEN : ERR_NOT_FOUND;
    }
    take_member(call, best);
    return ERR_OK;
}

enum err console_identify(const struct api *api, struct api_call *call, struct str app_text, bool session_only,
                          const char **why)
{
    struct console_who *w = arena_alloc(call->arena, sizeof *w);
    struct str text = arena_str(call->arena, console_cookie(api, call->headers, call->header_count));
    enum err e = console_find(api, call->reader, call->arena, text, call->now_ms, w);
    if (e != ERR_OK)
        return e;
    call->console = w;
    if (changes_something(call->method) && (e = check_forgery(api, call, why)) != ERR_OK)
        return e;
    if (w->is_portal && !call->unseen)
        portal_touch(api->store, call->arena, &w->portal, call->now_ms);
    else if (!call->unseen)
        session_touch(api->store, call->arena, &w->session, call->now_ms);
    if (w->is_portal)
        portal_principal(&w->portal, &call->who);
    else if (session_only)
        call->who = (struct principal){.user = w->user.id};
    else
        return choose_member(api, call, app_text, why);
    return ERR_OK;
}

bool console_is_fresh(const struct api_call *call)
{
    const struct console_who *w = call->console;
    return w == NULL || w->is_portal || session_is_fresh(&w->session, call->now_ms);
}

/* ---- behind proxies ---------------------------------------------------------------------------------------------- */

struct str console_client_ip(const struct api *api, const struct api_call *call)
{
    const struct console *c = api->console;
    struct str at = call->peer;
    if (c == NULL)
        return at;
    for (size_t i = call->header_count; i-- > 0;) {
        struct str rest = call->headers[i].value;
        if (!str_eq_nocase(call->headers[i].name, STR("X-Forwarded-For")))
            continue;
        while (rest.len > 0 && ssrf_subnets_have(c->proxies, c->proxy_count, at)) {
            size_t comma = rest.len;
            while (comma > 0 && rest.ptr[comma - 1] != ',')
                comma--;
            struct str one = str_trim(str_skip(rest, comma));
            rest = str_take(rest, comma > 0 ? comma - 1 : 0);
            if (one.len == 0 || one.len > 45)
                return at;
            at = one;
        }
    }
    return at;
}
