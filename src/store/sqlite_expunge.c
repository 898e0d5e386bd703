/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content that somebody wants gone. The bytes are overwritten in the pages that held them (secure_delete, which costs
 * writes and is therefore on for these statements only); the log loses them with its next round.
 */
#include "base/mem.h"
#include "store/rules.h"
#include "store/sqlite_priv.h"

#define STEP_ROWS 256

/* A statement that walks an index must not run while its rows move: a step's rows are read first. */
static enum err pending_read(struct sqlite_backend *b, oid_t msg, struct delivery *list, size_t *count)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_EXPUNGE_DELIVERIES,
                                 "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.msg=? AND d.pos IS NOT NULL");
    enum err e = ERR_OK;
    bind_int(st, 1, msg);
    *count = 0;
    while (*count < STEP_ROWS && (e = conn_next(&b->w, st)) == ERR_OK)
        list[(*count)++] = row_delivery(st, 0);
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err pending_fail(struct sqlite_backend *b, oid_t msg)
{
    AUTO_FREE struct delivery *list = mem_zalloc(STEP_ROWS, sizeof *list);
    size_t count = STEP_ROWS;
    enum err e = ERR_OK;
    while (e == ERR_OK && count == STEP_ROWS) {
        e = pending_read(b, msg, list, &count);
        for (size_t i = 0; i < count && e == ERR_OK; i++) {
            rules_fail(&list[i], REASON_EXPIRED);
            e = delivery_set(b, &list[i]);
        }
    }
    return e;
}

/* Runs an UPDATE of one row; ERR_NOT_FOUND when there is none. */
static enum err row_update(struct sqlite_backend *b, sqlite3_stmt *st)
{
    enum err e = conn_run(&b->w, st);
    return e == ERR_OK && sqlite3_changes(b->w.db) == 0 ? ERR_NOT_FOUND : e;
}

/* Whether there is something to erase. */
static enum err look(struct sqlite_backend *b, struct store_expunge *op)
{
    sqlite3_stmt *st =
            op->attempt != 0
                    ? conn_stmt(&b->w, W_EXPUNGE_LOOK_ATTEMPT,
                                "SELECT response_body IS NOT ?4 FROM attempt WHERE id=?1 AND msg=?2 AND app=?3")
                    : conn_stmt(&b->w, W_EXPUNGE_LOOK,
                                "SELECT payload IS NOT NULL FROM message WHERE id=?2 AND app=?3");
    bind_int(st, 2, op->msg);
    bind_int(st, 3, op->app);
    if (op->attempt != 0) {
        bind_int(st, 1, op->attempt);
        bind_blob(st, 4, STR(STORE_EXPUNGED));
    }
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK)
        op->erased = col_int(st, 0) != 0;
    sqlite3_reset(st);
    return e;
}

static enum err message_expunge(struct sqlite_backend *b, const struct store_expunge *op)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_EXPUNGE_MESSAGE, "UPDATE message SET payload=NULL,renders=NULL WHERE id=?1 AND app=?2");
    bind_int(st, 1, op->msg);
    bind_int(st, 2, op->app);
    enum err e = row_update(b, st);
    if (e == ERR_OK)
        e = transformed_drop(b, op->msg);
    return e == ERR_OK ? pending_fail(b, op->msg) : e;
}

static enum err attempt_expunge(struct sqlite_backend *b, const struct store_expunge *op)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_EXPUNGE_ATTEMPT,
                                 "UPDATE attempt SET response_body=?4,truncated=0 WHERE id=?1 AND msg=?2 AND app=?3");
    bind_int(st, 1, op->attempt);
    bind_int(st, 2, op->msg);
    bind_int(st, 3, op->app);
    bind_blob(st, 4, STR(STORE_EXPUNGED));
    return row_update(b, st);
}

enum err sqlite_expunge(struct backend *base, struct store_expunge *op)
{
    struct sqlite_backend *b = backend_of(base);
    enum err e = look(b, op);
    if (e == ERR_OK && op->only_look)
        return ERR_OK;
    if (e == ERR_OK)
        e = conn_exec(&b->w, "PRAGMA secure_delete=ON");
    if (e != ERR_OK)
        return e;
    e = op->attempt != 0 ? attempt_expunge(b, op) : message_expunge(b, op);
    enum err back = conn_exec(&b->w, "PRAGMA secure_delete=OFF");
    return e != ERR_OK ? e : back;
}
