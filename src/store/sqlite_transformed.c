/* SPDX-License-Identifier: Apache-2.0 */
/* What transformations made, by delivery. Most stores have none: then nothing is asked of the table. */
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"

enum { TRANSFORMED_CANCELLED = 1, TRANSFORMED_AS_IS = 2, TRANSFORMED_SAME = 4 };

enum err transformed_put(struct sqlite_backend *b, oid_t msg, oid_t ep, const struct transformed *t)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_TRANSFORMED_PUT,
                                 "INSERT OR IGNORE INTO transformed(msg,ep,version,flags,method,url,headers,"
                                 "content_type,payload) SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9"
                                 " WHERE EXISTS(SELECT 1 FROM message WHERE id=?1 AND payload IS NOT NULL)");
    b->transformed_known = b->transformed_any = true;
    bind_int(st, 1, msg);
    bind_int(st, 2, ep);
    bind_int(st, 3, t->version);
    bind_int(st, 4,
             (t->cancelled ? TRANSFORMED_CANCELLED : 0) | (t->as_is ? TRANSFORMED_AS_IS : 0) |
                     (t->same ? TRANSFORMED_SAME : 0));
    bind_text(st, 5, t->method);
    bind_text(st, 6, t->url);
    bind_text(st, 7, t->headers);
    bind_text(st, 8, t->content_type);
    bind_blob(st, 9, t->payload);
    return conn_run(&b->w, st);
}

static enum err look_once(struct sqlite_backend *b)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_TRANSFORMED_ANY, "SELECT 1 FROM transformed WHERE msg>0 LIMIT 1");
    enum err e = conn_next(&b->w, st);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    b->transformed_any = e == ERR_OK;
    b->transformed_known = true;
    sqlite3_reset(st);
    return ERR_OK;
}

enum err transformed_drop(struct sqlite_backend *b, oid_t msg)
{
    enum err e = b->transformed_known ? ERR_OK : look_once(b);
    if (e != ERR_OK || !b->transformed_any)
        return e;
    sqlite3_stmt *st = conn_stmt(&b->w, W_TRANSFORMED_DROP, "DELETE FROM transformed WHERE msg=?");
    bind_int(st, 1, msg);
    return conn_run(&b->w, st);
}

enum err sqlite_get_transformed(struct store_reader *base, struct arena *a, oid_t msg, oid_t ep,
                                struct transformed *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_TRANSFORMED,
                                 "SELECT version,flags,method,url,headers,content_type,payload FROM transformed"
                                 " WHERE msg=? AND ep=?");
    bind_int(st, 1, msg);
    bind_int(st, 2, ep);
    enum err e = conn_next(&r->c, st);
    if (e != ERR_OK)
        return e;
    int64_t flags = col_int(st, 1);
    *out = (struct transformed){.version = col_int(st, 0),
                                .cancelled = (flags & TRANSFORMED_CANCELLED) != 0,
                                .as_is = (flags & TRANSFORMED_AS_IS) != 0,
                                .same = (flags & TRANSFORMED_SAME) != 0,
                                .method = arena_str(a, col_str(st, 2)),
                                .url = arena_str(a, col_str(st, 3)),
                                .headers = arena_str(a, col_str(st, 4)),
                                .content_type = arena_str(a, col_str(st, 5)),
                                .payload = arena_str(a, col_str(st, 6))};
    sqlite3_reset(st);
    return ERR_OK;
}
