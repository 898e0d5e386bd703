/* SPDX-License-Identifier: Apache-2.0 */
/*
 *  submit ──▶ incoming ──▶ lanes ──▶ group ──commit──▶ done, by home loop
 *                                      │ no room: rollback
 *                                      └──▶ results wait and are tried again; everything else ends with ERR_FULL
 *
 * Any other error of a write or a sync ends the process: whether the group is on disk is not known, and the next start
 * finds out (store.h, invariant 3).
 */
#include "store/writer_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/clock.h"

/* A group's budget. */
#define GROUP_ROWS  4000
#define GROUP_BYTES ((size_t)8 << 20)
#define GROUP_US    50000
/* While there is no room: little at a time. */
#define GROUP_ROWS_FULL 64
/* Bulk work in a group that has other work. */
#define GROUP_SWEEP_ROWS 500
#define RETRY_MS         1000

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

/* ---- groups ---------------------------------------------------------------------------------------------------- */

/* What is of this workspace and older may wait in the lanes, or have come in since: it keeps its id. */
static enum err settle(struct writer *w, struct store_settle *op)
{
    oid_t least = ops_least(lanes_waiting(&w->lanes, op->app), op->app, op->until + 1);
    pthread_mutex_lock(&w->lock);
    least = ops_least(w->incoming.first, op->app, least);
    pthread_mutex_unlock(&w->lock);
    marks_raise(&w->marks, op->app, least - 1);
    op->until = marks_get(&w->marks, op->app);
    return ERR_OK;
}

static bool is_late(const struct writer *w, struct store_append *op)
{
    op->late = marks_passed(&w->marks, op->message);
    return op->late;
}

static enum err docs_apply(struct writer *w, struct store_docs *op)
{
    for (size_t i = 0; i < op->append_count; i++) {
        if (is_late(w, &op->appends[i])) {
            op->failed_at = op->count + i;
            return ERR_STALE;
        }
    }
    return w->backend->ops->docs(w->backend, op);
}

/* What the writer has to say besides; all else is the backend's. */
static enum err verb_apply(void *arg, struct store_op *op)
{
    struct writer *w = arg;
    if (op->kind == STORE_APPEND && UNLIKELY(is_late(w, CONTAINER_OF(op, struct store_append, op))))
        return ERR_STALE;
    if (op->kind == STORE_DOCS)
        return docs_apply(w, CONTAINER_OF(op, struct store_docs, op));
    if (op->kind == STORE_SETTLE)
        return settle(w, CONTAINER_OF(op, struct store_settle, op));
    return backend_apply(w->backend, op);
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
    enum err e = backend_apply_keyed(w->backend, op, verb_apply, w);
    g->rows += op_rows(op);
    g->bytes += op_bytes(op);
    op_queue_push(&g->ops, op);
    op->result = e;
    if (e == ERR_IO)
        writer_die(w, "write");
    if (e == ERR_FULL || e == ERR_UNAVAILABLE)
        g->failed = e;
}

static void group_fill_lanes(struct writer *w, struct group *g)
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
}

static void group_fill(struct writer *w, struct group *g)
{
    struct op_queue *sweeps = &w->lanes.sweeps;
    struct store_op *op;
    /* While results find no room, every second try is for what may make some. */
    if (w->trouble != ERR_FULL || !w->sweep_turn || sweeps->count == 0)
        group_fill_lanes(w, g);
    /* One step in any case, so that retention keeps up with ingest; more while there is nothing else. */
    for (size_t rows = 0; g->failed == ERR_OK && rows < GROUP_SWEEP_ROWS; rows += op_rows(op)) {
        if ((op = op_queue_pop(sweeps)) == NULL)
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
        writer_finish(w, &out);
}

static void trouble_begin(struct writer *w, enum err e)
{
    if (w->trouble == ERR_OK)
        log_warn("store_refuses", LOG_CSTR("why", err_text(e)));
    /* The first time at once: giving up the ballast may have made the room. */
    w->retry_ms = w->trouble == ERR_OK ? 0 : clock_mono_ms() + RETRY_MS;
    w->trouble = e;
    w->sweep_turn = !w->sweep_turn;
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
        writer_finish(w, &out);
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
    if (g.failed == ERR_IO)
        writer_die(w, "commit");
    if (g.failed != ERR_OK) {
        b->ops->rollback(b);
        group_fail(w, &g);
        return;
    }
    if (w->trouble == ERR_UNAVAILABLE)
        trouble_end(w);
    group_count(w, &g);
    writer_finish(w, &g.ops);
    if (b->ops->between(b) == ERR_IO)
        writer_die(w, "checkpoint");
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

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
        writer_finish(w, &refused);
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
        writer_finish(w, &out);
}

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    while (intake(w)) {
        space_look(w);
        if (w->trouble != ERR_OK)
            lanes_refuse(w, w->trouble);
        if (w->copying != NULL)
            writer_backup_step(w);
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
    marks_init(&w->marks, b->identity.highest_oid);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_cond_init(&w->backup_moved, &attr);
    pthread_condattr_destroy(&attr);
    CHECK(pthread_create(&w->thread, NULL, writer_run, w) == 0);
    pthread_setname_np(w->thread, "writer");
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
    marks_fini(&w->marks);
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
