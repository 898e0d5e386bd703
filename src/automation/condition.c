/* SPDX-License-Identifier: Apache-2.0 */
#include "automation/condition.h"

#include "json/number.h"

#define COMPARED_MAX 1000000 /* values, and pieces of 64 bytes of texts, in the conditions of a step */

enum op { OP_EQ, OP_NE, OP_GT, OP_GTE, OP_LT, OP_LTE, OP_CONTAINS, OP_STARTS, OP_EXISTS, OP_IN, OPS };
static const char *const op_names[OPS] = {"eq",  "ne",       "gt",          "gte",    "lt",
                                          "lte", "contains", "starts_with", "exists", "in"};

enum kind { ALL, ANY, NOT, TEST };

struct test {
    enum op op;
    const struct expr_tree *with;
};

struct condition {
    enum kind kind;
    const struct condition **items;
    size_t count;
    const struct expr_tree *value;
    struct test *tests;
    size_t test_count;
};

/* ---- compiling ----------------------------------------------------------------------------------------------------
 */

struct compiling {
    struct arena *arena;
    struct condition_error *error;
};

static enum err refuse(struct compiling *c, struct str path, struct str what)
{
    *c->error = (struct condition_error){path, what};
    return ERR_INVALID;
}

static struct str below(struct compiling *c, struct str path, struct str name)
{
    return path.len == 0 ? name : arena_printf(c->arena, STR_FMT "." STR_FMT, STR_ARG(path), STR_ARG(name));
}

static enum err compile_value(struct compiling *c, const struct json *from, struct str path,
                              const struct expr_tree **out)
{
    struct expr_error error;
    struct str pointer;
    if (expr_tree_compile(c->arena, from, out, &error, &pointer) == ERR_OK)
        return ERR_OK;
    return refuse(c, path, arena_printf(c->arena, STR_FMT " (at character %zu)", STR_ARG(error.what), error.at + 1));
}

static bool find_op(struct str name, enum op *out)
{
    for (int i = 0; i < OPS; i++) {
        if (str_eq(name, str_c(op_names[i]))) {
            *out = (enum op)i;
            return true;
        }
    }
    return false;
}

static enum err compile_test(struct compiling *c, const struct json *from, struct str path, struct condition *out)
{
    const struct json *value = json_get(from, STR("value"));
    out->kind = TEST;
    out->tests = arena_zalloc(c->arena, (from->count + 1) * sizeof *out->tests);
    if (value == NULL)
        return refuse(c, path, STR("must have \"value\" and an operator, or one of \"all\", \"any\", \"not\""));
    enum err e = compile_value(c, value, below(c, path, STR("value")), &out->value);
    for (const struct json *m = from->child; m != NULL && e == ERR_OK; m = m->next) {
        struct test *t = &out->tests[out->test_count];
        struct str at = below(c, path, m->name);
        if (str_eq(m->name, STR("value")))
            continue;
        if (!find_op(m->name, &t->op))
            return refuse(c, at, STR("is no operator: eq, ne, gt, gte, lt, lte, contains, starts_with, exists, in"));
        if (t->op == OP_EXISTS && m->type != JSON_TRUE && m->type != JSON_FALSE)
            return refuse(c, at, STR("must be true or false"));
        e = compile_value(c, m, at, &t->with);
        out->test_count++;
    }
    return e == ERR_OK && out->test_count == 0 ? refuse(c, path, STR("has no operator")) : e;
}

static enum err compile_any(struct compiling *c, const struct json *from, struct str path, size_t depth,
                            const struct condition **out);

static enum err compile_items(struct compiling *c, const struct json *list, struct str path, size_t depth,
                              struct condition *out)
{
    if (list->type != JSON_ARRAY || list->count == 0 || list->count > CONDITION_ITEMS_MAX)
        return refuse(c, path, STR("must be a list of 1 to 100 conditions"));
    out->items = arena_alloc(c->arena, list->count * sizeof(void *));
    enum err e = ERR_OK;
    for (const struct json *i = list->child; i != NULL && e == ERR_OK; i = i->next) {
        struct str at = below(c, path, arena_printf(c->arena, "%zu", out->count));
        e = compile_any(c, i, at, depth + 1, &out->items[out->count]);
        out->count++;
    }
    return e;
}

static enum err compile_any(struct compiling *c, const struct json *from, struct str path, size_t depth,
                            const struct condition **out)
{
    struct condition *made = arena_zalloc(c->arena, sizeof *made);
    *out = made;
    if (from->type != JSON_OBJECT)
        return refuse(c, path, STR("must be an object"));
    if (depth >= CONDITION_DEPTH_MAX)
        return refuse(c, path, STR("is nested too deeply: 10 at most"));
    const struct json *first = from->child;
    if (from->count != 1)
        return compile_test(c, from, path, made);
    if (str_eq(first->name, STR("all")) || str_eq(first->name, STR("any"))) {
        made->kind = str_eq(first->name, STR("all")) ? ALL : ANY;
        return compile_items(c, first, below(c, path, first->name), depth, made);
    }
    if (!str_eq(first->name, STR("not")))
        return compile_test(c, from, path, made);
    made->kind = NOT;
    made->count = 1;
    made->items = arena_alloc(c->arena, sizeof(void *));
    return compile_any(c, first, below(c, path, STR("not")), depth + 1, &made->items[0]);
}

enum err condition_compile(struct arena *a, const struct json *from, const struct condition **out,
                           struct condition_error *error)
{
    struct compiling c = {a, error};
    return compile_any(&c, from, STR(""), 0, out);
}

