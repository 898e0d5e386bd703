/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hot path knows of the settings of an environment: an immutable snapshot, shared by the snapshots of its
 * workspaces and replaced when the environment changes.
 *
 * A snapshot that a change has made old stays in the table until somebody has read a new one: envs_get is for
 * decisions that take the newest that is known (a retry), envs_load for those that want what is committed.
 */
#ifndef PR_CATALOG_ENVS_H
#define PR_CATALOG_ENVS_H

#include "store/store.h"

struct catalog_env {
    oid_t id;
    const int64_t *retry_schedule_ms; /* of all endpoints without one; NULL: that of the profile */
    size_t retry_count;
    bool keeps_failing; /* no endpoint is disabled because it fails */
    bool portal_reads;  /* customers change nothing in their portal */
};

struct envs;

struct envs *envs_new(void);
void envs_free(struct envs *e);
/* The newest that is in memory; borrowed until catalog_env_unref. NULL: none yet. */
const struct catalog_env *envs_get(struct envs *e, oid_t env);
/* What is committed; reads the store when that is not in memory. An environment that is not there has an empty one. */
MUST_USE enum err envs_load(struct envs *e, struct store_reader *r, oid_t env, const struct catalog_env **out);
/* A change of the environment was committed. */
void envs_changed(struct envs *e, oid_t env);

void catalog_env_ref(const struct catalog_env *env);
void catalog_env_unref(const struct catalog_env *env); /* NULL is fine */

#endif
