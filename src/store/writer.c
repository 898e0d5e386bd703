/* SPDX-License-Identifier: Apache-2.0 */
/*
 *  submit ──▶ incoming ──▶ lanes ──▶ group ──commit──▶ done, by home loop
 *                                      │ no room: rollback
 *                                      └──▶ results wait and are tried again; everything else ends with ERR_FULL
 *
 * Any other error of a write or a sync ends the process: whether the group is on disk is not known, and the next start
 * finds out (store.h, invariant 3).
 */
#include "store/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/lanes.h"
#include "sys/clock.h"

/* A group's budget. */
#define GROUP_ROWS  4000
#define GROUP_BYTES ((size_t)8 << 20)
#define GROUP_US    50000
/* While there is no room: little at a time. */
#define GROUP_ROWS_FULL 64
/* Bulk work in a group that has other work. */
#define GROUP_SWEEP_ROWS  500
#define RETRY_MS          1000
#define HOMES_MAX         64
#define BACKUP_PAGES_BUSY 32
#define BACKUP_PAGES_IDLE 256

struct backup_job {
    const char *path;
    const char *why;
    struct backend_backup *copy;
    enum err result;
    int percent;
    bool begun;
    bool done;
};

struct writer {
    struct backend *backend;
    pthread_t thread;

    pthread_mutex_t lock; /* guards down to `stats` */
    pthread_cond_t wake;
    pthread_cond_t backup_moved;
    struct op_queue incoming;
    size_t queued_bytes;
    size_t queue_bytes_max;
    size_t queued_ops;
    bool sleeping;
    bool closing;
    bool gone; /* the thread takes nothing any more */
    struct backup_job *backup;
    struct store_stats stats;

    /* The thread's own. */
    struct lanes lanes;
    enum err trouble; /* ERR_FULL, ERR_UNAVAILABLE: appends are refused, results tried again at retry_ms */
    int64_t retry_ms;
    int64_t space_ms; /* the next look at the disk */
    struct backup_job *copying;
    bool ending; /* `closing` as of the last intake */
};

struct group {
    struct op_queue ops;
    size_t rows;
    size_t bytes;
    size_t rows_max;
    int64_t begun_us;
    enum err failed;
};

NORETURN static void writer_die(const struct writer *w, const char *in)
{
    log_error("store_failed", LOG_CSTR("backend", w->backend->ops->name), LOG_CSTR("in", in),
              LOG_CSTR("why", "a write may or may not be on disk: ending, the next start finds out"));
    _exit(3);
}

/* ---- completions
 * ----------------------------------------------------------------------------------------------------- */

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
static void ops_finish(struct writer *w, struct op_queue *q)
{
    struct home homes[HOMES_MAX];
    size_t count = 0, bytes = 0;
    for (struct store_op *op = q->first; op != NULL; op = op->next)
        if (op->kind == STORE_APPEND)
            bytes += append_bytes(CONTAINER_OF(op, struct store_append, op));
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

/* ---- submitting
 * ------------------------------------------------------------------------------------------------------ */

/* Why an operation cannot be taken; the lock is held. */
static enum err submit_refusal(const struct writer *w, const struct store_op *op, size_t bytes)
{
    if (w->closing)
        return ERR_CLOSED;
    if (op->kind == STORE_APPEND && w->queued_bytes + bytes > w->queue_bytes_max)
        return ERR_BUSY;
    return ERR_OK;
}

/* Takes it into the queue, or into `refused` when it can be answered from here. The lock is held. */
static void submit_one(struct writer *w, struct store_op *op, struct op_queue *refused, int64_t now_us)
{
    size_t bytes = op->kind == STORE_APPEND ? append_bytes(CONTAINER_OF(op, struct store_append, op)) : 0;
    op->result = submit_refusal(w, op, bytes);
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

/* ---- groups
 * ---------------------------------------------------------------------------------------------------------- */

static enum err op_apply(struct backend *b, struct store_op *op)
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
    case STORE_SWEEP:
        return b->ops->sweep(b, CONTAINER_OF(op, struct store_sweep, op));
    case STORE_OP_KINDS:
        break;
    }
    CHECK(op->kind < STORE_OP_KINDS);
    return ERR_INVALID;
}

