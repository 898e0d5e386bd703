/* SPDX-License-Identifier: Apache-2.0 */
/* Who is a member of an environment, or of one of its workspaces, and the invitations. */
#include "api/console.h"
#include "api/routes.h"
#include "base/mem.h"
#include "crypto/password.h"

#define INVITATION_LIFE_MS (7 * TIME_DAY_MS)

struct member_in {
    struct str email, role, app;
};

#define AT(member) offsetof(struct member_in, member)

const struct field console_member_fields[] = {
        {.name = "email",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = AT(email),
         .min = 1,
         .max = USER_EMAIL_MAX},
        {.name = "role", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(role), .min = 1, .max = 16},
        {.name = "app", .kind = FIELD_TEXT, .at = AT(app), .min = 1, .max = 256},
};
const size_t console_member_field_count = ARRAY_LEN(console_member_fields);
const struct field console_member_change_fields[] = {
        {.name = "role", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(role), .min = 1, .max = 16},
};
const size_t console_member_change_field_count = ARRAY_LEN(console_member_change_fields);

static bool check_role(struct api_call *call, struct str role)
{
    if (call->problems.count == 0 && user_role(role) == AUTH_NOBODY)
        call_problem(call, "role", "value_error", "must be owner, editor or viewer");
    return call_fits(call);
}

/* ---- inviting ---------------------------------------------------------------------------------------------------- */

/* The user's membership of the same, if there is one. */
static enum err find_member(struct api_call *call, const struct user *u, const struct member *like, struct member *out)
{
    struct member *list;
    size_t n;
    enum err e = member_list(call->reader, call->arena, u, &list, &n);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        if (list[i].env == like->env && list[i].app == like->app) {
            *out = list[i];
            return ERR_OK;
        }
    }
    return e == ERR_OK ? ERR_NOT_FOUND : e;
}

/* The user with this address, or one that will be made (version 0). False: answered. */
static bool find_or_make(struct api *api, struct api_call *call, struct str email, struct user *u)
{
    struct str address;
    if (user_email(call->arena, email, &address) != ERR_OK) {
        call_problem(call, "email", "value_error", "must be a mail address");
        call_fits(call);
        return false;
    }
    enum err e = user_find(call->reader, call->arena, api->keys, address, u);
    if (e == ERR_NOT_FOUND)
        *u = (struct user){.id = oid_next(api->oids, call->now_ms), .email = address, .created_ms = call->now_ms};
    return e == ERR_NOT_FOUND || answer_ok(call, e);
}

static void add_member_changes(struct api *api, struct api_call *call, struct user *u, struct member *m,
                               struct object_change *changes, size_t *n)
{
    if (m->id == 0) {
        m->id = oid_next(api->oids, call->now_ms);
        m->created_ms = call->now_ms;
        user_add_member(call->arena, u, m->id);
        changes[(*n)++] = member_create(call->arena, m, call->now_ms);
    } else {
        changes[(*n)++] = member_update(call->arena, m, call->now_ms);
    }
    changes[(*n)++] = u->version == 0 ? user_create(call->arena, api->keys, u, call->now_ms)
                                      : user_update(call->arena, api->keys, u, call->now_ms);
}

bool console_invite(struct api *api, struct api_call *call, struct member *m, struct str email, struct str password,
                    struct str *link)
{
    struct user u;
    struct member old;
    struct object_change changes[3];
    struct link l = {.kind = LINK_INVITATION, .expires_ms = call->now_ms + INVITATION_LIFE_MS};
    struct buf text = BUF_INIT(256);
    size_t n = 0;
    if (!find_or_make(api, call, email, &u))
        return false;
    if (u.member_count >= USER_MEMBERS_MAX) {
        answer_error(call, ERR_CONFLICT, "is a member of too much already");
        return false;
    }
    m->user = u.id;
    m->email = u.email;
    m->env = call->env;
    m->env_name = str_c(call->who.env);
    m->invited = password.ptr == NULL;
    enum err e = find_member(call, &u, m, &old);
    if (e == ERR_OK && (!old.invited || password.ptr != NULL)) {
        answer_error(call, ERR_CONFLICT, "is a member already");
        return false;
    }
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return false;
    if (e == ERR_OK) { /* invited once more: what was sent before is over */
        m->id = old.id;
        m->created_ms = old.created_ms;
        m->version = old.version;
        if (!answer_ok(call, link_end_all(api->store, call->reader, call->arena, u.id, LINK_INVITATION, old.id,
                                          call->now_ms)))
            return false;
    }
    if (password.ptr != NULL && u.version != 0) {
        answer_error(call, ERR_CONFLICT, "there is a user with this address, who has a password");
        return false;
    }
    if (password.ptr != NULL && !console_set_password(call, &u, "password", password))
        return false;
    add_member_changes(api, call, &u, m, changes, &n);
    l.user = u.id;
    l.member = m->id;
    if (m->invited)
        changes[n++] = link_make(call->arena, api->oids, api->id_key, call->now_ms, &l, &text);
    call_made(call, OBJ_MEMBER, m->id, 201);
    bool good = answer_ok(call, call_commit(api, call, changes, n, 0, 0));
    *link = m->invited ? console_link_url(api, call->arena, buf_str(&text)) : STR_NULL;
    mem_free_secret(text.ptr, text.len);
    if (good && m->invited)
        console_mail_invitation(api, call, m, *link);
    return good;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void write_member(const struct api *api, struct api_call *call, const struct member *m, struct json_writer *w)
{
    struct user u = {0};
    bool known = user_get(call->reader, call->arena, api->keys, m->user, &u) == ERR_OK;
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, m->id, "member_"));
    json_w_str_at(w, "email", m->email);
    json_w_opt_str_at(w, "name", u.name);
    json_w_str_at(w, "role", m->role);
    json_w_opt_str_at(w, "appId", m->app != 0 ? api_id(api, call, m->app, "app_") : STR_NULL);
    json_w_bool_at(w, "invited", m->invited);
    json_w_bool_at(w, "disabled", !known || u.disabled);
    json_w_bool_at(w, "totp", u.totp.ptr != NULL);
    if (u.signed_in_ms != 0)
        json_w_time_at(w, "lastSignInAt", u.signed_in_ms);
    else
        json_w_null_at(w, "lastSignInAt");
    json_w_time_at(w, "createdAt", m->created_ms);
    json_w_object_end(w);
}

