/* SPDX-License-Identifier: Apache-2.0 */
/* How an operation reaches a backend: its verb, and its idempotency key before and after. */
#include "store/backend.h"

enum err backend_apply(struct backend *b, struct store_op *op)
{
    switch (op->kind) {
    case STORE_APPEND:
        return b->ops->append(b, CONTAINER_OF(op, struct store_append, op));
    case STORE_RECORD:
        return b->ops->record(b, CONTAINER_OF(op, struct store_record, op));
    case STORE_OBJECTS:
        return b->ops->objects(b, CONTAINER_OF(op, struct store_objects, op));
    case STORE_RESEND:
        return b->ops->resend(b, CONTAINER_OF(op, struct store_resend, op));
    case STORE_EXPUNGE:
        return b->ops->expunge(b, CONTAINER_OF(op, struct store_expunge, op));
    case STORE_DOCS:
        return b->ops->docs(b, CONTAINER_OF(op, struct store_docs, op));
    case STORE_SWEEP:
        return b->ops->sweep(b, CONTAINER_OF(op, struct store_sweep, op));
    case STORE_SETTLE: /* the writer's alone */
    case STORE_OP_KINDS:
        break;
    }
    CHECK(op->kind < STORE_OP_KINDS);
    return ERR_INVALID;
}

enum err backend_apply_keyed(struct backend *b, struct store_op *op, backend_verb_fn *verb, void *arg)
{
    if (LIKELY(op->key == NULL))
        return verb(arg, op);
    enum err e = b->ops->key_find(b, op->key);
    if (e != ERR_NOT_FOUND || op->key->only_look)
        return e;
    op->key->known = false;
    e = verb(arg, op);
    return e == ERR_OK ? b->ops->key_put(b, op->key) : e;
}
