/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A single-pass JSON scanner (RFC 8259) that also checks UTF-8 (RFC 3629) and returns slices of the original bytes:
 * nothing is decoded, rounded or re-ordered, so `1.10`, `1E400` and 64-bit integers stay as they were written.
 * Lone surrogates in \u escapes are accepted, as the grammar does.
 */
#ifndef PR_JSON_SCAN_H
#define PR_JSON_SCAN_H

#include "base/buf.h"

enum json_type { JSON_NONE, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

#define JSON_DEPTH_MAX 128

struct json_error {
    size_t offset; /* bytes before the first that does not fit */
    size_t line;   /* from 1 */
    size_t column; /* from 1, in bytes */
    const char *what;
};

/* A value as it stands in the document, without the white space around it. */
struct json_slice {
    enum json_type type; /* JSON_NONE: absent */
    bool escaped;        /* a string that holds a backslash */
    struct str raw;      /* a string includes its quotes */
};

/* One wanted member of the top-level object. */
struct json_want {
    struct str name;
    struct json_slice value; /* out; the last of several equal names wins */
};

/* Checks that doc is exactly one JSON value. ERR_SYNTAX fills *error (may be NULL). */
MUST_USE enum err json_check(struct str doc, struct json_slice *value, struct json_error *error);
/*
 * Checks the whole document, which must be an object, and picks members in the same pass.
 * ERR_SYNTAX: not JSON; ERR_INVALID: JSON, but not an object.
 */
MUST_USE enum err json_pick(struct str doc, struct json_want *wants, size_t count, struct json_error *error);

/* How deep arrays and objects are nested in a text that is JSON. */
size_t json_depth(struct str json);

/* The text of a string value without quotes, if it has no escapes; else decode it. */
static inline struct str json_plain(struct json_slice v)
{
    return str_of(v.raw.ptr + 1, v.raw.len - 2);
}
/* Appends the decoded text of a string value as UTF-8; lone surrogates become U+FFFD. */
void json_unescape(struct json_slice v, struct buf *out);

#endif
