/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled schema: nodes of rules. For the files of this folder. */
#ifndef PR_SCHEMA_SCHEMA_IMPL_H
#define PR_SCHEMA_SCHEMA_IMPL_H

#include "schema/schema.h"
#include "json/number.h"
#include "json/pointer.h"

struct pattern;
struct schema_node;
struct schema_rule;

/* What is under way: a value against a node, and what led there. */
struct check_frame {
    const struct check_frame *up;
    const struct schema_node *node;
    const struct json *value;
};

struct checking {
    const struct check_frame *frame;
    struct arena *arena;
    struct schema_fault *fault;
    size_t steps; /* that are left */
    size_t depth;
    int quiet; /* > 0: what does not fit is not the end of it, so nothing is reported */
};

/* What a rule is made of besides its operand: a subschema, with the name or pattern it is for, or names. */
struct schema_part {
    struct str name;
    const struct pattern *pattern;
    const struct schema_node *node; /* NULL: none */
    const struct json *names;       /* a list of strings */
};

struct schema_rule {
    bool (*holds)(struct checking *c, const struct schema_node *n, const struct schema_rule *r, const struct json *v,
                  const struct json_step *at);
    unsigned types;           /* 1 << json_type of the values that it looks at */
    const struct json *value; /* its operand */
    uint64_t from, to;        /* counts */
    struct json_divisor divisor;
    const struct schema_part *parts;
    size_t count;
};

struct schema_node {
    bool never; /* the schema false */
    const struct schema_rule *rules;
    size_t count;
    const struct schema_rule *properties; /* of these rules; NULL: none */
    const struct schema_rule *patterns;
};

struct schema {
    const struct schema_node *root;
};

/* What the table of keywords needs of the compiler. */
struct compiler;
/* *node: may be compiled later (a schema may hold itself). */
MUST_USE enum err compile_node(struct compiler *c, const struct json_step *at, const struct json *from,
                               const struct schema_node **node);
MUST_USE enum err compile_ref(struct compiler *c, const struct json_step *at, struct str ref,
                              const struct schema_node **node);
MUST_USE enum err compile_refuse(struct compiler *c, const struct json_step *at, const char *why);
struct arena *compile_arena(const struct compiler *c);

/* Which spelling of the standard `$schema` names. */
enum draft { DRAFT_ANY, DRAFT_OLD /* 04 to 07 */, DRAFT_NEW /* 2019-09, 2020-12 */ };

/* Compiles a member of a schema. *used = false: it is no keyword. `from` is the schema that it stands in. */
MUST_USE enum err keyword_compile(struct compiler *c, enum draft draft, const struct json_step *at,
                                  const struct json *from, const struct json *member, struct schema_rule *out,
                                  bool *used);

/* Whether it fits; reports unless quiet. */
bool check_node(struct checking *c, const struct schema_node *n, const struct json *v, const struct json_step *at);
/* Records what does not fit; false. */
bool check_misfit(struct checking *c, const struct json_step *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline bool check_step(struct checking *c, size_t count)
{
    c->steps = c->steps > count ? c->steps - count : 0;
    return c->steps > 0;
}

/* Regular expressions; NULL: it is none, *why says so. */
const struct pattern *pattern_compile(struct arena *a, struct str text, const char **why);
/* Whether it is found in the text. Takes steps; when they run out false, with c->steps = 0. */
bool pattern_finds(struct checking *c, const struct pattern *p, struct str text);

#endif
