/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of environments by id; kept for as long as the process runs, for they are few.
 *
 * Invariants
 *  1. A snapshot in the table holds one reference of its own; whoever got it holds another.
 *  2. A snapshot that was read while a change was reported enters the table as an old one at most.
 */
#include "catalog/envs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/table.h"
#include "model/config.h"

struct entry {
    struct catalog_env env; /* what callers hold */
    atomic_int refs;
    struct arena *arena;
    struct table_node node;
    bool old;
};

struct envs {
    pthread_mutex_t lock;
    struct table table;
    uint64_t changes;
};

struct envs *envs_new(void)
{
    struct envs *e = mem_zalloc(1, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
    table_init(&e->table);
    return e;
}

static struct entry *entry_of(const struct catalog_env *env)
{
    return CONTAINER_OF((struct catalog_env *)(uintptr_t)env, struct entry, env);
}

void catalog_env_ref(const struct catalog_env *env)
{
    atomic_fetch_add_explicit(&entry_of(env)->refs, 1, memory_order_relaxed);
}

void catalog_env_unref(const struct catalog_env *env)
{
    if (env == NULL)
        return;
    struct entry *entry = entry_of(env);
    if (atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) == 1) {
        arena_free(entry->arena);
        free(entry);
    }
}

static void free_entry(struct table_node *n, void *arg)
{
    (void)arg;
    catalog_env_unref(&CONTAINER_OF(n, struct entry, node)->env);
}

void envs_free(struct envs *e)
{
    table_each(&e->table, free_entry, NULL);
    table_fini(&e->table);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* With the lock held. */
static struct entry *find(const struct envs *e, oid_t env)
{
    for (struct table_node *n = table_find(&e->table, hash_u64((uint64_t)env)); n != NULL; n = table_next(n)) {
        struct entry *entry = CONTAINER_OF(n, struct entry, node);
        if (entry->env.id == env)
            return entry;
    }
    return NULL;
}

const struct catalog_env *envs_get(struct envs *e, oid_t env)
{
    pthread_mutex_lock(&e->lock);
    struct entry *entry = find(e, env);
    if (entry != NULL)
        catalog_env_ref(&entry->env);
    pthread_mutex_unlock(&e->lock);
    return entry != NULL ? &entry->env : NULL;
}

void envs_changed(struct envs *e, oid_t env)
{
    pthread_mutex_lock(&e->lock);
    e->changes++;
    struct entry *entry = find(e, env);
    if (entry != NULL)
        entry->old = true;
    pthread_mutex_unlock(&e->lock);
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

/* The members that matter here, of the bodies that api/ writes. */
struct stored_settings {
    const int64_t *retry_schedule_ms;
    size_t retry_count;
    bool disable_on_failure;
    bool read_only;
};
static const struct field settings_fields[] = {
        {.name = "retryPolicy",
         .kind = FIELD_SECONDS,
         .at = offsetof(struct stored_settings, retry_schedule_ms),
         .count_at = offsetof(struct stored_settings, retry_count),
         .item_max = RETRY_ITEM_MAX_MS},
        {.name = "disableEndpointOnFailure",
         .kind = FIELD_BOOL,
         .at = offsetof(struct stored_settings, disable_on_failure),
         .fallback = "true"},
        {.name = "readOnly", .kind = FIELD_BOOL, .at = offsetof(struct stored_settings, read_only)},
};

static enum err read_settings(struct store_reader *r, struct arena *scratch, struct entry *entry)
{
    struct object o;
    struct json *body;
    struct stored_settings s = {.disable_on_failure = true};
    enum err e = store_get_object(r, scratch, OBJ_ENV, entry->env.id, &o);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    if (json_parse(scratch, o.body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    const struct json *settings = json_get(body, STR("settings"));
    if (settings != NULL && settings->type == JSON_OBJECT) {
        fields_read(scratch, settings_fields, ARRAY_LEN(settings_fields), FIELD_LOAD, settings, &s, NULL);
        fields_own(entry->arena, settings_fields, ARRAY_LEN(settings_fields), &s);
    }
    entry->env.retry_schedule_ms = s.retry_schedule_ms;
    entry->env.retry_count = s.retry_count;
    entry->env.keeps_failing = !s.disable_on_failure;
    entry->env.portal_reads = s.read_only;
    return ERR_OK;
}

static enum err read_entry(struct store_reader *r, oid_t env, struct entry **out)
{
    struct entry *entry = mem_zalloc(1, sizeof *entry);
    struct arena *scratch = arena_new(8192);
    atomic_init(&entry->refs, 1);
    entry->arena = arena_new(1024);
    entry->env.id = env;
    enum err e = read_settings(r, scratch, entry);
    arena_free(scratch);
    if (e == ERR_OK)
        *out = entry;
    else
        catalog_env_unref(&entry->env);
    return e;
}

enum err envs_load(struct envs *e, struct store_reader *r, oid_t env, const struct catalog_env **out)
{
    pthread_mutex_lock(&e->lock);
    uint64_t before = e->changes;
    struct entry *entry = find(e, env);
    bool known = entry != NULL && !entry->old;
    if (known)
        catalog_env_ref(&entry->env);
    pthread_mutex_unlock(&e->lock);
    if (!known) {
        enum err err = read_entry(r, env, &entry);
        if (err != ERR_OK)
            return err;
        pthread_mutex_lock(&e->lock);
        struct entry *had = find(e, env);
        entry->old = e->changes != before;
        if (had == NULL || had->old) {
            if (had != NULL)
                table_remove(&e->table, &had->node);
            catalog_env_ref(&entry->env);
            table_insert(&e->table, &entry->node, hash_u64((uint64_t)env));
        } else {
            had = NULL;
        }
        pthread_mutex_unlock(&e->lock);
        if (had != NULL)
            catalog_env_unref(&had->env);
    }
    *out = &entry->env;
    return ERR_OK;
}
