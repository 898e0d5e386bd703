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
#include "catalog/catalog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/table.h"
#include "json/tree.h"

/* A workspace costs one, each endpoint another: about 1 KB each. */
#define COST_MAX   200000
#define PAGE       250
#define LOAD_TRIES 4
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

struct profile_entry {
    struct catalog_profile profile;
    struct arena *arena;
    struct table_node node;
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

static void insert(struct catalog *c, struct entry *e)
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
    while (c->cost > COST_MAX && list_first(&c->used) != &e->used)
        drop(c, CONTAINER_OF(list_first(&c->used), struct entry, used));
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

/* ---- loading ------------------------------------------------------------------------------------------------------
 */

struct loading {
    struct catalog *catalog;
    struct store_reader *reader;
    struct entry *entry;
    /* the profile that the last endpoint used: neighbours mostly use the same */
    struct str last_name;
    const struct catalog_profile *last;
};

static enum err current_profile(struct loading *l, struct str name, const struct catalog_profile **out)
{
    struct object o;
    struct json *body;
    struct str text;
    uint64_t version = 0;
    if (l->last != NULL && str_eq(l->last_name, name)) {
        *out = l->last;
        return ERR_OK;
    }
    struct arena *a = l->entry->arena;
    enum err e = store_find_object(l->reader, a, OBJ_PROFILE, l->entry->workspace.app.env, 0, name, &o);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_INVALID : e;
    if (json_parse(a, o.body, &body, NULL) != ERR_OK || !json_as_str(json_get(body, STR("current")), &text) ||
        str_to_u64(text, &version) != ERR_OK)
        return ERR_INVALID;
    const struct catalog_profile *p = catalog_profile_get(l->catalog, l->reader, (oid_t)version);
    if (p == NULL)
        return ERR_INVALID;
    l->last_name = name;
    l->last = p;
    *out = p;
    return ERR_OK;
}

static void own_endpoint(struct loading *l, struct endpoint *ep)
{
    endpoint_own(l->entry->arena, ep);
    if (endpoint_compile(l->entry->arena, ep) != ERR_OK)
        log_error("endpoint_filter_unreadable", LOG_INT("endpoint", ep->id));
}

/* One page into `all`, which has room. *after moves on. Decoding leaves much behind: only what is kept enters the
 * snapshot. */
static enum err read_page(struct loading *l, struct endpoint *all, oid_t *after, size_t *count)
{
    struct workspace *w = &l->entry->workspace;
    struct arena *scratch = arena_new(65536);
    struct object *page;
    struct object_query q = {.kind = OBJ_ENDPOINT, .env = w->app.env, .app = w->app.id, .after = *after, .limit = PAGE};
    enum err e = store_list_objects(l->reader, scratch, &q, &page, count);
    for (size_t i = 0; e == ERR_OK && i < *count; i++) {
        e = endpoint_decode(scratch, l->catalog->keys, &page[i], &all[i]);
        if (e == ERR_OK)
            own_endpoint(l, &all[i]);
        *after = page[i].id;
    }
    arena_free(scratch);
    return e;
}

static enum err read_endpoints(struct loading *l, const struct endpoint **out, size_t *count_out)
{
    struct endpoint *all = NULL, *kept;
    size_t count = 0, cap = 0, n = 0;
    oid_t after = 0;
    enum err e;
    do {
        if (count + PAGE > cap) {
            cap = cap == 0 ? PAGE : 2 * cap;
            all = mem_realloc(all, cap * sizeof *all);
        }
        e = read_page(l, all + count, &after, &n);
        count += e == ERR_OK ? n : 0;
    } while (e == ERR_OK && n == PAGE);
    if (e == ERR_OK) {
        kept = arena_alloc(l->entry->arena, (count + 1) * sizeof *kept);
        memcpy(kept, all, count * sizeof *kept);
        *out = kept;
        *count_out = count;
    }
    free(all);
    return e;
}

/* With the lock held: to the front of those that are kept. */
static void keep_types(struct catalog *c, struct catalog_types *types)
{
    size_t i = 0;
    while (i < TYPES_KEPT - 1 && c->types[i] != NULL && catalog_types_env(c->types[i]) != catalog_types_env(types))
        i++;
    bool same = c->types[i] != NULL && catalog_types_env(c->types[i]) == catalog_types_env(types);
    if (same && catalog_types_version(c->types[i]) > catalog_types_version(types))
        return; /* somebody read newer ones meanwhile */
    catalog_types_ref(types);
    catalog_types_unref(c->types[i]);
    for (; i > 0; i--)
        c->types[i] = c->types[i - 1];
    c->types[0] = types;
}

struct catalog_types *catalog_types_newest(struct catalog *c, oid_t env)
{
    struct catalog_types *types = NULL;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < TYPES_KEPT && c->types[i] != NULL && types == NULL; i++) {
        if (catalog_types_env(c->types[i]) == env)
            types = catalog_types_ref(c->types[i]);
    }
    pthread_mutex_unlock(&c->lock);
    return types;
}

