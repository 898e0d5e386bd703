/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /profile/{name}/preview: the exact request that a message would become. The body is a message and, all optional,
 * "url", "secret" (else a throwaway one), "attempt", "timestamp" (now).
 */
#include "api/application.h"
#include "api/env.h"
#include "api/message_in.h"
#include "api/render.h"
#include "api/routes.h"
#include "base/time.h"

#define HEADERS_MAX     65536
#define SECRET_TEXT_MAX 512

struct preview {
    struct message_in in;
    struct str url;
    struct str secret;
    int64_t attempt;
    int64_t now_ms;
    const struct catalog_profile *profile;
};

/* A member that is there and not null. */
static const struct json *value_at(const struct json *body, const char *name)
{
    const struct json *v = json_get(body, str_c(name));
    return json_is_null(v) ? NULL : v;
}

static bool text_at(struct api_call *call, const struct json *body, const char *name, struct str *out)
{
    const struct json *v = value_at(body, name);
    if (v != NULL && v->type != JSON_STRING)
        call_problem(call, name, "type_error.string", "must be a string");
    return json_as_str(v, out);
}

static bool read_preview(struct api *api, struct api_call *call, struct preview *p)
{
    struct json_error error;
    struct str at;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return false;
    enum err e = message_in_parse(call->arena, call->body, STR_NULL, call->now_ms, api->retention_payload_ms, &p->in,
                                  &call->problems, &error);
    if (e == ERR_SYNTAX) {
        answer(call, err_http_status(e));
        api_syntax_json(&error, &call->out);
        return false;
    }
    *p = (struct preview){
            .in = p->in, .url = STR("https://example.com/webhooks"), .attempt = 1, .now_ms = call->now_ms};
    const struct json *attempt = value_at(body, "attempt");
    text_at(call, body, "url", &p->url);
    text_at(call, body, "secret", &p->secret);
    if (attempt != NULL && (!json_as_i64(attempt, &p->attempt) || p->attempt < 0 || p->attempt > 1000))
        call_problem(call, "attempt", "value_error.range", "must be a whole number from 0 to 1000");
    if (text_at(call, body, "timestamp", &at) && time_parse(at, &p->now_ms) != ERR_OK)
        call_problem(call, "timestamp", "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
    return true;
}

static void read_secret(struct api_call *call, struct preview *p)
{
    const char *why;
    if (p->secret.ptr != NULL) {
        if (profile_check_secret(p->profile->profile, p->secret, &why) != ERR_OK)
            call_problem(call, "secret", "value_error", "%s", why);
        return;
    }
    struct buf text = BUF_INIT(SECRET_TEXT_MAX);
    profile_generate_secret(p->profile->profile, &text);
    p->secret = arena_str(call->arena, buf_str(&text));
    buf_fini(&text);
}

static void write_headers(const struct preview *p, const struct profile_attempt *at, struct json_writer *w)
{
    struct buf lines = BUF_INIT(HEADERS_MAX);
    struct profile_signers *signers = profile_signers_new(p->profile->profile, &p->secret, 1);
    size_t count = signers != NULL ? profile_headers(p->profile->profile, signers, at, &lines) : 0;
    const char *line = lines.ptr;
    json_w_object(w);
    json_w_str_at(w, "content-type",
                  p->in.message.content_type.ptr != NULL ? p->in.message.content_type : STR("application/json"));
    for (size_t i = 0; i < count; i++) {
        struct str value = str_c(line), name = str_split(&value, ':');
        json_w_name(w, name);
        json_w_str(w, str_trim(value));
        line += strlen(line) + 1;
    }
    json_w_object_end(w);
    profile_signers_free(signers);
    buf_fini(&lines);
}

static void answer_preview(struct api *api, struct api_call *call, struct preview *p)
{
    struct app app = {.id = oid_next(api->oids, call->now_ms), .uid = STR("preview"), .name = STR("Preview")};
    struct message *m = &p->in.message;
    struct message_render render = {0};
    char id[OID_TEXT_SIZE], uuid[OID_UUID_SIZE];
    m->id = oid_next(api->oids, call->now_ms);
    oid_format(m->id, "msg_", api->id_key, id);
    render_message(api, call->arena, &app, p->profile, m, &render);
    struct profile_attempt at = {.now_ms = p->now_ms,
                                 .message_id = str_c(id),
                                 .event_uuid = message_uuid(m, api->id_key, uuid),
                                 .type = m->event_type,
                                 .number = (int)p->attempt,
                                 .url = p->url,
                                 .body = {render.head, m->payload, render.tail}};
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "method", STR("POST"));
    json_w_str_at(&w, "url", p->url);
    json_w_name(&w, STR("headers"));
    write_headers(p, &at, &w);
    struct buf body = BUF_INIT(API_OUT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(at.body); i++)
        buf_add_str(&body, at.body[i]);
    json_w_str_at(&w, "body", buf_str(&body));
    buf_fini(&body);
    json_w_str_at(&w, "secret", p->secret);
    json_w_object_end(&w);
}

void profile_preview(struct api *api, struct api_call *call)
{
    struct object o;
    struct env_profile is;
    struct preview p;
    enum err e = call->params[0].len <= 64
                         ? store_find_object(call->reader, call->arena, OBJ_PROFILE, call->env, 0, call->params[0], &o)
                         : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such profile");
        return;
    }
    if (!answer_ok(call, e) || !answer_ok(call, env_profile_read(call->arena, &o, &is)) || !read_preview(api, call, &p))
        return;
    p.profile = catalog_profile_get(api->catalog, call->reader, is.current);
    if (p.profile == NULL) {
        answer_error(call, ERR_INTERNAL, NULL);
        return;
    }
    read_secret(call, &p);
    if (call_fits(call))
        answer_preview(api, call, &p);
}
