/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document is checked first, so that building the tree meets no errors: it only links nodes.
 */
#include "json/tree.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/lex.h"

struct builder {
    struct arena *arena;
    struct json_lex lx;
    struct json *open[JSON_DEPTH_MAX]; /* containers that are open */
    struct json *last[JSON_DEPTH_MAX]; /* their last child so far */
    size_t depth;
};

static struct str decode(struct arena *a, struct json_slice v)
{
    struct str plain = json_plain(v);
    if (!v.escaped)
        return plain;
    char *text = arena_alloc(a, plain.len + 1); /* an escape is never shorter than what it stands for */
    const char *p = plain.ptr, *end = plain.ptr + plain.len;
    size_t len = 0;
    while (p < end) {
        if (*p == '\\') {
            char one[4];
            size_t n = json_lex_escape(&p, end, one);
            memcpy(text + len, one, n);
            len += n;
        } else {
            text[len++] = *p++;
        }
    }
    text[len] = '\0';
    return str_of(text, len);
}

static void link_child(struct builder *b, struct json *node)
{
    if (b->depth == 0)
        return;
    struct json **last = &b->last[b->depth - 1];
    if (*last == NULL)
        b->open[b->depth - 1]->child = node;
    else
        (*last)->next = node;
    *last = node;
    b->open[b->depth - 1]->count++;
}

/* The next value, with its name when it is a member; a container is left open behind its bracket. */
static struct json *build_node(struct builder *b)
{
    struct json *node = arena_zalloc(b->arena, sizeof *node);
    struct json_slice s = {.type = JSON_NONE};
    if (b->depth > 0 && b->open[b->depth - 1]->type == JSON_OBJECT) {
        CHECK(json_lex_string(&b->lx, &s));
        node->name = decode(b->arena, s);
        json_lex_white(&b->lx);
        b->lx.p++; /* the colon */
        json_lex_white(&b->lx);
    }
    link_child(b, node);
    char c = json_lex_peek(&b->lx);
    if (c == '{' || c == '[') {
        node->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        node->raw.ptr = b->lx.p++;
        b->open[b->depth] = node;
        b->last[b->depth++] = NULL;
        return node;
    }
    CHECK(json_lex_scalar(&b->lx, &s));
    node->type = s.type;
    node->raw = s.raw;
    if (s.type == JSON_STRING)
        node->text = decode(b->arena, s);
    return node;
}

static void close_node(struct builder *b)
{
    b->lx.p++;
    struct json *node = b->open[--b->depth];
    node->raw.len = (size_t)(b->lx.p - node->raw.ptr);
}

struct json *json_parse_checked(struct arena *a, struct str doc)
{
    struct builder b = {.arena = a, .lx = {.p = doc.ptr, .end = doc.ptr + doc.len}};
    json_lex_white(&b.lx);
    struct json *root = build_node(&b);
    while (b.depth > 0) {
        json_lex_white(&b.lx);
        char c = json_lex_peek(&b.lx);
        if (c == '}' || c == ']')
            close_node(&b);
        else if (c == ',')
            b.lx.p++;
        else
            build_node(&b);
    }
    return root;
}

enum err json_parse(struct arena *a, struct str doc, struct json **out, struct json_error *error)
{
    struct json_slice whole;
    enum err e = json_check(doc, &whole, error);
    if (e == ERR_OK)
        *out = json_parse_checked(a, whole.raw);
    return e;
}

const struct json *json_get(const struct json *j, struct str name)
{
    const struct json *found = NULL;
    if (j == NULL || j->type != JSON_OBJECT)
        return NULL;
    for (const struct json *m = j->child; m != NULL; m = m->next)
        if (str_eq(m->name, name))
            found = m;
    return found;
}

bool json_as_str(const struct json *j, struct str *out)
{
    if (j == NULL || j->type != JSON_STRING)
        return false;
    *out = j->text;
    return true;
}

bool json_as_i64(const struct json *j, int64_t *out)
{
    return j != NULL && j->type == JSON_NUMBER && str_to_i64(j->raw, out) == ERR_OK;
}

bool json_as_double(const struct json *j, double *out)
{
    if (j == NULL || j->type != JSON_NUMBER)
        return false;
    AUTO_FREE char *z = mem_strndup(j->raw.ptr, j->raw.len);
    double d = strtod(z, NULL);
    if (!isfinite(d))
        return false;
    *out = d;
    return true;
}

bool json_as_bool(const struct json *j, bool *out)
{
    if (j == NULL || (j->type != JSON_TRUE && j->type != JSON_FALSE))
        return false;
    *out = j->type == JSON_TRUE;
    return true;
}
