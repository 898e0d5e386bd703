/* SPDX-License-Identifier: Apache-2.0 */
/* Which column goes where: by its name, by what the request says, by the type's schema. And how that is stored. */
#include "records/import_field.h"

static const char *const cell_names[CELL_KINDS] = {"text", "number", "boolean", "json", "tags", "skip"};
static const char *const formats[] = {"csv", "jsonl"};
static const char *const modes[] = {"upsert", "create", "update"};

/* The index of a word; `count` when it is none of them. */
static size_t word_at(const char *const *words, size_t count, struct str s)
{
    size_t i = 0;
    while (i < count && !str_eq(s, str_c(words[i])))
        i++;
    return i;
}

/* ---- the tree -----------------------------------------------------------------------------------------------------
 */

static struct import_field *enter(struct arena *a, struct import_field **first, struct str name)
{
    while (*first != NULL && !str_eq((*first)->name, name))
        first = &(*first)->next;
    if (*first != NULL)
        return *first;
    *first = arena_alloc(a, sizeof **first);
    **first = (struct import_field){.name = name, .column = SIZE_MAX};
    return *first;
}

const char *import_fields(struct arena *a, struct import_options *o)
{
    struct import_field *root = NULL;
    for (size_t i = 0; i < o->column_count; i++) {
        const struct import_column *c = &o->columns[i];
        struct import_field **first = &root, *f = NULL;
        bool clash = false;
        if (c->cell == CELL_TAGS || c->cell == CELL_SKIP)
            continue;
        for (size_t k = 0; k < c->depth; k++, first = &f->child) {
            f = enter(a, first, c->path[k]);
            clash = clash || f->column != SIZE_MAX;
        }
        if (f == NULL || clash || f->child != NULL)
            return arena_printf(a, "the column \"" STR_FMT "\" goes where another one goes", STR_ARG(c->name)).ptr;
        f->column = i;
    }
    o->fields = root;
    return NULL;
}

/* ---- from the header ----------------------------------------------------------------------------------------------
 */

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.len > 0;
}

/* The names between the dots. A header's own dots count only between plain names: "Co. Name" is one. */
static bool path_read(struct arena *a, struct str field, bool mapped, struct import_column *c)
{
    struct str *path = arena_alloc(a, IMPORT_PATH_MAX * sizeof *path), rest = field;
    bool nested = true;
    size_t n = 0;
    do {
        struct str part = str_split(&rest, '.');
        nested = nested && n < IMPORT_PATH_MAX && part.len > 0 && (mapped || is_plain(part));
        if (nested)
            path[n++] = part;
    } while (nested && rest.len > 0);
    nested = nested && field.ptr[field.len - 1] != '.';
    if (!nested && mapped)
        return false;
    if (!nested) {
        path[0] = field;
        n = 1;
    }
    c->path = path;
    c->depth = n;
    return true;
}

/* What the schema says of the field, if it says it plainly. */
static enum import_cell cell_of_schema(const struct json *schema, const struct import_column *c)
{
    struct str type;
    for (size_t i = 0; i < c->depth; i++)
        schema = json_get(json_get(schema, STR("properties")), c->path[i]);
    if (!json_as_str(json_get(schema, STR("type")), &type))
        return CELL_TEXT;
    if (str_eq(type, STR("number")) || str_eq(type, STR("integer")))
        return CELL_NUMBER;
    if (str_eq(type, STR("boolean")))
        return CELL_BOOLEAN;
    return str_eq(type, STR("object")) || str_eq(type, STR("array")) ? CELL_JSON : CELL_TEXT;
}

static size_t last_colon(struct str s)
{
    size_t i = s.len;
    while (i > 0 && s.ptr[i - 1] != ':')
        i--;
    return i > 0 ? i - 1 : s.len;
}

/* "column:field[:kind]" from its end, since a column's name may hold colons. */
static const char *map_read(struct arena *a, struct str item, struct str *column, struct str *field, struct str *kind)
{
    size_t at = last_colon(item);
    *kind = STR_NULL;
    if (at < item.len && word_at(cell_names, CELL_SKIP, str_skip(item, at + 1)) < CELL_SKIP &&
        last_colon(str_take(item, at)) < at) {
        *kind = str_skip(item, at + 1);
        item = str_take(item, at);
        at = last_colon(item);
    }
    if (at == item.len)
        return arena_printf(a, "\"" STR_FMT "\" is not of the form column:field or column:field:kind", STR_ARG(item))
                .ptr;
    *column = str_take(item, at);
    *field = str_skip(item, at + 1);
    return NULL;
}

