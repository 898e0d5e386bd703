/* SPDX-License-Identifier: Apache-2.0 */
/* Access for a workspace's own people: links and tokens to the portal, and their end. */
#include "api/portal.h"

#include "api/application.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "auth/portal.h"
#include "base/time.h"

#define ACCESS_DAYS 7

struct access_in {
    bool read_only;
    const struct str *capabilities;
    size_t capability_count;
    const struct str *flags;
    size_t flag_count;
    int64_t expiry_s;
    struct str session;
};

struct expire_in {
    int64_t expiry_s;
    const struct str *sessions;
    size_t session_count;
};

struct exchange_in {
    struct str key;
};

#define AT(member) offsetof(struct access_in, member)

const struct field portal_access_fields[] = {
        {.name = "readOnly", .kind = FIELD_BOOL, .at = AT(read_only)},
        {.name = "capabilities",
         .kind = FIELD_NAMES,
         .at = AT(capabilities),
         .count_at = AT(capability_count),
         .min = 1, /* none given is all: an empty list would be the opposite of what it looks like */
         .max = 16,
         .item_max = 64},
        {.name = "featureFlags",
         .kind = FIELD_NAMES,
         .at = AT(flags),
         .count_at = AT(flag_count),
         .max = 25,
         .chars = CHARS_ID,
         .item_max = 256},
        {.name = "expiry",
         .kind = FIELD_MS,
         .at = AT(expiry_s),
         .min = TIME_HOUR_MS / TIME_SECOND_MS,
         .max = ACCESS_DAYS * TIME_DAY_MS / TIME_SECOND_MS},
        {.name = "sessionId", .kind = FIELD_TEXT, .at = AT(session), .min = 1, .max = 64},
};
const size_t portal_access_field_count = ARRAY_LEN(portal_access_fields);

#undef AT
#define AT(member) offsetof(struct expire_in, member)

const struct field portal_expire_fields[] = {
        {.name = "expiry", .kind = FIELD_MS, .at = AT(expiry_s), .max = 3 * TIME_DAY_MS / TIME_SECOND_MS},
        {.name = "sessionIds",
         .kind = FIELD_NAMES,
         .at = AT(sessions),
         .count_at = AT(session_count),
         .max = 1000,
         .item_max = 64},
};
const size_t portal_expire_field_count = ARRAY_LEN(portal_expire_fields);

const struct field portal_exchange_fields[] = {{.name = "oneTimeToken",
                                                .kind = FIELD_TEXT,
                                                .flags = FIELD_REQUIRED,
                                                .at = offsetof(struct exchange_in, key),
                                                .min = 1,
                                                .max = 256}};
const size_t portal_exchange_field_count = ARRAY_LEN(portal_exchange_fields);

/* [A-Za-z0-9@_-] */
static bool is_session_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '@' && (s.ptr[i] == '.' || !chars_fit(CHARS_ID, str_of(s.ptr + i, 1))))
            return false;
    }
    return true;
}

static void check_access(struct api_call *call, const struct access_in *in)
{
    for (size_t i = 0; i < in->capability_count; i++) {
        if (!portal_is_capability(in->capabilities[i]))
            call_problem(call, "capabilities", "value_error", "holds what is not a capability");
    }
    if (!is_session_name(in->session))
        call_problem(call, "sessionId", "value_error.pattern", "may hold letters, digits, @, _ and - only");
}

static void tell_tokens(struct api *api)
{
    if (api->on_token_changed != NULL)
        api->on_token_changed(api->hook_arg);
}

/* The workspace of the path, or a new one that the body brings along. False: answered. */
static bool find_app(struct api *api, struct api_call *call, const struct json *body, oid_t *out)
{
    struct app app;
    const struct json *brought = json_get(body, STR("application"));
    if (brought != NULL && brought->type != JSON_OBJECT && !json_is_null(brought)) {
        call_problem(call, "application", "type_error.dict", "must be an object");
        return call_fits(call);
    }
    enum err e = api_app_id(api, call->reader, call->arena, call->env, call->params[0], out);
    if (e == ERR_NOT_FOUND && call->who.app == 0 && brought != NULL && !json_is_null(brought)) {
        e = application_bring(api, call, brought, call->params[0], out);
        return call_fits(call) && answer_ok(call, e);
    }
    if (!call_app(api, call, &app)) /* also: whether it is the caller's */
        return false;
    *out = app.id;
    return true;
}

static void answer_access(struct api *api, struct api_call *call, struct str session, struct str link)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "url",
                  arena_printf(call->arena, "%s/portal#key=" STR_FMT, api->public_url != NULL ? api->public_url : "",
                               STR_ARG(link)));
    json_w_str_at(&w, "token", session);
    json_w_object_end(&w);
}

