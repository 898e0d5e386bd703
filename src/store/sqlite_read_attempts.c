/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of attempts. Those of an endpoint or a message have an index; those of a workspace are merged from its
 * endpoints', so that no third index is paid for on every attempt: a seek per endpoint, and only what is near enough is
 * read.
 */
#include "store/rules.h"
#include "store/sqlite_walk.h"

#define ATTEMPT_HEAD                                                                                                   \
    "id,msg,ep,app,number,epoch,trigger,status,cause,http_status,started_ms,dns_us,connect_us,tls_us,sent_us,"         \
    "first_byte_us,total_us,next_ms,truncated,type,error,peer,url"

static struct attempt row_attempt(sqlite3_stmt *st, bool with_content)
{
    struct attempt t = {
            .id = col_int(st, 0),
            .msg = col_int(st, 1),
            .ep = col_int(st, 2),
            .app = col_int(st, 3),
            .number = (int)col_int(st, 4),
            .epoch = (int)col_int(st, 5),
            .trigger = (enum attempt_trigger)col_int(st, 6),
            .status = (enum delivery_status)col_int(st, 7),
            .cause = (enum cause)col_int(st, 8),
            .http_status = (int)col_int(st, 9),
            .started_ms = col_int(st, 10),
            .phases = {.dns_us = (int32_t)col_int(st, 11),
                       .connect_us = (int32_t)col_int(st, 12),
                       .tls_us = (int32_t)col_int(st, 13),
                       .sent_us = (int32_t)col_int(st, 14),
                       .first_byte_us = (int32_t)col_int(st, 15),
                       .total_us = (int32_t)col_int(st, 16)},
            .next_ms = col_int(st, 17),
            .response_truncated = col_int(st, 18) != 0,
            .event_type = col_str(st, 19),
            .error = col_str(st, 20),
            .peer = col_str(st, 21),
            .url = col_str(st, 22),
    };
    if (with_content) {
        t.request_headers = col_str(st, 23);
        t.response_headers = col_str(st, 24);
        t.response_body = col_str(st, 25);
    }
    return t;
}

static void attempt_own(struct arena *a, struct attempt *t)
{
    t->event_type = arena_str(a, t->event_type);
    t->error = arena_str(a, t->error);
    t->peer = arena_str(a, t->peer);
    t->url = arena_str(a, t->url);
    t->request_headers = arena_str(a, t->request_headers);
    t->response_headers = arena_str(a, t->response_headers);
    t->response_body = arena_str(a, t->response_body);
}

static enum err attempt_step(struct sqlite_reader *r, oid_t id, bool with_content, sqlite3_stmt **out,
                             struct attempt *t)
{
    *out = with_content ? conn_stmt(&r->c, R_ATTEMPT,
                                    "SELECT " ATTEMPT_HEAD
                                    ",request_headers,response_headers,response_body FROM attempt WHERE id=?")
                        : conn_stmt(&r->c, R_ATTEMPT_HEAD, "SELECT " ATTEMPT_HEAD " FROM attempt WHERE id=?");
    bind_int(*out, 1, id);
    enum err e = conn_next(&r->c, *out);
    if (e == ERR_OK)
        *t = row_attempt(*out, with_content);
    return e;
}

enum err sqlite_get_attempt(struct store_reader *base, struct arena *a, oid_t app, oid_t id, struct attempt *out)
{
    struct sqlite_reader *r = reader_of(base);
    sqlite3_stmt *st;
    struct attempt t;
    reader_begin(r);
    enum err e = attempt_step(r, id, true, &st, &t);
    if (e == ERR_OK && t.app != app)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK) {
        attempt_own(a, &t);
        *out = t;
    }
    sqlite3_reset(st);
    return e;
}

/* ---- candidates ------------------------------------------------------------------------------------------------ */

static sqlite3_stmt *candidates_ep(struct conn *c, bool ascending)
{
    return ascending ? conn_stmt(c, R_ATTEMPTS_EP_UP,
                                 "SELECT id FROM attempt INDEXED BY attempt_ep WHERE ep=?1 AND id<?2 AND id>?3"
                                 " ORDER BY id LIMIT ?4")
                     : conn_stmt(c, R_ATTEMPTS_EP_DOWN,
                                 "SELECT id FROM attempt INDEXED BY attempt_ep WHERE ep=?1 AND id<?2 AND id>?3"
                                 " ORDER BY id DESC LIMIT ?4");
}

