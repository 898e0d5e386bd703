/* SPDX-License-Identifier: Apache-2.0 */
/* A message and its deliveries: the hottest write. Everything that can refuse it comes before its first row. */
#include "store/rules.h"
#include "store/sqlite_priv.h"

static void delivery_bind(sqlite3_stmt *st, const struct delivery *d)
{
    bind_int(st, 1, d->msg);
    bind_int(st, 2, d->ep);
    bind_int(st, 3, d->profile_version);
    bind_int(st, 4, d->status);
    bind_int(st, 5, d->reason);
    bind_int(st, 6, d->tries);
    bind_int(st, 7, d->due_ms);
    if (rules_pending(d))
        bind_int(st, 8, d->pos);
    else
        sqlite3_bind_null(st, 8);
    bind_int(st, 9, d->request);
    bind_int(st, 10, d->last_attempt);
    bind_int(st, 11, delivery_flags(d));
    bind_int(st, 12, d->transform);
}

enum err delivery_put(struct sqlite_backend *b, const struct delivery *d)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_DELIVERY_PUT,
                      "INSERT OR IGNORE INTO delivery(msg,ep,profile_version,status,reason,tries,due_ms,pos,request,"
                      "last_attempt,flags,transform) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)");
    delivery_bind(st, d);
    return conn_run(&b->w, st);
}

enum err delivery_set(struct sqlite_backend *b, const struct delivery *d)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DELIVERY_SET,
                                 "UPDATE delivery SET profile_version=?3,status=?4,reason=?5,tries=?6,due_ms=?7,pos=?8,"
                                 "request=?9,last_attempt=?10,flags=?11,transform=?12 WHERE msg=?1 AND ep=?2");
    delivery_bind(st, d);
    return conn_run(&b->w, st);
}

enum err delivery_get(struct sqlite_backend *b, oid_t msg, oid_t ep, struct delivery *out)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_DELIVERY_GET, "SELECT " DELIVERY_COLUMNS " FROM delivery d WHERE d.msg=? AND d.ep=?");
    bind_int(st, 1, msg);
    bind_int(st, 2, ep);
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK)
        *out = row_delivery(st, 0);
    sqlite3_reset(st);
    return e;
}

static enum err message_put(struct sqlite_backend *b, const struct message *m)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_MESSAGE_PUT,
                      "INSERT INTO message(id,app,env,type,event_id,occurred_ms,actor,channels,tags,deliver_at_ms,"
                      "expires_ms,content_type,renders,payload) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    buf_clear(&b->scratch);
    renders_encode(m->renders, m->render_count, &b->scratch);
    bind_int(st, 1, m->id);
    bind_int(st, 2, m->app);
    bind_int(st, 3, m->env);
    bind_text(st, 4, m->event_type);
    bind_text(st, 5, m->event_id);
    bind_int(st, 6, m->occurred_ms);
    bind_text(st, 7, m->actor);
    bind_text(st, 8, m->channels);
    bind_text(st, 9, m->tags);
    bind_int(st, 10, m->deliver_at_ms);
    bind_int(st, 11, m->expires_ms);
    bind_text(st, 12, m->content_type);
    bind_blob(st, 13, m->render_count > 0 ? buf_str(&b->scratch) : STR_NULL);
    bind_blob(st, 14, m->payload);
    return conn_run(&b->w, st);
}

static enum err target_put(struct sqlite_backend *b, const struct message *m, struct store_target *t)
{
    int64_t place = 0;
    enum err e = state_endpoint(b, m->app, t->ep);
    if (e == ERR_OK && t->fifo)
        e = state_next_pos(b, t->ep, &place);
    if (e != ERR_OK)
        return e;
    struct delivery d = rules_created(m->id, t, place);
    t->pos = d.pos;
    return delivery_put(b, &d);
}

enum err append_apply(struct sqlite_backend *b, struct store_append *op)
{
    size_t failed_at = 0;
    const struct message *m = op->message;
    uint64_t version;
    enum err e = state_version(b, m->app, m->env, &version);
    if (e != ERR_OK)
        return e;
    if (version != op->app_version)
        return ERR_STALE;
    /* The unique indexes refuse a known event_id: nothing is written then. */
    e = message_put(b, m);
    if (e == ERR_OK)
        e = payload_age_note(b, m->id, m->expires_ms);
    for (size_t i = 0; i < op->target_count && e == ERR_OK; i++)
        e = target_put(b, m, &op->targets[i]);
    return e == ERR_OK && op->doc_count > 0 ? docs_apply(b, op->docs, op->doc_count, &failed_at) : e;
}
