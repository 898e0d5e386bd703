/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of tasks that are sweeps of the store: replays, cancellations, the ends of endpoints and workspaces. */
#include "api/automation.h"
#include "api/operational.h"
#include "api/task.h"
#include "automation/run.h"

#include "base/time.h"

#define STEP_ROWS 250
#define WORK_ROWS 100
#define PART_ROWS 50
/* While much is canceled, those who hold some of it in memory are told now and then. */
#define TELL_EVERY (64 * (int64_t)STEP_ROWS)

static enum err sweep(struct task_run *r, struct task *t, struct store_sweep *op)
{
    op->op = (struct store_op){.kind = STORE_SWEEP};
    op->ep = t->ep;
    op->reason = t->reason;
    op->since_ms = t->since_ms;
    op->until_ms = t->until_ms;
    op->now_ms = r->now_ms;
    op->rows_max = STEP_ROWS;
    op->cursor = t->cursor;
    op->cursor_pos = t->cursor_pos;
    enum err e = store_run(r->api->store, &op->op);
    if (e != ERR_OK)
        return e;
    t->cursor = op->cursor;
    t->cursor_pos = op->cursor_pos;
    t->processed += (int64_t)op->visited;
    t->done += (int64_t)op->rows;
    t->skipped += (int64_t)op->skipped;
    return ERR_OK;
}

/* Whether the endpoint may still be sent to; else the task has an error. */
static enum err endpoint_serves(struct task_run *r, struct task *t)
{
    struct object o;
    struct endpoint ep;
    enum err e = store_get_object(r->reader, r->arena, OBJ_ENDPOINT, t->ep, &o);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && o.deleted_ms != 0)) {
        t->error = STR("the endpoint was deleted");
        return ERR_OK;
    }
    if (e == ERR_OK)
        e = endpoint_decode(r->arena, r->api->keys, &o, &ep);
    if (e == ERR_OK && ep.disabled)
        t->error = STR("the endpoint was disabled");
    return e;
}

static enum err replay(struct task_run *r, struct task *t, const struct replay_filter *filter, bool *more)
{
    struct store_sweep op = {.sweep = SWEEP_REPLAY, .replay = filter};
    enum err e = endpoint_serves(r, t);
    if (e != ERR_OK || t->error.ptr != NULL)
        return e;
    e = sweep(r, t, &op);
    if (e != ERR_OK)
        return e;
    *more = op.more;
    if (op.rows > 0 && r->api->on_pending != NULL)
        r->api->on_pending(r->api->hook_arg, t->ep);
    return ERR_OK;
}

enum err task_step_recover(struct task_run *r, struct task *t, bool *more)
{
    static const struct replay_filter failed = {.status = DELIVERY_FAIL, .status_class = -1};
    return replay(r, t, &failed, more);
}

enum err task_step_bulk_replay(struct task_run *r, struct task *t, bool *more)
{
    return replay(r, t, &t->filter, more);
}

enum err task_step_cancel(struct task_run *r, struct task *t, bool *more)
{
    struct store_sweep op = {.sweep = SWEEP_CANCEL};
    int64_t before = t->processed;
    enum err e = sweep(r, t, &op);
    if (e != ERR_OK)
        return e;
    *more = op.more;
    /* The first step had what would have gone out first: that is what is in memory. */
    bool tell = before == 0 || !op.more || before / TELL_EVERY != t->processed / TELL_EVERY;
    if (tell && t->done > 0 && r->api->on_canceled != NULL)
        r->api->on_canceled(r->api->hook_arg, t->ep);
    return ERR_OK;
}

/* ---- ends -------------------------------------------------------------------------------------------------------
 */

static void tell_changed(struct task_run *r, oid_t env, oid_t app, oid_t ep)
{
    if (r->api->on_endpoint_changed != NULL)
        r->api->on_endpoint_changed(r->api->hook_arg, env, app, ep);
}

/* An endpoint that was enabled again keeps what has come for it since. */
static enum err still_wanted(struct task_run *r, const struct task *t, bool *wanted)
{
    struct object o;
    struct endpoint ep;
    *wanted = true;
    if (t->reason != REASON_DISABLED)
        return ERR_OK;
    enum err e = store_get_object(r->reader, r->arena, OBJ_ENDPOINT, t->ep, &o);
    if (e == ERR_OK)
        e = endpoint_decode(r->arena, r->api->keys, &o, &ep);
    if (e == ERR_OK)
        *wanted = ep.disabled || o.deleted_ms != 0;
    return e;
}

enum err task_step_fail_pending(struct task_run *r, struct task *t, bool *more)
{
    struct store_sweep op = {.sweep = SWEEP_FAIL_PENDING};
    bool wanted;
    enum err e = still_wanted(r, t, &wanted);
    if (e != ERR_OK || !wanted)
        return e;
    e = sweep(r, t, &op);
    if (e != ERR_OK)
        return e;
    *more = op.more;
    if (op.rows > 0)
        tell_changed(r, t->env, t->app, t->ep);
    return ERR_OK;
}

/* tell: it is an endpoint, and those are told who want to hear of it. */
static enum err object_drop(struct task_run *r, struct object *o, bool tell)
{
    struct object_change changes[2] = {{.change = OBJECT_DELETE, .object = *o}};
    struct task about = {.env = o->env, .app = o->app, .ep = o->id};
    struct store_objects drop = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = 1};
    enum err e = ERR_OK;
    changes[0].object.updated_ms = r->now_ms;
    if (tell)
        e = operational_plan(r->api, r->reader, r->arena, &about, NEWS_DELETED, r->now_ms, changes, &drop.count);
    if (e == ERR_OK)
        e = store_run(r->api->store, &drop.op);
    if (e == ERR_OK)
        operational_wake(r->api, changes, drop.count);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The first endpoint that a workspace has left: first what is pending for it, then itself. */
