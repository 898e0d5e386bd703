/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a value fits a node, and how it is said that it does not. */
#include <stdarg.h>
#include <stdio.h>

#include "schema/schema_impl.h"

#define TOO_MUCH "is too much to check against the schema"

bool check_misfit(struct checking *c, const struct json_step *at, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    if (c->quiet > 0 || c->fault->why != NULL)
        return false;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->fault->at = json_pointer_write(c->arena, at);
    c->fault->why = arena_cstr(c->arena, str_c(text));
    return false;
}

static bool check_rules(struct checking *c, const struct schema_node *n, const struct json *v,
                        const struct json_step *at)
{
    if (n->never)
        return check_misfit(c, at, "must not be there");
    for (size_t i = 0; i < n->count; i++) {
        const struct schema_rule *r = &n->rules[i];
        if ((r->types & (1u << v->type)) != 0 && !r->holds(c, n, r, v, at))
            return false;
    }
    return c->steps > 0;
}

/* Whether the same is asked already, by references alone: {"$ref": "#"}. */
static bool is_under_way(const struct checking *c, const struct schema_node *n, const struct json *v)
{
    for (const struct check_frame *f = c->frame; f != NULL && f->value == v; f = f->up)
        if (f->node == n)
            return true;
    return false;
}

bool check_node(struct checking *c, const struct schema_node *n, const struct json *v, const struct json_step *at)
{
    if (!check_step(c, 1 + n->count))
        return false;
    if (c->depth == SCHEMA_DEPTH_MAX) {
        c->steps = 0;
        return false;
    }
    if (is_under_way(c, n, v)) /* the schema says nothing more of it by saying it again */
        return true;
    struct check_frame frame = {.up = c->frame, .node = n, .value = v};
    c->frame = &frame;
    c->depth++;
    bool fits = check_rules(c, n, v, at);
    c->depth--;
    c->frame = frame.up;
    return fits;
}

enum err schema_check(const struct schema *s, struct arena *a, const struct json *value, struct schema_fault *fault)
{
    struct schema_fault found = {.at = STR("")};
    struct checking c = {.arena = a, .fault = &found, .steps = SCHEMA_STEPS_MAX};
    if (check_node(&c, s->root, value, NULL))
        return ERR_OK;
    /* Steps that ran out decide nothing: not even that a "not" holds. */
    if (c.steps == 0)
        found = (struct schema_fault){.at = STR(""), .why = TOO_MUCH};
    *fault = found;
    return ERR_INVALID;
}
