/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as JSON: one document (YAML 1.1 syntax, scalars by the core schema of YAML 1.2) becomes the text of a JSON
 * value.
 *
 * Bounded in every direction: aliases are written out where they stand and count against the size of the result, which
 * nothing may exceed, so that a few lines cannot become gigabytes. Merge keys (`<<`) are ordinary keys. Refused:
 * several documents, keys that are no scalars, an alias inside of what it stands for.
 */
#ifndef PR_JSON_YAML_H
#define PR_JSON_YAML_H

#include "base/buf.h"

struct yaml_error {
    size_t line; /* from 1 */
    size_t column;
    const char *why; /* static */
};

/* Appends the JSON to `out`, whose max is the bound. ERR_SYNTAX fills *error; `out` then holds anything. */
MUST_USE enum err yaml_to_json(struct str text, struct buf *out, struct yaml_error *error);

#endif
