/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, read: by what they belong to or are about, by key, when they are due. */
#include "base/time.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"
#include "sys/clock.h"

#define DOCS_FEW 16

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
    size_t visited = 0, visit_max = q->statuses != 0 && q->budget.stopped != NULL ? q->budget.rows_max : 0;
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
