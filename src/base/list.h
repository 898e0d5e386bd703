/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive, circular, doubly linked list. A node that is on no list points to itself, so `list_on` is a question
 * anyone may ask and removing twice is harmless. Initialise nodes and heads with list_init.
 */
#ifndef PR_BASE_LIST_H
#define PR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *n)
{
    n->prev = n->next = n;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

/* Whether the node is on some list. */
static inline bool list_on(const struct list *n)
{
    return n->next != n;
}

static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

/* The node must be on no list. */
static inline void list_push_back(struct list *head, struct list *n)
{
    CHECK(!list_on(n));
    list_insert_between(n, head->prev, head);
}

static inline void list_push_front(struct list *head, struct list *n)
{
    CHECK(!list_on(n));
    list_insert_between(n, head, head->next);
}

/* The first node, or NULL. */
static inline struct list *list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

/* Removes and returns the first node, or NULL. */
static inline struct list *list_pop_front(struct list *head)
{
    struct list *n = list_first(head);
    if (n != NULL)
        list_remove(n);
    return n;
}

/* Moves every node of `from` behind the last of `to`. */
static inline void list_append_all(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* for (LIST_EACH(pos, head)): the node `pos` must not be removed in the body; LIST_EACH_SAFE allows it. */
#define LIST_EACH(pos, head)                                                                                           \
    struct list *pos = (head)->next;                                                                                   \
    pos != (head);                                                                                                     \
    pos = pos->next
#define LIST_EACH_SAFE(pos, tmp, head)                                                                                 \
    struct list *pos = (head)->next, *tmp = pos->next;                                                                 \
    pos != (head);                                                                                                     \
    pos = tmp, tmp = pos->next

#endif