void console_member_create(struct api *api, struct api_call *call)
{
    struct member_in in = {0};
    struct member m = {0};
    struct str link;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_member_fields, console_member_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!check_role(call, in.role))
        return;
    m.role = in.role;
    if (in.app.ptr != NULL) {
        enum err e = api_app_id(api, call->reader, call->arena, call->env, in.app, &m.app);
        if (e == ERR_NOT_FOUND)
            call_problem(call, "app", "value_error", "no such workspace");
        else if (!answer_ok(call, e))
            return;
    }
    if (!call_fits(call) || !console_invite(api, call, &m, in.email, STR_NULL, &link))
        return;
    struct json_writer w = answer(call, 201);
    json_w_object(&w);
    json_w_opt_str_at(&w, "link", link);
    json_w_name(&w, STR("member"));
    write_member(api, call, &m, &w);
    json_w_object_end(&w);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    write_member(api, call, (const struct member *)items + i, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct member *)items)[i].id, "member_");
}

void console_member_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct object *objects = NULL;
    size_t count;
    if (!page_read(api, call, "member_", PAGE_ASCENDING, &page) ||
        !answer_ok(call, list_objects(call, OBJ_MEMBER, call->env, 0, &page, &objects, &count)))
        return;
    struct member *members = arena_alloc(call->arena, (count + 1) * sizeof *members);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, member_decode(call->arena, &objects[i], &members[i])))
            return;
    }
    answer_page(api, call, &(struct page_items){&page, count, members, write_item, name_item});
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

/* Of the call's environment, and not the caller's own. False: answered. */
static bool call_member(struct api *api, struct api_call *call, struct member *out)
{
    oid_t id = 0;
    enum err e = oid_parse(call->params[0], "member_", api->id_key, &id);
    if (e == ERR_OK)
        e = member_get(call->reader, call->arena, id, out);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && (call->env == 0 || out->env != call->env))) {
        answer_error(call, ERR_NOT_FOUND, "no such member");
        return false;
    }
    if (e == ERR_OK && call->who.user != 0 && out->user == call->who.user) {
        answer_error(call, ERR_CONFLICT, "nobody changes their own membership: another owner can");
        return false;
    }
    return answer_ok(call, e);
}

void console_member_put(struct api *api, struct api_call *call)
{
    struct member_in in = {0};
    struct member m;
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, console_member_change_fields, console_member_change_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!check_role(call, in.role) || !call_member(api, call, &m))
        return;
    m.role = in.role;
    struct object_change change = member_update(call->arena, &m, call->now_ms);
    if (!answer_ok(call, call_commit(api, call, &change, 1, 0, 0)))
        return;
    console_changed(api);
    struct json_writer w = answer(call, 200);
    write_member(api, call, &m, &w);
}

void console_member_delete(struct api *api, struct api_call *call)
{
    struct member m;
    struct user u;
    struct object_change changes[2];
    size_t n = 0;
    if (!call_member(api, call, &m))
        return;
    changes[n++] = member_delete(&m, call->now_ms);
    enum err e = user_get(call->reader, call->arena, api->keys, m.user, &u);
    if (e != ERR_NOT_FOUND && !answer_ok(call, e))
        return;
    if (e == ERR_OK) {
        user_drop_member(&u, m.id);
        /* Who was only ever invited, and to nothing else, leaves no trace. */
        changes[n++] = u.member_count == 0 && u.password.ptr == NULL
                               ? user_delete(&u, call->now_ms)
                               : user_update(call->arena, api->keys, &u, call->now_ms);
    }
    if (!answer_ok(call, call_commit(api, call, changes, n, 0, 0)))
        return;
    console_changed(api);
    answer_empty(call);
}
