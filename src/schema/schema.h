/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema: does a value fit? The validation vocabularies of draft 2020-12, 2019-09 and draft-07 (and what draft-06
 * and draft-04 share with them), by `$schema`; without it, whatever of these is written. References stay inside the
 * schema. `format` is not checked. Refused when compiled, because they would be ignored otherwise: unevaluatedItems,
 * unevaluatedProperties, $dynamicRef, $recursiveRef, and an $id below the top. See docs/decisions.
 *
 * Pure. A compiled schema is immutable and may be shared by threads.
 */
#ifndef PR_SCHEMA_SCHEMA_H
#define PR_SCHEMA_SCHEMA_H

#include "json/tree.h"

#define SCHEMA_NODES_MAX 5000    /* subschemas */
#define SCHEMA_DEPTH_MAX 256     /* of subschemas within each other while checking */
#define SCHEMA_STEPS_MAX 1000000 /* of a check: about as many values or characters looked at */

struct schema;

struct schema_fault {
    struct str at;   /* JSON pointer: into the schema when compiling, into the value when checking */
    const char *why; /* "must be …" */
};

/* Lives in the arena and points into the tree. ERR_INVALID: *fault says where and why. */
MUST_USE enum err schema_compile(struct arena *a, const struct json *from, const struct schema **out,
                                 struct schema_fault *fault);
/*
 * ERR_INVALID: the value does not fit, or it cannot be decided within the limits above; *fault (in the arena) says
 * where and why, of the first thing found.
 */
MUST_USE enum err schema_check(const struct schema *s, struct arena *a, const struct json *value,
                               struct schema_fault *fault);

#endif
