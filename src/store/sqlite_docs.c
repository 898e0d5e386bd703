/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: written together or not at all. */
#include "store/sqlite_priv.h"

#define DOC_KINDS 16 /* more than there are */

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void bind_about(sqlite3_stmt *st, int at, oid_t about)
{
    if (about != 0)
        bind_int(st, at, about);
    else
        sqlite3_bind_null(st, at);
}

static enum err doc_put(struct sqlite_backend *b, const struct doc *d)
{
    sqlite3_stmt *st = conn_stmt(
            &b->w, W_DOC_PUT, "INSERT INTO doc(" DOC_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,1,?13)");
    bind_int(st, 1, d->id);
    bind_int(st, 2, d->kind);
    bind_int(st, 3, d->app);
    bind_int(st, 4, d->ref);
    bind_text(st, 5, d->key);
    bind_int(st, 6, d->status);
    bind_int(st, 7, d->due_ms);
    bind_int(st, 8, d->purge_ms);
    bind_text(st, 9, d->body);
    bind_blob(st, 10, d->data);
    bind_int(st, 11, d->created_ms);
    bind_int(st, 12, d->updated_ms);
    bind_about(st, 13, d->about);
    return conn_run(&b->w, st);
}

/* The version that a change finds. ERR_NOT_FOUND, ERR_STALE. */
static enum err doc_check(struct sqlite_backend *b, const struct doc_change *c, uint64_t *version)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DOC_GET, "SELECT kind,version FROM doc WHERE id=?");
    bind_int(st, 1, c->doc.id);
    enum err e = conn_next(&b->w, st);
    if (e != ERR_OK)
        return e;
    int64_t kind = col_int(st, 0);
    *version = (uint64_t)col_int(st, 1);
    sqlite3_reset(st);
    if (kind != (int64_t)c->doc.kind)
        return ERR_NOT_FOUND;
    return c->expected_version != 0 && c->expected_version != *version ? ERR_STALE : ERR_OK;
}

static enum err doc_set(struct sqlite_backend *b, const struct doc *d)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DOC_SET,
                                 "UPDATE doc SET key=?2,status=?3,due_ms=?4,purge_ms=?5,body=?6,data=?7,updated_ms=?8,"
                                 "about=?9,version=version+1 WHERE id=?1");
    bind_int(st, 1, d->id);
    bind_text(st, 2, d->key);
    bind_int(st, 3, d->status);
    bind_int(st, 4, d->due_ms);
    bind_int(st, 5, d->purge_ms);
    bind_text(st, 6, d->body);
    bind_blob(st, 7, d->data);
    bind_int(st, 8, d->updated_ms);
    bind_about(st, 9, d->about);
    return conn_run(&b->w, st);
}

static enum err doc_drop(struct sqlite_backend *b, oid_t id)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DOC_DROP, "DELETE FROM doc WHERE id=?");
    bind_int(st, 1, id);
    return conn_run(&b->w, st);
}

/* The version is that which was found. */
static enum err change_write(struct sqlite_backend *b, struct doc_change *c, uint64_t version)
{
    enum err e = ERR_OK;
    switch (c->change) {
    case DOC_CREATE:
        e = doc_put(b, &c->doc);
        break;
    case DOC_UPDATE:
        e = doc_set(b, &c->doc);
        break;
    case DOC_DELETE:
        e = doc_drop(b, c->doc.id);
        break;
    }
    if (e == ERR_OK)
        c->doc.version = version + 1;
    return e;
}

static enum err change_apply(struct sqlite_backend *b, struct doc_change *c)
{
    uint64_t version = 0;
    enum err e = c->change == DOC_CREATE ? ERR_OK : doc_check(b, c, &version);
    return e == ERR_OK ? change_write(b, c, version) : e;
}

/* ---- what is sure to fit ------------------------------------------------------------------------------------------
 */

/* A savepoint copies every page that is written; what is looked at before needs none. */
#define FORESEEN_MAX 16

