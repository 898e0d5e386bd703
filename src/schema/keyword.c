/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keywords: what the operand of each must be, which values it looks at, which rule it becomes. */
#include "schema/rules.h"

#define NULLS   (1u << JSON_NULL)
#define NUMBERS (1u << JSON_NUMBER)
#define STRINGS (1u << JSON_STRING)
#define ARRAYS  (1u << JSON_ARRAY)
#define OBJECTS (1u << JSON_OBJECT)
#define ALL     (NULLS | NUMBERS | STRINGS | ARRAYS | OBJECTS | 1u << JSON_TRUE | 1u << JSON_FALSE)

#define OLD (1u << DRAFT_OLD)
#define NEW (1u << DRAFT_NEW)
#define ANY (1u << DRAFT_ANY)

enum operand {
    TAKES_TYPES,
    TAKES_LIST,
    TAKES_VALUE,
    TAKES_NUMBER,
    TAKES_DIVISOR,
    TAKES_COUNT,
    TAKES_FLAG,
    TAKES_PATTERN,
    TAKES_NAMES,
    TAKES_SCHEMA,
    TAKES_SCHEMAS,
    TAKES_NAMED,     /* an object of schemas */
    TAKES_PATTERNED, /* whose names are patterns */
    TAKES_DEPENDENT, /* an object of schemas or lists of names */
    TAKES_ITEMS,
    TAKES_MORE_ITEMS,
    TAKES_CONTAINS,
    TAKES_IF,
    TAKES_REF,
    TAKES_NOTHING /* refused */
};

static const struct keyword {
    const char *name;
    unsigned drafts;
    unsigned types;
    schema_rule_fn *holds;
    enum operand operand;
} keywords[] = {
        {"type", ANY | NEW | OLD, ALL, rule_type, TAKES_TYPES},
        {"enum", ANY | NEW | OLD, ALL, rule_enum, TAKES_LIST},
        {"const", ANY | NEW | OLD, ALL, rule_const, TAKES_VALUE},
        {"minimum", ANY | NEW | OLD, NUMBERS, rule_minimum, TAKES_NUMBER},
        {"maximum", ANY | NEW | OLD, NUMBERS, rule_maximum, TAKES_NUMBER},
        {"exclusiveMinimum", ANY | NEW | OLD, NUMBERS, rule_above, TAKES_NUMBER},
        {"exclusiveMaximum", ANY | NEW | OLD, NUMBERS, rule_below, TAKES_NUMBER},
        {"multipleOf", ANY | NEW | OLD, NUMBERS, rule_multiple, TAKES_DIVISOR},
        {"minLength", ANY | NEW | OLD, STRINGS, rule_min_length, TAKES_COUNT},
        {"maxLength", ANY | NEW | OLD, STRINGS, rule_max_length, TAKES_COUNT},
        {"pattern", ANY | NEW | OLD, STRINGS, rule_pattern, TAKES_PATTERN},
        {"minItems", ANY | NEW | OLD, ARRAYS, rule_min_count, TAKES_COUNT},
        {"maxItems", ANY | NEW | OLD, ARRAYS, rule_max_count, TAKES_COUNT},
        {"prefixItems", ANY | NEW, ARRAYS, rule_prefix, TAKES_SCHEMAS},
        {"items", ANY | NEW | OLD, ARRAYS, rule_items, TAKES_ITEMS},
        {"additionalItems", ANY | NEW | OLD, ARRAYS, rule_items, TAKES_MORE_ITEMS},
        {"contains", ANY | NEW | OLD, ARRAYS, rule_contains, TAKES_CONTAINS},
        {"uniqueItems", ANY | NEW | OLD, ARRAYS, rule_unique, TAKES_FLAG},
        {"minProperties", ANY | NEW | OLD, OBJECTS, rule_min_count, TAKES_COUNT},
        {"maxProperties", ANY | NEW | OLD, OBJECTS, rule_max_count, TAKES_COUNT},
        {"required", ANY | NEW | OLD, OBJECTS, rule_required, TAKES_NAMES},
        {"properties", ANY | NEW | OLD, OBJECTS, rule_properties, TAKES_NAMED},
        {"patternProperties", ANY | NEW | OLD, OBJECTS, rule_patterns, TAKES_PATTERNED},
        {"additionalProperties", ANY | NEW | OLD, OBJECTS, rule_additional, TAKES_SCHEMA},
        {"propertyNames", ANY | NEW | OLD, OBJECTS, rule_names, TAKES_SCHEMA},
        {"dependentRequired", ANY | NEW, OBJECTS, rule_dependent, TAKES_DEPENDENT},
        {"dependentSchemas", ANY | NEW, OBJECTS, rule_dependent, TAKES_DEPENDENT},
        {"dependencies", ANY | OLD, OBJECTS, rule_dependent, TAKES_DEPENDENT},
        {"allOf", ANY | NEW | OLD, ALL, rule_all, TAKES_SCHEMAS},
        {"anyOf", ANY | NEW | OLD, ALL, rule_any, TAKES_SCHEMAS},
        {"oneOf", ANY | NEW | OLD, ALL, rule_one, TAKES_SCHEMAS},
        {"not", ANY | NEW | OLD, ALL, rule_not, TAKES_SCHEMA},
        {"if", ANY | NEW | OLD, ALL, rule_if, TAKES_IF},
        {"$ref", ANY | NEW | OLD, ALL, rule_all, TAKES_REF},
        {"$dynamicRef", ANY | NEW, ALL, NULL, TAKES_NOTHING},
        {"$recursiveRef", ANY | NEW, ALL, NULL, TAKES_NOTHING},
        {"unevaluatedItems", ANY | NEW, ALL, NULL, TAKES_NOTHING},
        {"unevaluatedProperties", ANY | NEW, ALL, NULL, TAKES_NOTHING},
};

