/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/trigger.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "model/field.h"

#define STORED_BYTES_MAX ((size_t)1 << 20)

/* As the table of fields stores it. */
struct stored {
    struct trigger t;
    int use;
    int state;
    int64_t methods;
    int64_t tolerance; /* seconds + 1; 0: the row's */
    const struct str *urls;
    size_t url_count;
};

#define AT(member) offsetof(struct stored, member)
#define TEXT(n, m)                                                                                                     \
    {                                                                                                                  \
        .name = (n), .kind = FIELD_TEXT, .at = AT(t.m)                                                                 \
    }
#define NUMBER(n, m)                                                                                                   \
    {                                                                                                                  \
        .name = (n), .kind = FIELD_MS, .at = AT(m)                                                                     \
    }
static const struct field fields[] = {
        {.name = "use", .kind = FIELD_INT, .at = AT(use)},
        NUMBER("automation", t.automation),
        NUMBER("version", t.version),
        NUMBER("sample", t.sample),
        {.name = "state", .kind = FIELD_INT, .at = AT(state)},
        {.name = "urls", .kind = FIELD_NAMES, .at = AT(urls), .count_at = AT(url_count)},
        /* the rules, from FIRST_RULE on */
        NUMBER("methods", methods),
        TEXT("dedupe", dedupe),
        TEXT("profile", profile),
        {.name = "row", .kind = FIELD_OBJECT, .at = AT(t.row)},
        TEXT("header", header),
        NUMBER("tolerance", tolerance),
        {.name = "addresses", .kind = FIELD_NAMES, .at = AT(t.addresses), .count_at = AT(t.address_count)},
};
#define FIRST_RULE 6
static const struct field sealed_fields[] = {
        {.name = "secrets", .kind = FIELD_NAMES, .at = AT(t.secrets), .count_at = AT(t.secret_count)},
        TEXT("verifyToken", verify_token),
        TEXT("draft", draft), /* the last one: a draft has none */
};
#undef AT
#undef TEXT
#undef NUMBER

static struct str identity(oid_t id, char text[24])
{
    int n = snprintf(text, 24, "%" PRId64, id);
    return str_of(text, (size_t)n);
}

/* What an object has sealed, in the arena. */
static enum err open_sealed(struct arena *a, const struct keyring *keys, const struct object *o, struct str *out)
{
    char id[24];
    struct buf plain = BUF_INIT(STORED_BYTES_MAX);
    enum err e = keyring_open(keys, o->sealed, identity(o->id, id), &plain);
    if (e == ERR_OK)
        *out = arena_str(a, buf_str(&plain));
    mem_free_secret(plain.ptr, plain.cap);
    return e;
}

static struct str seal(struct arena *a, const struct keyring *keys, oid_t id, struct str plain)
{
    char text[24];
    struct buf sealed = BUF_INIT(2 * STORED_BYTES_MAX);
    keyring_seal(keys, plain, identity(id, text), &sealed);
    CHECK(!sealed.overflow);
    struct str out = arena_str(a, buf_str(&sealed));
    buf_fini(&sealed);
    return out;
}

static void write_stored(const struct field *table, size_t count, const void *from, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    fields_write_stored(table, count, from, &w);
    json_w_object_end(&w);
    CHECK(!out->overflow);
}

enum err trigger_decode(struct arena *a, const struct keyring *keys, const struct object *o, struct trigger *out)
{
    struct json *body, *secret;
    struct str plain;
    struct stored s = {.state = 0};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, fields, ARRAY_LEN(fields), FIELD_LOAD, body, &s, NULL);
    if (o->sealed.ptr != NULL) {
        if (open_sealed(a, keys, o, &plain) != ERR_OK || json_parse(a, plain, &secret, NULL) != ERR_OK)
            return ERR_INVALID;
        fields_read(a, sealed_fields, ARRAY_LEN(sealed_fields), FIELD_LOAD, secret, &s, NULL);
    }
    if (s.t.automation == 0 || s.use < TRIGGER_STARTS || s.use > TRIGGER_INBOUND || s.state < TRIGGER_DRAFT ||
        s.state > TRIGGER_PAUSED)
        return ERR_INVALID;
    s.t.id = o->id;
    s.t.env = o->env;
    s.t.app = o->app;
    s.t.use = (enum trigger_use)s.use;
    s.t.state = (enum trigger_state)s.state;
    s.t.methods = (unsigned)s.methods;
    s.t.tolerance_s = s.tolerance - 1;
    for (size_t i = 0; i < s.url_count && s.t.url_count < TRIGGER_URLS_MAX; i++) {
        if (str_to_i64(s.urls[i], &s.t.urls[s.t.url_count]) == ERR_OK)
            s.t.url_count++;
    }
    s.t.created_ms = o->created_ms;
    s.t.updated_ms = o->updated_ms;
    s.t.object_version = o->version;
    *out = s.t;
    return ERR_OK;
}

