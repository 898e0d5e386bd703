/* SPDX-License-Identifier: Apache-2.0 */
#include "records/csv.h"

/* A row in the making: cells grow in the arena. */
struct cells {
    struct arena *arena;
    struct str *items;
    size_t count;
    size_t cap;
};

static void cell_add(struct cells *c, struct str cell)
{
    if (c->count == c->cap) {
        size_t wider = c->cap == 0 ? 16 : 2 * c->cap;
        struct str *more = arena_alloc(c->arena, wider * sizeof *more);
        if (c->count > 0)
            memcpy(more, c->items, c->count * sizeof *more);
        c->items = more;
        c->cap = wider;
    }
    c->items[c->count++] = cell;
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

/* Behind the end of a line that stands at `at`. */
static size_t line_end(struct str text, size_t at)
{
    return at + 1 < text.len && text.ptr[at] == '\r' && text.ptr[at + 1] == '\n' ? at + 2 : at + 1;
}

static size_t lines_in(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\n' || (s.ptr[i] == '\r' && (i + 1 == s.len || s.ptr[i + 1] != '\n'));
    return n;
}

/* Without the second of two quotes. */
static struct str unquoted(struct arena *a, struct str s, size_t doubled)
{
    if (doubled == 0)
        return s;
    char *to = arena_alloc(a, s.len);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        to[n++] = s.ptr[i];
        i += s.ptr[i] == '"' ? 1 : 0;
    }
    return str_of(to, n);
}

/* A cell that begins with a quote, at c->at; *at goes behind its end. */
static const char *quoted_cell(struct csv *c, size_t *at, size_t limit, struct cells *cells)
{
    size_t from = *at + 1, i = from, doubled = 0;
    for (; i < limit; i++) {
        if (c->text.ptr[i] != '"')
            continue;
        if (i + 1 >= c->text.len || c->text.ptr[i + 1] != '"')
            break;
        doubled++;
        i++;
    }
    if (i >= limit)
        return limit < c->text.len ? "the row is longer than 262,144 bytes: is a quote not closed?"
                                   : "a quote is opened and never closed";
    struct str inside = str_of(c->text.ptr + from, i - from);
    c->line += (int64_t)lines_in(inside);
    *at = i + 1;
    if (*at < c->text.len && c->text.ptr[*at] != c->separator && !ends_line(c->text.ptr[*at]))
        return "something follows a closing quote: a quote within a quoted value is written twice";
    cell_add(cells, unquoted(cells->arena, inside, doubled));
    return NULL;
}

static const char *plain_cell(const struct csv *c, size_t *at, size_t limit, struct cells *cells)
{
    size_t from = *at;
    while (*at < limit && c->text.ptr[*at] != c->separator && !ends_line(c->text.ptr[*at]))
        (*at)++;
    if (*at == limit && limit < c->text.len)
        return "the row is longer than 262,144 bytes";
    cell_add(cells, str_of(c->text.ptr + from, *at - from));
    return NULL;
}

/* The cells of the row at c->at, which goes behind it. */
static const char *row_read(struct csv *c, struct cells *cells)
{
    size_t at = c->at, limit = c->text.len - at > CSV_ROW_MAX ? at + CSV_ROW_MAX : c->text.len;
    for (;;) {
        const char *why = at < c->text.len && c->text.ptr[at] == '"' ? quoted_cell(c, &at, limit, cells)
                                                                     : plain_cell(c, &at, limit, cells);
        if (why != NULL)
            return why;
        if (cells->count > CSV_COLUMNS_MAX)
            return "a row has at most 1,000 values";
        if (at >= c->text.len || ends_line(c->text.ptr[at]))
            break;
        at++; /* the separator */
    }
    c->at = at < c->text.len ? line_end(c->text, at) : at;
    c->line++;
    return NULL;
}

enum csv_result csv_next(struct csv *c, struct arena *a, struct csv_row *row, const char **why)
{
    while (c->at < c->text.len && ends_line(c->text.ptr[c->at])) {
        c->at = line_end(c->text, c->at);
        c->line++;
    }
    *row = (struct csv_row){.line = c->line, .from = c->at};
    if (c->at >= c->text.len)
        return CSV_END;
    struct cells cells = {.arena = a};
    *why = row_read(c, &cells);
    if (*why != NULL)
        return CSV_BAD;
    row->cells = cells.items;
    row->count = cells.count;
    return CSV_ROW;
}

char csv_separator(struct str text)
{
    static const char known[] = {',', ';', '\t', '|'};
    size_t counts[sizeof known] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len && i < CSV_ROW_MAX && (quoted || !ends_line(text.ptr[i])); i++) {
        if (text.ptr[i] == '"')
            quoted = !quoted;
        for (size_t k = 0; k < sizeof known && !quoted; k++)
            counts[k] += text.ptr[i] == known[k];
    }
    for (size_t k = 1; k < sizeof known; k++)
        best = counts[k] > counts[best] ? k : best;
    return known[best];
}
