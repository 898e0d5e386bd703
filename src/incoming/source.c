/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/source.h"

#define STORED_BYTES_MAX ((size_t)1 << 20)

#define AT(member) offsetof(struct source, member)

const struct field source_fields[] = {
        {.name = "uid",
         .kind = FIELD_TEXT,
         .at = AT(uid),
         .min = 1,
         .max = 60,
         .chars = CHARS_ID,
         .not_prefix = "src_"},
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(name), .min = 2, .max = 256},
        {.name = "metadata", .kind = FIELD_STRINGS, .at = AT(metadata), .fallback = "{}"},
        {.name = "type", .kind = FIELD_TEXT, .at = AT(type), .min = 1, .max = 64},
};
const size_t source_field_count = ARRAY_LEN(source_fields);
const size_t source_patch_field_count = ARRAY_LEN(source_fields) - 1;

static const struct field stored_fields[] = {
        {.name = "app", .kind = FIELD_MS, .at = AT(app)},
        {.name = "trigger", .kind = FIELD_MS, .at = AT(trigger)},
        {.name = "config", .kind = FIELD_OBJECT, .at = AT(config)},
};

enum err source_decode(struct arena *a, const struct object *o, struct source *out)
{
    struct json *body;
    struct source s = {0};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, source_fields, source_field_count, FIELD_LOAD, body, &s, NULL);
    fields_read(a, stored_fields, ARRAY_LEN(stored_fields), FIELD_LOAD, body, &s, NULL);
    if (s.name.ptr == NULL || s.type.ptr == NULL || s.app == 0)
        return ERR_INVALID;
    s.id = o->id;
    s.env = o->env;
    s.uid = o->key;
    s.created_ms = o->created_ms;
    s.updated_ms = o->updated_ms;
    s.object_version = o->version;
    *out = s;
    return ERR_OK;
}

void source_encode(struct arena *a, const struct source *s, struct object *out)
{
    struct buf body = BUF_INIT(STORED_BYTES_MAX);
    struct json_writer w = json_writer(&body);
    json_w_object(&w);
    fields_write_stored(source_fields, source_field_count, s, &w);
    fields_write_stored(stored_fields, ARRAY_LEN(stored_fields), s, &w);
    json_w_object_end(&w);
    CHECK(!body.overflow);
    *out = (struct object){.id = s->id,
                           .kind = OBJ_SOURCE,
                           .env = s->env,
                           .key = s->uid,
                           .body = arena_str(a, buf_str(&body)),
                           .created_ms = s->created_ms,
                           .updated_ms = s->updated_ms};
    buf_fini(&body);
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

#define LIKE_SVIX "standard", "secret", 0

static const struct source_type types[] = {
        {"generic-webhook", NULL, NULL, 0},
        {"cron", NULL, NULL, SOURCE_CRON},
        {"adobe-sign", "adobe-sign", "clientId", SOURCE_ASKS},
        {"airwallex", "airwallex", "secret", 0},
        {"beehiiv", LIKE_SVIX},
        {"brex", LIKE_SVIX},
        {"checkbook", "checkbook", "secret", 0},
        {"clerk", LIKE_SVIX},
        {"docusign", "docusign", "secret", SOURCE_OPTIONAL},
        {"easypost", "easypost", "secret", SOURCE_OPTIONAL},
        {"github", "github", "secret", SOURCE_OPTIONAL},
        {"guesty", LIKE_SVIX},
        {"hubspot", "hubspot", "secret", SOURCE_OPTIONAL},
        {"incident-io", LIKE_SVIX},
        {"lithic", LIKE_SVIX},
        {"merge", "merge", "secret", 0},
        {"meta", "meta", "secret", SOURCE_TOKEN},
        {"nango", "nango", "secret", 0},
        {"nash", LIKE_SVIX},
        {"open-ai", LIKE_SVIX},
        {"openclaw", "openclaw", "secret", 0},
        {"orum-io", "orum", "publicKey", SOURCE_SHOWN},
        {"panda-doc", "pandadoc", "secret", 0},
        {"pleo", LIKE_SVIX},
        {"port-io", "port", "secret", 0},
        {"psi-fi", LIKE_SVIX},
        {"render", LIKE_SVIX},
        {"replicate", LIKE_SVIX},
        {"resend", LIKE_SVIX},
        {"rutter", "rutter", "secret", 0},
        {"safebase", LIKE_SVIX},
        {"sardine", LIKE_SVIX},
        {"segment", "segment", "secret", SOURCE_OPTIONAL},
        {"shopify", "shopify", "secret", 0},
        {"slack", "slack", "secret", 0},
        {"stripe", "stripe", "secret", 0},
        {"stych", LIKE_SVIX},
        {"svix", LIKE_SVIX},
        {"tailscale", "tailscale", "secret", SOURCE_GRACE},
        {"telnyx", "telnyx", "publicKey", SOURCE_SHOWN},
        {"vapi", "vapi", "secret", 0},
        {"veriff", "veriff", "secret", 0},
        {"zoom", "zoom", "secret", 0},
};

const struct source_type *source_type_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq(name, str_c(types[i].name)))
            return &types[i];
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *why;
} refused_types[] = {
        {"vgs",
         "how this sender signs is published nowhere: its requests cannot be verified; generic-webhook takes them "
         "unverified"},
};

const char *source_type_refusal(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(refused_types); i++) {
        if (str_eq(name, str_c(refused_types[i].name)))
            return refused_types[i].why;
    }
    return NULL;
}
