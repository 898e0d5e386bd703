/* SPDX-License-Identifier: Apache-2.0 */
/* What rows say: cells become values, values a merge patch. */
#include "records/import.h"

#include "records/import_field.h"

/* ---- rows ---------------------------------------------------------------------------------------------------------
 */

/* The next line that is not blank, without its end. */
static enum csv_result next_line(struct csv *c, struct arena *a, struct csv_row *row, const char **why)
{
    while (c->at < c->text.len) {
        struct str rest = str_skip(c->text, c->at), line = str_take(rest, str_find(rest, '\n'));
        *row = (struct csv_row){.line = c->line, .from = c->at, .count = 1};
        if (line.len > CSV_ROW_MAX) {
            *why = "the line is longer than 262,144 bytes";
            return CSV_BAD;
        }
        c->at += line.len < rest.len ? line.len + 1 : line.len;
        c->line++;
        line = str_trim(line);
        if (line.len == 0)
            continue;
        struct str *cell = arena_alloc(a, sizeof *cell);
        *cell = line;
        row->cells = cell;
        return CSV_ROW;
    }
    *row = (struct csv_row){.line = c->line, .from = c->at};
    return CSV_END;
}

enum csv_result import_next(struct csv *c, enum import_format format, struct arena *a, struct csv_row *row,
                            const char **why)
{
    return format == IMPORT_CSV ? csv_next(c, a, row, why) : next_line(c, a, row, why);
}

/* ---- tags ---------------------------------------------------------------------------------------------------------
 */

static const char *tags_of_json(struct arena *a, const struct json *list, struct import_row *out)
{
    if (list == NULL || json_is_null(list))
        return NULL;
    bool fits = list->type == JSON_ARRAY;
    for (const struct json *t = fits ? list->child : NULL; t != NULL; t = t->next)
        fits = fits && t->type == JSON_STRING;
    if (!fits)
        return "tags must be a list of texts";
    struct str *tags = arena_alloc(a, (out->tag_count + list->count + 1) * sizeof *tags);
    for (size_t i = 0; i < out->tag_count; i++)
        tags[i] = out->tags[i];
    for (const struct json *t = list->child; t != NULL; t = t->next)
        tags[out->tag_count++] = t->text;
    out->tags = tags;
    return NULL;
}

/* "a, b; c", or a list as JSON, which may hold what separates. */
static const char *tags_of_cell(struct arena *a, struct str cell, struct import_row *out)
{
    struct json *list;
    cell = str_trim(cell);
    if (cell.len > 0 && cell.ptr[0] == '[')
        return json_parse(a, cell, &list, NULL) == ERR_OK ? tags_of_json(a, list, out) : "tags must be a list of texts";
    size_t most = 1;
    for (size_t i = 0; i < cell.len; i++)
        most += cell.ptr[i] == ',' || cell.ptr[i] == ';';
    struct str *tags = arena_alloc(a, (out->tag_count + most) * sizeof *tags);
    for (size_t i = 0; i < out->tag_count; i++)
        tags[i] = out->tags[i];
    for (size_t i = 0, from = 0; i <= cell.len; i++) {
        if (i < cell.len && cell.ptr[i] != ',' && cell.ptr[i] != ';')
            continue;
        struct str tag = str_trim(str_of(cell.ptr + from, i - from));
        if (tag.len > 0)
            tags[out->tag_count++] = tag;
        from = i + 1;
    }
    out->tags = tags;
    return NULL;
}

/* ---- cells --------------------------------------------------------------------------------------------------------
 */

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (str_eq_nocase(s, str_c(*words)))
            return true;
    }
    return false;
}

/* A value as JSON; what is wrong, or NULL. */
static const char *cell_write(enum import_cell kind, struct str cell, struct json_writer *w)
{
    static const char *const yes[] = {"true", "yes", "1", NULL}, *const no[] = {"false", "no", "0", NULL};
    struct str bare = str_trim(cell);
    struct json_slice v;
    switch (kind) {
    case CELL_NUMBER:
        if (json_check(bare, &v, NULL) != ERR_OK || v.type != JSON_NUMBER)
            return "is no number such as 12 or 9.50";
        json_w_raw(w, bare);
        return NULL;
    case CELL_BOOLEAN:
        if (!is_one_of(bare, yes) && !is_one_of(bare, no))
            return "is neither true nor false";
        json_w_bool(w, is_one_of(bare, yes));
        return NULL;
    case CELL_JSON:
        if (json_check(bare, &v, NULL) != ERR_OK)
            return "is no JSON";
        json_w_raw(w, bare);
        return NULL;
    case CELL_TEXT:
    case CELL_TAGS:
    case CELL_SKIP:
    case CELL_KINDS:
        break;
    }
    json_w_str(w, cell);
    return NULL;
}

struct row_writer {
    struct arena *arena;
    const struct import_options *options;
    const struct record_type *type;
    const struct csv_row *row;
    struct json_writer w;
    const char *why;
};

static struct str cell_of(const struct row_writer *r, const struct import_field *f)
{
    struct str cell = f->column < r->row->count ? r->row->cells[f->column] : STR_NULL;
    return r->options->columns[f->column].cell == CELL_TEXT ? cell : str_trim(cell);
}

