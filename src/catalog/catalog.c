/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots by workspace id and by (environment, uid), least recently used first out; profile versions by id, kept for
 * ever.
 *
 * Invariants
 *  1. A snapshot in the tables holds one reference of its own; whoever got it from the catalog holds another.
 *  2. A snapshot that was read while a change was reported never enters the tables: `changes` tells.
 *  3. The version is read before the objects, so a snapshot is never older than its version says.
 */
#include "catalog/catalog_priv.h"

#include <stdlib.h>

#include "base/mem.h"

/* A workspace costs one, each endpoint another: about 1 KB each. */
#define COST_MAX 200000

struct profile_entry {
    struct catalog_profile profile;
    struct arena *arena;
    struct table_node node;
};

struct catalog *catalog_new(const struct keyring *keys, struct hash_key id_key)
{
    struct catalog *c = mem_zalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->keys = keys;
    c->id_key = id_key;
    table_init(&c->by_id);
    table_init(&c->by_uid);
    table_init(&c->profiles);
    list_init(&c->used);
    c->envs = envs_new();
    return c;
}

static struct entry *entry_of(const struct workspace *w)
{
    return CONTAINER_OF((struct workspace *)(uintptr_t)w, struct entry, workspace);
}

static uint64_t hash_uid(const struct catalog *c, struct str env, struct str uid)
{
    return hash_sip(c->id_key, uid.ptr, uid.len) ^ hash_u64(hash_sip(c->id_key, env.ptr, env.len));
}

void catalog_ref(const struct workspace *w)
{
    atomic_fetch_add_explicit(&entry_of(w)->refs, 1, memory_order_relaxed);
}

void catalog_unref(const struct workspace *w)
{
    if (w == NULL)
        return;
    struct entry *e = entry_of(w);
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1) {
        catalog_types_unref(e->workspace.types);
        catalog_env_unref(e->workspace.env);
        arena_free(e->arena);
        free(e);
    }
}

static size_t entry_cost(const struct entry *e)
{
    return 1 + e->workspace.endpoint_count;
}

/* With the lock held. */
static void drop(struct catalog *c, struct entry *e)
{
    CHECK(e->in_table);
    e->in_table = false;
    table_remove(&c->by_id, &e->by_id);
    if (e->workspace.app.uid.ptr != NULL)
        table_remove(&c->by_uid, &e->by_uid);
    list_remove(&e->used);
    c->cost -= entry_cost(e);
    catalog_unref(&e->workspace);
}

static struct entry *find_id(const struct catalog *c, oid_t app)
{
    for (struct table_node *n = table_find(&c->by_id, hash_u64((uint64_t)app)); n != NULL; n = table_next(n)) {
        struct entry *e = CONTAINER_OF(n, struct entry, by_id);
        if (e->workspace.app.id == app)
            return e;
    }
    return NULL;
}

static struct entry *find_uid(const struct catalog *c, struct str env, struct str uid)
{
    for (struct table_node *n = table_find(&c->by_uid, hash_uid(c, env, uid)); n != NULL; n = table_next(n)) {
        struct entry *e = CONTAINER_OF(n, struct entry, by_uid);
        if (str_eq(e->workspace.app.uid, uid) && str_eq(e->env_name, env))
            return e;
    }
    return NULL;
}

void catalog_insert(struct catalog *c, struct entry *e)
{
    struct entry *old = find_id(c, e->workspace.app.id);
    if (old != NULL)
        drop(c, old);
    old = e->workspace.app.uid.ptr != NULL ? find_uid(c, e->env_name, e->workspace.app.uid) : NULL;
    if (old != NULL)
        drop(c, old);
    catalog_ref(&e->workspace);
    e->in_table = true;
    table_insert(&c->by_id, &e->by_id, hash_u64((uint64_t)e->workspace.app.id));
    if (e->workspace.app.uid.ptr != NULL)
        table_insert(&c->by_uid, &e->by_uid, hash_uid(c, e->env_name, e->workspace.app.uid));
    list_push_back(&c->used, &e->used);
    c->cost += entry_cost(e);
    for (struct list *n; c->cost > COST_MAX && (n = list_first(&c->used)) != NULL && n != &e->used;)
        drop(c, CONTAINER_OF(n, struct entry, used));
}

