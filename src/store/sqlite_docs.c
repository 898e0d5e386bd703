/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: written together or not at all, listed by what they belong to, found when they are due. */
#include "base/time.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"
#include "sys/clock.h"

#define DOC_COLUMNS "id,kind,app,ref,key,status,due_ms,purge_ms,body,data,created_ms,updated_ms,version,about"
#define DOC_KINDS   16 /* more than there are */
#define DOCS_FEW    16

/* data_max: as in struct doc_query. */
static struct doc row_doc(sqlite3_stmt *st, struct arena *a, size_t data_max)
{
    bool whole = data_max == 0 || (size_t)sqlite3_column_bytes(st, 9) <= data_max;
    return (struct doc){.id = col_int(st, 0),
                        .kind = (enum doc_kind)col_int(st, 1),
                        .app = col_int(st, 2),
                        .ref = col_int(st, 3),
                        .key = arena_str(a, col_str(st, 4)),
                        .status = (int)col_int(st, 5),
                        .due_ms = col_int(st, 6),
                        .purge_ms = col_int(st, 7),
                        .body = arena_str(a, col_str(st, 8)),
                        .data = whole ? arena_str(a, col_str(st, 9)) : STR_NULL,
                        .created_ms = col_int(st, 10),
                        .updated_ms = col_int(st, 11),
                        .version = (uint64_t)col_int(st, 12),
                        .about = col_int(st, 13)};
}

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

/* Whether it fits, also together with those before it. Keys of what is there may only be given up. */
static bool change_fits(struct sqlite_backend *b, const struct doc_change *changes, size_t i, uint64_t *version)
{
    const struct doc_change *c = &changes[i];
    for (size_t k = 0; k < i; k++) {
        if (changes[k].doc.id == c->doc.id || same_key(&changes[k].doc, &c->doc))
            return false;
    }
    *version = 0;
    enum err e = doc_check(b, c, version);
    if (c->change != DOC_CREATE)
        return e == ERR_OK && (c->change == DOC_DELETE || c->doc.key.ptr == NULL);
    return e == ERR_NOT_FOUND && *version == 0 && (c->doc.key.ptr == NULL || key_is_free(b, &c->doc) == ERR_OK);
}

/* Whether all of them do; nothing is written. */
static bool are_sure(struct sqlite_backend *b, const struct store_docs *op, uint64_t versions[FORESEEN_MAX])
{
    bool sure = op->count <= FORESEEN_MAX && op->append_count == 0;
    for (size_t i = 0; sure && i < op->count; i++)
        sure = change_fits(b, op->changes, i, &versions[i]);
    return sure;
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
    if (are_sure(b, op, versions))
        return write_all(b, op, versions);
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

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static enum err doc_take(struct sqlite_reader *r, struct arena *a, sqlite3_stmt *st, struct doc *out)
{
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK) {
        *out = row_doc(st, a, 0);
        sqlite3_reset(st);
    }
    return e;
}

enum err sqlite_get_doc(struct store_reader *base, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_DOC, "SELECT " DOC_COLUMNS " FROM doc WHERE id=? AND kind=?");
    bind_int(st, 1, id);
    bind_int(st, 2, kind);
    return doc_take(r, a, st, out);
}

enum err sqlite_find_doc(struct store_reader *base, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                         struct str key, struct doc *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_DOC_KEY,
                                 "SELECT " DOC_COLUMNS
                                 " FROM doc INDEXED BY doc_key WHERE kind=? AND app=? AND ref=? AND key=?");
    bind_int(st, 1, kind);
    bind_int(st, 2, app);
    bind_int(st, 3, ref);
    bind_text(st, 4, key);
    return doc_take(r, a, st, out);
}

/* The next place of a list that grows: most ask for many and get a few. */
static struct doc *docs_next(struct arena *a, struct doc **list, size_t *count, size_t *room)
{
    if (*count == *room) {
        size_t more = *room == 0 ? DOCS_FEW : 4 * *room;
        struct doc *to = arena_alloc(a, more * sizeof *to);
        if (*count > 0)
            memcpy(to, *list, *count * sizeof *to);
        *list = to;
        *room = more;
    }
    return &(*list)[(*count)++];
}

