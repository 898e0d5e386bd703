/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as rows of a CSV file that `record import` takes: a column for each field that any of them has, then tags, so
 * that the last column called "tags" is never a field.
 * Fields within fields have names with dots, lists are JSON, numbers keep their digits.
 */
#ifndef PR_CLI_RECORD_CSV_H
#define PR_CLI_RECORD_CSV_H

#include "json/tree.h"

/* The columns, in the order in which they were met. */
struct record_csv {
    struct arena *arena; /* has the names */
    struct str *names;
    size_t count;
};

/* Notes the columns of a record, as answers show it. ERR_TOO_LARGE: more than an import takes (CSV_COLUMNS_MAX). */
MUST_USE enum err record_csv_note(struct record_csv *c, struct arena *scratch, const struct json *record);
void record_csv_head(const struct record_csv *c, struct buf *out);
/* Appends the row; what is in no column is left out. */
void record_csv_row(const struct record_csv *c, struct arena *scratch, const struct json *record, struct buf *out);

#endif
