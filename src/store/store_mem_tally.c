/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's counts of attempts. A row's key is a hash of all that it is for. */
#include "store/store_mem.h"

static const struct hash_key tally_key = {.k0 = 0x74616c6c, .k1 = 0x79};

static int64_t row_key(bool hour, oid_t app, const struct tally *t)
{
    uint64_t h = hash_sip(tally_key, t->event_type.ptr, t->event_type.len);
    h = hash_u64(h ^ (uint64_t)t->start_ms);
    h = hash_u64(h ^ (uint64_t)t->ep);
    h = hash_u64(h ^ (uint64_t)app ^ (uint64_t)hour << 63);
    return (int64_t)(h >> 1) + 1;
}

/* Adds to the row of t's span or hour. */
static void tally_put(struct mem_store *m, bool hour, oid_t app, const struct tally *t)
{
    int64_t key = row_key(hour, app, t);
    struct mem_tally *was = (struct mem_tally *)(void *)rows_get(&m->tallies, key, 0);
    struct mem_tally *is = row_new(sizeof *is, t->event_type.len + 64, key, 0);
    is->hour = hour;
    is->app = app;
    is->tally = *t;
    is->tally.event_type = arena_str(is->row.arena, t->event_type);
    if (was != NULL) {
        is->tally.succeeded += was->tally.succeeded;
        is->tally.failed += was->tally.failed;
        is->tally.total_us += was->tally.total_us;
        if (was->tally.longest_us > is->tally.longest_us)
            is->tally.longest_us = was->tally.longest_us;
    }
    rows_change(&m->log, &m->tallies, was != NULL ? &was->row : NULL, &is->row);
}

void mem_tally_add(struct mem_store *m, const struct attempt *t)
{
    bool good = t->status == DELIVERY_SUCCESS;
    struct tally one = {.start_ms = t->started_ms - t->started_ms % TALLY_SPAN_MS,
                        .ep = t->ep,
                        .event_type = t->event_type.ptr != NULL ? t->event_type : STR(""),
                        .succeeded = good,
                        .failed = !good,
                        .total_us = t->phases.total_us,
                        .longest_us = t->phases.total_us};
    tally_put(m, false, t->app, &one);
}

enum err mem_tally_sweep(struct mem_store *m, struct store_sweep *op)
{
    op->rows = 0;
    op->more = false;
    for (size_t i = 0; i < m->tallies.len;) {
        struct mem_tally *was = (struct mem_tally *)(void *)m->tallies.at[i];
        if (was->tally.start_ms >= op->until_ms || (op->sweep == SWEEP_FOLD && was->hour)) {
            i++;
            continue;
        }
        if (op->rows == op->rows_max) {
            op->more = true;
            break;
        }
        op->rows++;
        rows_change(&m->log, &m->tallies, &was->row, NULL);
        if (op->sweep == SWEEP_TALLIES)
            continue;
        /* What was taken out lives until the commit. What is put may lie before i: begin again. */
        struct tally t = was->tally;
        t.start_ms -= t.start_ms % TALLY_HOUR_MS;
        tally_put(m, true, was->app, &t);
        i = 0;
    }
    return ERR_OK;
}

enum err mem_read_each_tally(struct store_reader *r, const struct tally_query *q,
                             void (*visit)(void *arg, const struct tally *t), void *arg)
{
    struct mem_store *m = ((struct mem_reader *)(void *)r)->store;
    CHECK(pthread_rwlock_rdlock(&m->lock) == 0);
    for (size_t i = 0; i < m->tallies.len; i++) {
        const struct mem_tally *t = (const struct mem_tally *)(const void *)m->tallies.at[i];
        int64_t since_ms = t->hour ? q->since_ms - TALLY_HOUR_MS + 1 : q->since_ms;
        if (t->app == q->app && (q->ep == 0 || t->tally.ep == q->ep) && t->tally.start_ms >= since_ms &&
            t->tally.start_ms < q->until_ms)
            visit(arg, &t->tally);
    }
    CHECK(pthread_rwlock_unlock(&m->lock) == 0);
    return ERR_OK;
}
