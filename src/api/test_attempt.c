/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that is made to try an endpoint: it goes to this one only, once, and the answer is the attempt. No worker
 * waits for it: the store is looked at now and then. Each workspace may try a few at a time, so that nobody's slow
 * endpoint is in the way of others.
 */
#include <pthread.h>

#include "api/endpoint.h"
#include "api/message_in.h"
#include "api/message_query.h"
#include "api/render.h"
#include "api/replay.h"
#include "api/routes.h"
#include "base/time.h"

#define WAITING_MAX         64
#define WAITING_PER_APP_MAX 2
/* How long until the store is looked at again: a quarter of the time so far, within these. */
#define LOOK_MIN_MS 20
#define LOOK_MAX_MS 250
/* The longest wait: of an endpoint with a short time-out its time-out and a little more. */
#define WAIT_MS  30000
#define GRACE_MS 2000

/* ---- who waits --------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static oid_t waiting[WAITING_MAX]; /* workspaces, one for each test under way; 0: free */

static bool enter(oid_t app)
{
    size_t at = WAITING_MAX, own = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WAITING_MAX; i++) {
        at = waiting[i] == 0 ? i : at;
        own += waiting[i] == app ? 1 : 0;
    }
    bool room = at < WAITING_MAX && own < WAITING_PER_APP_MAX;
    if (room)
        waiting[at] = app;
    pthread_mutex_unlock(&lock);
    return room;
}

static void leave(oid_t app)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WAITING_MAX && !found; i++) {
        found = waiting[i] == app;
        if (found)
            waiting[i] = 0;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the message ------------------------------------------------------------------------------------------------- */

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
                               .fifo = ep->fifo,
                               .now_ms = call->now_ms};
    if (render_message(api, call->arena, app, profile, m, &render))
        ask.render = &render;
    return store_run(api->store, &ask.op);
}

/* ---- the attempt ------------------------------------------------------------------------------------------------- */

struct trial {
    struct message message;
    oid_t ep;
    int64_t since_ms;
    int64_t until_ms;
};

static enum err find_attempt(struct api_call *call, const struct trial *t, struct attempt *out)
{
    struct attempt_query q = {.app = t->message.app,
                              .msg = t->message.id,
                              .ep = t->ep,
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

static void look(struct api *api, struct api_call *call, void *arg)
{
    struct trial *t = arg;
    struct attempt found;
    enum err e = find_attempt(call, t, &found);
    if (e == ERR_NOT_FOUND && call->now_ms < t->until_ms) {
        int64_t wait_ms = (call->now_ms - t->since_ms) / 4;
        wait_ms = wait_ms < LOOK_MIN_MS ? LOOK_MIN_MS : wait_ms > LOOK_MAX_MS ? LOOK_MAX_MS : wait_ms;
        call->later.go_on = look;
        call->later.arg = t;
        call->later.in_ms = wait_ms;
        return;
    }
    leave(t->message.app);
    if (e == ERR_NOT_FOUND)
        answer_error(call, ERR_UNAVAILABLE,
                     "the message was accepted, the attempt has not ended in time: see its attempts");
    else if (answer_ok(call, e))
        attempt_answer(api, call, 201, &found, &t->message);
}

static bool begin(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                  const struct catalog_profile *profile, struct message *m)
{
    enum err e = append(api, call, app, ep, profile, m);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "a message with this eventId exists already");
    if (e == ERR_CONFLICT || !answer_ok(call, e))
        return false;
    if (api->on_by_hand != NULL)
        api->on_by_hand(api->hook_arg, ep->id);
    return true;
}

void message_test_attempt(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    struct trial *t = arena_zalloc(call->arena, sizeof *t);
    const struct catalog_profile *profile;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep) ||
        !read_message(api, call, &t->message) || !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    if (!endpoint_is_enabled(call, &ep))
        return;
    if (!enter(app.id)) {
        answer_error(call, ERR_RATE, "other tests of this workspace are under way: try again in a moment");
        return;
    }
    int64_t timeout_ms = ep.timeout_ms > 0 ? ep.timeout_ms : profile_timeout_ms(profile->profile);
    t->ep = ep.id;
    t->since_ms = call->now_ms;
    t->until_ms = call->now_ms + (timeout_ms + GRACE_MS < WAIT_MS ? timeout_ms + GRACE_MS : WAIT_MS);
    if (begin(api, call, &app, &ep, profile, &t->message))
        look(api, call, t);
    else
        leave(app.id);
}
