/* SPDX-License-Identifier: Apache-2.0 */
/* Workspaces and endpoints between their structs and their stored objects; the field tables are the form of both. */
#include "model/config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

#define STORED_BYTES_MAX (4u << 20)

const struct field app_fields[] = {
        {.name = "uid",
         .kind = FIELD_TEXT,
         .at = offsetof(struct app, uid),
         .min = 1,
         .max = 256,
         .chars = CHARS_ID,
         .not_prefix = "app_"},
        {.name = "name",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = offsetof(struct app, name),
         .min = 1,
         .max = 1024},
        {.name = "throttleRate",
         .alias = "rateLimit",
         .kind = FIELD_INT,
         .at = offsetof(struct app, throttle_rate),
         .min = 1,
         .max = 65535},
        {.name = "metadata", .kind = FIELD_STRINGS, .at = offsetof(struct app, metadata), .fallback = "{}"},
        {.name = "incomingRateLimit",
         .kind = FIELD_INT,
         .flags = FIELD_STORED,
         .at = offsetof(struct app, incoming_rate_limit)},
        {.name = "profile",
         .kind = FIELD_TEXT,
         .flags = FIELD_EXTENSION,
         .at = offsetof(struct app, profile),
         .min = 1,
         .max = 64},
};
const size_t app_field_count = ARRAY_LEN(app_fields);

#define EP(member) offsetof(struct endpoint, member)

const struct field endpoint_fields[] = {
        {.name = "uid",
         .kind = FIELD_TEXT,
         .at = EP(uid),
         .min = 1,
         .max = 256,
         .chars = CHARS_ID,
         .not_prefix = "ep_"},
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_EXTENSION, .at = EP(name), .max = 1024},
        {.name = "description", .kind = FIELD_TEXT, .at = EP(description), .max = 8192, .fallback = ""},
        {.name = "type",
         .kind = FIELD_TEXT,
         .flags = FIELD_EXTENSION,
         .at = EP(type),
         .min = 1,
         .max = 16,
         .fallback = ENDPOINT_WEBHOOK},
        {.name = "url", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = EP(url), .min = 1, .max = 65536},
        {.name = "disabled", .kind = FIELD_BOOL, .at = EP(disabled)},
        {.name = "eventTypes",
         .alias = "filterTypes",
         .kind = FIELD_NAMES,
         .at = EP(event_types),
         .count_at = EP(event_type_count),
         .min = 1,
         .max = 1000,
         .chars = CHARS_ID,
         .item_max = 256},
        {.name = "channels",
         .kind = FIELD_NAMES,
         .at = EP(channels),
         .count_at = EP(channel_count),
         .min = 1,
         .max = 10,
         .chars = CHARS_CHANNEL,
         .item_max = 128},
        {.name = "metadata", .kind = FIELD_STRINGS, .at = EP(metadata), .fallback = "{}"},
        {.name = "throttleRate",
         .alias = "rateLimit",
         .kind = FIELD_INT,
         .at = EP(throttle_rate),
         .min = 1,
         .max = 65535},
        {.name = "headers",
         .kind = FIELD_HEADERS,
         .flags = FIELD_EXTENSION | FIELD_KEPT_APART,
         .at = EP(headers),
         .count_at = EP(header_count)},
        {.name = "profile", .kind = FIELD_TEXT, .flags = FIELD_EXTENSION, .at = EP(profile), .min = 1, .max = 64},
        {.name = "retrySchedule",
         .kind = FIELD_SECONDS,
         .flags = FIELD_EXTENSION,
         .at = EP(retry_schedule_ms),
         .count_at = EP(retry_count),
         .max = RETRY_ITEMS_MAX,
         .item_max = RETRY_ITEM_MAX_MS},
        {.name = "timeoutMs", .kind = FIELD_MS, .flags = FIELD_EXTENSION, .at = EP(timeout_ms), .min = 1, .max = 60000},
        {.name = "fifo", .kind = FIELD_BOOL, .flags = FIELD_EXTENSION, .at = EP(fifo)},
        {.name = "http2", .kind = FIELD_BOOL, .flags = FIELD_EXTENSION, .at = EP(http2)},
        {.name = "filter", .kind = FIELD_OBJECT, .flags = FIELD_EXTENSION, .at = EP(filter), .max = 16384},
        {.name = "caBundle", .kind = FIELD_TEXT, .flags = FIELD_EXTENSION, .at = EP(ca_bundle), .min = 1, .max = 65536},
        {.name = "transformation", .kind = FIELD_MS, .flags = FIELD_STORED, .at = EP(transformation)},
        {.name = "transforms", .kind = FIELD_BOOL, .flags = FIELD_STORED, .at = EP(transforms)},
        {.name = "pollerToken", .kind = FIELD_MS, .flags = FIELD_STORED, .at = EP(poller_token)},
        {.name = "disabledReason", .kind = FIELD_TEXT, .flags = FIELD_STORED, .at = EP(disabled_reason)},
        {.name = "disabledAt", .kind = FIELD_TIME, .flags = FIELD_STORED, .at = EP(disabled_at_ms)},
        {.name = "enabledAt", .kind = FIELD_TIME, .flags = FIELD_STORED, .at = EP(enabled_at_ms)},
};
const size_t endpoint_field_count = ARRAY_LEN(endpoint_fields);

