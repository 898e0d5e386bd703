/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with expressions, `Hello {{ trigger.body.name | default: "you" }}`: how the steps of an automation speak of
 * what came in. Not a programming language: no loops, no assignments, nothing that reads files, network or environment.
 *
 *   template    text and `{{ expression }}`, any number; `{{ "{{" }}` writes two braces
 *   expression  operand, then any number of `| filter` or `| filter: argument, argument`
 *   operand     a path, "text" or 'text' (with \" \' \\ \n \t), a JSON number, true, false, null
 *   path        root.name.name, root["odd name"], root.items[0], root.items[-1] (from the end)
 *
 * A path that leads nowhere is missing: empty in text, null where the expression stands alone (and so keeps its type),
 * and `default` gives it a value, `required` makes it an error. Numbers keep the digits that they came with unless a
 * filter computes. What comes out is never evaluated again. The filters are in expr_filters[] with what they do.
 *
 * Compiling is done once, when a step is saved; a compiled template is immutable and shared by threads.
 */
#ifndef PR_EXPR_EXPR_H
#define PR_EXPR_EXPR_H

#include "json/tree.h"
#include "json/write.h"

#define EXPR_TEXT_MAX     65536 /* bytes of a template */
#define EXPR_PARTS_MAX    1000  /* texts and expressions in one */
#define EXPR_SEGMENTS_MAX 32    /* of a path */
#define EXPR_FILTERS_MAX  16    /* of an expression */
#define EXPR_ARGS_MAX     3     /* of a filter */
#define EXPR_DEPTH_MAX    32    /* of values that are built */
#define EXPR_STEPS        100000
#define EXPR_BYTES        (1u << 20)
#define EXPR_MISSING_MAX  32

struct expr_template;

struct expr_error {
    size_t at;       /* bytes before what does not fit */
    struct str what; /* for people; in the arena or static */
};

/* Compiles; the template lives in the arena and points into the text. ERR_SYNTAX: *error. */
MUST_USE enum err expr_compile(struct arena *a, struct str text, const struct expr_template **out,
                               struct expr_error *error);
/* Whether it is exactly one expression: then its value keeps its type. */
bool expr_is_single(const struct expr_template *t);
/* Whether there is any expression in it. */
bool expr_is_plain(const struct expr_template *t);
/* Its parts in their order: what is written between expressions; of an expression, and where there is none, the null
 * str.
 */
size_t expr_part_count(const struct expr_template *t);
struct str expr_part_text(const struct expr_template *t, size_t i);

/* Called for each path: its root, and the name that follows; the null str: none does, or an index. */
typedef void expr_path_fn(void *arg, struct str root, struct str next);
void expr_each_path(const struct expr_template *t, expr_path_fn *visit, void *arg);

/* A name that paths may begin with; value NULL: nothing there. */
struct expr_root {
    struct str name;
    const struct json *value;
};

/* One evaluation, or several that share a budget. Zero-initialise, then fill in what is not "out". */
struct expr_env {
    struct arena *arena; /* for what filters make */
    const struct expr_root *roots;
    size_t root_count;
    int64_t now_ms; /* of `now` */
    size_t steps;   /* used so far: members looked at, filters, items. At most EXPR_STEPS */
    size_t bytes;   /* made so far. At most EXPR_BYTES */
    /* Of conditions: values compared so far, long texts as several, and how many may be; 0: as condition.c says. */
    size_t compared;
    size_t compared_max;
    /* out */
    struct str why;                       /* what failed, in words, with the path or the filter */
    struct str at;                        /* of a tree: the pointer (RFC 6901) to the string that failed */
    struct str missing[EXPR_MISSING_MAX]; /* the paths that led nowhere */
    size_t missing_count;
};

/* What the text will be part of. Only values are encoded, never what the template's author wrote. */
enum expr_dest {
    EXPR_TEXT, /* as it is */
    /* percent-encoded, but for an expression at the very beginning, which may be a whole URL. In the host behind what
     * is written or was put before, a value has no dots; one of dots alone is no part of a path. */
    EXPR_URL,
    EXPR_HEADER, /* control characters are an error */
    EXPR_HTML,   /* & < > " ' escaped */
    /* In a string of what is written: escaped, without quotes. Elsewhere: as JSON, missing null; what ends with the
     * filter `json` is JSON already. Right behind a backslash is an error. */
    EXPR_JSON,
    EXPR_FORM, /* percent-encoded everywhere; what ends with the filter `urlencode` is so already */
    /* & < > " ' escaped in text and quotes, CDATA sections begun anew where a value would end one. In a tag, outside of
     * quotes, what is no name is an error; so are, everywhere, characters that XML cannot hold. */
    EXPR_XML
};

/* Appends the text. ERR_INVALID: env->why; ERR_TOO_LARGE: over a budget, env->why says which. */
MUST_USE enum err expr_text(const struct expr_template *t, enum expr_dest dest, struct expr_env *env, struct buf *out);
/* The value of a single expression, JSON null when missing; of any other template its text as a string. In the env's
 * arena. Errors as above. */
MUST_USE enum err expr_value(const struct expr_template *t, struct expr_env *env, const struct json **out);
/* The text of a value as expr_text writes it: strings as they are, null nothing, objects and arrays as JSON. */
MUST_USE enum err expr_value_text(const struct json *v, struct expr_env *env, struct buf *out);
/* Writes a value, also one that was made and has no text yet. */
void expr_value_write(const struct json *v, struct json_writer *w);

/* A JSON document whose strings are templates: built as a tree, never by pasting text. */
struct expr_tree;
/* Compiles every string in it, names excepted. ERR_SYNTAX: *error, and *pointer (RFC 6901) to the string. */
MUST_USE enum err expr_tree_compile(struct arena *a, const struct json *from, const struct expr_tree **out,
                                    struct expr_error *error, struct str *pointer);
void expr_tree_each_path(const struct expr_tree *t, expr_path_fn *visit, void *arg);
/* Writes it filled in. On an error env->at says in which string. */
MUST_USE enum err expr_tree_fill(const struct expr_tree *t, struct expr_env *env, struct json_writer *w);

/* The same as a value: what is there already is not written anew. In the env's arena, or that of the tree. */
MUST_USE enum err expr_tree_value(const struct expr_tree *t, struct expr_env *env, const struct json **out);

/* For documentation and the console. */
struct expr_filter_doc {
    const char *name;
    const char *args; /* as one writes them, "" for none */
    const char *what;
};
size_t expr_filter_count(void);
struct expr_filter_doc expr_filter_doc(size_t i);

#endif
