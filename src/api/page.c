/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of lists. The iterator of a page is the name of its last item; behind a '-' the page before it is meant. One
 * item more than the page is asked for, to know whether it was the last. A filtered list may end early, even with
 * nothing: `done` is false then, and the iterator says where it goes on.
 */
#include "api/handler.h"
#include "base/time.h"

#define WINDOW_MS (90 * TIME_DAY_MS)

void page_iterator(const struct api *api, struct api_call *call, const char *where, struct str at, const char *prefix,
                   struct page *p)
{
    p->back = at.len > 0 && at.ptr[0] == '-';
    at = str_skip(at, p->back ? 1 : 0);
    if (at.len == 0)
        return;
    bool fits = prefix != NULL ? oid_parse(at, prefix, api->id_key, &p->at) == ERR_OK : chars_fit(CHARS_ID, at);
    p->at_name = at;
    if (!fits || at.len > 256)
        problem_add(&call->problems, where, STR("iterator"), STR_NULL, "value_error", "is not one of this list");
}

bool page_read(const struct api *api, struct api_call *call, const char *prefix, enum page_order order,
               struct page *out)
{
    struct page p = {.descending = order != PAGE_ASCENDING};
    p.limit = (size_t)query_int(call, "limit", 1, 250, 50);
    if (order != PAGE_NEWEST) {
        struct str by = query_text(call, "order");
        if (str_eq(by, STR("ascending")) || str_eq(by, STR("descending")))
            p.descending = str_eq(by, STR("descending"));
        else if (by.len > 0)
            problem_add(&call->problems, "query", STR("order"), STR_NULL, "value_error",
                        "must be ascending or descending");
    }
    page_iterator(api, call, "query", query_text(call, "iterator"), prefix, &p);
    if (!call_fits(call))
        return false;
    *out = p;
    return true;
}

/* A page that ended early goes on where it stopped, also when nothing was found so far. */
static void stop_names(const struct page_items *p, struct str *first, struct str *last)
{
    if (p->page->back || first->ptr == NULL)
        *first = p->page->stopped;
    if (!p->page->back || last->ptr == NULL)
        *last = p->page->stopped;
}

void answer_page(const struct api *api, struct api_call *call, const struct page_items *p)
{
    size_t n = p->count < p->page->limit ? p->count : p->page->limit;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < n; i++)
        p->write(api, call, p->items, p->page->back ? n - 1 - i : i, &w);
    json_w_array_end(&w);
    struct str first = STR_NULL, last = STR_NULL;
    if (n > 0) {
        first = p->name(api, call, p->items, p->page->back ? n - 1 : 0);
        last = p->name(api, call, p->items, p->page->back ? 0 : n - 1);
    }
    bool cut = p->page->stopped.ptr != NULL && p->count <= p->page->limit;
    if (cut)
        stop_names(p, &first, &last);
    if (first.ptr != NULL)
        first = arena_printf(call->arena, "-" STR_FMT, STR_ARG(first));
    json_w_opt_str_at(&w, "iterator", last);
    json_w_opt_str_at(&w, "prevIterator", first);
    json_w_bool_at(&w, "done", p->count <= p->page->limit && !cut);
    json_w_object_end(&w);
    if (call->out.overflow)
        answer_error(call, ERR_TOO_LARGE, "the page is too large; ask for fewer items or with_content=false");
}

void page_bounds(const struct page *p, int64_t before_ms, int64_t after_ms, int64_t now_ms, oid_t *before, oid_t *after)
{
    int64_t base = p->at != 0 ? oid_time_ms(p->at) : now_ms;
    if (before_ms == 0 && after_ms == 0) {
        after_ms = base - WINDOW_MS;
        before_ms = base + WINDOW_MS;
    }
    *before = before_ms > OID_EPOCH_MS ? oid_at_ms(before_ms) : before_ms != 0;
    *after = after_ms > OID_EPOCH_MS ? oid_at_ms(after_ms) : 0;
    if (p->at == 0)
        return;
    if (p->back)
        *after = p->at > *after ? p->at : *after;
    else
        *before = *before == 0 || p->at < *before ? p->at : *before;
}

enum err list_objects(struct api_call *call, enum object_kind kind, oid_t env, oid_t app, const struct page *p,
                      struct object **out, size_t *count)
{
    struct object_query q = {.kind = kind,
                             .env = env,
                             .app = app,
                             .descending = page_asks_descending(p),
                             .after = p->at,
                             .limit = p->limit + 1};
    if (env == 0) {
        *count = 0;
        return ERR_OK;
    }
    return store_list_objects(call->reader, call->arena, &q, out, count);
}
