/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of objects. Of members with the same name the last counts, as everywhere. */
#include "schema/rules.h"

static const struct schema_part *part_of(const struct schema_rule *r, struct str name)
{
    for (size_t i = 0; r != NULL && i < r->count; i++) {
        if (str_eq(r->parts[i].name, name))
            return &r->parts[i];
    }
    return NULL;
}

bool rule_min_count(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                    const struct json_step *at)
{
    (void)n;
    return v->count >= r->from || check_misfit(c, at, "must have at least %llu %s", (unsigned long long)r->from,
                                               v->type == JSON_ARRAY ? "items" : "members");
}

bool rule_max_count(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                    const struct json_step *at)
{
    (void)n;
    return v->count <= r->from || check_misfit(c, at, "must have at most %llu %s", (unsigned long long)r->from,
                                               v->type == JSON_ARRAY ? "items" : "members");
}

bool rule_properties(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                     const struct json_step *at)
{
    (void)n;
    for (size_t i = 0; i < r->count; i++) {
        struct json_step member = {.up = at, .name = r->parts[i].name};
        if (!check_step(c, 1 + v->count / 8))
            return false;
        const struct json *m = json_get(v, r->parts[i].name);
        if (m != NULL && !check_node(c, r->parts[i].node, m, &member))
            return false;
    }
    return true;
}

bool rule_patterns(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                   const struct json_step *at)
{
    (void)n;
    for (const struct json *m = v->child; m != NULL; m = m->next) {
        struct json_step member = {.up = at, .name = m->name};
        for (size_t i = 0; i < r->count; i++) {
            if (pattern_finds(c, r->parts[i].pattern, m->name) && !check_node(c, r->parts[i].node, m, &member))
                return false;
            if (c->steps == 0)
                return false;
        }
    }
    return true;
}

static bool is_described(struct checking *c, const struct schema_node *n, struct str name)
{
    check_step(c, 1 + (n->properties != NULL ? n->properties->count / 8 : 0));
    if (part_of(n->properties, name) != NULL)
        return true;
    for (size_t i = 0; n->patterns != NULL && i < n->patterns->count; i++) {
        if (pattern_finds(c, n->patterns->parts[i].pattern, name))
            return true;
    }
    return false;
}

bool rule_additional(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                     const struct json_step *at)
{
    for (const struct json *m = v->child; m != NULL; m = m->next) {
        struct json_step member = {.up = at, .name = m->name};
        if (!is_described(c, n, m->name) && !check_node(c, r->parts[0].node, m, &member))
            return false;
    }
    return true;
}

bool rule_names(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                const struct json_step *at)
{
    (void)n;
    for (const struct json *m = v->child; m != NULL; m = m->next) {
        struct json_step member = {.up = at, .name = m->name};
        struct json name = {.type = JSON_STRING, .text = m->name, .raw = m->name};
        if (!check_node(c, r->parts[0].node, &name, &member))
            return false;
    }
    return true;
}

static bool has_all(struct checking *c, const struct json *names, const struct json *v, const struct json_step *at)
{
    for (const struct json *i = names->child; i != NULL; i = i->next) {
        struct json_step member = {.up = at, .name = i->text};
        if (!check_step(c, 1 + v->count / 8))
            return false;
        if (json_get(v, i->text) == NULL)
            return check_misfit(c, &member, "is missing");
    }
    return true;
}

bool rule_required(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                   const struct json_step *at)
{
    (void)n;
    return has_all(c, r->value, v, at);
}

bool rule_dependent(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                    const struct json_step *at)
{
    (void)n;
    for (size_t i = 0; i < r->count; i++) {
        const struct schema_part *p = &r->parts[i];
        if (!check_step(c, 1 + v->count / 8))
            return false;
        if (json_get(v, p->name) == NULL)
            continue;
        if (p->names != NULL ? !has_all(c, p->names, v, at) : !check_node(c, p->node, v, at))
            return false;
    }
    return true;
}
