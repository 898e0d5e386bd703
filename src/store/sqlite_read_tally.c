/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of tallies. Those of hours lie together by endpoint. The spans of the last days lie by time: a seek for each
 * span, and only the workspace's rows are read. The log that is not in the table yet (sqlite_tally.c) is read in one
 * transaction with the spans that it is about; it moves to the table at any time, but not to the spans before.
 */
#include "store/sqlite_reader.h"
#include "store/tally_code.h"

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

/* The earliest span that the log is about; *out is left when it is empty. */
static enum err log_first(struct sqlite_reader *r, int64_t *out)
{
    sqlite3_stmt *st = conn_stmt(&r->c, R_TALLY_LOG_FIRST, "SELECT first_ms FROM tally_log");
    enum err e;
    reader_begin(r);
    while ((e = conn_next(&r->c, st)) == ERR_OK)
        *out = *out < col_int(st, 0) ? *out : col_int(st, 0);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static bool is_asked(const struct tally_query *q, const struct tally_entry *t)
{
    return t->app == q->app && (q->ep == 0 || t->ep == q->ep) && t->start_ms >= q->since_ms &&
           t->start_ms < q->until_ms;
}

static enum err log_visit(struct tally_walk *w)
{
    sqlite3_stmt *st = conn_stmt(&w->r->c, R_TALLY_LOG, "SELECT body FROM tally_log");
    enum err e;
    reader_begin(w->r);
    while ((e = conn_next(&w->r->c, st)) == ERR_OK) {
        struct str rest = col_str(st, 0);
        struct tally_entry t = {.type = STR_NULL};
        while (tally_decode(&rest, &t)) {
            struct tally one = {.start_ms = t.start_ms,
                                .ep = t.ep,
                                .event_type = t.type,
                                .succeeded = (uint64_t)t.succeeded,
                                .failed = (uint64_t)t.failed,
                                .total_us = t.total_us,
                                .longest_us = t.longest_us};
            if (is_asked(w->q, &t))
                w->visit(w->arg, &one);
        }
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Those from *at on that begin before until_ms; *at: the next one. */
static enum err some_visit(struct tally_walk *w, int64_t *at, int64_t until_ms)
{
    int64_t last = 0;
    enum err e = outer_span(w->r, true, &last);
    for (; e == ERR_OK && *at <= last && *at < until_ms && *at < w->q->until_ms; *at += TALLY_SPAN_MS)
        e = span_visit(w, *at);
    return e;
}

static enum err spans_visit(struct tally_walk *w)
{
    int64_t at = INT64_MAX, logged = INT64_MAX;
    enum err e = log_first(w->r, &logged);
    if (e == ERR_OK)
        e = outer_span(w->r, false, &at);
    if (at > logged)
        at = logged; /* what is there now will be in the table */
    if (at < w->q->since_ms)
        at = w->q->since_ms + TALLY_SPAN_MS - 1 - (w->q->since_ms + TALLY_SPAN_MS - 1) % TALLY_SPAN_MS;
    if (e == ERR_OK)
        e = some_visit(w, &at, logged);
    reader_hold(w->r);
    if (e == ERR_OK)
        e = log_visit(w);
    if (e == ERR_OK)
        e = some_visit(w, &at, INT64_MAX);
    reader_let_go(w->r);
    return e;
}

enum err sqlite_each_tally(struct store_reader *base, const struct tally_query *q,
                           void (*visit)(void *arg, const struct tally *t), void *arg)
{
    struct tally_walk w = {reader_of(base), q, visit, arg};
    enum err e = q->ep != 0 ? hours_visit(&w, q->ep) : all_hours_visit(&w);
    return e == ERR_OK ? spans_visit(&w) : e;
}
