/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/portal.h"

#include "base/mem.h"
#include "crypto/crypto.h"
#include "model/field.h"

#define RANDOM_LEN 40 /* base62: 238 bits */
#define PAGE       100
#define TEXT_MAX   256

#define AT(member) offsetof(struct portal_key, member)

static const struct field key_fields[] = {
        {.name = "env", .kind = FIELD_TEXT, .at = AT(env)},
        {.name = "link", .kind = FIELD_BOOL, .at = AT(is_link)},
        {.name = "readOnly", .kind = FIELD_BOOL, .at = AT(read_only)},
        {.name = "capabilities", .kind = FIELD_NAMES, .at = AT(capabilities), .count_at = AT(capability_count)},
        {.name = "featureFlags", .kind = FIELD_NAMES, .at = AT(flags), .count_at = AT(flag_count)},
        {.name = "sessionId", .kind = FIELD_TEXT, .at = AT(session)},
        {.name = "expiresAt", .kind = FIELD_TIME, .at = AT(expires_ms)},
        {.name = "usedAt", .kind = FIELD_TIME, .at = AT(used_ms)},
};

static const struct {
    const char *name;
    const char *scope;
} capabilities[] = {
#define CAPABILITY_ROW(name_, scope_) {.name = (name_), .scope = (scope_)},
        PORTAL_CAPABILITY_TABLE(CAPABILITY_ROW)
#undef CAPABILITY_ROW
};

bool portal_is_capability(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        if (str_eq(name, str_c(capabilities[i].name)))
            return true;
    }
    return false;
}

static struct str hash_of(struct arena *a, struct str text)
{
    struct buf hash = BUF_INIT(TEXT_MAX);
    auth_key_hash(text, &hash);
    struct str s = arena_str(a, buf_str(&hash));
    buf_fini(&hash);
    return s;
}

/* A new text for this key: its workspace, and chance. */
static void write_text(const struct portal_key *k, struct hash_key id_key, struct buf *out)
{
    char app[OID_TEXT_SIZE];
    oid_format(k->app, k->is_link ? PORTAL_LINK_PREFIX : PORTAL_SESSION_PREFIX, id_key, app);
    buf_add_str(out, str_c(app));
    crypto_random_base62(RANDOM_LEN, out);
}

static struct object encode(struct arena *a, const struct portal_key *k, struct str hash, int64_t now_ms)
{
    struct buf out = BUF_INIT(65536);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(key_fields, ARRAY_LEN(key_fields), k, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return (struct object){.id = k->id,
                           .kind = OBJ_PORTAL,
                           .app = k->app,
                           .key = hash,
                           .body = body,
                           .created_ms = k->created_ms,
                           .updated_ms = now_ms};
}

static enum err decode(struct arena *a, const struct object *o, struct portal_key *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct portal_key){
            .id = o->id, .app = o->app, .key = o->key, .created_ms = o->created_ms, .version = o->version};
    fields_read(a, key_fields, ARRAY_LEN(key_fields), FIELD_LOAD, body, out, NULL);
    return out->env.ptr != NULL ? ERR_OK : ERR_INVALID;
}

static enum err commit(struct store *s, struct object_change *changes, size_t count)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    return store_run(s, &op.op);
}

/* A new key like `like`, its text appended. */
static struct object_change creation(struct arena *a, struct oid_source *oids, struct hash_key id_key, int64_t now_ms,
                                     const struct portal_key *like, bool is_link, struct buf *text)
{
    struct portal_key k = *like;
    size_t start = text->len;
    k.id = oid_next(oids, now_ms);
    k.created_ms = now_ms;
    k.is_link = is_link;
    write_text(&k, id_key, text);
    return (struct object_change){.change = OBJECT_CREATE,
                                  .object = encode(a, &k, hash_of(a, str_skip(buf_str(text), start)), now_ms)};
}

/* Adds the deletion of keys that are over, oldest first, up to a page of them. */
static enum err add_expired(struct store_reader *r, struct arena *a, oid_t app, int64_t now_ms,
                            struct object_change *changes, size_t *count)
{
    struct object *page;
    size_t n;
    struct object_query q = {.kind = OBJ_PORTAL, .app = app, .limit = PAGE};
    enum err e = store_list_objects(r, a, &q, &page, &n);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        struct portal_key k;
        if (decode(a, &page[i], &k) != ERR_OK || k.expires_ms > now_ms)
            continue;
        changes[*count] = (struct object_change){.change = OBJECT_DELETE, .object = page[i]};
        changes[(*count)++].object.updated_ms = now_ms;
    }
    return e;
}

enum err portal_create(struct store *s, struct store_reader *r, struct arena *a, struct oid_source *oids,
                       struct hash_key id_key, int64_t now_ms, const struct portal_key *k, struct buf *session,
                       struct buf *link)
{
    struct object_change *changes = arena_zalloc(a, (PAGE + 2) * sizeof *changes);
    struct buf texts[2] = {BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX)};
    size_t count = 0;
    for (int i = 0; i < 2; i++)
        changes[count++] = creation(a, oids, id_key, now_ms, k, i == 1, &texts[i]);
    enum err e = add_expired(r, a, k->app, now_ms, changes, &count);
    if (e == ERR_OK)
        e = commit(s, changes, count);
    if (e == ERR_NOT_FOUND) /* somebody else cleared them away meanwhile */
        e = commit(s, changes, 2);
    if (e == ERR_OK) {
        buf_add_str(session, buf_str(&texts[0]));
        buf_add_str(link, buf_str(&texts[1]));
    }
    for (int i = 0; i < 2; i++)
        mem_free_secret(texts[i].ptr, texts[i].len);
    return e;
}

