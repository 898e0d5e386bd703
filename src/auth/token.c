/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token.h"

#include "base/mem.h"
#include "base/time.h"
#include "model/field.h"

#define HINT_LEN  8
#define SCAN_PAGE 250

#define AT(member) offsetof(struct token, member)

static const struct field token_fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .at = AT(name)},
        {.name = "role", .kind = FIELD_TEXT, .at = AT(role)},
        {.name = "env", .kind = FIELD_TEXT, .at = AT(env)},
        {.name = "app", .kind = FIELD_MS, .at = AT(app)},
        {.name = "integration", .kind = FIELD_MS, .at = AT(integration)},
        {.name = "endpoint", .kind = FIELD_MS, .at = AT(endpoint)},
        {.name = "scopes", .kind = FIELD_NAMES, .at = AT(scopes), .count_at = AT(scope_count)},
        {.name = "expiresAt", .kind = FIELD_TIME, .at = AT(expires_ms)},
        {.name = "usedAt", .kind = FIELD_TIME, .at = AT(used_ms)},
        {.name = "hint", .kind = FIELD_TEXT, .at = AT(hint)},
};

static const struct {
    const char *name;
    enum auth_role role;
} roles[] = {{"owner", AUTH_OWNER},
             {"editor", AUTH_EDITOR},
             {"viewer", AUTH_VIEWER},
             {TOKEN_ROLE_INTEGRATION, AUTH_INTEGRATION},
             {TOKEN_ROLE_POLLER, AUTH_POLLER}};

enum err auth_scope(struct str text, uint32_t *bits)
{
    static const char *const areas[] = {
#define AREA_NAME(sym, name) [AUTH_AREA_##sym] = (name),
            AUTH_AREA_TABLE(AREA_NAME)
#undef AREA_NAME
    };
    struct str verb = text, area = str_split(&verb, ':');
    uint32_t may = 0, out = 0;
    if (str_eq(verb, STR("read")))
        may = 1;
    else if (str_eq(verb, STR("write")) || str_eq(verb, STR("*")))
        may = 3;
    for (unsigned i = 0; i < AUTH_AREAS; i++) {
        bool hidden = i == AUTH_AREA_SECRET || i == AUTH_AREA_TRANSFORMATION;
        bool all = str_eq(area, STR("*")) && (!hidden || may == 3);
        bool owned = i == AUTH_AREA_SECRET && may == 3 && str_eq(area, STR("endpoint"));
        if (all || owned || str_eq(area, str_c(areas[i])))
            out |= may << (2 * i);
    }
    if (out == 0)
        return ERR_INVALID;
    *bits |= out;
    return ERR_OK;
}

static enum auth_role role_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (str_eq(name, str_c(roles[i].name)))
            return roles[i].role;
    }
    return AUTH_NOBODY;
}

enum err token_check(const struct token *t, const char **field, const char **why)
{
    uint32_t bits = 0;
    *field = "name";
    *why = "the name must have 1 to 256 bytes";
    if (t->name.len < 1 || t->name.len > 256 || !str_is_utf8(t->name))
        return ERR_INVALID;
    *field = "role";
    *why = "the role must be owner, editor or viewer";
    enum auth_role role = role_of(t->role);
    if (role == AUTH_NOBODY || role == AUTH_INTEGRATION || role == AUTH_POLLER)
        return ERR_INVALID;
    *field = "scopes";
    *why = "a scope is AREA:read or AREA:write; areas: app, endpoint, message, attempt, event-type, profile, settings, "
           "token, secret, environment, transformation, record, automation, *";
    for (size_t i = 0; i < t->scope_count; i++) {
        if (auth_scope(t->scopes[i], &bits) != ERR_OK)
            return ERR_INVALID;
    }
    return ERR_OK;
}

static struct str hash_of(struct arena *a, struct str text)
{
    struct buf hash = BUF_INIT(256);
    auth_key_hash(text, &hash);
    struct str s = arena_str(a, buf_str(&hash));
    buf_fini(&hash);
    return s;
}

static struct object encode(struct arena *a, const struct token *t, struct str hash)
{
    struct buf out = BUF_INIT(65536);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(token_fields, ARRAY_LEN(token_fields), t, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return (struct object){.id = t->id, .kind = OBJ_TOKEN, .key = hash, .body = body, .created_ms = t->created_ms};
}

static enum err decode(struct arena *a, const struct object *o, struct token *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct token){.id = o->id, .created_ms = o->created_ms, .version = o->version};
    fields_read(a, token_fields, ARRAY_LEN(token_fields), FIELD_LOAD, body, out, NULL);
    return out->env.ptr != NULL ? ERR_OK : ERR_INVALID;
}

static enum err commit(struct store *s, struct object_change *change)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = change, .count = 1};
    return store_run(s, &op.op);
}

void token_make(struct arena *a, struct oid_source *oids, int64_t now_ms, struct token *t, struct buf *text,
                struct object_change *out)
{
    struct buf key = BUF_INIT(256);
    auth_key_generate(&key);
    t->id = oid_next(oids, now_ms);
    t->created_ms = now_ms;
    t->hint = arena_str(a, str_take(buf_str(&key), HINT_LEN));
    *out = (struct object_change){.change = OBJECT_CREATE, .object = encode(a, t, hash_of(a, buf_str(&key)))};
    out->object.updated_ms = now_ms;
    buf_add_str(text, buf_str(&key));
    mem_free_secret(key.ptr, key.len);
}

