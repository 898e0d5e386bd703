/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a broadcast: plan a batch, send it, and so on. */
#include "api/append.h"
#include "api/broadcast.h"
#include "api/broadcast_part.h"
#include "api/message_in.h"
#include "api/operational.h"

#define BATCH 50
/* Of one batch: what waits for the writer, payloads included. */
#define BATCH_BYTES ((size_t)8 << 20)

struct str broadcast_part_body(struct arena *a, const struct broadcast_part *p)
{
    struct buf out = BUF_INIT(65536);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_name(&w, STR("items"));
    json_w_array(&w);
    for (size_t i = 0; i < p->count; i++) {
        json_w_array(&w);
        json_w_i64(&w, p->items[i].app);
        json_w_i64(&w, p->items[i].msg);
        json_w_array_end(&w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return body;
}

enum err broadcast_part_read(struct arena *a, struct str body, struct broadcast_part *out)
{
    struct json *tree;
    if (json_parse(a, body, &tree, NULL) != ERR_OK)
        return ERR_INVALID;
    const struct json *list = json_get(tree, STR("items"));
    if (list == NULL || list->type != JSON_ARRAY)
        return ERR_INVALID;
    struct broadcast_part p = {.items = arena_alloc(a, (list->count + 1) * sizeof p.items[0])};
    for (const struct json *i = list->child; i != NULL; i = i->next) {
        struct broadcast_item *item = &p.items[p.count++];
        if (i->count != 2 || !json_as_i64(i->child, &item->app) || !json_as_i64(i->child->next, &item->msg))
            return ERR_INVALID;
    }
    *out = p;
    return ERR_OK;
}

/* ---- the message ------------------------------------------------------------------------------------------------
 */

/* As it was asked for, at the time of the request. */
static enum err message_load(struct task_run *r, const struct task *t, struct message *out)
{
    struct object o;
    struct json *tree;
    struct message_in in;
    struct json_error error;
    struct problems problems = PROBLEMS_INIT;
    enum err e =
            store_find_object(r->reader, r->arena, OBJ_TASK_PART, t->env, 0, broadcast_key(r->arena, t->id, -1), &o);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && json_parse(r->arena, o.body, &tree, NULL) != ERR_OK))
        return ERR_INTERNAL;
    if (e != ERR_OK)
        return e;
    const struct json *message = json_get(tree, STR("message")), *actor = json_get(tree, STR("actor"));
    if (message == NULL)
        return ERR_INTERNAL;
    e = message_in_parse(r->arena, message->raw, STR_NULL, oid_time_ms(t->id), r->api->retention_payload_ms, &in,
                         &problems, &error);
    problems_fini(&problems);
    if (e != ERR_OK)
        return ERR_INTERNAL;
    *out = in.message;
    out->actor = actor != NULL && actor->type == JSON_OBJECT ? actor->raw : STR_NULL;
    return ERR_OK;
}

/* ---- planning ---------------------------------------------------------------------------------------------------
 */

/* The next workspaces, but the one that nobody sees and those that came after the request. */
static enum err plan(struct task_run *r, struct task *t, size_t max, bool *more)
{
    struct object *apps;
    size_t count;
    struct object_query q = {.kind = OBJ_APP, .env = t->env, .after = t->cursor, .limit = max};
    enum err e = store_list_objects(r->reader, r->arena, &q, &apps, &count);
    if (e != ERR_OK)
        return e;
    struct broadcast_part p = {.items = arena_alloc(r->arena, (count + 1) * sizeof p.items[0])};
    for (size_t i = 0; i < count && apps[i].id < t->id; i++) {
        *more = true;
        t->cursor = apps[i].id;
        if (!operational_hides(apps[i].key))
            p.items[p.count++] = (struct broadcast_item){apps[i].id, oid_next(r->api->oids, r->now_ms)};
    }
    if (p.count == 0)
        return ERR_OK;
    t->open = true;
    r->changes[r->change_count++] = (struct object_change){.change = OBJECT_CREATE,
                                                           .object = {.id = oid_next(r->api->oids, r->now_ms),
                                                                      .kind = OBJ_TASK_PART,
                                                                      .env = t->env,
                                                                      .key = broadcast_key(r->arena, t->id, t->parts++),
                                                                      .body = broadcast_part_body(r->arena, &p),
                                                                      .created_ms = r->now_ms,
                                                                      .updated_ms = r->now_ms}};
    return ERR_OK;
}