/* Where a member stands while it is compiled. */
struct member {
    struct compiler *c;
    enum draft draft;
    const struct json_step *at;
    const struct json *in;   /* the schema */
    const struct json *json; /* the member */
    struct schema_rule *rule;
};

static struct schema_part *new_parts(const struct member *m, size_t count)
{
    struct schema_part *parts = arena_zalloc(compile_arena(m->c), (count + 1) * sizeof *parts);
    m->rule->parts = parts;
    m->rule->count = count;
    return parts;
}

static enum err take_types(const struct member *m)
{
    static const char *const known[] = {"null", "boolean", "number", "integer", "string", "array", "object"};
    const struct json *one = m->json->type == JSON_ARRAY ? m->json->child : m->json;
    bool fits = one != NULL;
    for (const struct json *i = one; i != NULL && fits; i = m->json->type == JSON_ARRAY ? i->next : NULL) {
        fits = false;
        for (size_t k = 0; k < ARRAY_LEN(known) && i->type == JSON_STRING; k++)
            fits = fits || str_eq(i->text, str_c(known[k]));
    }
    return fits ? ERR_OK : compile_refuse(m->c, m->at, "must be the name of a type, or a list of them");
}

static bool read_count(const struct json *v, uint64_t *out)
{
    if (v->type != JSON_NUMBER || !json_number_is_whole(v->raw) || json_number_cmp(v->raw, STR("0")) < 0)
        return false;
    if (json_number_cmp(v->raw, STR("1000000000000")) >= 0)
        *out = UINT64_MAX;
    else if (str_to_u64(v->raw, out) != ERR_OK) {
        double d = 0; /* 2.0, 1e3 */
        json_as_double(v, &d);
        *out = (uint64_t)d;
    }
    return true;
}

static enum err take_count(const struct member *m)
{
    return read_count(m->json, &m->rule->from) ? ERR_OK
                                               : compile_refuse(m->c, m->at, "must be a whole number, at least 0");
}

static bool are_names(const struct json *list)
{
    if (list->type != JSON_ARRAY)
        return false;
    for (const struct json *i = list->child; i != NULL; i = i->next) {
        if (i->type != JSON_STRING)
            return false;
    }
    return true;
}

static enum err take_pattern(const struct member *m, struct str text, const struct pattern **out)
{
    const char *why = "must be a regular expression";
    *out = pattern_compile(compile_arena(m->c), text, &why);
    return *out != NULL ? ERR_OK : compile_refuse(m->c, m->at, why);
}

static enum err take_schemas(const struct member *m, size_t min)
{
    if (m->json->type != JSON_ARRAY || m->json->count < min)
        return compile_refuse(m->c, m->at, "must be a list of at least one schema");
    struct schema_part *parts = new_parts(m, m->json->count);
    struct json_step item = {.up = m->at};
    enum err e = ERR_OK;
    for (const struct json *i = m->json->child; i != NULL && e == ERR_OK; i = i->next, item.item++)
        e = compile_node(m->c, &item, i, &parts[item.item].node);
    return e;
}

/* Members whose values are schemas, their names names, patterns, or what others depend on. */
static enum err take_named(const struct member *m, enum operand operand)
{
    if (m->json->type != JSON_OBJECT)
        return compile_refuse(m->c, m->at, "must be an object");
    struct schema_part *parts = new_parts(m, m->json->count);
    struct schema_part *p = parts;
    enum err e = ERR_OK;
    for (const struct json *i = m->json->child; i != NULL && e == ERR_OK; i = i->next) {
        struct json_step step = {.up = m->at, .name = i->name};
        struct member inner = *m;
        inner.at = &step;
        if (json_get(m->json, i->name) != i)
            continue;
        p->name = i->name;
        if (operand == TAKES_DEPENDENT && are_names(i))
            p->names = i;
        else if (operand == TAKES_PATTERNED)
            e = take_pattern(&inner, i->name, &p->pattern);
        if (e == ERR_OK && p->names == NULL)
            e = compile_node(m->c, &step, i, &p->node);
        p++;
    }
    m->rule->count = (size_t)(p - parts);
    return e;
}

