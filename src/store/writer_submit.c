/* SPDX-License-Identifier: Apache-2.0 */
/* The two doors of the writer: how operations come in, on any thread, and how they go back. */
#include "store/writer_priv.h"
#include "sys/clock.h"

#define HOMES_MAX 64

/* ---- completions ----------------------------------------------------------------------------------------------- */

static void op_run_done(struct loop_task *t)
{
    struct store_op *op = CONTAINER_OF(t, struct store_op, task);
    op->done(op);
}

struct home {
    struct loop *loop;
    struct loop_task *first;
    struct loop_task *last;
};

static void homes_post(struct home *homes, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        loop_post_chain(homes[i].loop, homes[i].first, homes[i].last);
    *count = 0;
}

static void home_add(struct home *homes, size_t *count, struct store_op *op)
{
    size_t i = 0;
    while (i < *count && homes[i].loop != op->home)
        i++;
    if (i == HOMES_MAX) {
        homes_post(homes, count);
        i = 0;
    }
    op->task = (struct loop_task){.run = op_run_done};
    if (i == *count) {
        homes[(*count)++] = (struct home){.loop = op->home, .first = &op->task, .last = &op->task};
        return;
    }
    homes[i].last->next = &op->task;
    homes[i].last = &op->task;
}

/* Hands operations back, with one wake-up per loop. */
void writer_finish(struct writer *w, struct op_queue *q)
{
    struct home homes[HOMES_MAX];
    size_t count = 0, bytes = 0;
    for (struct store_op *op = q->first; op != NULL; op = op->next)
        bytes += op_bytes(op);
    pthread_mutex_lock(&w->lock);
    w->queued_ops -= q->count;
    w->queued_bytes -= bytes;
    pthread_mutex_unlock(&w->lock);
    struct store_op *op;
    while ((op = op_queue_pop(q)) != NULL) {
        if (op->home != NULL)
            home_add(homes, &count, op);
        else
            op->done(op);
    }
    homes_post(homes, &count);
}

/* ---- submitting ------------------------------------------------------------------------------------------------ */

/* Why an operation cannot be taken; the lock is held. */
static enum err submit_refusal(const struct writer *w, size_t bytes)
{
    if (w->closing)
        return ERR_CLOSED;
    if (bytes > 0 && w->queued_bytes + bytes > w->queue_bytes_max)
        return ERR_BUSY;
    return ERR_OK;
}

/* Takes it into the queue, or into `refused` when it can be answered from here. The lock is held. */
static void submit_one(struct writer *w, struct store_op *op, struct op_queue *refused, int64_t now_us)
{
    size_t bytes = op_bytes(op);
    op->result = submit_refusal(w, bytes);
    op->queued_us = now_us;
    if (op->result != ERR_OK && (op->home != NULL || w->gone)) {
        op_queue_push(refused, op);
        return;
    }
    w->queued_bytes += bytes;
    w->queued_ops++;
    op_queue_push(&w->incoming, op);
}

void writer_submit(struct writer *w, struct store_op *first)
{
    struct op_queue refused = {.first = NULL};
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&w->lock);
    for (struct store_op *op = first, *next; op != NULL; op = next) {
        next = op->next;
        submit_one(w, op, &refused, now_us);
    }
    bool wake = w->sleeping && w->incoming.count > 0;
    if (wake)
        w->sleeping = false;
    pthread_mutex_unlock(&w->lock);
    if (wake)
        pthread_cond_signal(&w->wake);
    struct store_op *op;
    while ((op = op_queue_pop(&refused)) != NULL) {
        op->task = (struct loop_task){.run = op_run_done};
        if (op->home != NULL)
            loop_post(op->home, &op->task);
        else
            op->done(op);
    }
}
