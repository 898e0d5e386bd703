/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events become JSON as they come. An anchor remembers where the text of its value begins and ends in the
 * output; an alias copies that text.
 */
#include "json/yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/mem.h"
#include "json/scan.h"
#include "json/write.h"

#define ANCHORS_MAX 10000
#define NUMBER_MAX  64

struct anchor {
    struct str name;
    size_t from;
    size_t to; /* 0: not at its end yet */
};

struct level {
    bool mapping;
    bool wants_key;
    size_t count;
    size_t anchor; /* its own, from 1; 0: none */
};

struct conversion {
    yaml_parser_t parser;
    yaml_event_t event;
    struct arena *arena;
    struct buf *out;
    struct yaml_error *error;
    struct level levels[JSON_DEPTH_MAX];
    size_t depth;
    struct anchor *anchors; /* a later one of the same name hides the one before */
    size_t anchor_count;
    size_t documents;
};

static enum err fail(struct conversion *c, const char *why)
{
    *c->error = (struct yaml_error){
            .line = c->event.start_mark.line + 1, .column = c->event.start_mark.column + 1, .why = why};
    return ERR_SYNTAX;
}

static struct str text_of(const yaml_char_t *s, size_t len)
{
    return str_of((const char *)s, len);
}

/* ---- scalars ------------------------------------------------------------------------------------------------------
 */

static bool is_one_of(struct str s, const char *const *words)
{
    while (*words != NULL && !str_eq(s, str_c(*words)))
        words++;
    return *words != NULL;
}

static size_t digits(struct str s, size_t i)
{
    size_t n = 0;
    while (i + n < s.len && s.ptr[i + n] >= '0' && s.ptr[i + n] <= '9')
        n++;
    return n;
}

/* [-+]?[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)? as JSON writes it. False: it is not a number. */
static bool write_decimal(struct str s, struct buf *out)
{
    struct buf text = BUF_INIT(NUMBER_MAX);
    size_t i = 0;
    if (s.len > NUMBER_MAX / 2)
        return false;
    if (s.ptr[0] == '-' || s.ptr[0] == '+')
        i++;
    if (s.ptr[0] == '-')
        buf_add_c(&text, '-');
    size_t whole = digits(s, i), zeros = 0;
    while (zeros + 1 < whole && s.ptr[i + zeros] == '0')
        zeros++;
    buf_add_str(&text, whole > 0 ? str_of(s.ptr + i + zeros, whole - zeros) : STR("0"));
    i += whole;
    size_t part = 0;
    if (i < s.len && s.ptr[i] == '.') {
        part = digits(s, i + 1);
        if (part > 0)
            buf_add_str(&text, str_of(s.ptr + i, part + 1));
        i += part + 1;
    }
    bool fits = whole + part > 0;
    if (fits && i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        size_t sign = i + 1 < s.len && (s.ptr[i + 1] == '-' || s.ptr[i + 1] == '+');
        size_t exponent = digits(s, i + 1 + sign);
        fits = exponent > 0;
        buf_add_str(&text, str_of(s.ptr + i, fits ? 1 + sign + exponent : 0));
        i += 1 + sign + exponent;
    }
    fits = fits && i == s.len;
    if (fits)
        buf_add_str(out, buf_str(&text));
    buf_fini(&text);
    return fits;
}

/* 0x1f and 0o17 */
static bool write_based(struct str s, struct buf *out)
{
    char text[NUMBER_MAX], *end = NULL;
    if (s.len < 3 || s.len > 18 || s.ptr[0] != '0' || (s.ptr[1] != 'x' && s.ptr[1] != 'o'))
        return false;
    memcpy(text, s.ptr + 2, s.len - 2);
    text[s.len - 2] = '\0';
    if (text[0] == '-' || text[0] == '+' || text[0] == ' ')
        return false;
    unsigned long long v = strtoull(text, &end, s.ptr[1] == 'x' ? 16 : 8);
    if (*end != '\0' || v > INT64_MAX)
        return false;
    buf_addf(out, "%llu", v);
    return true;
}

static void write_plain(struct str s, struct json_writer *w)
{
    static const char *const nulls[] = {"null", "Null", "NULL", "~", "", NULL};
    static const char *const truths[] = {"true", "True", "TRUE", NULL};
    static const char *const lies[] = {"false", "False", "FALSE", NULL};
    if (is_one_of(s, nulls))
        buf_add_str(w->out, STR("null"));
    else if (is_one_of(s, truths))
        buf_add_str(w->out, STR("true"));
    else if (is_one_of(s, lies))
        buf_add_str(w->out, STR("false"));
    else if (!write_based(s, w->out) && !write_decimal(s, w->out))
        json_w_str(w, s);
}

/* ---- structure ----------------------------------------------------------------------------------------------------
 */

/* What stands before a value or key; whether it is a key. */
static bool begin_value(struct conversion *c)
{
    struct level *l = c->depth > 0 ? &c->levels[c->depth - 1] : NULL;
    if (l == NULL)
        return false;
    bool key = l->mapping && l->wants_key;
    if (l->count > 0 && (key || !l->mapping))
        buf_add_c(c->out, ',');
    return key;
}

static void end_value(struct conversion *c)
{
    struct level *l = c->depth > 0 ? &c->levels[c->depth - 1] : NULL;
    if (l == NULL)
        return;
    if (l->mapping && l->wants_key)
        buf_add_c(c->out, ':');
    l->count += !l->mapping || !l->wants_key;
    if (l->mapping)
        l->wants_key = !l->wants_key;
}

