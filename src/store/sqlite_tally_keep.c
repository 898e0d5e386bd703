/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of old counts of attempts: spans are folded into hours, hours age out. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_priv.h"

/* Reads the oldest spans first: a statement must not walk a table that changes. Their types are the caller's to free.
 */
static enum err old_read(struct sqlite_backend *b, const struct store_sweep *op, struct tally_entry *list,
                         size_t *count)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_TALLY_OLD,
                                 "SELECT start_ms,app,ep,type,succeeded,failed,total_us,longest_us FROM tally"
                                 " WHERE start_ms<? ORDER BY start_ms,app,ep,type LIMIT ?");
    bind_int(st, 1, op->until_ms);
    bind_int(st, 2, (int64_t)op->rows_max);
    enum err e;
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        struct str type = col_str(st, 3);
        list[(*count)++] = (struct tally_entry){.start_ms = col_int(st, 0),
                                                .app = col_int(st, 1),
                                                .ep = col_int(st, 2),
                                                .type = str_of(mem_strndup(type.ptr, type.len), type.len),
                                                .succeeded = col_int(st, 4),
                                                .failed = col_int(st, 5),
                                                .total_us = col_int(st, 6),
                                                .longest_us = col_int(st, 7)};
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err span_fold(struct sqlite_backend *b, struct tally_entry *t)
{
    sqlite3_stmt *drop =
            conn_stmt(&b->w, W_TALLY_DROP, "DELETE FROM tally WHERE start_ms=? AND app=? AND ep=? AND type=?");
    sqlite3_stmt *put =
            conn_stmt(&b->w, W_TALLY_HOUR_PUT,
                      "INSERT INTO tally_hour(start_ms,app,ep,type,succeeded,failed,total_us,longest_us)"
                      " VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(app,ep,start_ms,type) DO UPDATE SET"
                      " succeeded=succeeded+?5,failed=failed+?6,total_us=total_us+?7,longest_us=max(longest_us,?8)");
    bind_int(drop, 1, t->start_ms);
    bind_int(drop, 2, t->app);
    bind_int(drop, 3, t->ep);
    bind_text(drop, 4, t->type);
    enum err e = conn_run(&b->w, drop);
    t->start_ms -= t->start_ms % TALLY_HOUR_MS;
    return e == ERR_OK ? tally_put(&b->w, put, t) : e;
}

static enum err spans_fold(struct sqlite_backend *b, struct store_sweep *op)
{
    AUTO_FREE struct tally_entry *list = mem_zalloc(op->rows_max, sizeof *list);
    size_t count = 0;
    enum err e = old_read(b, op, list, &count);
    for (size_t i = 0; i < count; i++) {
        if (e == ERR_OK)
            e = span_fold(b, &list[i]);
        free((char *)(uintptr_t)list[i].type.ptr);
    }
    op->rows = count;
    op->more = count == op->rows_max;
    return e;
}

/* Deletes of one table what is left of rows_max. */
static enum err expire(struct sqlite_backend *b, sqlite3_stmt *st, struct store_sweep *op)
{
    bind_int(st, 1, op->until_ms);
    bind_int(st, 2, (int64_t)(op->rows_max - op->rows));
    enum err e = conn_run(&b->w, st);
    if (e == ERR_OK)
        op->rows += (size_t)sqlite3_changes(b->w.db);
    op->more = op->rows == op->rows_max;
    return e;
}

static enum err old_expire(struct sqlite_backend *b, struct store_sweep *op)
{
    sqlite3_stmt *spans = conn_stmt(&b->w, W_TALLY_EXPIRE,
                                    "DELETE FROM tally WHERE (start_ms,app,ep,type) IN (SELECT start_ms,app,ep,type"
                                    " FROM tally WHERE start_ms<? ORDER BY start_ms LIMIT ?)");
    sqlite3_stmt *hours =
            conn_stmt(&b->w, W_TALLY_HOUR_EXPIRE,
                      "DELETE FROM tally_hour WHERE (app,ep,start_ms,type) IN (SELECT app,ep,start_ms,type"
                      " FROM tally_hour INDEXED BY tally_hour_age WHERE start_ms<? ORDER BY start_ms LIMIT ?)");
    enum err e = expire(b, spans, op);
    return e == ERR_OK ? expire(b, hours, op) : e;
}

enum err tally_sweep(struct sqlite_backend *b, struct store_sweep *op)
{
    enum err e = tally_settle(b);
    if (e != ERR_OK)
        return e;
    return op->sweep == SWEEP_FOLD ? spans_fold(b, op) : old_expire(b, op);
}