void portal_access(struct api *api, struct api_call *call)
{
    struct access_in in = {0};
    struct principal made;
    oid_t app = 0;
    const struct json *body = call_json(call, true);
    if (body == NULL)
        return;
    fields_read(call->arena, portal_access_fields, portal_access_field_count, FIELD_CREATE, body, &in, &call->problems);
    check_access(call, &in);
    if (!call_fits(call) || !find_app(api, call, body, &app))
        return;
    if (in.expiry_s == 0)
        in.expiry_s = ACCESS_DAYS * TIME_DAY_MS / TIME_SECOND_MS;
    struct portal_key k = {.app = app,
                           .env = str_c(call->who.env),
                           .read_only = in.read_only,
                           .capabilities = in.capabilities,
                           .capability_count = in.capability_count,
                           .flags = in.flags,
                           .flag_count = in.flag_count,
                           .session = in.session,
                           .expires_ms = call->now_ms + in.expiry_s * TIME_SECOND_MS};
    portal_principal(&k, &made);
    if (call->who.scopes != 0 && (made.scopes == 0 || (made.scopes & ~call->who.scopes) != 0)) {
        answer_error(call, ERR_FORBIDDEN, "a key cannot give access to more than it may itself");
        return;
    }
    struct buf session = BUF_INIT(256), link = BUF_INIT(256);
    if (answer_ok(call, portal_create(api->store, call->reader, call->arena, api->oids, api->id_key, call->now_ms, &k,
                                      &session, &link)))
        answer_access(api, call, buf_str(&session), buf_str(&link));
    buf_fini(&session);
    buf_fini(&link);
}

void portal_write_capabilities(const struct portal_key *k, struct json_writer *w)
{
    static const char *const all[] = {
#define CAPABILITY_NAME(name, scope) (name),
            PORTAL_CAPABILITY_TABLE(CAPABILITY_NAME)
#undef CAPABILITY_NAME
    };
    json_w_name(w, STR("capabilities"));
    json_w_array(w);
    for (size_t i = 0; k->capabilities != NULL && i < k->capability_count; i++)
        json_w_str(w, k->capabilities[i]);
    for (size_t i = 0; k->capabilities == NULL && i < (k->read_only ? 1 : ARRAY_LEN(all)); i++)
        json_w_str(w, str_c(all[i]));
    json_w_array_end(w);
}

enum err portal_redeem(struct api *api, struct api_call *call, struct str key, struct portal_key *link,
                       struct buf *session)
{
    if (!str_starts(key, STR(PORTAL_LINK_PREFIX)))
        return ERR_UNAUTHORIZED;
    enum err e = portal_find(call->reader, call->arena, api->id_key, key, call->now_ms, link);
    if (e == ERR_OK)
        e = portal_exchange(api->store, call->arena, api->oids, api->id_key, call->now_ms, link, session);
    return e == ERR_STALE ? ERR_UNAUTHORIZED : e;
}

void portal_exchange_key(struct api *api, struct api_call *call)
{
    struct exchange_in in = {0};
    struct portal_key link;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, portal_exchange_fields, portal_exchange_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call))
        return;
    struct buf session = BUF_INIT(256);
    enum err e = portal_redeem(api, call, in.key, &link, &session);
    if (e == ERR_UNAUTHORIZED) {
        answer_error(call, e, PORTAL_LINK_USED);
    } else if (answer_ok(call, e)) {
        struct json_writer w = answer(call, 200);
        json_w_object(&w);
        json_w_str_at(&w, "token", buf_str(&session));
        portal_write_capabilities(&link, &w);
        json_w_object_end(&w);
    }
    buf_fini(&session);
}

void portal_logout(struct api *api, struct api_call *call)
{
    bool portal = call->who.role == AUTH_PORTAL || call->who.role == AUTH_PORTAL_READ;
    if (!portal || call->who.token == 0) {
        answer_error(call, ERR_FORBIDDEN, "only a token of the portal can be logged out");
        return;
    }
    enum err e = portal_end(api->store, call->who.token, call->now_ms);
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return;
    tell_tokens(api);
    answer_empty(call);
}

void portal_expire_all(struct api *api, struct api_call *call)
{
    struct expire_in in = {0};
    struct app app;
    const struct json *body = call_json(call, true);
    if (body == NULL)
        return;
    fields_read(call->arena, portal_expire_fields, portal_expire_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (!call_fits(call) || !call_app(api, call, &app))
        return;
    int64_t at_ms = call->now_ms + in.expiry_s * TIME_SECOND_MS;
    const struct str *sessions = in.session_count > 0 ? in.sessions : NULL;
    if (!answer_ok(call, portal_end_all(api->store, call->reader, call->arena, app.id, sessions, in.session_count,
                                        at_ms, call->now_ms)))
        return;
    call_made(call, MADE_NOTHING, 0, 204);
    tell_tokens(api);
    answer_empty(call);
}
