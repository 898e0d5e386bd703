/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/user.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "model/field.h"

#define STORED_MAX 65536

#define AT(member) offsetof(struct user, member)

static const struct field user_fields[] = {
        {.name = "email", .kind = FIELD_TEXT, .at = AT(email)},
        {.name = "name", .kind = FIELD_TEXT, .at = AT(name)},
        {.name = "disabled", .kind = FIELD_BOOL, .at = AT(disabled)},
        {.name = "members", .kind = FIELD_NAMES, .at = AT(members), .count_at = AT(member_count)},
        {.name = "totpStep", .kind = FIELD_MS, .at = AT(totp_step)},
        {.name = "signedInAt", .kind = FIELD_TIME, .at = AT(signed_in_ms)},
};
static const struct field user_sealed_fields[] = {
        {.name = "password", .kind = FIELD_TEXT, .at = AT(password)},
        {.name = "totp", .kind = FIELD_TEXT, .at = AT(totp)},
        {.name = "totpNext", .kind = FIELD_TEXT, .at = AT(totp_next)},
};

#undef AT
#define AT(part) offsetof(struct member, part)

static const struct field member_fields[] = {
        {.name = "user", .kind = FIELD_MS, .at = AT(user)},
        {.name = "env", .kind = FIELD_TEXT, .at = AT(env_name)},
        {.name = "app", .kind = FIELD_MS, .at = AT(app)},
        {.name = "role", .kind = FIELD_TEXT, .at = AT(role)},
        {.name = "email", .kind = FIELD_TEXT, .at = AT(email)},
        {.name = "invited", .kind = FIELD_BOOL, .at = AT(invited)},
};

enum auth_role user_role(struct str name)
{
    static const struct {
        const char *name;
        enum auth_role role;
    } roles[] = {{"owner", AUTH_OWNER}, {"editor", AUTH_EDITOR}, {"viewer", AUTH_VIEWER}};
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (str_eq(name, str_c(roles[i].name)))
            return roles[i].role;
    }
    return AUTH_NOBODY;
}

enum err user_email(struct arena *a, struct str text, struct str *out)
{
    text = str_trim(text);
    size_t at = str_find(text, '@');
    bool good = at > 0 && at + 1 < text.len && text.len <= USER_EMAIL_MAX && str_is_utf8(text) &&
                str_find(str_skip(text, at + 1), '@') == text.len - at - 1;
    for (size_t i = 0; i < text.len && good; i++)
        good = (unsigned char)text.ptr[i] > ' ' && text.ptr[i] != 0x7f && strchr("<>()[]\\,;:\"", text.ptr[i]) == NULL;
    if (!good)
        return ERR_INVALID;
    char *lower = arena_cstr(a, text);
    for (size_t i = 0; i < text.len; i++)
        lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] + ('a' - 'A') : lower[i]);
    *out = str_of(lower, text.len);
    return ERR_OK;
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

