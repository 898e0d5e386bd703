/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics over all workspaces of an environment, for requests and for tasks. */
#ifndef PR_API_STATISTICS_H
#define PR_API_STATISTICS_H

#include "api/api.h"
#include "json/write.h"

/* What is to be counted of a workspace's endpoints. */
struct endpoint_census {
    bool without_play; /* in: leave out what points to Svix Play */
    uint64_t active;   /* out, added to */
    uint64_t disabled;
    bool takes_all;          /* an active one is subscribed to every type */
    const struct str *types; /* types that active ones name; each once */
    size_t type_count;
};
/* Reads the endpoints of a workspace in pages. */
MUST_USE enum err endpoint_census(const struct api *api, struct store_reader *r, struct arena *a, oid_t env, oid_t app,
                                  struct endpoint_census *c);
/* Attempts in [since, until) of a workspace. */
MUST_USE enum err attempts_total(struct store_reader *r, oid_t app, int64_t since_ms, int64_t until_ms, uint64_t *out);
/* The workspaces of an environment, in order, without those of operational webhooks. more: another page may follow. */
MUST_USE enum err workspaces_page(struct store_reader *r, struct arena *a, oid_t env, oid_t *after, struct object **out,
                                  size_t *count, bool *more);

#endif
