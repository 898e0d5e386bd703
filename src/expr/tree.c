/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents whose strings are templates. */
#include "expr/expr_impl.h"

#define TREE_VALUE_MAX ((size_t)1 << 20)

struct expr_tree {
    const struct json *from;
    const struct expr_template *text; /* of a string with expressions; else NULL */
    struct expr_tree *child;
    struct expr_tree *next;
};

struct walk {
    struct arena *arena;
    struct expr_error *error;
    struct str *pointer;
};

/* RFC 6901: ~ is ~0 and / is ~1. */
static struct str pointer_to(struct arena *a, struct str parent, const struct json *j, size_t index)
{
    struct buf out = BUF_INIT(EXPR_TEXT_MAX);
    buf_add_str(&out, parent);
    buf_add_c(&out, '/');
    if (j->name.ptr == NULL)
        buf_add_u64(&out, index);
    for (size_t i = 0; j->name.ptr != NULL && i < j->name.len; i++) {
        if (j->name.ptr[i] == '~' || j->name.ptr[i] == '/')
            buf_add_str(&out, j->name.ptr[i] == '~' ? STR("~0") : STR("~1"));
        else
            buf_add_c(&out, j->name.ptr[i]);
    }
    struct str s = arena_str(a, out.len > 0 ? buf_str(&out) : STR(""));
    buf_fini(&out);
    return s;
}

static enum err compile(struct walk *w, const struct json *from, struct str at, size_t depth, struct expr_tree *to)
{
    struct expr_tree **end = &to->child;
    size_t index = 0;
    *to = (struct expr_tree){.from = from};
    *w->pointer = at;
    if (depth > EXPR_DEPTH_MAX) {
        *w->error = (struct expr_error){.what = STR("nested too deeply")};
        return ERR_SYNTAX;
    }
    if (from->type == JSON_STRING) {
        enum err e = expr_compile(w->arena, from->text, &to->text, w->error);
        if (e == ERR_OK && expr_is_plain(to->text))
            to->text = NULL;
        return e;
    }
    for (const struct json *c = from->child; c != NULL; c = c->next, index++) {
        struct expr_tree *child = arena_alloc(w->arena, sizeof *child);
        enum err e = compile(w, c, pointer_to(w->arena, at, c, index), depth + 1, child);
        if (e != ERR_OK)
            return e;
        *end = child;
        end = &child->next;
    }
    return ERR_OK;
}

enum err expr_tree_compile(struct arena *a, const struct json *from, const struct expr_tree **out,
                           struct expr_error *error, struct str *pointer)
{
    struct walk w = {.arena = a, .error = error, .pointer = pointer};
    struct expr_tree *t = arena_alloc(a, sizeof *t);
    *error = (struct expr_error){0};
    *out = t;
    return compile(&w, from, STR(""), 0, t);
}

static enum err fill(const struct expr_tree *t, struct expr_env *env, struct json_writer *w)
{
    const struct json *from = t->from, *value;
    enum err e = ERR_OK;
    size_t index = 0;
    if (t->text != NULL) {
        e = expr_value(t->text, env, &value);
        if (e == ERR_OK)
            expr_value_write(value, w);
        return e;
    }
    if (from->type != JSON_OBJECT && from->type != JSON_ARRAY) {
        json_w_raw(w, from->raw);
        return ERR_OK;
    }
    from->type == JSON_OBJECT ? json_w_object(w) : json_w_array(w);
    for (const struct expr_tree *c = t->child; c != NULL && e == ERR_OK; c = c->next, index++) {
        if (from->type == JSON_OBJECT)
            json_w_name(w, c->from->name);
        e = fill(c, env, w);
        if (e != ERR_OK) /* on the way back up, each level puts its name before */
            env->at = arena_printf(env->arena, STR_FMT STR_FMT,
                                   STR_ARG(pointer_to(env->arena, STR(""), c->from, index)), STR_ARG(env->at));
    }
    from->type == JSON_OBJECT ? json_w_object_end(w) : json_w_array_end(w);
    return e;
}

enum err expr_tree_fill(const struct expr_tree *t, struct expr_env *env, struct json_writer *w)
{
    env->at = STR("");
    return fill(t, env, w);
}

void expr_tree_each_path(const struct expr_tree *t, expr_path_fn *visit, void *arg)
{
    if (t->text != NULL)
        expr_each_path(t->text, visit, arg);
    for (const struct expr_tree *c = t->child; c != NULL; c = c->next)
        expr_tree_each_path(c, visit, arg);
}

/* Whether nothing in it is a template. */
static bool is_constant(const struct expr_tree *t)
{
    bool constant = t->text == NULL;
    for (const struct expr_tree *c = t->child; c != NULL && constant; c = c->next)
        constant = is_constant(c);
    return constant;
}

enum err expr_tree_value(const struct expr_tree *t, struct expr_env *env, const struct json **out)
{
    env->at = STR("");
    if (t->text != NULL)
        return expr_value(t->text, env, out);
    if (is_constant(t)) {
        *out = t->from;
        return ERR_OK;
    }
    struct buf text = BUF_INIT(TREE_VALUE_MAX);
    struct json_writer w = json_writer(&text);
    struct json *tree = NULL;
    enum err e = fill(t, env, &w);
    if (e == ERR_OK && text.overflow) {
        env->why = STR("it makes more than 1,048,576 bytes");
        e = ERR_TOO_LARGE;
    }
    if (e == ERR_OK && json_parse(env->arena, arena_str(env->arena, buf_str(&text)), &tree, NULL) != ERR_OK) {
        env->why = STR("it is nested too deeply");
        e = ERR_INVALID;
    }
    buf_fini(&text);
    *out = tree;
    return e;
}
