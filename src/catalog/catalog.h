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

#include "catalog/envs.h"
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
    const struct catalog_env *env; /* as it was when this was read */
    uint64_t version;
    const struct endpoint *endpoints;        /* ascending by id */
    const struct catalog_profile **profiles; /* of each endpoint, in parallel: the current version it would use */
    size_t endpoint_count;
    const struct endpoint *pollers; /* those that are polled are apart: nothing is delivered to them */
    const struct catalog_profile **poller_profiles;
    size_t poller_count;
    const struct str *hears; /* what its automations are to be told of, see automation/automation.h */
    size_t hear_count;
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
/* Its environments, for envs_get and envs_load; catalog_changed tells them. */
struct envs *catalog_envs(struct catalog *c);
/* The event types of an environment as they are committed, with a reference; then they are the newest. Store errors. */
MUST_USE enum err catalog_types_read(struct catalog *c, struct store_reader *r, oid_t env, struct catalog_types **out);
/* The newest that are in memory, with a reference; NULL: none. */
struct catalog_types *catalog_types_newest(struct catalog *c, oid_t env);
/* A profile version by id; loaded on first use, kept for ever (they are few and immutable). NULL: no such version. */
const struct catalog_profile *catalog_profile_get(struct catalog *c, struct store_reader *r, oid_t version);

#endif