static enum err key_is_free(struct sqlite_backend *b, const struct doc *d)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DOC_TAKEN,
                                 "SELECT 1 FROM doc INDEXED BY doc_key WHERE kind=? AND app=? AND ref=? AND key=?");
    bind_int(st, 1, d->kind);
    bind_int(st, 2, d->app);
    bind_int(st, 3, d->ref);
    bind_text(st, 4, d->key);
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK)
        sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e == ERR_OK ? ERR_CONFLICT : e;
}

static bool same_key(const struct doc *a, const struct doc *b)
{
    return a->key.ptr != NULL && b->key.ptr != NULL && a->kind == b->kind && a->app == b->app && a->ref == b->ref &&
           str_eq(a->key, b->key);
}

/* Of the disk: then SQLite may have rolled the group back, and nothing more may be written to it. */
static bool is_trouble(enum err e)
{
    return e == ERR_FULL || e == ERR_IO || e == ERR_UNAVAILABLE;
}

/* Whether it fits, also together with those before it. Keys of what is there may only be given up. Trouble only. */
static enum err change_fits(struct sqlite_backend *b, const struct doc_change *changes, size_t i, uint64_t *version,
                            bool *fits)
{
    const struct doc_change *c = &changes[i];
    *fits = false;
    for (size_t k = 0; k < i; k++) {
        if (changes[k].doc.id == c->doc.id || same_key(&changes[k].doc, &c->doc))
            return ERR_OK;
    }
    *version = 0;
    enum err e = doc_check(b, c, version);
    if (c->change != DOC_CREATE) {
        *fits = e == ERR_OK && (c->change == DOC_DELETE || c->doc.key.ptr == NULL);
    } else if (e == ERR_NOT_FOUND && *version == 0) {
        e = c->doc.key.ptr == NULL ? ERR_OK : key_is_free(b, &c->doc);
        *fits = e == ERR_OK;
    }
    return is_trouble(e) ? e : ERR_OK;
}

/* Whether all of them do; nothing is written. Trouble only. */
static enum err are_sure(struct sqlite_backend *b, const struct store_docs *op, uint64_t versions[FORESEEN_MAX],
                         bool *sure)
{
    enum err e = ERR_OK;
    *sure = op->count <= FORESEEN_MAX && op->append_count == 0;
    for (size_t i = 0; *sure && i < op->count; i++)
        e = change_fits(b, op->changes, i, &versions[i], sure);
    return e;
}

static enum err write_all(struct sqlite_backend *b, struct store_docs *op, const uint64_t *versions)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < op->count && e == ERR_OK; i++)
        e = change_write(b, &op->changes[i], versions[i]);
    CHECK(e == ERR_OK || e == ERR_FULL || e == ERR_IO || e == ERR_UNAVAILABLE);
    return e;
}

/* ---- together ------------------------------------------------------------------------------------------------------
 */

enum err docs_apply(struct sqlite_backend *b, struct doc_change *changes, size_t count, size_t *failed_at)
{
    for (size_t i = 0; i < count; i++) {
        enum err e = change_apply(b, &changes[i]);
        if (e != ERR_OK) {
            *failed_at += i;
            return e;
        }
    }
    return ERR_OK;
}

static enum err save(struct sqlite_backend *b)
{
    return conn_run(&b->w, conn_stmt(&b->w, W_DOCS_SAVE, "SAVEPOINT docs"));
}

static enum err settle(struct sqlite_backend *b, enum err e)
{
    if (e == ERR_OK)
        return conn_run(&b->w, conn_stmt(&b->w, W_DOCS_RELEASE, "RELEASE docs"));
    if (e == ERR_FULL || e == ERR_IO)
        return e;
    state_forget(b); /* what a message of it had counted in memory */
    enum err back = conn_exec(&b->w, "ROLLBACK TO docs; RELEASE docs");
    return back == ERR_OK ? e : back;
}

