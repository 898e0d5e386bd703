/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

void table_init(struct table *t)
{
    *t = (struct table){0};
}

void table_fini(struct table *t)
{
    free(t->buckets);
    *t = (struct table){0};
}

static void grow(struct table *t)
{
    size_t old_count = t->buckets != NULL ? t->mask + 1 : 0;
    size_t count = old_count == 0 ? 16 : old_count * 2;
    struct table_node **buckets = mem_zalloc(count, sizeof buckets[0]); /* NOLINT(bugprone-sizeof-expression) */
    for (size_t i = 0; i < old_count; i++) {
        struct table_node *n = t->buckets[i];
        while (n != NULL) {
            struct table_node *next = n->next;
            n->next = buckets[n->hash & (count - 1)];
            buckets[n->hash & (count - 1)] = n;
            n = next;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->mask = count - 1;
}

void table_insert(struct table *t, struct table_node *n, uint64_t hash)
{
    if (t->buckets == NULL || t->len > t->mask)
        grow(t);
    n->hash = hash;
    n->next = t->buckets[hash & t->mask];
    t->buckets[hash & t->mask] = n;
    t->len++;
}

void table_remove(struct table *t, struct table_node *n)
{
    CHECK(t->buckets != NULL);
    struct table_node **at = &t->buckets[n->hash & t->mask];
    while (*at != n) {
        CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = n->next;
    n->next = NULL;
    t->len--;
}

struct table_node *table_find(const struct table *t, uint64_t hash)
{
    if (t->buckets == NULL)
        return NULL;
    struct table_node *n = t->buckets[hash & t->mask];
    while (n != NULL && n->hash != hash)
        n = n->next;
    return n;
}

struct table_node *table_next(const struct table_node *n)
{
    uint64_t hash = n->hash;
    struct table_node *next = n->next;
    while (next != NULL && next->hash != hash)
        next = next->next;
    return next;
}

void table_each(struct table *t, void (*fn)(struct table_node *n, void *arg), void *arg)
{
    if (t->buckets == NULL)
        return;
    for (size_t i = 0; i <= t->mask; i++) {
        struct table_node *n = t->buckets[i];
        while (n != NULL) {
            struct table_node *next = n->next;
            fn(n, arg);
            n = next;
        }
    }
}