/* Whether the group may take more, up to `eighths` of its budget. */
static bool group_room(const struct group *g, size_t eighths)
{
    if (g->failed != ERR_OK || g->rows >= g->rows_max * eighths / 8 || g->bytes >= GROUP_BYTES * eighths / 8)
        return false;
    return g->ops.count % 16 != 15 || clock_mono_us() - g->begun_us < GROUP_US * (int64_t)eighths / 8;
}

static void group_apply(struct writer *w, struct group *g, struct store_op *op)
{
    enum err e = op_apply(w->backend, op);
    g->rows += op_rows(op);
    if (op->kind == STORE_APPEND)
        g->bytes += append_bytes(CONTAINER_OF(op, struct store_append, op));
    op_queue_push(&g->ops, op);
    op->result = e;
    if (e == ERR_IO)
        writer_die(w, "write");
    if (e == ERR_FULL || e == ERR_UNAVAILABLE)
        g->failed = e;
}

static void group_fill(struct writer *w, struct group *g)
{
    struct lanes *l = &w->lanes;
    struct store_op *op;
    bool others = l->commands.count + l->append_count > 0;
    while (group_room(g, others ? 6 : 8) && (op = op_queue_pop(&l->results)) != NULL)
        group_apply(w, g, op);
    while (group_room(g, l->append_count > 0 ? 7 : 8) && (op = op_queue_pop(&l->commands)) != NULL)
        group_apply(w, g, op);
    while (group_room(g, 8) && (op = lanes_pop_append(l)) != NULL)
        group_apply(w, g, op);
    /* One step in any case, so that retention keeps up with ingest; more while there is nothing else. */
    for (size_t rows = 0; g->failed == ERR_OK && rows < GROUP_SWEEP_ROWS; rows += op_rows(op)) {
        if ((op = op_queue_pop(&l->sweeps)) == NULL)
            break;
        group_apply(w, g, op);
    }
}

/* Everything but results ends with the error. */
static void lanes_refuse(struct writer *w, enum err e)
{
    struct op_queue out = {.first = NULL};
    struct store_op *op;
    while ((op = op_queue_pop(&w->lanes.commands)) != NULL || (op = lanes_pop_append(&w->lanes)) != NULL) {
        op->result = e;
        op_queue_push(&out, op);
    }
    if (out.count > 0)
        ops_finish(w, &out);
}

static void trouble_begin(struct writer *w, enum err e)
{
    if (w->trouble == ERR_OK)
        log_warn("store_refuses", LOG_CSTR("why", err_text(e)));
    /* The first time at once: giving up the ballast may have made the room. */
    w->retry_ms = w->trouble == ERR_OK ? 0 : clock_mono_ms() + RETRY_MS;
    w->trouble = e;
    if (e == ERR_FULL)
        (void)w->backend->ops->space(w->backend);
    pthread_mutex_lock(&w->lock);
    w->stats.full = e == ERR_FULL;
    pthread_mutex_unlock(&w->lock);
    lanes_refuse(w, e);
}

static void trouble_end(struct writer *w)
{
    w->trouble = ERR_OK;
    w->retry_ms = 0;
    log_info("store_accepts");
    pthread_mutex_lock(&w->lock);
    w->stats.full = false;
    pthread_mutex_unlock(&w->lock);
}

