/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hot path knows of a workspace, without asking the store: an immutable snapshot of its configuration, shared
 * read-only by all threads and replaced when it changes.
 *
 * Whoever changes configuration calls catalog_changed after its commit and before it answers, so that the next message
 * sees it; the version check in the commit catches what is in flight at that moment.
 */
#ifndef PR_CATALOG_CATALOG_H
#define PR_CATALOG_CATALOG_H

#include "catalog/types.h"
#include "model/config.h"
#include "signing/profile.h"
#include "store/store.h"

struct catalog;

/* A profile version, parsed. */
struct catalog_profile {
    oid_t version;
    struct profile *profile;
};

struct workspace {
    struct app app;
    uint64_t version;
    const struct endpoint *endpoints;        /* ascending by id */
    const struct catalog_profile **profiles; /* of each endpoint, in parallel: the current version it would use */
    size_t endpoint_count;
    struct catalog_types *types; /* of its environment; a reference */
};

struct catalog *catalog_new(const struct keyring *keys, struct hash_key id_key);
void catalog_free(struct catalog *c);

/* The snapshot, if it is in memory; borrowed until catalog_unref. NULL: load it. */
const struct workspace *catalog_get(struct catalog *c, oid_t app);
/* By uid within an environment. */
const struct workspace *catalog_find(struct catalog *c, struct str env, struct str uid);
void catalog_ref(const struct workspace *w);
void catalog_unref(const struct workspace *w);
/* Reads it from the store (on a reader's thread) and puts it in memory. ERR_NOT_FOUND: no such workspace, or deleted.
 */
MUST_USE enum err catalog_load(struct catalog *c, struct store_reader *r, oid_t app, const struct workspace **out);
/* A change of this workspace (or of everything in an environment: app = 0) was committed: the old snapshot is gone. */
void catalog_changed(struct catalog *c, oid_t env, oid_t app);
/* A profile version by id; loaded on first use, kept for ever (they are few and immutable). NULL: no such version. */
const struct catalog_profile *catalog_profile_get(struct catalog *c, struct store_reader *r, oid_t version);

#endif