enum err token_create(struct store *s, struct arena *a, struct oid_source *oids, int64_t now_ms, struct token *t,
                      struct buf *text)
{
    struct object_change change;
    token_make(a, oids, now_ms, t, text, &change);
    return commit(s, &change);
}

enum err token_find(struct store_reader *r, struct arena *a, struct str text, int64_t now_ms, struct token *out)
{
    struct object o;
    enum err e = store_find_object(r, a, OBJ_TOKEN, 0, 0, hash_of(a, text), &o);
    if (e == ERR_OK)
        e = decode(a, &o, out);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID)
        return ERR_UNAUTHORIZED;
    if (e == ERR_OK && out->expires_ms != 0 && now_ms >= out->expires_ms)
        return ERR_UNAUTHORIZED;
    return e;
}

void token_touch(struct store *s, struct arena *a, const struct token *t, struct str text, int64_t now_ms)
{
    if (now_ms - t->used_ms < TIME_MINUTE_MS)
        return;
    struct token used = *t;
    used.used_ms = now_ms;
    struct object_change change = {
            .change = OBJECT_UPDATE, .object = encode(a, &used, hash_of(a, text)), .expected_version = t->version};
    change.object.updated_ms = now_ms;
    enum err e = commit(s, &change);
    (void)e;
}

enum err token_list(struct store_reader *r, struct arena *a, struct str env, bool descending, oid_t after, size_t limit,
                    struct token **out, size_t *count)
{
    struct token *found = arena_alloc(a, (limit + 1) * sizeof *found);
    size_t n = 0, got = 0;
    do {
        struct object *page;
        struct object_query q = {.kind = OBJ_TOKEN, .descending = descending, .after = after, .limit = SCAN_PAGE};
        enum err e = store_list_objects(r, a, &q, &page, &got);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < got && n < limit; i++) {
            struct token *t = &found[n];
            after = page[i].id;
            if (decode(a, &page[i], t) == ERR_OK && str_eq(t->env, env) && t->integration == 0 && t->endpoint == 0)
                n++;
        }
    } while (got == SCAN_PAGE && n < limit);
    *out = found;
    *count = n;
    return ERR_OK;
}

enum err token_load(struct store_reader *r, struct arena *a, oid_t id, struct object *o, struct token *out)
{
    enum err e = store_get_object(r, a, OBJ_TOKEN, id, o);
    if (e == ERR_OK && (o->deleted_ms != 0 || decode(a, o, out) != ERR_OK))
        e = ERR_NOT_FOUND;
    return e;
}

enum err token_get(struct store_reader *r, struct arena *a, struct str env, oid_t id, struct object *o,
                   struct token *out)
{
    enum err e = token_load(r, a, id, o, out);
    if (e == ERR_OK && (!str_eq(out->env, env) || out->integration != 0 || out->endpoint != 0))
        e = ERR_NOT_FOUND;
    return e;
}

struct object_change token_change(struct arena *a, const struct object *o, const struct token *t, int64_t now_ms)
{
    struct object_change change = {
            .change = OBJECT_UPDATE, .object = encode(a, t, o->key), .expected_version = o->version};
    change.object.updated_ms = now_ms;
    return change;
}

enum err token_revoke_all(struct store_reader *r, struct arena *a, struct str env, int64_t now_ms,
                          struct object_change *out, size_t limit, size_t *count)
{
    size_t n = 0, got = 0;
    oid_t after = 0;
    do {
        struct object *page;
        struct object_query q = {.kind = OBJ_TOKEN, .after = after, .limit = SCAN_PAGE};
        enum err e = store_list_objects(r, a, &q, &page, &got);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < got && n < limit; i++) {
            struct token t;
            after = page[i].id;
            if (decode(a, &page[i], &t) != ERR_OK || !str_eq(t.env, env))
                continue;
            out[n] = (struct object_change){.change = OBJECT_DELETE, .object = page[i]};
            out[n++].object.updated_ms = now_ms;
        }
    } while (got == SCAN_PAGE && n < limit);
    *count = n;
    return ERR_OK;
}

enum err token_revoke(struct store *s, struct store_reader *r, struct arena *a, struct str env, oid_t id,
                      int64_t now_ms)
{
    struct object o;
    struct token t;
    enum err e = token_get(r, a, env, id, &o, &t);
    if (e != ERR_OK)
        return e;
    struct object_change change = {.change = OBJECT_DELETE, .object = o};
    change.object.updated_ms = now_ms;
    return commit(s, &change);
}

void token_principal(const struct token *t, struct principal *out)
{
    *out = (struct principal){
            .role = role_of(t->role), .app = t->app, .endpoint = t->endpoint, .token = t->id, .name = t->name};
    size_t n = t->env.len < sizeof out->env - 1 ? t->env.len : sizeof out->env - 1;
    memcpy(out->env, t->env.ptr, n);
    for (size_t i = 0; i < t->scope_count; i++) {
        enum err e = auth_scope(t->scopes[i], &out->scopes);
        if (e != ERR_OK)
            out->role = AUTH_NOBODY;
    }
}
