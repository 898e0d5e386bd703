/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a message: does it fit what its type asks, which endpoints get it, what is put around its payload. */
#include "api/cue.h"
#include "api/message_check.h"
#include "serve/ingest.h"

#define RENDER_BYTES_MAX (1u << 20)

bool ingest_fits(struct ingest *in, struct match_facts *facts)
{
    struct problems problems = PROBLEMS_INIT;
    bool fits = message_check(in->ws->types, facts, &problems);
    if (!fits && in->has_key && !in->key_is_new) {
        /* Another body under a known key does not matter. */
        ingest_again(in);
    } else if (!fits) {
        ingest_problems(in, &problems);
    }
    problems_fini(&problems);
    return fits;
}

static struct str channel_names(struct ingest *in, struct str json, const struct str **out, size_t *count)
{
    struct json *tree;
    *count = 0;
    *out = NULL;
    if (json.ptr == NULL || json_parse(in->arena, json, &tree, NULL) != ERR_OK)
        return json;
    struct str *names = arena_alloc(in->arena, (tree->count + 1) * sizeof *names);
    for (const struct json *c = tree->child; c != NULL; c = c->next)
        if (c->type == JSON_STRING)
            names[(*count)++] = c->text;
    *out = names;
    return json;
}

/* Targets of all endpoints that match; the distinct profiles that wrap the payload go to `wraps`. */
static size_t match_all(struct ingest *in, struct match_facts *facts, const struct message *m, int64_t now_ms,
                        const struct catalog_profile **wraps)
{
    const struct workspace *ws = in->ws;
    struct store_target *targets = NULL;
    size_t n = 0, wrap_count = 0;
    channel_names(in, m->channels, &facts->channels, &facts->channel_count);
    if (ws->endpoint_count > 0)
        targets = arena_alloc(in->arena, ws->endpoint_count * sizeof *targets);
    for (size_t i = 0; i < ws->endpoint_count; i++) {
        const struct endpoint *ep = &ws->endpoints[i];
        const struct catalog_profile *p = ws->profiles[i];
        if (!match_endpoint(ep, facts))
            continue;
        int64_t due_ms = m->deliver_at_ms > now_ms ? m->deliver_at_ms : now_ms;
        targets[n++] = (struct store_target){.ep = ep->id,
                                             .profile_version = p->version,
                                             .transform = endpoint_transform(ep),
                                             .fifo = ep->fifo,
                                             .due_ms = due_ms,
                                             .pos = due_ms};
        /* A raw payload is any text: it goes out as it is. */
        bool known = profile_is_raw(p->profile) || m->content_type.ptr != NULL;
        for (size_t k = 0; k < wrap_count && !known; k++)
            known = wraps[k] == p;
        if (!known)
            wraps[wrap_count++] = p;
    }
    in->append.targets = targets;
    in->append.target_count = n;
    return wrap_count;
}

static struct str workspace_json(struct ingest *in)
{
    struct buf out = BUF_INIT(16384);
    struct json_writer w = json_writer(&out);
    char id[OID_TEXT_SIZE];
    oid_format(in->ws->app.id, "app_", in->reactor->shared->id_key, id);
    json_w_object(&w);
    json_w_str_at(&w, "id", str_c(id));
    json_w_opt_str_at(&w, "uid", in->ws->app.uid);
    json_w_str_at(&w, "name", in->ws->app.name);
    json_w_object_end(&w);
    struct str s = arena_str(in->arena, buf_str(&out));
    buf_fini(&out);
    return s;
}

static void render_all(struct ingest *in, struct message *m, const struct catalog_profile **wraps, size_t count)
{
    struct hash_key key = in->reactor->shared->id_key;
    char id[OID_TEXT_SIZE], own[OID_UUID_SIZE];
    oid_format(m->id, "msg_", key, id);
    struct profile_facts facts = {.event_uuid = message_uuid(m, key, own),
                                  .message_id = str_c(id),
                                  .type = m->event_type,
                                  .occurred_ms = m->occurred_ms,
                                  .actor = m->actor,
                                  .workspace = workspace_json(in)};
    struct message_render *renders = arena_alloc(in->arena, count * sizeof *renders);
    struct buf head = BUF_INIT(RENDER_BYTES_MAX), tail = BUF_INIT(RENDER_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&head);
        buf_clear(&tail);
        profile_render(wraps[i]->profile, &facts, &head, &tail);
        renders[i] = (struct message_render){.profile_version = wraps[i]->version,
                                             .head = arena_str(in->arena, buf_str(&head)),
                                             .tail = arena_str(in->arena, buf_str(&tail))};
    }
    buf_fini(&head);
    buf_fini(&tail);
    m->renders = renders;
    m->render_count = count;
}

/* What the message brings along for transformations is kept beside its renders. */
static void add_params(struct ingest *in, struct message *m, struct str params)
{
    struct message_render *renders = arena_alloc(in->arena, (m->render_count + 1) * sizeof *renders);
    if (m->render_count > 0)
        memcpy(renders, m->renders, m->render_count * sizeof *renders);
    renders[m->render_count++] =
            (struct message_render){.profile_version = RENDER_PARAMS, .head = params, .tail = STR("")};
    m->renders = renders;
}

void ingest_match(struct ingest *in, struct match_facts *facts, struct message_in *m, int64_t now_ms)
{
    const struct catalog_profile **wraps = arena_alloc(
            in->arena, (in->ws->endpoint_count + 1) * sizeof *wraps); /* NOLINT(bugprone-sizeof-expression) */
    size_t wrap_count = match_all(in, facts, &m->message, now_ms, wraps);
    if (wrap_count > 0)
        render_all(in, &m->message, wraps, wrap_count);
    if (m->params.ptr != NULL)
        add_params(in, &m->message, m->params);
    in->append.docs = cue_of_message(&in->reactor->shared->oids, in->arena, in->ws, &m->message, 0, 0, now_ms);
    in->append.doc_count = in->append.docs != NULL ? 1 : 0;
}