static enum err take_schema(const struct member *m)
{
    return compile_node(m->c, m->at, m->json, &new_parts(m, 1)->node);
}

/* A list is the older way to write prefixItems. */
static enum err take_items(const struct member *m)
{
    const struct json *prefix = m->draft != DRAFT_OLD ? json_get(m->in, STR("prefixItems")) : NULL;
    if (m->json->type == JSON_ARRAY) {
        m->rule->holds = rule_prefix;
        return take_schemas(m, 0);
    }
    m->rule->from = prefix != NULL && prefix->type == JSON_ARRAY ? prefix->count : 0;
    return take_schema(m);
}

static enum err take_more_items(const struct member *m, bool *used)
{
    const struct json *items = json_get(m->in, STR("items"));
    *used = items != NULL && items->type == JSON_ARRAY;
    m->rule->from = *used ? items->count : 0;
    return *used ? take_schema(m) : ERR_OK;
}

static enum err take_contains(const struct member *m)
{
    static const char *const names[] = {"minContains", "maxContains"};
    uint64_t *const to[] = {&m->rule->from, &m->rule->to};
    m->rule->from = 1;
    m->rule->to = UINT64_MAX;
    for (size_t i = 0; i < 2 && m->draft != DRAFT_OLD; i++) {
        struct json_step step = {.up = m->at->up, .name = str_c(names[i])};
        const struct json *v = json_get(m->in, step.name);
        if (v != NULL && !read_count(v, to[i]))
            return compile_refuse(m->c, &step, "must be a whole number, at least 0");
    }
    return take_schema(m);
}

static enum err take_if(const struct member *m)
{
    static const char *const names[] = {"if", "then", "else"};
    struct schema_part *parts = new_parts(m, 3);
    enum err e = ERR_OK;
    for (size_t i = 0; i < 3 && e == ERR_OK; i++) {
        struct json_step step = {.up = m->at->up, .name = str_c(names[i])};
        const struct json *v = json_get(m->in, step.name);
        if (v != NULL)
            e = compile_node(m->c, &step, v, &parts[i].node);
    }
    return e;
}

static enum err take_operand(const struct member *m, enum operand operand, bool *used)
{
    const struct json *v = m->json;
    switch (operand) {
    case TAKES_TYPES:
        return take_types(m);
    case TAKES_LIST:
        return v->type == JSON_ARRAY ? ERR_OK : compile_refuse(m->c, m->at, "must be a list");
    case TAKES_VALUE:
        return ERR_OK;
    case TAKES_NUMBER:
        return v->type == JSON_NUMBER ? ERR_OK : compile_refuse(m->c, m->at, "must be a number");
    case TAKES_DIVISOR:
        if (v->type == JSON_NUMBER && json_divisor_read(v->raw, &m->rule->divisor) == ERR_OK)
            return ERR_OK;
        return compile_refuse(m->c, m->at, "must be a number above 0 with at most 18 digits");
    case TAKES_COUNT:
        return take_count(m);
    case TAKES_FLAG:
        *used = v->type == JSON_TRUE;
        return *used || v->type == JSON_FALSE ? ERR_OK : compile_refuse(m->c, m->at, "must be true or false");
    case TAKES_PATTERN:
        return v->type == JSON_STRING ? take_pattern(m, v->text, &new_parts(m, 1)->pattern)
                                      : compile_refuse(m->c, m->at, "must be a string");
    case TAKES_NAMES:
        return are_names(v) ? ERR_OK : compile_refuse(m->c, m->at, "must be a list of strings");
    case TAKES_SCHEMA:
        return take_schema(m);
    case TAKES_SCHEMAS:
        return take_schemas(m, 1);
    case TAKES_NAMED:
    case TAKES_PATTERNED:
    case TAKES_DEPENDENT:
        return take_named(m, operand);
    case TAKES_ITEMS:
        return take_items(m);
    case TAKES_MORE_ITEMS:
        return take_more_items(m, used);
    case TAKES_CONTAINS:
        return take_contains(m);
    case TAKES_IF:
        return take_if(m);
    case TAKES_REF:
        return v->type == JSON_STRING ? compile_ref(m->c, m->at, v->text, &new_parts(m, 1)->node)
                                      : compile_refuse(m->c, m->at, "must be a string");
    case TAKES_NOTHING:
        return compile_refuse(m->c, m->at, "is a keyword that is not supported");
    }
    return ERR_INTERNAL;
}

enum err keyword_compile(struct compiler *c, enum draft draft, const struct json_step *at, const struct json *from,
                         const struct json *member, struct schema_rule *out, bool *used)
{
    *used = false;
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct keyword *k = &keywords[i];
        if (!str_eq(member->name, str_c(k->name)) || (k->drafts & (1u << draft)) == 0)
            continue;
        *out = (struct schema_rule){.holds = k->holds, .types = k->types, .value = member};
        *used = true;
        struct member m = {.c = c, .draft = draft, .at = at, .in = from, .json = member, .rule = out};
        return take_operand(&m, k->operand, used);
    }
    return ERR_OK;
}
