/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports: a file of records that is written row by row by a background task (task_import.c).
 *
 * What there is of one, documents of kind DOC_IMPORT:
 *  - the order (ref 0, keyed by the task's number): what to do, by whom; gone when the import has ended;
 *  - the state (ref: the task): how far it is and what went wrong; kept as long as the task;
 *  - the parts (ref: the task, after the state): the file, cut between rows, in order of their ids; each goes with the
 *    rows that it held.
 *
 * Invariants
 *  1. The file is stored before the task is, so what was answered 202 is there.
 *  2. Rows, their events and the state are one commit: a row is written once, whatever is killed when.
 *  3. The first part is the one to go on with, at state.at.
 */
#ifndef PR_API_IMPORT_H
#define PR_API_IMPORT_H

#include "api/record.h"
#include "api/task.h"
#include "base/time.h"
#include "records/import.h"

#define IMPORT_PART_BYTES ((size_t)256 << 10)
#define IMPORT_ERRORS_MAX 100 /* listed; all are counted */
#define IMPORTS_MAX       10  /* under way in a workspace */
#define IMPORT_KEEP_MS    (TASK_KEEP_MS + TIME_DAY_MS)

struct import_state {
    oid_t id; /* of its document */
    uint64_t version;
    struct str type; /* of the records, by name */
    struct str file; /* its name, null: not told */
    bool dry_run;
    int64_t bytes; /* of the file's rows */
    int64_t rows;
    int64_t at;         /* in the part, bytes */
    int64_t line;       /* in the file */
    int64_t done_bytes; /* of all parts */
    int64_t processed;  /* rows; the sum of those below */
    int64_t created;
    int64_t updated;
    int64_t unchanged;
    int64_t skipped; /* by the mode */
    int64_t failed;
    int64_t listed;    /* of them in errors */
    struct str errors; /* JSON objects with commas between */
};

/* What is to be done. */
struct import_order {
    struct import_options options;
    struct str actor; /* JSON object, or null */
};

struct doc import_state_doc(struct arena *a, const struct import_state *s, oid_t app, oid_t task, int64_t now_ms);
struct doc import_order_doc(struct arena *a, const struct import_order *o, oid_t app, oid_t task, int64_t now_ms);
/* ERR_NOT_FOUND, ERR_INVALID: damage. */
MUST_USE enum err import_state_load(struct store_reader *r, struct arena *a, oid_t app, oid_t task,
                                    struct import_state *out);
MUST_USE enum err import_order_load(struct store_reader *r, struct arena *a, oid_t app, oid_t task,
                                    struct import_order *out);
/* Adds what is wrong with a row, if there is room. */
void import_error_add(struct arena *a, struct import_state *s, int64_t line, struct str key, const char *why);

/* Forgets order and parts. Blocks; what cannot be deleted now ages out. */
void import_forget(struct api *api, struct store_reader *r, oid_t app, oid_t task);
/* Members of a task's `data`, which the caller has opened; `whole`: with the errors. */
MUST_USE enum err import_write(struct api_call *call, const struct task *t, bool whole, struct json_writer *w);

#endif
