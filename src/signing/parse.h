/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the two files that read a profile's row: what is read goes to the profile, the first trouble stops.
 * Functions return false after parser_fail.
 */
#ifndef PR_SIGNING_PARSE_H
#define PR_SIGNING_PARSE_H

#include "signing/row.h"
#include "json/tree.h"

struct parser {
    struct profile *p;
    bool incoming;         /* of requests that are only received: tokens and forms may be verified */
    struct arena *scratch; /* of the caller; for path and why */
    struct str path;
    struct str why;
};

/* A name in the row and what it means. */
struct choice {
    const char *name;
    int value;
};

/* Notes where and what, both copied; always false. */
bool parser_fail(struct parser *ps, const char *path, const char *why);
/*
 * Readers of a member of `obj`: absent or null leaves *out. `at` is the path of obj with its dot, "" at the top. Sizes
 * and numbers outside the range, other types and unknown choices fail.
 */
bool parser_text(struct parser *ps, const struct json *obj, const char *at, const char *name, size_t max,
                 struct str *out);
bool parser_number(struct parser *ps, const struct json *obj, const char *at, const char *name, int64_t min,
                   int64_t max, int64_t *out);
bool parser_flag(struct parser *ps, const struct json *obj, const char *at, const char *name, bool *out);
bool parser_choice(struct parser *ps, const struct json *obj, const char *at, const char *name,
                   const struct choice *choices, size_t count, int *out);
bool parser_template(struct parser *ps, const char *path, struct str text, size_t max, unsigned allowed,
                     struct template *out);
/* The member, or NULL when it is absent or null; anything but `type` sets *ok to false. */
const struct json *parser_member(struct parser *ps, const struct json *obj, const char *at, const char *name,
                                 enum json_type type, bool *ok);
/* at and name in one text. */
const char *parser_path(struct parser *ps, const char *at, const char *name);
/* Whether s has no control characters: it could not stand in a header. */
bool parser_is_line(struct str s);

/* Reads "secret", "keys", "newSecret", "algorithm" and "signatureFormat" of the row. */
bool parser_keys(struct parser *ps, const struct json *row);

/* Reads "verify". */
bool parser_verify(struct parser *ps, const struct json *row);

#endif
