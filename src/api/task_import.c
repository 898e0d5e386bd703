/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of an import: some rows at a time become records, each time in one commit with how far it is. */
#include "api/import.h"
#include "sys/clock.h"

#define STEP_MS     100
#define BATCH_ROWS  100
#define BATCH_BYTES ((size_t)128 << 10) /* of the file */
#define TRIES       20

/* What a step works with. */
struct import {
    struct task_run *run;
    oid_t app;
    oid_t task;
    struct import_order order;
    struct record_type type;
    struct str via; /* the task's id as texts have it */
};

/* Some rows, on their way into one commit. */
struct batch {
    const struct import *im;
    struct arena *arena;
    struct plan plan;
    struct import_state state; /* as it will be */
    struct str keys[BATCH_ROWS];
    size_t count;
};

/* ---- one row ------------------------------------------------------------------------------------------------------
 */

static bool is_in(const struct batch *b, struct str key)
{
    for (size_t i = 0; i < b->count; i++) {
        if (str_eq(b->keys[i], key))
            return true;
    }
    return false;
}

/* Whether the mode leaves such a row alone. */
static bool leaves(enum import_mode mode, bool is_there)
{
    return (mode == IMPORT_CREATE && is_there) || (mode == IMPORT_UPDATE && !is_there);
}

static enum err row_change(struct batch *b, int64_t line, const struct import_row *row, const struct doc *was)
{
    const struct import *im = b->im;
    const struct record_edit edit = {.merge = row->data, .add_tags = row->tags, .add_count = row->tag_count};
    struct record before, after;
    struct record_fault fault;
    bool changed = false;
    enum err e;
    if (!im->order.options.dry_run) {
        e = record_plan(&b->plan, &im->type, was, &edit, &after, &changed, &fault);
    } else {
        e = was != NULL ? record_decode(b->arena, was, &before) : ERR_OK;
        fault = (struct record_fault){.field = "data", .why = "the stored record cannot be read"};
        if (e == ERR_OK)
            e = record_apply(b->arena, &im->type, was != NULL ? &before : NULL, &edit, &after, &changed, &fault);
    }
    if (e == ERR_INVALID) {
        struct str why = fault.at.len > 0 ? arena_printf(b->arena, STR_FMT ": %s", STR_ARG(fault.at), fault.why)
                                          : str_c(fault.why);
        import_error_add(b->arena, &b->state, line, row->key, why.ptr);
        return ERR_OK;
    }
    b->state.created += e == ERR_OK && was == NULL;
    b->state.updated += e == ERR_OK && was != NULL && changed;
    b->state.unchanged += e == ERR_OK && was != NULL && !changed;
    return e;
}

/* *again: the row is about a record that is in the batch already, and must wait for its commit. */
static enum err row_do(struct batch *b, const struct csv_row *raw, bool *again)
{
    const struct import *im = b->im;
    struct import_row row;
    struct doc was;
    const char *why = import_row_read(b->arena, &im->order.options, &im->type, raw, &row);
    *again = why == NULL && row.key.len > 0 && is_in(b, row.key);
    if (*again)
        return ERR_OK;
    b->keys[b->count++] = why == NULL ? row.key : STR_NULL;
    b->state.processed++;
    if (why == NULL && im->type.key.len > 0 && row.key.len == 0 && im->order.options.mode != IMPORT_CREATE)
        why = arena_printf(b->arena, STR_FMT ", which names the record, is empty", STR_ARG(im->type.key)).ptr;
    if (why != NULL) {
        import_error_add(b->arena, &b->state, raw->line, STR_NULL, why);
        return ERR_OK;
    }
    enum err e = row.key.len == 0
                         ? ERR_NOT_FOUND
                         : store_find_doc(im->run->reader, b->arena, DOC_RECORD, im->app, im->type.ref, row.key, &was);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (leaves(im->order.options.mode, e == ERR_OK)) {
        b->state.skipped++;
        return ERR_OK;
    }
    return row_change(b, raw->line, &row, e == ERR_OK ? &was : NULL);
}

/* ---- a batch ------------------------------------------------------------------------------------------------------
 */

/* Rows of a part from where the state stands; the part goes when it is done. */
static enum err rows_do(struct batch *b, const struct doc *part, size_t rows_max)
{
    struct csv c = {.text = part->data,
                    .at = (size_t)b->state.at,
                    .line = b->state.line,
                    .separator = b->im->order.options.separator};
    size_t from = c.at;
    enum err e = ERR_OK;
    while (e == ERR_OK && b->count < rows_max && c.at - from < BATCH_BYTES) {
        struct csv before = c;
        struct csv_row row;
        const char *why;
        bool again = false;
        enum csv_result got = import_next(&c, b->im->order.options.format, b->arena, &row, &why);
        if (got == CSV_BAD)
            return ERR_INTERNAL; /* it was looked through when it came */
        if (got == CSV_END)
            break;
        e = row_do(b, &row, &again);
        if (again) {
            c = before;
            break;
        }
    }
    bool ended = c.at >= part->data.len;
    b->state.done_bytes += (int64_t)(c.at - from);
    b->state.line = c.line;
    b->state.at = ended ? 0 : (int64_t)c.at;
    if (ended)
        plan_change(&b->plan, DOC_DELETE, part, part->version);
    return e;
}

