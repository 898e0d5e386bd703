/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of records: rows of CSV or lines of JSON become changes of records. Pure: what a row says; who reads the file
 * and writes the records is in api/.
 */
#ifndef PR_RECORDS_IMPORT_H
#define PR_RECORDS_IMPORT_H

#include "records/csv.h"
#include "records/record.h"

#define IMPORT_PATH_MAX 8 /* names of a field within a field */

enum import_format { IMPORT_CSV, IMPORT_JSONL };

/* What becomes of a row whose key names a record that is there, and of one whose key does not. */
enum import_mode {
    IMPORT_UPSERT, /* changed; created */
    IMPORT_CREATE, /* left; created */
    IMPORT_UPDATE  /* changed; left */
};

enum import_cell { CELL_TEXT, CELL_NUMBER, CELL_BOOLEAN, CELL_JSON, CELL_TAGS, CELL_SKIP, CELL_KINDS };

struct import_column {
    struct str name;        /* as the header says it */
    const struct str *path; /* of the field, from the outside */
    size_t depth;
    enum import_cell cell;
};

struct import_field; /* the fields of all columns, as a tree */

struct import_options {
    enum import_format format;
    enum import_mode mode;
    char separator;
    bool clear_empty; /* an empty cell takes the field away; else it says nothing */
    bool dry_run;
    const struct str *tags; /* added to every record */
    size_t tag_count;
    struct import_column *columns; /* of CSV */
    size_t column_count;
    const struct import_field *fields; /* by import_columns and import_options_read */
};

/*
 * What the columns of a header mean: a field of the same name, or what `map` says, items "column:field[:kind]" with
 * kind text, number, boolean, json or tags; no field and no kind: left out. A dot in a field's name goes into it. Where
 * the type's schema wants numbers or booleans, they are the kind by default; a column "tags", the last one
 * of that name, holds tags. An item means the first column of its name of which no item before it said anything. One of
 * them must go to the type's key, unless the mode (set before) is IMPORT_CREATE. NULL, or what is wrong.
 */
const char *import_columns(struct arena *a, const struct csv_row *header, const struct str *map, size_t map_count,
                           const struct record_type *t, struct import_options *o);

/* The stored form, an object. ERR_INVALID: damage. */
void import_options_write(const struct import_options *o, struct json_writer *w);
MUST_USE enum err import_options_read(struct arena *a, const struct json *j, struct import_options *out);

/* The next row of either format; a line of JSON is one cell. */
enum csv_result import_next(struct csv *c, enum import_format format, struct arena *a, struct csv_row *row,
                            const char **why);

/* What a row says. */
struct import_row {
    const struct json *data; /* a merge patch */
    const struct str *tags;  /* to be added */
    size_t tag_count;
    struct str key; /* null: it names none */
};

/* NULL, or what is wrong with it. */
const char *import_row_read(struct arena *a, const struct import_options *o, const struct record_type *t,
                            const struct csv_row *row, struct import_row *out);

#endif
