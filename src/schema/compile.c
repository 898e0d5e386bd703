/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From JSON to nodes. Each subschema becomes one node, found again by its place in the document, so that a schema may
 * refer to itself. What nothing refers to is not looked at.
 */
#include "schema/schema_impl.h"

#include "base/hash.h"
#include "base/table.h"
#include "schema/rules.h"

#define NESTING_MAX 200

struct known {
    struct table_node node;
    const struct json *from;
    struct schema_node *to;
};

struct compiler {
    struct arena *arena;
    const struct json *root;
    struct str id; /* of the root, without a fragment */
    enum draft draft;
    struct table known;
    size_t nesting;
    struct schema_fault *fault;
};

struct arena *compile_arena(const struct compiler *c)
{
    return c->arena;
}

enum err compile_refuse(struct compiler *c, const struct json_step *at, const char *why)
{
    *c->fault = (struct schema_fault){.at = json_pointer_write(c->arena, at), .why = why};
    return ERR_INVALID;
}

static struct schema_node *find_known(const struct compiler *c, const struct json *from)
{
    for (struct table_node *n = table_find(&c->known, hash_u64((uint64_t)(uintptr_t)from)); n != NULL;
         n = table_next(n)) {
        struct known *k = CONTAINER_OF(n, struct known, node);
        if (k->from == from)
            return k->to;
    }
    return NULL;
}

static struct schema_node *add_known(struct compiler *c, const struct json *from)
{
    struct known *k = arena_zalloc(c->arena, sizeof *k);
    k->from = from;
    k->to = arena_zalloc(c->arena, sizeof *k->to);
    table_insert(&c->known, &k->node, hash_u64((uint64_t)(uintptr_t)from));
    return k->to;
}

static enum err check_id(struct compiler *c, const struct json_step *at, const struct json *from)
{
    const struct json *id = json_get(from, STR("$id"));
    struct json_step step = {.up = at, .name = STR("$id")};
    if (id == NULL || from == c->root)
        return ERR_OK;
    if (id->type == JSON_STRING && id->text.len > 0 && id->text.ptr[0] == '#')
        return ERR_OK;
    return compile_refuse(c, &step, "is only supported at the top");
}

static enum err fill_node(struct compiler *c, const struct json_step *at, const struct json *from,
                          struct schema_node *n)
{
    struct schema_rule *rules = arena_zalloc(c->arena, (from->count + 1) * sizeof *rules);
    bool alone = c->draft == DRAFT_OLD && json_get(from, STR("$ref")) != NULL;
    enum err e = alone ? ERR_OK : check_id(c, at, from);
    n->rules = rules;
    for (const struct json *m = from->child; m != NULL && e == ERR_OK; m = m->next) {
        struct json_step step = {.up = at, .name = m->name};
        struct schema_rule *r = &rules[n->count];
        bool used;
        if (json_get(from, m->name) != m || (alone && !str_eq(m->name, STR("$ref"))))
            continue;
        e = keyword_compile(c, c->draft, &step, from, m, r, &used);
        if (e != ERR_OK || !used)
            continue;
        if (r->holds == rule_properties)
            n->properties = r;
        else if (r->holds == rule_patterns)
            n->patterns = r;
        n->count++;
    }
    return e;
}

enum err compile_node(struct compiler *c, const struct json_step *at, const struct json *from,
                      const struct schema_node **node)
{
    struct schema_node *n = find_known(c, from);
    *node = n;
    if (n != NULL)
        return ERR_OK;
    if (from->type != JSON_OBJECT && from->type != JSON_TRUE && from->type != JSON_FALSE)
        return compile_refuse(c, at, "must be a schema: an object, true or false");
    if (c->known.len >= SCHEMA_NODES_MAX || c->nesting >= NESTING_MAX)
        return compile_refuse(c, at, "is one schema too many, or nested too deeply");
    *node = n = add_known(c, from);
    n->never = from->type == JSON_FALSE;
    c->nesting++;
    enum err e = from->type == JSON_OBJECT ? fill_node(c, at, from, n) : ERR_OK;
    c->nesting--;
    return e;
}

