/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_csv.h"

#include "records/csv.h"
#include "json/write.h"

#define DEPTH_MAX 128

struct field {
    struct str name;
    struct str text;
};

struct fields {
    struct arena *arena;
    struct field *at;
    size_t count;
};

/* ---- a record's fields ------------------------------------------------------------------------------------------- */

/* JSON without the white space between values. */
static struct str compact(struct arena *a, struct str json)
{
    char *out = arena_alloc(a, json.len + 1);
    size_t n = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (c == '"')
            quoted = !quoted;
        if (quoted || (c != ' ' && c != '\n' && c != '\r' && c != '\t'))
            out[n++] = c;
        if (quoted && c == '\\')
            out[n++] = json.ptr[++i];
    }
    return str_of(out, n);
}

/* How many there may be in it, at most. */
static size_t count_fields(const struct json *j, int depth)
{
    size_t n = 1;
    for (const struct json *c = j != NULL && j->type == JSON_OBJECT && depth < DEPTH_MAX ? j->child : NULL; c != NULL;
         c = c->next)
        n += count_fields(c, depth + 1);
    return n;
}

static void flatten(struct fields *f, const struct json *object, struct str before, int depth)
{
    for (const struct json *j = object != NULL ? object->child : NULL; j != NULL; j = j->next) {
        struct str name = arena_printf(f->arena, STR_FMT STR_FMT, STR_ARG(before), STR_ARG(j->name)), text;
        if (j->type == JSON_OBJECT && j->count > 0 && depth < DEPTH_MAX)
            flatten(f, j, arena_printf(f->arena, STR_FMT ".", STR_ARG(name)), depth + 1);
        else if (json_as_str(j, &text))
            f->at[f->count++] = (struct field){name, text};
        else if (!json_is_null(j))
            f->at[f->count++] = (struct field){name, compact(f->arena, j->raw)};
    }
}

static struct fields fields_of(struct arena *a, const struct json *record)
{
    const struct json *data = json_get(record, STR("data"));
    struct fields f = {.arena = a, .at = arena_alloc(a, count_fields(data, 0) * sizeof *f.at)};
    flatten(&f, data, STR(""), 1);
    return f;
}

/* With commas between, or as JSON when one has what would be read as such. */
static struct str tags_of(struct arena *a, const struct json *record)
{
    struct str all = STR(""), tag;
    const struct json *tags = json_get(record, STR("tags"));
    for (const struct json *j = tags != NULL ? tags->child : NULL; j != NULL; j = j->next) {
        if (!json_as_str(j, &tag))
            continue;
        if (str_find(tag, ',') < tag.len || str_find(tag, ';') < tag.len || str_find(tag, '[') < tag.len)
            return compact(a, tags->raw);
        all = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(all), all.len > 0 ? ", " : "", STR_ARG(tag));
    }
    return all;
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static bool only_has(struct str s, const char *chars)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || strchr(chars, s.ptr[i]) == NULL)
            return false;
    }
    return true;
}

static size_t digits_at(struct str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9')
        n++;
    return n;
}

static bool is_number(struct str s)
{
    size_t at = str_starts(s, STR("-")), n = digits_at(s, at);
    bool good = n > 0;
    at += n;
    if (good && at < s.len && s.ptr[at] == '.') {
        n = digits_at(s, at + 1);
        good = n > 0;
        at += 1 + n;
    }
    if (good && at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-'))
            at++;
        n = digits_at(s, at);
        good = n > 0;
        at += n;
    }
    return good && at == s.len;
}

/* What a spreadsheet would take for a formula; numbers and telephone numbers are none. */
static bool is_formula(struct str s)
{
    if (s.len == 0 || is_number(s))
        return false;
    char c = s.ptr[0];
    if (c == '+' || c == '-')
        return !only_has(str_skip(s, 1), "0123456789 ().,/-");
    return c == '=' || c == '@' || c == '\t' || c == '\r';
}

static void add_cell(struct str s, struct buf *out)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len && !quoted; i++)
        quoted = s.ptr[i] == '"' || s.ptr[i] == ',' || s.ptr[i] == '\n' || s.ptr[i] == '\r';
    quoted = quoted || (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' '));
    if (quoted)
        buf_add_c(out, '"');
    if (is_formula(s))
        buf_add_c(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_add_c(out, '"');
        buf_add_c(out, s.ptr[i]);
    }
    if (quoted)
        buf_add_c(out, '"');
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static bool has_column(const struct record_csv *c, struct str name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (str_eq(c->names[i], name))
            return true;
    }
    return false;
}

enum err record_csv_note(struct record_csv *c, struct arena *scratch, const struct json *record)
{
    struct fields f = fields_of(scratch, record);
    if (c->names == NULL)
        c->names = arena_alloc(c->arena, CSV_COLUMNS_MAX * sizeof *c->names);
    for (size_t i = 0; i < f.count; i++) {
        if (has_column(c, f.at[i].name))
            continue;
        if (c->count == CSV_COLUMNS_MAX - 1)
            return ERR_TOO_LARGE;
        c->names[c->count++] = arena_str(c->arena, f.at[i].name);
    }
    return ERR_OK;
}

void record_csv_head(const struct record_csv *c, struct buf *out)
{
    for (size_t i = 0; i < c->count; i++) {
        add_cell(c->names[i], out);
        buf_add_c(out, ',');
    }
    buf_add_str(out, STR("tags\r\n"));
}

void record_csv_row(const struct record_csv *c, struct arena *scratch, const struct json *record, struct buf *out)
{
    struct fields f = fields_of(scratch, record);
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = 0; k < f.count; k++) {
            if (!str_eq(f.at[k].name, c->names[i]))
                continue;
            add_cell(f.at[k].text, out);
            break;
        }
        buf_add_c(out, ',');
    }
    add_cell(tags_of(scratch, record), out);
    buf_add_str(out, STR("\r\n"));
}
