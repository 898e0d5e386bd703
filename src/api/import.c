/* SPDX-License-Identifier: Apache-2.0 */
/* What there is of an import: stored, read, shown, forgotten. */
#include "api/import.h"

#include "base/log.h"

#define STATE_STATUS 1 /* of the state's document; parts have 0 */
#define FORGET_PAGE  16

/* ---- the state ----------------------------------------------------------------------------------------------------
 */

#define AT(member) offsetof(struct import_state, member)
#define NUMBER(text, member)                                                                                           \
    {                                                                                                                  \
        .name = text, .kind = FIELD_MS, .at = AT(member)                                                               \
    }
static const struct field fields[] = {
        {.name = "type", .kind = FIELD_TEXT, .at = AT(type)},
        {.name = "file", .kind = FIELD_TEXT, .at = AT(file)},
        {.name = "dryRun", .kind = FIELD_BOOL, .at = AT(dry_run)},
        NUMBER("bytes", bytes),
        NUMBER("rows", rows),
        NUMBER("at", at),
        NUMBER("line", line),
        NUMBER("doneBytes", done_bytes),
        NUMBER("processed", processed),
        NUMBER("created", created),
        NUMBER("updated", updated),
        NUMBER("unchanged", unchanged),
        NUMBER("skipped", skipped),
        NUMBER("failed", failed),
        NUMBER("listed", listed),
        {.name = "errors", .kind = FIELD_TEXT, .at = AT(errors)},
};
#undef AT

static struct str text_of(struct arena *a, struct buf *out)
{
    CHECK(!out->overflow);
    struct str s = arena_str(a, buf_str(out));
    buf_fini(out);
    return s;
}

