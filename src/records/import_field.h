/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that columns go to, as a tree: inner nodes are objects, leaves have a column. */
#ifndef PR_RECORDS_IMPORT_FIELD_H
#define PR_RECORDS_IMPORT_FIELD_H

#include "records/import.h"

struct import_field {
    struct str name;
    size_t column; /* of a leaf */
    struct import_field *child;
    struct import_field *next;
};

/* Builds the tree of the columns. NULL, or which two do not go together. */
const char *import_fields(struct arena *a, struct import_options *o);

#endif
