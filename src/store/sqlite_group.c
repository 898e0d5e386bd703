/* SPDX-License-Identifier: Apache-2.0 */
/* A group: one transaction, synced by its COMMIT; the log's upkeep between two. */
#include "store/sqlite_priv.h"

enum err sqlite_begin(struct backend *base, int64_t now_ms)
{
    struct sqlite_backend *b = backend_of(base);
    b->now_ms = now_ms;
    return conn_run(&b->w, conn_stmt(&b->w, W_BEGIN, "BEGIN IMMEDIATE"));
}

enum err sqlite_commit(struct backend *base)
{
    struct sqlite_backend *b = backend_of(base);
    enum err e = tally_flush(b);
    return e == ERR_OK ? conn_run(&b->w, conn_stmt(&b->w, W_COMMIT, "COMMIT")) : e;
}

void sqlite_rollback(struct backend *base)
{
    struct sqlite_backend *b = backend_of(base);
    /* SQLite has rolled back by itself after some errors. */
    if (!sqlite3_get_autocommit(b->w.db)) {
        enum err e = conn_run(&b->w, conn_stmt(&b->w, W_ROLLBACK, "ROLLBACK"));
        CHECK(e == ERR_OK);
    }
    state_forget(b);
    keys_forget(b);
    tally_forget(b);
}

/* How long the writer waits for a reader to leave the log, four of them at most. */
#define RESTART_WAIT_MS 20

/* Waits a little: new readers read the file already, the old ones leave within a statement. */
static int log_restart(struct sqlite_backend *b)
{
    checkpointer_wait(b);
    sqlite3_busy_timeout(b->w.db, RESTART_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(b->w.db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(b->w.db, CONN_BUSY_MS);
    return rc;
}

/*
 * The checkpointer follows behind. At three quarters of the cap one PASSIVE here, where nobody writes: it reaches the
 * end of the log, and the next write begins the file again, unless a reader is in it at that moment or the checkpointer
 * is at work. If the log reaches its cap all the same, the writer waits: for the checkpointer, because the disk does
 * not keep up, and for that reader, but not for long.
 */
enum err sqlite_between(struct backend *base)
{
    struct sqlite_backend *b = backend_of(base);
    enum err e = keys_load(b);
    if (e != ERR_OK)
        return e;
    uint64_t wal = b->wal_bytes, cap = b->wal_cap_bytes;
    if (wal < cap / 2)
        b->wal_tried_bytes = 0;
    if (wal < cap - cap / 4 || wal < b->wal_tried_bytes + cap / 16)
        return ERR_OK;
    b->wal_tried_bytes = wal;
    int rc = wal < cap ? sqlite3_wal_checkpoint_v2(b->w.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL)
                       : log_restart(b);
    /* BUSY: the checkpointer is at it, or a reader stays. FULL: space() makes room, and the log is tried again. */
    if (rc == SQLITE_BUSY || rc == SQLITE_FULL)
        return ERR_OK;
    return conn_err(&b->w, rc);
}