/* ---- sending ----------------------------------------------------------------------------------------------------
 */

/* What became of one. *sent: the workspace has it. ERR_STALE: its id, which is known to the part, comes too late. */
static enum err settle(struct task_run *r, struct append *a, bool *sent)
{
    struct message there;
    enum err e = a->op.op.result;
    if (e == ERR_STALE)
        e = append_run(a, r->api, r->reader, r->arena, r->now_ms);
    if (e == ERR_STALE && a->op.late &&
        store_get_message(r->reader, r->arena, a->message.app, a->message.id, false, &there) == ERR_OK)
        e = ERR_OK;        /* it is from before a crash */
    if (e == ERR_CONFLICT) /* sent before a crash, or the workspace has a message with this event id */
        e = store_get_message(r->reader, r->arena, a->message.app, a->message.id, false, &there);
    *sent = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* *late: with ERR_STALE. */
static enum err send_part(struct task_run *r, struct task *t, const struct message *m, struct broadcast_part *p,
                          bool *late)
{
    struct append *all = arena_zalloc(r->arena, (p->count + 1) * sizeof *all);
    struct store_op **ops = arena_alloc(r->arena, (p->count + 1) * sizeof(struct store_op *));
    size_t n = 0, kept = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->count && e == ERR_OK; i++) {
        struct message copy = *m;
        copy.id = p->items[i].msg;
        e = append_init(&all[n], r->api, r->reader, r->arena, p->items[i].app, &copy, r->now_ms);
        all[n].keeps_id = true;
        if (e == ERR_OK) {
            ops[n] = &all[n].op.op;
            n++;
        } else if (e == ERR_NOT_FOUND) { /* deleted meanwhile */
            e = ERR_OK;
        }
    }
    if (e == ERR_OK)
        store_run_all(r->api->store, ops, n);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        bool sent = false;
        e = settle(r, &all[i], &sent);
        *late = e == ERR_STALE && all[i].op.late;
        if (!sent)
            continue;
        append_tell(&all[i], r->api);
        p->items[kept++] = (struct broadcast_item){all[i].message.app, all[i].message.id};
    }
    for (size_t i = 0; i < n; i++)
        append_fini(&all[i]);
    if (e != ERR_OK)
        return e;
    t->processed += (int64_t)p->count;
    t->done += (int64_t)kept;
    t->skipped += (int64_t)(p->count - kept);
    p->count = kept;
    return ERR_OK;
}

/* What is not there yet gets new ids, which the next step sends. */
static enum err renew(struct task_run *r, struct broadcast_part *p)
{
    struct message there;
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->count && e == ERR_OK; i++) {
        e = store_get_message(r->reader, r->arena, p->items[i].app, p->items[i].msg, false, &there);
        if (e != ERR_NOT_FOUND)
            continue;
        p->items[i].msg = oid_next(r->api->oids, r->now_ms);
        e = ERR_OK;
    }
    return e;
}

static enum err send_open(struct task_run *r, struct task *t, const struct message *m)
{
    struct object o;
    struct broadcast_part p;
    struct str key = broadcast_key(r->arena, t->id, t->parts - 1);
    enum err e = store_find_object(r->reader, r->arena, OBJ_TASK_PART, t->env, 0, key, &o);
    if (e == ERR_OK)
        e = broadcast_part_read(r->arena, o.body, &p);
    bool late = false;
    if (e == ERR_OK)
        e = send_part(r, t, m, &p, &late);
    if (e == ERR_STALE && late && (e = broadcast_part_read(r->arena, o.body, &p)) == ERR_OK)
        e = renew(r, &p);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND || e == ERR_INVALID ? ERR_INTERNAL : e;
    t->open = late;
    o.body = broadcast_part_body(r->arena, &p);
    o.updated_ms = r->now_ms;
    r->changes[r->change_count++] = (struct object_change){.change = OBJECT_UPDATE, .object = o};
    return ERR_OK;
}

enum err task_step_broadcast(struct task_run *r, struct task *t, bool *more)
{
    struct message m;
    enum err e = message_load(r, t, &m);
    if (e != ERR_OK)
        return e;
    if (t->open) {
        *more = true;
        return send_open(r, t, &m);
    }
    size_t fit = BATCH_BYTES / (m.payload.len + 1024);
    return plan(r, t, fit == 0 ? 1 : fit < BATCH ? fit : BATCH, more);
}
