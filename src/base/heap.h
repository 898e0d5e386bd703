/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive binary min-heap by an int64 key, ties in insertion order (so that runs are repeatable). Each node knows
 * its place: removal and re-keying are O(log n). The array grows as needed.
 */
#ifndef PR_BASE_HEAP_H
#define PR_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    uint64_t order; /* set by the heap */
    size_t at;      /* index + 1, 0 = on no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t len;
    size_t cap;
    uint64_t next_order;
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h);
/* The node with the smallest key, or NULL; it stays on the heap. */
struct heap_node *heap_min(const struct heap *h);
/* Inserts with `key`, or moves a node that is on the heap already. */
void heap_set(struct heap *h, struct heap_node *n, int64_t key);
/* Removes; a node on no heap is left alone. */
void heap_remove(struct heap *h, struct heap_node *n);
/* Removes and returns the smallest if its key is at most `limit`, else NULL. */
struct heap_node *heap_pop_until(struct heap *h, int64_t limit);

static inline bool heap_on(const struct heap_node *n)
{
    return n->at != 0;
}

#endif
