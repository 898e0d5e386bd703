/* SPDX-License-Identifier: Apache-2.0 */
/* From text to templates: a scanner with one character of look-ahead. */
#include <stdarg.h>
#include <stdio.h>

#include "expr/expr_impl.h"

struct parser {
    struct arena *arena;
    struct str text;
    size_t at;
    struct expr_error *error;
};

static bool fail(struct parser *p, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool fail(struct parser *p, size_t at, const char *fmt, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    *p->error = (struct expr_error){.at = at, .what = arena_str(p->arena, str_c(what))};
    return false;
}

static struct str rest(const struct parser *p)
{
    return str_skip(p->text, p->at);
}

static char peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->text.len && strchr(" \t\r\n", peek(p)) != NULL && peek(p) != '\0')
        p->at++;
}

static bool at_end(const struct parser *p)
{
    return p->at >= p->text.len || str_starts(rest(p), STR("}}"));
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-';
}

static struct str take_name(struct parser *p)
{
    size_t from = p->at;
    while (is_name(peek(p)))
        p->at++;
    return str_of(p->text.ptr + from, p->at - from);
}

static bool take_quoted(struct parser *p, struct str *out)
{
    size_t from = p->at, end = from + 1;
    char quote = peek(p);
    while (end < p->text.len && p->text.ptr[end] != quote)
        end += p->text.ptr[end] == '\\' ? 2 : 1;
    char *to = arena_alloc(p->arena, end - from);
    size_t n = 0;
    for (p->at++; p->at < p->text.len && peek(p) != quote; p->at++) {
        char c = peek(p);
        if (c == '\\' && p->at + 1 < p->text.len) {
            c = p->text.ptr[++p->at];
            if (strchr("\"'\\nt", c) == NULL)
                return fail(p, p->at - 1, "\\ is followed by none of \" ' \\ n t");
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        to[n++] = c;
    }
    if (p->at >= p->text.len)
        return fail(p, from, "the text in quotes does not end");
    p->at++;
    *out = str_of(to, n);
    return true;
}

static struct json *literal(struct parser *p, enum json_type type)
{
    struct json *j = arena_zalloc(p->arena, sizeof *j);
    j->type = type;
    return j;
}

static bool take_number(struct parser *p, struct str *out)
{
    struct json_slice value;
    size_t from = p->at;
    while (p->at < p->text.len && strchr("+-.0123456789eE", peek(p)) != NULL)
        p->at++;
    *out = str_of(p->text.ptr + from, p->at - from);
    if (json_check(*out, &value, NULL) != ERR_OK || value.type != JSON_NUMBER)
        return fail(p, from, "this is not a number as JSON writes it");
    return true;
}

static bool take_index(struct parser *p, struct segment *out)
{
    size_t from = p->at;
    while (p->at < p->text.len && strchr("-0123456789", peek(p)) != NULL)
        p->at++;
    if (str_to_i64(str_of(p->text.ptr + from, p->at - from), &out->index) != ERR_OK)
        return fail(p, from, "expected a number or a name in quotes in the brackets");
    return true;
}

static bool take_segment(struct parser *p, struct segment *out)
{
    *out = (struct segment){0};
    if (peek(p) == '.') {
        p->at++;
        out->name = take_name(p);
        if (out->name.len == 0)
            return fail(p, p->at, "expected a name after the dot; odd names go in brackets: [\"odd name\"]");
        uint64_t index;
        if (str_to_u64(out->name, &index) == ERR_OK && index <= INT32_MAX)
            out->index = (int64_t)index; /* of an array; as a name of an object it stays a name */
        return true;
    }
    p->at++;
    skip_blanks(p);
    if (peek(p) == '"' || peek(p) == '\'') {
        if (!take_quoted(p, &out->name))
            return false;
        out->index = -1;
    } else if (!take_index(p, out)) {
        return false;
    }
    skip_blanks(p);
    if (peek(p) != ']')
        return fail(p, p->at, "expected ]");
    p->at++;
    return true;
}

static bool take_path(struct parser *p, struct operand *out)
{
    struct segment segments[EXPR_SEGMENTS_MAX];
    size_t from = p->at;
    segments[0] = (struct segment){.name = take_name(p)};
    out->count = 1;
    while (peek(p) == '.' || peek(p) == '[') {
        if (out->count == EXPR_SEGMENTS_MAX)
            return fail(p, p->at, "a path has at most %d names", EXPR_SEGMENTS_MAX);
        if (!take_segment(p, &segments[out->count++]))
            return false;
    }
    out->path = str_of(p->text.ptr + from, p->at - from);
    out->segments = arena_alloc(p->arena, out->count * sizeof segments[0]);
    memcpy(out->segments, segments, out->count * sizeof segments[0]);
    return true;
}

static bool take_operand(struct parser *p, struct operand *out)
{
    struct json *value = NULL;
    *out = (struct operand){0};
    skip_blanks(p);
    size_t from = p->at;
    char c = peek(p);
    if (at_end(p))
        return fail(p, p->at, "expected a path or a value");
    if (c == '"' || c == '\'') {
        value = literal(p, JSON_STRING);
        if (!take_quoted(p, &value->text))
            return false;
    } else if ((c >= '0' && c <= '9') || c == '-') {
        value = literal(p, JSON_NUMBER);
        if (!take_number(p, &value->raw))
            return false;
    } else if (!is_name_start(c)) {
        return fail(p, p->at, "expected a path or a value, not '%c'", c >= ' ' && c < 127 ? c : '?');
    } else if (!take_path(p, out)) {
        return false;
    } else if (out->count == 1 && str_eq(out->path, STR("null"))) {
        value = literal(p, JSON_NULL);
    } else if (out->count == 1 && (str_eq(out->path, STR("true")) || str_eq(out->path, STR("false")))) {
        value = literal(p, out->path.ptr[0] == 't' ? JSON_TRUE : JSON_FALSE);
    }
    out->literal = value;
    out->path = str_of(p->text.ptr + from, p->at - from);
    return true;
}

/* The name that was most likely meant. */
static const char *nearest(struct str name)
{
    const char *best = NULL;
    size_t least = 3;
    for (size_t i = 0; i < expr_filter_count(); i++) {
        size_t d = str_distance(name, str_c(expr_filter_doc(i).name));
        if (d < least) {
            least = d;
            best = expr_filter_doc(i).name;
        }
    }
    return best;
}

static bool take_args(struct parser *p, struct filter_use *use)
{
    while (true) {
        if (use->row->args_max == 0)
            return fail(p, p->at - 1, "%s takes no argument", use->row->name);
        if (use->arg_count == use->row->args_max)
            return fail(p, p->at, "%s takes at most %zu argument%s", use->row->name, use->row->args_max,
                        use->row->args_max == 1 ? "" : "s");
        if (!take_operand(p, &use->args[use->arg_count++]))
            return false;
        skip_blanks(p);
        if (peek(p) != ',')
            return true;
        p->at++;
    }
}

static bool take_filter(struct parser *p, struct filter_use *use)
{
    *use = (struct filter_use){0};
    skip_blanks(p);
    size_t from = p->at;
    struct str name = take_name(p);
    if (name.len == 0)
        return fail(p, p->at, "expected the name of a filter after |");
    use->row = filter_find(name);
    if (use->row == NULL) {
        const char *meant = nearest(name);
        return fail(p, from, "there is no filter " STR_FMT "%s%s%s", STR_ARG(name), meant != NULL ? "; is it " : "",
                    meant != NULL ? meant : "", meant != NULL ? "?" : "");
    }
    skip_blanks(p);
    if (peek(p) == ':') {
        p->at++;
        if (!take_args(p, use))
            return false;
    }
    if (use->arg_count < use->row->args_min)
        return fail(p, from, "%s needs an argument: %s: %s", use->row->name, use->row->name, use->row->args);
    return true;
}

static bool take_expression(struct parser *p, const struct expression **out)
{
    struct filter_use filters[EXPR_FILTERS_MAX];
    struct expression *e = arena_zalloc(p->arena, sizeof *e);
    if (!take_operand(p, &e->operand))
        return false;
    for (skip_blanks(p); peek(p) == '|'; skip_blanks(p)) {
        if (e->filter_count == EXPR_FILTERS_MAX)
            return fail(p, p->at, "an expression has at most %d filters", EXPR_FILTERS_MAX);
        p->at++;
        if (!take_filter(p, &filters[e->filter_count++]))
            return false;
    }
    if (p->at >= p->text.len)
        return fail(p, p->at, "}} is missing");
    if (!str_starts(rest(p), STR("}}")))
        return fail(p, p->at, "expected | or }}");
    p->at += 2;
    e->filters = arena_alloc(p->arena, (e->filter_count + 1) * sizeof filters[0]);
    memcpy(e->filters, filters, e->filter_count * sizeof filters[0]);
    *out = e;
    return true;
}

static bool take_part(struct parser *p, struct part *out)
{
    *out = (struct part){0};
    if (!str_starts(rest(p), STR("{{"))) {
        out->text = str_take(rest(p), str_find_str(rest(p), STR("{{")));
        p->at += out->text.len;
        return true;
    }
    p->at += 2;
    return take_expression(p, &out->expression);
}

enum err expr_compile(struct arena *a, struct str text, const struct expr_template **out, struct expr_error *error)
{
    struct parser p = {.arena = a, .text = text, .error = error};
    struct expr_template *t = arena_zalloc(a, sizeof *t);
    size_t max = 1;
    *error = (struct expr_error){0};
    if (text.len > EXPR_TEXT_MAX)
        return fail(&p, EXPR_TEXT_MAX, "a text is at most %d bytes", EXPR_TEXT_MAX) ? ERR_OK : ERR_SYNTAX;
    for (size_t i = 0; i + 1 < text.len; i++)
        max += text.ptr[i] == '{' && text.ptr[i + 1] == '{' ? 2 : 0;
    if (max > EXPR_PARTS_MAX)
        return fail(&p, 0, "too many expressions in one text") ? ERR_OK : ERR_SYNTAX;
    struct part *parts = arena_alloc(a, max * sizeof *parts);
    while (p.at < text.len) {
        if (!take_part(&p, &parts[t->count++]))
            return ERR_SYNTAX;
    }
    t->text = text;
    t->parts = parts;
    *out = t;
    return ERR_OK;
}

bool expr_is_single(const struct expr_template *t)
{
    return t->count == 1 && t->parts[0].expression != NULL;
}

bool expr_is_plain(const struct expr_template *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->parts[i].expression != NULL)
            return false;
    }
    return true;
}

size_t expr_part_count(const struct expr_template *t)
{
    return t->count;
}

struct str expr_part_text(const struct expr_template *t, size_t i)
{
    return i < t->count && t->parts[i].expression == NULL ? t->parts[i].text : STR_NULL;
}

static void visit_operand(const struct operand *o, expr_path_fn *visit, void *arg)
{
    if (o->literal == NULL)
        visit(arg, o->segments[0].name, o->count > 1 ? o->segments[1].name : STR_NULL);
}

void expr_each_path(const struct expr_template *t, expr_path_fn *visit, void *arg)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct expression *e = t->parts[i].expression;
        if (e != NULL)
            visit_operand(&e->operand, visit, arg);
        for (size_t k = 0; e != NULL && k < e->filter_count; k++) {
            for (size_t n = 0; n < e->filters[k].arg_count; n++)
                visit_operand(&e->filters[k].args[n], visit, arg);
        }
    }
}
