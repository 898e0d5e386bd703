/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration objects, written together or not at all. Rare: a savepoint takes back what was written before a
 * refusal. */
#include "store/rules.h"
#include "store/sqlite_priv.h"

static enum err versions_raise(struct sqlite_backend *b, const struct object *o)
{
    oid_t app, env;
    rules_raised(o, &app, &env);
    enum err e = app != 0 ? state_raise(b, app, o->env) : ERR_OK;
    return e == ERR_OK && env != 0 ? state_raise(b, env, 0) : e;
}

/* What later changes need of the one that is there: identity, version. ERR_NOT_FOUND, ERR_STALE. */
static enum err object_check(struct sqlite_backend *b, const struct object_change *c, struct object *have)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_OBJECT_GET, "SELECT kind,env,app,deleted_ms,version FROM object WHERE id=?");
    bind_int(st, 1, c->object.id);
    enum err e = conn_next(&b->w, st);
    if (e != ERR_OK)
        return e;
    *have = (struct object){.id = c->object.id,
                            .kind = (enum object_kind)col_int(st, 0),
                            .env = col_int(st, 1),
                            .app = col_int(st, 2),
                            .deleted_ms = col_int(st, 3),
                            .version = (uint64_t)col_int(st, 4)};
    sqlite3_reset(st);
    if (have->kind != c->object.kind || have->deleted_ms != 0)
        return ERR_NOT_FOUND;
    return c->expected_version != 0 && c->expected_version != have->version ? ERR_STALE : ERR_OK;
}

static enum err object_create(struct sqlite_backend *b, const struct object *o)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_OBJECT_PUT,
                      "INSERT INTO object(id,kind,env,app,scope,key,body,sealed,created_ms,updated_ms,deleted_ms,"
                      "version) VALUES(?,?,?,?,?,?,?,?,?,?,0,1)");
    bind_int(st, 1, o->id);
    bind_int(st, 2, o->kind);
    bind_int(st, 3, o->env);
    bind_int(st, 4, o->app);
    bind_int(st, 5, rules_scope(o->kind, o->app));
    bind_text(st, 6, o->key);
    bind_text(st, 7, o->body);
    bind_blob(st, 8, o->sealed);
    bind_int(st, 9, o->created_ms);
    bind_int(st, 10, o->updated_ms);
    return conn_run(&b->w, st);
}

static enum err object_update(struct sqlite_backend *b, const struct object *o)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_OBJECT_SET,
                      "UPDATE object SET key=?2,body=?3,sealed=?4,updated_ms=?5,version=version+1 WHERE id=?1");
    bind_int(st, 1, o->id);
    bind_text(st, 2, o->key);
    bind_text(st, 3, o->body);
    bind_blob(st, 4, o->sealed);
    bind_int(st, 5, o->updated_ms);
    return conn_run(&b->w, st);
}

static enum err object_delete(struct sqlite_backend *b, const struct object *o)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_OBJECT_DROP,
                                 "UPDATE object SET updated_ms=?2,deleted_ms=max(?2,1),version=version+1 WHERE id=?1");
    bind_int(st, 1, o->id);
    bind_int(st, 2, o->updated_ms);
    return conn_run(&b->w, st);
}

static enum err change_apply(struct sqlite_backend *b, struct object_change *c)
{
    struct object have = c->object;
    enum err e = ERR_OK;
    switch (c->change) {
    case OBJECT_CREATE:
        e = object_create(b, &c->object);
        have.version = 0;
        break;
    case OBJECT_UPDATE:
        e = object_check(b, c, &have);
        if (e == ERR_OK)
            e = object_update(b, &c->object);
        break;
    case OBJECT_DELETE:
        e = object_check(b, c, &have);
        if (e == ERR_OK)
            e = object_delete(b, &c->object);
        break;
    }
    if (e == ERR_OK)
        e = versions_raise(b, &have);
    if (e == ERR_OK)
        c->object.version = have.version + 1;
    return e;
}

enum err sqlite_objects(struct backend *base, struct store_objects *op)
{
    struct sqlite_backend *b = backend_of(base);
    enum err e = conn_exec(&b->w, "SAVEPOINT objects");
    size_t i = 0;
    for (; i < op->count && e == ERR_OK; i++)
        e = change_apply(b, &op->changes[i]);
    if (e == ERR_OK)
        return conn_exec(&b->w, "RELEASE objects");
    if (e == ERR_FULL || e == ERR_IO)
        return e;
    op->failed_at = i > 0 ? i - 1 : 0;
    /* The counters that were raised for it are wrong in memory now; they are read again. */
    state_forget(b);
    enum err back = conn_exec(&b->w, "ROLLBACK TO objects; RELEASE objects");
    return back == ERR_OK ? e : back;
}
