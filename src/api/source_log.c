/* SPDX-License-Identifier: Apache-2.0 */
/* What a source received, and what became of it: the requests that its trigger keeps (trigger_request.h). */
#include "api/routes.h"
#include "api/source.h"
#include "api/trigger_request.h"

#define LOG_PREFIX    "log"
#define PAYLOAD_SHOWN ((size_t)16384) /* bytes of a payload; the message has all of it */

struct entry {
    struct request r;
    struct str payload;
};

struct listed {
    struct str source;
    const struct entry *entries;
};

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->entries[i].r.id, LOG_PREFIX);
}

/* A header that came several times is a list where it is kept. */
static void write_headers(struct api_call *call, struct str kept, struct json_writer *w)
{
    struct json *tree = NULL;
    json_w_name(w, STR("headers"));
    json_w_object(w);
    if (json_parse(call->arena, kept, &tree, NULL) != ERR_OK)
        tree = NULL;
    for (const struct json *m = tree != NULL ? tree->child : NULL; m != NULL; m = m->next) {
        struct str value = m->text;
        for (const struct json *v = m->type == JSON_ARRAY ? m->child : NULL; v != NULL; v = v->next)
            value = v == m->child ? v->text
                                  : arena_printf(call->arena, STR_FMT ", " STR_FMT, STR_ARG(value), STR_ARG(v->text));
        json_w_name(w, m->name);
        json_w_str(w, value);
    }
    json_w_object_end(w);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    const struct entry *e = &l->entries[i];
    json_w_object(w);
    json_w_str_at(w, "id", name_item(api, call, items, i));
    json_w_str_at(w, "source_id", l->source);
    json_w_i64_at(w, "status_code", e->r.status);
    json_w_str_at(w, "error_text", e->r.why.ptr != NULL ? e->r.why : STR(""));
    json_w_str_at(w, "method", e->r.method);
    json_w_opt_str_at(w, "msgId", e->r.message != 0 ? api_id(api, call, e->r.message, "msg_") : STR_NULL);
    write_headers(call, e->r.headers, w);
    json_w_str_at(w, "payload", e->payload);
    json_w_time_at(w, "created_at", e->r.received_ms);
    json_w_time_at(w, "updated_at", e->r.received_ms);
    json_w_object_end(w);
}

/* The beginning of the payload of a message; it stays null when that is gone. */
static enum err read_payload(struct api_call *call, oid_t app, oid_t msg, struct str *out)
{
    struct message m;
    struct arena *scratch = arena_new(PAYLOAD_SHOWN);
    enum err e = store_get_message(call->reader, scratch, app, msg, true, &m);
    if (e == ERR_OK && m.payload.ptr != NULL)
        *out = arena_str(call->arena, str_take(m.payload, PAYLOAD_SHOWN));
    arena_free(scratch);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_entry(struct api_call *call, const struct source *s, const struct doc *d, struct entry *out)
{
    enum err e = request_decode(call->arena, d, &out->r);
    if (e != ERR_OK)
        return e;
    out->payload = out->r.body.ptr != NULL ? out->r.body : STR("");
    if (out->r.message == 0 || out->r.outcome == REQUEST_DUPLICATE)
        return ERR_OK;
    return read_payload(call, s->app, out->r.message, &out->payload);
}

void source_log_list(struct api *api, struct api_call *call)
{
    struct object o;
    struct source s;
    struct page page;
    struct doc *docs;
    size_t count;
    if (!call_source(api, call, &o, &s) || !page_read(api, call, LOG_PREFIX, PAGE_DESCENDING, &page))
        return;
    struct doc_query q = {.kind = DOC_REQUEST,
                          .app = s.app,
                          .ref = s.trigger,
                          .descending = page_asks_descending(&page),
                          .after = page.at,
                          .limit = page.limit + 1};
    if (!answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return;
    struct entry *entries = arena_alloc(call->arena, (count + 1) * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, read_entry(call, &s, &docs[i], &entries[i])))
            return;
    }
    struct listed l = {.source = api_id(api, call, s.id, object_prefix(OBJ_SOURCE)), .entries = entries};
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
}
