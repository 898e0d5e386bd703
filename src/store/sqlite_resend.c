/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt asked for by hand. */
#include "base/mem.h"
#include "store/rules.h"
#include "store/sqlite_priv.h"

/* The message must be there with its payload; *renders gets a copy of its envelopes. */
static enum err message_check(struct sqlite_backend *b, const struct store_resend *op, struct buf *renders)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_RESEND_MESSAGE, "SELECT app,payload IS NULL,renders FROM message WHERE id=?");
    bind_int(st, 1, op->msg);
    enum err e = conn_next(&b->w, st);
    if (e != ERR_OK)
        return e;
    if (col_int(st, 0) != op->app)
        e = ERR_NOT_FOUND;
    else if (col_int(st, 1) != 0)
        e = ERR_GONE;
    else
        buf_add_str(renders, col_str(st, 2));
    sqlite3_reset(st);
    return e;
}

static bool renders_have(struct str renders, oid_t profile_version)
{
    struct arena *a = arena_new(1024);
    const struct message_render *list;
    size_t count;
    bool found = false;
    if (renders_decode(renders, a, &list, &count) == ERR_OK)
        for (size_t i = 0; i < count; i++)
            found = found || list[i].profile_version == profile_version;
    arena_free(a);
    return found;
}

static enum err render_add(struct sqlite_backend *b, const struct store_resend *op, struct buf *renders)
{
    if (op->render == NULL || renders_have(buf_str(renders), op->render->profile_version))
        return ERR_OK;
    renders_encode(op->render, 1, renders);
    sqlite3_stmt *st = conn_stmt(&b->w, W_RENDERS_SET, "UPDATE message SET renders=?2 WHERE id=?1");
    bind_int(st, 1, op->msg);
    bind_blob(st, 2, buf_str(renders));
    return conn_run(&b->w, st);
}

static enum err delivery_create(struct sqlite_backend *b, const struct store_resend *op, struct buf *renders)
{
    int64_t place = 0;
    enum err e = state_endpoint(b, op->app, op->ep);
    if (e == ERR_OK && op->fifo)
        e = state_next_pos(b, op->ep, &place);
    struct delivery d = rules_resent(op, place);
    if (e == ERR_OK)
        e = delivery_put(b, &d);
    return e == ERR_OK ? render_add(b, op, renders) : e;
}

static enum err delivery_ask(struct sqlite_backend *b, const struct store_resend *op, struct delivery *d)
{
    int64_t place = 0;
    if (op->fifo && !rules_pending(d)) {
        enum err e = state_next_pos(b, op->ep, &place);
        if (e != ERR_OK)
            return e;
    }
    rules_request(d, op->trigger, place, op->now_ms);
    return delivery_set(b, d);
}

enum err sqlite_resend(struct backend *base, struct store_resend *op)
{
    struct sqlite_backend *b = backend_of(base);
    struct buf renders = BUF_INIT((size_t)1 << 30);
    struct delivery d;
    enum err e = message_check(b, op, &renders);
    if (e == ERR_OK) {
        e = delivery_get(b, op->msg, op->ep, &d);
        op->changed = e == ERR_NOT_FOUND || !op->if_missing;
        if (e == ERR_NOT_FOUND) {
            e = delivery_create(b, op, &renders);
        } else if (e == ERR_OK && op->changed) {
            e = delivery_ask(b, op, &d);
        }
    }
    buf_fini(&renders);
    return e;
}
