/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of work in memory, and their order within an endpoint: a ready list, in which what somebody asked for by hand
 * stands before the rest, and a heap of waiting ones; a FIFO endpoint has one list by pos, of which only the head
 * counts.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/engine_priv.h"

static uint64_t key_hash(oid_t msg, oid_t ep)
{
    return hash_u64((uint64_t)msg ^ hash_u64((uint64_t)ep));
}

static struct piece *piece_of_link(struct list *n)
{
    return CONTAINER_OF(n, struct piece, link);
}

struct piece *piece_find(struct engine *e, oid_t msg, oid_t ep)
{
    for (struct table_node *n = table_find(&e->pieces, key_hash(msg, ep)); n != NULL; n = table_next(n)) {
        struct piece *p = CONTAINER_OF(n, struct piece, by_key);
        if (p->work.msg == msg && p->work.ep->id == ep)
            return p;
    }
    return NULL;
}

static struct piece *alloc_piece(struct engine *e)
{
    struct piece *p = e->free_pieces;
    if (p != NULL)
        e->free_pieces = (struct piece *)p->work.body;
    else
        p = mem_alloc(sizeof *p);
    *p = (struct piece){0};
    list_init(&p->link);
    return p;
}

static void free_piece(struct engine *e, struct piece *p)
{
    table_remove(&e->pieces, &p->by_key);
    p->work.body = e->free_pieces;
    e->free_pieces = p;
}

/* FIFO: by pos; what comes is nearly always the newest. */
static void insert_by_pos(struct engine_endpoint *ep, struct piece *p)
{
    struct list *after = ep->ready.prev;
    while (after != &ep->ready && piece_of_link(after)->work.pos > p->work.pos)
        after = after->prev;
    list_insert_between(&p->link, after, after->next);
}

/*
 * One message that somebody sends by hand and looks at goes before a backlog, and is not held up by what an open
 * breaker keeps back.
 */
static void make_ready(struct engine_endpoint *ep, struct piece *p)
{
    struct list *before = &ep->ready;
    p->state = WORK_READY;
    if (p->work.trigger == TRIGGER_MANUAL) {
        before = ep->ready.next;
        while (before != &ep->ready && piece_of_link(before)->work.trigger == TRIGGER_MANUAL)
            before = before->next;
        ep->blocked_until_ms = 0; /* for the one that was the head; start_one finds out anew */
    }
    list_insert_between(&p->link, before->prev, before);
}

struct piece *piece_add(struct engine *e, struct engine_endpoint *ep, const struct work *w, int64_t now_ms)
{
    struct piece *p = alloc_piece(e);
    p->work = *w;
    p->work.ep = ep;
    table_insert(&e->pieces, &p->by_key, key_hash(w->msg, ep->id));
    ep->in_memory++;
    e->in_memory++;
    e->bytes += w->body_bytes;
    piece_schedule(e, p, now_ms);
    return p;
}

static void unlink_piece(struct piece *p)
{
    list_remove(&p->link);
    heap_remove(&p->work.ep->waiting, &p->due);
}

void piece_drop(struct engine *e, struct piece *p)
{
    struct engine_endpoint *ep = p->work.ep;
    CHECK(p->state != WORK_RUNNING && p->state != WORK_TOMBSTONE);
    unlink_piece(p);
    ep->in_memory--;
    e->in_memory--;
    e->bytes -= p->work.body_bytes;
    e->env.release(e->env.arg, &p->work);
    p->work.body = NULL;
    if (!ep->refilling) {
        free_piece(e, p);
        return;
    }
    p->state = WORK_TOMBSTONE;
    list_push_back(&ep->tombstones, &p->link);
}

void piece_schedule(struct engine *e, struct piece *p, int64_t now_ms)
{
    struct engine_endpoint *ep = p->work.ep;
    (void)e;
    if (ep->fifo) {
        p->state = WORK_READY; /* its turn is decided by queue_head */
        if (!list_on(&p->link))
            insert_by_pos(ep, p);
        return;
    }
    unlink_piece(p);
    if (p->work.due_ms > now_ms) {
        p->state = WORK_WAITING;
        heap_set(&ep->waiting, &p->due, p->work.due_ms);
    } else {
        make_ready(ep, p);
    }
}

void piece_begin(struct engine *e, struct piece *p)
{
    struct engine_endpoint *ep = p->work.ep;
    CHECK(p->state == WORK_READY);
    if (!ep->fifo)
        list_remove(&p->link);
    p->state = WORK_RUNNING;
    p->reread = ep->reread;
    p->host = ep->host;
    p->host->refs++;
    ep->running++;
    ep->busy++;
    e->running++;
    e->busy++;
}

struct piece *queue_head(struct engine_endpoint *ep, int64_t now_ms, int64_t *due_ms)
{
    *due_ms = TIME_NEVER;
    if (ep->fifo) {
        struct list *n = list_first(&ep->ready);
        struct piece *p = n != NULL ? piece_of_link(n) : NULL;
        if (p == NULL || p->state != WORK_READY)
            return NULL;
        *due_ms = p->work.due_ms;
        return p->work.due_ms <= now_ms ? p : NULL;
    }
    for (struct heap_node *h; (h = heap_pop_until(&ep->waiting, now_ms)) != NULL;) {
        make_ready(ep, CONTAINER_OF(h, struct piece, due));
    }
    struct list *n = list_first(&ep->ready);
    if (n != NULL) {
        struct piece *p = piece_of_link(n);
        *due_ms = p->work.due_ms;
        return p;
    }
    struct heap_node *next = heap_min(&ep->waiting);
    if (next != NULL)
        *due_ms = next->key;
    return NULL;
}

void queue_free_tombstones(struct engine *e, struct engine_endpoint *ep)
{
    for (struct list *n; (n = list_pop_front(&ep->tombstones)) != NULL;)
        free_piece(e, piece_of_link(n));
}

void queue_clear(struct engine *e, struct engine_endpoint *ep)
{
    for (struct heap_node *h; (h = heap_min(&ep->waiting)) != NULL;)
        piece_drop(e, CONTAINER_OF(h, struct piece, due));
    for (LIST_EACH_SAFE(n, next, &ep->ready)) {
        struct piece *p = piece_of_link(n);
        if (p->state == WORK_READY || p->state == WORK_WAITING)
            piece_drop(e, p);
    }
}

void queue_set_fifo(struct engine *e, struct engine_endpoint *ep, bool fifo)
{
    if (ep->in_memory > 0)
        endpoint_mark(ep, 0);
    queue_clear(e, ep);
    while (list_pop_front(&ep->ready) != NULL) /* what is under way stays, on no list */
        ;
    ep->fifo = fifo;
}
