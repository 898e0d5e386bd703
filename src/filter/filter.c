/* SPDX-License-Identifier: Apache-2.0 */
/* From JSON to a compiled filter. `trail` remembers the way to the place that does not fit. */
#include "filter/filter_impl.h"

#include "json/pointer.h"

enum operand { ANY, ORDERED, LIST, TEXT, FLAG, TESTS, TEST };

static const struct operator_row {
    const char *name;
    enum filter_op op;
    enum operand operand;
    bool negative;
} operators[] = {
        {"$eq", OP_EQ, ANY, false},          {"$ne", OP_EQ, ANY, true},
        {"$neq", OP_EQ, ANY, true},          {"$gt", OP_GT, ORDERED, false},
        {"$gte", OP_GTE, ORDERED, false},    {"$lt", OP_LT, ORDERED, false},
        {"$lte", OP_LTE, ORDERED, false},    {"$in", OP_IN, LIST, false},
        {"$nin", OP_IN, LIST, true},         {"$startsWith", OP_STARTS, TEXT, false},
        {"$endsWith", OP_ENDS, TEXT, false}, {"$contains", OP_CONTAINS, TEXT, false},
        {"$exists", OP_EXISTS, FLAG, false}, {"$exist", OP_EXISTS, FLAG, false},
        {"$and", OP_AND, TESTS, false},      {"$or", OP_OR, TESTS, false},
        {"$not", OP_NOT, TEST, false},
};

struct compiler {
    struct arena *arena;
    size_t conditions;
    size_t depth;
    struct filter_fault *fault;
};

static enum err refuse(struct compiler *c, const struct json_step *at, const char *why)
{
    c->fault->at = json_pointer_write(c->arena, at);
    c->fault->why = why;
    return ERR_INVALID;
}

static enum err compile_test(struct compiler *c, const struct json_step *at, const struct json *from,
                             struct filter_test *out);

static enum err compile_tests(struct compiler *c, const struct json_step *at, const struct json *list,
                              struct filter_rule *rule)
{
    if (list->type != JSON_ARRAY || list->count == 0)
        return refuse(c, at, "must be a list of at least one filter");
    struct filter_test *tests = arena_zalloc(c->arena, list->count * sizeof *tests);
    size_t n = 0;
    for (const struct json *i = list->child; i != NULL; i = i->next, n++) {
        struct json_step item = {.up = at, .item = n};
        enum err e = i->type != JSON_OBJECT ? refuse(c, &item, "must be an object")
                                            : compile_test(c, &item, i, &tests[n]);
        if (e != ERR_OK)
            return e;
    }
    rule->tests = tests;
    rule->test_count = n;
    return ERR_OK;
}

static enum err compile_one(struct compiler *c, const struct json_step *at, const struct json *from,
                            struct filter_rule *rule)
{
    struct filter_test *test = arena_zalloc(c->arena, sizeof *test);
    rule->tests = test;
    rule->test_count = 1;
    return compile_test(c, at, from, test);
}

static enum err compile_operator(struct compiler *c, const struct json_step *at, const struct json *m,
                                 struct filter_rule *rule)
{
    const struct operator_row *o = NULL;
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (str_eq(m->name, str_c(operators[i].name)))
            o = &operators[i];
    }
    if (o == NULL)
        return refuse(c, at, "is not an operator");
    *rule = (struct filter_rule){.op = o->op, .negative = o->negative, .value = m};
    switch (o->operand) {
    case ANY:
        return ERR_OK;
    case ORDERED:
        return m->type == JSON_NUMBER || m->type == JSON_STRING ? ERR_OK
                                                                : refuse(c, at, "must be a number or a string");
    case LIST:
        return m->type == JSON_ARRAY && m->count > 0 && m->count <= FILTER_ITEMS_MAX
                       ? ERR_OK
                       : refuse(c, at, "must be a list of 1 to 1000 values");
    case TEXT:
        return m->type == JSON_STRING ? ERR_OK : refuse(c, at, "must be a string");
    case FLAG:
        rule->negative = m->type == JSON_FALSE;
        return m->type == JSON_TRUE || m->type == JSON_FALSE ? ERR_OK : refuse(c, at, "must be true or false");
    case TESTS:
        return compile_tests(c, at, m, rule);
    case TEST:
        return compile_one(c, at, m, rule);
    }
    return ERR_INTERNAL;
}

/* Splits at dots; a backslash takes the next character as it is. */
static enum err compile_path(struct compiler *c, const struct json_step *at, struct str name, struct filter_rule *rule)
{
    struct str *path = arena_alloc(c->arena, FILTER_SEGMENTS_MAX * sizeof *path);
    char *text = arena_alloc(c->arena, name.len + 1);
    size_t n = 0, begin = 0, len = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.ptr[i] != '.') {
            if (name.ptr[i] == '\\' && i + 1 < name.len)
                i++;
            text[len++] = name.ptr[i];
            continue;
        }
        if (n == FILTER_SEGMENTS_MAX)
            return refuse(c, at, "has too many names in its path");
        if (len == begin)
            return refuse(c, at, "has an empty name in its path");
        path[n++] = str_of(text + begin, len - begin);
        begin = len;
    }
    rule->path = path;
    rule->path_length = n;
    return ERR_OK;
}

static enum err compile_member(struct compiler *c, const struct json_step *at, const struct json *m,
                               struct filter_rule *rule)
{
    if (++c->conditions > FILTER_CONDITIONS_MAX)
        return refuse(c, at, "is one condition too many: at most 100");
    if (m->name.len > 0 && m->name.ptr[0] == '$')
        return compile_operator(c, at, m, rule);
    *rule = (struct filter_rule){.op = OP_PATH};
    enum err e = compile_path(c, at, m->name, rule);
    return e == ERR_OK ? compile_one(c, at, m, rule) : e;
}

static enum err compile_test(struct compiler *c, const struct json_step *at, const struct json *from,
                             struct filter_test *out)
{
    struct filter_rule *rules = arena_zalloc(c->arena, (from->count + 1) * sizeof *rules);
    enum err e = ERR_OK;
    size_t n = 0;
    if (from->type != JSON_OBJECT) {
        rules[0] = (struct filter_rule){.op = OP_EQ, .value = from};
        *out = (struct filter_test){.rules = rules, .count = 1};
        return ERR_OK;
    }
    if (c->depth >= FILTER_DEPTH_MAX)
        return refuse(c, at, "is nested too deeply: at most 16 levels");
    if (from->count == 0)
        return refuse(c, at, "must have at least one condition");
    c->depth++;
    for (const struct json *m = from->child; m != NULL && e == ERR_OK; m = m->next, n++) {
        struct json_step member = {.up = at, .name = m->name};
        e = json_get(from, m->name) != m ? refuse(c, &member, "is there twice")
                                         : compile_member(c, &member, m, &rules[n]);
    }
    c->depth--;
    *out = (struct filter_test){.rules = rules, .count = n};
    return e;
}

enum err filter_compile(struct arena *a, const struct json *from, const struct filter **out, struct filter_fault *fault)
{
    struct filter_fault unheard;
    struct compiler c = {.arena = a, .fault = fault != NULL ? fault : &unheard};
    struct filter *f = arena_zalloc(a, sizeof *f);
    enum err e = from->type != JSON_OBJECT ? refuse(&c, NULL, "must be an object")
                                           : compile_test(&c, NULL, from, &f->root);
    if (e == ERR_OK)
        *out = f;
    return e;
}