/* ERR_STALE, ERR_CONFLICT: somebody else changed one of the records meanwhile. */
static enum err batch_once(const struct import *im, struct import_state *s, size_t rows_max, struct arena *a,
                           bool *done)
{
    struct task_run *r = im->run;
    struct batch b = {.im = im,
                      .arena = a,
                      .plan = {.api = r->api,
                               .reader = r->reader,
                               .arena = a,
                               .app = im->app,
                               .now_ms = r->now_ms,
                               .actor = im->order.actor,
                               .via = im->via},
                      .state = *s};
    struct doc_query q = {.kind = DOC_IMPORT, .app = im->app, .ref = im->task, .after = s->id, .limit = 1};
    struct doc *part;
    size_t count = 0;
    enum err e = store_list_docs(r->reader, a, &q, &part, &count);
    *done = e == ERR_OK && count == 0;
    if (e != ERR_OK || *done)
        return e;
    e = rows_do(&b, part, rows_max);
    struct doc state = import_state_doc(a, &b.state, im->app, im->task, r->now_ms);
    plan_change(&b.plan, DOC_UPDATE, &state, s->version);
    if (e == ERR_OK)
        e = plan_commit(&b.plan, NULL);
    if (e != ERR_OK)
        return e;
    bool same = str_eq(b.state.errors, s->errors);
    b.state.errors = same ? s->errors : arena_str(r->arena, b.state.errors);
    b.state.version++;
    *s = b.state;
    return ERR_OK;
}

/* With fewer rows each time that somebody came between. Not found: a record that was deleted meanwhile, or, if it stays
 * so, the workspace. */
static enum err batch(const struct import *im, struct import_state *s, bool *done)
{
    size_t rows_max = BATCH_ROWS;
    enum err e = ERR_STALE;
    for (int i = 0; i < TRIES && (e == ERR_STALE || e == ERR_CONFLICT || e == ERR_NOT_FOUND); i++) {
        struct arena *a = arena_new((size_t)1 << 20);
        e = batch_once(im, s, rows_max, a, done);
        arena_free(a);
        rows_max = rows_max > 4 ? rows_max / 4 : 1;
    }
    return e == ERR_STALE || e == ERR_CONFLICT ? ERR_BUSY : e;
}

/* ---- a step -------------------------------------------------------------------------------------------------------
 */

/* False: *e is a store error, or the task cannot go on and says why. */
static bool prepare(struct task_run *r, struct task *t, const struct import_state *s, struct import *im, enum err *e)
{
    struct object o;
    struct app app;
    struct schema_fault fault;
    char id[OID_TEXT_SIZE];
    *im = (struct import){.run = r, .app = t->app, .task = t->id};
    oid_format(t->id, "qtask_", r->api->id_key, id);
    im->via = arena_str(r->arena, str_c(id));
    *e = store_get_object(r->reader, r->arena, OBJ_APP, t->app, &o);
    if (*e == ERR_NOT_FOUND || (*e == ERR_OK && o.deleted_ms != 0)) {
        t->error = STR("the workspace was deleted");
        *e = ERR_OK;
        return false;
    }
    if (*e == ERR_OK)
        *e = app_decode(r->arena, &o, &app);
    if (*e == ERR_OK)
        *e = record_type_find(r->reader, r->arena, &app, s->type, &im->type);
    if (*e == ERR_NOT_FOUND || (*e == ERR_OK && record_type_compile(r->arena, &im->type, &fault) != ERR_OK)) {
        t->error = STR("the workspace has no such type of records any more");
        *e = ERR_OK;
        return false;
    }
    return *e == ERR_OK;
}

enum err task_step_import(struct task_run *r, struct task *t, bool *more)
{
    struct import im;
    struct import_state s;
    int64_t until_ms = clock_mono_ms() + STEP_MS;
    bool done = false;
    enum err e = import_state_load(r->reader, r->arena, t->app, t->id, &s);
    bool goes_on = e == ERR_OK && prepare(r, t, &s, &im, &e);
    if (goes_on)
        e = import_order_load(r->reader, r->arena, t->app, t->id, &im.order);
    if (goes_on && e == ERR_NOT_FOUND) { /* forgotten: it had ended before a crash */
        e = ERR_OK;
        goes_on = false;
    }
    while (goes_on && e == ERR_OK && !done && clock_mono_ms() < until_ms)
        e = batch(&im, &s, &done);
    if (e == ERR_NOT_FOUND) { /* its documents, or all of it */
        t->error = STR("the workspace was deleted");
        e = ERR_OK;
        done = true;
    } else if (e == ERR_OK) {
        t->processed = s.processed;
        t->skipped = s.skipped;
        t->done = s.created + s.updated;
    }
    *more = goes_on && !done;
    if ((e == ERR_OK && !*more) || (e != ERR_OK && !err_may_retry(e)))
        import_forget(r->api, r->reader, t->app, t->id);
    return e;
}
