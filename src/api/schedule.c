/* SPDX-License-Identifier: Apache-2.0 */
#include "api/schedule.h"

#include "api/handler.h"
#include "base/time.h"

#define YOUNG_MS (10 * TIME_MINUTE_MS)

enum err schedule_plan(struct api *api, struct api_call *call, const struct schedule_owner *of, int64_t due_ms)
{
    struct doc_change c = {.change = DOC_UPDATE};
    struct doc *d = &c.doc;
    enum err e = store_find_doc(call->reader, call->arena, DOC_CUE, of->app, of->ref, of->key, d);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND) {
        c.change = DOC_CREATE;
        *d = (struct doc){.id = oid_next(api->oids, call->now_ms),
                          .kind = DOC_CUE,
                          .app = of->app,
                          .ref = of->ref,
                          .key = of->key,
                          .body = STR("{}"),
                          .created_ms = call->now_ms};
    }
    if (d->due_ms == 0 || due_ms < d->due_ms)
        d->due_ms = due_ms;
    d->updated_ms = call->now_ms;
    c.expected_version = d->version;
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = of->app, .changes = &c, .count = 1};
    e = store_run(api->store, &op.op);
    return e == ERR_NOT_FOUND || e == ERR_CONFLICT ? ERR_STALE : e;
}

bool schedule_next(struct plan *p, const struct cron *in_force, const struct doc *d)
{
    struct doc next = *d;
    bool young = p->now_ms - d->updated_ms < YOUNG_MS;
    if (in_force != NULL) {
        next.due_ms = cron_next(in_force, p->now_ms);
        next.updated_ms = p->now_ms;
    } else {
        next.due_ms = young ? p->now_ms + TIME_MINUTE_MS : TIME_NEVER;
    }
    plan_change(p, next.due_ms != TIME_NEVER ? DOC_UPDATE : DOC_DELETE, &next, d->version);
    return in_force != NULL && cron_next(in_force, d->due_ms - 1) == d->due_ms;
}
