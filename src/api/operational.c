/* SPDX-License-Identifier: Apache-2.0 */
#include "api/operational.h"

#include "api/append.h"
#include "api/env.h"
#include "api/mail.h"
#include "base/log.h"

#define TRIES       5
#define PAYLOAD_MAX 4096

static enum err make_app(struct api *api, struct api_call *call, oid_t *out)
{
    struct app app = {.id = oid_next(api->oids, call->now_ms),
                      .env = call->env,
                      .uid = STR(OPERATIONAL_UID),
                      .name = STR("Operational webhooks"),
                      .profile = STR("standard"),
                      .metadata = STR("{}"),
                      .created_ms = call->now_ms,
                      .updated_ms = call->now_ms};
    struct object_change change = {.change = OBJECT_CREATE};
    app_encode(call->arena, &app, &change.object);
    *out = app.id;
    return api_commit(api, &change, 1, call->env, app.id);
}

bool operational_enter(struct api *api, struct api_call *call)
{
    struct object o;
    enum err e = ERR_NOT_FOUND;
    for (int i = 0; i < TRIES; i++) {
        e = store_find_object(call->reader, call->arena, OBJ_APP, call->env, 0, STR(OPERATIONAL_UID), &o);
        if (e == ERR_NOT_FOUND)
            e = make_app(api, call, &o.id);
        if (e != ERR_CONFLICT)
            break;
    }
    if (!answer_ok(call, e))
        return false;
    memmove(&call->params[1], &call->params[0], (API_PARAMS_MAX - 1) * sizeof call->params[0]);
    call->params[0] = api_id(api, call, o.id, "app_");
    return true;
}

#define KEEPS "{\"events\":\"kept\"}"

static bool keeps(const struct app *app)
{
    return str_eq(app->metadata, STR(KEEPS));
}

enum err operational_keep(struct api *api, struct api_call *call, const struct object *o, struct app *app)
{
    struct object_change change = {.change = OBJECT_UPDATE, .expected_version = o->version};
    if (keeps(app))
        return ERR_OK;
    app->metadata = STR(KEEPS);
    app->updated_ms = call->now_ms;
    app_encode(call->arena, app, &change.object);
    return api_commit(api, &change, 1, app->env, app->id);
}

/* ---- events -------------------------------------------------------------------------------------------------------
 */

struct sending {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    const struct operational_event *ev;
    struct object app;
    struct object ep;
    struct str env_name;
    struct str payload;
    int64_t now_ms;
};

static void write_id(const struct sending *s, const char *name, oid_t id, const char *prefix, struct json_writer *w)
{
    char text[OID_TEXT_SIZE];
    oid_format(id, prefix, s->api->id_key, text);
    json_w_str_at(w, name, str_c(text));
}

static enum err write_attempt(struct sending *s, struct json_writer *w)
{
    struct message m;
    enum err e = store_get_message(s->reader, s->arena, s->app.id, s->ev->msg, false, &m);
    if (e != ERR_OK)
        return e;
    write_id(s, "msgId", m.id, "msg_", w);
    json_w_opt_str_at(w, "msgEventId", m.event_id);
    json_w_name(w, STR("lastAttempt"));
    json_w_object(w);
    write_id(s, "id", s->ev->attempt, "atmpt_", w);
    json_w_i64_at(w, "responseStatusCode", s->ev->http_status);
    json_w_time_at(w, "timestamp", s->ev->at_ms);
    json_w_object_end(w);
    return ERR_OK;
}

