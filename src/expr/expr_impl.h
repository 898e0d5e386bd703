/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled templates and the table of filters, from inside. */
#ifndef PR_EXPR_EXPR_IMPL_H
#define PR_EXPR_EXPR_IMPL_H

#include "expr/expr.h"

struct segment {
    struct str name; /* null: an index */
    int64_t index;
};

struct operand {
    const struct json *literal; /* NULL: a path */
    struct str path;            /* as written */
    struct segment *segments;   /* the first is the root */
    size_t count;
};

struct filter_use {
    const struct filter_row *row;
    struct operand args[EXPR_ARGS_MAX];
    size_t arg_count;
};

struct expression {
    struct operand operand;
    struct filter_use *filters;
    size_t filter_count;
};

struct part {
    struct str text; /* null: an expression */
    const struct expression *expression;
};

struct expr_template {
    struct str text;
    const struct part *parts;
    size_t count;
};

/* ---- places in XML ---- */

enum xml_where { XML_TEXT, XML_TAG, XML_QUOTED, XML_CDATA, XML_COMMENT, XML_INSTRUCTION };

/* Zero: the beginning. */
struct xml_place {
    enum xml_where where;
    char quote;  /* of QUOTED */
    size_t from; /* where that began: of TAG with the "<", unless quotes were in it */
    size_t at;   /* so much is read */
};

/* Reads on; all: the text from its beginning. */
void xml_read(struct xml_place *p, struct str all);
/* Appends a value as it must be written here. NULL, or what is wrong with it and nothing appended. */
const char *xml_add(const struct xml_place *p, struct str s, struct buf *out);

/* ---- values ---- */

/* What a filter works on. in is never NULL but may be missing, see is_missing. */
struct filter_call {
    struct expr_env *env;
    const char *name;
    struct str path; /* of the operand, for messages */
    const struct json *in;
    const struct json *args[EXPR_ARGS_MAX];
    size_t arg_count;
};

/* The result, or NULL: failed, env->why says why. */
typedef const struct json *filter_fn(struct filter_call *c);

struct filter_row {
    const char *name;
    size_t args_min;
    size_t args_max;
    filter_fn *run;
    const char *args;
    const char *what;
};

extern const struct filter_row filters_text[];
extern const size_t filters_text_count;
extern const struct filter_row filters_value[];
extern const size_t filters_value_count;
extern const struct filter_row filters_time[];
extern const size_t filters_time_count;
/* NULL: none of this name. */
const struct filter_row *filter_find(struct str name);

/* The value that a path has that leads nowhere. */
extern const struct json value_missing;
static inline bool is_nothing(const struct json *v)
{
    return v == &value_missing || v->type == JSON_NULL || (v->type == JSON_STRING && v->text.len == 0);
}

const struct json *value_string(struct expr_env *env, struct str text);
/* text is a JSON number and lives in the arena, or is static. */
const struct json *value_number(struct expr_env *env, struct str text);
const struct json *value_i64(struct expr_env *env, int64_t v);
const struct json *value_bool(bool v);
/* Counts towards the budgets; false: over, env->why says so. */
bool spend_steps(struct expr_env *env, size_t n);
bool spend_bytes(struct expr_env *env, size_t n);
/* The text of a value; false: failed. Borrowed from the value, or in the arena. */
bool value_text(struct expr_env *env, const struct json *v, struct str *out);
/* NULL, with env->why in the form "name of path: …". */
const struct json *filter_failed(struct filter_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A copy of the buffer as a string value; frees the buffer. NULL when it overflowed or is over the budget. */
const struct json *filter_result(struct filter_call *c, struct buf *out);

#endif
