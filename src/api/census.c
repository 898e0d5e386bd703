/* SPDX-License-Identifier: Apache-2.0 */
/* Counting workspaces and endpoints. They are configuration, hence read one by one, in pages. */
#include "api/operational.h"
#include "api/routes.h"
#include "api/statistics.h"

#define PAGE 250

static void type_note(struct arena *a, struct endpoint_census *c, struct str type)
{
    struct str *all = (struct str *)(uintptr_t)c->types;
    for (size_t i = 0; i < c->type_count; i++)
        if (str_eq(all[i], type))
            return;
    if (c->type_count % 64 == 0) {
        struct str *more = arena_alloc(a, (c->type_count + 64) * sizeof *more);
        if (c->type_count > 0)
            memcpy(more, all, c->type_count * sizeof *more);
        c->types = all = more;
    }
    all[c->type_count++] = type;
}

static void endpoint_note(struct arena *a, const struct endpoint *ep, struct endpoint_census *c)
{
    if (c->without_play && str_starts(ep->url, STR("https://play.svix.com/")))
        return;
    *(ep->disabled ? &c->disabled : &c->active) += 1;
    if (ep->disabled)
        return;
    c->takes_all = c->takes_all || ep->event_type_count == 0;
    for (size_t i = 0; i < ep->event_type_count; i++)
        type_note(a, c, ep->event_types[i]);
}

enum err endpoint_census(const struct api *api, struct store_reader *r, struct arena *a, oid_t env, oid_t app,
                         struct endpoint_census *c)
{
    struct object_query q = {.kind = OBJ_ENDPOINT, .env = env, .app = app, .limit = PAGE};
    size_t count;
    do {
        struct object *page;
        enum err e = store_list_objects(r, a, &q, &page, &count);
        for (size_t i = 0; e == ERR_OK && i < count; i++) {
            struct endpoint ep;
            q.after = page[i].id;
            e = endpoint_decode(a, api->keys, &page[i], &ep);
            if (e == ERR_OK)
                endpoint_note(a, &ep, c);
        }
        if (e != ERR_OK)
            return e;
    } while (count == PAGE);
    return ERR_OK;
}

enum err workspaces_page(struct store_reader *r, struct arena *a, oid_t env, oid_t *after, struct object **out,
                         size_t *count, bool *more)
{
    struct object_query q = {.kind = OBJ_APP, .env = env, .after = *after, .limit = PAGE};
    size_t n = 0;
    enum err e = env != 0 ? store_list_objects(r, a, &q, out, count) : ERR_OK;
    if (e != ERR_OK || env == 0) {
        *count = 0;
        *more = false;
        return e;
    }
    *more = *count == PAGE;
    for (size_t i = 0; i < *count; i++) {
        *after = (*out)[i].id;
        if (!operational_hides((*out)[i].key))
            (*out)[n++] = (*out)[i];
    }
    *count = n;
    return ERR_OK;
}

static void tally_sum(void *arg, const struct tally *t)
{
    *(uint64_t *)arg += t->succeeded + t->failed;
}

enum err attempts_total(struct store_reader *r, oid_t app, int64_t since_ms, int64_t until_ms, uint64_t *out)
{
    struct tally_query q = {.app = app, .since_ms = since_ms, .until_ms = until_ms};
    *out = 0;
    return store_each_tally(r, &q, tally_sum, out);
}

/* Calls `note` with the census of each workspace; what a page needed is freed behind it. */
static enum err each_census(const struct api *api, struct api_call *call, bool without_play,
                            void (*note)(void *arg, const struct endpoint_census *c), void *arg)
{
    oid_t after = 0;
    bool more = true;
    enum err e = ERR_OK;
    while (more && e == ERR_OK) {
        struct arena *a = arena_new(1 << 16);
        struct object *apps;
        size_t count;
        e = workspaces_page(call->reader, a, call->env, &after, &apps, &count, &more);
        for (size_t i = 0; e == ERR_OK && i < count; i++) {
            struct endpoint_census c = {.without_play = without_play};
            e = endpoint_census(api, call->reader, a, call->env, apps[i].id, &c);
            if (e == ERR_OK)
                note(arg, &c);
        }
        arena_free(a);
    }
    return e;
}

static void sum_note(void *arg, const struct endpoint_census *c)
{
    struct endpoint_census *sum = arg;
    sum->active += c->active;
    sum->disabled += c->disabled;
}

void stats_endpoint_count(struct api *api, struct api_call *call)
{
    struct endpoint_census sum = {0};
    bool without_play = query_bool(call, "exclude_svix_play", true);
    if (!call_fits(call) || !answer_ok(call, each_census(api, call, without_play, sum_note, &sum)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_i64_at(&w, "active", (int64_t)sum.active);
    json_w_i64_at(&w, "disabled", (int64_t)sum.disabled);
    json_w_object_end(&w);
}

struct app_count {
    bool with_disabled;
    int64_t count;
};

static void app_note(void *arg, const struct endpoint_census *c)
{
    struct app_count *n = arg;
    n->count += c->active > 0 || (n->with_disabled && c->disabled > 0);
}

void application_count_active(struct api *api, struct api_call *call)
{
    bool without_play = query_bool(call, "exclude_svix_play", true);
    struct app_count n = {.with_disabled = !query_bool(call, "exclude_disabled", true)};
    if (!call_fits(call) || !answer_ok(call, each_census(api, call, without_play, app_note, &n)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_i64_at(&w, "count", n.count);
    json_w_object_end(&w);
}
