/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of records, all or what is wanted of them, and of their changes. */
#include "api/handler.h"
#include "api/record.h"
#include "api/routes.h"
#include "records/match.h"
#include "sys/clock.h"

/* Records looked at for one page of a list that is filtered, and how long. */
#define WALK_MAX    20000
#define WALK_MAX_MS 100

struct listed {
    const struct record_type *type;
    const struct record *records;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    record_write(api, call, l->type, &l->records[i], w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->records[i].id, doc_prefix(DOC_RECORD));
}

/* Reads what is wanted of a list. False: answered. */
static bool read_match(struct api_call *call, struct record_match *m)
{
    size_t count;
    const struct str *fields = query_values(call, "where", &count);
    *m = (struct record_match){.tag = query_text(call, "tag"),
                               .search = record_fold(call->arena, query_text(call, "search"))};
    for (size_t i = 0; i < count; i++) {
        if (!record_match_field(m, fields[i]))
            problem_add(&call->problems, "query", STR("where"), STR_NULL, "value_error",
                        "must be field:value, at most 10 times");
    }
    return call_fits(call);
}

/* Looks through some records and keeps those that are wanted in the call's arena, at most `max` in all. *ended: there
 * are no more. */
static enum err look_through(struct api_call *call, const struct record_match *m, struct doc_query *q, size_t max,
                             struct record *out, size_t *n, bool *ended)
{
    bool all = record_match_is_empty(m);
    struct arena *a = all ? call->arena : arena_new(65536);
    struct doc *docs;
    struct record r;
    size_t count = 0;
    enum err e = store_list_docs(call->reader, a, q, &docs, &count);
    *ended = e == ERR_OK && count < q->limit;
    for (size_t i = 0; i < count && *n < max && e == ERR_OK; i++) {
        e = record_decode(a, &docs[i], &r);
        if (e != ERR_OK)
            break;
        q->after = docs[i].id;
        if (all) {
            out[(*n)++] = r;
        } else if (record_fits(a, m, &r)) {
            struct doc kept = docs[i];
            kept.key = kept.key.ptr != NULL ? arena_str(call->arena, kept.key) : STR_NULL;
            kept.body = arena_str(call->arena, kept.body);
            e = record_decode(call->arena, &kept, &out[*n]);
            *n += e == ERR_OK ? 1 : 0;
        }
    }
    if (!all)
        arena_free(a);
    return e;
}

void record_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct page page;
    struct record_match m;
    size_t n = 0;
    bool ended = false;
    int64_t until_ms = clock_mono_ms() + WALK_MAX_MS;
    if (!read_match(call, &m) || !record_call_type(api, call, &app, &t) ||
        !page_read(api, call, doc_prefix(DOC_RECORD), PAGE_DESCENDING, &page))
        return;
    struct record *records = arena_alloc(call->arena, (page.limit + 1) * sizeof *records);
    struct doc_query q = {.kind = DOC_RECORD,
                          .app = app.id,
                          .ref = t.ref,
                          .descending = page_asks_descending(&page),
                          .after = page.at,
                          .limit = page.limit + 1};
    for (size_t seen = 0; n <= page.limit && !ended && seen < WALK_MAX && (seen == 0 || clock_mono_ms() < until_ms);
         seen += q.limit) {
        enum err e = look_through(call, &m, &q, page.limit + 1, records, &n, &ended);
        if (e == ERR_UNAVAILABLE && seen > 0)
            break; /* a read took too long: the page ends where it stands */
        if (!answer_ok(call, e))
            return;
    }
    if (n <= page.limit && !ended)
        page.stopped = api_id(api, call, q.after, doc_prefix(DOC_RECORD));
    struct listed l = {&t, records};
    answer_page(api, call, &(struct page_items){&page, n, &l, write_item, name_item});
}

/* ---- history ------------------------------------------------------------------------------------------------------
 */

static void write_change(const struct api *api, struct api_call *call, const void *items, size_t i,
                         struct json_writer *w)
{
    const struct doc *d = (const struct doc *)items + i;
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, d->id, doc_prefix(DOC_CHANGE)));
    json_w_time_at(w, "at", d->created_ms);
    /* The rest as it was written: its members, without the braces. */
    buf_add_c(w->out, ',');
    buf_add_str(w->out, str_take(str_skip(d->body, 1), d->body.len - 2));
    json_w_object_end(w);
}

static struct str name_change(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct doc *)items)[i].id, doc_prefix(DOC_CHANGE));
}

/* Also of a record that was deleted, by its id. */
void record_history(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct record r;
    struct doc d, *docs;
    struct page page;
    size_t count;
    oid_t id = 0;
    bool is_there = true;
    if (!record_call_type(api, call, &app, &t))
        return;
    if (oid_parse(call->params[2], doc_prefix(DOC_RECORD), api->id_key, &id) != ERR_OK) {
        if (!record_call(api, call, &app, &t, &d, &r))
            return;
        id = d.id;
    } else {
        enum err e = store_get_doc(call->reader, call->arena, DOC_RECORD, id, &d);
        is_there = e == ERR_OK && d.app == app.id;
        if (e == ERR_OK && d.ref != t.ref) {
            answer_error(call, ERR_NOT_FOUND, "no such record");
            return;
        }
    }
    if (!page_read(api, call, doc_prefix(DOC_CHANGE), PAGE_DESCENDING, &page))
        return;
    struct doc_query q = {.kind = DOC_CHANGE,
                          .app = app.id,
                          .ref = id,
                          .descending = page_asks_descending(&page),
                          .after = page.at,
                          .limit = page.limit + 1};
    if (!answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return;
    /* What is not there and has no history is none of this workspace, or was deleted long ago. */
    if (count == 0 && page.at == 0 && !is_there)
        answer_error(call, ERR_NOT_FOUND, "no such record");
    else
        answer_page(api, call, &(struct page_items){&page, count, docs, write_change, name_change});
}
