/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out, and the sessions that somebody has. */
#include "api/audit.h"
#include "api/console.h"
#include "api/portal.h"
#include "api/routes.h"
#include "auth/totp.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/password.h"

#define AGENT_MAX 200

/* Guesses: at one account from one address, from one address, at one account from everywhere. */
static const struct throttle_rate of_both = {.burst = 10, .interval_ms = 30 * TIME_SECOND_MS};
static const struct throttle_rate of_address = {.burst = 40, .interval_ms = 10 * TIME_SECOND_MS};
static const struct throttle_rate of_account = {.burst = 100, .interval_ms = 20 * TIME_SECOND_MS};

struct sign_in_in {
    struct str email, password, code;
};
struct again_in {
    struct str password, code;
};
struct portal_in {
    struct str key;
};

const struct field console_sign_in_fields[] = {
        {.name = "email",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct sign_in_in, email),
         .min = 1,
         .max = USER_EMAIL_MAX},
        {.name = "password",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct sign_in_in, password),
         .min = 1,
         .max = CRYPTO_PASSWORD_MAX},
        {.name = "code", .kind = FIELD_TEXT, .at = offsetof(struct sign_in_in, code), .max = 16},
};
const size_t console_sign_in_field_count = ARRAY_LEN(console_sign_in_fields);
const struct field console_again_fields[] = {
        {.name = "password",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct again_in, password),
         .min = 1,
         .max = CRYPTO_PASSWORD_MAX},
        {.name = "code", .kind = FIELD_TEXT, .at = offsetof(struct again_in, code), .max = 16},
};
const size_t console_again_field_count = ARRAY_LEN(console_again_fields);
const struct field console_portal_fields[] = {
        {.name = "key",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct portal_in, key),
         .min = 1,
         .max = 256},
};
const size_t console_portal_field_count = ARRAY_LEN(console_portal_fields);

/* ---- guesses ----------------------------------------------------------------------------------------------------- */

struct tries {
    struct {
        const struct throttle_rate *rate;
        struct str name;
    } of[3];
};

static struct tries tries_of(const struct api *api, struct api_call *call, struct str email)
{
    struct str ip = console_client_ip(api, call);
    return (struct tries){
            {{&of_both, arena_printf(call->arena, "both " STR_FMT " " STR_FMT, STR_ARG(ip), STR_ARG(email))},
             {&of_address, arena_printf(call->arena, "address " STR_FMT, STR_ARG(ip))},
             {&of_account, arena_printf(call->arena, "account " STR_FMT, STR_ARG(email))}}};
}

static bool begin_try(const struct api *api, struct api_call *call, struct str email)
{
    struct tries t = tries_of(api, call, email);
    int64_t wait_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(t.of) && wait_ms == 0; i++)
        wait_ms = throttle_try(api->console->throttle, *t.of[i].rate, t.of[i].name, call->now_ms);
    return answer_unthrottled(call, wait_ms);
}

static void forgive_try(const struct api *api, struct api_call *call, struct str email)
{
    struct tries t = tries_of(api, call, email);
    for (size_t i = 0; i < ARRAY_LEN(t.of); i++)
        throttle_forgive(api->console->throttle, *t.of[i].rate, t.of[i].name);
}

/* Guesses at an account that there is; their number is limited, as above. */
static void note_refusal(struct api *api, struct api_call *call, const struct user *u)
{
    enum err e = u != NULL ? audit_user_run(api, call, u, "console.session.refused", NULL, 0) : ERR_OK;
    if (e != ERR_OK)
        log_warn("audit_failed", LOG_CSTR("error", err_text(e)));
}

bool console_check_password(struct api *api, struct api_call *call, struct str email, const struct user *u,
                            struct str password)
{
    if (!begin_try(api, call, email))
        return false;
    enum err e = crypto_password_verify(u != NULL ? u->password : STR_NULL, password);
    if (e == ERR_OK && u != NULL && !u->disabled) {
        forgive_try(api, call, email);
        return true;
    }
    if (e == ERR_RATE) {
        forgive_try(api, call, email);
        return answer_unthrottled(call, TIME_SECOND_MS);
    }
    log_info("sign_in_refused", LOG_STR("ip", console_client_ip(api, call)));
    note_refusal(api, call, u);
    answer_refusal(call, 401, "bad_credentials", "the address or the password is wrong");
    return false;
}