/* The beginning of a text, whole characters only. */
static struct str begin_of(struct str s, size_t most)
{
    while (most < s.len && most > 0 && ((unsigned char)s.ptr[most] & 0xC0) == 0x80)
        most--;
    return str_take(s, most);
}

/* Whether the row says anything of a field or what is in it. */
static bool is_said(const struct row_writer *r, const struct import_field *f)
{
    if (f->child == NULL)
        return r->options->clear_empty || cell_of(r, f).len > 0;
    for (const struct import_field *c = f->child; c != NULL; c = c->next) {
        if (is_said(r, c))
            return true;
    }
    return false;
}

static void fields_write(struct row_writer *r, const struct import_field *first, size_t depth)
{
    json_w_object(&r->w);
    for (const struct import_field *f = first; f != NULL && r->why == NULL; f = f->next) {
        if (!is_said(r, f))
            continue;
        json_w_name(&r->w, f->name);
        struct str cell = f->child == NULL ? cell_of(r, f) : STR_NULL;
        if (f->child != NULL) {
            fields_write(r, f->child, depth + 1);
        } else if (cell.len == 0) {
            json_w_null(&r->w);
        } else {
            bool names = depth == 1 && str_eq(f->name, r->type->key);
            const struct import_column *c = &r->options->columns[f->column];
            const char *why = cell_write(c->cell, names ? str_trim(cell) : cell, &r->w);
            if (why != NULL)
                r->why = arena_printf(r->arena, STR_FMT ": \"" STR_FMT "\" %s", STR_ARG(c->name),
                                      STR_ARG(begin_of(cell, 60)), why)
                                 .ptr;
        }
    }
    json_w_object_end(&r->w);
}

static const char *cells_read(struct arena *a, const struct import_options *o, const struct record_type *t,
                              const struct csv_row *row, struct import_row *out)
{
    struct buf text = BUF_INIT((size_t)8 * CSV_ROW_MAX);
    struct row_writer r = {.arena = a, .options = o, .type = t, .row = row, .w = json_writer(&text)};
    struct json *data;
    for (size_t i = o->column_count; i < row->count; i++) {
        if (row->cells[i].len > 0)
            return arena_printf(a, "it has %zu values, the header has %zu", row->count, o->column_count).ptr;
    }
    for (size_t i = 0; i < o->column_count && i < row->count && r.why == NULL; i++) {
        if (o->columns[i].cell == CELL_TAGS)
            r.why = tags_of_cell(a, row->cells[i], out);
    }
    if (r.why == NULL)
        fields_write(&r, o->fields, 1);
    struct str json = arena_str(a, buf_str(&text));
    bool whole = !text.overflow;
    buf_fini(&text);
    if (r.why == NULL && (!whole || json_parse(a, json, &data, NULL) != ERR_OK))
        r.why = "the row is too large, or too deeply nested";
    if (r.why == NULL)
        out->data = data;
    return r.why;
}

/* ---- lines of JSON ------------------------------------------------------------------------------------------------
 */

/* Whether it is a record as answers show it, and not only its data. */
static bool is_record(const struct json *j)
{
    static const char *const names[] = {"id", "type", "key", "data", "tags", "version", "createdAt", "updatedAt"};
    const struct json *data = json_get(j, STR("data"));
    for (const struct json *m = j->child; m != NULL; m = m->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(names) && !str_eq(m->name, str_c(names[i])))
            i++;
        if (i == ARRAY_LEN(names))
            return false;
    }
    return data != NULL && data->type == JSON_OBJECT;
}

/* The object's members without the tags, which are not data. Its text is still all of it. */
static const struct json *without_tags(struct arena *a, const struct json *j)
{
    struct json *copy = arena_alloc(a, sizeof *copy), **last = &copy->child;
    *copy = *j;
    copy->count = 0;
    for (const struct json *m = j->child; m != NULL; m = m->next) {
        if (str_eq(m->name, STR("tags")))
            continue;
        *last = arena_alloc(a, sizeof **last);
        **last = *m;
        last = &(*last)->next;
        copy->count++;
    }
    *last = NULL;
    return copy;
}

static const char *line_read(struct arena *a, struct str line, struct import_row *out)
{
    struct json *j;
    struct json_error error;
    if (json_parse(a, line, &j, &error) != ERR_OK)
        return arena_printf(a, "it is no JSON: %s, at character %zu", error.what, error.column).ptr;
    if (j->type != JSON_OBJECT)
        return "it is no JSON object";
    out->data = is_record(j) ? json_get(j, STR("data")) : without_tags(a, j);
    return tags_of_json(a, json_get(j, STR("tags")), out);
}

const char *import_row_read(struct arena *a, const struct import_options *o, const struct record_type *t,
                            const struct csv_row *row, struct import_row *out)
{
    *out = (struct import_row){.tags = o->tags, .tag_count = o->tag_count};
    const char *why = o->format == IMPORT_CSV ? cells_read(a, o, t, row, out) : line_read(a, row->cells[0], out);
    if (why == NULL)
        out->key = record_key(t, out->data);
    return why;
}