/* Nothing of the group is applied: results go back to the head of their lane. */
static void group_fail(struct writer *w, struct group *g)
{
    struct op_queue results = {.first = NULL}, out = {.first = NULL};
    struct store_op *op;
    while ((op = op_queue_pop(&g->ops)) != NULL) {
        op->result = op->kind == STORE_RECORD ? ERR_OK : g->failed;
        op_queue_push(op->kind == STORE_RECORD ? &results : &out, op);
    }
    op_queue_put_back(&w->lanes.results, &results);
    if (out.count > 0)
        ops_finish(w, &out);
    trouble_begin(w, g->failed);
}

static void group_count(struct writer *w, const struct group *g)
{
    pthread_mutex_lock(&w->lock);
    w->stats.groups++;
    w->stats.ops += g->ops.count;
    w->stats.group_us_total += (uint64_t)(clock_mono_us() - g->begun_us);
    pthread_mutex_unlock(&w->lock);
}

static void group_run(struct writer *w)
{
    struct backend *b = w->backend;
    struct group g = {.begun_us = clock_mono_us(), .rows_max = w->trouble != ERR_OK ? GROUP_ROWS_FULL : GROUP_ROWS};
    enum err e = b->ops->begin(b, clock_wall_ms());
    if (e == ERR_IO)
        writer_die(w, "begin");
    if (e != ERR_OK) {
        g.failed = e;
        group_fail(w, &g);
        return;
    }
    group_fill(w, &g);
    if (g.failed == ERR_OK)
        g.failed = b->ops->commit(b);
    if (g.failed == ERR_IO || (g.failed == ERR_UNAVAILABLE && g.ops.count == 0))
        writer_die(w, "commit");
    if (g.failed != ERR_OK) {
        b->ops->rollback(b);
        group_fail(w, &g);
        return;
    }
    if (w->trouble == ERR_UNAVAILABLE)
        trouble_end(w);
    group_count(w, &g);
    ops_finish(w, &g.ops);
    if (b->ops->between(b) == ERR_IO)
        writer_die(w, "checkpoint");
}

/* ---- copies
 * ---------------------------------------------------------------------------------------------------------- */

static void backup_turn(struct writer *w, struct backup_job *job)
{
    const struct backend_ops *ops = w->backend->ops;
    int percent = 0;
    bool done = false;
    enum err e = ERR_OK;
    if (!job->begun) {
        job->begun = true;
        e = ops->backup_begin(w->backend, job->path, &job->copy, &job->why);
    } else {
        int pages = lanes_count(&w->lanes) > 0 ? BACKUP_PAGES_BUSY : BACKUP_PAGES_IDLE;
        e = w->ending ? ERR_CLOSED : ops->backup_step(w->backend, job->copy, pages, &percent, &done);
        if (e != ERR_OK || done) {
            enum err end = ops->backup_end(w->backend, job->copy, e == ERR_OK);
            e = e == ERR_OK ? end : e;
            done = true;
        }
    }
    pthread_mutex_lock(&w->lock);
    job->result = e;
    job->done = done || e != ERR_OK;
    if (job->done)
        w->backup = NULL;
    if (job->done || percent != job->percent)
        pthread_cond_broadcast(&w->backup_moved);
    job->percent = percent;
    pthread_mutex_unlock(&w->lock);
}

