/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token server may replace the refresh token with each use. The new one goes into the endpoint's sealed part at once:
 * the old one is worthless, and a restart would begin with it.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "serve/tokens_priv.h"

#define TRIES_MAX 8

struct keep {
    struct pool_job job;
    struct shared *shared;
    oid_t ep;
    int64_t config;
    char *refresh;
};

/* ERR_STALE: somebody changed it meanwhile; look again. */
static enum err keep_once(const struct keep *k, struct store_reader *reader, struct arena *a)
{
    struct shared *s = k->shared;
    struct object o;
    struct endpoint ep;
    enum err e = store_get_object(reader, a, OBJ_ENDPOINT, k->ep, &o);
    if (e != ERR_OK || o.deleted_ms != 0)
        return e;
    if ((e = endpoint_decode(a, s->keys, &o, &ep)) != ERR_OK)
        return e;
    if (ep.oauth == NULL || ep.oauth->id != k->config)
        return ERR_OK; /* of a configuration that is gone */
    struct oauth changed = *ep.oauth;
    changed.refresh_token = str_c(k->refresh);
    ep.oauth = &changed;
    struct object_change change = {.change = OBJECT_UPDATE, .expected_version = o.version};
    endpoint_encode(a, s->keys, &ep, &change.object);
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    if ((e = store_run(s->store, &op.op)) != ERR_OK)
        return e;
    catalog_changed(s->catalog, o.env, o.app);
    loader_reload(s, o.app);
    return ERR_OK;
}

static void run(struct pool_job *job, struct store_reader *reader)
{
    struct keep *k = CONTAINER_OF(job, struct keep, job);
    enum err e = ERR_STALE;
    for (int i = 0; i < TRIES_MAX && e == ERR_STALE; i++) {
        struct arena *a = arena_new(16384);
        e = keep_once(k, reader, a);
        arena_free(a);
    }
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_error("refresh_token_not_stored", LOG_CSTR("error", err_text(e)));
    mem_free_secret(k->refresh, strlen(k->refresh));
    free(k);
}

void token_keep(struct shared *s, oid_t ep, int64_t config, struct str refresh_token)
{
    struct keep *k = mem_zalloc(1, sizeof *k);
    k->job.run = run;
    k->shared = s;
    k->ep = ep;
    k->config = config;
    k->refresh = mem_strndup(refresh_token.ptr, refresh_token.len);
    pool_submit_always(s->workers, &k->job);
}