/* ---- deciding -----------------------------------------------------------------------------------------------------
 */

/* How much more may be compared. */
static size_t budget(const struct expr_env *env)
{
    size_t most = env->compared_max != 0 ? env->compared_max : COMPARED_MAX;
    return env->compared < most ? most - env->compared : 0;
}

static size_t bytes_of(const struct json *v)
{
    return v->type == JSON_NUMBER ? v->raw.len : v->type == JSON_STRING ? v->text.len : 0;
}

/* Two values are looked at. */
static void spend(struct expr_env *env, const struct json *v, const struct json *w)
{
    env->compared += 1 + (bytes_of(v) + bytes_of(w)) / 64;
}

/* The number that a value is, or reads as; null: none. */
static struct str number_of(const struct json *v)
{
    struct json_slice s;
    if (v->type == JSON_NUMBER)
        return v->raw;
    if (v->type != JSON_STRING || v->text.len == 0)
        return STR_NULL;
    return json_check(v->text, &s, NULL) == ERR_OK && s.type == JSON_NUMBER ? s.raw : STR_NULL;
}

static bool equal(struct expr_env *env, const struct json *v, const struct json *w)
{
    spend(env, v, w);
    size_t may = budget(env), left = may;
    if (v->type == w->type) {
        bool same = json_equal(v, w, &left);
        env->compared += may - left;
        return same;
    }
    struct str x = number_of(v), y = number_of(w);
    if (x.ptr != NULL && y.ptr != NULL)
        return json_number_cmp(x, y) == 0;
    if (v->type == JSON_STRING && (w->type == JSON_TRUE || w->type == JSON_FALSE))
        return str_eq(v->text, w->raw);
    return w->type == JSON_STRING && (v->type == JSON_TRUE || v->type == JSON_FALSE) && str_eq(w->text, v->raw);
}

/* Whether they have an order, and which. */
static bool order(struct expr_env *env, const struct json *v, const struct json *w, int *out)
{
    spend(env, v, w);
    struct str x = number_of(v), y = number_of(w);
    if (x.ptr != NULL && y.ptr != NULL)
        *out = json_number_cmp(x, y);
    else if (v->type == JSON_STRING && w->type == JSON_STRING)
        *out = str_cmp(v->text, w->text);
    else
        return false;
    return true;
}

static bool contains(struct expr_env *env, const struct json *v, const struct json *w)
{
    if (v->type == JSON_STRING && w->type == JSON_STRING) {
        spend(env, v, w);
        return str_find_str(v->text, w->text) < v->text.len || w->text.len == 0;
    }
    if (v->type == JSON_OBJECT)
        return w->type == JSON_STRING && json_get(v, w->text) != NULL;
    for (const struct json *i = v->type == JSON_ARRAY ? v->child : NULL; i != NULL && budget(env) > 0; i = i->next) {
        if (equal(env, i, w))
            return true;
    }
    return false;
}

static bool passes(struct expr_env *env, enum op op, const struct json *v, const struct json *w)
{
    int cmp = 0;
    switch (op) {
    case OP_EQ:
        return equal(env, v, w);
    case OP_NE:
        return !equal(env, v, w);
    case OP_GT:
        return order(env, v, w, &cmp) && cmp > 0;
    case OP_GTE:
        return order(env, v, w, &cmp) && cmp >= 0;
    case OP_LT:
        return order(env, v, w, &cmp) && cmp < 0;
    case OP_LTE:
        return order(env, v, w, &cmp) && cmp <= 0;
    case OP_CONTAINS:
        return contains(env, v, w);
    case OP_STARTS:
        return v->type == JSON_STRING && w->type == JSON_STRING && str_starts(v->text, w->text);
    case OP_EXISTS:
        return (v->type != JSON_NULL) == (w->type == JSON_TRUE);
    case OP_IN:
        return w->type == JSON_ARRAY && contains(env, w, v);
    case OPS:
        break;
    }
    return false;
}

static enum err test_holds(const struct condition *c, struct expr_env *env, bool *out)
{
    const struct json *v, *w;
    enum err e = expr_tree_value(c->value, env, &v);
    *out = true;
    for (size_t i = 0; i < c->test_count && e == ERR_OK && *out; i++) {
        e = expr_tree_value(c->tests[i].with, env, &w);
        *out = e == ERR_OK && passes(env, c->tests[i].op, v, w);
    }
    if (e == ERR_OK && budget(env) == 0) {
        env->why = STR("compares too much");
        e = ERR_TOO_LARGE;
    }
    return e;
}

enum err condition_holds(const struct condition *c, struct expr_env *env, bool *out)
{
    enum err e = ERR_OK;
    if (c->kind == TEST)
        return test_holds(c, env, out);
    bool first = c->kind == ANY; /* what decides at once */
    *out = !first;
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        bool holds = false;
        e = condition_holds(c->items[i], env, &holds);
        if (holds != first && c->kind != NOT)
            continue;
        *out = c->kind == NOT ? !holds : first;
        break;
    }
    return e;
}

void condition_each_path(const struct condition *c, expr_path_fn *visit, void *arg)
{
    for (size_t i = 0; i < c->count; i++)
        condition_each_path(c->items[i], visit, arg);
    if (c->value != NULL)
        expr_tree_each_path(c->value, visit, arg);
    for (size_t i = 0; i < c->test_count; i++)
        expr_tree_each_path(c->tests[i].with, visit, arg);
}
