/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/keeper.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

#define STEP_ROWS 1000
/* A turn ends after this many steps even if more has aged out, so that a stop is never far. */
#define STEPS_MAX       100
#define MEASURE_EVERY_S 10
/* Statistics keep their spans of five minutes this long; after it they are by the hour. */
#define FOLD_AFTER_MS (2 * TIME_DAY_MS)

struct keeper {
    struct shared *shared;
    struct store_reader *reader;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

/* Deletes what is older than until_ms; true when more is left. */
static bool sweep(struct keeper *k, enum store_sweep_kind kind, int64_t until_ms)
{
    struct store_sweep op = {.op = {.kind = STORE_SWEEP},
                             .sweep = kind,
                             .until_ms = until_ms,
                             .now_ms = clock_wall_ms(),
                             .rows_max = STEP_ROWS};
    uint64_t rows = 0;
    op.more = true;
    for (int i = 0; i < STEPS_MAX && op.more; i++) {
        enum err e = store_run(k->shared->store, &op.op);
        if (e != ERR_OK) {
            if (e != ERR_CLOSED)
                log_warn("retention_failed", LOG_CSTR("error", err_text(e)));
            return false;
        }
        rows += op.rows;
    }
    metrics_add(METRIC_RETENTION_DELETED, kind, (int64_t)rows);
    return op.more;
}

static bool turn(struct keeper *k)
{
    const struct settings *set = k->shared->settings;
    int64_t now_ms = clock_wall_ms();
    int64_t keep_ms = set->retention_attempts_ms > set->retention_payload_ms ? set->retention_attempts_ms
                                                                             : set->retention_payload_ms;
    bool more = sweep(k, SWEEP_PAYLOADS, now_ms);
    more |= sweep(k, SWEEP_ATTEMPTS, now_ms - set->retention_attempts_ms);
    more |= sweep(k, SWEEP_MESSAGES, now_ms - keep_ms);
    more |= sweep(k, SWEEP_DOCS, 0);
    more |= sweep(k, SWEEP_OBJECTS, now_ms - keep_ms);
    more |= sweep(k, SWEEP_TALLIES, now_ms - set->retention_attempts_ms);
    more |= sweep(k, SWEEP_FOLD, now_ms - FOLD_AFTER_MS);
    return more;
}

static bool wait_a_second(struct keeper *k)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&k->lock);
    if (!k->stop)
        pthread_cond_clockwait(&k->wake, &k->lock, CLOCK_MONOTONIC, &until);
    bool go_on = !k->stop;
    pthread_mutex_unlock(&k->lock);
    return go_on;
}

static bool stopping(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return stop;
}

static void *run(void *arg)
{
    struct keeper *k = arg;
    for (unsigned second = 0; wait_a_second(k); second++) {
        if (second % MEASURE_EVERY_S == 0)
            serve_measure_pending(k->reader);
        while (turn(k) && !stopping(k))
            ;
    }
    return NULL;
}

struct keeper *keeper_start(struct shared *s)
{
    struct keeper *k = mem_zalloc(1, sizeof *k);
    k->shared = s;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    if (store_reader_open(s->store, &k->reader) != ERR_OK) {
        free(k);
        return NULL;
    }
    if (pthread_create(&k->thread, NULL, run, k) != 0) {
        store_reader_close(k->reader);
        free(k);
        return NULL;
    }
    pthread_setname_np(k->thread, "keeper");
    return k;
}

void keeper_stop(struct keeper *k)
{
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    store_reader_close(k->reader);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