enum err writer_backup(struct writer *w, const char *to_path, void (*progress)(void *arg, int percent), void *arg,
                       const char **why)
{
    struct backup_job job = {.path = to_path, .why = "the copy could not be written: look at the disk of the new file"};
    int told = -1;
    pthread_mutex_lock(&w->lock);
    while (w->backup != NULL && !w->closing)
        pthread_cond_wait(&w->backup_moved, &w->lock);
    if (w->closing) {
        pthread_mutex_unlock(&w->lock);
        *why = "the store is closing";
        return ERR_CLOSED;
    }
    w->backup = &job;
    w->sleeping = false;
    pthread_cond_signal(&w->wake);
    while (!job.done) {
        pthread_cond_wait(&w->backup_moved, &w->lock);
        int percent = job.percent;
        if (job.done || percent == told || progress == NULL)
            continue;
        told = percent;
        pthread_mutex_unlock(&w->lock);
        progress(arg, percent);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    *why = job.why;
    return job.result;
}

/* ---- the thread
 * ------------------------------------------------------------------------------------------------------ */

/* Results and sweeps wait for the next try while there is trouble. */
static bool group_wanted(const struct writer *w)
{
    return lanes_count(&w->lanes) > 0 && (w->trouble == ERR_OK || clock_mono_ms() >= w->retry_ms);
}

static void wake_wait(struct writer *w)
{
    w->sleeping = true;
    if (w->trouble == ERR_OK) {
        pthread_cond_wait(&w->wake, &w->lock);
    } else {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 200 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
    w->sleeping = false;
}

/* Takes what came in, waiting for it if there is nothing to do. False: closed, and all done. */
static bool intake(struct writer *w)
{
    struct op_queue taken, refused = {.first = NULL};
    pthread_mutex_lock(&w->lock);
    if (w->incoming.count == 0 && w->backup == NULL && !w->closing && !group_wanted(w))
        wake_wait(w);
    taken = w->incoming;
    w->incoming = (struct op_queue){.first = NULL};
    w->copying = w->backup;
    w->ending = w->closing;
    bool more = !w->closing || taken.count > 0 || w->backup != NULL || lanes_count(&w->lanes) > 0;
    w->gone = !more;
    pthread_mutex_unlock(&w->lock);
    struct store_op *op;
    while ((op = op_queue_pop(&taken)) != NULL) {
        if (op->result != ERR_OK)
            op_queue_push(&refused, op);
        else
            lanes_add(&w->lanes, op);
    }
    if (refused.count > 0)
        ops_finish(w, &refused);
    return more;
}

static void space_look(struct writer *w)
{
    int64_t now = clock_mono_ms();
    if (now < w->space_ms)
        return;
    w->space_ms = now + RETRY_MS;
    enum err e = w->backend->ops->space(w->backend);
    if (e == ERR_IO)
        writer_die(w, "space");
    if (e == ERR_FULL && w->trouble == ERR_OK)
        trouble_begin(w, ERR_FULL);
    else if (e == ERR_OK && w->trouble == ERR_FULL)
        trouble_end(w);
}

/* At the end there is nobody to wait for room: results that cannot be written are done again after the next start. */
static void results_give_up(struct writer *w)
{
    struct op_queue out = {.first = NULL};
    struct store_op *op;
    while ((op = op_queue_pop(&w->lanes.results)) != NULL || (op = op_queue_pop(&w->lanes.sweeps)) != NULL) {
        op->result = ERR_CLOSED;
        op_queue_push(&out, op);
    }
    if (out.count > 0)
        ops_finish(w, &out);
}

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    while (intake(w)) {
        space_look(w);
        if (w->trouble != ERR_OK)
            lanes_refuse(w, w->trouble);
        if (w->copying != NULL)
            backup_turn(w, w->copying);
        if (group_wanted(w))
            group_run(w);
        else if (w->ending && w->trouble != ERR_OK)
            results_give_up(w);
    }
    return NULL;
}

struct writer *writer_start(struct backend *b, size_t queue_bytes_max)
{
    struct writer *w = mem_zalloc(1, sizeof *w);
    pthread_condattr_t attr;
    w->backend = b;
    w->queue_bytes_max = queue_bytes_max;
    lanes_init(&w->lanes);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_cond_init(&w->backup_moved, &attr);
    pthread_condattr_destroy(&attr);
    CHECK(pthread_create(&w->thread, NULL, writer_run, w) == 0);
    return w;
}

void writer_stop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_signal(&w->wake);
    pthread_cond_broadcast(&w->backup_moved);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    lanes_fini(&w->lanes);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->backup_moved);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void writer_stats(struct writer *w, struct store_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    out->queued_ops = w->queued_ops;
    out->queued_bytes = w->queued_bytes;
    pthread_mutex_unlock(&w->lock);
}