enum err portal_find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text, int64_t now_ms,
                     struct portal_key *out)
{
    struct object o;
    oid_t app = 0;
    bool is_link = str_starts(text, STR(PORTAL_LINK_PREFIX));
    struct str head = str_take(text, 4 + OID_TEXT_LEN);
    if (oid_parse(head, is_link ? PORTAL_LINK_PREFIX : PORTAL_SESSION_PREFIX, id_key, &app) != ERR_OK)
        return ERR_UNAUTHORIZED;
    enum err e = store_find_object(r, a, OBJ_PORTAL, 0, app, hash_of(a, text), &o);
    if (e == ERR_OK)
        e = decode(a, &o, out);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID)
        return ERR_UNAUTHORIZED;
    if (e == ERR_OK && (now_ms >= out->expires_ms || out->is_link != is_link))
        return ERR_UNAUTHORIZED;
    return e;
}

int64_t portal_idle_ends_ms(const struct portal_key *k)
{
    int64_t idle = (k->used_ms != 0 ? k->used_ms : k->created_ms) + PORTAL_IDLE_MS;
    return idle < k->expires_ms ? idle : k->expires_ms;
}

void portal_touch(struct store *s, struct arena *a, const struct portal_key *k, int64_t now_ms)
{
    struct portal_key used = *k;
    if (now_ms - k->used_ms < TIME_MINUTE_MS)
        return;
    used.used_ms = now_ms;
    struct object_change change = {
            .change = OBJECT_UPDATE, .object = encode(a, &used, k->key, now_ms), .expected_version = k->version};
    enum err e = commit(s, &change, 1);
    (void)e;
}

enum err portal_exchange(struct store *s, struct arena *a, struct oid_source *oids, struct hash_key id_key,
                         int64_t now_ms, const struct portal_key *link, struct buf *session)
{
    struct object_change changes[2] = {
            {.change = OBJECT_DELETE,
             .object = {.id = link->id, .kind = OBJ_PORTAL, .app = link->app, .updated_ms = now_ms},
             .expected_version = link->version}};
    struct buf text = BUF_INIT(TEXT_MAX);
    changes[1] = creation(a, oids, id_key, now_ms, link, false, &text);
    enum err e = commit(s, changes, 2);
    if (e == ERR_OK)
        buf_add_str(session, buf_str(&text));
    mem_free_secret(text.ptr, text.len);
    return e == ERR_NOT_FOUND ? ERR_STALE : e;
}

enum err portal_end(struct store *s, oid_t id, int64_t now_ms)
{
    struct object_change change = {.change = OBJECT_DELETE,
                                   .object = {.id = id, .kind = OBJ_PORTAL, .updated_ms = now_ms}};
    return commit(s, &change, 1);
}

static bool is_meant(const struct portal_key *k, const struct str *sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(k->session, sessions[i]))
            return true;
    }
    return sessions == NULL;
}

/* Ends one key now, or later: ERR_NOT_FOUND is done already. */
static enum err end_one(struct store *s, struct arena *a, const struct object *o, struct portal_key *k, int64_t at_ms,
                        int64_t now_ms)
{
    struct object_change change = {.change = OBJECT_DELETE, .object = *o};
    if (at_ms > now_ms) {
        k->expires_ms = at_ms;
        change = (struct object_change){.change = OBJECT_UPDATE, .object = encode(a, k, o->key, now_ms)};
    }
    change.object.updated_ms = now_ms;
    enum err e = commit(s, &change, 1);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err portal_end_all(struct store *s, struct store_reader *r, struct arena *a, oid_t app, const struct str *sessions,
                        size_t session_count, int64_t at_ms, int64_t now_ms)
{
    struct object_query q = {.kind = OBJ_PORTAL, .app = app, .limit = PAGE};
    size_t n = PAGE;
    while (n == PAGE) {
        struct object *page;
        enum err e = store_list_objects(r, a, &q, &page, &n);
        for (size_t i = 0; e == ERR_OK && i < n; i++) {
            struct portal_key k;
            q.after = page[i].id;
            if (decode(a, &page[i], &k) == ERR_OK && k.expires_ms > at_ms && is_meant(&k, sessions, session_count))
                e = end_one(s, a, &page[i], &k, at_ms, now_ms);
        }
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

void portal_principal(const struct portal_key *k, struct principal *out)
{
    *out = (struct principal){
            .role = k->read_only ? AUTH_PORTAL_READ : AUTH_PORTAL, .app = k->app, .token = k->id, .name = k->session};
    size_t n = k->env.len < sizeof out->env - 1 ? k->env.len : sizeof out->env - 1;
    memcpy(out->env, k->env.ptr, n);
    if (k->capabilities == NULL)
        return;
    enum err e = auth_scope(STR("*:read"), &out->scopes);
    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        for (size_t j = 0; j < k->capability_count && capabilities[i].scope != NULL; j++) {
            if (e == ERR_OK && str_eq(k->capabilities[j], str_c(capabilities[i].name)))
                e = auth_scope(str_c(capabilities[i].scope), &out->scopes);
        }
    }
    CHECK(e == ERR_OK);
}
