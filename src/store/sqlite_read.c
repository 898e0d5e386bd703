/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: a connection of their own that cannot write. A read transaction lasts one statement and is interrupted after
 * READ_MAX_MS, so that no reader keeps the log from starting again. Long walks are many short ones.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"
#include "sys/clock.h"

#define READER_CACHE_BYTES ((size_t)4 << 20)
/* Steps of SQLite's machine between two looks at the clock. */
#define READER_LOOK 2000

static int reader_late(void *arg)
{
    const struct sqlite_reader *r = arg;
    return clock_mono_ms() > r->deadline_ms;
}

void reader_begin(struct sqlite_reader *r)
{
    if (!r->held)
        r->deadline_ms = clock_mono_ms() + READ_MAX_MS;
}

enum err sqlite_reader_open(struct backend *base, struct store_reader **out)
{
    struct sqlite_backend *b = backend_of(base);
    struct sqlite_reader *r = mem_zalloc(1, sizeof *r);
    const char *why;
    r->base.ops = &backend_sqlite;
    reader_begin(r);
    enum err e = conn_open(&r->c, b->path, false, READER_CACHE_BYTES, &why);
    if (e == ERR_OK)
        e = conn_exec(&r->c, "PRAGMA query_only=1");
    if (e != ERR_OK) {
        conn_close(&r->c);
        free(r);
        return e;
    }
    sqlite3_progress_handler(r->c.db, READER_LOOK, reader_late, r);
    *out = &r->base;
    return ERR_OK;
}

void reader_hold(struct sqlite_reader *r)
{
    reader_begin(r);
    if (sqlite3_get_autocommit(r->c.db))
        r->held = conn_run(&r->c, conn_stmt(&r->c, R_BEGIN, "BEGIN")) == ERR_OK;
}

void reader_let_go(struct sqlite_reader *r)
{
    if (r->held && !sqlite3_get_autocommit(r->c.db) && conn_run(&r->c, conn_stmt(&r->c, R_COMMIT, "COMMIT")) != ERR_OK)
        sqlite3_exec(r->c.db, "ROLLBACK", NULL, NULL, NULL);
    r->held = false;
}

void sqlite_reader_close(struct store_reader *base)
{
    struct sqlite_reader *r = reader_of(base);
    conn_close(&r->c);
    free(r);
}

/* ---- small reads ----------------------------------------------------------------------------------------------- */

enum err sqlite_get_delivery(struct store_reader *base, oid_t msg, oid_t ep, struct delivery *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st =
            conn_stmt(&r->c, R_DELIVERY, "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.msg=? AND d.ep=?");
    bind_int(st, 1, msg);
    bind_int(st, 2, ep);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK)
        *out = row_delivery(st, 0);
    sqlite3_reset(st);
    return e;
}

enum err sqlite_list_deliveries(struct store_reader *base, struct arena *a, const struct delivery_query *q,
                                struct delivery **out, size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = q->ascending ? conn_stmt(&r->c, R_DELIVERIES_UP,
                                                "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.msg=? AND d.ep<?"
                                                " AND d.ep>? ORDER BY d.ep LIMIT ?")
                                    : conn_stmt(&r->c, R_DELIVERIES_DOWN,
                                                "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.msg=? AND d.ep<?"
                                                " AND d.ep>? ORDER BY d.ep DESC LIMIT ?");
    bind_int(st, 1, q->msg);
    bind_int(st, 2, q->before_ep != 0 ? q->before_ep : INT64_MAX);
    bind_int(st, 3, q->after_ep);
    bind_int(st, 4, (int64_t)q->limit);
    struct delivery *list = arena_alloc(a, q->limit * sizeof *list);
    size_t n = 0;
    enum err e;
    while ((e = conn_next(&r->c, st)) == ERR_OK)
        list[n++] = row_delivery(st, 0);
    if (e != ERR_NOT_FOUND)
        return e;
    *out = list;
    *count = n;
    return ERR_OK;
}

enum err sqlite_app_version(struct store_reader *base, oid_t app, uint64_t *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_VERSION,
                                 "SELECT a.version+ifnull((SELECT e.version FROM app_version e WHERE e.id=a.env),0)"
                                 " FROM app_version a WHERE a.id=?");
    bind_int(st, 1, app);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        *out = e == ERR_OK ? (uint64_t)col_int(st, 0) : 0;
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_get_health(struct store_reader *base, oid_t ep, struct endpoint_health *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st =
            conn_stmt(&r->c, R_HEALTH, "SELECT failing_since_ms,exhausted_since_ms FROM endpoint_health WHERE ep=?");
    bind_int(st, 1, ep);
    enum err e = conn_next(&r->c, st);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *out = (struct endpoint_health){.ep = ep};
    if (e == ERR_OK) {
        out->failing_since_ms = col_int(st, 0);
        out->exhausted_since_ms = col_int(st, 1);
    }
    sqlite3_reset(st);
    return ERR_OK;
}

/* One walk of many short transactions, over the endpoint's index. */
enum err sqlite_count_deliveries(struct store_reader *base, oid_t ep, int64_t since_ms, int64_t until_ms,
                                 struct delivery_counts *out)
{
    struct sqlite_reader *r = reader_of(base);
    sqlite3_stmt *st = conn_stmt(&r->c, R_COUNT,
                                 "SELECT d.msg,d.status FROM delivery d INDEXED BY delivery_ep"
                                 " WHERE d.ep=? AND d.msg>=? AND d.msg<? ORDER BY d.msg LIMIT 2000");
    oid_t from = oid_at_ms(since_ms), to = oid_at_ms(until_ms);
    int64_t end_ms = clock_mono_ms() + WALK_MAX_MS;
    struct delivery_counts counts = {0};
    for (;;) {
        size_t n = 0;
        enum err e;
        reader_begin(r);
        bind_int(st, 1, ep);
        bind_int(st, 2, from);
        bind_int(st, 3, to);
        while ((e = conn_next(&r->c, st)) == ERR_OK) {
            int64_t status = col_int(st, 1);
            from = col_int(st, 0) + 1;
            n++;
            *(status == DELIVERY_SUCCESS    ? &counts.success
              : status == DELIVERY_PENDING  ? &counts.pending
              : status == DELIVERY_CANCELED ? &counts.canceled
                                            : &counts.fail) += 1;
        }
        if (e != ERR_NOT_FOUND)
            return e;
        if (n < 2000)
            break;
        if (clock_mono_ms() > end_ms)
            return ERR_UNAVAILABLE;
    }
    *out = counts;
    return ERR_OK;
}