/* ---- references ---- */

static bool is_anchor(const struct json *schema, struct str name)
{
    struct str text;
    if (json_as_str(json_get(schema, STR("$anchor")), &text) && str_eq(text, name))
        return true;
    if (json_as_str(json_get(schema, STR("$dynamicAnchor")), &text) && str_eq(text, name))
        return true;
    return json_as_str(json_get(schema, STR("$id")), &text) && text.len > 0 && text.ptr[0] == '#' &&
           str_eq(str_skip(text, 1), name);
}

static const struct json *find_anchor(const struct json *from, struct str name)
{
    if (from->type == JSON_OBJECT && is_anchor(from, name))
        return from;
    for (const struct json *i = from->child; i != NULL; i = i->next) {
        if (str_eq(i->name, STR("enum")) || str_eq(i->name, STR("const")))
            continue;
        const struct json *found = find_anchor(i, name);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static struct str percent_decode(struct arena *a, struct str s)
{
    char *text = arena_alloc(a, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len && s.ptr[i] == '%' ? str_hex_digit(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? str_hex_digit(s.ptr[i + 2]) : -1;
        text[len++] = low >= 0 ? (char)(high * 16 + low) : s.ptr[i];
        i += low >= 0 ? 2 : 0;
    }
    return str_of(text, len);
}

enum err compile_ref(struct compiler *c, const struct json_step *at, struct str ref, const struct schema_node **node)
{
    size_t hash = str_find(ref, '#');
    struct str base = str_take(ref, hash), fragment = percent_decode(c->arena, str_skip(ref, hash + 1));
    if (base.len > 0 && !str_eq(base, c->id))
        return compile_refuse(c, at, "refers to another document, which is not supported");
    const struct json *to = fragment.len == 0 || fragment.ptr[0] == '/'
                                    ? json_pointer_follow(c->arena, c->root, fragment)
                                    : find_anchor(c->root, fragment);
    if (to == NULL)
        return compile_refuse(c, at, "refers to what is not there");
    return compile_node(c, at, to, node);
}

/* ---- the whole ---- */

static enum err read_draft(struct compiler *c)
{
    static const struct {
        const char *part;
        enum draft draft;
    } drafts[] = {{"/draft-04/", DRAFT_OLD},
                  {"/draft-06/", DRAFT_OLD},
                  {"/draft-07/", DRAFT_OLD},
                  {"/2019-09/", DRAFT_NEW},
                  {"/2020-12/", DRAFT_NEW}};
    struct json_step step = {.name = STR("$schema")};
    const struct json *named = json_get(c->root, step.name);
    struct str text;
    if (named == NULL)
        return ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(drafts) && json_as_str(named, &text); i++) {
        c->draft = drafts[i].draft;
        if (str_find_str(text, str_c(drafts[i].part)) < text.len)
            return ERR_OK;
    }
    return compile_refuse(c, &step, "is none of draft-04, draft-06, draft-07, 2019-09 and 2020-12");
}

enum err schema_compile(struct arena *a, const struct json *from, const struct schema **out, struct schema_fault *fault)
{
    struct schema_fault unheard;
    struct compiler c = {.arena = a, .root = from, .fault = fault != NULL ? fault : &unheard};
    struct schema *s = arena_zalloc(a, sizeof *s);
    if (json_as_str(json_get(from, STR("$id")), &c.id))
        c.id = str_take(c.id, str_find(c.id, '#'));
    table_init(&c.known);
    enum err e = read_draft(&c);
    if (e == ERR_OK)
        e = compile_node(&c, NULL, from, &s->root);
    table_fini(&c.known);
    if (e == ERR_OK)
        *out = s;
    return e;
}
