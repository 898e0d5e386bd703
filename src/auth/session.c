/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/session.h"

#include "base/mem.h"
#include "crypto/crypto.h"
#include "model/field.h"

#define RANDOM_LEN 40 /* base62: 238 bits */
#define STORED_MAX 16384
#define PREFIX_LEN 4

struct stored_link {
    bool reset;
    int64_t member;
    int64_t expires_ms;
};

static const struct field session_fields[] = {
        {.name = "usedAt", .kind = FIELD_TIME, .at = offsetof(struct session, used_ms)},
        {.name = "confirmedAt", .kind = FIELD_TIME, .at = offsetof(struct session, confirmed_ms)},
        {.name = "ip", .kind = FIELD_TEXT, .at = offsetof(struct session, ip)},
        {.name = "agent", .kind = FIELD_TEXT, .at = offsetof(struct session, agent)},
};
static const struct field link_fields[] = {
        {.name = "reset", .kind = FIELD_BOOL, .at = offsetof(struct stored_link, reset)},
        {.name = "member", .kind = FIELD_MS, .at = offsetof(struct stored_link, member)},
        {.name = "expiresAt", .kind = FIELD_TIME, .at = offsetof(struct stored_link, expires_ms)},
};

/* ---- both -------------------------------------------------------------------------------------------------------- */

static struct str hash_of(struct arena *a, struct str text)
{
    struct buf hash = BUF_INIT(256);
    auth_key_hash(text, &hash);
    struct str s = arena_str(a, buf_str(&hash));
    buf_fini(&hash);
    return s;
}

/* A new text that names the user; its hash. */
static struct str write_text(struct arena *a, oid_t user, const char *prefix, struct hash_key id_key, struct buf *out)
{
    char name[OID_TEXT_SIZE];
    size_t start = out->len;
    oid_format(user, prefix, id_key, name);
    buf_add_str(out, str_c(name));
    crypto_random_base62(RANDOM_LEN, out);
    return hash_of(a, str_skip(buf_str(out), start));
}

static struct str write_body(struct arena *a, const struct field *fields, size_t count, const void *from)
{
    struct buf out = BUF_INIT(STORED_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(fields, count, from, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str text = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* ERR_NOT_FOUND. */
static enum err find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text,
                     const char *prefix, enum object_kind kind, struct object *out)
{
    oid_t user = 0;
    if (text.len != PREFIX_LEN + OID_TEXT_LEN + RANDOM_LEN ||
        oid_parse(str_take(text, PREFIX_LEN + OID_TEXT_LEN), prefix, id_key, &user) != ERR_OK)
        return ERR_NOT_FOUND;
    return store_find_object(r, a, kind, 0, user, hash_of(a, text), out);
}

static struct object_change delete_of(enum object_kind kind, oid_t id, uint64_t version, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_DELETE,
                                  .object = {.id = id, .kind = kind, .updated_ms = now_ms},
                                  .expected_version = version};
}

/* What is gone already is as good. */
static enum err end_one(struct store *st, enum object_kind kind, oid_t id, int64_t now_ms)
{
    struct object_change change = delete_of(kind, id, 0, now_ms);
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    enum err e = store_run(st, &op.op);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

int64_t session_ends_ms(const struct session *s)
{
    return s->created_ms + SESSION_LIFE_MS;
}

int64_t session_idle_ends_ms(const struct session *s)
{
    int64_t idle = s->used_ms + SESSION_IDLE_MS, end = session_ends_ms(s);
    return idle < end ? idle : end;
}

bool session_is_over(const struct session *s, int64_t now_ms)
{
    return now_ms >= session_idle_ends_ms(s);
}

bool session_is_fresh(const struct session *s, int64_t now_ms)
{
    return now_ms - s->confirmed_ms < SESSION_FRESH_MS;
}

void session_csrf(struct str text, struct buf *out)
{
    unsigned char mac[CRYPTO_MAC_MAX];
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA256, text);
    struct str what = STR("csrf");
    CHECK(s != NULL);
    size_t len = crypto_sign(s, &what, 1, mac);
    crypto_signer_free(s);
    crypto_base64url(str_of((const char *)mac, len), out);
}

static enum err decode(struct arena *a, const struct object *o, struct session *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct session){
            .id = o->id, .user = o->app, .key = o->key, .created_ms = o->created_ms, .version = o->version};
    fields_read(a, session_fields, ARRAY_LEN(session_fields), FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

static struct object encode(struct arena *a, const struct session *s, int64_t now_ms)
{
    return (struct object){.id = s->id,
                           .kind = OBJ_SESSION,
                           .app = s->user,
                           .key = s->key,
                           .body = write_body(a, session_fields, ARRAY_LEN(session_fields), s),
                           .created_ms = s->created_ms,
                           .updated_ms = now_ms};
}

struct object_change session_make(struct arena *a, struct oid_source *oids, struct hash_key id_key, int64_t now_ms,
                                  struct session *s, struct buf *text)
{
    s->id = oid_next(oids, now_ms);
    s->created_ms = s->used_ms = s->confirmed_ms = now_ms;
    s->key = write_text(a, s->user, SESSION_PREFIX, id_key, text);
    return (struct object_change){.change = OBJECT_CREATE, .object = encode(a, s, now_ms)};
}

enum err session_find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text, int64_t now_ms,
                      struct session *out)
{
    struct object o;
    enum err e = find(r, a, id_key, text, SESSION_PREFIX, OBJ_SESSION, &o);
    if (e == ERR_OK)
        e = decode(a, &o, out);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID || (e == ERR_OK && session_is_over(out, now_ms)))
        return ERR_UNAUTHORIZED;
    return e;
}

