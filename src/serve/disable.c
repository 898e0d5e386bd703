/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint that said 410, or that failed for too long, is disabled by itself: once, in the store, with its pending
 * work failed by a durable job, and told to those who want to hear of it by another. The same commit carries them.
 */
#include <stdlib.h>

#include "api/operational.h"
#include "api/task.h"
#include "base/mem.h"
#include "serve/live.h"
#include "serve/reactor.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

#define TRIES_MAX 5

struct disable {
    struct pool_job job;
    struct shared *shared;
    oid_t ep;
    const char *reason; /* static */
};

/* ERR_STALE: somebody changed it meanwhile; look again. */
static enum err disable_once(struct disable *d, struct store_reader *reader, struct arena *a)
{
    struct shared *s = d->shared;
    struct object o;
    struct endpoint ep;
    int64_t now_ms = clock_wall_ms();
    enum err e = store_get_object(reader, a, OBJ_ENDPOINT, d->ep, &o);
    if (e != ERR_OK || o.deleted_ms != 0)
        return e;
    e = endpoint_decode(a, s->keys, &o, &ep);
    if (e != ERR_OK || ep.disabled)
        return e;
    ep.disabled = true;
    ep.disabled_reason = str_c(d->reason);
    ep.disabled_at_ms = ep.updated_ms = now_ms;
    struct task task = {.kind = TASK_FAIL_PENDING, .env = o.env, .app = o.app, .ep = d->ep, .reason = REASON_DISABLED};
    struct object_change changes[3] = {{.change = OBJECT_UPDATE, .expected_version = o.version},
                                       task_create(&s->api, a, &task, now_ms)};
    size_t count = 2;
    e = operational_plan(&s->api, reader, a, &task, NEWS_DISABLED | NEWS_MAIL, now_ms, changes, &count);
    if (e != ERR_OK)
        return e;
    endpoint_encode(a, s->keys, &ep, &o);
    changes[0].object = o;
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    e = store_run(s->store, &op.op);
    if (e != ERR_OK)
        return e;
    metrics_add(METRIC_ENDPOINTS_DISABLED, 0, 1);
    char id[OID_TEXT_SIZE];
    oid_format(d->ep, "ep_", s->id_key, id);
    log_warn("endpoint_disabled", LOG_CSTR("endpoint", id), LOG_CSTR("reason", d->reason));
    catalog_changed(s->catalog, o.env, o.app);
    loader_reload(s, o.app);
    live_endpoint(s, o.env, o.app, d->ep);
    operational_wake(&s->api, changes, count);
    return ERR_OK;
}

static void run(struct pool_job *job, struct store_reader *reader)
{
    struct disable *d = CONTAINER_OF(job, struct disable, job);
    enum err e = ERR_STALE;
    for (int i = 0; i < TRIES_MAX && e == ERR_STALE; i++) {
        struct arena *a = arena_new(16384);
        e = disable_once(d, reader, a);
        arena_free(a);
    }
    if (e != ERR_OK)
        log_error("disable_failed", LOG_CSTR("error", err_text(e)));
    free(d);
}

void disable_endpoint(struct shared *s, oid_t ep, const char *reason)
{
    struct disable *d = mem_zalloc(1, sizeof *d);
    d->job.run = run;
    d->shared = s;
    d->ep = ep;
    d->reason = reason;
    pool_submit_always(s->workers, &d->job);
}
