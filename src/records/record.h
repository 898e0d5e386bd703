/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: objects of a workspace, with a type, tags and a history. Pure: what a change makes of a record and which
 * events it causes. Data is JSON text throughout, so that numbers keep their digits.
 */
#ifndef PR_RECORDS_RECORD_H
#define PR_RECORDS_RECORD_H

#include "model/doc.h"
#include "records/type.h"

#define RECORD_DATA_MAX 65536 /* bytes of JSON */
#define RECORD_TAGS_MAX 100
#define RECORD_TAG_MAX  128 /* bytes */
#define RECORD_KEY_MAX  256 /* bytes */
/* Members of any object of the data, and how deep it may be: it is wrapped where it is stored and sent. */
#define RECORD_FIELDS_MAX 2000
#define RECORD_DEPTH_MAX  (JSON_DEPTH_MAX - 8)

struct record {
    oid_t id;
    struct str key;         /* null: none */
    struct str data;        /* JSON object */
    const struct str *tags; /* in the order they were given, none twice */
    size_t tag_count;
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t version;
};

/* ERR_INVALID: damage. */
MUST_USE enum err record_decode(struct arena *a, const struct doc *d, struct record *out);
/* Fills key and body. */
void record_encode(struct arena *a, const struct record *r, struct doc *out);

/* What shall become of a record. */
struct record_edit {
    const struct json *replace; /* the whole data, or NULL */
    const struct json *merge;   /* a merge patch (RFC 7396), or NULL */
    const struct str *add_tags; /* and `set_tags`: these and no others */
    size_t add_count;
    const struct str *remove_tags;
    size_t remove_count;
    bool set_tags;
};

/* The text of the field that names records of this type; null: there is none, or it is no text and no number. `data`
 * may be NULL. */
struct str record_key(const struct record_type *t, const struct json *data);

/* What does not fit. */
struct record_fault {
    const char *field; /* "data" or "tags" */
    struct str at;     /* JSON pointer into it, empty: all of it */
    const char *why;   /* in the arena, or static */
};

/*
 * Applies an edit; `was` is NULL for a new record. ERR_INVALID: *fault says what does not fit (too large, a bad tag, no
 * object, not as the type's schema wants it). *changed is false when all is as it was: then the schema is not asked.
 */
MUST_USE enum err record_apply(struct arena *a, const struct record_type *t, const struct record *was,
                               const struct record_edit *edit, struct record *out, bool *changed,
                               struct record_fault *fault);

/* Appends the events that the change causes: "name" in order of the rules. `is` NULL: deleted. At most
 * RECORD_RULES_MAX; returns their count. */
size_t record_events(struct arena *a, const struct record_type *t, const struct record *was, const struct record *is,
                     const struct record_rule **out);
/* The payload of such an event: the full record, and what its field was before where a rule tells of that. */
struct str record_payload(struct arena *a, const struct record_type *t, const struct record_rule *rule,
                          const struct record *was, const struct record *is, struct str id_text);
/* [{"path","from","to"}…] between two states, top-level fields and "tags". */
struct str record_differences(struct arena *a, const struct record *was, const struct record *is);

#endif
