/* SPDX-License-Identifier: Apache-2.0 */
/* A file of records comes in: looked through, stored in parts, and a task begins. */
#include "api/handler.h"
#include "api/import.h"
#include "api/routes.h"

#define PARTS_AT_ONCE 4    /* written in one commit */
#define SCAN_RESET    1024 /* rows, after which what they took is given back */
#define FILE_NAME_MAX 256

/* ---- the query ----------------------------------------------------------------------------------------------------
 */

static void query_problem(struct api_call *call, const char *name, const char *what)
{
    problem_add(&call->problems, "query", str_c(name), STR_NULL, "value_error", "%s", what);
}

/* One of a few words; its number, the first when it is absent. */
static int query_word(struct api_call *call, const char *name, const char *const *words, size_t count, const char *what)
{
    struct str s = query_text(call, name);
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(s, str_c(words[i])))
            return (int)i;
    }
    if (s.len > 0)
        query_problem(call, name, what);
    return 0;
}

static char read_separator(struct api_call *call)
{
    static const char *const names[] = {"auto", "comma", "semicolon", "tab", "pipe"};
    static const char chars[] = {'\0', ',', ';', '\t', '|'};
    struct str s = query_text(call, "separator");
    for (size_t i = 1; i < sizeof chars; i++) {
        if (s.len == 1 && s.ptr[0] == chars[i])
            return chars[i];
    }
    return chars[query_word(call, "separator", names, ARRAY_LEN(names), "must be auto, comma, semicolon, tab or pipe")];
}

/* What the file is: the query says it, else its type, else how it begins. False: answered. */
static bool read_format(struct api_call *call, struct str text, struct import_options *o)
{
    static const char *const formats[] = {"auto", "csv", "jsonl"};
    struct str type = call_header(call, STR("Content-Type"));
    int given = query_word(call, "format", formats, ARRAY_LEN(formats), "must be csv or jsonl");
    if (str_starts_nocase(type, STR("multipart/")) ||
        str_starts_nocase(type, STR("application/x-www-form-urlencoded"))) {
        answer_error(call, ERR_MEDIA_TYPE, "send the file itself as the body, as text/csv or application/x-ndjson");
        return false;
    }
    struct str begin = str_trim(text);
    bool json = begin.len > 0 && begin.ptr[0] == '{';
    if (str_starts_nocase(type, STR("text/csv")))
        json = false;
    else if (str_starts_nocase(type, STR("application/x-ndjson")) || str_starts_nocase(type, STR("application/jsonl")))
        json = true;
    o->format = given == 1 || (given == 0 && !json) ? IMPORT_CSV : IMPORT_JSONL;
    return true;
}

static void read_options(struct api_call *call, const struct record_type *t, struct import_options *o)
{
    static const char *const modes[] = {"upsert", "create", "update"}, *const empty[] = {"keep", "clear"};
    o->mode = (enum import_mode)query_word(call, "mode", modes, ARRAY_LEN(modes), "must be upsert, create or update");
    o->clear_empty = query_word(call, "empty", empty, ARRAY_LEN(empty), "must be keep or clear") == 1;
    o->dry_run = query_bool(call, "dry_run", false);
    o->tags = query_values(call, "tag", &o->tag_count);
    if (o->mode == IMPORT_UPDATE && t->key.len == 0)
        query_problem(call, "mode", "cannot be update: records of this type have no key");
    for (size_t i = 0; i < o->tag_count; i++) {
        if (o->tags[i].len == 0 || o->tags[i].len > RECORD_TAG_MAX || o->tag_count > RECORD_TAGS_MAX)
            query_problem(call, "tag", "must have 1 to 128 bytes, and be one of at most 100");
    }
}

/* ---- the file -----------------------------------------------------------------------------------------------------
 */

static void answer_file(struct api_call *call, int64_t line, const char *why)
{
    struct str detail = line > 0 ? arena_printf(call->arena, "line %lld: %s", (long long)line, why) : str_c(why);
    answer_error(call, ERR_SYNTAX, arena_cstr(call->arena, detail));
}

/* The text of the body, UTF-8 without a mark. False: answered. */
static bool read_text(struct api_call *call, struct str *out)
{
    struct str text = call->body;
    if (str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff"))) {
        answer_file(call, 0, "the file is UTF-16: save it as UTF-8");
        return false;
    }
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    bool good = str_is_utf8(text);
    int64_t line = 0;
    for (struct str rest = text; rest.len > 0 && !good;) {
        line++;
        if (!str_is_utf8(str_split(&rest, '\n'))) {
            answer_file(call, line, "is not UTF-8: save the file as UTF-8");
            return false;
        }
    }
    *out = text;
    return true;
}

struct file {
    struct csv at;     /* behind the header */
    struct str *parts; /* slices of the text */
    size_t part_count;
    struct import_state state;
};

/* The header, and what its columns mean. False: answered. */
static bool read_header(struct api_call *call, const struct record_type *t, struct file *f, struct import_options *o)
{
    struct csv_row header;
    const char *why = NULL;
    size_t count;
    const struct str *map = query_values(call, "map", &count);
    if (o->format == IMPORT_JSONL) {
        if (count > 0)
            query_problem(call, "map", "is for CSV: lines of JSON name their fields");
        return call_fits(call);
    }
    if (o->separator == '\0')
        o->separator = csv_separator(f->at.text);
    f->at.separator = o->separator;
    switch (csv_next(&f->at, call->arena, &header, &why)) {
    case CSV_ROW:
        break;
    case CSV_END:
        why = "the file is empty: its first line must name the columns";
        header.line = 0;
        break;
    case CSV_BAD:
        break;
    }
    if (why != NULL) {
        answer_file(call, header.line, why);
        return false;
    }
    why = import_columns(call->arena, &header, map, count, t, o);
    if (why != NULL)
        query_problem(call, "map", why);
    return call_fits(call);
}