/* Those in memory, if the environment is still at their version. */
enum err catalog_types_read(struct catalog *c, struct store_reader *r, oid_t env, struct catalog_types **out)
{
    struct catalog_types *types = NULL;
    uint64_t version;
    enum err e = store_app_version(r, env, &version);
    if (e != ERR_OK)
        return e;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < TYPES_KEPT && c->types[i] != NULL && types == NULL; i++) {
        if (catalog_types_env(c->types[i]) == env && catalog_types_version(c->types[i]) == version)
            types = catalog_types_ref(c->types[i]);
    }
    pthread_mutex_unlock(&c->lock);
    if (types == NULL)
        e = catalog_types_load(r, env, version, &types);
    if (e != ERR_OK)
        return e;
    pthread_mutex_lock(&c->lock);
    keep_types(c, types);
    pthread_mutex_unlock(&c->lock);
    *out = types;
    return ERR_OK;
}

static enum err read_workspace(struct loading *l, oid_t app)
{
    struct workspace *w = &l->entry->workspace;
    struct arena *a = l->entry->arena;
    struct object o, env;
    enum err e = store_app_version(l->reader, app, &w->version);
    if (e != ERR_OK || (e = store_get_object(l->reader, a, OBJ_APP, app, &o)) != ERR_OK)
        return e;
    if (o.deleted_ms != 0)
        return ERR_NOT_FOUND;
    if ((e = app_decode(a, &o, &w->app)) != ERR_OK ||
        (e = store_get_object(l->reader, a, OBJ_ENV, w->app.env, &env)) != ERR_OK)
        return e;
    l->entry->env_name = env.key;
    if ((e = envs_load(l->catalog->envs, l->reader, w->app.env, &w->env)) != ERR_OK ||
        (e = catalog_types_read(l->catalog, l->reader, w->app.env, &w->types)) != ERR_OK ||
        (e = read_endpoints(l, &w->endpoints, &w->endpoint_count)) != ERR_OK)
        return e;
    const struct catalog_profile **profiles = arena_alloc(a, (w->endpoint_count + 1) * sizeof(void *));
    for (size_t i = 0; i < w->endpoint_count; i++) {
        struct str name = w->endpoints[i].profile.ptr != NULL ? w->endpoints[i].profile : w->app.profile;
        if ((e = current_profile(l, name, &profiles[i])) != ERR_OK)
            return e;
    }
    w->profiles = profiles;
    return ERR_OK;
}

static enum err load_once(struct catalog *c, struct store_reader *r, oid_t app, struct entry **out)
{
    struct entry *entry = mem_zalloc(1, sizeof *entry);
    struct loading l = {.catalog = c, .reader = r, .entry = entry};
    entry->arena = arena_new(4096);
    atomic_init(&entry->refs, 1);
    list_init(&entry->used);
    enum err e = read_workspace(&l, app);
    if (e == ERR_OK)
        *out = entry;
    else
        catalog_unref(&entry->workspace);
    return e;
}

enum err catalog_load(struct catalog *c, struct store_reader *r, oid_t app, const struct workspace **out)
{
    for (int i = 0; i < LOAD_TRIES; i++) {
        struct entry *entry;
        pthread_mutex_lock(&c->lock);
        uint64_t before = c->changes;
        pthread_mutex_unlock(&c->lock);
        enum err e = load_once(c, r, app, &entry);
        if (e != ERR_OK)
            return e;
        pthread_mutex_lock(&c->lock);
        bool clean = c->changes == before;
        if (clean)
            insert(c, entry);
        pthread_mutex_unlock(&c->lock);
        if (clean || i == LOAD_TRIES - 1) {
            *out = &entry->workspace;
            return ERR_OK;
        }
        catalog_unref(&entry->workspace);
    }
    return ERR_INTERNAL;
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
