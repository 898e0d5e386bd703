/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The URLs where requests become messages: of an ingest source, and the inbound URL of a workspace. Both are triggers
 * (trigger_in.h); a source's is made with it, a workspace's when it is asked for.
 */
#include "api/idempotency.h"
#include "api/operational.h"
#include "api/routes.h"
#include "api/source.h"
#include "api/trigger_in.h"
#include "api/trigger_url.h"
#include "base/time.h"
#include "model/config.h"

#define SOURCE_GRACE_MS   (48 * TIME_HOUR_MS)
#define SOURCE_URLS_MAX   3 /* before the current one */
#define EVENT_TYPE_MAX    256
#define DEDUPE_BY_THE_KEY "header:idempotency-key"

static void answer_url(struct api_call *call, const char *name, struct str url)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, name, url);
    json_w_object_end(&w);
}

/* ---- of a source ------------------------------------------------------------------------------------------------- */

void source_url_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct source s;
    struct str url;
    if (call_source(api, call, &o, &s) && answer_ok(call, source_url(api, call, &s, &url)))
        answer_url(call, "ingestUrl", url);
}

void source_token_rotate(struct api *api, struct api_call *call)
{
    struct object o, trigger;
    struct source s;
    struct trigger t;
    struct object_change changes[TRIGGER_CHANGES_MAX];
    size_t before = 0, count = 0;
    if (call_json(call, true) == NULL || !call_source(api, call, &o, &s))
        return;
    if (s.trigger == 0) {
        answer_error(call, ERR_CONFLICT, "a source of type cron has no URL");
        return;
    }
    struct trigger_place at = source_place(api, call, s.app);
    enum err e = store_get_object(call->reader, call->arena, OBJ_TRIGGER, s.trigger, &trigger);
    if (e == ERR_OK)
        e = trigger_decode(call->arena, api->keys, &trigger, &t);
    if (e == ERR_OK)
        e = trigger_urls_before(&at, &t, &before);
    if (e == ERR_OK && before >= SOURCE_URLS_MAX) {
        answer_error(call, ERR_RATE, "a source's URL can be rotated three times within 48 hours");
        return;
    }
    if (e == ERR_OK)
        e = trigger_rotate(&at, &trigger, SOURCE_GRACE_MS, changes, &count);
    call_made(call, MADE_SOURCE_URL, s.id, 200);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, count, call->env, s.app);
    if (answer_ok(call, e))
        source_url_get(api, call);
}

/* What the sender put behind the token, as it was sent. */
static struct str rest_of(struct str path, struct str token)
{
    struct str rest = str_skip(path, str_find_str(path, STR("/in/")) + 4 + token.len);
    return rest.len > 1 ? str_skip(rest, 1) : STR_NULL;
}

void source_receive(struct api *api, struct api_call *call)
{
    struct trigger_way way = {.use = TRIGGER_SOURCE, .owner = call->params[0], .token = call->params[1]};
    way.rest = rest_of(call->path, way.token);
    trigger_receive_at(api, call, &way);
}

/* ---- of a workspace ---------------------------------------------------------------------------------------------- */

static enum err find_inbound(struct api_call *call, const struct app *app, struct object *o)
{
    struct trigger_owner of = {app->env, app->id, app->id};
    return trigger_find(call->reader, call->arena, &of, o);
}

void inbound_url_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct trigger t;
    struct str url;
    if (!call_app(api, call, &app))
        return;
    enum err e = find_inbound(call, &app, &o);
    if (e == ERR_OK)
        e = trigger_decode(call->arena, api->keys, &o, &t);
    if (e == ERR_OK)
        e = trigger_url_text(api, call->reader, call->arena, &t, &url);
    if (answer_ok(call, e))
        answer_url(call, "url", url);
}

void inbound_url_rotate(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct object_change changes[TRIGGER_CHANGES_MAX];
    size_t count = 2;
    if (call_json(call, true) == NULL || !call_app(api, call, &app))
        return;
    if (operational_hides(app.uid)) {
        answer_error(call, ERR_NOT_FOUND, "no such workspace");
        return;
    }
    struct trigger_place at = source_place(api, call, app.id);
    enum err e = find_inbound(call, &app, &o);
    if (e == ERR_NOT_FOUND) {
        struct trigger t = {.use = TRIGGER_INBOUND,
                            .automation = app.id,
                            .state = TRIGGER_PUBLISHED,
                            .methods = TRIGGER_POST | TRIGGER_PUT,
                            .dedupe = STR(DEDUPE_BY_THE_KEY),
                            .tolerance_s = -1};
        trigger_make(&at, &t, changes);
        e = ERR_OK;
    } else if (e == ERR_OK) {
        e = trigger_rotate(&at, &o, 0, changes, &count);
    }
    call_made(call, MADE_INBOUND_URL, app.id, 200);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, count, app.env, app.id);
    if (e == ERR_CONFLICT) /* two at once made the first one */
        e = ERR_STALE;
    if (answer_ok(call, e))
        inbound_url_get(api, call);
}

void inbound_receive(struct api *api, struct api_call *call)
{
    struct str type = query_text(call, "event_type");
    if (type.ptr != NULL && (type.len == 0 || type.len > EVENT_TYPE_MAX || !chars_fit(CHARS_ID, type)))
        problem_add(&call->problems, "query", STR("event_type"), STR_NULL, "value_error.pattern",
                    "must be the name of an event type");
    if (!call_fits(call))
        return;
    trigger_receive_at(
            api, call,
            &(struct trigger_way){.use = TRIGGER_INBOUND, .owner = call->params[0], .token = call->params[1]});
}
