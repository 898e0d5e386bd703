/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation. A test is tried on a place: a value and what is left of a path from there. `candidate` NULL is a value
 * that is not there. When the steps run out everything answers false and filter_matches lets the payload through.
 */
#include "filter/filter_impl.h"

struct matching {
    size_t steps; /* that are left */
};

struct place {
    const struct json *value; /* NULL: not there */
    const struct str *path;
    size_t path_length;
};

static bool test_holds(struct matching *m, const struct filter_test *t, struct place at);

static bool take_step(struct matching *m, size_t count)
{
    m->steps = m->steps > count ? m->steps - count : 0;
    return m->steps > 0;
}

static bool in_order(enum filter_op op, const struct json *v, const struct json *operand)
{
    if (v->type != operand->type)
        return false;
    int order = v->type == JSON_NUMBER ? json_number_cmp(v->raw, operand->raw) : str_cmp(v->text, operand->text);
    if (op == OP_GT)
        return order > 0;
    if (op == OP_GTE)
        return order >= 0;
    return op == OP_LT ? order < 0 : order <= 0;
}

static bool is_in(struct matching *m, const struct json *v, const struct json *list)
{
    for (const struct json *i = list->child; i != NULL && m->steps > 0; i = i->next) {
        if (json_equal(v, i, &m->steps))
            return true;
    }
    return false;
}

static bool has(struct str text, struct str part)
{
    return part.len == 0 || str_find_str(text, part) < text.len;
}

static bool is_index(struct str name)
{
    uint64_t n;
    return str_to_u64(name, &n) == ERR_OK;
}

static bool path_holds(struct matching *m, const struct filter_rule *r, const struct json *candidate)
{
    /* The items of an array are candidates of their own. */
    if (candidate != NULL && candidate->type == JSON_ARRAY && !is_index(r->path[0]))
        return false;
    return test_holds(m, &r->tests[0], (struct place){candidate, r->path, r->path_length});
}

/* Whether one value satisfies a rule, its negation left aside. */
static bool value_fits(struct matching *m, const struct filter_rule *r, const struct json *v)
{
    if (r->op == OP_PATH)
        return path_holds(m, r, v);
    if (v == NULL || !take_step(m, 1 + (v->type == JSON_STRING ? v->text.len / 64 : 0)))
        return false;
    switch (r->op) {
    case OP_EQ:
        return json_equal(v, r->value, &m->steps);
    case OP_IN:
        return is_in(m, v, r->value);
    case OP_GT:
    case OP_GTE:
    case OP_LT:
    case OP_LTE:
        return in_order(r->op, v, r->value);
    case OP_STARTS:
        return v->type == JSON_STRING && str_starts(v->text, r->value->text);
    case OP_ENDS:
        return v->type == JSON_STRING && str_ends(v->text, r->value->text);
    case OP_CONTAINS:
        return v->type == JSON_STRING && has(v->text, r->value->text);
    case OP_EXISTS:
        return true;
    case OP_PATH:
    case OP_AND:
    case OP_OR:
    case OP_NOT:
        break;
    }
    return false;
}

static bool is_plain(const struct filter_rule *r)
{
    return r->op <= OP_PATH && !r->negative;
}

/* `only` NULL: all plain rules of the test at once. */
static bool candidate_fits(struct matching *m, const struct filter_test *t, const struct filter_rule *only,
                           const struct json *v)
{
    if (only != NULL)
        return value_fits(m, only, v);
    for (size_t i = 0; i < t->count; i++) {
        if (is_plain(&t->rules[i]) && !value_fits(m, &t->rules[i], v))
            return false;
    }
    return m->steps > 0;
}

/* Whether one of the values that the place stands for fits; *reached: whether there is any. */
static bool any_fits(struct matching *m, const struct filter_test *t, const struct filter_rule *only, struct place at,
                     bool *reached)
{
    const struct json *v = at.value;
    if (v == NULL || !take_step(m, 1))
        return false;
    if (at.path_length == 0) {
        *reached = true;
        if (candidate_fits(m, t, only, v))
            return true;
        for (const struct json *i = v->type == JSON_ARRAY ? v->child : NULL; i != NULL && m->steps > 0; i = i->next) {
            if (take_step(m, 1) && candidate_fits(m, t, only, i))
                return true;
        }
        return false;
    }
    struct place next = {.path = at.path + 1, .path_length = at.path_length - 1};
    uint64_t n;
    if (v->type == JSON_OBJECT) {
        next.value = take_step(m, v->count) ? json_get(v, at.path[0]) : NULL;
        return any_fits(m, t, only, next, reached);
    }
    if (v->type != JSON_ARRAY)
        return false;
    bool index = str_to_u64(at.path[0], &n) == ERR_OK;
    for (const struct json *i = v->child; i != NULL && take_step(m, 1); i = i->next) {
        if (!index && i->type == JSON_OBJECT &&
            any_fits(m, t, only, (struct place){i, at.path, at.path_length}, reached))
            return true;
        if (index && n-- == 0)
            return any_fits(m, t, only, (struct place){i, next.path, next.path_length}, reached);
    }
    return false;
}

static bool plain_holds(struct matching *m, const struct filter_test *t, const struct filter_rule *only,
                        struct place at)
{
    bool reached = false;
    return any_fits(m, t, only, at, &reached) || (!reached && candidate_fits(m, t, only, NULL));
}

static bool rule_holds(struct matching *m, const struct filter_rule *r, struct place at)
{
    if (r->op == OP_NOT)
        return !test_holds(m, &r->tests[0], at);
    for (size_t i = 0; i < r->test_count; i++) {
        if (test_holds(m, &r->tests[i], at) == (r->op == OP_OR))
            return r->op == OP_OR;
    }
    return r->op == OP_AND;
}

static bool test_holds(struct matching *m, const struct filter_test *t, struct place at)
{
    bool plain = false;
    for (size_t i = 0; i < t->count && m->steps > 0; i++) {
        const struct filter_rule *r = &t->rules[i];
        if (is_plain(r))
            plain = true;
        else if (r->op <= OP_PATH ? plain_holds(m, t, r, at) : !rule_holds(m, r, at))
            return false;
    }
    return !plain || plain_holds(m, t, NULL, at);
}

bool filter_matches(const struct filter *f, const struct json *payload)
{
    struct matching m = {.steps = FILTER_STEPS_MAX};
    bool fits = test_holds(&m, &f->root, (struct place){.value = payload});
    return fits || m.steps == 0;
}