enum err app_decode(struct arena *a, const struct object *o, struct app *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    struct app app = {0};
    fields_read(a, app_fields, app_field_count, FIELD_LOAD, body, &app, NULL);
    if (app.name.ptr == NULL || app.profile.ptr == NULL)
        return ERR_INVALID;
    app.id = o->id;
    app.env = o->env;
    app.uid = o->key;
    app.created_ms = o->created_ms;
    app.updated_ms = o->updated_ms;
    *out = app;
    return ERR_OK;
}

static struct str encode_body(struct arena *a, const struct field *table, size_t count, const void *from)
{
    struct buf out = BUF_INIT(STORED_BYTES_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(table, count, from, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return body;
}

void app_encode(struct arena *a, const struct app *app, struct object *out)
{
    *out = (struct object){.id = app->id,
                           .kind = OBJ_APP,
                           .env = app->env,
                           .app = app->id,
                           .key = app->uid,
                           .body = encode_body(a, app_fields, app_field_count, app),
                           .created_ms = app->created_ms,
                           .updated_ms = app->updated_ms};
}

static struct str seal_identity(oid_t id, char text[24])
{
    int n = snprintf(text, 24, "%" PRId64, id);
    return str_of(text, (size_t)n);
}

static void read_secrets(struct arena *a, const struct json *list, struct endpoint *ep)
{
    size_t n = 0;
    struct endpoint_secret *secrets = arena_zalloc(a, (list->count + 1) * sizeof *secrets);
    for (const struct json *s = list->child; s != NULL; s = s->next) {
        if (json_as_str(json_get(s, STR("key")), &secrets[n].text)) {
            json_as_i64(json_get(s, STR("expires")), &secrets[n].expires_ms);
            n++;
        }
    }
    ep->secrets = secrets;
    ep->secret_count = n;
}

static void read_headers(struct arena *a, const struct json *object, struct endpoint *ep)
{
    size_t n = 0;
    struct header_pair *pairs = arena_zalloc(a, (object->count + 1) * sizeof *pairs);
    for (const struct json *m = object->child; m != NULL; m = m->next)
        pairs[n++] = (struct header_pair){.name = m->name, .value = m->text};
    ep->headers = n > 0 ? pairs : NULL;
    ep->header_count = n;
}

static enum err open_sealed(struct arena *a, const struct keyring *keys, const struct object *o, struct endpoint *ep)
{
    char id[24];
    struct json *sealed = NULL;
    struct buf plain = BUF_INIT(STORED_BYTES_MAX);
    enum err e = keyring_open(keys, o->sealed, seal_identity(o->id, id), &plain);
    struct str text = e == ERR_OK ? arena_str(a, buf_str(&plain)) : STR_NULL;
    mem_free_secret(plain.ptr, plain.len);
    if (e != ERR_OK || json_parse(a, text, &sealed, NULL) != ERR_OK)
        return ERR_INVALID;
    const struct json *secrets = json_get(sealed, STR("secrets")), *headers = json_get(sealed, STR("headers"));
    if (secrets == NULL)
        return ERR_INVALID;
    read_secrets(a, secrets, ep);
    if (headers != NULL)
        read_headers(a, headers, ep);
    endpoint_auth_read(a, sealed, ep);
    return ep->secret_count > 0 ? ERR_OK : ERR_INVALID;
}

enum err endpoint_decode(struct arena *a, const struct keyring *keys, const struct object *o, struct endpoint *out)
{
    struct json *body;
    struct endpoint ep = {0};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, endpoint_fields, endpoint_field_count, FIELD_LOAD, body, &ep, NULL);
    if ((ep.url.ptr == NULL && !endpoint_is_polled(&ep)) || open_sealed(a, keys, o, &ep) != ERR_OK)
        return ERR_INVALID;
    ep.id = o->id;
    ep.app = o->app;
    ep.env = o->env;
    ep.uid = o->key;
    ep.created_ms = o->created_ms;
    ep.updated_ms = o->updated_ms;
    *out = ep;
    return ERR_OK;
}

static struct str encode_sealed(struct arena *a, const struct keyring *keys, const struct endpoint *ep)
{
    char id[24];
    struct buf plain = BUF_INIT(STORED_BYTES_MAX), sealed = BUF_INIT(STORED_BYTES_MAX);
    struct json_writer w = json_writer(&plain);
    json_w_object(&w);
    json_w_name(&w, STR("secrets"));
    json_w_array(&w);
    for (size_t i = 0; i < ep->secret_count; i++) {
        json_w_object(&w);
        json_w_str_at(&w, "key", ep->secrets[i].text);
        json_w_i64_at(&w, "expires", ep->secrets[i].expires_ms);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_name(&w, STR("headers"));
    json_w_object(&w);
    for (size_t i = 0; i < ep->header_count; i++) {
        json_w_name(&w, ep->headers[i].name);
        json_w_str(&w, ep->headers[i].value);
    }
    json_w_object_end(&w);
    endpoint_auth_write(ep, &w);
    json_w_object_end(&w);
    CHECK(!plain.overflow);
    keyring_seal(keys, buf_str(&plain), seal_identity(ep->id, id), &sealed);
    CHECK(!sealed.overflow);
    struct str out = arena_str(a, buf_str(&sealed));
    mem_free_secret(plain.ptr, plain.len);
    buf_fini(&sealed);
    return out;
}

void endpoint_encode(struct arena *a, const struct keyring *keys, const struct endpoint *ep, struct object *out)
{
    *out = (struct object){.id = ep->id,
                           .kind = OBJ_ENDPOINT,
                           .env = ep->env,
                           .app = ep->app,
                           .key = ep->uid,
                           .body = encode_body(a, endpoint_fields, endpoint_field_count, ep),
                           .sealed = encode_sealed(a, keys, ep),
                           .created_ms = ep->created_ms,
                           .updated_ms = ep->updated_ms};
}

void endpoint_own(struct arena *a, struct endpoint *ep)
{
    struct endpoint_secret *secrets = arena_alloc(a, ep->secret_count * sizeof *secrets);
    for (size_t i = 0; i < ep->secret_count; i++)
        secrets[i] = (struct endpoint_secret){.text = arena_str(a, ep->secrets[i].text),
                                              .expires_ms = ep->secrets[i].expires_ms};
    ep->secrets = secrets;
    endpoint_auth_own(a, ep);
    fields_own(a, endpoint_fields, endpoint_field_count, ep);
}

enum err endpoint_compile(struct arena *a, struct endpoint *ep)
{
    struct json *tree;
    ep->wants = NULL;
    if (ep->filter.ptr == NULL)
        return ERR_OK;
    if (json_parse(a, ep->filter, &tree, NULL) != ERR_OK)
        return ERR_INVALID;
    return filter_compile(a, tree, &ep->wants, NULL);
}
