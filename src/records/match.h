/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of a list are wanted: with a tag, with values in fields, with a text somewhere. Pure. */
#ifndef PR_RECORDS_MATCH_H
#define PR_RECORDS_MATCH_H

#include "records/record.h"

#define RECORD_MATCH_FIELDS_MAX 10

/* Each part may be absent: then it fits all. */
struct record_match {
    struct str tag;
    struct {
        struct str path; /* names with dots between them */
        struct str value;
    } fields[RECORD_MATCH_FIELDS_MAX]; /* all of them: the same text, or a number or word as it is written */
    size_t field_count;
    struct str search; /* folded: in the key, a tag, or a text or number of the data, whatever the case of letters */
};

/* In small letters, as far as these have two cases in Latin, Greek and Cyrillic; the rest stays. */
struct str record_fold(struct arena *a, struct str s);
/* "field:value". False: it is none. */
bool record_match_field(struct record_match *m, struct str text);
bool record_match_is_empty(const struct record_match *m);
bool record_fits(struct arena *a, const struct record_match *m, const struct record *r);

#endif
