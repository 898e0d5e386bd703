/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines of exchanges, nearly all of which are removed before they are due: a ring of lists, so that setting and
 * removing is a few pointers, and one timer for all. A deadline further away than one turn of the ring is passed over
 * once per turn.
 */
#include "delivery/h1.h"

#include "sys/clock.h"

static void arm(struct h1_wheel *w)
{
    w->armed = true;
    loop_timer_set(w->loop, &w->tick, (w->at + 1) * H1_WHEEL_STEP_MS);
}

static void empty_slot(struct h1_wheel *w, int64_t slot)
{
    struct list *head = &w->slots[slot % H1_WHEEL_SLOTS], batch;
    list_init(&batch);
    list_append_all(&batch, head);
    for (struct list *n; (n = list_pop_front(&batch)) != NULL;) {
        struct h1_due *d = CONTAINER_OF(n, struct h1_due, node);
        if (d->slot > slot) {
            list_push_back(head, n);
            continue;
        }
        w->count--;
        w->on_due(d);
    }
}

static void on_tick(struct loop_timer *timer)
{
    struct h1_wheel *w = CONTAINER_OF(timer, struct h1_wheel, tick);
    int64_t now = loop_now_ms(w->loop) / H1_WHEEL_STEP_MS;
    int64_t from = now - w->at > H1_WHEEL_SLOTS ? now - H1_WHEEL_SLOTS : w->at;
    while (from < now) {
        w->at = ++from; /* first: what is set from within goes behind it */
        empty_slot(w, from);
    }
    w->armed = false;
    if (w->count > 0)
        arm(w);
}

void h1_wheel_init(struct h1_wheel *w, struct loop *l, void (*on_due)(struct h1_due *d))
{
    w->loop = l;
    w->on_due = on_due;
    w->tick.on_fire = on_tick;
    for (size_t i = 0; i < H1_WHEEL_SLOTS; i++)
        list_init(&w->slots[i]);
}

void h1_wheel_fini(struct h1_wheel *w)
{
    loop_timer_cancel(w->loop, &w->tick);
}

void h1_wheel_set(struct h1_wheel *w, struct h1_due *d, int64_t at_ms)
{
    h1_wheel_remove(w, d);
    if (w->count++ == 0 && !w->armed) {
        w->at = clock_mono_ms() / H1_WHEEL_STEP_MS;
        arm(w);
    }
    d->slot = at_ms / H1_WHEEL_STEP_MS + 1;
    if (d->slot <= w->at)
        d->slot = w->at + 1;
    list_push_back(&w->slots[d->slot % H1_WHEEL_SLOTS], &d->node);
}

void h1_wheel_remove(struct h1_wheel *w, struct h1_due *d)
{
    if (!list_on(&d->node))
        return;
    list_remove(&d->node);
    w->count--;
}
