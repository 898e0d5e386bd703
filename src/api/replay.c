/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts that somebody asks for: resend one message, try an example. bulk.c has those of many. */
#include "api/replay.h"
#include "api/endpoint.h"
#include "api/event_type.h"
#include "api/idempotency.h"
#include "api/message_in.h"
#include "api/render.h"
#include "api/routes.h"

static void tell_pending(struct api *api, oid_t ep)
{
    if (api->on_pending != NULL)
        api->on_pending(api->hook_arg, ep);
}

bool endpoint_is_enabled(struct api_call *call, const struct endpoint *ep)
{
    if (endpoint_is_polled(ep))
        answer_error(call, ERR_CONFLICT, "nothing is sent to a polling endpoint: seek its consumer back instead");
    else if (ep->disabled)
        answer_error(call, ERR_CONFLICT, "the endpoint is disabled; enable it first");
    else
        return true;
    return false;
}

void message_resend(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    struct message m;
    const struct catalog_profile *profile;
    struct message_render render;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, true, &m) ||
        !call_endpoint(api, call, &app, 2, &o, &ep) || !endpoint_is_enabled(call, &ep) ||
        !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    struct store_resend op = {.op = {.kind = STORE_RESEND},
                              .app = app.id,
                              .msg = m.id,
                              .ep = ep.id,
                              .profile_version = profile->version,
                              .transform = endpoint_transform(&ep),
                              .trigger = TRIGGER_MANUAL,
                              .fifo = ep.fifo,
                              .now_ms = call->now_ms};
    if (render_message(api, call->arena, &app, profile, &m, &render))
        op.render = &render;
    call_made(call, MADE_NOTHING, 0, 202);
    enum err e = call_run(api, call, &op.op);
    if (e == ERR_GONE)
        answer_error(call, e, "the payload has expired");
    if (e == ERR_GONE || !answer_ok(call, e))
        return;
    if (api->on_by_hand != NULL)
        api->on_by_hand(api->hook_arg, ep.id);
    struct json_writer w = answer(call, 202);
    json_w_object(&w);
    json_w_object_end(&w);
}

/* ---- example ------------------------------------------------------------------------------------------------------
 */

static bool example_payload(struct api_call *call, struct str type, int64_t index, struct str *out)
{
    struct object o;
    *out = STR("{\"success\":true}");
    if (str_eq(type, STR("svix.ping")))
        return true;
    enum err e = event_type_find(call, type, &o);
    if (e == ERR_NOT_FOUND) {
        call_problem(call, "eventType", "value_error", "no such event type");
        call_fits(call);
        return false;
    }
    if (!answer_ok(call, e))
        return false;
    *out = event_type_example(call->arena, &o, index);
    if (out->ptr == NULL)
        *out = STR("{\"test\":true,\"message\":\"This is an example of an event of this type.\"}");
    return true;
}

/* One message with one delivery, whatever the endpoint is subscribed to. */
static enum err append_example(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                               const struct catalog_profile *profile, struct message *m)
{
    struct message_render render;
    struct store_target target = {.ep = ep->id,
                                  .profile_version = profile->version,
                                  .transform = endpoint_transform(ep),
                                  .fifo = ep->fifo,
                                  .due_ms = call->now_ms};
    struct store_append op = {.op = {.kind = STORE_APPEND}, .message = m, .targets = &target, .target_count = 1};
    m->id = oid_next(api->oids, call->now_ms);
    m->env = app->env;
    m->app = app->id;
    if (render_message(api, call->arena, app, profile, m, &render)) {
        m->renders = &render;
        m->render_count = 1;
    }
    call_made(call, MADE_MESSAGE, m->id, 202);
    enum err e = store_app_version(call->reader, app->id, &op.app_version);
    if (e == ERR_OK)
        e = call_run(api, call, &op.op);
    m->renders = NULL;
    m->render_count = 0;
    return e;
}

void endpoint_send_example(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    const struct catalog_profile *profile;
    int64_t index = 0;
    struct message m = {.occurred_ms = call->now_ms, .expires_ms = call->now_ms + api->retention_payload_ms};
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep) ||
        !endpoint_is_enabled(call, &ep) || !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    m.actor = api_actor(api, call->arena, &call->who);
    if (!json_as_str(json_get(body, STR("eventType")), &m.event_type) || m.event_type.len == 0 ||
        m.event_type.len > 256 || !chars_fit(CHARS_ID, m.event_type))
        call_problem(call, "eventType", "value_error", "must be the name of an event type");
    const struct json *which = json_get(body, STR("exampleIndex"));
    if (which != NULL && !json_is_null(which) && (!json_as_i64(which, &index) || index < 0))
        call_problem(call, "exampleIndex", "type_error.integer", "must be a whole number, at least 0");
    if (!call_fits(call) || !example_payload(call, m.event_type, index, &m.payload) ||
        !answer_ok(call, append_example(api, call, &app, &ep, profile, &m)))
        return;
    tell_pending(api, ep.id);
    answer(call, 202);
    message_out(&m, api->id_key, true, &call->out);
}
