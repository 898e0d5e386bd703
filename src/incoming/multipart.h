/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data (RFC 7578). A file is only told of: nothing here names one of the server's. */
#ifndef PR_INCOMING_MULTIPART_H
#define PR_INCOMING_MULTIPART_H

#include "base/arena.h"
#include "base/str.h"

struct part {
    struct str name;
    struct str filename; /* null: no file */
    struct str type;     /* null: none */
    struct str body;     /* a slice of the text */
};

/* ERR_SYNTAX: *why (static) says what does not fit; also when there are more than max. */
MUST_USE enum err multipart_read(struct arena *a, struct str content_type, struct str text, struct part *parts,
                                 size_t max, size_t *count, const char **why);

#endif
