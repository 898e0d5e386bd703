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

/* ---- deliveries of an endpoint, by state -------------------------------------------------------------------------
 * Most have succeeded, and those are in no index of their own: they are what is left of all. So 100,000 are counted in
 * some ms; only those that wait are looked at, each of them. The numbers are of the moments of a few transactions.
 */

#define COUNT_PIECE 20000
#define OPEN_PIECE  2000

struct count_walk {
    struct sqlite_reader *r;
    oid_t ep, from, to;
    int64_t pos; /* of the pending, where to go on: behind this … */
    oid_t msg;   /* … and this */
    uint64_t others;
    struct delivery_counts counts;
};

/* How many of a piece's range ended so. */
static enum err bad_count(struct count_walk *w, oid_t last, enum delivery_status status, uint64_t *sum)
{
    sqlite3_stmt *st = conn_stmt(&w->r->c, R_COUNT_BAD,
                                 "SELECT count(*) FROM delivery INDEXED BY delivery_bad"
                                 " WHERE ep=? AND msg>=? AND msg<=? AND status=? AND status IN (2,4)");
    bind_int(st, 1, w->ep);
    bind_int(st, 2, w->from);
    bind_int(st, 3, last);
    bind_int(st, 4, status);
    enum err e = conn_next(&w->r->c, st);
    if (e == ERR_OK)
        *sum += (uint64_t)col_int(st, 0);
    sqlite3_reset(st);
    return e;
}

static enum err ended_piece(struct count_walk *w, bool *more)
{
    sqlite3_stmt *st = conn_stmt(&w->r->c, R_COUNT,
                                 "SELECT count(*),max(msg) FROM (SELECT msg FROM delivery INDEXED BY delivery_ep"
                                 " WHERE ep=? AND msg>=? AND msg<? ORDER BY msg LIMIT ?)");
    bind_int(st, 1, w->ep);
    bind_int(st, 2, w->from);
    bind_int(st, 3, w->to);
    bind_int(st, 4, COUNT_PIECE);
    enum err e = conn_next(&w->r->c, st);
    if (e != ERR_OK)
        return e;
    int64_t count = col_int(st, 0);
    oid_t last = col_int(st, 1);
    sqlite3_reset(st);
    *more = count == COUNT_PIECE;
    w->others += (uint64_t)count;
    if (count > 0)
        e = bad_count(w, last, DELIVERY_FAIL, &w->counts.fail);
    if (count > 0 && e == ERR_OK)
        e = bad_count(w, last, DELIVERY_CANCELED, &w->counts.canceled);
    w->from = last + 1;
    return e;
}

/* Also what has ended waits in this index, when it is to be sent again. Many may be due at once: the message tells them
 * apart. */
static enum err pending_piece(struct count_walk *w, oid_t from, bool *more)
{
    sqlite3_stmt *st = conn_stmt(&w->r->c, R_COUNT_OPEN,
                                 "SELECT msg,pos,status FROM delivery INDEXED BY delivery_pending"
                                 " WHERE ep=? AND pos IS NOT NULL AND (pos,msg)>(?,?) ORDER BY pos,msg LIMIT ?");
    enum err e;
    int n = 0;
    bind_int(st, 1, w->ep);
    bind_int(st, 2, w->pos);
    bind_int(st, 3, w->msg);
    bind_int(st, 4, OPEN_PIECE);
    while ((e = conn_next(&w->r->c, st)) == ERR_OK) {
        w->msg = col_int(st, 0);
        w->pos = col_int(st, 1);
        w->counts.pending += w->msg >= from && w->msg < w->to && col_int(st, 2) == DELIVERY_PENDING;
        n++;
    }
    *more = n == OPEN_PIECE;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_count_deliveries(struct store_reader *base, oid_t ep, int64_t since_ms, int64_t until_ms,
                                 struct delivery_counts *out)
{
    oid_t from = oid_at_ms(since_ms);
    struct count_walk w = {.r = reader_of(base), .ep = ep, .from = from, .to = oid_at_ms(until_ms), .pos = INT64_MIN};
    int64_t end_ms = clock_mono_ms() + WALK_MAX_MS;
    bool more = true, pending = true;
    while (pending) {
        enum err e = ERR_OK;
        reader_hold(w.r);
        if (more)
            e = ended_piece(&w, &more);
        if (!more && e == ERR_OK)
            e = pending_piece(&w, from, &pending);
        reader_let_go(w.r);
        if (e != ERR_OK)
            return e;
        if (pending && clock_mono_ms() > end_ms)
            return ERR_UNAVAILABLE;
    }
    uint64_t known = w.counts.pending + w.counts.fail + w.counts.canceled;
    w.counts.success = w.others > known ? w.others - known : 0;
    *out = w.counts;
    return ERR_OK;
}
