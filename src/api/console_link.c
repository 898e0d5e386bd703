/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that are good for one step: to agree to an invitation, to choose a new password, to be the first user. The text
 * of a link is in its URL behind '#', so that no log has it.
 */
#include "api/console.h"
#include "api/routes.h"
#include "auth/weak.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/password.h"

struct link_in {
    struct str password, name, email, code;
};
struct forgot_in {
    struct str email;
};
struct password_in {
    struct str current, next;
};

#define PASSWORD(name_, type, member)                                                                                  \
    {                                                                                                                  \
        .name = (name_), .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = offsetof(struct type, member), .min = 1,   \
        .max = CRYPTO_PASSWORD_MAX                                                                                     \
    }

const struct field console_link_fields[] = {
        PASSWORD("password", link_in, password),
        {.name = "name", .kind = FIELD_TEXT, .at = offsetof(struct link_in, name), .max = 256},
        {.name = "email", .kind = FIELD_TEXT, .at = offsetof(struct link_in, email), .max = USER_EMAIL_MAX},
        {.name = "code", .kind = FIELD_TEXT, .at = offsetof(struct link_in, code), .max = 16},
};
const size_t console_link_field_count = ARRAY_LEN(console_link_fields);
const struct field console_forgot_fields[] = {
        {.name = "email",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct forgot_in, email),
         .min = 1,
         .max = USER_EMAIL_MAX},
};
const size_t console_forgot_field_count = ARRAY_LEN(console_forgot_fields);
const struct field console_password_fields[] = {
        PASSWORD("current", password_in, current),
        PASSWORD("new", password_in, next),
};
const size_t console_password_field_count = ARRAY_LEN(console_password_fields);

struct str console_link_url(const struct api *api, struct arena *a, struct str text)
{
    return arena_printf(a, "%s/link#key=" STR_FMT, api->public_url != NULL ? api->public_url : "", STR_ARG(text));
}

static bool is_first(const struct api *api, struct api_call *call, struct str text)
{
    struct console *c = api->console;
    struct buf hash = BUF_INIT(256);
    auth_key_hash(text, &hash);
    pthread_mutex_lock(&c->first_lock);
    bool same = c->first_hash.ptr != NULL && crypto_equal(c->first_hash, buf_str(&hash)) &&
                call->now_ms < c->first_expires_ms;
    pthread_mutex_unlock(&c->first_lock);
    buf_fini(&hash);
    return same;
}

/* A user's link and the user. False: answered 404. */
static bool find_link(struct api *api, struct api_call *call, struct link *l, struct user *u)
{
    enum err e = ERR_NOT_FOUND;
    if (api->console != NULL)
        e = link_find(call->reader, call->arena, api->id_key, call->params[0], call->now_ms, l);
    if (e == ERR_OK)
        e = user_get(call->reader, call->arena, api->keys, l->user, u);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && u->disabled)) {
        answer_error(call, ERR_NOT_FOUND, "this link has been used, or is over: ask for a new one");
        return false;
    }
    return answer_ok(call, e);
}

void console_link_get(struct api *api, struct api_call *call)
{
    struct link l = {0};
    struct user u = {0};
    bool first = api->console != NULL && is_first(api, call, call->params[0]);
    if (!first && !find_link(api, call, &l, &u))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "kind", first ? STR("first") : l.kind == LINK_RESET ? STR("reset") : STR("invitation"));
    json_w_opt_str_at(&w, "email", u.email);
    /* Whether the password is a new one, or that of a user who was here before. */
    json_w_bool_at(&w, "hasPassword", !first && l.kind == LINK_INVITATION && u.password.ptr != NULL);
    json_w_bool_at(&w, "totp", u.totp.ptr != NULL);
    json_w_object_end(&w);
}

bool console_set_password(struct api_call *call, struct user *u, const char *field, struct str password)
{
    struct buf hash = BUF_INIT(512);
    const char *weak = password_weakness(password, u->email);
    if (weak != NULL) {
        call_problem(call, field, "value_error.weak", "%s", weak);
        return call_fits(call);
    }
    enum err e = crypto_password_hash(password, &hash);
    u->password = arena_str(call->arena, buf_str(&hash));
    buf_fini(&hash);
    return answer_unthrottled(call, e == ERR_RATE ? TIME_SECOND_MS : 0);
}

/* ---- the first user ---------------------------------------------------------------------------------------------- */