static struct str write_json(struct arena *a, const struct field *fields, size_t count, const void *from)
{
    struct buf out = BUF_INIT(STORED_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(fields, count, from, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str text = arena_str(a, buf_str(&out));
    mem_free_secret(out.ptr, out.len);
    return text;
}

static struct str identity(oid_t id, char text[24])
{
    int n = snprintf(text, 24, "%" PRId64, id);
    return str_of(text, (size_t)n);
}

static enum err decode(struct arena *a, const struct keyring *keys, const struct object *o, struct user *out)
{
    char id[24];
    struct json *body, *sealed;
    struct buf plain = BUF_INIT(STORED_MAX);
    struct user u = {.id = o->id, .created_ms = o->created_ms, .version = o->version};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    enum err e = keyring_open(keys, o->sealed, identity(o->id, id), &plain);
    struct str text = e == ERR_OK ? arena_str(a, buf_str(&plain)) : STR_NULL;
    mem_free_secret(plain.ptr, plain.len);
    if (e != ERR_OK || json_parse(a, text, &sealed, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, user_fields, ARRAY_LEN(user_fields), FIELD_LOAD, body, &u, NULL);
    fields_read(a, user_sealed_fields, ARRAY_LEN(user_sealed_fields), FIELD_LOAD, sealed, &u, NULL);
    if (u.email.ptr == NULL)
        return ERR_INVALID;
    *out = u;
    return ERR_OK;
}

static struct object encode(struct arena *a, const struct keyring *keys, const struct user *u, int64_t now_ms)
{
    char id[24];
    struct buf sealed = BUF_INIT(STORED_MAX);
    keyring_seal(keys, write_json(a, user_sealed_fields, ARRAY_LEN(user_sealed_fields), u), identity(u->id, id),
                 &sealed);
    CHECK(!sealed.overflow);
    struct object o = {.id = u->id,
                       .kind = OBJ_USER,
                       .key = u->email,
                       .body = write_json(a, user_fields, ARRAY_LEN(user_fields), u),
                       .sealed = arena_str(a, buf_str(&sealed)),
                       .created_ms = u->created_ms,
                       .updated_ms = now_ms};
    buf_fini(&sealed);
    return o;
}

enum err user_find(struct store_reader *r, struct arena *a, const struct keyring *keys, struct str email,
                   struct user *out)
{
    struct object o;
    enum err e = store_find_object(r, a, OBJ_USER, 0, 0, email, &o);
    return e == ERR_OK ? decode(a, keys, &o, out) : e;
}

enum err user_get(struct store_reader *r, struct arena *a, const struct keyring *keys, oid_t id, struct user *out)
{
    struct object o;
    enum err e = store_get_object(r, a, OBJ_USER, id, &o);
    if (e == ERR_OK && o.deleted_ms != 0)
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? decode(a, keys, &o, out) : e;
}

enum err user_list(struct store_reader *r, struct arena *a, const struct keyring *keys, oid_t after, size_t limit,
                   struct user **out, size_t *count)
{
    struct object *page;
    struct object_query q = {.kind = OBJ_USER, .after = after, .limit = limit};
    enum err e = store_list_objects(r, a, &q, &page, count);
    if (e != ERR_OK)
        return e;
    *out = arena_alloc(a, (*count + 1) * sizeof **out);
    for (size_t i = 0; i < *count && e == ERR_OK; i++)
        e = decode(a, keys, &page[i], &(*out)[i]);
    return e;
}

enum err user_any(struct store_reader *r, struct arena *a, bool *out)
{
    struct object *page;
    size_t n;
    struct object_query q = {.kind = OBJ_USER, .limit = 1};
    enum err e = store_list_objects(r, a, &q, &page, &n);
    if (e == ERR_OK)
        *out = n > 0;
    return e;
}

struct object_change user_create(struct arena *a, const struct keyring *keys, const struct user *u, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_CREATE, .object = encode(a, keys, u, now_ms)};
}

struct object_change user_update(struct arena *a, const struct keyring *keys, const struct user *u, int64_t now_ms)
{
    return (struct object_change){
            .change = OBJECT_UPDATE, .object = encode(a, keys, u, now_ms), .expected_version = u->version};
}

struct object_change user_delete(const struct user *u, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_DELETE,
                                  .object = {.id = u->id, .kind = OBJ_USER, .updated_ms = now_ms},
                                  .expected_version = u->version};
}

void user_add_member(struct arena *a, struct user *u, oid_t member)
{
    struct str *list = arena_alloc(a, (u->member_count + 1) * sizeof *list);
    for (size_t i = 0; i < u->member_count; i++)
        list[i] = u->members[i];
    list[u->member_count++] = arena_printf(a, "%" PRId64, member);
    u->members = list;
}

void user_drop_member(struct user *u, oid_t member)
{
    char id[24];
    struct str text = identity(member, id);
    size_t n = 0;
    struct str *list = (struct str *)(uintptr_t)u->members; /* from an arena, by decode or by user_add_member */
    for (size_t i = 0; i < u->member_count; i++) {
        if (!str_eq(list[i], text))
            list[n++] = list[i];
    }
    u->member_count = n;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

enum err member_decode(struct arena *a, const struct object *o, struct member *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct member){.id = o->id, .created_ms = o->created_ms, .version = o->version};
    fields_read(a, member_fields, ARRAY_LEN(member_fields), FIELD_LOAD, body, out, NULL);
    out->env = o->env;
    return out->env_name.ptr != NULL && user_role(out->role) != AUTH_NOBODY ? ERR_OK : ERR_INVALID;
}

enum err member_get(struct store_reader *r, struct arena *a, oid_t id, struct member *out)
{
    struct object o;
    enum err e = store_get_object(r, a, OBJ_MEMBER, id, &o);
    if (e == ERR_OK && o.deleted_ms != 0)
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? member_decode(a, &o, out) : e;
}

enum err member_list(struct store_reader *r, struct arena *a, const struct user *u, struct member **out, size_t *count)
{
    struct member *list = arena_alloc(a, (u->member_count + 1) * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < u->member_count; i++) {
        int64_t id = 0;
        enum err e = str_to_i64(u->members[i], &id);
        if (e == ERR_OK)
            e = member_get(r, a, id, &list[n]);
        if (e == ERR_OK)
            n++;
        else if (e != ERR_NOT_FOUND)
            return e;
    }
    *out = list;
    *count = n;
    return ERR_OK;
}

static struct object encode_member(struct arena *a, const struct member *m, int64_t now_ms)
{
    return (struct object){.id = m->id,
                           .kind = OBJ_MEMBER,
                           .env = m->env,
                           .key = arena_printf(a, "%" PRId64 ".%" PRId64, m->user, m->app),
                           .body = write_json(a, member_fields, ARRAY_LEN(member_fields), m),
                           .created_ms = m->created_ms,
                           .updated_ms = now_ms};
}

struct object_change member_create(struct arena *a, const struct member *m, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_CREATE, .object = encode_member(a, m, now_ms)};
}

struct object_change member_update(struct arena *a, const struct member *m, int64_t now_ms)
{
    return (struct object_change){
            .change = OBJECT_UPDATE, .object = encode_member(a, m, now_ms), .expected_version = m->version};
}

struct object_change member_delete(const struct member *m, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_DELETE,
                                  .object = {.id = m->id, .kind = OBJ_MEMBER, .updated_ms = now_ms},
                                  .expected_version = m->version};
}
