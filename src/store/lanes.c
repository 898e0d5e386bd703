/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lanes.h"

#include <stdlib.h>

#include "base/mem.h"

/* A turn is worth this many bytes: a few dozen ordinary messages, and some turns for a large one. */
#define TURN_BYTES   32768
#define TARGET_BYTES 128

/* A workspace with waiting appends. */
struct flow {
    struct table_node node;
    struct list turn;
    oid_t app;
    size_t credit;
    struct op_queue ops;
};

void op_queue_push(struct op_queue *q, struct store_op *op)
{
    op->next = NULL;
    if (q->last != NULL)
        q->last->next = op;
    else
        q->first = op;
    q->last = op;
    q->count++;
}

struct store_op *op_queue_pop(struct op_queue *q)
{
    struct store_op *op = q->first;
    if (op == NULL)
        return NULL;
    q->first = op->next;
    if (q->first == NULL)
        q->last = NULL;
    q->count--;
    op->next = NULL;
    return op;
}

void op_queue_put_back(struct op_queue *q, struct op_queue *front)
{
    if (front->first == NULL)
        return;
    front->last->next = q->first;
    if (q->last == NULL)
        q->last = front->last;
    q->first = front->first;
    q->count += front->count;
    *front = (struct op_queue){.first = NULL};
}

static size_t docs_bytes(const struct doc_change *changes, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += sizeof changes[i] + changes[i].doc.key.len + changes[i].doc.body.len + changes[i].doc.data.len;
    return n;
}

static size_t append_bytes(const struct store_append *op)
{
    const struct message *m = op->message;
    size_t n = sizeof *op + m->payload.len + m->actor.len + m->channels.len + m->tags.len + m->event_id.len +
               op->target_count * TARGET_BYTES + docs_bytes(op->docs, op->doc_count);
    for (size_t i = 0; i < m->render_count; i++)
        n += m->renders[i].head.len + m->renders[i].tail.len;
    return n;
}

size_t op_bytes(const struct store_op *op)
{
    if (op->kind == STORE_APPEND)
        return append_bytes(CONTAINER_OF(op, const struct store_append, op));
    if (op->kind != STORE_DOCS)
        return 0;
    const struct store_docs *d = CONTAINER_OF(op, const struct store_docs, op);
    size_t n = sizeof *d + docs_bytes(d->changes, d->count);
    for (size_t i = 0; i < d->append_count; i++)
        n += append_bytes(&d->appends[i]);
    return n;
}

static size_t append_rows(const struct store_append *op)
{
    return 1 + op->target_count + op->doc_count;
}

static size_t docs_rows(const struct store_docs *op)
{
    size_t n = op->count;
    for (size_t i = 0; i < op->append_count; i++)
        n += append_rows(&op->appends[i]);
    return n;
}

/* Whose turn it takes. */
static oid_t op_app(const struct store_op *op)
{
    return op->kind == STORE_DOCS ? CONTAINER_OF(op, const struct store_docs, op)->app
                                  : CONTAINER_OF(op, const struct store_append, op)->message->app;
}

size_t op_rows(const struct store_op *op)
{
    switch (op->kind) {
    case STORE_APPEND:
        return (op->key != NULL ? 1 : 0) + append_rows(CONTAINER_OF(op, const struct store_append, op));
    case STORE_DOCS:
        return docs_rows(CONTAINER_OF(op, const struct store_docs, op));
    case STORE_OBJECTS:
        return 2 * CONTAINER_OF(op, const struct store_objects, op)->count;
    case STORE_SWEEP:
        return CONTAINER_OF(op, const struct store_sweep, op)->rows_max;
    case STORE_RECORD:
    case STORE_RESEND:
    case STORE_EXPUNGE:
    case STORE_SETTLE:
    case STORE_OP_KINDS:
        break;
    }
    return 2;
}

void lanes_init(struct lanes *l)
{
    *l = (struct lanes){.append_count = 0};
    table_init(&l->flows);
    list_init(&l->turns);
}

void lanes_fini(struct lanes *l)
{
    CHECK(lanes_count(l) == 0);
    table_fini(&l->flows);
}

static struct flow *flow_find(const struct lanes *l, oid_t app, uint64_t hash)
{
    for (struct table_node *n = table_find(&l->flows, hash); n != NULL; n = table_next(n)) {
        struct flow *f = CONTAINER_OF(n, struct flow, node);
        if (f->app == app)
            return f;
    }
    return NULL;
}

const struct store_op *lanes_waiting(const struct lanes *l, oid_t app)
{
    const struct flow *f = flow_find(l, app, hash_u64((uint64_t)app));
    return f != NULL ? f->ops.first : NULL;
}

static struct flow *flow_get(struct lanes *l, oid_t app)
{
    uint64_t hash = hash_u64((uint64_t)app);
    struct flow *f = flow_find(l, app, hash);
    if (f != NULL)
        return f;
    f = mem_zalloc(1, sizeof *f);
    f->app = app;
    f->credit = TURN_BYTES;
    list_init(&f->turn);
    table_insert(&l->flows, &f->node, hash);
    list_push_back(&l->turns, &f->turn);
    return f;
}

void lanes_add(struct lanes *l, struct store_op *op)
{
    switch (op->kind) {
    case STORE_APPEND:
    case STORE_DOCS:
        op_queue_push(&flow_get(l, op_app(op))->ops, op);
        l->append_count++;
        return;
    case STORE_RECORD:
        op_queue_push(&l->results, op);
        return;
    case STORE_OBJECTS:
    case STORE_RESEND:
    case STORE_EXPUNGE:
    case STORE_SETTLE:
        op_queue_push(&l->commands, op);
        return;
    case STORE_SWEEP:
        op_queue_push(&l->sweeps, op);
        return;
    case STORE_OP_KINDS:
        break;
    }
    CHECK(op->kind < STORE_OP_KINDS);
}

struct store_op *lanes_pop_append(struct lanes *l)
{
    struct list *n = list_first(&l->turns);
    while (n != NULL) {
        struct flow *f = CONTAINER_OF(n, struct flow, turn);
        size_t cost = op_bytes(f->ops.first);
        if (cost > f->credit) {
            /* Its turn is over; the next one adds to what it has left. */
            f->credit += TURN_BYTES;
            list_remove(&f->turn);
            list_push_back(&l->turns, &f->turn);
            n = list_first(&l->turns);
            continue;
        }
        struct store_op *op = op_queue_pop(&f->ops);
        f->credit -= cost;
        l->append_count--;
        if (f->ops.count == 0) {
            list_remove(&f->turn);
            table_remove(&l->flows, &f->node);
            free(f);
        }
        return op;
    }
    return NULL;
}

size_t lanes_count(const struct lanes *l)
{
    return l->results.count + l->commands.count + l->sweeps.count + l->append_count;
}
