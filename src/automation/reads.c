/* SPDX-License-Identifier: Apache-2.0 */
/* What a step reads: the paths of its templates and conditions. */
#include "automation/definition.h"

struct finding {
    struct arena *arena;
    struct step_reads *reads;
    struct str *steps;
    size_t cap;
};

static void add_step(struct finding *f, struct str id)
{
    struct step_reads *r = f->reads;
    for (size_t i = 0; i < r->step_count; i++) {
        if (str_eq(f->steps[i], id))
            return;
    }
    if (r->step_count == f->cap) {
        struct str *more = arena_alloc(f->arena, 2 * (f->cap + 4) * sizeof *more);
        if (f->cap > 0)
            memcpy(more, f->steps, f->cap * sizeof *more);
        f->cap = 2 * (f->cap + 4);
        r->steps = f->steps = more;
    }
    f->steps[r->step_count++] = id;
}

/* The roots of a run's expressions; `event` is that of a wait. */
static const char *const roots[] = {"trigger", "steps", "vars", "target", "contact", "run", "event"};

static bool is_root(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        if (str_eq(name, str_c(roots[i])))
            return true;
    }
    return false;
}

static void on_path(void *arg, struct str root, struct str next)
{
    struct finding *f = arg;
    if (f->reads->unknown.ptr == NULL && !is_root(root))
        f->reads->unknown = root;
    f->reads->trigger = f->reads->trigger || str_eq(root, STR("trigger"));
    f->reads->target = f->reads->target || str_eq(root, STR("target")) || str_eq(root, STR("contact"));
    if (!str_eq(root, STR("steps")))
        return;
    if (next.ptr == NULL)
        f->reads->all_steps = true;
    else
        add_step(f, next);
}

static void find_in(struct finding *f, const struct step_value *v)
{
    size_t n = v->texts != NULL ? v->json->count : 0;
    if (v->text != NULL)
        expr_each_path(v->text, on_path, f);
    if (v->tree != NULL)
        expr_tree_each_path(v->tree, on_path, f);
    if (v->condition != NULL)
        condition_each_path(v->condition, on_path, f);
    for (size_t i = 0; i < n; i++)
        expr_each_path(v->texts[i], on_path, f);
}

void step_find_reads(struct arena *a, struct step *s)
{
    struct finding f = {.arena = a, .reads = &s->reads};
    s->reads = (struct step_reads){0};
    for (size_t i = 0; i < s->value_count; i++)
        find_in(&f, &s->values[i]);
    for (size_t i = 0; i < s->arm_count; i++)
        condition_each_path(s->arms[i].when, on_path, &f);
}
