/* SPDX-License-Identifier: Apache-2.0 */
#include "api/append.h"

#include "api/cue.h"
#include "api/render.h"
#include "automation/run.h"

#define TRIES 5

/* The strings of a JSON array. */
static const struct str *names_of(struct arena *arena, struct str json, size_t *count)
{
    struct json *tree;
    *count = 0;
    if (json.ptr == NULL || json_parse(arena, json, &tree, NULL) != ERR_OK)
        return NULL;
    struct str *names = arena_alloc(arena, (tree->count + 1) * sizeof *names);
    for (const struct json *c = tree->child; c != NULL; c = c->next) {
        if (c->type == JSON_STRING)
            names[(*count)++] = c->text;
    }
    return names;
}

struct match_facts append_facts(struct arena *arena, const struct message *m)
{
    struct match_facts facts = {.event_type = m->event_type,
                                .payload = m->content_type.ptr != NULL ? STR_NULL : m->payload};
    facts.channels = names_of(arena, m->channels, &facts.channel_count);
    return facts;
}

static void add_render(struct append *a, struct api *api, struct arena *arena, const struct catalog_profile *p,
                       struct message_render *renders)
{
    struct message *m = &a->message;
    for (size_t i = 0; i < m->render_count; i++) {
        if (renders[i].profile_version == p->version)
            return;
    }
    if (render_message(api, arena, &a->ws->app, p, m, &renders[m->render_count]))
        m->render_count++;
}

static void match_all(struct append *a, struct api *api, struct arena *arena, int64_t now_ms)
{
    const struct workspace *ws = a->ws;
    struct message *m = &a->message;
    struct match_facts facts = append_facts(arena, m);
    struct message_render *renders = arena_zalloc(arena, (ws->endpoint_count + a->own_count + 1) * sizeof *renders);
    struct store_target *targets = arena_zalloc(arena, (ws->endpoint_count + 1) * sizeof *targets);
    int64_t due_ms = m->deliver_at_ms > now_ms ? m->deliver_at_ms : now_ms;
    size_t n = 0;
    if (a->own_count > 0)
        memcpy(renders, a->own, a->own_count * sizeof *renders);
    m->render_count = a->own_count;
    for (size_t i = 0; i < ws->endpoint_count; i++) {
        const struct endpoint *ep = &ws->endpoints[i];
        const struct catalog_profile *p = ws->profiles[i];
        if (!match_endpoint(ep, &facts))
            continue;
        add_render(a, api, arena, p, renders);
        targets[n++] = (struct store_target){.ep = ep->id,
                                             .profile_version = p->version,
                                             .transform = endpoint_transform(ep),
                                             .fifo = ep->fifo,
                                             .due_ms = due_ms,
                                             .pos = due_ms};
    }
    match_facts_fini(&facts);
    m->renders = renders;
    a->op = (struct store_append){.op = {.kind = STORE_APPEND},
                                  .message = m,
                                  .app_version = ws->version,
                                  .targets = targets,
                                  .target_count = n};
    a->op.docs = cue_of_message(api->oids, arena, ws, m, 0, 0, now_ms);
    a->op.doc_count = a->op.docs != NULL ? 1 : 0;
}

enum err append_init(struct append *a, struct api *api, struct store_reader *r, struct arena *arena, oid_t app,
                     const struct message *m, int64_t now_ms)
{
    *a = (struct append){
            .message = *m, .ws = catalog_get(api->catalog, app), .own = m->renders, .own_count = m->render_count};
    enum err e = a->ws != NULL ? ERR_OK : catalog_load(api->catalog, r, app, &a->ws);
    if (e != ERR_OK)
        return e;
    a->message.app = a->ws->app.id;
    a->message.env = a->ws->app.env;
    match_all(a, api, arena, now_ms);
    return ERR_OK;
}

enum err append_run(struct append *a, struct api *api, struct store_reader *r, struct arena *arena, int64_t now_ms)
{
    enum err e = store_run(api->store, &a->op.op);
    for (int i = 0; i < TRIES && e == ERR_STALE && !(a->op.late && a->keeps_id); i++) {
        const struct workspace *old = a->ws;
        if (a->op.late)
            a->message.id = oid_next(api->oids, now_ms);
        e = catalog_load(api->catalog, r, old->app.id, &a->ws);
        if (e != ERR_OK)
            return e;
        catalog_unref(old);
        match_all(a, api, arena, now_ms);
        e = store_run(api->store, &a->op.op);
    }
    return e;
}

void append_tell(const struct append *a, const struct api *api)
{
    for (size_t i = 0; i < a->op.target_count && api->on_pending != NULL; i++)
        api->on_pending(api->hook_arg, a->op.targets[i].ep);
    if (a->op.doc_count > 0)
        runner_wake(api);
}

void append_fini(struct append *a)
{
    if (a->ws != NULL)
        catalog_unref(a->ws);
    a->ws = NULL;
}
