/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's documents. Looked for row by row: it is a model, not a database. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/store_mem.h"

static struct doc copy(struct arena *a, const struct doc *d)
{
    struct doc c = *d;
    c.key = arena_str(a, d->key);
    c.body = arena_str(a, d->body);
    c.data = arena_str(a, d->data);
    return c;
}

static const struct doc *doc_at(const struct mem_store *m, size_t i)
{
    return &((const struct mem_doc *)(const void *)m->docs.at[i])->doc;
}

static const struct doc *find(const struct mem_store *m, enum doc_kind kind, oid_t app, int64_t ref, struct str key)
{
    for (size_t i = 0; i < m->docs.len; i++) {
        const struct doc *d = doc_at(m, i);
        if (d->kind == kind && d->app == app && d->ref == ref && d->key.ptr != NULL && str_eq(d->key, key))
            return d;
    }
    return NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void put(struct mem_store *m, struct row *was, const struct doc *d)
{
    struct mem_doc *is = row_new(sizeof *is, d->body.len + d->data.len + 256, d->id, 0);
    is->doc = copy(is->row.arena, d);
    rows_change(&m->log, &m->docs, was, &is->row);
}

static bool key_taken(const struct mem_store *m, const struct doc *d)
{
    const struct doc *holder = d->key.ptr != NULL ? find(m, d->kind, d->app, d->ref, d->key) : NULL;
    return holder != NULL && holder->id != d->id;
}

static enum err change_apply(struct mem_store *m, struct doc_change *c)
{
    struct row *was = rows_get(&m->docs, c->doc.id, 0);
    struct doc d = c->doc;
    d.version = 1;
    if (c->change == DOC_CREATE) {
        if (was != NULL || key_taken(m, &d))
            return ERR_CONFLICT;
        put(m, NULL, &d);
        c->doc.version = d.version;
        return ERR_OK;
    }
    const struct doc *have = was != NULL ? &((const struct mem_doc *)(const void *)was)->doc : NULL;
    if (have == NULL || have->kind != d.kind)
        return ERR_NOT_FOUND;
    if (c->expected_version != 0 && c->expected_version != have->version)
        return ERR_STALE;
    d.app = have->app;
    d.ref = have->ref;
    d.created_ms = have->created_ms;
    d.version = have->version + 1;
    if (c->change == DOC_UPDATE && key_taken(m, &d))
        return ERR_CONFLICT;
    if (c->change == DOC_UPDATE)
        put(m, was, &d);
    else
        rows_change(&m->log, &m->docs, was, NULL);
    c->doc.version = d.version;
    return ERR_OK;
}

enum err mem_docs_apply(struct mem_store *m, struct doc_change *changes, size_t count, size_t *failed_at)
{
    for (size_t i = 0; i < count; i++) {
        enum err e = change_apply(m, &changes[i]);
        if (e != ERR_OK) {
            *failed_at += i;
            return e;
        }
    }
    return ERR_OK;
}

enum err mem_docs(struct backend *b, struct store_docs *op)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    size_t mark = m->log.len;
    op->failed_at = 0;
    if (op->app_version != 0 && mem_app_version(m, op->app) != op->app_version)
        return ERR_STALE;
    enum err e = mem_docs_apply(m, op->changes, op->count, &op->failed_at);
    for (size_t i = 0; i < op->append_count && e == ERR_OK; i++) {
        e = mem_append(b, &op->appends[i]);
        if (e != ERR_OK)
            op->failed_at = op->count + i;
    }
    if (e != ERR_OK)
        changes_undo(&m->log, mark);
    return e;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static struct mem_store *store_read(struct store_reader *r)
{
    struct mem_store *m = ((struct mem_reader *)(void *)r)->store;
    CHECK(pthread_rwlock_rdlock(&m->lock) == 0);
    return m;
}

static enum err store_done(struct mem_store *m, enum err e)
{
    CHECK(pthread_rwlock_unlock(&m->lock) == 0);
    return e;
}

enum err mem_read_get_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_doc *d = (const struct mem_doc *)(const void *)rows_get(&m->docs, id, 0);
    if (d == NULL || d->doc.kind != kind)
        return store_done(m, ERR_NOT_FOUND);
    *out = copy(a, &d->doc);
    return store_done(m, ERR_OK);
}

enum err mem_read_find_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                           struct str key, struct doc *out)
{
    struct mem_store *m = store_read(r);
    const struct doc *d = find(m, kind, app, ref, key);
    if (d != NULL)
        *out = copy(a, d);
    return store_done(m, d != NULL ? ERR_OK : ERR_NOT_FOUND);
}

/* In the place that is asked for, and behind where the list is to go on. */
static bool is_listed(const struct doc_query *q, const struct doc *d)
{
    bool here = q->about != 0 ? d->about == q->about : d->ref == q->ref;
    bool behind = q->after == 0 || (q->descending ? d->id < q->after : d->id > q->after);
    return d->kind == q->kind && d->app == q->app && here && behind;
}