bool console_check_code(struct api *api, struct api_call *call, struct user *u, struct str code)
{
    struct buf secret = BUF_INIT(64);
    int64_t step = 0;
    if (u->totp.ptr == NULL)
        return true;
    if (code.len == 0) {
        answer_refusal(call, 401, "totp_required", "a code of the authenticator is needed");
        return false;
    }
    if (!begin_try(api, call, u->email))
        return false;
    if (totp_unbase32(u->totp, &secret) == ERR_OK)
        step = totp_check(buf_str(&secret), code, call->now_ms, u->totp_step);
    mem_free_secret(secret.ptr, secret.len);
    if (step == 0) {
        note_refusal(api, call, u);
        answer_refusal(call, 401, "bad_code", "the code is wrong, over, or was used before");
        return false;
    }
    forgive_try(api, call, u->email);
    u->totp_step = step;
    return true;
}

/* ---- signing in -------------------------------------------------------------------------------------------------- */

void console_changed(struct api *api)
{
    if (api->on_token_changed != NULL)
        api->on_token_changed(api->hook_arg);
}

/* The session that the request came with, whose place the new one takes. */
static void end_former(struct api *api, struct api_call *call)
{
    struct console_who old;
    struct str text = console_cookie(api, call->headers, call->header_count);
    if (text.ptr == NULL || console_find(api, call->reader, call->arena, text, call->now_ms, &old) != ERR_OK ||
        old.is_portal)
        return;
    struct object_change change = session_delete(&old.session, call->now_ms);
    enum err e = api_commit(api, &change, 1, 0, 0);
    (void)e; /* it is over already, or its time will come */
}

/* Adds the end of sessions that are over, and of the oldest when there are too many. */
static enum err add_stale_sessions(struct api_call *call, oid_t user, struct object_change *changes, size_t *count)
{
    struct session *list;
    size_t n;
    enum err e = session_list(call->reader, call->arena, user, &list, &n);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        if (session_is_over(&list[i], call->now_ms) || (n == SESSIONS_MAX && i == 0))
            changes[(*count)++] = session_delete(&list[i], call->now_ms);
    }
    return e;
}

void console_sign_in(struct api *api, struct api_call *call, const struct user *u, const struct object_change *more,
                     size_t more_count)
{
    struct object_change *changes = arena_zalloc(call->arena, (1 + CONSOLE_MORE_MAX + SESSIONS_MAX) * sizeof *changes);
    struct buf text = BUF_INIT(256);
    struct session s = {.user = u->id,
                        .ip = console_client_ip(api, call),
                        .agent = str_take(call_header(call, STR("User-Agent")), AGENT_MAX)};
    struct console_who who;
    size_t n = 0, needed;
    CHECK(more_count <= CONSOLE_MORE_MAX);
    changes[n++] = session_make(call->arena, api->oids, api->id_key, call->now_ms, &s, &text);
    for (size_t i = 0; i < more_count; i++)
        changes[n++] = more[i];
    needed = n;
    enum err e = add_stale_sessions(call, u->id, changes, &n);
    if (e == ERR_OK)
        e = audit_user_run(api, call, u, "console.session.create", changes, n);
    if (e == ERR_NOT_FOUND && n > needed) /* somebody else cleared them away meanwhile */
        e = audit_user_run(api, call, u, "console.session.create", changes, needed);
    if (e == ERR_OK) {
        end_former(api, call);
        struct str cookie = arena_str(call->arena, buf_str(&text));
        e = console_find(api, call->reader, call->arena, cookie, call->now_ms, &who);
    }
    mem_free_secret(text.ptr, text.len);
    if (!answer_ok(call, e))
        return;
    answer_session(api, call, &who);
    answer_cookie(api, call, who.text, false, SESSION_LIFE_MS);
}

void console_session_create(struct api *api, struct api_call *call)
{
    struct sign_in_in in = {0};
    struct user u;
    struct str email;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_sign_in_fields, console_sign_in_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call))
        return;
    if (user_email(call->arena, in.email, &email) != ERR_OK)
        email = in.email;
    enum err e = user_find(call->reader, call->arena, api->keys, email, &u);
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return;
    if (!console_check_password(api, call, email, e == ERR_OK ? &u : NULL, in.password) ||
        !console_check_code(api, call, &u, in.code))
        return;
    u.signed_in_ms = call->now_ms;
    struct object_change change = user_update(call->arena, api->keys, &u, call->now_ms);
    console_sign_in(api, call, &u, &change, 1);
}