static enum err endpoint_drop(struct task_run *r, oid_t env, oid_t app, bool tell, bool *more)
{
    struct object *found;
    size_t count;
    struct object_query q = {.kind = OBJ_ENDPOINT, .env = env, .app = app, .limit = 1};
    enum err e = store_list_objects(r->reader, r->arena, &q, &found, &count);
    if (e != ERR_OK || count == 0)
        return e;
    *more = true;
    struct store_sweep op = {.sweep = SWEEP_FAIL_PENDING};
    struct task pending = {.ep = found[0].id, .reason = REASON_DELETED};
    e = sweep(r, &pending, &op);
    if (e != ERR_OK || op.more)
        return e;
    e = object_drop(r, &found[0], tell);
    tell_changed(r, env, app, pending.ep);
    return e;
}

/* What is due in it, now or ever: runs of automations end, schedules and what was to be told go away. */
static enum err work_drop_of(struct task_run *r, enum doc_kind kind, struct plan *p)
{
    struct doc_due due[WORK_ROWS];
    size_t count = 0;
    int64_t next_ms;
    enum err e = store_due(r->reader, kind, p->app, INT64_MAX, due, WORK_ROWS, &count, &next_ms);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        struct doc d = {.id = due[i].id, .kind = kind};
        struct run run;
        e = kind == DOC_RUN ? store_get_doc(r->reader, r->arena, kind, due[i].id, &d) : ERR_OK;
        if (e == ERR_OK && kind == DOC_RUN && run_decode(r->arena, &d, &run) == ERR_OK)
            run_plan_end(p, &run, RUN_CANCELLED, STR("the workspace was deleted"));
        else if (e == ERR_OK)
            plan_change(p, DOC_DELETE, &d, 0);
        e = e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    return e;
}

static enum err work_drop(struct task_run *r, oid_t app, bool *more)
{
    struct plan p = {.api = r->api, .reader = r->reader, .arena = r->arena, .app = app, .now_ms = r->now_ms};
    enum err e = work_drop_of(r, DOC_RUN, &p);
    if (e == ERR_OK)
        e = work_drop_of(r, DOC_CUE, &p);
    *more = *more || p.count > 0;
    if (e == ERR_OK && p.count > 0)
        e = plan_commit(&p, NULL);
    return e == ERR_STALE || e == ERR_CONFLICT || e == ERR_NOT_FOUND ? ERR_OK : e; /* it moved: it is read again */
}

/* Its records with their history, what came in, and what was done with it, kind after kind. Whoever was at work when it
 * was deleted may write behind the walk: it begins anew until it has found nothing. */
static enum err docs_drop(struct task_run *r, struct task *t, oid_t app, bool *more)
{
    struct store_sweep op = {.sweep = SWEEP_APP_DOCS};
    struct task walk = {.ep = app, .cursor = t->cursor, .done = t->cursor_pos};
    enum err e = sweep(r, &walk, &op);
    if (e != ERR_OK)
        return e;
    *more = op.more || walk.done > 0;
    t->cursor = op.more ? walk.cursor : 0;
    t->cursor_pos = op.more ? walk.done : 0; /* what this walk has found */
    return ERR_OK;
}

/* Its automations, of which no run is left, with their versions and with the secrets of their triggers. */
static enum err automations_drop(struct task_run *r, oid_t env, oid_t app, bool *more)
{
    static const enum object_kind kinds[] = {OBJ_AUTOMATION_VERSION, OBJ_AUTOMATION, OBJ_TRIGGER};
    struct object_change changes[PART_ROWS];
    struct object *found;
    size_t count = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(kinds) && e == ERR_OK && count == 0; i++) {
        struct object_query q = {.kind = kinds[i], .env = env, .app = app, .limit = PART_ROWS};
        e = store_list_objects(r->reader, r->arena, &q, &found, &count);
    }
    if (e != ERR_OK || count == 0)
        return e;
    *more = true;
    for (size_t i = 0; i < count; i++) {
        changes[i] = (struct object_change){.change = OBJECT_DELETE, .object = found[i]};
        changes[i].object.updated_ms = r->now_ms;
    }
    struct store_objects drop = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    e = store_run(r->api->store, &drop.op);
    return e == ERR_NOT_FOUND ? ERR_OK : e; /* they are read again */
}

/* What a deleted workspace has left: first what is to be done, so that nothing goes on, then what it knows. */
static enum err app_empty(struct task_run *r, struct task *t, oid_t env, oid_t app, bool *more)
{
    enum err e = t->cursor == 0 ? work_drop(r, app, more) : ERR_OK;
    if (e == ERR_OK && !*more)
        e = endpoint_drop(r, env, app, t->kind == TASK_DELETE_APP, more);
    if (e == ERR_OK && !*more)
        e = docs_drop(r, t, app, more);
    return e == ERR_OK && !*more ? automations_drop(r, env, app, more) : e;
}

enum err task_step_delete_app(struct task_run *r, struct task *t, bool *more)
{
    return app_empty(r, t, t->env, t->app, more);
}

/* The first workspace of a deleted environment that is left: what it has, then itself. */
enum err task_step_delete_env(struct task_run *r, struct task *t, bool *more)
{
    struct object *found;
    size_t count;
    bool left = false;
    struct object_query q = {.kind = OBJ_APP, .env = t->victim, .limit = 1};
    enum err e = store_list_objects(r->reader, r->arena, &q, &found, &count);
    if (e != ERR_OK || count == 0)
        return e;
    *more = true;
    e = app_empty(r, t, t->victim, found[0].id, &left);
    return e == ERR_OK && !left ? object_drop(r, &found[0], false) : e;
}
