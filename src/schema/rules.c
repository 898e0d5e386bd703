/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of single values, of arrays, and of schemas together. */
#include "schema/rules.h"

#define RULE(name)                                                                                                     \
    bool rule_##name(struct checking *c, const struct schema_node *n, const struct schema_rule *r,                     \
                     const struct json *v, const struct json_step *at)
#define UNUSED_NODE ((void)n)

#define SHOWN_MAX 60

static bool fits_type(const struct json *v, struct str name)
{
    static const char *const names[] = {
            [JSON_NONE] = "",         [JSON_NULL] = "null",     [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
            [JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
    if (str_eq(name, STR("integer")))
        return v->type == JSON_NUMBER && json_number_is_whole(v->raw);
    return str_eq(name, str_c(names[v->type]));
}

RULE(type)
{
    UNUSED_NODE;
    if (r->value->type == JSON_STRING)
        return fits_type(v, r->value->text) || check_misfit(c, at, "must be of type " STR_FMT, STR_ARG(r->value->text));
    for (const struct json *i = r->value->child; i != NULL; i = i->next) {
        if (fits_type(v, i->text))
            return true;
    }
    return check_misfit(c, at, "must be of one of the types " STR_FMT, STR_ARG(str_take(r->value->raw, SHOWN_MAX)));
}

RULE(enum)
{
    UNUSED_NODE;
    for (const struct json *i = r->value->child; i != NULL && c->steps > 0; i = i->next) {
        if (json_equal(v, i, &c->steps))
            return true;
    }
    return check_misfit(c, at, "must be one of %zu fixed values", r->value->count);
}

RULE(const)
{
    UNUSED_NODE;
    return json_equal(v, r->value, &c->steps) || check_misfit(c, at, "must be one fixed value");
}

static bool is_bound(struct checking *c, const struct schema_rule *r, const struct json_step *at, bool fits,
                     const char *word)
{
    return fits || check_misfit(c, at, "must be %s " STR_FMT, word, STR_ARG(str_take(r->value->raw, SHOWN_MAX)));
}

RULE(minimum)
{
    UNUSED_NODE;
    return is_bound(c, r, at, json_number_cmp(v->raw, r->value->raw) >= 0, "at least");
}

RULE(maximum)
{
    UNUSED_NODE;
    return is_bound(c, r, at, json_number_cmp(v->raw, r->value->raw) <= 0, "at most");
}

RULE(above)
{
    UNUSED_NODE;
    return is_bound(c, r, at, json_number_cmp(v->raw, r->value->raw) > 0, "more than");
}

RULE(below)
{
    UNUSED_NODE;
    return is_bound(c, r, at, json_number_cmp(v->raw, r->value->raw) < 0, "less than");
}

RULE(multiple)
{
    UNUSED_NODE;
    return is_bound(c, r, at, json_number_divides(v->raw, &r->divisor), "a multiple of");
}

static uint64_t characters(struct str s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xc0) != 0x80;
    return n;
}

RULE(min_length)
{
    UNUSED_NODE;
    return characters(v->text) >= r->from ||
           check_misfit(c, at, "must have at least %llu characters", (unsigned long long)r->from);
}

RULE(max_length)
{
    UNUSED_NODE;
    return characters(v->text) <= r->from ||
           check_misfit(c, at, "must have at most %llu characters", (unsigned long long)r->from);
}

RULE(pattern)
{
    UNUSED_NODE;
    return pattern_finds(c, r->parts[0].pattern, v->text) ||
           check_misfit(c, at, "must match the pattern " STR_FMT, STR_ARG(str_take(r->value->text, SHOWN_MAX)));
}

/* ---- arrays ---- */

RULE(items)
{
    UNUSED_NODE;
    struct json_step item = {.up = at};
    for (const struct json *i = v->child; i != NULL; i = i->next, item.item++) {
        if (item.item >= r->from && !check_node(c, r->parts[0].node, i, &item))
            return false;
    }
    return true;
}

RULE(prefix)
{
    UNUSED_NODE;
    struct json_step item = {.up = at};
    for (const struct json *i = v->child; i != NULL && item.item < r->count; i = i->next, item.item++) {
        if (!check_node(c, r->parts[item.item].node, i, &item))
            return false;
    }
    return true;
}

RULE(contains)
{
    UNUSED_NODE;
    uint64_t found = 0;
    c->quiet++;
    for (const struct json *i = v->child; i != NULL && c->steps > 0; i = i->next)
        found += check_node(c, r->parts[0].node, i, at) ? 1 : 0;
    c->quiet--;
    if (found < r->from)
        return check_misfit(c, at, "must contain at least %llu items of a kind", (unsigned long long)r->from);
    return found <= r->to ||
           check_misfit(c, at, "must contain at most %llu items of a kind", (unsigned long long)r->to);
}

RULE(unique)
{
    UNUSED_NODE;
    (void)r;
    struct json_step item = {.up = at};
    for (const struct json *i = v->child; i != NULL; i = i->next, item.item++) {
        for (const struct json *j = v->child; j != i; j = j->next) {
            if (json_equal(i, j, &c->steps))
                return check_misfit(c, &item, "must differ from the items before it");
            if (c->steps == 0)
                return false;
        }
    }
    return true;
}

/* ---- schemas together ---- */

RULE(all)
{
    UNUSED_NODE;
    for (size_t i = 0; i < r->count; i++) {
        if (!check_node(c, r->parts[i].node, v, at))
            return false;
    }
    return true;
}

static size_t count_fits(struct checking *c, const struct schema_rule *r, const struct json *v,
                         const struct json_step *at, size_t enough)
{
    size_t n = 0;
    c->quiet++;
    for (size_t i = 0; i < r->count && n < enough && c->steps > 0; i++)
        n += check_node(c, r->parts[i].node, v, at) ? 1 : 0;
    c->quiet--;
    return n;
}

RULE(any)
{
    UNUSED_NODE;
    return count_fits(c, r, v, at, 1) > 0 || check_misfit(c, at, "must fit at least one of %zu schemas", r->count);
}

RULE(one)
{
    UNUSED_NODE;
    size_t fits = count_fits(c, r, v, at, 2);
    return fits == 1 ||
           check_misfit(c, at, "must fit exactly one of %zu schemas, not %s", r->count, fits == 0 ? "none" : "several");
}

RULE(not )
{
    UNUSED_NODE;
    return count_fits(c, r, v, at, 1) == 0 || check_misfit(c, at, "must not fit the schema of \"not\"");
}

RULE(if)
{
    UNUSED_NODE;
    struct schema_rule condition = {.parts = r->parts, .count = 1};
    const struct schema_node *next = r->parts[count_fits(c, &condition, v, at, 1) > 0 ? 1 : 2].node;
    return next == NULL || check_node(c, next, v, at);
}
