/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's verbs but sweeps. A verb that cannot be applied says so before it changes anything, or undoes. */
#include "base/mem.h"
#include "store/store_mem.h"

static struct mem_store *store_of(struct backend *b)
{
    return (struct mem_store *)(void *)b;
}

/* ---- messages and deliveries --------------------------------------------------------------------------------------
 */

void mem_delivery_set(struct mem_store *m, struct mem_delivery *was, const struct delivery *d)
{
    struct mem_delivery *is = row_new(sizeof *is, 0, d->msg, d->ep);
    is->delivery = *d;
    rows_change(&m->log, &m->deliveries, was != NULL ? &was->row : NULL, &is->row);
}

/* The place behind all pending work of the endpoint. */
static int64_t next_place(const struct mem_store *m, oid_t ep)
{
    int64_t pos = m->now_ms;
    for (const struct row *r = rows_find(&m->deliveries, hash_u64((uint64_t)ep)); r != NULL; r = rows_next(r)) {
        int64_t taken = ((const struct mem_delivery *)(const void *)r)->delivery.pos;
        pos = taken >= pos ? taken + 1 : pos;
    }
    return pos;
}

enum err mem_append(struct backend *b, struct store_append *op)
{
    struct mem_store *m = store_of(b);
    size_t mark = m->log.len, failed_at = 0;
    const struct message *msg = op->message;
    if (mem_app_version(m, msg->app) != op->app_version)
        return ERR_STALE;
    if (rows_get(&m->messages, msg->id, 0) != NULL)
        return ERR_CONFLICT;
    if (msg->event_id.ptr != NULL && mem_find_event(m, msg->app, msg->event_id) != NULL)
        return ERR_CONFLICT;
    struct mem_message *row = row_new(sizeof *row, msg->payload.len + 512, msg->id, 0);
    row->message = mem_copy_message(row->row.arena, msg, true);
    rows_change(&m->log, &m->messages, NULL, &row->row);
    for (size_t i = 0; i < op->target_count; i++) {
        struct store_target *t = &op->targets[i];
        struct mem_delivery *twin = mem_delivery_get(m, msg->id, t->ep);
        if (twin != NULL) {
            t->pos = twin->delivery.pos;
            continue;
        }
        struct delivery d = rules_created(msg->id, t, t->fifo ? next_place(m, t->ep) : 0);
        t->pos = d.pos;
        mem_delivery_set(m, NULL, &d);
    }
    enum err e = mem_docs_apply(m, op->docs, op->doc_count, &failed_at);
    if (e != ERR_OK)
        changes_undo(&m->log, mark);
    return e;
}

static void health_set(struct mem_store *m, oid_t ep, const struct endpoint_health *h)
{
    struct mem_endpoint *is = row_new(sizeof *is, 0, ep, 0);
    struct row *old = rows_get(&m->endpoints, ep, 0);
    is->health = (struct endpoint_health){
            .ep = ep, .failing_since_ms = h->failing_since_ms, .exhausted_since_ms = h->exhausted_since_ms};
    if (h->merge && old != NULL)
        endpoint_health_merge(&is->health, ((const struct mem_endpoint *)(const void *)old)->health, h->enabled_ms);
    rows_change(&m->log, &m->endpoints, old, &is->row);
}

enum err mem_record(struct backend *b, struct store_record *op)
{
    struct mem_store *m = store_of(b);
    const struct attempt *t = op->attempt;
    op->moved = false;
    if (rows_get(&m->attempts, t->id, 0) != NULL)
        return ERR_CONFLICT;
    struct mem_attempt *row = row_new(sizeof *row, t->response_body.len + 512, t->id, 0);
    row->attempt = mem_copy_attempt(row->row.arena, t, true);
    rows_change(&m->log, &m->attempts, NULL, &row->row);
    mem_tally_add(m, t);
    struct mem_delivery *was = mem_delivery_get(m, t->msg, t->ep);
    if (was != NULL) {
        struct delivery d = was->delivery;
        op->moved = rules_record(&d, op);
        if (op->moved)
            mem_delivery_set(m, was, &d);
    }
    if (op->transformed != NULL)
        mem_transformed_put(m, t->msg, t->ep, op->transformed);
    if (op->health != NULL)
        health_set(m, op->health->ep, op->health);
    return ERR_OK;
}

