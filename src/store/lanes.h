/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for the writer, in four lanes: results, commands, appends, sweeps. Appends take turns by workspace
 * (deficit round robin by bytes), so that one that sends without end waits behind itself. The writer's thread only.
 */
#ifndef PR_STORE_LANES_H
#define PR_STORE_LANES_H

#include "base/list.h"
#include "base/table.h"
#include "store/store.h"

/* Operations linked by `next`, first in first out. */
struct op_queue {
    struct store_op *first;
    struct store_op *last;
    size_t count;
};

void op_queue_push(struct op_queue *q, struct store_op *op);
/* NULL when empty. */
struct store_op *op_queue_pop(struct op_queue *q);
/* Puts all of `front` before what is in q; `front` is empty after. */
void op_queue_put_back(struct op_queue *q, struct op_queue *front);

struct lanes {
    struct op_queue results;
    struct op_queue commands;
    struct op_queue sweeps;
    struct table flows; /* workspaces with waiting appends */
    struct list turns;  /* the same, in the order of their turns */
    size_t append_count;
};

void lanes_init(struct lanes *l);
/* Nothing waits any more. */
void lanes_fini(struct lanes *l);
void lanes_add(struct lanes *l, struct store_op *op);
/* The first of the appends and documents that wait for this workspace, linked by `next`; NULL: none. */
const struct store_op *lanes_waiting(const struct lanes *l, oid_t app);
/* The append whose turn it is, or NULL. */
struct store_op *lanes_pop_append(struct lanes *l);
size_t lanes_count(const struct lanes *l);

/* What an operation brings along, in memory and on disk, roughly, in bytes. 0: of those that do not count. */
size_t op_bytes(const struct store_op *op);
/* The rows an operation writes, roughly. */
size_t op_rows(const struct store_op *op);

#endif