/* With the lock held. */
static const struct workspace *lend(struct catalog *c, struct entry *e)
{
    if (e == NULL)
        return NULL;
    list_remove(&e->used);
    list_push_back(&c->used, &e->used);
    catalog_ref(&e->workspace);
    return &e->workspace;
}

const struct workspace *catalog_get(struct catalog *c, oid_t app)
{
    pthread_mutex_lock(&c->lock);
    const struct workspace *w = lend(c, find_id(c, app));
    pthread_mutex_unlock(&c->lock);
    return w;
}

const struct workspace *catalog_find(struct catalog *c, struct str env, struct str uid)
{
    pthread_mutex_lock(&c->lock);
    const struct workspace *w = lend(c, find_uid(c, env, uid));
    pthread_mutex_unlock(&c->lock);
    return w;
}

struct envs *catalog_envs(struct catalog *c)
{
    return c->envs;
}

void catalog_changed(struct catalog *c, oid_t env, oid_t app)
{
    if (app == 0)
        envs_changed(c->envs, env);
    pthread_mutex_lock(&c->lock);
    c->changes++;
    if (app != 0) {
        struct entry *e = find_id(c, app);
        if (e != NULL)
            drop(c, e);
    } else {
        for (LIST_EACH_SAFE(pos, tmp, &c->used)) {
            struct entry *e = CONTAINER_OF(pos, struct entry, used);
            if (e->workspace.app.env == env)
                drop(c, e);
        }
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- profiles -----------------------------------------------------------------------------------------------------
 */

static const struct catalog_profile *find_profile(const struct catalog *c, oid_t version)
{
    for (struct table_node *n = table_find(&c->profiles, hash_u64((uint64_t)version)); n != NULL; n = table_next(n)) {
        struct profile_entry *e = CONTAINER_OF(n, struct profile_entry, node);
        if (e->profile.version == version)
            return &e->profile;
    }
    return NULL;
}

static void free_profile(struct table_node *n, void *arg)
{
    (void)arg;
    struct profile_entry *e = CONTAINER_OF(n, struct profile_entry, node);
    profile_free(e->profile.profile);
    arena_free(e->arena);
    free(e);
}

const struct catalog_profile *catalog_profile_get(struct catalog *c, struct store_reader *r, oid_t version)
{
    pthread_mutex_lock(&c->lock);
    const struct catalog_profile *found = find_profile(c, version);
    pthread_mutex_unlock(&c->lock);
    if (found != NULL || version == 0 || r == NULL)
        return found;
    struct profile_entry *e = mem_zalloc(1, sizeof *e);
    struct object o;
    struct str path, why;
    e->arena = arena_new(8192);
    e->profile.version = version;
    if (store_get_object(r, e->arena, OBJ_PROFILE_VERSION, version, &o) != ERR_OK ||
        profile_parse(e->arena, o.body, &e->profile.profile, &path, &why) != ERR_OK) {
        arena_free(e->arena);
        free(e);
        return NULL;
    }
    pthread_mutex_lock(&c->lock);
    found = find_profile(c, version);
    if (found == NULL) {
        table_insert(&c->profiles, &e->node, hash_u64((uint64_t)version));
        found = &e->profile;
        e = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    if (e != NULL)
        free_profile(&e->node, NULL);
    return found;
}

void catalog_free(struct catalog *c)
{
    if (c == NULL)
        return;
    for (LIST_EACH_SAFE(pos, tmp, &c->used))
        drop(c, CONTAINER_OF(pos, struct entry, used));
    for (size_t i = 0; i < TYPES_KEPT; i++)
        catalog_types_unref(c->types[i]);
    table_each(&c->profiles, free_profile, NULL);
    table_fini(&c->profiles);
    table_fini(&c->by_id);
    table_fini(&c->by_uid);
    envs_free(c->envs);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