/* ---- resend -------------------------------------------------------------------------------------------------------
 */

/* Adds the envelope of a profile version that the message was not rendered for. */
static void render_add(struct mem_store *m, struct mem_message *was, const struct message_render *render)
{
    size_t count = was->message.render_count;
    for (size_t i = 0; i < count; i++)
        if (was->message.renders[i].profile_version == render->profile_version)
            return;
    AUTO_FREE struct message_render *renders = mem_zalloc(count + 1, sizeof renders[0]);
    for (size_t i = 0; i < count; i++)
        renders[i] = was->message.renders[i];
    renders[count] = *render;
    struct message with = was->message;
    with.renders = renders;
    with.render_count = count + 1;
    struct mem_message *is = row_new(sizeof *is, with.payload.len + 512, with.id, 0);
    is->message = mem_copy_message(is->row.arena, &with, true);
    rows_change(&m->log, &m->messages, &was->row, &is->row);
}

enum err mem_resend(struct backend *b, struct store_resend *op)
{
    struct mem_store *m = store_of(b);
    struct mem_message *msg = mem_message_get(m, op->app, op->msg);
    if (msg == NULL)
        return ERR_NOT_FOUND;
    if (msg->message.payload.ptr == NULL)
        return ERR_GONE;
    struct mem_delivery *was = mem_delivery_get(m, op->msg, op->ep);
    struct delivery d;
    op->changed = was == NULL || !op->if_missing;
    if (!op->changed)
        return ERR_OK;
    if (was != NULL) {
        d = was->delivery;
        rules_request(&d, op->trigger, op->fifo && !rules_pending(&d) ? next_place(m, op->ep) : 0, op->now_ms);
    } else {
        d = rules_resent(op, op->fifo ? next_place(m, op->ep) : 0);
        if (op->render != NULL)
            render_add(m, msg, op->render);
    }
    mem_delivery_set(m, was, &d);
    return ERR_OK;
}

/* ---- expunge ------------------------------------------------------------------------------------------------------
 */

static void pending_fail(struct mem_store *m, oid_t msg)
{
    for (size_t i = rows_seek(&m->deliveries, msg, 0); i < m->deliveries.len && m->deliveries.at[i]->key == msg; i++) {
        struct mem_delivery *was = (struct mem_delivery *)(void *)m->deliveries.at[i];
        struct delivery d = was->delivery;
        if (rules_fail(&d, REASON_EXPIRED))
            mem_delivery_set(m, was, &d);
    }
}

static enum err attempt_expunge(struct mem_store *m, struct store_expunge *op)
{
    struct mem_attempt *was = (struct mem_attempt *)(void *)rows_get(&m->attempts, op->attempt, 0);
    if (was == NULL || was->attempt.app != op->app || was->attempt.msg != op->msg)
        return ERR_NOT_FOUND;
    op->erased = !str_eq(was->attempt.response_body, STR(STORE_EXPUNGED));
    if (op->only_look)
        return ERR_OK;
    struct attempt t = was->attempt;
    t.response_body = STR(STORE_EXPUNGED);
    t.response_truncated = false;
    struct mem_attempt *is = row_new(sizeof *is, 512, t.id, 0);
    is->attempt = mem_copy_attempt(is->row.arena, &t, true);
    rows_change(&m->log, &m->attempts, &was->row, &is->row);
    return ERR_OK;
}