static sqlite3_stmt *candidates_msg(struct conn *c, bool ascending)
{
    return ascending ? conn_stmt(c, R_ATTEMPTS_MSG_UP,
                                 "SELECT id FROM attempt INDEXED BY attempt_msg WHERE msg=?1 AND id<?2 AND id>?3"
                                 " ORDER BY id LIMIT ?4")
                     : conn_stmt(c, R_ATTEMPTS_MSG_DOWN,
                                 "SELECT id FROM attempt INDEXED BY attempt_msg WHERE msg=?1 AND id<?2 AND id>?3"
                                 " ORDER BY id DESC LIMIT ?4");
}

static enum err endpoints_merge(struct sqlite_reader *r, struct arena *a, const struct attempt_query *q, struct walk *w)
{
    sqlite3_stmt *st = conn_stmt(&r->c, R_APP_ENDPOINTS, APP_ENDPOINTS_SQL);
    oid_t *eps = arena_alloc(a, 256 * sizeof *eps), last = 0;
    size_t n;
    do {
        enum err e;
        n = 0;
        reader_begin(r);
        bind_int(st, 1, q->app);
        bind_int(st, 2, last);
        while ((e = conn_next(&r->c, st)) == ERR_OK)
            eps[n++] = last = col_int(st, 0);
        for (size_t i = 0; i < n && e == ERR_NOT_FOUND; i++) {
            reader_begin(r);
            e = walk_fill(w, &r->c, candidates_ep(&r->c, q->ascending), eps[i]);
            e = e == ERR_OK ? ERR_NOT_FOUND : e;
        }
        if (e != ERR_NOT_FOUND)
            return e;
    } while (n == 256);
    return ERR_OK;
}

static enum err candidates(struct sqlite_reader *r, struct arena *a, const struct attempt_query *q, struct walk *w)
{
    if (q->msg != 0)
        return walk_fill(w, &r->c, candidates_msg(&r->c, q->ascending), q->msg);
    if (q->ep != 0)
        return walk_fill(w, &r->c, candidates_ep(&r->c, q->ascending), q->ep);
    return endpoints_merge(r, a, q, w);
}

/* ---- the list -------------------------------------------------------------------------------------------------- */

/* Channels and tags of the attempt's message, when a filter asks for them. */
static enum err labels_read(struct sqlite_reader *r, struct arena *a, oid_t msg, struct str *channels, struct str *tags)
{
    sqlite3_stmt *st = conn_stmt(&r->c, R_ATTEMPT_LABELS, "SELECT channels,tags FROM message WHERE id=?");
    bind_int(st, 1, msg);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK) {
        *channels = arena_str(a, col_str(st, 0));
        *tags = arena_str(a, col_str(st, 1));
    }
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err candidate_take(struct sqlite_reader *r, struct arena *a, const struct attempt_query *q, oid_t id,
                               struct attempt *list, size_t *count)
{
    sqlite3_stmt *st;
    struct attempt t;
    struct str channels = STR_NULL, tags = STR_NULL;
    enum err e = attempt_step(r, id, q->with_content, &st, &t);
    if (e == ERR_OK && (q->channel.ptr != NULL || q->tag.ptr != NULL))
        e = labels_read(r, a, t.msg, &channels, &tags);
    if (e == ERR_OK && rules_attempt_fits(q, &t, channels, tags)) {
        attempt_own(a, &t);
        list[(*count)++] = t;
    }
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err attempts_walk(struct sqlite_reader *r, struct arena *a, const struct attempt_query *q, struct walk *w,
                              struct attempt *list, size_t *count)
{
    enum err e;
    oid_t id;
    do {
        reader_hold(r);
        e = candidates(r, a, q, w);
        while (e == ERR_OK && *count < q->limit && walk_next(w, &id))
            e = candidate_take(r, a, q, id, list, count);
        reader_let_go(r);
    } while (e == ERR_OK && *count < q->limit && walk_goes_on(w));
    return e == ERR_OK && w->late ? ERR_UNAVAILABLE : e;
}

enum err sqlite_list_attempts(struct store_reader *base, struct arena *a, const struct attempt_query *q,
                              struct attempt **out, size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    struct walk w;
    struct walk_plan plan = {.before = q->before,
                             .after = q->after,
                             .ascending = q->ascending,
                             .limit = q->limit,
                             .visit_max = q->budget.rows_max};
    struct attempt *list = arena_alloc(a, q->limit * sizeof *list);
    size_t n = 0;
    plan.filtered = rules_attempt_filters(q);
    walk_init(&w, r, &plan);
    enum err e = attempts_walk(r, a, q, &w, list, &n);
    if (e != ERR_OK)
        return e;
    *out = list;
    *count = n;
    if (q->budget.stopped != NULL)
        *q->budget.stopped = w.stopped;
    return ERR_OK;
}