enum err mem_read_list_docs(struct store_reader *r, struct arena *a, const struct doc_query *q, struct doc **out,
                            size_t *count)
{
    struct mem_store *m = store_read(r);
    size_t visited = 0;
    oid_t last = 0;
    *out = arena_alloc(a, (q->limit + 1) * sizeof **out);
    *count = 0;
    if (q->budget.stopped != NULL)
        *q->budget.stopped = 0;
    for (size_t n = 0; n < m->docs.len && *count < q->limit; n++) {
        const struct doc *d = doc_at(m, q->descending ? m->docs.len - 1 - n : n);
        if (!is_listed(q, d))
            continue;
        if (q->statuses != 0 && q->budget.stopped != NULL && q->budget.rows_max != 0 && visited >= q->budget.rows_max) {
            *q->budget.stopped = last;
            break;
        }
        visited++;
        last = d->id;
        if (q->statuses != 0 && (d->status < 0 || d->status >= 32 || (q->statuses >> d->status & 1) == 0))
            continue;
        (*out)[*count] = copy(a, d);
        if (q->data_max != 0 && d->data.len > q->data_max)
            (*out)[*count].data = STR_NULL;
        (*count)++;
    }
    return store_done(m, ERR_OK);
}

enum err mem_read_count_docs(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t ref, size_t most,
                             size_t *out)
{
    struct mem_store *m = store_read(r);
    *out = 0;
    for (size_t i = 0; i < m->docs.len && *out < most; i++) {
        const struct doc *d = doc_at(m, i);
        *out += d->kind == kind && d->app == app && d->ref == ref ? 1 : 0;
    }
    return store_done(m, ERR_OK);
}

static int compare_due(const void *a, const void *b)
{
    const struct doc *const *x = a, *const *y = b;
    if ((*x)->due_ms != (*y)->due_ms)
        return (*x)->due_ms < (*y)->due_ms ? -1 : 1;
    return (*x)->id < (*y)->id ? -1 : 1;
}

static bool is_due(const struct doc *d, enum doc_kind kind, oid_t app)
{
    return d->kind == kind && d->due_ms > 0 && (app == DUE_OF_ALL || d->app == app);
}

enum err mem_read_due(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t until_ms, struct doc_due *out,
                      size_t limit, size_t *count, int64_t *next_ms)
{
    struct mem_store *m = store_read(r);
    const struct doc **due = mem_alloc((m->docs.len + 1) * sizeof *due); /* NOLINT(bugprone-sizeof-expression) */
    size_t n = 0;
    for (size_t i = 0; i < m->docs.len; i++) {
        if (is_due(doc_at(m, i), kind, app))
            due[n++] = doc_at(m, i);
    }
    if (n > 1)
        qsort(due, n, sizeof *due, compare_due); /* NOLINT(bugprone-sizeof-expression) */
    for (*count = 0; *count < n && *count < limit && due[*count]->due_ms <= until_ms; (*count)++)
        out[*count] = (struct doc_due){.id = due[*count]->id, .app = due[*count]->app, .due_ms = due[*count]->due_ms};
    *next_ms = *count < n ? due[*count]->due_ms : TIME_NEVER;
    free(due);
    return store_done(m, ERR_OK);
}

enum err mem_read_due_app(struct store_reader *r, enum doc_kind kind, oid_t after, struct doc_due *out)
{
    struct mem_store *m = store_read(r);
    const struct doc *best = NULL;
    for (size_t i = 0; i < m->docs.len; i++) {
        const struct doc *d = doc_at(m, i);
        if (!is_due(d, kind, DUE_OF_ALL) || d->app <= after || (best != NULL && d->app > best->app))
            continue;
        if (best == NULL || d->app < best->app || compare_due(&d, &best) < 0)
            best = d;
    }
    if (best != NULL)
        *out = (struct doc_due){.id = best->id, .app = best->app, .due_ms = best->due_ms};
    return store_done(m, best != NULL ? ERR_OK : ERR_NOT_FOUND);
}

static int compare_key(const void *a, const void *b)
{
    const struct doc *x = a, *y = b;
    return str_cmp(x->key, y->key);
}

enum err mem_read_list_docs_by_key(struct store_reader *r, struct arena *a, const struct doc_query *q,
                                   struct str prefix, struct doc **out, size_t *count)
{
    struct mem_store *m = store_read(r);
    *out = arena_alloc(a, (m->docs.len + 1) * sizeof **out);
    size_t n = 0;
    for (size_t i = 0; i < m->docs.len; i++) {
        const struct doc *d = doc_at(m, i);
        if (d->kind == q->kind && d->app == q->app && d->ref == q->ref && d->key.ptr != NULL &&
            str_starts(d->key, prefix))
            (*out)[n++] = copy(a, d);
    }
    if (n > 1)
        qsort(*out, n, sizeof **out, compare_key);
    *count = n < q->limit ? n : q->limit;
    return store_done(m, ERR_OK);
}
