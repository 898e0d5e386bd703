/* SPDX-License-Identifier: Apache-2.0 */
/* Environments and the profiles they are born with; see api_env in api.h. */
#ifndef PR_API_ENV_H
#define PR_API_ENV_H

#include "api/api.h"
#include "config/settings.h"

/* The environment that hears of all others, and has the types of their events from the start; see operational.h. */
#define MANAGEMENT_ENV "org_00000000000SvixManagement00"
bool env_is_operational_type(struct str name);

/* What makes this environment (an OBJ_ENV), with the profiles of this binary: changes for one commit, in the arena. */
struct object_change *env_creation(const struct api *api, struct arena *a, const struct object *env, size_t *count);

/* The body of an OBJ_PROFILE. */
struct env_profile {
    oid_t current; /* OBJ_PROFILE_VERSION */
    bool builtin;  /* as this program made it, never edited */
};
/* The row as this program makes it for an environment. plain: without the headers that begin with `svix-`. */
struct str env_profile_wanted(struct arena *a, const struct api_profile_row *row, bool plain);
/* Two changes: a new version, and the profile (an OBJ_PROFILE) that points to it. */
void env_profile_replace(const struct api *api, struct arena *a, const struct object *profile, struct str row,
                         bool builtin, int64_t now_ms, struct object_change two[2]);
MUST_USE enum err env_profile_read(struct arena *a, const struct object *o, struct env_profile *out);
struct str env_profile_body(struct arena *a, oid_t version, bool builtin);

/*
 * The rows that environments are born with: profile_builtins, with what the settings (NULL: none) change about
 * `standard`. Living in the arena; for api.rows. ERR_INVALID: the settings do not make a profile, *why says how (from
 * the arena).
 */
MUST_USE enum err env_profile_rows(struct arena *a, const struct settings *s, const struct api_profile_row **rows,
                                   size_t *count, struct str *why);
/* At start, before requests: brings the profiles of every environment up to api->rows, except those that were edited.
 */
MUST_USE enum err env_upgrade_all(struct api *api, struct store_reader *r, int64_t now_ms);

/*
 * Whether new workspaces can have api->default_profile: a row that environments are born with, or one of the default
 * environment's own. Store errors.
 */
MUST_USE enum err env_default_profile_known(const struct api *api, struct store_reader *r, bool *out);

#endif
