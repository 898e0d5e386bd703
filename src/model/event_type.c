/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event_type.h"

#define AT(member) offsetof(struct event_type, member)

const struct field event_type_fields[] = {
        {.name = "name",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = AT(name),
         .min = 1,
         .max = 256,
         .chars = CHARS_ID},
        {.name = "description", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(description), .max = 8192},
        {.name = "archived", .kind = FIELD_BOOL, .at = AT(archived)},
        {.name = "deprecated", .kind = FIELD_BOOL, .at = AT(deprecated)},
        {.name = "schemas", .kind = FIELD_OBJECT, .at = AT(schemas), .max = 262144},
        {.name = "validate", .kind = FIELD_BOOL, .flags = FIELD_EXTENSION, .at = AT(validate)},
        {.name = "groupName", .kind = FIELD_TEXT, .at = AT(group_name), .min = 1, .max = 256, .chars = CHARS_ID},
        {.name = "featureFlag", .kind = FIELD_TEXT, .at = AT(feature_flag), .min = 1, .max = 256, .chars = CHARS_ID},
        {.name = "featureFlags",
         .kind = FIELD_NAMES,
         .at = AT(feature_flags),
         .count_at = AT(feature_flag_count),
         .min = 1,
         .max = 50,
         .item_max = 256,
         .chars = CHARS_ID},
        {.name = "profile", .kind = FIELD_TEXT, .flags = FIELD_STORED, .at = AT(profile)},
        {.name = "retrySchedule",
         .kind = FIELD_SECONDS,
         .flags = FIELD_EXTENSION,
         .at = AT(retry_schedule_ms),
         .count_at = AT(retry_count),
         .max = RETRY_ITEMS_MAX,
         .item_max = RETRY_ITEM_MAX_MS},
};
const size_t event_type_field_count = ARRAY_LEN(event_type_fields);
const size_t event_type_change_field_count = ARRAY_LEN(event_type_fields) - 1;

enum err event_type_decode(struct arena *a, const struct object *o, struct event_type *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct event_type){0};
    fields_read(a, event_type_fields, event_type_field_count, FIELD_LOAD, body, out, NULL);
    out->name = o->key;
    if (out->description.ptr == NULL)
        out->description = STR("");
    return ERR_OK;
}

struct str event_type_encode(struct arena *a, const struct event_type *t)
{
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(event_type_fields, event_type_field_count, t, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

const struct json *event_type_newest(const struct json *schemas)
{
    const struct json *newest = NULL;
    uint64_t highest = 0, n;
    for (const struct json *s = schemas != NULL ? schemas->child : NULL; s != NULL; s = s->next) {
        if (str_to_u64(s->name, &n) != ERR_OK)
            n = 0;
        if (newest == NULL || n >= highest) {
            newest = s;
            highest = n;
        }
    }
    return newest;
}