/* What was said of a column. */
struct said {
    bool at_all;
    bool kind;
};

/* The column that an item means: of two of the same name the one of which nothing was said yet. */
static size_t column_named(const struct import_options *o, const struct said *said, struct str name)
{
    size_t first = o->column_count;
    for (size_t i = 0; i < o->column_count; i++) {
        if (!str_eq(o->columns[i].name, name))
            continue;
        if (!said[i].at_all)
            return i;
        first = first < i ? first : i;
    }
    return first;
}

static const char *column_map(struct arena *a, struct str item, struct import_options *o, struct said *said)
{
    struct str column = STR_NULL, field = STR_NULL, kind = STR_NULL;
    const char *why = map_read(a, item, &column, &field, &kind);
    if (why != NULL)
        return why;
    size_t i = column_named(o, said, column);
    if (i == o->column_count)
        return arena_printf(a, "there is no column \"" STR_FMT "\"", STR_ARG(column)).ptr;
    struct import_column *c = &o->columns[i];
    size_t cell = kind.ptr != NULL ? word_at(cell_names, CELL_SKIP, kind) : CELL_TEXT;
    said[i].at_all = true;
    said[i].kind = said[i].kind || kind.ptr != NULL || field.len == 0;
    c->cell = (enum import_cell)cell;
    c->depth = 0;
    if (cell == CELL_TAGS)
        return field.len == 0 ? NULL : "tags go to no field: column::tags";
    if (field.len == 0) {
        c->cell = CELL_SKIP;
        return kind.ptr == NULL ? NULL : arena_printf(a, "\"" STR_FMT "\" goes to no field", STR_ARG(column)).ptr;
    }
    if (!path_read(a, field, true, c))
        return arena_printf(a, "\"" STR_FMT "\" is no field: names with dots between them, at most 8", STR_ARG(field))
                .ptr;
    return NULL;
}

/* The last column that is called "tags" holds them: those before it are fields, which an export puts first. */
static size_t tags_column(const struct csv_row *header)
{
    size_t i = header->count;
    while (i > 0 && !str_eq_nocase(str_trim(header->cells[i - 1]), STR("tags")))
        i--;
    return i > 0 ? i - 1 : header->count;
}

static const char *header_read(struct arena *a, const struct csv_row *header, struct import_options *o)
{
    size_t tags = tags_column(header);
    o->columns = arena_zalloc(a, (header->count + 1) * sizeof *o->columns);
    o->column_count = header->count;
    for (size_t i = 0; i < header->count; i++) {
        struct import_column *c = &o->columns[i];
        c->name = str_trim(header->cells[i]);
        for (size_t k = 0; k < i && c->name.len > 0 && i != tags; k++) {
            if (str_eq(o->columns[k].name, c->name))
                return arena_printf(a, "two columns are called \"" STR_FMT "\"", STR_ARG(c->name)).ptr;
        }
        if (c->name.len == 0)
            c->cell = CELL_SKIP;
        else if (i == tags)
            c->cell = CELL_TAGS;
        else
            (void)path_read(a, c->name, false, c);
    }
    return NULL;
}

/* Without the key no row would find its record. */
static const char *check_key(struct arena *a, const struct record_type *t, const struct import_options *o)
{
    if (t->key.len == 0 || o->mode == IMPORT_CREATE)
        return NULL;
    for (const struct import_field *f = o->fields; f != NULL; f = f->next) {
        if (f->child == NULL && str_eq(f->name, t->key))
            return NULL;
    }
    return arena_printf(a,
                        "no column goes to \"" STR_FMT "\", which names the records: if it has another name in the "
                        "file, map that to it, as COLUMN:" STR_FMT,
                        STR_ARG(t->key), STR_ARG(t->key))
            .ptr;
}

