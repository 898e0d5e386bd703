/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_fini(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

struct heap_node *heap_min(const struct heap *h)
{
    return h->len > 0 ? h->nodes[0] : NULL;
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void place(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->at = i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];
    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (!before(n, h->nodes[parent]))
            break;
        place(h, i, h->nodes[parent]);
        i = parent;
    }
    place(h, i, n);
}

static void sift_down(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->len)
            break;
        if (child + 1 < h->len && before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!before(h->nodes[child], n))
            break;
        place(h, i, h->nodes[child]);
        i = child;
    }
    place(h, i, n);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
    heap_remove(h, n);
    n->key = key;
    n->order = h->next_order++;
    if (h->len == h->cap) {
        h->cap = h->cap == 0 ? 16 : h->cap * 2;
        h->nodes = mem_realloc(h->nodes, h->cap * sizeof h->nodes[0]); /* NOLINT(bugprone-sizeof-expression) */
    }
    h->nodes[h->len] = n;
    sift_up(h, h->len++);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (n->at == 0)
        return;
    size_t i = n->at - 1;
    CHECK(i < h->len && h->nodes[i] == n);
    n->at = 0;
    struct heap_node *last = h->nodes[--h->len];
    if (last == n)
        return;
    h->nodes[i] = last;
    last->at = i + 1;
    sift_up(h, i);
    sift_down(h, last->at - 1);
}

struct heap_node *heap_pop_until(struct heap *h, int64_t limit)
{
    struct heap_node *n = heap_min(h);
    if (n == NULL || n->key > limit)
        return NULL;
    heap_remove(h, n);
    return n;
}
