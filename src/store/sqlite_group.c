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
    return conn_run(&b->w, conn_stmt(&b->w, W_COMMIT, "COMMIT"));
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
}

/*
 * The checkpointer follows behind; when it cannot keep up, or a reader kept it from the end, the log passes its cap.
 * Then one PASSIVE here, where nobody writes: it reaches the end of the log, and the next write begins the file again.
 */
enum err sqlite_between(struct backend *base)
{
    struct sqlite_backend *b = backend_of(base);
    uint64_t wal = b->wal_bytes;
    if (wal < b->wal_cap_bytes)
        b->wal_tried_bytes = 0;
    if (wal < b->wal_cap_bytes || wal < b->wal_tried_bytes + b->wal_cap_bytes / 8)
        return ERR_OK;
    b->wal_tried_bytes = wal;
    int rc = sqlite3_wal_checkpoint_v2(b->w.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    /* BUSY: the checkpointer is at it. FULL: space() makes room, and the log is tried again. */
    if (rc == SQLITE_BUSY || rc == SQLITE_FULL)
        return ERR_OK;
    return conn_err(&b->w, rc);
}
