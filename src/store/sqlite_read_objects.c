/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of configuration objects. */
#include "store/rules.h"
#include "store/sqlite_reader.h"

static enum err object_take(struct sqlite_reader *r, struct arena *a, sqlite3_stmt *st, struct object *out)
{
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK) {
        *out = row_object(st, 0);
        object_own(a, out);
    }
    sqlite3_reset(st);
    return e;
}

enum err sqlite_get_object(struct store_reader *base, struct arena *a, enum object_kind kind, oid_t id,
                           struct object *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_OBJECT, "SELECT " OBJECT_COLUMNS " FROM object WHERE id=? AND kind=?");
    bind_int(st, 1, id);
    bind_int(st, 2, kind);
    return object_take(r, a, st, out);
}

enum err sqlite_find_object(struct store_reader *base, struct arena *a, enum object_kind kind, oid_t env, oid_t app,
                            struct str key, struct object *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_OBJECT_KEY,
                                 "SELECT " OBJECT_COLUMNS " FROM object INDEXED BY object_key"
                                 " WHERE kind=? AND env=? AND scope=? AND key=? AND deleted_ms=0");
    bind_int(st, 1, kind);
    bind_int(st, 2, env);
    bind_int(st, 3, rules_scope(kind, app));
    bind_text(st, 4, key);
    return object_take(r, a, st, out);
}

#define LIST_ALIVE                                                                                                     \
    "SELECT " OBJECT_COLUMNS                                                                                           \
    " FROM object INDEXED BY object_alive WHERE kind=?1 AND env=?2 AND scope=?3 AND deleted_ms=0"
#define LIST_ALL "SELECT " OBJECT_COLUMNS " FROM object INDEXED BY object_all WHERE kind=?1 AND env=?2 AND scope=?3"
#define LIST_KEY                                                                                                       \
    "SELECT " OBJECT_COLUMNS " FROM object INDEXED BY object_key WHERE kind=?1 AND env=?2 AND scope=?3 AND "           \
    "deleted_ms=0"

/* Only living objects that have a key are in the order of keys. */
static sqlite3_stmt *list_by_key(struct conn *c, const struct object_query *q)
{
    sqlite3_stmt *st = q->descending ? conn_stmt(c, R_OBJECTS_KEY_DOWN,
                                                 LIST_KEY " AND key IS NOT NULL AND key<?4 ORDER BY key DESC LIMIT ?5")
                                     : conn_stmt(c, R_OBJECTS_KEY_UP,
                                                 LIST_KEY " AND key IS NOT NULL AND key>?4 ORDER BY key LIMIT ?5");
    if (q->after_key.ptr != NULL)
        bind_text(st, 4, q->after_key);
    else if (q->descending)
        sqlite3_bind_zeroblob(st, 4, 0); /* a blob sorts behind every text */
    else
        bind_int(st, 4, 0); /* and a number before */
    return st;
}

static sqlite3_stmt *list_by_id(struct conn *c, const struct object_query *q)
{
    sqlite3_stmt *st;
    if (q->include_deleted)
        st = q->descending ? conn_stmt(c, R_OBJECTS_ALL_DOWN, LIST_ALL " AND id<?4 ORDER BY id DESC LIMIT ?5")
                           : conn_stmt(c, R_OBJECTS_ALL_UP, LIST_ALL " AND id>?4 ORDER BY id LIMIT ?5");
    else
        st = q->descending ? conn_stmt(c, R_OBJECTS_DOWN, LIST_ALIVE " AND id<?4 ORDER BY id DESC LIMIT ?5")
                           : conn_stmt(c, R_OBJECTS_UP, LIST_ALIVE " AND id>?4 ORDER BY id LIMIT ?5");
    bind_int(st, 4, q->after != 0 || !q->descending ? q->after : INT64_MAX);
    return st;
}

enum err sqlite_list_objects(struct store_reader *base, struct arena *a, const struct object_query *q,
                             struct object **out, size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = q->by_key ? list_by_key(&r->c, q) : list_by_id(&r->c, q);
    bind_int(st, 1, q->kind);
    bind_int(st, 2, q->env);
    bind_int(st, 3, rules_scope(q->kind, q->app));
    bind_int(st, 5, (int64_t)q->limit);
    struct object *list = NULL;
    size_t n = 0, cap = 0;
    enum err e;
    while ((e = conn_next(&r->c, st)) == ERR_OK) {
        if (n == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            struct object *more = arena_alloc(a, cap * sizeof *more);
            if (n > 0)
                memcpy(more, list, n * sizeof *more);
            list = more;
        }
        list[n] = row_object(st, 0);
        object_own(a, &list[n++]);
    }
    if (e != ERR_NOT_FOUND)
        return e;
    *out = list;
    *count = n;
    return ERR_OK;
}