/* The rows of a statement, at most `limit`. */
static enum err docs_take(struct sqlite_reader *r, struct arena *a, sqlite3_stmt *st, size_t limit, struct doc **out,
                          size_t *count)
{
    enum err e = ERR_OK;
    size_t room = 0;
    for (*out = NULL, *count = 0; *count < limit && e == ERR_OK;) {
        e = conn_next(&r->c, st);
        if (e == ERR_OK)
            *docs_next(a, out, count, &room) = row_doc(st, a, 0);
    }
    if (e == ERR_OK)
        sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

#define LIST    "SELECT " DOC_COLUMNS " FROM doc INDEXED BY doc_ref WHERE kind=?1 AND app=?2 AND ref=?3 AND "
#define ABOUT   "SELECT " DOC_COLUMNS " FROM doc INDEXED BY doc_about WHERE kind=?1 AND app=?2 AND about=?3 AND "
#define UP_TO   "id>?4 ORDER BY id LIMIT ?5"
#define DOWN_TO "id<?4 ORDER BY id DESC LIMIT ?5"

static sqlite3_stmt *list_stmt(struct sqlite_reader *r, const struct doc_query *q)
{
    if (q->about != 0)
        return q->descending ? conn_stmt(&r->c, R_DOCS_ABOUT_DOWN, ABOUT DOWN_TO)
                             : conn_stmt(&r->c, R_DOCS_ABOUT_UP, ABOUT UP_TO);
    return q->descending ? conn_stmt(&r->c, R_DOCS_DOWN, LIST DOWN_TO) : conn_stmt(&r->c, R_DOCS_UP, LIST UP_TO);
}

/* Whether it is one that is asked for: of the others only the status is read. */
static bool doc_fits(const struct doc_query *q, sqlite3_stmt *st)
{
    int64_t status = col_int(st, 5);
    return q->statuses == 0 || (status >= 0 && status < 32 && (q->statuses >> status & 1) != 0);
}

enum err sqlite_list_docs(struct store_reader *base, struct arena *a, const struct doc_query *q, struct doc **out,
                          size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    size_t visited = 0, visit_max = q->statuses != 0 ? q->budget.rows_max : 0;
    int64_t end_ms = clock_mono_ms() + VISIT_MAX_MS;
    oid_t last = 0;
    enum err e = ERR_OK;
    reader_begin(r);
    sqlite3_stmt *st = list_stmt(r, q);
    bind_int(st, 1, q->kind);
    bind_int(st, 2, q->app);
    bind_int(st, 3, q->about != 0 ? q->about : q->ref);
    bind_int(st, 4, q->descending && q->after == 0 ? INT64_MAX : q->after);
    bind_int(st, 5, q->statuses != 0 ? -1 : (int64_t)q->limit);
    size_t room = 0;
    *out = NULL;
    if (q->budget.stopped != NULL)
        *q->budget.stopped = 0;
    for (*count = 0; *count < q->limit && (e = conn_next(&r->c, st)) == ERR_OK; visited++) {
        if (visit_max != 0 && visited > 0 &&
            (visited >= visit_max || (visited % 16 == 0 && clock_mono_ms() > end_ms))) {
            *q->budget.stopped = last;
            break;
        }
        last = col_int(st, 0);
        if (doc_fits(q, st))
            *docs_next(a, out, count, &room) = row_doc(st, a, q->data_max);
    }
    if (e == ERR_OK)
        sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_count_docs(struct store_reader *base, enum doc_kind kind, oid_t app, int64_t ref, size_t most,
                           size_t *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_DOCS_COUNT,
                                 "SELECT count(*) FROM (SELECT 1 FROM doc INDEXED BY doc_ref WHERE kind=? AND app=? "
                                 "AND ref=? LIMIT ?)");
    bind_int(st, 1, kind);
    bind_int(st, 2, app);
    bind_int(st, 3, ref);
    bind_int(st, 4, (int64_t)most);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK) {
        *out = (size_t)col_int(st, 0);
        sqlite3_reset(st);
    }
    return e;
}

