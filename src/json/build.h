/* SPDX-License-Identifier: Apache-2.0 */
/* What scan.c tells tree.c while it goes over a document, token after token, so that a tree is made in the same pass.
 */
#ifndef PR_JSON_BUILD_H
#define PR_JSON_BUILD_H

#include "json/tree.h"

struct json_builder {
    struct arena *arena;
    struct json *root;
    struct json *open[JSON_DEPTH_MAX]; /* containers that are open */
    struct json *last[JSON_DEPTH_MAX]; /* their last child so far */
    size_t depth;
    size_t deepest;
    struct str name; /* of the member that comes next */
};

/* Name, then value; a container is open until it is closed. Pointers are into the document. */
void json_build_name(struct json_builder *b, struct json_slice name);
void json_build_scalar(struct json_builder *b, struct json_slice value);
void json_build_open(struct json_builder *b, const char *bracket);
void json_build_close(struct json_builder *b, const char *behind);

/* json_check that tells what it finds. What was built is of use only when it is ERR_OK. */
MUST_USE enum err json_scan(struct str doc, struct json_builder *b, struct json_error *error);

#endif
