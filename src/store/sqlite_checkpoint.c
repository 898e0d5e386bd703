/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpointer: a thread that moves the log into the file, PASSIVE only, so that it never makes the writer or a
 * reader wait. Any error but "no room" ends the process, as the writer's would.
 */
#include <unistd.h>

#include "base/log.h"
#include "store/sqlite_priv.h"

/* Passes come at half of where the writer helps, then each half-way to it: pages that change in every group are moved
 * rarely, and little is left for the writer when the cap is reached. */
#define CHECKPOINT_STEP_MIN ((uint64_t)1 << 20)

NORETURN void checkpoint_die(const char *what, int rc)
{
    log_error("store_failed", LOG_CSTR("in", what), LOG_INT("code", rc), LOG_CSTR("error", sqlite3_errstr(rc)));
    _exit(3);
}

static int wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct sqlite_backend *b = arg;
    struct checkpointer *k = &b->checkpointer;
    uint64_t wal = (uint64_t)pages * (SQLITE_PAGE_BYTES + 24), cap = b->wal_cap_bytes - b->wal_cap_bytes / 4;
    if (wal < b->wal_bytes)
        b->wal_next_bytes = cap / 2;
    b->wal_bytes = wal;
    if (wal < b->wal_next_bytes)
        return SQLITE_OK;
    uint64_t step = wal < cap ? (cap - wal) / 2 : cap / 8;
    b->wal_next_bytes = wal + (step > CHECKPOINT_STEP_MIN ? step : CHECKPOINT_STEP_MIN);
    pthread_mutex_lock(&k->lock);
    k->wanted = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    return SQLITE_OK;
}

static void *checkpointer_run(void *arg)
{
    struct sqlite_backend *b = arg;
    struct checkpointer *k = &b->checkpointer;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        if (!k->wanted) {
            pthread_cond_wait(&k->wake, &k->lock);
            continue;
        }
        k->wanted = false;
        k->busy = true;
        pthread_mutex_unlock(&k->lock);
        int rc = sqlite3_wal_checkpoint_v2(k->conn.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if (rc != SQLITE_OK && rc != SQLITE_BUSY && rc != SQLITE_FULL)
            checkpoint_die("checkpoint", rc);
        pthread_mutex_lock(&k->lock);
        k->busy = false;
        pthread_cond_signal(&k->idle);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

void checkpointer_wait(struct sqlite_backend *b)
{
    struct checkpointer *k = &b->checkpointer;
    pthread_mutex_lock(&k->lock);
    k->wanted = false;
    while (k->busy)
        pthread_cond_wait(&k->idle, &k->lock);
    pthread_mutex_unlock(&k->lock);
}

enum err checkpointer_start(struct sqlite_backend *b)
{
    struct checkpointer *k = &b->checkpointer;
    const char *why;
    enum err e = conn_open(&k->conn, b->path, false, 256 * 1024, &why);
    if (e != ERR_OK)
        return e;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    pthread_cond_init(&k->idle, NULL);
    b->wal_next_bytes = b->wal_cap_bytes * 3 / 8;
    sqlite3_wal_hook(b->w.db, wal_grew, b);
    CHECK(pthread_create(&k->thread, NULL, checkpointer_run, b) == 0);
    pthread_setname_np(k->thread, "checkpointer");
    k->running = true;
    return ERR_OK;
}

void checkpointer_stop(struct sqlite_backend *b)
{
    struct checkpointer *k = &b->checkpointer;
    if (!k->running)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    k->running = false;
    pthread_cond_destroy(&k->wake);
    pthread_cond_destroy(&k->idle);
    pthread_mutex_destroy(&k->lock);
    conn_close(&k->conn);
}
