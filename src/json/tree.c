/* SPDX-License-Identifier: Apache-2.0 */
#include "json/tree.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/build.h"
#include "json/lex.h"

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

/* ---- as the scanner goes -------------------------------------------------------------------------------------------
 */

static struct json *add_node(struct json_builder *b, enum json_type type)
{
    struct json *node = arena_alloc(b->arena, sizeof *node);
    *node = (struct json){.type = type, .name = b->name};
    b->name = STR_NULL;
    if (b->depth == 0) {
        b->root = node;
        return node;
    }
    struct json *parent = b->open[b->depth - 1], *last = b->last[b->depth - 1];
    if (last == NULL)
        parent->child = node;
    else
        last->next = node;
    b->last[b->depth - 1] = node;
    parent->count++;
    return node;
}

void json_build_name(struct json_builder *b, struct json_slice name)
{
    b->name = decode(b->arena, name);
}

void json_build_scalar(struct json_builder *b, struct json_slice value)
{
    struct json *node = add_node(b, value.type);
    node->raw = value.raw;
    if (value.type == JSON_STRING)
        node->text = decode(b->arena, value);
}

void json_build_open(struct json_builder *b, const char *bracket)
{
    struct json *node = add_node(b, *bracket == '{' ? JSON_OBJECT : JSON_ARRAY);
    node->raw.ptr = bracket;
    b->open[b->depth] = node;
    b->last[b->depth++] = NULL;
    b->deepest = b->depth > b->deepest ? b->depth : b->deepest;
}

void json_build_close(struct json_builder *b, const char *behind)
{
    struct json *node = b->open[--b->depth];
    node->raw.len = (size_t)(behind - node->raw.ptr);
}

/* ---- the tree ------------------------------------------------------------------------------------------------------
 */

enum err json_parse_deep(struct arena *a, struct str doc, struct json **out, size_t *depth, struct json_error *error)
{
    struct json_builder b;
    b.arena = a;
    b.depth = b.deepest = 0;
    b.name = STR_NULL;
    enum err e = json_scan(doc, &b, error);
    if (e != ERR_OK)
        return e;
    *out = b.root;
    *depth = b.deepest;
    return ERR_OK;
}

enum err json_parse(struct arena *a, struct str doc, struct json **out, struct json_error *error)
{
    size_t depth;
    return json_parse_deep(a, doc, out, &depth, error);
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
