/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema out of a larger document, made to stand alone: what it refers to elsewhere in the document comes along under
 * `$defs`, once each, and references point there. So schemas that refer to themselves work, and a few lines cannot
 * become many.
 */
#ifndef PR_API_BUNDLE_H
#define PR_API_BUNDLE_H

#include "base/buf.h"
#include "json/tree.h"
#include "json/write.h"

struct bundle_place {
    const struct json *node;
    struct str pointer; /* into the document */
};

/* Follows `{"$ref": "#/…"}` with nothing beside it. False: *why (static) says why not; *place is where it stopped. */
bool bundle_follow(struct arena *a, const struct json *document, struct bundle_place *place, const char **why);
/*
 * Appends the schema at this place, followed already. examples: JSON texts to be its `examples` if it has none.
 * out->max is the bound. False: *why (static), and *at is the reference it is about.
 */
bool bundle_write(struct arena *a, const struct json *document, const struct bundle_place *place,
                  const struct str *examples, size_t example_count, struct buf *out, struct str *at, const char **why);
/* Writes a schema that stands alone as a part of a document, where the pointer says. */
void bundle_embed(struct arena *a, const struct json *schema, struct str pointer, struct json_writer *w);

#endif
