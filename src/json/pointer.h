/* SPDX-License-Identifier: Apache-2.0 */
/* JSON pointers (RFC 6901): the way to a place in a document, written and followed. */
#ifndef PR_JSON_POINTER_H
#define PR_JSON_POINTER_H

#include "base/buf.h"
#include "json/tree.h"

/* One step of a way, on the stack of whoever walks: a member's name, or an item's number. */
struct json_step {
    const struct json_step *up; /* NULL: the first */
    struct str name;            /* null: an item */
    size_t item;
};

/* "/a/0/b" in the arena; the empty string is the whole document. A very long one is cut. */
struct str json_pointer_write(struct arena *a, const struct json_step *last);
/* The value at a pointer; NULL: there is none. */
const struct json *json_pointer_follow(struct arena *a, const struct json *root, struct str pointer);

#endif