/* Its number, from 1; 0: there is none. */
static enum err open_anchor(struct conversion *c, const yaml_char_t *name, size_t *number)
{
    *number = 0;
    if (name == NULL)
        return ERR_OK;
    if (c->anchor_count == ANCHORS_MAX)
        return fail(c, "has too many anchors");
    c->anchors[c->anchor_count++] =
            (struct anchor){.name = arena_str(c->arena, str_c((const char *)name)), .from = c->out->len};
    *number = c->anchor_count;
    return ERR_OK;
}

static void close_anchor(struct conversion *c, size_t number)
{
    if (number != 0)
        c->anchors[number - 1].to = c->out->len;
}

static enum err take_scalar(struct conversion *c)
{
    const yaml_event_t *e = &c->event;
    struct str text = text_of(e->data.scalar.value, e->data.scalar.length);
    bool string = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                  (e->data.scalar.tag != NULL && strcmp((const char *)e->data.scalar.tag, YAML_STR_TAG) == 0);
    size_t number;
    struct json_writer w = json_writer(c->out);
    bool key = begin_value(c);
    enum err err = open_anchor(c, e->data.scalar.anchor, &number);
    if (err != ERR_OK)
        return err;
    if (key || string)
        json_w_str(&w, text);
    else
        write_plain(text, &w);
    close_anchor(c, number);
    end_value(c);
    return ERR_OK;
}

static enum err take_start(struct conversion *c, bool mapping)
{
    const yaml_char_t *name = mapping ? c->event.data.mapping_start.anchor : c->event.data.sequence_start.anchor;
    if (begin_value(c))
        return fail(c, "has a key that is not a scalar");
    if (c->depth == JSON_DEPTH_MAX)
        return fail(c, "is nested too deeply");
    struct level *l = &c->levels[c->depth];
    *l = (struct level){.mapping = mapping, .wants_key = mapping};
    enum err err = open_anchor(c, name, &l->anchor);
    if (err != ERR_OK)
        return err;
    c->depth++;
    buf_add_c(c->out, mapping ? '{' : '[');
    return ERR_OK;
}

static void take_end(struct conversion *c)
{
    const struct level *l = &c->levels[--c->depth];
    buf_add_c(c->out, l->mapping ? '}' : ']');
    close_anchor(c, l->anchor);
    end_value(c);
}

static enum err take_alias(struct conversion *c)
{
    struct str name = str_c((const char *)c->event.data.alias.anchor);
    size_t i = c->anchor_count;
    while (i > 0 && !str_eq(c->anchors[i - 1].name, name))
        i--;
    if (i == 0)
        return fail(c, "has an alias without its anchor");
    const struct anchor *a = &c->anchors[i - 1];
    if (a->to == 0)
        return fail(c, "has an alias inside of what it stands for");
    bool key = begin_value(c);
    if (key && c->out->ptr[a->from] != '"')
        return fail(c, "has a key that is not a string");
    /* The output may move while it grows: what is copied is kept apart. */
    struct arena *copy = arena_new(a->to - a->from + 64);
    buf_add_str(c->out, arena_str(copy, str_of(c->out->ptr + a->from, a->to - a->from)));
    arena_free(copy);
    end_value(c);
    return ERR_OK;
}

static enum err take(struct conversion *c)
{
    switch (c->event.type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return ERR_OK;
    case YAML_DOCUMENT_START_EVENT:
        return c->documents++ == 0 ? ERR_OK : fail(c, "has more than one document");
    case YAML_ALIAS_EVENT:
        return take_alias(c);
    case YAML_SCALAR_EVENT:
        return take_scalar(c);
    case YAML_SEQUENCE_START_EVENT:
        return take_start(c, false);
    case YAML_MAPPING_START_EVENT:
        return take_start(c, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        take_end(c);
        return ERR_OK;
    }
    return ERR_OK;
}

static enum err run(struct conversion *c)
{
    bool more = true;
    enum err e = ERR_OK;
    while (more && e == ERR_OK) {
        if (yaml_parser_parse(&c->parser, &c->event) == 0) {
            *c->error = (struct yaml_error){.line = c->parser.problem_mark.line + 1,
                                            .column = c->parser.problem_mark.column + 1,
                                            .why = c->parser.problem != NULL ? c->parser.problem : "is not YAML"};
            return ERR_SYNTAX;
        }
        more = c->event.type != YAML_STREAM_END_EVENT;
        e = take(c);
        if (e == ERR_OK && c->out->overflow)
            e = fail(c, "becomes too large");
        yaml_event_delete(&c->event);
    }
    if (e == ERR_OK && c->documents == 0)
        e = fail(c, "is empty");
    return e;
}

enum err yaml_to_json(struct str text, struct buf *out, struct yaml_error *error)
{
    struct conversion *c = mem_zalloc(1, sizeof *c);
    CHECK(yaml_parser_initialize(&c->parser) != 0);
    c->arena = arena_new(4096);
    c->anchors = arena_alloc(c->arena, ANCHORS_MAX * sizeof *c->anchors);
    c->out = out;
    c->error = error;
    yaml_parser_set_encoding(&c->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c->parser, (const unsigned char *)text.ptr, text.len);
    enum err e = run(c);
    yaml_parser_delete(&c->parser);
    arena_free(c->arena);
    free(c);
    return e;
}
