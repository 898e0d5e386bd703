/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the store: found, and changed by plans (plan.h), with their history and their events. */
#ifndef PR_API_RECORD_H
#define PR_API_RECORD_H

#include "api/plan.h"
#include "model/config.h"
#include "records/record.h"

/* The type of this name in a workspace: of its profile, or of its environment. ERR_NOT_FOUND. */
MUST_USE enum err record_type_find(struct store_reader *r, struct arena *a, const struct app *app, struct str name,
                                   struct record_type *out);
/* A record by id or key. ERR_NOT_FOUND. */
MUST_USE enum err record_find(const struct api *api, struct store_reader *r, struct arena *a, oid_t app,
                              const struct record_type *t, struct str text, struct doc *d, struct record *out);
/*
 * Plans a change: the document, its history, its events. was NULL: a new record. Without *changed nothing is planned.
 * ERR_INVALID: *fault.
 */
MUST_USE enum err record_plan(struct plan *p, const struct record_type *t, const struct doc *was,
                              const struct record_edit *edit, struct record *out, bool *changed,
                              struct record_fault *fault);
/* Plans its deletion. ERR_INVALID: damage. */
MUST_USE enum err record_plan_delete(struct plan *p, const struct record_type *t, const struct doc *was);

/* The workspace and the type that the path names. False: answered. */
bool record_call_type(const struct api *api, struct api_call *call, struct app *app, struct record_type *t);

/* And the record. False: answered. */
bool record_call(const struct api *api, struct api_call *call, struct app *app, struct record_type *t, struct doc *d,
                 struct record *r);
/* As answers show it. */
void record_write(const struct api *api, struct api_call *call, const struct record_type *t, const struct record *r,
                  struct json_writer *w);

extern const struct field record_in_fields[];
extern const size_t record_in_field_count;

#endif
