/* SPDX-License-Identifier: Apache-2.0 */
/* Polling endpoints: how a customer without a server gets its messages. Who polls with a name of its own (a consumer)
 * is in poller_consumer.c. */
#include "api/poll.h"

#include "api/message_in.h"
#include "api/render.h"
#include "api/routes.h"

#define HEADERS_MAX 65536
#define SECRETS_MAX 8

struct str poller_url(const struct api *api, struct api_call *call, const struct endpoint *ep)
{
    return arena_printf(call->arena, "%s/api/v1/app/" STR_FMT "/poller/" STR_FMT,
                        api->public_url != NULL ? api->public_url : "", STR_ARG(api_id(api, call, ep->app, "app_")),
                        STR_ARG(api_id(api, call, ep->id, "ep_")));
}

static bool find(const struct api *api, struct str name, struct poller *p)
{
    oid_t id = 0;
    bool by_id = oid_parse(name, "ep_", api->id_key, &id) == ERR_OK;
    for (size_t i = 0; i < p->ws->poller_count; i++) {
        const struct endpoint *ep = &p->ws->pollers[i];
        if (by_id ? ep->id == id : ep->uid.ptr != NULL && str_eq(ep->uid, name)) {
            p->ep = ep;
            p->profile = p->ws->poller_profiles[i];
            return true;
        }
    }
    return false;
}

bool poller_begin(struct api *api, struct api_call *call, struct poller *out)
{
    struct app app;
    struct poller p = {0};
    if (!call_app(api, call, &app))
        return false;
    p.ws = catalog_get(api->catalog, app.id);
    if (p.ws == NULL && !answer_ok(call, catalog_load(api->catalog, call->reader, app.id, &p.ws)))
        return false;
    if (!find(api, call->params[1], &p) || (call->who.role == AUTH_POLLER && call->who.endpoint != p.ep->id))
        answer_error(call, ERR_NOT_FOUND, "no such polling endpoint");
    else if (p.ep->disabled)
        answer_error(call, ERR_CONFLICT, "the endpoint is disabled; enable it first");
    else {
        *out = p;
        return true;
    }
    poller_end(&p);
    return false;
}

void poller_end(struct poller *p)
{
    profile_signers_free(p->signers);
    p->signers = NULL;
    catalog_unref(p->ws);
    p->ws = NULL;
}

/* ---- a message ----------------------------------------------------------------------------------------------------
 */

static struct profile_signers *make_signers(const struct poller *p, int64_t now_ms)
{
    struct str secrets[SECRETS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < p->ep->secret_count && n < SECRETS_MAX; i++) {
        const struct endpoint_secret *s = &p->ep->secrets[i];
        if (s->expires_ms == 0 || s->expires_ms > now_ms)
            secrets[n++] = s->text;
    }
    return profile_signers_new(p->profile->profile, secrets, n);
}

/* As it was rendered when it was accepted, if another endpoint wanted the same. */
static bool find_render(const struct api *api, struct api_call *call, const struct poller *p, const struct message *m,
                        struct message_render *out)
{
    for (size_t i = 0; i < m->render_count; i++) {
        if (m->renders[i].profile_version == p->profile->version) {
            *out = m->renders[i];
            return true;
        }
    }
    return render_message(api, call->arena, &p->ws->app, p->profile, m, out);
}

static struct str join(struct arena *a, const struct message_render *r, struct str payload)
{
    struct buf body = BUF_INIT(API_OUT_MAX);
    buf_add_str(&body, r->head);
    buf_add_str(&body, payload);
    buf_add_str(&body, r->tail);
    struct str s = arena_str(a, buf_str(&body));
    buf_fini(&body);
    return s;
}

static void write_headers(const struct poller *p, const struct message *m, const struct profile_attempt *at,
                          struct json_writer *w)
{
    struct buf lines = BUF_INIT(HEADERS_MAX);
    size_t count = p->signers != NULL ? profile_headers(p->profile->profile, p->signers, at, &lines) : 0;
    const char *line = lines.ptr;
    json_w_name(w, STR("headers"));
    json_w_object(w);
    json_w_str_at(w, "content-type", m->content_type.ptr != NULL ? m->content_type : STR("application/json"));
    for (size_t i = 0; i < count && !lines.overflow; i++) {
        struct str value = str_c(line), name = str_split(&value, ':');
        json_w_name(w, name);
        json_w_str(w, str_trim(value));
        line += strlen(line) + 1;
    }
    json_w_object_end(w);
    buf_fini(&lines);
}

void poller_write(const struct api *api, struct api_call *call, struct poller *p, const struct message *m,
                  struct json_writer *w)
{
    struct message shown = *m;
    struct message_render render;
    char uuid[OID_UUID_SIZE];
    if (find_render(api, call, p, m, &render))
        shown.payload = join(call->arena, &render, m->payload);
    if (p->signers == NULL)
        p->signers = make_signers(p, call->now_ms);
    struct profile_attempt at = {.now_ms = call->now_ms,
                                 .message_id = api_id(api, call, m->id, "msg_"),
                                 .event_uuid = message_uuid(m, api->id_key, uuid),
                                 .type = m->event_type,
                                 .number = 1,
                                 .url = poller_url(api, call, p->ep),
                                 .body = {shown.payload}};
    message_out_members(&shown, api->id_key, true, w);
    write_headers(p, m, &at, w);
}

/* ---- routes -------------------------------------------------------------------------------------------------------
 */

void poller_answer(const struct api *api, struct api_call *call, struct poller *p, const struct poll *found)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < found->count; i++) {
        json_w_object(&w);
        poller_write(api, call, p, &found->messages[i], &w);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_str_at(&w, "iterator", poll_iterator(api, call, found->next));
    json_w_bool_at(&w, "done", found->done);
    json_w_object_end(&w);
}

void poller_poll(struct api *api, struct api_call *call)
{
    struct poller p;
    struct poll q = {0};
    struct str type = query_text(call, "event_type"), channel = query_text(call, "channel");
    if (!poller_begin(api, call, &p))
        return;
    q.app = p.ws->app.id;
    q.ep = p.ep;
    q.event_types = &type;
    q.event_type_count = type.len > 0;
    q.channels = &channel;
    q.channel_count = channel.len > 0;
    poll_query(api, call, p.ep->id, &q);
    if (call_fits(call) && answer_ok(call, poll_read(api, call, &q)))
        poller_answer(api, call, &p, &q);
    poller_end(&p);
}
