/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog inside, for catalog.c and catalog_load.c. */
#ifndef PR_CATALOG_CATALOG_PRIV_H
#define PR_CATALOG_CATALOG_PRIV_H

#include "catalog/catalog.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/table.h"

#define TYPES_KEPT 64

struct entry {
    struct workspace workspace; /* what callers hold */
    atomic_int refs;
    struct arena *arena;
    struct str env_name; /* "org_…" */
    struct table_node by_id;
    struct table_node by_uid; /* linked when the workspace has a uid */
    struct list used;
    bool in_table;
};

struct catalog {
    pthread_mutex_t lock;
    const struct keyring *keys;
    struct hash_key id_key;
    struct table by_id, by_uid, profiles;
    struct list used; /* least recently used first */
    size_t cost;
    uint64_t changes;
    struct envs *envs;
    struct catalog_types *types[TYPES_KEPT]; /* of the environments that were asked for last, newest first */
};

/* With the lock held: in the place of older ones of the same id or uid, with a reference of the tables' own. */
void catalog_insert(struct catalog *c, struct entry *e);

#endif
