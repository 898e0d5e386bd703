/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the event types of an environment ask of its messages: an immutable snapshot, shared by the snapshots of its
 * workspaces. A change of an event type raises the version of every workspace of the environment (model/object.h), so a
 * message that met older types is matched again.
 */
#ifndef PR_CATALOG_TYPES_H
#define PR_CATALOG_TYPES_H

#include "schema/schema.h"
#include "store/store.h"

struct catalog_types;

/* An event type that asks for something. */
struct catalog_type {
    struct str name;
    const struct schema *schema;      /* what payloads must fit; NULL: nothing */
    const int64_t *retry_schedule_ms; /* between the attempts of its messages; NULL: what the endpoint uses */
    size_t retry_count;
};

/* NULL: it asks for nothing. */
const struct catalog_type *catalog_type_find(const struct catalog_types *types, struct str name);

/* ---- for the catalog ---- */

/* Reads them, with one reference. Those with a schema that cannot be compiled (damage) ask for nothing, and are logged.
 * Store errors. */
MUST_USE enum err catalog_types_load(struct store_reader *r, oid_t env, uint64_t version, struct catalog_types **out);
struct catalog_types *catalog_types_ref(struct catalog_types *types);
void catalog_types_unref(struct catalog_types *types); /* NULL is fine */
oid_t catalog_types_env(const struct catalog_types *types);
/* The environment's own version that they were read at, or an older one. */
uint64_t catalog_types_version(const struct catalog_types *types);

#endif
