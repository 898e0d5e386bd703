/* SPDX-License-Identifier: Apache-2.0 */
/* The second factor: codes of an authenticator (auth/totp.h). A new secret asks for nothing until its first code came.
 */
#include "api/console.h"
#include "api/routes.h"
#include "auth/totp.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/password.h"

struct code_in {
    struct str code;
};
struct confirm_in {
    struct str password;
};

const struct field console_code_fields[] = {
        {.name = "code",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct code_in, code),
         .min = 1,
         .max = 16},
};
const size_t console_code_field_count = ARRAY_LEN(console_code_fields);
const struct field console_confirm_fields[] = {
        {.name = "password",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct confirm_in, password),
         .min = 1,
         .max = CRYPTO_PASSWORD_MAX},
};
const size_t console_confirm_field_count = ARRAY_LEN(console_confirm_fields);

/* Writes the user. False: answered. */
static bool save(struct api *api, struct api_call *call, const struct user *u)
{
    struct object_change change = user_update(call->arena, api->keys, u, call->now_ms);
    return answer_ok(call, api_commit(api, &change, 1, 0, 0));
}

static bool needs_user(struct api_call *call, struct user *u)
{
    bool is_user = !call->console->is_portal;
    if (is_user)
        *u = call->console->user;
    else
        answer_error(call, ERR_FORBIDDEN, "only for users of the console");
    return is_user;
}

static void escape_label(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c != '\0' && strchr("-._~@", c) != NULL);
        if (plain)
            buf_add_c(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

void console_totp_create(struct api *api, struct api_call *call)
{
    struct user u;
    unsigned char secret[TOTP_SECRET_LEN];
    struct buf text = BUF_INIT(64), uri = BUF_INIT(2048);
    if (!needs_user(call, &u))
        return;
    if (u.totp.ptr != NULL) {
        answer_error(call, ERR_CONFLICT, "it is on: turn it off first");
        return;
    }
    crypto_random(secret, sizeof secret);
    totp_base32(str_of((const char *)secret, sizeof secret), &text);
    u.totp_next = arena_str(call->arena, buf_str(&text));
    buf_add_str(&uri, STR("otpauth://totp/Postrider:"));
    escape_label(u.email, &uri);
    buf_addf(&uri, "?secret=" STR_FMT "&issuer=Postrider", STR_ARG(u.totp_next));
    if (save(api, call, &u)) {
        struct json_writer w = answer(call, 200);
        json_w_object(&w);
        json_w_str_at(&w, "secret", u.totp_next);
        json_w_str_at(&w, "uri", buf_str(&uri));
        json_w_object_end(&w);
    }
    explicit_bzero(secret, sizeof secret);
    mem_free_secret(text.ptr, text.len);
    mem_free_secret(uri.ptr, uri.len);
}

void console_totp_put(struct api *api, struct api_call *call)
{
    struct code_in in = {0};
    struct user u;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_code_fields, console_code_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (!call_fits(call) || !needs_user(call, &u))
        return;
    if (u.totp_next.ptr == NULL) {
        answer_error(call, ERR_CONFLICT, "ask for a secret first");
        return;
    }
    u.totp = u.totp_next;
    u.totp_next = STR_NULL;
    u.totp_step = 0;
    if (!console_check_code(api, call, &u, in.code)) {
        if (call->status == 401) {
            call_problem(call, "code", "value_error", "is not the code of now: is the clock right?");
            call_fits(call);
        }
        return;
    }
    if (save(api, call, &u))
        answer_empty(call);
}

void console_totp_delete(struct api *api, struct api_call *call)
{
    struct confirm_in in = {0};
    struct user u;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_confirm_fields, console_confirm_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call) || !needs_user(call, &u) || !console_check_password(api, call, u.email, &u, in.password))
        return;
    u.totp = u.totp_next = STR_NULL;
    if (save(api, call, &u))
        answer_empty(call);
}
