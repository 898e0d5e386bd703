/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/types.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/event_type.h"

#define PAGE 250

struct catalog_types {
    atomic_int refs;
    struct arena *arena;
    oid_t env;
    uint64_t version;
    struct catalog_type *list; /* by name */
    size_t count;
    size_t cap;
};

struct catalog_types *catalog_types_ref(struct catalog_types *types)
{
    atomic_fetch_add_explicit(&types->refs, 1, memory_order_relaxed);
    return types;
}

void catalog_types_unref(struct catalog_types *types)
{
    if (types == NULL || atomic_fetch_sub_explicit(&types->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_free(types->arena);
    free(types->list);
    free(types);
}

oid_t catalog_types_env(const struct catalog_types *types)
{
    return types->env;
}

uint64_t catalog_types_version(const struct catalog_types *types)
{
    return types->version;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct catalog_type *)a)->name, ((const struct catalog_type *)b)->name);
}

const struct catalog_type *catalog_type_find(const struct catalog_types *types, struct str name)
{
    struct catalog_type key = {.name = name};
    if (types == NULL || types->count == 0)
        return NULL;
    return bsearch(&key, types->list, types->count, sizeof key, by_name);
}

static const struct schema *compile(struct catalog_types *types, const struct object *o, const struct event_type *t)
{
    const struct schema *schema = NULL;
    struct json *tree;
    if (!t->validate || t->schemas.ptr == NULL)
        return NULL;
    /* The schema points into its text. */
    struct str text = arena_str(types->arena, t->schemas);
    const struct json *newest = json_parse(types->arena, text, &tree, NULL) == ERR_OK ? event_type_newest(tree) : NULL;
    if (newest != NULL && schema_compile(types->arena, newest, &schema, NULL) != ERR_OK)
        log_error("event_type_schema_unreadable", LOG_STR("event_type", o->key));
    return schema;
}

static void add_type(struct catalog_types *types, struct arena *scratch, const struct object *o)
{
    struct event_type t;
    if (event_type_decode(scratch, o, &t) != ERR_OK)
        return;
    struct catalog_type type = {.schema = compile(types, o, &t), .retry_count = t.retry_count};
    if (type.schema == NULL && t.retry_schedule_ms == NULL)
        return;
    if (t.retry_schedule_ms != NULL) {
        int64_t *ms = arena_alloc(types->arena, (t.retry_count + 1) * sizeof *ms);
        memcpy(ms, t.retry_schedule_ms, t.retry_count * sizeof *ms);
        type.retry_schedule_ms = ms;
    }
    type.name = arena_str(types->arena, o->key);
    if (types->count == types->cap) {
        types->cap = types->cap == 0 ? 16 : 2 * types->cap;
        types->list = mem_realloc(types->list, types->cap * sizeof *types->list);
    }
    types->list[types->count++] = type;
}

enum err catalog_types_load(struct store_reader *r, oid_t env, uint64_t version, struct catalog_types **out)
{
    struct catalog_types *types = mem_zalloc(1, sizeof *types);
    struct object_query q = {.kind = OBJ_EVENT_TYPE, .env = env, .limit = PAGE};
    size_t n = 0;
    enum err e;
    atomic_init(&types->refs, 1);
    types->arena = arena_new(256);
    types->env = env;
    types->version = version;
    do {
        struct arena *scratch = arena_new(65536);
        struct object *page;
        e = store_list_objects(r, scratch, &q, &page, &n);
        for (size_t i = 0; e == ERR_OK && i < n; i++) {
            add_type(types, scratch, &page[i]);
            q.after = page[i].id;
        }
        arena_free(scratch);
    } while (e == ERR_OK && n == PAGE);
    if (e != ERR_OK) {
        catalog_types_unref(types);
        return e;
    }
    if (types->count > 0)
        qsort(types->list, types->count, sizeof *types->list, by_name);
    *out = types;
    return ERR_OK;
}
