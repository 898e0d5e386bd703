/* SPDX-License-Identifier: Apache-2.0 */
#include "api/plan.h"

#include "api/append.h"
#include "api/cue.h"
#include "api/handler.h"
#include "automation/run.h"

#define TRIES 5

/* Room for one more in an array of the arena. */
static void *grown(struct arena *a, void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    size_t wider = *cap == 0 ? 8 : 2 * *cap;
    void *more = arena_zalloc(a, wider * size);
    if (count > 0)
        memcpy(more, items, count * size);
    *cap = wider;
    return more;
}

void plan_change(struct plan *p, enum doc_change_kind change, const struct doc *d, uint64_t expected_version)
{
    p->changes = grown(p->arena, p->changes, p->count, &p->cap, sizeof *p->changes);
    p->changes[p->count++] = (struct doc_change){.change = change, .doc = *d, .expected_version = expected_version};
}

void plan_emit(struct plan *p, struct str event_type, struct str payload)
{
    p->messages = grown(p->arena, p->messages, p->message_count, &p->message_cap, sizeof *p->messages);
    p->messages[p->message_count++] = (struct message){.id = oid_next(p->api->oids, p->now_ms),
                                                       .event_type = event_type,
                                                       .occurred_ms = p->now_ms,
                                                       .expires_ms = p->now_ms + p->api->retention_payload_ms,
                                                       .actor = p->actor,
                                                       .payload = payload};
}

static enum err match(struct plan *p, struct append *appends, struct store_append *ops, bool again, size_t *made)
{
    const struct workspace *ws = NULL;
    enum err e = again ? catalog_load(p->api->catalog, p->reader, p->app, &ws) : ERR_OK;
    if (ws != NULL)
        catalog_unref(ws);
    for (*made = 0; *made < p->message_count && e == ERR_OK;) {
        struct append *a = &appends[*made];
        e = append_init(a, p->api, p->reader, p->arena, p->app, &p->messages[*made], p->now_ms);
        if (e != ERR_OK)
            break;
        if (p->depth > 0 && a->op.doc_count > 0)
            a->op.docs = cue_of_message(p->api->oids, p->arena, a->ws, &a->message, p->depth, p->origin, p->now_ms);
        ops[(*made)++] = a->op;
    }
    return e;
}

/* One came too late under its id: all get new ones, in the same order. False: they may not. */
static bool renew(struct plan *p, const struct store_append *ops)
{
    bool late = false;
    for (size_t i = 0; i < p->message_count; i++)
        late = late || ops[i].late;
    for (size_t i = 0; i < p->message_count && late && !p->ids_told; i++)
        p->messages[i].id = oid_next(p->api->oids, p->now_ms);
    return !late || !p->ids_told;
}

void runs_changed(const struct api *api, struct store_reader *r, oid_t app, const struct doc_change *changes,
                  size_t count)
{
    for (size_t i = 0; i < count && api->on_run != NULL; i++) {
        if (changes[i].doc.kind == DOC_RUN && changes[i].change != DOC_DELETE)
            api->on_run(api->hook_arg, r, 0, app, &changes[i].doc);
    }
}

/* One try of a plan. */
struct attempt_of_plan {
    struct plan *plan;
    struct append *appends;
    struct store_append *ops;
    struct store_docs op;
    size_t made;
    bool again; /* a message was matched against an older configuration, or is late */
    enum err result;
};

static void attempt_begin(struct attempt_of_plan *t)
{
    struct plan *p = t->plan;
    if (t->appends == NULL) {
        t->appends = arena_zalloc(p->arena, (p->message_count + 1) * sizeof *t->appends);
        t->ops = arena_zalloc(p->arena, (p->message_count + 1) * sizeof *t->ops);
    }
    t->op = (struct store_docs){.op = {.kind = STORE_DOCS},
                                .app = p->app,
                                .changes = p->changes,
                                .count = p->count,
                                .appends = t->ops,
                                .append_count = p->message_count};
    t->result = match(p, t->appends, t->ops, t->again, &t->made);
}

/* Whether it must be tried once more. */
static bool attempt_end(struct attempt_of_plan *t)
{
    struct plan *p = t->plan;
    for (size_t k = 0; k < t->made; k++) {
        if (t->result == ERR_OK)
            append_tell(&t->appends[k], p->api);
        append_fini(&t->appends[k]);
    }
    if (t->result == ERR_OK)
        runs_changed(p->api, p->reader, p->app, p->changes, p->count);
    if (t->result == ERR_OK && p->cues > 0)
        runner_wake(p->api);
    t->again = t->result == ERR_STALE && t->op.failed_at >= p->count && p->message_count > 0;
    t->again = t->again && renew(p, t->ops);
    return t->again;
}

enum err plan_commit(struct plan *p, struct api_call *call)
{
    struct attempt_of_plan t = {.plan = p};
    bool again = true;
    for (int i = 0; i < TRIES && again; i++) {
        attempt_begin(&t);
        if (t.result == ERR_OK)
            t.result = call != NULL ? call_run(p->api, call, &t.op.op) : store_run(p->api->store, &t.op.op);
        again = attempt_end(&t);
    }
    return t.result;
}

void plan_commit_all(struct plan *const *plans, size_t count, enum err *results)
{
    struct attempt_of_plan t[PLANS_MAX];
    struct store_op *ops[PLANS_MAX];
    bool open[PLANS_MAX];
    size_t left = count;
    CHECK(count <= PLANS_MAX);
    for (size_t i = 0; i < count; i++) {
        t[i] = (struct attempt_of_plan){.plan = plans[i]};
        open[i] = true;
    }
    for (int round = 0; round < TRIES && left > 0; round++) {
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            if (open[i])
                attempt_begin(&t[i]);
            if (open[i] && t[i].result == ERR_OK)
                ops[n++] = &t[i].op.op;
        }
        if (n > 0)
            store_run_all(plans[0]->api->store, ops, n);
        left = 0;
        for (size_t i = 0; i < count; i++) {
            if (!open[i])
                continue;
            if (t[i].result == ERR_OK)
                t[i].result = t[i].op.op.result;
            open[i] = attempt_end(&t[i]);
            left += open[i];
        }
    }
    for (size_t i = 0; i < count; i++)
        results[i] = t[i].result;
}