static bool make_first(struct api *api, struct api_call *call, const struct link_in *in, struct user *u,
                       struct object_change two[2])
{
    struct member m = {.env_name = str_c(api->environment), .role = STR("owner")};
    *u = (struct user){.id = oid_next(api->oids, call->now_ms), .name = in->name, .created_ms = call->now_ms};
    if (user_email(call->arena, in->email, &u->email) != ERR_OK)
        call_problem(call, "email", "value_error", "must be a mail address: you sign in with it");
    if (!call_fits(call) || !console_set_password(call, u, "password", in->password) ||
        !answer_ok(call, api_env(api, call->reader, m.env_name, true, call->now_ms, &m.env)))
        return false;
    m.id = oid_next(api->oids, call->now_ms);
    m.user = u->id;
    m.email = u->email;
    m.created_ms = u->signed_in_ms = call->now_ms;
    user_add_member(call->arena, u, m.id);
    two[0] = user_create(call->arena, api->keys, u, call->now_ms);
    two[1] = member_create(call->arena, &m, call->now_ms);
    return true;
}

/* One of those who use the link at once gets it. */
static void answer_first(struct api *api, struct api_call *call, const struct link_in *in)
{
    struct console *c = api->console;
    struct user u;
    struct object_change two[2];
    bool any = true;
    if (!make_first(api, call, in, &u, two))
        return;
    pthread_mutex_lock(&c->first_lock);
    enum err e = user_any(call->reader, call->arena, &any);
    if (e == ERR_OK && any)
        e = ERR_NOT_FOUND;
    if (answer_ok(call, e))
        console_sign_in(api, call, &u, two, ARRAY_LEN(two));
    if (call->status == 200)
        c->first_expires_ms = 0;
    pthread_mutex_unlock(&c->first_lock);
}

/* ---- using a link ------------------------------------------------------------------------------------------------ */

void console_link_use(struct api *api, struct api_call *call)
{
    struct link_in in = {0};
    struct link l;
    struct user u;
    struct member m;
    struct object_change changes[CONSOLE_MORE_MAX];
    size_t n = 0;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_link_fields, console_link_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (!call_fits(call))
        return;
    if (is_first(api, call, call->params[0])) {
        answer_first(api, call, &in);
        return;
    }
    if (!find_link(api, call, &l, &u))
        return;
    bool known = l.kind == LINK_INVITATION && u.password.ptr != NULL;
    if (known && !console_check_password(api, call, u.email, &u, in.password))
        return;
    if (!console_check_code(api, call, &u, in.code) ||
        (!known && !console_set_password(call, &u, "password", in.password)))
        return;
    if (in.name.len > 0 && u.name.len == 0)
        u.name = in.name;
    u.signed_in_ms = call->now_ms;
    if (l.kind == LINK_INVITATION) {
        enum err e = member_get(call->reader, call->arena, l.member, &m);
        if (e == ERR_NOT_FOUND) {
            answer_error(call, e, "this invitation was withdrawn");
            return;
        }
        if (!answer_ok(call, e))
            return;
        m.invited = false;
        changes[n++] = member_update(call->arena, &m, call->now_ms);
    }
    changes[n++] = user_update(call->arena, api->keys, &u, call->now_ms);
    changes[n++] = link_delete(&l, call->now_ms);
    if (l.kind == LINK_RESET &&
        !answer_ok(call, session_end_all(api->store, call->reader, call->arena, u.id, 0, call->now_ms)))
        return;
    console_sign_in(api, call, &u, changes, n);
    console_changed(api);
}

/* ---- passwords --------------------------------------------------------------------------------------------------- */

void console_password_forgot(struct api *api, struct api_call *call)
{
    struct forgot_in in = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_forgot_fields, console_forgot_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call) || !console_mail_reset(api, call, in.email))
        return;
    struct json_writer w = answer(call, 202);
    json_w_object(&w);
    json_w_object_end(&w);
}

void console_password_put(struct api *api, struct api_call *call)
{
    struct password_in in = {0};
    const struct console_who *w = call->console;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_password_fields, console_password_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call))
        return;
    if (w->is_portal) {
        answer_error(call, ERR_FORBIDDEN, "only for users of the console");
        return;
    }
    struct user u = w->user;
    if (!console_check_password(api, call, u.email, &u, in.current) || !console_set_password(call, &u, "new", in.next))
        return;
    struct object_change change = user_update(call->arena, api->keys, &u, call->now_ms);
    enum err e = api_commit(api, &change, 1, 0, 0);
    if (e == ERR_OK)
        e = session_end_all(api->store, call->reader, call->arena, u.id, w->session.id, call->now_ms);
    if (!answer_ok(call, e))
        return;
    console_changed(api);
    answer_empty(call);
}