enum err mem_expunge(struct backend *b, struct store_expunge *op)
{
    struct mem_store *m = store_of(b);
    if (op->attempt != 0)
        return attempt_expunge(m, op);
    struct mem_message *was = mem_message_get(m, op->app, op->msg);
    if (was == NULL)
        return ERR_NOT_FOUND;
    op->erased = was->message.payload.ptr != NULL;
    if (op->only_look)
        return ERR_OK;
    struct mem_message *is = row_new(sizeof *is, 512, op->msg, 0);
    is->message = mem_copy_message(is->row.arena, &was->message, false);
    rows_change(&m->log, &m->messages, &was->row, &is->row);
    mem_transformed_drop(m, op->msg);
    pending_fail(m, op->msg);
    return ERR_OK;
}

/* ---- objects ------------------------------------------------------------------------------------------------------
 */

static void counter_raise(struct mem_store *m, oid_t id)
{
    if (id == 0)
        return;
    struct mem_counter *was = (struct mem_counter *)(void *)rows_get(&m->counters, id, 0);
    struct mem_counter *is = row_new(sizeof *is, 0, id, 0);
    is->count = was != NULL ? was->count + 1 : 1;
    rows_change(&m->log, &m->counters, was != NULL ? &was->row : NULL, &is->row);
}

static void object_put(struct mem_store *m, struct mem_object *was, const struct object *o)
{
    oid_t app, env;
    struct mem_object *is = row_new(sizeof *is, o->body.len + o->sealed.len + 256, o->id, 0);
    is->object = mem_copy_object(is->row.arena, o);
    rows_change(&m->log, &m->objects, was != NULL ? &was->row : NULL, &is->row);
    rules_raised(o, &app, &env);
    counter_raise(m, app);
    counter_raise(m, env);
}

/* Whether another living object has this one's key. */
static bool key_taken(const struct mem_store *m, const struct object *o)
{
    if (o->key.ptr == NULL)
        return false;
    const struct mem_object *holder = mem_find_key(m, o->kind, o->env, rules_scope(o->kind, o->app), o->key);
    return holder != NULL && holder->object.id != o->id;
}

static enum err object_create(struct mem_store *m, struct object_change *c, uint64_t *version)
{
    struct object o = c->object;
    if (rows_get(&m->objects, o.id, 0) != NULL || key_taken(m, &o))
        return ERR_CONFLICT;
    o.version = *version = 1;
    o.deleted_ms = 0;
    object_put(m, NULL, &o);
    return ERR_OK;
}

static enum err object_replace(struct mem_store *m, struct object_change *c, uint64_t *version)
{
    struct mem_object *was = (struct mem_object *)(void *)rows_get(&m->objects, c->object.id, 0);
    if (was == NULL || was->object.kind != c->object.kind || was->object.deleted_ms != 0)
        return ERR_NOT_FOUND;
    if (c->expected_version != 0 && c->expected_version != was->object.version)
        return ERR_STALE;
    struct object o = was->object;
    o.updated_ms = c->object.updated_ms;
    o.version = *version = was->object.version + 1;
    if (c->change == OBJECT_DELETE) {
        o.deleted_ms = c->object.updated_ms > 0 ? c->object.updated_ms : 1;
    } else {
        o.key = c->object.key;
        o.body = c->object.body;
        o.sealed = c->object.sealed;
        if (key_taken(m, &o))
            return ERR_CONFLICT;
    }
    object_put(m, was, &o);
    return ERR_OK;
}

enum err mem_objects(struct backend *b, struct store_objects *op)
{
    struct mem_store *m = store_of(b);
    size_t mark = m->log.len;
    AUTO_FREE uint64_t *versions = mem_zalloc(op->count + 1, sizeof versions[0]);
    for (size_t i = 0; i < op->count; i++) {
        struct object_change *c = &op->changes[i];
        enum err e = c->change == OBJECT_CREATE ? object_create(m, c, &versions[i])
                                                : object_replace(m, c, &versions[i]);
        if (e == ERR_OK)
            continue;
        changes_undo(&m->log, mark);
        op->failed_at = i;
        return e;
    }
    for (size_t i = 0; i < op->count; i++)
        op->changes[i].object.version = versions[i];
    return ERR_OK;
}