/* When an endpoint that is disabled began to fail: not known of one that somebody disables. */
static enum err write_since(struct sending *s, struct json_writer *w)
{
    struct endpoint_health health = {0};
    struct endpoint ep = {.enabled_at_ms = 0};
    enum err e = store_get_health(s->reader, s->ev->ep, &health);
    if (e == ERR_OK)
        e = endpoint_decode(s->arena, s->api->keys, &s->ep, &ep);
    endpoint_health_begin(&health, ep.enabled_at_ms);
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        json_w_time_at(w, "failSince", health.failing_since_ms != 0 ? health.failing_since_ms : s->now_ms);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err write_payload(struct sending *s)
{
    struct buf out = BUF_INIT(PAYLOAD_MAX);
    struct json_writer w = json_writer(&out);
    enum err e = ERR_OK;
    json_w_object(&w);
    json_w_str_at(&w, "type", str_c(s->ev->type));
    json_w_name(&w, STR("data"));
    json_w_object(&w);
    write_id(s, "appId", s->app.id, "app_", &w);
    json_w_opt_str_at(&w, "appUid", s->app.key);
    write_id(s, "endpointId", s->ev->ep, "ep_", &w);
    if (s->ev->msg != 0)
        e = write_attempt(s, &w);
    else
        json_w_opt_str_at(&w, "endpointUid", s->ep.key);
    if (e == ERR_OK && strcmp(s->ev->type, "endpoint.disabled") == 0)
        e = write_since(s, &w);
    json_w_object_end(&w);
    json_w_object_end(&w);
    s->payload = arena_str(s->arena, buf_str(&out));
    buf_fini(&out);
    return e;
}

static enum err append(struct sending *s, oid_t app)
{
    struct message m = {.id = oid_next(s->api->oids, s->now_ms),
                        .event_type = str_c(s->ev->type),
                        .event_id = s->ev->event_id,
                        .occurred_ms = s->now_ms,
                        .expires_ms = s->now_ms + s->api->retention_payload_ms,
                        .payload = s->payload};
    struct append a;
    enum err e = append_init(&a, s->api, s->reader, s->arena, app, &m, s->now_ms);
    if (e != ERR_OK)
        return e;
    bool wanted = a.op.target_count > 0 || keeps(&a.ws->app);
    if (wanted)
        e = append_run(&a, s->api, s->reader, s->arena, s->now_ms);
    if (wanted && e == ERR_OK)
        append_tell(&a, s->api);
    append_fini(&a);
    return e == ERR_CONFLICT && m.event_id.ptr != NULL ? ERR_OK : e;
}

/* The two workspaces that may listen; 0: there is none. */
static enum err find_listeners(struct sending *s, oid_t apps[2])
{
    struct object o, env;
    enum err e = store_find_object(s->reader, s->arena, OBJ_APP, s->app.env, 0, STR(OPERATIONAL_UID), &o);
    if (e == ERR_OK)
        apps[0] = o.id;
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        e = store_find_object(s->reader, s->arena, OBJ_ENV, 0, 0, STR(MANAGEMENT_ENV), &env);
    if (e == ERR_OK)
        e = store_find_object(s->reader, s->arena, OBJ_APP, env.id, 0, s->env_name, &o);
    if (e == ERR_OK)
        apps[1] = o.id;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The same of what happens in a workspace. What is told of an event is no event. */
static enum err look_around(struct sending *s, oid_t app, oid_t apps[2])
{
    struct object env;
    enum err e = store_get_object(s->reader, s->arena, OBJ_APP, app, &s->app);
    if (e == ERR_OK)
        e = store_get_object(s->reader, s->arena, OBJ_ENV, s->app.env, &env);
    if (e != ERR_OK)
        return e;
    s->env_name = env.key;
    if (operational_hides(s->app.key) || str_eq(env.key, STR(MANAGEMENT_ENV)))
        return ERR_OK;
    return find_listeners(s, apps);
}

static enum err send_event(struct sending *s)
{
    oid_t apps[2] = {0};
    enum err e = look_around(s, s->ev->app, apps);
    if (e != ERR_OK || (apps[0] == 0 && apps[1] == 0))
        return e;
    e = store_get_object(s->reader, s->arena, OBJ_ENDPOINT, s->ev->ep, &s->ep);
    if (e == ERR_OK)
        e = write_payload(s);
    for (int i = 0; i < 2 && e == ERR_OK; i++) {
        if (apps[i] != 0)
            e = append(s, apps[i]);
    }
    return e;
}

enum err operational_append(struct api *api, struct store_reader *r, struct arena *a,
                            const struct operational_event *ev, int64_t now_ms)
{
    struct sending s = {.api = api, .reader = r, .arena = a, .ev = ev, .now_ms = now_ms};
    return send_event(&s);
}

void operational_send(struct api *api, struct store_reader *r, const struct operational_event *ev, int64_t now_ms)
{
    struct sending s = {.api = api, .reader = r, .arena = arena_new(8192), .ev = ev, .now_ms = now_ms};
    enum err e = send_event(&s);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_warn("operational_webhook_lost", LOG_CSTR("type", ev->type), LOG_CSTR("error", err_text(e)));
    arena_free(s.arena);
}

/* ---- in the commit of a change ------------------------------------------------------------------------------------
 */

enum err operational_plan(struct api *api, struct store_reader *r, struct arena *a, const struct task *about,
                          unsigned news, int64_t now_ms, struct object_change *changes, size_t *count)
{
    struct sending s = {.api = api, .reader = r, .arena = a, .now_ms = now_ms};
    oid_t apps[2] = {0};
    enum err e = look_around(&s, about->app, apps);
    if (e == ERR_NOT_FOUND)
        e = ERR_OK;
    bool mail = (news & NEWS_MAIL) != 0 && mail_on(api);
    if (e != ERR_OK || (apps[0] == 0 && apps[1] == 0 && !mail))
        return e;
    struct task t = {.kind = TASK_TELL,
                     .env = about->env,
                     .app = about->app,
                     .ep = about->ep,
                     .reason = (enum delivery_reason)news,
                     .since_ms = now_ms};
    changes[(*count)++] = task_create(api, a, &t, now_ms);
    return ERR_OK;
}

void operational_wake(struct api *api, const struct object_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].change == OBJECT_CREATE && changes[i].object.kind == OBJ_TASK)
            task_wake(api, changes[i].object.id);
    }
}
