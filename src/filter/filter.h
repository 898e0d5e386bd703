/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content filters: does a payload fit? Pure. docs/guide.md describes the language for users.
 *
 *   test    := scalar                          the value is this
 *            | { member, … }                   all hold
 *   member  := "a.b.0.c": test                 of what the path reaches ("\." is a dot, a leading "\$" a '$')
 *            | "$eq" | "$ne": any              | "$gt" | "$gte" | "$lt" | "$lte": number or string
 *            | "$in" | "$nin": [any, …]        | "$startsWith" | "$endsWith" | "$contains": string
 *            | "$exists": bool                 | "$and" | "$or": [test, …]    | "$not": test
 *
 * A path may reach several values: a name looks into every item of an array on its way, and what it ends at counts as
 * itself and, if it is an array, as each of its items. The value members of a test ($eq, $gt, paths, …) hold when one
 * of these values satisfies them all; $ne, $nin and $exists: false when none is against them; $and, $or and $not
 * combine whole tests of the same path. What is not there satisfies only the latter.
 */
#ifndef PR_FILTER_FILTER_H
#define PR_FILTER_FILTER_H

#include "json/tree.h"

#define FILTER_DEPTH_MAX      16   /* of nesting */
#define FILTER_CONDITIONS_MAX 100  /* members in all */
#define FILTER_ITEMS_MAX      1000 /* of $in, $nin */
#define FILTER_SEGMENTS_MAX   32   /* of a path */
#define FILTER_STEPS_MAX      500000

struct filter;

struct filter_fault {
    struct str at;   /* JSON pointer into the filter, in the arena */
    const char *why; /* "must be …" */
};

/* The filter lives in the arena and points into the tree. ERR_INVALID: *fault says where and why. */
MUST_USE enum err filter_compile(struct arena *a, const struct json *from, const struct filter **out,
                                 struct filter_fault *fault);
/*
 * Whether the payload fits. Looks at FILTER_STEPS_MAX nodes at most: what cannot be decided with that is let through,
 * so that no event is lost to the size of its payload.
 */
bool filter_matches(const struct filter *f, const struct json *payload);

#endif
