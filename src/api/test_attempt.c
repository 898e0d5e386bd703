/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that is made to try an endpoint: it goes to this one only, once, and the answer is the attempt. A worker
 * waits for it, so only a few may wait at a time.
 */
#include <stdatomic.h>
#include <time.h>

#include "api/endpoint.h"
#include "api/message_in.h"
#include "api/message_query.h"
#include "api/render.h"
#include "api/replay.h"
#include "api/routes.h"
#include "base/time.h"

#define WAITING_MAX 2
#define LOOK_MS     20
/* The longest wait: of an endpoint with a short time-out its time-out and a little more. */
#define WAIT_MS  30000
#define GRACE_MS 2000

static _Atomic int waiting;

static bool read_message(struct api *api, struct api_call *call, struct message *out)
{
    struct message_in in;
    struct json_error error;
    enum err e = message_in_parse(call->arena, call->body, call_header(call, STR("Postrider-Actor")), call->now_ms,
                                  api->retention_payload_ms, &in, &call->problems, &error);
    if (e == ERR_SYNTAX) {
        answer(call, err_http_status(e));
        api_syntax_json(&error, &call->out);
    } else if (e != ERR_OK) {
        call_fits(call);
    }
    *out = in.message;
    return e == ERR_OK;
}

/* The message without deliveries, then the attempt by hand, which no schedule follows. */
static enum err append(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                       const struct catalog_profile *profile, struct message *m)
{
    struct message_render render;
    struct store_append op = {.op = {.kind = STORE_APPEND}, .message = m};
    m->id = oid_next(api->oids, call->now_ms);
    m->env = app->env;
    m->app = app->id;
    m->deliver_at_ms = 0;
    if (m->actor.ptr == NULL)
        m->actor = api_actor(api, call->arena, &call->who);
    enum err e = store_app_version(call->reader, app->id, &op.app_version);
    if (e == ERR_OK)
        e = store_run(api->store, &op.op);
    if (e != ERR_OK)
        return e;
    struct store_resend ask = {.op = {.kind = STORE_RESEND},
                               .app = app->id,
                               .msg = m->id,
                               .ep = ep->id,
                               .profile_version = profile->version,
                               .transform = endpoint_transform(ep),
                               .trigger = TRIGGER_MANUAL,
                               .now_ms = call->now_ms};
    if (render_message(api, call->arena, app, profile, m, &render))
        ask.render = &render;
    return store_run(api->store, &ask.op);
}

static enum err find_attempt(struct api_call *call, const struct message *m, oid_t ep, struct attempt *out)
{
    struct attempt_query q = {.app = m->app,
                              .msg = m->id,
                              .ep = ep,
                              .ascending = true,
                              .status = -1,
                              .status_class = -1,
                              .with_content = true,
                              .limit = 1};
    struct attempt *found;
    size_t count;
    enum err e = store_list_attempts(call->reader, call->arena, &q, &found, &count);
    if (e == ERR_OK && count == 0)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK)
        *out = found[0];
    return e;
}

static enum err wait_for_attempt(struct api_call *call, const struct message *m, oid_t ep, int64_t wait_ms,
                                 struct attempt *out)
{
    enum err e = find_attempt(call, m, ep, out);
    for (int64_t waited_ms = 0; e == ERR_NOT_FOUND && waited_ms < wait_ms; waited_ms += LOOK_MS) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        e = find_attempt(call, m, ep, out);
    }
    return e;
}

static void try_once(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                     const struct catalog_profile *profile, struct message *m)
{
    struct attempt t;
    int64_t timeout_ms = ep->timeout_ms > 0 ? ep->timeout_ms : profile_timeout_ms(profile->profile);
    enum err e = append(api, call, app, ep, profile, m);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "a message with this eventId exists already");
    if (e == ERR_CONFLICT || !answer_ok(call, e))
        return;
    if (api->on_pending != NULL)
        api->on_pending(api->hook_arg, ep->id);
    e = wait_for_attempt(call, m, ep->id, timeout_ms + GRACE_MS < WAIT_MS ? timeout_ms + GRACE_MS : WAIT_MS, &t);
    if (e == ERR_NOT_FOUND)
        answer_error(call, ERR_UNAVAILABLE,
                     "the message was accepted, the attempt has not ended in time: see its attempts");
    else if (answer_ok(call, e))
        attempt_answer(api, call, 201, &t, m);
}

void message_test_attempt(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    struct message m;
    const struct catalog_profile *profile;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep) || !read_message(api, call, &m) ||
        !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    if (!endpoint_is_enabled(call, &ep))
        return;
    if (atomic_fetch_add(&waiting, 1) < WAITING_MAX)
        try_once(api, call, &app, &ep, profile, &m);
    else
        answer_error(call, ERR_BUSY, "other tests are under way: try again in a moment");
    atomic_fetch_sub(&waiting, 1);
}
