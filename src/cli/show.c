/* SPDX-License-Identifier: Apache-2.0 */
/* Answers for people: lists as aligned columns, objects as lines. */
#include <stdio.h>

#include "cli/speak.h"

#define COLUMNS_MAX 16
#define CELL_MAX    80

/* A value in one line: strings without quotes, null and what is absent as "-". Control characters become spaces. */
static struct str cell_of(struct arena *a, const struct json *v)
{
    struct str text;
    if (v == NULL || v->type == JSON_NULL)
        return STR("-");
    if (!json_as_str(v, &text))
        text = v->raw;
    if (text.len == 0)
        return STR("-");
    char *copy = arena_cstr(a, text);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = ' ';
    return str_of(copy, text.len);
}

/* Code points, which is what a terminal counts in most of the world's scripts. */
static size_t width_of(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return n;
}

/* Cut to CELL_MAX code points. */
static struct str shorten(struct arena *a, struct str s)
{
    size_t at = 0;
    for (size_t n = 0; at < s.len; at++) {
        n += ((unsigned char)s.ptr[at] & 0xc0) != 0x80;
        if (n > CELL_MAX)
            return arena_printf(a, STR_FMT "…", STR_ARG(str_take(s, at)));
    }
    return s;
}

static void print_cell(struct str text, size_t width, bool last)
{
    size_t have = width_of(text);
    printf(STR_FMT "%*s", STR_ARG(text), last || have >= width ? 0 : (int)(width - have), "");
    fputs(last ? "\n" : "  ", stdout);
}

static void show_list(struct arena *a, const struct json *items, const char *const *columns, size_t count)
{
    size_t widths[COLUMNS_MAX];
    CHECK(count <= COLUMNS_MAX);
    for (size_t c = 0; c < count; c++)
        widths[c] = strlen(columns[c]);
    for (const struct json *i = items->child; i != NULL; i = i->next)
        for (size_t c = 0; c < count; c++) {
            size_t w = width_of(shorten(a, cell_of(a, json_get(i, str_c(columns[c])))));
            widths[c] = w > widths[c] ? w : widths[c];
        }
    for (size_t c = 0; c < count; c++)
        print_cell(str_c(columns[c]), widths[c], c + 1 == count);
    for (const struct json *i = items->child; i != NULL; i = i->next)
        for (size_t c = 0; c < count; c++)
            print_cell(shorten(a, cell_of(a, json_get(i, str_c(columns[c])))), widths[c], c + 1 == count);
}

static void show_object(struct arena *a, const struct json *object)
{
    size_t width = 0;
    for (const struct json *m = object->child; m != NULL; m = m->next)
        width = width_of(m->name) > width ? width_of(m->name) : width;
    for (const struct json *m = object->child; m != NULL; m = m->next) {
        print_cell(m->name, width, false);
        print_cell(cell_of(a, m), 0, true);
    }
}

static void show_rest(const struct json *page)
{
    bool done = true;
    struct str iterator;
    if (json_as_bool(json_get(page, STR("done")), &done) && !done &&
        json_as_str(json_get(page, STR("iterator")), &iterator))
        fprintf(stderr, "there are more: --iterator " STR_FMT "\n", STR_ARG(iterator));
}

void speak_show(const struct speak *s, const struct speak_answer *answer, const char *const *columns,
                size_t column_count)
{
    const struct json *data = json_get(answer->json, STR("data"));
    if (s->args->json || answer->json == NULL) {
        if (answer->text.len > 0 || s->args->json)
            printf(STR_FMT "\n", STR_ARG(answer->text.len > 0 ? answer->text : STR("{}")));
        return;
    }
    if (data != NULL && data->type == JSON_ARRAY && column_count > 0) {
        show_list(s->arena, data, columns, column_count);
        show_rest(answer->json);
    } else if (answer->json->type == JSON_OBJECT) {
        show_object(s->arena, answer->json);
    } else {
        printf(STR_FMT "\n", STR_ARG(answer->text));
    }
}
