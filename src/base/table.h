/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive chained hash table by a 64-bit hash; the caller compares keys. Nodes are embedded in what they index,
 * so insertion never allocates; the bucket array doubles as it fills.
 */
#ifndef PR_BASE_TABLE_H
#define PR_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
    struct table_node *next;
    uint64_t hash;
};

struct table {
    struct table_node **buckets;
    size_t mask; /* buckets - 1, or 0 while empty */
    size_t len;
};

void table_init(struct table *t);
/* Frees the buckets; the nodes belong to the caller. */
void table_fini(struct table *t);
/* Inserts; the caller made sure that the key is not in it. */
void table_insert(struct table *t, struct table_node *n, uint64_t hash);
/* Removes a node that is in the table. */
void table_remove(struct table *t, struct table_node *n);
/* The first node with this hash, or NULL; go on with table_next. */
struct table_node *table_find(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *n);
/* Calls fn for each node; fn may free the node it is given but not touch the table. */
void table_each(struct table *t, void (*fn)(struct table_node *n, void *arg), void *arg);

#endif
