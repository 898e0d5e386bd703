/* SPDX-License-Identifier: Apache-2.0 */
/* Event types of an environment, stored as objects (model/object.h) whose key is the name. */
#ifndef PR_MODEL_EVENT_TYPE_H
#define PR_MODEL_EVENT_TYPE_H

#include "model/config.h"
#include "model/object.h"

struct event_type {
    struct str name;
    struct str description;
    bool archived;
    bool deprecated;
    struct str schemas; /* {"1": JSON Schema, …}; null: none */
    bool validate;      /* messages must fit the newest of them */
    struct str group_name;
    struct str feature_flag;
    const struct str *feature_flags;
    size_t feature_flag_count;
    const int64_t *retry_schedule_ms; /* NULL: none of its own */
    size_t retry_count;
    struct str profile; /* whose catalogue it came with */
};

extern const struct field event_type_fields[];
extern const size_t event_type_field_count;
/* A change does not name the type: all but the first field. */
extern const size_t event_type_change_field_count;

/* Slices live in the arena and in the object. ERR_INVALID: damage. */
MUST_USE enum err event_type_decode(struct arena *a, const struct object *o, struct event_type *out);
struct str event_type_encode(struct arena *a, const struct event_type *t);
/* The schema with the highest number; of those without a number the last. NULL: there is none. */
const struct json *event_type_newest(const struct json *schemas);

#endif