static bool note_portal(struct api *api, struct api_call *call, const struct portal_key *k)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}};
    struct audit_place place = {.name = k->env};
    portal_principal(k, &call->who);
    struct str id = api_id(api, call, k->id, "portal_"), app = api_id(api, call, k->app, "app_");
    enum err e = api_env(api, call->reader, k->env, false, call->now_ms, &place.env);
    if (e == ERR_OK)
        e = audit_run(api, call, &op,
                      &(struct audit_what){.action = "console.session.portal", .target = id, .app = app}, &place,
                      place.env != 0);
    return answer_ok(call, e);
}

void console_session_portal(struct api *api, struct api_call *call)
{
    struct portal_in in = {0};
    struct portal_key link;
    struct console_who who = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_portal_fields, console_portal_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call))
        return;
    struct buf text = BUF_INIT(256);
    enum err e = portal_redeem(api, call, in.key, &link, &text);
    struct str cookie = arena_str(call->arena, buf_str(&text));
    mem_free_secret(text.ptr, text.len);
    if (e == ERR_OK)
        e = console_find(api, call->reader, call->arena, cookie, call->now_ms, &who);
    if (e == ERR_UNAUTHORIZED) {
        answer_error(call, e, PORTAL_LINK_USED);
        return;
    }
    if (!answer_ok(call, e))
        return;
    end_former(api, call);
    if (!note_portal(api, call, &who.portal))
        return;
    answer_session(api, call, &who);
    answer_cookie(api, call, cookie, true, who.portal.expires_ms - call->now_ms);
}

void console_session_get(struct api *api, struct api_call *call)
{
    answer_session(api, call, call->console);
}

void console_session_delete(struct api *api, struct api_call *call)
{
    const struct console_who *w = call->console;
    struct object_change change = session_delete(&w->session, call->now_ms);
    enum err e = w->is_portal ? portal_end(api->store, w->portal.id, call->now_ms) : api_commit(api, &change, 1, 0, 0);
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return;
    console_changed(api);
    answer_empty(call);
    answer_cookie(api, call, STR(""), w->is_portal, 0);
}

/* ---- the sessions that one has ----------------------------------------------------------------------------------- */

/* Of a user; false: answered. */
static bool needs_user(struct api_call *call)
{
    if (!call->console->is_portal)
        return true;
    answer_error(call, ERR_FORBIDDEN, "only for users of the console");
    return false;
}

void console_session_confirm(struct api *api, struct api_call *call)
{
    struct again_in in = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL || !needs_user(call))
        return;
    fields_read(call->arena, console_again_fields, console_again_field_count, FIELD_CREATE, body, &in, &call->problems);
    struct user u = call->console->user;
    struct session s = call->console->session;
    if (!call_fits(call) || !console_check_password(api, call, u.email, &u, in.password) ||
        !console_check_code(api, call, &u, in.code))
        return;
    struct object_change changes[] = {session_confirm(call->arena, &s, call->now_ms),
                                      user_update(call->arena, api->keys, &u, call->now_ms)};
    if (answer_ok(call, audit_user_run(api, call, &u, "console.session.confirm", changes, ARRAY_LEN(changes))))
        answer_empty(call);
}

void console_session_list(struct api *api, struct api_call *call)
{
    struct session *list;
    size_t n;
    if (!needs_user(call) ||
        !answer_ok(call, session_list(call->reader, call->arena, call->console->user.id, &list, &n)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = n; i-- > 0;) {
        if (session_is_over(&list[i], call->now_ms))
            continue;
        json_w_object(&w);
        json_w_str_at(&w, "id", api_id(api, call, list[i].id, "sess_"));
        json_w_time_at(&w, "createdAt", list[i].created_ms);
        json_w_time_at(&w, "lastUsedAt", list[i].used_ms);
        json_w_opt_str_at(&w, "ip", list[i].ip);
        json_w_opt_str_at(&w, "userAgent", list[i].agent);
        json_w_bool_at(&w, "current", list[i].id == call->console->session.id);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
}

void console_session_end(struct api *api, struct api_call *call)
{
    struct session *list;
    size_t n, at = 0;
    oid_t id = 0;
    if (!needs_user(call))
        return;
    enum err e = oid_parse(call->params[0], "sess_", api->id_key, &id);
    if (e == ERR_OK)
        e = session_list(call->reader, call->arena, call->console->user.id, &list, &n);
    if (e == ERR_OK) {
        while (at < n && list[at].id != id)
            at++;
        e = at < n ? ERR_OK : ERR_NOT_FOUND;
    }
    if (e == ERR_OK) {
        struct object_change change = session_delete(&list[at], call->now_ms);
        e = api_commit(api, &change, 1, 0, 0);
    }
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such session");
        return;
    }
    if (!answer_ok(call, e))
        return;
    console_changed(api);
    answer_empty(call);
}
