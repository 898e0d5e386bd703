/* SPDX-License-Identifier: Apache-2.0 */
#include "api/runner_chain.h"

#include "api/handler.h"
#include "automation/run.h"

#define KEY STR("runs")

enum err chain_open(const struct chains *c, struct plan *p, oid_t origin, struct chain_count *out)
{
    struct doc d;
    struct json *body;
    *out = (struct chain_count){.origin = origin};
    if (origin == 0)
        return ERR_OK;
    for (size_t i = 0; i < c->count; i++) {
        if (c->open[i].origin == origin) {
            out->doc = c->open[i].doc;
            out->runs = c->open[i].runs;
            return ERR_OK;
        }
    }
    enum err e = store_find_doc(p->reader, p->arena, DOC_CHAIN, p->app, origin, KEY, &d);
    if (e == ERR_NOT_FOUND) {
        out->doc = oid_next(p->api->oids, p->now_ms);
        out->is_new = true;
        return ERR_OK;
    }
    out->doc = e == ERR_OK ? d.id : 0;
    if (e == ERR_OK && json_parse(p->arena, d.body, &body, NULL) == ERR_OK)
        (void)json_as_i64(json_get(body, STR("runs")), &out->runs);
    return e;
}

enum chain_room chain_next(struct chain_count *n)
{
    if (n->origin == 0)
        return CHAIN_ROOM;
    if (n->runs > CHAIN_RUNS_MAX)
        return CHAIN_ENDED;
    n->changed = true;
    return n->runs++ < CHAIN_RUNS_MAX ? CHAIN_ROOM : CHAIN_ENDS;
}

static void note(struct chains *c, const struct chain_count *n)
{
    size_t i = 0;
    while (i < c->count && c->open[i].origin != n->origin)
        i++;
    CHECK(i < PLANS_MAX);
    c->open[i] = (struct chain){n->origin, n->doc, n->runs};
    c->count = i < c->count ? c->count : i + 1;
}

/* Nobody else writes it, so it is written whatever it is at. */
void chain_plan(struct chains *c, struct plan *p, const struct chain_count *n)
{
    if (!n->changed)
        return;
    struct doc d = {.id = n->doc,
                    .kind = DOC_CHAIN,
                    .app = p->app,
                    .ref = n->origin,
                    .key = KEY,
                    .purge_ms = p->now_ms + RUN_KEEP_MS,
                    .body = arena_printf(p->arena, "{\"runs\":%lld}", (long long)n->runs),
                    .created_ms = p->now_ms,
                    .updated_ms = p->now_ms};
    plan_change(p, n->is_new ? DOC_CREATE : DOC_UPDATE, &d, 0);
    note(c, n);
}

struct str chain_words(const struct plan *p, oid_t origin)
{
    char id[OID_TEXT_SIZE];
    oid_format(origin, doc_prefix(DOC_RUN), p->api->id_key, id);
    return arena_printf(p->arena,
                        "not started: %d runs have come from %s, by what they start, emit or change, and more are not "
                        "allowed",
                        CHAIN_RUNS_MAX, id);
}

void chains_commit(struct chains *c)
{
    c->count = 0;
}
