/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of records, as rows: which field names a record, and which events its changes cause. The types of the built-in
 * profiles are rows of this file's table; operators add theirs (OBJ_RECORD_TYPE) in the same form.
 */
#ifndef PR_RECORDS_TYPE_H
#define PR_RECORDS_TYPE_H

#include "base/arena.h"
#include "model/field.h"
#include "model/object.h"
#include "schema/schema.h"
#include "json/tree.h"
#include "json/write.h"

#define RECORD_RULES_MAX 16

/* When a rule fires. */
enum record_when {
    RECORD_CREATED, /* the record is new */
    RECORD_UPDATED, /* anything about it changed */
    RECORD_DELETED,
    RECORD_CHANGED, /* `field` has another value than before; not at creation */
    RECORD_BECOMES  /* `field` has `value` and had not before; also at creation */
};

struct record_rule {
    enum record_when when;
    struct str field;
    struct str value;
    struct str event; /* the event type's name */
};

struct record_type {
    int64_t ref;                   /* what records of it belong to: the row's number, or the object's id */
    struct str name;               /* [a-z][a-z0-9_]{0,63} */
    struct str profile;            /* of the workspaces that have it; null: all */
    struct str key;                /* the field that names a record, unique among those of the type; null: none */
    struct str schema;             /* JSON Schema of the data; null: none */
    const struct schema *compiled; /* `schema`, by whoever checks many; NULL: each check compiles it */
    struct record_rule *rules;
    size_t rule_count;
    bool builtin;
    int64_t created_ms; /* 0: built in */
    int64_t updated_ms;
};

/* The built-in type of this name, for workspaces of this profile; NULL: there is none. */
const struct record_type *record_type_builtin(struct str profile, struct str name);
/* All of them, in order of profile and name. */
const struct record_type *record_types_builtin(size_t *count);

/* Compiles the schema, if there is one, into the arena. ERR_INVALID: *fault. */
MUST_USE enum err record_type_compile(struct arena *a, struct record_type *t, struct schema_fault *fault);
/* Reads a row from a request; problems say what does not fit. */
void record_type_read(struct arena *a, const struct json *body, enum field_mode mode, struct record_type *out,
                      struct problems *problems);
/* The row's members, for answers and for the store; the caller has opened the object. */
void record_type_write(const struct record_type *t, struct json_writer *w);
/* ERR_INVALID: damage. */
MUST_USE enum err record_type_decode(struct arena *a, const struct object *o, struct record_type *out);

#endif
