/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users of all environments, for who holds this server's keys: `postrider user …`. An owner of an environment deals in
 * memberships only (console_member.c): a user may belong to others too.
 */
#include "api/console.h"
#include "api/routes.h"
#include "base/mem.h"
#include "crypto/password.h"

#define RESET_LIFE_MS TIME_DAY_MS

struct user_in {
    struct str email, role, app, password;
};
struct user_link_in {
    bool without_totp;
};

#define AT(member) offsetof(struct user_in, member)

const struct field console_user_fields[] = {
        {.name = "email",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = AT(email),
         .min = 1,
         .max = USER_EMAIL_MAX},
        {.name = "role", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(role), .min = 1, .max = 16},
        {.name = "app", .kind = FIELD_TEXT, .at = AT(app), .min = 1, .max = 256},
        {.name = "password", .kind = FIELD_TEXT, .at = AT(password), .min = 1, .max = CRYPTO_PASSWORD_MAX},
};
const size_t console_user_field_count = ARRAY_LEN(console_user_fields);
const struct field console_user_link_fields[] = {
        {.name = "withoutTotp", .kind = FIELD_BOOL, .at = offsetof(struct user_link_in, without_totp)},
};
const size_t console_user_link_field_count = ARRAY_LEN(console_user_link_fields);

static void write_user(const struct api *api, struct api_call *call, const struct user *u, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, u->id, "user_"));
    json_w_str_at(w, "email", u->email);
    json_w_opt_str_at(w, "name", u->name);
    json_w_bool_at(w, "disabled", u->disabled);
    json_w_bool_at(w, "hasPassword", u->password.ptr != NULL);
    json_w_bool_at(w, "totp", u->totp.ptr != NULL);
    json_w_i64_at(w, "memberships", (int64_t)u->member_count);
    if (u->signed_in_ms != 0)
        json_w_time_at(w, "lastSignInAt", u->signed_in_ms);
    else
        json_w_null_at(w, "lastSignInAt");
    json_w_time_at(w, "createdAt", u->created_ms);
    json_w_object_end(w);
}

/* The user of params[0]. False: answered. */
static bool call_user(struct api *api, struct api_call *call, struct user *u)
{
    struct str email;
    enum err e = user_email(call->arena, call->params[0], &email) == ERR_OK
                         ? user_find(call->reader, call->arena, api->keys, email, u)
                         : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such user");
        return false;
    }
    return answer_ok(call, e);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    write_user(api, call, (const struct user *)items + i, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct user *)items)[i].id, "user_");
}

/* Oldest first; there is no way back. */
void console_user_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct user *users;
    size_t count;
    if (!page_read(api, call, "user_", PAGE_ASCENDING, &page))
        return;
    page.back = page.descending = false;
    if (answer_ok(call, user_list(call->reader, call->arena, api->keys, page.at, page.limit + 1, &users, &count)))
        answer_page(api, call, &(struct page_items){&page, count, users, write_item, name_item});
}

void console_user_create(struct api *api, struct api_call *call)
{
    struct user_in in = {0};
    struct member m = {0};
    struct str link;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_user_fields, console_user_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (call->problems.count == 0 && user_role(in.role) == AUTH_NOBODY)
        call_problem(call, "role", "value_error", "must be owner, editor or viewer");
    if (in.app.ptr != NULL) {
        enum err e = api_app_id(api, call->reader, call->arena, call->env, in.app, &m.app);
        if (e == ERR_NOT_FOUND)
            call_problem(call, "app", "value_error", "no such workspace");
        else if (!answer_ok(call, e))
            return;
    }
    m.role = in.role;
    if (!call_fits(call) || !console_invite(api, call, &m, in.email, in.password, &link))
        return;
    struct json_writer w = answer(call, 201);
    json_w_object(&w);
    json_w_str_at(&w, "email", m.email);
    json_w_opt_str_at(&w, "link", link);
    json_w_object_end(&w);
}

void console_user_link(struct api *api, struct api_call *call)
{
    struct user_link_in in = {0};
    struct user u;
    const struct json *body = call_json(call, true);
    if (body == NULL)
        return;
    fields_read(call->arena, console_user_link_fields, console_user_link_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call) || !call_user(api, call, &u))
        return;
    struct str link = console_reset_link(api, call, &u, in.without_totp);
    if (link.ptr == NULL)
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "link", link);
    json_w_object_end(&w);
}

struct str console_reset_link(struct api *api, struct api_call *call, struct user *u, bool without_totp)
{
    struct link l = {.kind = LINK_RESET, .user = u->id, .expires_ms = call->now_ms + RESET_LIFE_MS};
    struct buf text = BUF_INIT(256);
    struct object_change changes[2];
    size_t n = 0;
    changes[n++] = link_make(call->arena, api->oids, api->id_key, call->now_ms, &l, &text);
    if (without_totp) {
        u->totp = u->totp_next = STR_NULL;
        changes[n++] = user_update(call->arena, api->keys, u, call->now_ms);
    }
    enum err e = link_end_all(api->store, call->reader, call->arena, u->id, LINK_RESET, 0, call->now_ms);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, n, 0, 0);
    struct str url = answer_ok(call, e) ? console_link_url(api, call->arena, buf_str(&text)) : STR_NULL;
    mem_free_secret(text.ptr, text.len);
    return url;
}

static void set_disabled(struct api *api, struct api_call *call, bool disabled)
{
    struct user u;
    if (!call_user(api, call, &u))
        return;
    u.disabled = disabled;
    struct object_change change = user_update(call->arena, api->keys, &u, call->now_ms);
    enum err e = call_commit(api, call, &change, 1, 0, 0);
    if (e == ERR_OK && disabled)
        e = session_end_all(api->store, call->reader, call->arena, u.id, 0, call->now_ms);
    if (!answer_ok(call, e))
        return;
    console_changed(api);
    struct json_writer w = answer(call, 200);
    write_user(api, call, &u, &w);
}

void console_user_disable(struct api *api, struct api_call *call)
{
    set_disabled(api, call, true);
}

void console_user_enable(struct api *api, struct api_call *call)
{
    set_disabled(api, call, false);
}

void console_user_delete(struct api *api, struct api_call *call)
{
    struct user u;
    struct member *members;
    size_t n, count = 0;
    if (!call_user(api, call, &u) || !answer_ok(call, member_list(call->reader, call->arena, &u, &members, &n)))
        return;
    struct object_change *changes = arena_zalloc(call->arena, (n + 1) * sizeof *changes);
    for (size_t i = 0; i < n; i++)
        changes[count++] = member_delete(&members[i], call->now_ms);
    changes[count++] = user_delete(&u, call->now_ms);
    enum err e = call_commit(api, call, changes, count, 0, 0);
    if (e == ERR_OK)
        e = session_end_all(api->store, call->reader, call->arena, u.id, 0, call->now_ms);
    if (!answer_ok(call, e))
        return;
    console_changed(api);
    answer_empty(call);
}
