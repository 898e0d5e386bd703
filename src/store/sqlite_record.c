/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome of an attempt: its row, the delivery's next state, the endpoint's health. */
#include "store/rules.h"
#include "store/sqlite_priv.h"

static enum err attempt_put(struct sqlite_backend *b, const struct attempt *t)
{
    sqlite3_stmt *st = conn_stmt(
            &b->w, W_ATTEMPT_PUT,
            "INSERT INTO "
            "attempt(id,msg,ep,app,number,epoch,trigger,status,cause,http_status,started_ms,dns_us,connect_us,"
            "tls_us,sent_us,first_byte_us,total_us,next_ms,truncated,type,error,peer,url,request_headers,response_"
            "headers,"
            "response_body) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    const int64_t numbers[] = {t->id,
                               t->msg,
                               t->ep,
                               t->app,
                               t->number,
                               t->epoch,
                               t->trigger,
                               t->status,
                               t->cause,
                               t->http_status,
                               t->started_ms,
                               t->phases.dns_us,
                               t->phases.connect_us,
                               t->phases.tls_us,
                               t->phases.sent_us,
                               t->phases.first_byte_us,
                               t->phases.total_us,
                               t->next_ms,
                               t->response_truncated};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        bind_int(st, (int)i + 1, numbers[i]);
    bind_text(st, 20, t->event_type);
    bind_text(st, 21, t->error);
    bind_text(st, 22, t->peer);
    bind_text(st, 23, t->url);
    bind_text(st, 24, t->request_headers);
    bind_text(st, 25, t->response_headers);
    bind_blob(st, 26, t->response_body);
    return conn_run(&b->w, st);
}

/*
 * The common case in one statement: a scheduled attempt that ends its delivery, on time and with no request waiting.
 * The same as rules_record would do; *moved tells whether it was that case.
 */
static enum err delivery_finish(struct sqlite_backend *b, const struct store_record *op, bool *moved)
{
    const struct attempt *t = op->attempt;
    sqlite3_stmt *st = conn_stmt(&b->w, W_DELIVERY_FINISH,
                                 "UPDATE delivery SET status=?3,reason=?4,tries=?5,due_ms=0,pos=NULL,last_attempt=?6,"
                                 "flags=(flags&2)|?7 WHERE msg=?1 AND ep=?2 AND status=1 AND request=0 AND tries=?5-1");
    bind_int(st, 1, t->msg);
    bind_int(st, 2, t->ep);
    bind_int(st, 3, op->status);
    bind_int(st, 4, op->status == DELIVERY_FAIL ? op->reason : REASON_NONE);
    bind_int(st, 5, t->number);
    bind_int(st, 6, t->id);
    bind_int(st, 7, t->status == DELIVERY_SUCCESS ? 0 : DELIVERY_LAST_FAILED);
    enum err e = conn_run(&b->w, st);
    *moved = e == ERR_OK && sqlite3_changes(b->w.db) == 1;
    return e;
}

static enum err delivery_move(struct sqlite_backend *b, const struct store_record *op, bool *moved)
{
    struct delivery d;
    enum err e = delivery_get(b, op->attempt->msg, op->attempt->ep, &d);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    *moved = rules_record(&d, op);
    return *moved ? delivery_set(b, &d) : ERR_OK;
}

static enum err health_merge(struct sqlite_backend *b, struct endpoint_health *h)
{
    struct endpoint_health stored = {.ep = h->ep};
    sqlite3_stmt *st = conn_stmt(&b->w, W_HEALTH_GET,
                                 "SELECT failing_since_ms,exhausted_since_ms FROM endpoint_health WHERE ep=?");
    bind_int(st, 1, h->ep);
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK) {
        stored.failing_since_ms = col_int(st, 0);
        stored.exhausted_since_ms = col_int(st, 1);
        endpoint_health_merge(h, stored, h->enabled_ms);
    }
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err health_put(struct sqlite_backend *b, struct endpoint_health h)
{
    sqlite3_stmt *st;
    enum err e = h.merge ? health_merge(b, &h) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (h.failing_since_ms == 0 && h.exhausted_since_ms == 0) {
        st = conn_stmt(&b->w, W_HEALTH_DROP, "DELETE FROM endpoint_health WHERE ep=?");
        bind_int(st, 1, h.ep);
    } else {
        st = conn_stmt(&b->w, W_HEALTH_PUT,
                       "INSERT INTO endpoint_health(ep,failing_since_ms,exhausted_since_ms) VALUES(?1,?2,?3)"
                       " ON CONFLICT(ep) DO UPDATE SET failing_since_ms=?2,exhausted_since_ms=?3");
        bind_int(st, 1, h.ep);
        bind_int(st, 2, h.failing_since_ms);
        bind_int(st, 3, h.exhausted_since_ms);
    }
    return conn_run(&b->w, st);
}

enum err sqlite_record(struct backend *base, struct store_record *op)
{
    struct sqlite_backend *b = backend_of(base);
    const struct attempt *t = op->attempt;
    bool moved = false;
    enum err e = attempt_put(b, t);
    if (e == ERR_OK)
        e = state_endpoint(b, t->app, t->ep);
    if (e == ERR_OK && t->trigger == TRIGGER_SCHEDULE && op->status != DELIVERY_PENDING)
        e = delivery_finish(b, op, &moved);
    if (e == ERR_OK && !moved)
        e = delivery_move(b, op, &moved);
    if (e == ERR_OK && op->transformed != NULL)
        e = transformed_put(b, t->msg, t->ep, op->transformed);
    if (e == ERR_OK && op->health != NULL)
        e = health_put(b, *op->health);
    if (e == ERR_OK)
        tally_add(b, t);
    op->moved = moved;
    return e;
}
