/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots from the store: workspaces, and the event types that those of an environment share. On a reader's thread.
 */
#include "catalog/catalog_priv.h"

#include <stdlib.h>

#include "automation/automation.h"
#include "automation/run.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "json/tree.h"

#define PAGE       250
#define LOAD_TRIES 4
#define HEARS_MAX  20000 /* names in a snapshot */

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

/* Those that are polled behind the others, in order. Returns how many are not. */
static size_t part(const struct endpoint *all, size_t count, struct endpoint *to)
{
    size_t n = 0, polled = 0;
    for (size_t i = 0; i < count; i++)
        n += !endpoint_is_polled(&all[i]);
    for (size_t i = 0, at = 0; i < count; i++)
        to[endpoint_is_polled(&all[i]) ? n + polled++ : at++] = all[i];
    return n;
}

static enum err read_endpoints(struct loading *l)
{
    struct workspace *w = &l->entry->workspace;
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
        w->endpoint_count = part(all, count, kept);
        w->endpoints = kept;
        w->pollers = kept + w->endpoint_count;
        w->poller_count = count - w->endpoint_count;
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

/* Adds the names that are not there yet. */
static void hear(struct loading *l, struct str *names, const struct str *own, size_t own_count)
{
    struct workspace *w = &l->entry->workspace;
    for (size_t k = 0; k < own_count && w->hear_count < HEARS_MAX; k++) {
        size_t at = 0;
        while (at < w->hear_count && !str_eq(names[at], own[k]))
            at++;
        if (at == w->hear_count)
            names[w->hear_count++] = arena_str(l->entry->arena, own[k]);
    }
}

/* What the workspace's automations are to be told of, each name once; and those that are deleted, whose runs go on. */
static enum err read_hears(struct loading *l)
{
    struct workspace *w = &l->entry->workspace;
    struct arena *scratch = arena_new(4096);
    struct str *names = NULL;
    int64_t since_ms = clock_wall_ms() - RUN_LIFE_MS;
    enum err e = ERR_OK;
    for (int gone = 0; gone < 2 && e == ERR_OK; gone++) {
        struct object *found = NULL;
        size_t count = 0;
        struct object_query q = {.kind = OBJ_AUTOMATION,
                                 .env = w->app.env,
                                 .app = w->app.id,
                                 .include_deleted = gone != 0,
                                 .descending = gone != 0,
                                 .limit = AUTOMATIONS_MAX};
        e = store_list_objects(l->reader, scratch, &q, &found, &count);
        if (names == NULL && e == ERR_OK && count > 0)
            names = mem_alloc(HEARS_MAX * sizeof *names);
        for (size_t i = 0; i < count && e == ERR_OK; i++) {
            const struct str *own = NULL;
            size_t own_count = 0;
            if (gone != 0 && found[i].deleted_ms < since_ms) /* or not deleted */
                continue;
            automation_hears(scratch, &found[i], &own, &own_count);
            hear(l, names, own, own_count);
        }
    }
    struct str *kept = arena_alloc(l->entry->arena, (w->hear_count + 1) * sizeof *kept);
    if (names != NULL)
        memcpy(kept, names, w->hear_count * sizeof *kept);
    w->hears = kept;
    free(names);
    arena_free(scratch);
    return e;
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
        (e = read_endpoints(l)) != ERR_OK || (e = read_hears(l)) != ERR_OK)
        return e;
    size_t count = w->endpoint_count + w->poller_count;
    const struct catalog_profile **profiles = arena_alloc(a, (count + 1) * sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        struct str name = w->endpoints[i].profile.ptr != NULL ? w->endpoints[i].profile : w->app.profile;
        if ((e = current_profile(l, name, &profiles[i])) != ERR_OK)
            return e;
    }
    w->profiles = profiles;
    w->poller_profiles = profiles + w->endpoint_count;
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
            catalog_insert(c, entry);
        pthread_mutex_unlock(&c->lock);
        if (clean || i == LOAD_TRIES - 1) {
            *out = &entry->workspace;
            return ERR_OK;
        }
        catalog_unref(&entry->workspace);
    }
    return ERR_INTERNAL;
}