void session_touch(struct store *st, struct arena *a, const struct session *s, int64_t now_ms)
{
    struct session used = *s;
    if (now_ms - s->used_ms < TIME_MINUTE_MS)
        return;
    used.used_ms = now_ms;
    struct object_change change = {
            .change = OBJECT_UPDATE, .object = encode(a, &used, now_ms), .expected_version = s->version};
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    enum err e = store_run(st, &op.op);
    (void)e;
}

struct object_change session_confirm(struct arena *a, struct session *s, int64_t now_ms)
{
    s->used_ms = s->confirmed_ms = now_ms;
    return (struct object_change){.change = OBJECT_UPDATE, .object = encode(a, s, now_ms)};
}

struct object_change session_delete(const struct session *s, int64_t now_ms)
{
    return delete_of(OBJ_SESSION, s->id, 0, now_ms);
}

enum err session_list(struct store_reader *r, struct arena *a, oid_t user, struct session **out, size_t *count)
{
    struct object *page;
    struct object_query q = {.kind = OBJ_SESSION, .app = user, .limit = SESSIONS_MAX};
    enum err e = store_list_objects(r, a, &q, &page, count);
    if (e != ERR_OK)
        return e;
    *out = arena_alloc(a, (*count + 1) * sizeof **out);
    for (size_t i = 0; i < *count && e == ERR_OK; i++)
        e = decode(a, &page[i], &(*out)[i]);
    return e;
}

enum err session_end_all(struct store *st, struct store_reader *r, struct arena *a, oid_t user, oid_t but,
                         int64_t now_ms)
{
    struct session *list;
    size_t n;
    enum err e = session_list(r, a, user, &list, &n);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        if (list[i].id != but)
            e = end_one(st, OBJ_SESSION, list[i].id, now_ms);
    }
    return e;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static enum err decode_link(struct arena *a, const struct object *o, struct link *out)
{
    struct json *body;
    struct stored_link in = {0};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, link_fields, ARRAY_LEN(link_fields), FIELD_LOAD, body, &in, NULL);
    *out = (struct link){.id = o->id,
                         .user = o->app,
                         .kind = in.reset ? LINK_RESET : LINK_INVITATION,
                         .member = in.member,
                         .expires_ms = in.expires_ms,
                         .version = o->version};
    return ERR_OK;
}

struct object_change link_make(struct arena *a, struct oid_source *oids, struct hash_key id_key, int64_t now_ms,
                               struct link *l, struct buf *text)
{
    struct stored_link in = {.reset = l->kind == LINK_RESET, .member = l->member, .expires_ms = l->expires_ms};
    l->id = oid_next(oids, now_ms);
    return (struct object_change){.change = OBJECT_CREATE,
                                  .object = {.id = l->id,
                                             .kind = OBJ_LINK,
                                             .app = l->user,
                                             .key = write_text(a, l->user, LINK_PREFIX, id_key, text),
                                             .body = write_body(a, link_fields, ARRAY_LEN(link_fields), &in),
                                             .created_ms = now_ms,
                                             .updated_ms = now_ms}};
}

enum err link_find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text, int64_t now_ms,
                   struct link *out)
{
    struct object o;
    enum err e = find(r, a, id_key, text, LINK_PREFIX, OBJ_LINK, &o);
    if (e == ERR_OK)
        e = decode_link(a, &o, out);
    if (e == ERR_INVALID || (e == ERR_OK && now_ms >= out->expires_ms))
        return ERR_NOT_FOUND;
    return e;
}

struct object_change link_delete(const struct link *l, int64_t now_ms)
{
    return delete_of(OBJ_LINK, l->id, l->version, now_ms);
}

enum err link_end_all(struct store *st, struct store_reader *r, struct arena *a, oid_t user, enum link_kind kind,
                      oid_t member, int64_t now_ms)
{
    struct object *page;
    size_t n;
    struct object_query q = {.kind = OBJ_LINK, .app = user, .limit = SESSIONS_MAX};
    enum err e = store_list_objects(r, a, &q, &page, &n);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        struct link l;
        e = decode_link(a, &page[i], &l);
        if (e == ERR_OK && ((l.kind == kind && l.member == member) || now_ms >= l.expires_ms))
            e = end_one(st, OBJ_LINK, l.id, now_ms);
    }
    return e;
}