struct doc import_state_doc(struct arena *a, const struct import_state *s, oid_t app, oid_t task, int64_t now_ms)
{
    struct buf out = BUF_INIT((size_t)1 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(fields, ARRAY_LEN(fields), s, &w);
    json_w_object_end(&w);
    return (struct doc){.id = s->id,
                        .kind = DOC_IMPORT,
                        .app = app,
                        .ref = task,
                        .key = STR("state"),
                        .status = STATE_STATUS,
                        .purge_ms = now_ms + IMPORT_KEEP_MS,
                        .body = text_of(a, &out),
                        .created_ms = now_ms,
                        .updated_ms = now_ms};
}

enum err import_state_load(struct store_reader *r, struct arena *a, oid_t app, oid_t task, struct import_state *out)
{
    struct doc d;
    struct json *body;
    enum err e = store_find_doc(r, a, DOC_IMPORT, app, task, STR("state"), &d);
    if (e != ERR_OK)
        return e;
    *out = (struct import_state){.id = d.id, .version = d.version};
    if (json_parse(a, d.body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, fields, ARRAY_LEN(fields), FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

void import_error_add(struct arena *a, struct import_state *s, int64_t line, struct str key, const char *why)
{
    struct buf out = BUF_INIT((size_t)64 << 10);
    struct json_writer w = json_writer(&out);
    s->failed++;
    if (s->listed >= IMPORT_ERRORS_MAX)
        return;
    json_w_object(&w);
    json_w_i64_at(&w, "line", line);
    json_w_opt_str_at(&w, "key", str_take(key, RECORD_KEY_MAX));
    json_w_str_at(&w, "reason", str_take(str_c(why), 500));
    json_w_object_end(&w);
    struct str item = text_of(a, &out);
    s->errors = s->errors.len > 0 ? arena_printf(a, STR_FMT "," STR_FMT, STR_ARG(s->errors), STR_ARG(item)) : item;
    s->listed++;
}

/* ---- the order ----------------------------------------------------------------------------------------------------
 */

static struct str order_key(struct arena *a, oid_t task)
{
    return arena_printf(a, "%lld", (long long)task);
}

struct doc import_order_doc(struct arena *a, const struct import_order *o, oid_t app, oid_t task, int64_t now_ms)
{
    struct buf out = BUF_INIT((size_t)4 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_name(&w, STR("options"));
    import_options_write(&o->options, &w);
    json_w_raw_at(&w, "actor", o->actor.ptr != NULL ? o->actor : STR("null"));
    json_w_object_end(&w);
    return (struct doc){.kind = DOC_IMPORT,
                        .app = app,
                        .key = order_key(a, task),
                        .purge_ms = now_ms + IMPORT_KEEP_MS,
                        .body = text_of(a, &out),
                        .created_ms = now_ms,
                        .updated_ms = now_ms};
}

enum err import_order_load(struct store_reader *r, struct arena *a, oid_t app, oid_t task, struct import_order *out)
{
    struct doc d;
    struct json *body;
    enum err e = store_find_doc(r, a, DOC_IMPORT, app, 0, order_key(a, task), &d);
    if (e != ERR_OK)
        return e;
    if (json_parse(a, d.body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    const struct json *actor = json_get(body, STR("actor"));
    out->actor = actor != NULL && actor->type == JSON_OBJECT ? actor->raw : STR_NULL;
    return import_options_read(a, json_get(body, STR("options")), &out->options);
}

/* ---- the end ------------------------------------------------------------------------------------------------------
 */

static enum err drop(struct api *api, oid_t app, const struct doc *docs, size_t count)
{
    struct doc_change changes[FORGET_PAGE];
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = app, .changes = changes};
    for (size_t i = 0; i < count; i++) {
        if (docs[i].status != STATE_STATUS)
            changes[op.count++] = (struct doc_change){.change = DOC_DELETE, .doc = docs[i]};
    }
    return op.count > 0 ? store_run(api->store, &op.op) : ERR_OK;
}

void import_forget(struct api *api, struct store_reader *r, oid_t app, oid_t task)
{
    /* From the end: a step under way takes the first part for the one that its state is in. */
    struct doc_query q = {.kind = DOC_IMPORT, .app = app, .ref = task, .descending = true, .limit = FORGET_PAGE};
    size_t count = FORGET_PAGE;
    enum err e = ERR_OK;
    while (e == ERR_OK && count == FORGET_PAGE) {
        struct arena *a = arena_new(65536);
        struct doc *docs;
        e = store_list_docs(r, a, &q, &docs, &count);
        if (e == ERR_OK && count > 0) {
            q.after = docs[count - 1].id;
            e = drop(api, app, docs, count);
        }
        arena_free(a);
    }
    struct arena *a = arena_new(4096);
    struct doc order;
    if (store_find_doc(r, a, DOC_IMPORT, app, 0, order_key(a, task), &order) == ERR_OK)
        e = drop(api, app, &order, 1);
    arena_free(a);
    if (e != ERR_OK)
        log_warn("import_not_forgotten", LOG_INT("task", task), LOG_CSTR("error", err_text(e)));
}

/* ---- as it is shown -----------------------------------------------------------------------------------------------
 */

static int percent_of(const struct task *t, const struct import_state *s)
{
    if (t->status == TASK_FINISHED)
        return 100;
    return s->bytes > 0 ? (int)(s->done_bytes * 99 / s->bytes) : 0;
}

enum err import_write(struct api_call *call, const struct task *t, bool whole, struct json_writer *w)
{
    struct import_state s = {0};
    enum err e = import_state_load(call->reader, call->arena, t->app, t->id, &s);
    if (e != ERR_OK && e != ERR_NOT_FOUND) /* not found: its workspace is gone */
        return e;
    json_w_opt_str_at(w, "type", s.type);
    json_w_opt_str_at(w, "file", s.file);
    json_w_bool_at(w, "dryRun", s.dry_run);
    json_w_i64_at(w, "rows", s.rows);
    json_w_i64_at(w, "processed", s.processed);
    json_w_i64_at(w, "created", s.created);
    json_w_i64_at(w, "updated", s.updated);
    json_w_i64_at(w, "unchanged", s.unchanged);
    json_w_i64_at(w, "skipped", s.skipped);
    json_w_i64_at(w, "failed", s.failed);
    json_w_i64_at(w, "percent", percent_of(t, &s));
    if (whole)
        json_w_raw_at(w, "errors", arena_printf(call->arena, "[" STR_FMT "]", STR_ARG(s.errors)));
    return ERR_OK;
}
