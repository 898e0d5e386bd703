/* SPDX-License-Identifier: Apache-2.0 */
/* application/x-www-form-urlencoded (WHATWG URL): read, and put together as Twilio signs it. */
#ifndef PR_SIGNING_FORM_H
#define PR_SIGNING_FORM_H

#include "base/arena.h"
#include "base/buf.h"

#define FORM_FIELDS_MAX 10000

struct form_field {
    struct str name;
    struct str value;
};

/* The first FORM_FIELDS_MAX fields in their order, decoded; a malformed escape stays as it is. */
struct form_field *form_read(struct arena *a, struct str text, size_t *count);
/* Whether a Content-Type is that of a form. */
bool form_is_type(struct str content_type);
/* Appends name and value of each field, sorted, without duplicates. */
void form_sorted(struct arena *a, struct str text, struct buf *out);
/* The first field of this name in a query; the null str: none. */
struct str form_find(struct arena *a, struct str text, struct str name);

#endif