static enum err check_version(struct sqlite_backend *b, const struct store_docs *op)
{
    uint64_t version;
    if (op->app_version == 0)
        return ERR_OK;
    enum err e = state_version(b, op->app, op->env, &version);
    return e == ERR_OK && version != op->app_version ? ERR_STALE : e;
}

enum err sqlite_docs(struct backend *base, struct store_docs *op)
{
    struct sqlite_backend *b = backend_of(base);
    uint64_t versions[FORESEEN_MAX];
    op->failed_at = 0;
    enum err e = check_version(b, op);
    if (e != ERR_OK)
        return e;
    /* One row that is refused leaves nothing behind. */
    if (op->count == 1 && op->append_count == 0)
        return change_apply(b, &op->changes[0]);
    bool sure;
    e = are_sure(b, op, versions, &sure);
    if (e != ERR_OK || sure)
        return e == ERR_OK ? write_all(b, op, versions) : e;
    e = save(b);
    if (e == ERR_OK)
        e = docs_apply(b, op->changes, op->count, &op->failed_at);
    for (size_t i = 0; i < op->append_count && e == ERR_OK; i++) {
        e = append_apply(b, &op->appends[i]);
        if (e != ERR_OK)
            op->failed_at = op->count + i;
    }
    return settle(b, e);
}

enum err sqlite_append(struct backend *base, struct store_append *op)
{
    struct sqlite_backend *b = backend_of(base);
    if (op->doc_count == 0)
        return append_apply(b, op);
    enum err e = save(b);
    if (e == ERR_OK)
        e = append_apply(b, op);
    return settle(b, e);
}

/* A step of the run goes before the run. */
static enum err child_of(struct sqlite_backend *b, oid_t app, oid_t run, oid_t *id)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DOC_CHILD,
                                 "SELECT id FROM doc INDEXED BY doc_ref WHERE kind=? AND app=? AND ref=? LIMIT 1");
    bind_int(st, 1, DOC_STEP);
    bind_int(st, 2, app);
    bind_int(st, 3, run);
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK)
        *id = col_int(st, 0);
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err purge_one(struct sqlite_backend *b, const struct store_sweep *op, sqlite3_stmt *st, bool *gone)
{
    enum err e = conn_next(&b->w, st);
    if (e != ERR_OK) {
        *gone = true;
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    oid_t id = col_int(st, 0), app = col_int(st, 1);
    bool is_run = col_int(st, 2) == DOC_RUN;
    sqlite3_reset(st);
    if (op->rows == 0)
        e = highest_keep(b);
    if (e == ERR_OK && is_run && op->sweep == SWEEP_DOCS)
        e = child_of(b, app, id, &id);
    return e == ERR_OK ? doc_drop(b, id) : e;
}

/* By the time they may be forgotten, or of a workspace, kind after kind: the cursor is the kind. */
enum err docs_sweep(struct sqlite_backend *b, struct store_sweep *op)
{
    enum err e = ERR_OK;
    op->more = true;
    for (op->rows = 0; op->rows < op->rows_max && op->more && e == ERR_OK;) {
        bool gone = false;
        sqlite3_stmt *st;
        if (op->sweep == SWEEP_DOCS) {
            st = conn_stmt(&b->w, W_DOC_PURGE,
                           "SELECT id,app,kind FROM doc INDEXED BY doc_purge WHERE purge_ms>0 AND purge_ms<=? ORDER BY "
                           "purge_ms "
                           "LIMIT 1");
            bind_int(st, 1, op->now_ms);
        } else {
            st = conn_stmt(&b->w, W_DOC_APP,
                           "SELECT id,app,kind FROM doc INDEXED BY doc_ref WHERE kind=? AND app=? LIMIT 1");
            bind_int(st, 1, op->cursor);
            bind_int(st, 2, op->ep);
        }
        e = purge_one(b, op, st, &gone);
        if (!gone)
            op->rows++;
        else if (op->sweep == SWEEP_DOCS || ++op->cursor == DOC_KINDS)
            op->more = false;
    }
    return e;
}
