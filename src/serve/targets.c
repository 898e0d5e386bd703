/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pump knows of an endpoint beyond the engine: its snapshot and its signers.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "serve/reactor.h"
#include "serve/tokens.h"
#include "sys/clock.h"

#define SIGNERS_MAX 2048 /* of a reactor */

static const struct endpoint *find_endpoint(const struct workspace *ws, oid_t id)
{
    size_t lo = 0, hi = ws->endpoint_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (ws->endpoints[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < ws->endpoint_count && ws->endpoints[lo].id == id ? &ws->endpoints[lo] : NULL;
}

/* "name:port" of a normalised URL. */
static char *host_of(struct str url)
{
    bool https = str_starts(url, STR("https://"));
    struct str rest = str_skip(url, https ? 8 : 7);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    struct str authority = str_take(rest, end);
    struct buf out = BUF_INIT(1024);
    size_t colon = str_find(authority, ']') < authority.len ? str_find(authority, ']') : 0;
    bool has_port = str_find(str_skip(authority, colon), ':') < authority.len - colon;
    buf_add_str(&out, authority);
    if (!has_port)
        buf_add_str(&out, https ? STR(":443") : STR(":80"));
    return buf_take(&out, NULL);
}

static void drop_signers(struct target *t)
{
    if (t->signers == NULL)
        return;
    list_remove(&t->signing);
    t->reactor->signing_count--;
    profile_signers_free(t->signers);
    t->signers = NULL;
    t->profile = NULL;
}

static void free_target(struct target *t)
{
    drop_signers(t);
    catalog_unref(t->ws);
    free(t->host);
    free(t);
}

void target_forget(struct engine_endpoint *ep)
{
    struct target *t = engine_endpoint_user(ep);
    engine_endpoint_set_user(ep, NULL);
    if (t != NULL)
        free_target(t);
}

static struct target *new_target(struct reactor *r, struct engine_endpoint *ep)
{
    struct target *t = mem_zalloc(1, sizeof *t);
    t->reactor = r;
    list_init(&t->signing);
    t->engine = ep;
    engine_endpoint_set_user(ep, t);
    return t;
}

struct target *target_apply(struct reactor *r, const struct workspace *ws, oid_t id)
{
    const struct endpoint *ep = find_endpoint(ws, id);
    struct engine_endpoint *engine = engine_find(r->engine, id);
    struct target *t = engine != NULL ? engine_endpoint_user(engine) : NULL;
    if (ep == NULL || ep->oauth == NULL)
        tokens_forget(r->tokens, id);
    if (ep == NULL || ep->disabled) {
        if (engine != NULL)
            engine_close_endpoint(r->engine, engine);
        return NULL;
    }
    if (t != NULL && t->ws != NULL && t->ws->version >= ws->version)
        return t;
    if (engine == NULL)
        engine = engine_meet(r->engine, id);
    if (t == NULL)
        t = new_target(r, engine);
    const struct workspace *old = t->ws;
    char *old_host = t->host;
    drop_signers(t);
    catalog_ref(ws);
    t->ws = ws;
    t->ep = ep;
    t->host = host_of(ep->url);
    struct engine_config c = {.app = ws->app.id,
                              .host = t->host,
                              .rate_per_second = ep->throttle_rate,
                              .workspace_per_second = ws->app.throttle_rate,
                              .fifo = ep->fifo,
                              .enabled_ms = ep->enabled_at_ms};
    engine_configure(r->engine, engine, &c, clock_wall_ms());
    if (old != NULL)
        catalog_unref(old);
    free(old_host);
    return t;
}

/* Secrets that may still sign, newest first; an overlapping profile uses all, any other the oldest that is valid. */
static size_t valid_secrets(const struct endpoint *ep, int64_t now_ms, struct str *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ep->secret_count && n < max; i++)
        if (ep->secrets[i].expires_ms == 0 || ep->secrets[i].expires_ms > now_ms)
            out[n++] = ep->secrets[i].text;
    return n;
}

/* Keyed contexts are 1.3 KB each: only the endpoints signed for last keep theirs. */
static void use_signers(struct target *t)
{
    struct reactor *r = t->reactor;
    list_remove(&t->signing);
    list_push_back(&r->signing, &t->signing);
    struct list *oldest = list_first(&r->signing);
    if (r->signing_count > SIGNERS_MAX && oldest != NULL)
        drop_signers(CONTAINER_OF(oldest, struct target, signing));
}

struct profile_signers *target_signers(struct target *t, const struct catalog_profile *p, int64_t now_ms)
{
    struct str secrets[8];
    size_t n = valid_secrets(t->ep, now_ms, secrets, ARRAY_LEN(secrets));
    if (t->signers != NULL && t->profile == p && t->signer_count == n) {
        use_signers(t);
        return t->signers;
    }
    drop_signers(t);
    t->signers = profile_signers_new(p->profile, secrets, n);
    if (t->signers == NULL)
        return NULL;
    t->profile = p;
    t->signer_count = n;
    t->reactor->signing_count++;
    use_signers(t);
    return t->signers;
}

struct reload {
    oid_t *ids;
    size_t count;
    size_t cap;
};

static void collect_id(struct engine_endpoint *ep, void *arg)
{
    struct reload *list = arg;
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 16 : list->cap * 2;
        list->ids = mem_realloc(list->ids, list->cap * sizeof list->ids[0]);
    }
    list->ids[list->count++] = engine_endpoint_id(ep);
}

static void close_if_met(struct reactor *r, oid_t id)
{
    struct engine_endpoint *ep = engine_find(r->engine, id);
    if (ep != NULL)
        engine_close_endpoint(r->engine, ep);
}

void targets_reload(struct reactor *r, oid_t app, const struct workspace *ws)
{
    struct reload list = {0};
    engine_each(r->engine, app, collect_id, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (ws != NULL)
            target_apply(r, ws, list.ids[i]);
        else
            close_if_met(r, list.ids[i]);
    }
    free(list.ids);
}
