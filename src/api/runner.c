/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"
#include "automation/run.h"

struct doc_change run_create(struct api *api, struct arena *a, const struct run_start *s)
{
    struct run r = {.id = oid_next(api->oids, s->now_ms),
                    .app = s->app,
                    .automation = s->automation,
                    .status = RUN_RUNNING,
                    .key = s->key,
                    .due_ms = s->now_ms,
                    .created_ms = s->now_ms,
                    .updated_ms = s->now_ms,
                    .version = s->version,
                    .request = s->request,
                    .parent = s->parent,
                    .target = s->target,
                    .depth = s->depth,
                    .trigger = s->trigger_json};
    struct doc_change c = {.change = DOC_CREATE};
    run_encode(a, &r, &c.doc);
    return c;
}

void runner_wake(struct api *api)
{
    if (api->runner == NULL)
        return;
}
