/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about messages that come as a body: a search, and whether anybody would get one. */
#include "api/message_query.h"
#include "api/routes.h"
#include "base/time.h"
#include "engine/match.h"

#define CHANNELS_MAX 10

/* A member that is absent or null leaves *out as it is; another type is a problem. */
static void read_text(struct api_call *call, const struct json *body, const char *name, struct str *out)
{
    const struct json *v = json_get(body, str_c(name));
    if (v != NULL && !json_is_null(v) && !json_as_str(v, out))
        call_problem(call, name, "type_error.str", "must be a string");
}

static int64_t read_time(struct api_call *call, const struct json *body, const char *name)
{
    struct str text = STR_NULL;
    int64_t ms = 0;
    read_text(call, body, name, &text);
    if (text.ptr != NULL && time_parse(text, &ms) != ERR_OK)
        call_problem(call, name, "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
    return ms;
}

static const struct str *read_names(struct api_call *call, const struct json *body, const char *name, size_t *count)
{
    const struct json *v = json_get(body, str_c(name));
    *count = 0;
    if (v == NULL || json_is_null(v))
        return NULL;
    struct str *names = arena_alloc(call->arena, (v->count + 1) * sizeof *names);
    bool fits = v->type == JSON_ARRAY;
    for (const struct json *c = fits ? v->child : NULL; c != NULL; c = c->next)
        fits = json_as_str(c, &names[(*count)++]) && fits;
    if (!fits)
        call_problem(call, name, "type_error.list", "must be an array of strings");
    return names;
}

static void read_page(const struct api *api, struct api_call *call, const struct json *body, struct page *p)
{
    const struct json *limit = json_get(body, STR("limit"));
    struct str at = STR_NULL;
    int64_t n = 50;
    if (limit != NULL && !json_is_null(limit) && (!json_as_i64(limit, &n) || n < 1 || n > 250))
        call_problem(call, "limit", "value_error.range", "must be from 1 to 250");
    read_text(call, body, "iterator", &at);
    p->limit = (size_t)n;
    p->descending = true;
    page_iterator(api, call, "body", at, "msg_", p);
}

void message_search(struct api *api, struct api_call *call)
{
    struct app app;
    struct message_filter f = {.status = -1};
    const struct json *body = call_json(call, false), *content;
    if (body == NULL || !call_app(api, call, &app))
        return;
    read_text(call, body, "channel", &f.channel);
    read_text(call, body, "tag", &f.tag);
    f.event_types = read_names(call, body, "event_types", &f.event_type_count);
    int64_t before_ms = read_time(call, body, "before"), after_ms = read_time(call, body, "after");
    content = json_get(body, STR("with_content"));
    if (content != NULL && !json_is_null(content) && !json_as_bool(content, &f.with_content))
        call_problem(call, "with_content", "type_error.bool", "must be true or false");
    message_filter_check(call, "body", &f);
    read_page(api, call, body, &f.page);
    if (!call_fits(call))
        return;
    page_bounds(&f.page, before_ms, after_ms, call->now_ms, &f.before, &f.after);
    message_page(api, call, &app, 0, f);
}

static void read_facts(struct api_call *call, const struct json *body, struct match_facts *facts)
{
    facts->channels = read_names(call, body, "channels", &facts->channel_count);
    if (!json_as_str(json_get(body, STR("eventType")), &facts->event_type) || facts->event_type.len == 0 ||
        facts->event_type.len > 256 || !chars_fit(CHARS_ID, facts->event_type))
        call_problem(call, "eventType", "value_error", "must be the name of an event type");
    bool fits = facts->channels == NULL || (facts->channel_count >= 1 && facts->channel_count <= CHANNELS_MAX);
    for (size_t i = 0; facts->channels != NULL && i < facts->channel_count && fits; i++)
        fits = facts->channels[i].len > 0 && facts->channels[i].len <= 128 &&
               chars_fit(CHARS_CHANNEL, facts->channels[i]);
    if (!fits)
        call_problem(call, "channels", "value_error", "must be 1 to %d channels", CHANNELS_MAX);
}

/* There is no payload yet, so an endpoint with a filter counts as one that may get it. */
void message_precheck(struct api *api, struct api_call *call)
{
    struct app app;
    struct match_facts facts = {0};
    const struct workspace *ws;
    bool active = false;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app))
        return;
    read_facts(call, body, &facts);
    if (!call_fits(call))
        return;
    ws = catalog_get(api->catalog, app.id);
    if (ws == NULL && !answer_ok(call, catalog_load(api->catalog, call->reader, app.id, &ws)))
        return;
    for (size_t i = 0; i < ws->endpoint_count + ws->poller_count && !active; i++) {
        struct endpoint ep = i < ws->endpoint_count ? ws->endpoints[i] : ws->pollers[i - ws->endpoint_count];
        ep.filter = STR_NULL;
        active = match_endpoint(&ep, &facts);
    }
    catalog_unref(ws);
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_bool_at(&w, "active", active);
    json_w_object_end(&w);
}