void trigger_encode(struct arena *a, const struct keyring *keys, const struct trigger *t, struct object *out)
{
    struct stored s = {.t = *t,
                       .use = (int)t->use,
                       .state = (int)t->state,
                       .methods = t->methods,
                       .tolerance = t->tolerance_s + 1,
                       .url_count = t->url_count};
    struct str urls[TRIGGER_URLS_MAX];
    struct buf body = BUF_INIT(STORED_BYTES_MAX), plain = BUF_INIT(STORED_BYTES_MAX);
    for (size_t i = 0; i < t->url_count; i++)
        urls[i] = arena_printf(a, "%" PRId64, t->urls[i]);
    s.urls = urls;
    write_stored(fields, ARRAY_LEN(fields), &s, &body);
    *out = (struct object){.id = t->id,
                           .kind = OBJ_TRIGGER,
                           .env = t->env,
                           .app = t->app,
                           .key = arena_printf(a, "%" PRId64, t->automation),
                           .body = arena_str(a, buf_str(&body)),
                           .created_ms = t->created_ms,
                           .updated_ms = t->updated_ms};
    if (t->secret_count > 0 || t->verify_token.len > 0 || t->draft.len > 0) {
        write_stored(sealed_fields, ARRAY_LEN(sealed_fields), &s, &plain);
        out->sealed = seal(a, keys, t->id, buf_str(&plain));
    }
    buf_fini(&body);
    mem_free_secret(plain.ptr, plain.cap);
}

/* ---- drafts -------------------------------------------------------------------------------------------------------
 */

void trigger_draft_set(struct arena *a, struct trigger *t, const struct trigger *rules)
{
    struct stored s = {.t = *rules, .methods = rules->methods, .tolerance = rules->tolerance_s + 1};
    struct buf out = BUF_INIT(STORED_BYTES_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(fields + FIRST_RULE, ARRAY_LEN(fields) - FIRST_RULE, &s, &w);
    fields_write_stored(sealed_fields, ARRAY_LEN(sealed_fields) - 1, &s, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    t->draft = arena_str(a, buf_str(&out));
    mem_free_secret(out.ptr, out.cap);
}

struct trigger trigger_draft_get(struct arena *a, const struct trigger *t)
{
    struct json *j;
    struct stored s = {.state = 0};
    struct trigger out = *t;
    if (t->draft.len == 0 || json_parse(a, t->draft, &j, NULL) != ERR_OK)
        return out;
    fields_read(a, fields + FIRST_RULE, ARRAY_LEN(fields) - FIRST_RULE, FIELD_LOAD, j, &s, NULL);
    fields_read(a, sealed_fields, ARRAY_LEN(sealed_fields) - 1, FIELD_LOAD, j, &s, NULL);
    out.methods = (unsigned)s.methods;
    out.dedupe = s.t.dedupe;
    out.profile = s.t.profile;
    out.row = s.t.row;
    out.header = s.t.header;
    out.tolerance_s = s.tolerance - 1;
    out.addresses = s.t.addresses;
    out.address_count = s.t.address_count;
    out.secrets = s.t.secrets;
    out.secret_count = s.t.secret_count;
    out.verify_token = s.t.verify_token;
    out.draft = STR_NULL;
    return out;
}

/* ---- URLs ---------------------------------------------------------------------------------------------------------
 */

#define URL(n, m)                                                                                                      \
    {                                                                                                                  \
        .name = (n), .kind = FIELD_MS, .at = offsetof(struct trigger_url, m)                                           \
    }
static const struct field url_fields[] = {URL("app", app), URL("trigger", trigger), URL("expiresAt", expires_ms)};
#undef URL

enum err trigger_url_decode(struct arena *a, const struct keyring *keys, const struct object *o,
                            struct trigger_url *out)
{
    struct json *body;
    struct trigger_url u = {.id = o->id};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, url_fields, ARRAY_LEN(url_fields), FIELD_LOAD, body, &u, NULL);
    if (u.app == 0 || u.trigger == 0 || open_sealed(a, keys, o, &u.token) != ERR_OK)
        return ERR_INVALID;
    *out = u;
    return ERR_OK;
}

void trigger_url_encode(struct arena *a, const struct keyring *keys, const struct trigger_url *u, int64_t now_ms,
                        struct object *out)
{
    struct buf body = BUF_INIT(4096);
    write_stored(url_fields, ARRAY_LEN(url_fields), u, &body);
    *out = (struct object){.id = u->id,
                           .kind = OBJ_TRIGGER_URL,
                           .key = trigger_url_key(a, u->token),
                           .body = arena_str(a, buf_str(&body)),
                           .sealed = seal(a, keys, u->id, u->token),
                           .created_ms = now_ms,
                           .updated_ms = now_ms};
    buf_fini(&body);
}

struct str trigger_url_key(struct arena *a, struct str token)
{
    unsigned char hash[CRYPTO_SHA256_LEN];
    struct buf hex = BUF_INIT(2 * sizeof hash);
    crypto_sha256(token, hash);
    crypto_hex(str_of((char *)hash, sizeof hash), &hex);
    struct str out = arena_str(a, buf_str(&hex));
    buf_fini(&hex);
    return out;
}