const char *import_columns(struct arena *a, const struct csv_row *header, const struct str *map, size_t map_count,
                           const struct record_type *t, struct import_options *o)
{
    struct json *schema = NULL;
    const char *why = header_read(a, header, o);
    struct said *said = arena_zalloc(a, (header->count + 1) * sizeof *said);
    if (why != NULL)
        return why;
    if (t->schema.ptr != NULL && json_parse(a, t->schema, &schema, NULL) != ERR_OK)
        schema = NULL;
    for (size_t i = 0; i < map_count && why == NULL; i++)
        why = column_map(a, map[i], o, said);
    for (size_t i = 0; i < o->column_count && why == NULL; i++) {
        struct import_column *c = &o->columns[i];
        if (c->cell == CELL_TEXT && !said[i].kind)
            c->cell = cell_of_schema(schema, c);
    }
    if (why == NULL)
        why = import_fields(a, o);
    return why != NULL ? why : check_key(a, t, o);
}

/* ---- stored form --------------------------------------------------------------------------------------------------
 */

static void names_write(struct json_writer *w, const char *name, const struct str *items, size_t count)
{
    json_w_name(w, str_c(name));
    json_w_array(w);
    for (size_t i = 0; i < count; i++)
        json_w_str(w, items[i]);
    json_w_array_end(w);
}

void import_options_write(const struct import_options *o, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "format", str_c(formats[o->format]));
    json_w_str_at(w, "mode", str_c(modes[o->mode]));
    json_w_i64_at(w, "separator", o->separator);
    json_w_bool_at(w, "clearEmpty", o->clear_empty);
    json_w_bool_at(w, "dryRun", o->dry_run);
    names_write(w, "tags", o->tags, o->tag_count);
    json_w_name(w, STR("columns"));
    json_w_array(w);
    for (size_t i = 0; i < o->column_count; i++) {
        const struct import_column *c = &o->columns[i];
        json_w_object(w);
        json_w_str_at(w, "name", c->name);
        json_w_str_at(w, "kind", str_c(cell_names[c->cell]));
        names_write(w, "path", c->path, c->depth);
        json_w_object_end(w);
    }
    json_w_array_end(w);
    json_w_object_end(w);
}

static const struct str *names_read(struct arena *a, const struct json *list, size_t *count)
{
    *count = 0;
    if (list == NULL || list->type != JSON_ARRAY)
        return NULL;
    struct str *names = arena_alloc(a, (list->count + 1) * sizeof *names);
    for (const struct json *c = list->child; c != NULL; c = c->next)
        names[(*count)++] = c->text;
    return names;
}

enum err import_options_read(struct arena *a, const struct json *j, struct import_options *out)
{
    struct str format = STR_NULL, mode = STR_NULL, kind = STR_NULL;
    int64_t separator = 0;
    const struct json *columns = json_get(j, STR("columns"));
    *out = (struct import_options){0};
    (void)json_as_str(json_get(j, STR("format")), &format);
    (void)json_as_str(json_get(j, STR("mode")), &mode);
    (void)json_as_i64(json_get(j, STR("separator")), &separator);
    (void)json_as_bool(json_get(j, STR("clearEmpty")), &out->clear_empty);
    (void)json_as_bool(json_get(j, STR("dryRun")), &out->dry_run);
    out->tags = names_read(a, json_get(j, STR("tags")), &out->tag_count);
    size_t f = word_at(formats, ARRAY_LEN(formats), format), m = word_at(modes, ARRAY_LEN(modes), mode);
    if (f == ARRAY_LEN(formats) || m == ARRAY_LEN(modes) || columns == NULL || columns->type != JSON_ARRAY)
        return ERR_INVALID;
    out->format = (enum import_format)f;
    out->mode = (enum import_mode)m;
    out->separator = (char)separator;
    out->columns = arena_zalloc(a, (columns->count + 1) * sizeof *out->columns);
    for (const struct json *c = columns->child; c != NULL; c = c->next) {
        struct import_column *to = &out->columns[out->column_count++];
        (void)json_as_str(json_get(c, STR("name")), &to->name);
        (void)json_as_str(json_get(c, STR("kind")), &kind);
        to->cell = (enum import_cell)word_at(cell_names, CELL_KINDS, kind);
        to->path = names_read(a, json_get(c, STR("path")), &to->depth);
    }
    return import_fields(a, out) == NULL ? ERR_OK : ERR_INVALID;
}
