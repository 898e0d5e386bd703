/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transformation of an endpoint: read, change, try. Code is run once before it is kept, as far as it goes without a
 * message: what does not parse, or has no handler, is refused with its line.
 */
#include "model/transformation.h"

#include "api/endpoint.h"
#include "api/message_in.h"
#include "api/operational.h"
#include "api/routes.h"
#include "transform/transform.h"

#define VARIABLES_MAX      64
#define VARIABLE_BYTES_MAX 8192
#define CHANNELS_MAX       10

struct found {
    struct app app;
    struct object object;
    struct endpoint ep;
    struct transformation now; /* id 0: there is none */
    struct object now_object;
};

static bool find(struct api *api, struct api_call *call, struct found *f)
{
    if (!call_app(api, call, &f->app) || !call_endpoint(api, call, &f->app, 1, &f->object, &f->ep))
        return false;
    f->now = (struct transformation){0};
    if (f->ep.transformation == 0)
        return true;
    enum err e = store_get_object(call->reader, call->arena, OBJ_TRANSFORMATION, f->ep.transformation, &f->now_object);
    if (e == ERR_OK)
        e = transformation_decode(call->arena, api->keys, &f->now_object, &f->now);
    return answer_ok(call, e);
}

void endpoint_transformation_get(struct api *api, struct api_call *call)
{
    struct found f;
    if (!find(api, call, &f))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_opt_str_at(&w, "code", f.now.code);
    json_w_bool_at(&w, "enabled", f.ep.transforms);
    if (f.now.variables.ptr != NULL)
        json_w_raw_at(&w, "variables", f.now.variables);
    else
        json_w_null_at(&w, "variables");
    if (f.now.id != 0)
        json_w_time_at(&w, "updatedAt", f.now.created_ms);
    else
        json_w_null_at(&w, "updatedAt");
    json_w_object_end(&w);
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

/* The member if it is there; *is_null: as null. */
static const struct json *member(const struct json *body, const char *name, bool *is_null)
{
    const struct json *j = json_get(body, str_c(name));
    *is_null = json_is_null(j);
    return *is_null ? NULL : j;
}

static struct str read_code(struct api_call *call, const struct json *j)
{
    struct str code = STR_NULL;
    if (!json_as_str(j, &code))
        call_problem(call, "code", "type_error.string", "must be a string");
    else if (code.len < TRANSFORM_CODE_MIN || code.len > TRANSFORM_CODE_MAX)
        call_problem(call, "code", "value_error.length", "must have %d to %d bytes", TRANSFORM_CODE_MIN,
                     TRANSFORM_CODE_MAX);
    else if (memchr(code.ptr, '\0', code.len) != NULL)
        call_problem(call, "code", "value_error", "must not contain the character U+0000");
    return code;
}

static struct str read_variables(struct api_call *call, const struct json *j)
{
    if (j->type != JSON_OBJECT || j->count > VARIABLES_MAX || j->raw.len > 8 * VARIABLE_BYTES_MAX) {
        call_problem(call, "variables", "type_error.dict", "must be an object of at most %d short strings",
                     VARIABLES_MAX);
        return STR_NULL;
    }
    for (const struct json *m = j->child; m != NULL; m = m->next) {
        if (m->type != JSON_STRING || m->text.len > VARIABLE_BYTES_MAX)
            problem_add(&call->problems, "body", STR("variables"), m->name, "type_error.string",
                        "must be a string of at most %d bytes", VARIABLE_BYTES_MAX);
    }
    return j->raw;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Runs the call; false: answered. */
static bool run(struct api *api, struct api_call *call, const struct found *f, const struct transform_call *tc,
                struct transform_result *out)
{
    *out = (struct transform_result){.status = TRANSFORM_MISSING, .text = STR("this server runs no transformations")};
    if (api->transforms != NULL)
        transform_submit_wait(api->transforms, tc, f->app.id, f->ep.id, call->arena, out);
    switch (out->status) {
    case TRANSFORM_OK:
        return true;
    case TRANSFORM_BUSY:
        answer_error(call, ERR_RATE, "too many transformations are being tried: try again in a moment");
        return false;
    case TRANSFORM_MISSING:
    case TRANSFORM_FAILED:
    case TRANSFORM_KILLED:
        break;
    }
    call_problem(call, "code",
                 out->status == TRANSFORM_MISSING ? "value_error.unavailable" : "value_error.transformation", STR_FMT,
                 STR_ARG(out->text));
    call_fits(call);
    return false;
}

/* ---- change ------------------------------------------------------------------------------------------------------ */

/* What the request makes of what is there; false: answered. */
static bool read_patch(struct api *api, struct api_call *call, const struct json *body, struct found *f,
                       struct transformation *t, bool *changed)
{
    bool no_code, no_variables, no_enabled;
    const struct json *code = member(body, "code", &no_code), *enabled = member(body, "enabled", &no_enabled),
                      *variables = member(body, "variables", &no_variables);
    struct transform_result res;
    *t = f->now;
    if (code != NULL || no_code)
        t->code = no_code ? STR_NULL : read_code(call, code);
    if (variables != NULL || no_variables)
        t->variables = no_variables ? STR_NULL : read_variables(call, variables);
    if (enabled != NULL && !json_as_bool(enabled, &f->ep.transforms))
        call_problem(call, "enabled", "type_error.bool", "must be true or false");
    if (no_code)
        f->ep.transforms = false;
    else if (f->ep.transforms && t->code.ptr == NULL)
        call_problem(call, "enabled", "value_error", "there is no code: set it first, or together with this");
    if (!call_fits(call))
        return false;
    *changed = !str_eq(t->code, f->now.code) || !str_eq(t->variables, f->now.variables);
    struct transform_call check = {.only_check = true, .code = t->code};
    return t->code.ptr == NULL || str_eq(t->code, f->now.code) || run(api, call, f, &check, &res);
}

/* The endpoint, its new version if there is one, and the end of the one before. */
static enum err save(struct api *api, struct api_call *call, struct found *f, struct transformation *t, bool changed)
{
    struct object_change changes[4] = {{.change = OBJECT_UPDATE, .expected_version = f->object.version}};
    size_t n = 1;
    if (changed) {
        t->id = oid_next(api->oids, call->now_ms);
        t->env = f->ep.env;
        t->app = f->ep.app;
        t->created_ms = call->now_ms;
        f->ep.transformation = t->id;
        changes[n].change = OBJECT_CREATE;
        transformation_encode(call->arena, api->keys, t, &changes[n++].object);
    }
    if (changed && f->now.id != 0) {
        changes[n] = (struct object_change){.change = OBJECT_DELETE, .object = f->now_object};
        changes[n++].object.updated_ms = call->now_ms;
    }
    f->ep.updated_ms = call->now_ms;
    endpoint_encode(call->arena, api->keys, &f->ep, &changes[0].object);
    struct task about = {.env = f->ep.env, .app = f->ep.app, .ep = f->ep.id};
    enum err e = operational_plan(api, call->reader, call->arena, &about, NEWS_UPDATED, call->now_ms, changes, &n);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, n, f->ep.env, f->ep.app);
    if (e == ERR_OK && api->on_endpoint_changed != NULL)
        api->on_endpoint_changed(api->hook_arg, f->ep.env, f->ep.app, f->ep.id);
    if (e == ERR_OK)
        operational_wake(api, changes, n);
    return e;
}

void endpoint_transformation_patch(struct api *api, struct api_call *call)
{
    struct found f;
    struct transformation t;
    bool changed = false;
    const struct json *body = call_json(call, false);
    if (body == NULL || !find(api, call, &f) || !read_patch(api, call, body, &f, &t, &changed))
        return;
    if (answer_ok(call, save(api, call, &f, &t, changed)))
        answer_empty(call);
}

/* ---- simulate ---------------------------------------------------------------------------------------------------- */

static struct str read_channels(struct api_call *call, const struct json *j)
{
    bool fits = j->type == JSON_ARRAY && j->count <= CHANNELS_MAX;
    for (const struct json *c = j->child; fits && c != NULL; c = c->next)
        fits = c->type == JSON_STRING && c->text.len > 0 && c->text.len <= 128 && chars_fit(CHARS_CHANNEL, c->text);
    if (!fits)
        call_problem(call, "channels", "type_error.list", "must be a list of at most %d channels", CHANNELS_MAX);
    return j->raw;
}

static bool read_simulation(struct api_call *call, const struct json *body, struct transform_call *tc)
{
    bool null;
    const struct json *code = json_get(body, STR("code")), *type = json_get(body, STR("eventType")),
                      *payload = json_get(body, STR("payload")), *variables = member(body, "variables", &null),
                      *channels = member(body, "channels", &null);
    if (code == NULL)
        call_problem(call, "code", "value_error.missing", "is missing");
    else
        tc->code = read_code(call, code);
    if (type == NULL)
        call_problem(call, "eventType", "value_error.missing", "is missing");
    else if (!json_as_str(type, &tc->event_type) || tc->event_type.len == 0 || tc->event_type.len > 256 ||
             !chars_fit(CHARS_ID, tc->event_type))
        call_problem(call, "eventType", "value_error.pattern", "must be the name of an event type");
    if (payload == NULL || payload->type != JSON_OBJECT)
        call_problem(call, "payload", payload == NULL ? "value_error.missing" : "type_error.dict", "must be an object");
    else
        tc->payload = payload->raw;
    if (variables != NULL)
        tc->variables = read_variables(call, variables);
    if (channels != NULL)
        tc->channels = read_channels(call, channels);
    return call_fits(call);
}

static void answer_simulation(struct api_call *call, const struct transform_call *tc, const struct transformed *t,
                              struct str logs)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "url", t->url.ptr != NULL ? t->url : tc->url);
    json_w_str_at(&w, "payload", t->cancelled || t->same ? tc->payload : t->payload);
    json_w_str_at(&w, "method", t->method);
    json_w_bool_at(&w, "cancel", t->cancelled);
    json_w_name(&w, STR("headers"));
    json_w_object(&w);
    if (t->content_type.ptr != NULL)
        json_w_str_at(&w, "content-type", t->content_type);
    for (struct str rest = t->headers; rest.len > 0;) {
        struct str line = str_split(&rest, '\n');
        json_w_name(&w, str_take(line, str_find(line, ':')));
        json_w_str(&w, str_skip(line, str_find(line, ':') + 2));
    }
    json_w_object_end(&w);
    json_w_raw_at(&w, "logs", logs);
    json_w_object_end(&w);
}

void endpoint_transformation_simulate(struct api *api, struct api_call *call)
{
    struct found f;
    struct transform_result res;
    struct transformed made;
    struct str logs = STR("[]");
    const struct catalog_profile *profile;
    struct transform_call tc = {
            .message_id = STR("msg_simulation"), .now_ms = call->now_ms, .seed = 1, .want_logs = true};
    const struct json *body = call_json(call, false);
    if (body == NULL || !find(api, call, &f) || !read_simulation(call, body, &tc) ||
        !answer_ok(call, endpoint_profile(api, call, &f.app, &f.ep, &profile)))
        return;
    tc.url = f.ep.url;
    if (!run(api, call, &f, &tc, &res))
        return;
    const char *why = transform_read(transform_pool_limits(api->transforms), api->urls, profile->profile, &tc, res.text,
                                     call->arena, &made, &logs);
    if (why != NULL) {
        call_problem(call, "code", "value_error.transformation", "%s", why);
        call_fits(call);
        return;
    }
    answer_simulation(call, &tc, &made, logs);
}
