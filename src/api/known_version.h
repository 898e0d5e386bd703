/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published versions of automations, compiled. They never change, so what is known of one stays true. One thread's.
 */
#ifndef PR_API_KNOWN_VERSION_H
#define PR_API_KNOWN_VERSION_H

#include "api/automation.h"

struct known_version {
    oid_t id;
    struct automation_version version;
    struct definition def;
    struct start start;
    bool starts; /* the trigger compiles */
    bool runs;   /* the steps do */
    struct arena *arena;
    uint64_t used;
};

struct known_versions {
    struct known_version **all;
    size_t count, cap;
    uint64_t clock;
};

/* *out lives until known_versions_trim. ERR_INVALID: damage; ERR_NOT_FOUND. */
MUST_USE enum err known_version_get(struct known_versions *k, struct store_reader *r, oid_t id,
                                    const struct known_version **out);
/* Forgets those that were not used for long, when there are many. */
void known_versions_trim(struct known_versions *k);
void known_versions_fini(struct known_versions *k);

#endif
