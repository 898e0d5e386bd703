/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A read-only tree over a JSON document, for configuration bodies. Nodes live in an arena; numbers keep their text.
 */
#ifndef PR_JSON_TREE_H
#define PR_JSON_TREE_H

#include "base/arena.h"
#include "json/scan.h"

struct json {
    enum json_type type;
    struct str raw;  /* the value as written */
    struct str text; /* JSON_STRING: decoded */
    struct str name; /* decoded member name, when inside an object */
    struct json *next;
    struct json *child; /* first member or item */
    size_t count;       /* members or items */
};

/* Parses exactly one value. The tree points into doc, which must outlive it. ERR_SYNTAX fills *error (may be NULL). */
MUST_USE enum err json_parse(struct arena *a, struct str doc, struct json **out, struct json_error *error);
/* The same; *depth: how deep arrays and objects are nested (json_depth). */
MUST_USE enum err json_parse_deep(struct arena *a, struct str doc, struct json **out, size_t *depth,
                                  struct json_error *error);
/* The member of an object (last one wins), or NULL; NULL when j is NULL or no object. */
const struct json *json_get(const struct json *j, struct str name);
/* Typed access; false when j is NULL or of another type (or, for int, not an integer in range). */
bool json_as_str(const struct json *j, struct str *out);
bool json_as_i64(const struct json *j, int64_t *out);
bool json_as_double(const struct json *j, double *out);
bool json_as_bool(const struct json *j, bool *out);
static inline bool json_is_null(const struct json *j)
{
    return j != NULL && j->type == JSON_NULL;
}

#endif
