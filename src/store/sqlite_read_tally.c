/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of tallies. Those of hours lie together by endpoint. The spans of the last days lie by time: a seek for each
 * span, and only the workspace's rows are read.
 */
#include "store/sqlite_reader.h"

#define EPS_PAGE      256
#define TALLY_COLUMNS "start_ms,ep,type,succeeded,failed,total_us,longest_us"

struct tally_walk {
    struct sqlite_reader *r;
    const struct tally_query *q;
    void (*visit)(void *arg, const struct tally *t);
    void *arg;
};

/* Steps through the rows of a statement over TALLY_COLUMNS. */
static enum err rows_visit(struct tally_walk *w, sqlite3_stmt *st)
{
    enum err e;
    while ((e = conn_next(&w->r->c, st)) == ERR_OK) {
        struct tally t = {.start_ms = col_int(st, 0),
                          .ep = col_int(st, 1),
                          .event_type = col_str(st, 2),
                          .succeeded = (uint64_t)col_int(st, 3),
                          .failed = (uint64_t)col_int(st, 4),
                          .total_us = col_int(st, 5),
                          .longest_us = col_int(st, 6)};
        w->visit(w->arg, &t);
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err hours_visit(struct tally_walk *w, oid_t ep)
{
    sqlite3_stmt *st = conn_stmt(&w->r->c, R_TALLY_HOURS,
                                 "SELECT " TALLY_COLUMNS " FROM tally_hour"
                                 " WHERE app=? AND ep=? AND start_ms>? AND start_ms<?");
    reader_begin(w->r);
    bind_int(st, 1, w->q->app);
    bind_int(st, 2, ep);
    bind_int(st, 3, w->q->since_ms - TALLY_HOUR_MS);
    bind_int(st, 4, w->q->until_ms);
    return rows_visit(w, st);
}

static enum err endpoints_page(struct tally_walk *w, oid_t after, oid_t *eps, size_t *count)
{
    sqlite3_stmt *st = conn_stmt(&w->r->c, R_APP_ENDPOINTS, APP_ENDPOINTS_SQL);
    enum err e;
    *count = 0;
    reader_begin(w->r);
    bind_int(st, 1, w->q->app);
    bind_int(st, 2, after);
    while ((e = conn_next(&w->r->c, st)) == ERR_OK)
        if (*count < EPS_PAGE)
            eps[(*count)++] = col_int(st, 0);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Of all endpoints that the workspace ever had. */
static enum err all_hours_visit(struct tally_walk *w)
{
    oid_t eps[EPS_PAGE], last = 0;
    size_t n;
    enum err e;
    do {
        e = endpoints_page(w, last, eps, &n);
        for (size_t i = 0; i < n && e == ERR_OK; i++)
            e = hours_visit(w, last = eps[i]);
    } while (e == ERR_OK && n == EPS_PAGE);
    return e;
}

/* The first or last span that there is; *out is left when there is none. */
static enum err outer_span(struct sqlite_reader *r, bool last, int64_t *out)
{
    sqlite3_stmt *st =
            last ? conn_stmt(&r->c, R_TALLY_LAST, "SELECT start_ms FROM tally ORDER BY start_ms DESC LIMIT 1")
                 : conn_stmt(&r->c, R_TALLY_FIRST, "SELECT start_ms FROM tally ORDER BY start_ms LIMIT 1");
    reader_begin(r);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK)
        *out = col_int(st, 0);
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err span_visit(struct tally_walk *w, int64_t at)
{
    oid_t ep = w->q->ep;
    sqlite3_stmt *st = ep != 0 ? conn_stmt(&w->r->c, R_TALLY_EP,
                                           "SELECT " TALLY_COLUMNS " FROM tally WHERE start_ms=? AND app=? AND ep=?")
                               : conn_stmt(&w->r->c, R_TALLY_APP,
                                           "SELECT " TALLY_COLUMNS " FROM tally WHERE start_ms=? AND app=?");
    reader_begin(w->r);
    bind_int(st, 1, at);
    bind_int(st, 2, w->q->app);
    if (ep != 0)
        bind_int(st, 3, ep);
    return rows_visit(w, st);
}

static enum err spans_visit(struct tally_walk *w)
{
    int64_t first = INT64_MAX, last = 0;
    enum err e = outer_span(w->r, false, &first);
    if (e == ERR_OK)
        e = outer_span(w->r, true, &last);
    if (first < w->q->since_ms)
        first = w->q->since_ms + TALLY_SPAN_MS - 1 - (w->q->since_ms + TALLY_SPAN_MS - 1) % TALLY_SPAN_MS;
    for (int64_t at = first; e == ERR_OK && at <= last && at < w->q->until_ms; at += TALLY_SPAN_MS)
        e = span_visit(w, at);
    return e;
}

enum err sqlite_each_tally(struct store_reader *base, const struct tally_query *q,
                           void (*visit)(void *arg, const struct tally *t), void *arg)
{
    struct tally_walk w = {reader_of(base), q, visit, arg};
    enum err e = q->ep != 0 ? hours_visit(&w, q->ep) : all_hours_visit(&w);
    return e == ERR_OK ? spans_visit(&w) : e;
}
