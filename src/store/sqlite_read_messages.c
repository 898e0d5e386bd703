/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of messages. */
#include "store/rules.h"
#include "store/sqlite_walk.h"

#define MESSAGE_HEAD                                                                                                   \
    "m.id,m.app,m.env,m.type,m.event_id,m.occurred_ms,m.actor,m.channels,m.tags,m.deliver_at_ms,m.expires_ms,"         \
    "m.content_type"

/* The row by id; ERR_OK leaves the statement on it for the caller to reset. */
static enum err message_step(struct sqlite_reader *r, oid_t id, bool with_payload, sqlite3_stmt **out,
                             struct message *m, struct str *renders)
{
    *out = with_payload ? conn_stmt(&r->c, R_MESSAGE, "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.id=?")
                        : conn_stmt(&r->c, R_MESSAGE_HEAD, "SELECT " MESSAGE_HEAD " FROM message m WHERE m.id=?");
    bind_int(*out, 1, id);
    enum err e = conn_next(&r->c, *out);
    if (e == ERR_OK)
        *m = row_message(*out, 0, with_payload, renders);
    return e;
}

enum err sqlite_get_message(struct store_reader *base, struct arena *a, oid_t app, oid_t id, bool with_payload,
                            struct message *out)
{
    struct sqlite_reader *r = reader_of(base);
    sqlite3_stmt *st;
    struct message m;
    struct str renders;
    reader_begin(r);
    enum err e = message_step(r, id, with_payload, &st, &m, &renders);
    if (e == ERR_OK && m.app != app)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = message_own(a, &m, renders);
    if (e == ERR_OK)
        *out = m;
    sqlite3_reset(st);
    return e;
}

enum err sqlite_find_message(struct store_reader *base, struct arena *a, oid_t app, struct str event_id,
                             bool with_payload, struct message *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_MESSAGE_EVENT,
                                 "SELECT id FROM message INDEXED BY message_event WHERE app=? AND event_id=?");
    bind_int(st, 1, app);
    bind_text(st, 2, event_id);
    enum err e = conn_next(&r->c, st);
    oid_t id = e == ERR_OK ? col_int(st, 0) : 0;
    sqlite3_reset(st);
    return e == ERR_OK ? sqlite_get_message(base, a, app, id, with_payload, out) : e;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static sqlite3_stmt *candidates(struct conn *c, const struct message_query *q)
{
    if (q->ep != 0)
        return q->ascending
                       ? conn_stmt(c, R_MESSAGES_EP_UP,
                                   "SELECT msg FROM delivery INDEXED BY delivery_ep WHERE ep=?1 AND msg<?2 AND msg>?3"
                                   " ORDER BY msg LIMIT ?4")
                       : conn_stmt(c, R_MESSAGES_EP_DOWN,
                                   "SELECT msg FROM delivery INDEXED BY delivery_ep WHERE ep=?1 AND msg<?2 AND msg>?3"
                                   " ORDER BY msg DESC LIMIT ?4");
    return q->ascending ? conn_stmt(c, R_MESSAGES_UP,
                                    "SELECT id FROM message INDEXED BY message_app WHERE app=?1 AND id<?2 AND id>?3"
                                    " ORDER BY id LIMIT ?4")
                        : conn_stmt(c, R_MESSAGES_DOWN,
                                    "SELECT id FROM message INDEXED BY message_app WHERE app=?1 AND id<?2 AND id>?3"
                                    " ORDER BY id DESC LIMIT ?4");
}

struct message_list {
    struct message *messages;
    struct delivery *deliveries;
    size_t count;
};

/* Adds the message if it fits; one that is gone meanwhile does not. */
static enum err candidate_take(struct sqlite_reader *r, struct arena *a, const struct message_query *q, oid_t id,
                               struct message_list *l)
{
    struct delivery d;
    struct message m;
    struct str renders;
    sqlite3_stmt *st;
    enum err e = q->ep != 0 ? sqlite_get_delivery(&r->base, id, q->ep, &d) : ERR_OK;
    if (e != ERR_OK || (q->ep != 0 && !rules_delivery_fits(q, &d)))
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    e = message_step(r, id, q->with_payload, &st, &m, &renders);
    if (e == ERR_OK && m.app == q->app && rules_message_fits(q, &m, q->ep != 0 ? &d : NULL)) {
        e = message_own(a, &m, renders);
        l->messages[l->count] = m;
        if (q->ep != 0)
            l->deliveries[l->count] = d;
        l->count += e == ERR_OK;
    }
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err messages_walk(struct sqlite_reader *r, struct arena *a, const struct message_query *q, struct walk *w,
                              struct message_list *l)
{
    enum err e;
    oid_t id;
    do {
        reader_hold(r);
        e = walk_fill(w, &r->c, candidates(&r->c, q), q->ep != 0 ? q->ep : q->app);
        while (e == ERR_OK && l->count < q->limit && walk_next(w, &id))
            e = candidate_take(r, a, q, id, l);
        reader_let_go(r);
    } while (e == ERR_OK && l->count < q->limit && walk_goes_on(w));
    return e == ERR_OK && w->late ? ERR_UNAVAILABLE : e;
}

enum err sqlite_list_messages(struct store_reader *base, struct arena *a, const struct message_query *q,
                              struct message **out, struct delivery **deliveries, size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    struct walk w;
    struct walk_plan plan = {.before = q->before,
                             .after = q->after,
                             .ascending = q->ascending,
                             .limit = q->limit,
                             .visit_max = q->budget.rows_max};
    struct message_list l = {.messages = arena_alloc(a, q->limit * sizeof(struct message)),
                             .deliveries = arena_alloc(a, q->limit * sizeof(struct delivery))};
    plan.filtered = rules_message_filters(q);
    walk_init(&w, r, &plan);
    enum err e = messages_walk(r, a, q, &w, &l);
    if (e != ERR_OK)
        return e;
    *out = l.messages;
    if (deliveries != NULL)
        *deliveries = l.deliveries;
    *count = l.count;
    if (q->budget.stopped != NULL)
        *q->budget.stopped = w.stopped;
    return ERR_OK;
}
