/* SPDX-License-Identifier: Apache-2.0 */
#include "api/known_version.h"

#include <stdlib.h>

#include "base/mem.h"

#define KEPT       64
#define KEPT_BYTES ((size_t)4 << 20) /* of their JSON; compiled they are several times as large */

static void drop(struct known_version *v)
{
    arena_free(v->arena);
    free(v);
}

static enum err load(struct known_version *v, struct store_reader *r)
{
    struct problems problems = PROBLEMS_INIT;
    enum err e = automation_version_load(r, v->arena, v->id, &v->version);
    if (e == ERR_OK) {
        v->runs = definition_compile(v->arena, v->version.steps, &v->def, &problems);
        v->starts = start_compile(v->arena, v->version.trigger, &v->start, &problems) == ERR_OK;
    }
    problems_fini(&problems);
    return e;
}

enum err known_version_get(struct known_versions *k, struct store_reader *r, oid_t id, const struct known_version **out)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->all[i]->id == id) {
            k->all[i]->used = ++k->clock;
            *out = k->all[i];
            return ERR_OK;
        }
    }
    struct known_version *v = mem_zalloc(1, sizeof *v);
    *v = (struct known_version){.id = id, .arena = arena_new(16384), .used = ++k->clock};
    enum err e = load(v, r);
    if (e != ERR_OK) {
        drop(v);
        return e;
    }
    if (k->count == k->cap) {
        k->cap = k->cap == 0 ? 64 : 2 * k->cap;
        k->all = mem_realloc(k->all, k->cap * sizeof(void *));
    }
    k->all[k->count++] = v;
    *out = v;
    return ERR_OK;
}

void known_versions_trim(struct known_versions *k)
{
    size_t bytes = 0;
    for (size_t i = 0; i < k->count; i++)
        bytes += k->all[i]->version.body.len;
    while (k->count > KEPT || (bytes > KEPT_BYTES && k->count > 0)) {
        size_t oldest = 0;
        for (size_t i = 1; i < k->count; i++)
            oldest = k->all[i]->used < k->all[oldest]->used ? i : oldest;
        bytes -= k->all[oldest]->version.body.len;
        drop(k->all[oldest]);
        k->all[oldest] = k->all[--k->count];
    }
}

void known_versions_fini(struct known_versions *k)
{
    for (size_t i = 0; i < k->count; i++)
        drop(k->all[i]);
    free(k->all);
    *k = (struct known_versions){.all = NULL};
}