/* Goes through all rows and cuts the file between them. False: answered. */
static bool scan(struct api_call *call, const struct import_options *o, struct file *f)
{
    struct arena *a = arena_new(65536);
    struct csv c = f->at;
    struct csv_row row;
    const char *why = NULL;
    size_t begin = c.at;
    enum csv_result got;
    f->parts = arena_alloc(call->arena, ((c.text.len - begin) / IMPORT_PART_BYTES + 1) * sizeof *f->parts);
    while ((got = import_next(&c, o->format, a, &row, &why)) == CSV_ROW) {
        if (row.from - begin >= IMPORT_PART_BYTES) {
            f->parts[f->part_count++] = str_of(c.text.ptr + begin, row.from - begin);
            begin = row.from;
        }
        if (++f->state.rows % SCAN_RESET == 0)
            arena_reset(a);
    }
    f->parts[f->part_count++] = str_skip(c.text, begin);
    arena_free(a);
    if (got == CSV_BAD)
        answer_file(call, row.line, why);
    else if (f->state.rows == 0)
        answer_file(call, 0, o->format == IMPORT_CSV ? "the file has no rows below its header" : "the file is empty");
    return got == CSV_END && f->state.rows > 0;
}

/* ---- storing ------------------------------------------------------------------------------------------------------
 */

static enum err store_parts(struct api *api, struct api_call *call, oid_t app, oid_t task, const struct file *f)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < f->part_count && e == ERR_OK;) {
        struct doc_change changes[PARTS_AT_ONCE];
        struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = app, .changes = changes};
        for (; i < f->part_count && op.count < PARTS_AT_ONCE; i++)
            changes[op.count++] = (struct doc_change){.change = DOC_CREATE,
                                                      .doc = {.id = oid_next(api->oids, call->now_ms),
                                                              .kind = DOC_IMPORT,
                                                              .app = app,
                                                              .ref = task,
                                                              .purge_ms = call->now_ms + IMPORT_KEEP_MS,
                                                              .body = STR("{}"),
                                                              .data = f->parts[i],
                                                              .created_ms = call->now_ms,
                                                              .updated_ms = call->now_ms}};
        e = store_run(api->store, &op.op);
    }
    return e;
}

/* Stores all there is of it, then the task. False: answered, and what was stored is gone again. */
static bool begin(struct api *api, struct api_call *call, const struct import_options *o, struct file *f,
                  struct task *t)
{
    struct import_order order = {.options = *o, .actor = api_actor(api, call->arena, &call->who)};
    struct doc_change changes[2] = {{.change = DOC_CREATE}, {.change = DOC_CREATE}};
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = t->app, .changes = changes, .count = 2};
    t->id = oid_next(api->oids, call->now_ms);
    f->state.id = oid_next(api->oids, call->now_ms);
    f->state.line = f->at.line;
    f->state.bytes = (int64_t)(f->at.text.len - f->at.at);
    f->state.dry_run = o->dry_run;
    changes[0].doc = import_state_doc(call->arena, &f->state, t->app, t->id, call->now_ms);
    changes[1].doc = import_order_doc(call->arena, &order, t->app, t->id, call->now_ms);
    changes[1].doc.id = oid_next(api->oids, call->now_ms);
    enum err e = store_run(api->store, &op.op);
    if (e == ERR_OK)
        e = store_parts(api, call, t->app, t->id, f);
    bool begun = answer_ok(call, e) && task_start(api, call, t, NULL);
    if (!begun)
        import_forget(api, call->reader, t->app, t->id);
    return begun;
}

/* False: answered. */
static bool may_begin(struct api_call *call, oid_t app)
{
    size_t running;
    if (!answer_ok(call, store_count_docs(call->reader, DOC_IMPORT, app, 0, IMPORTS_MAX, &running)))
        return false;
    if (running == IMPORTS_MAX)
        answer_error(call, ERR_CONFLICT, "10 imports are under way in this workspace: wait until one has ended");
    return running < IMPORTS_MAX;
}

void record_import(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct import_options o = {.separator = '\0'};
    struct file f = {.at = {.line = 1}};
    struct task task = {.kind = TASK_IMPORT};
    if (!record_call_type(api, call, &app, &t) || !read_text(call, &f.at.text) || !read_format(call, f.at.text, &o))
        return;
    read_options(call, &t, &o);
    o.separator = read_separator(call);
    f.state.file = str_take(query_text(call, "file"), FILE_NAME_MAX);
    f.state.type = t.name;
    if (!call_fits(call) || !read_header(call, &t, &f, &o) || !scan(call, &o, &f) || !may_begin(call, app.id))
        return;
    task.env = call->env;
    task.app = app.id;
    if (begin(api, call, &o, &f, &task))
        task_answer(api, call, 202, &task);
}

/* ---- afterwards ---------------------------------------------------------------------------------------------------
 */

void record_import_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type type;
    struct task t;
    if (record_call_type(api, call, &app, &type) && task_find(api, call, call->params[2], TASK_IMPORT, app.id, &t))
        task_answer(api, call, 200, &t);
}

void record_import_cancel(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type type;
    struct task t;
    if (record_call_type(api, call, &app, &type) && task_find(api, call, call->params[2], TASK_IMPORT, app.id, &t))
        task_cancel(api, call, &t);
}