/* The first text behind all that begin with the prefix, which is ASCII. */
static struct str behind(struct arena *a, struct str prefix)
{
    char *end = arena_cstr(a, prefix);
    CHECK(prefix.len > 0 && (unsigned char)end[prefix.len - 1] < 0x7f);
    end[prefix.len - 1]++;
    return str_of(end, prefix.len);
}

enum err sqlite_list_docs_by_key(struct store_reader *base, struct arena *a, const struct doc_query *q,
                                 struct str prefix, struct doc **out, size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_DOCS_PREFIX,
                                 "SELECT " DOC_COLUMNS " FROM doc INDEXED BY doc_key"
                                 " WHERE kind=? AND app=? AND ref=? AND key>=? AND key<? ORDER BY key LIMIT ?");
    bind_int(st, 1, q->kind);
    bind_int(st, 2, q->app);
    bind_int(st, 3, q->ref);
    bind_text(st, 4, prefix);
    bind_text(st, 5, behind(a, prefix));
    bind_int(st, 6, (int64_t)q->limit);
    return docs_take(r, a, st, q->limit, out, count);
}

/* ---- what is due --------------------------------------------------------------------------------------------------
 */

static sqlite3_stmt *due_stmt(struct sqlite_reader *r, enum doc_kind kind, oid_t app, size_t limit)
{
    sqlite3_stmt *st = app == DUE_OF_ALL
                               ? conn_stmt(&r->c, R_DUE,
                                           "SELECT id,app,due_ms FROM doc INDEXED BY doc_due WHERE kind=? AND due_ms>0"
                                           " ORDER BY due_ms,id LIMIT ?")
                               : conn_stmt(&r->c, R_DUE_APP,
                                           "SELECT id,app,due_ms FROM doc INDEXED BY doc_turn WHERE kind=?1 AND app=?3"
                                           " AND due_ms>0 ORDER BY due_ms,id LIMIT ?2");
    bind_int(st, 1, kind);
    bind_int(st, 2, (int64_t)limit);
    if (app != DUE_OF_ALL)
        bind_int(st, 3, app);
    return st;
}

enum err sqlite_due(struct store_reader *base, enum doc_kind kind, oid_t app, int64_t until_ms, struct doc_due *out,
                    size_t limit, size_t *count, int64_t *next_ms)
{
    struct sqlite_reader *r = reader_of(base);
    enum err e = ERR_OK;
    size_t n = 0;
    *next_ms = TIME_NEVER;
    reader_begin(r);
    sqlite3_stmt *st = due_stmt(r, kind, app, limit + 1);
    while (*next_ms == TIME_NEVER && (e = conn_next(&r->c, st)) == ERR_OK) {
        int64_t due_ms = col_int(st, 2);
        if (due_ms > until_ms || n == limit)
            *next_ms = due_ms;
        else
            out[n++] = (struct doc_due){.id = col_int(st, 0), .app = col_int(st, 1), .due_ms = due_ms};
    }
    sqlite3_reset(st);
    *count = e == ERR_OK || e == ERR_NOT_FOUND ? n : 0;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_due_app(struct store_reader *base, enum doc_kind kind, oid_t after, struct doc_due *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_DUE_APPS,
                                 "SELECT id,app,due_ms FROM doc INDEXED BY doc_turn WHERE kind=? AND app>? AND due_ms>0"
                                 " ORDER BY app,due_ms,id LIMIT 1");
    bind_int(st, 1, kind);
    bind_int(st, 2, after);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK)
        *out = (struct doc_due){.id = col_int(st, 0), .app = col_int(st, 1), .due_ms = col_int(st, 2)};
    sqlite3_reset(st);
    return e;
}
