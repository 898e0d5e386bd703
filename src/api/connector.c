/* SPDX-License-Identifier: Apache-2.0 */
#include "api/connector.h"

#define STORED_MAX (1u << 20)

#define AT(member) offsetof(struct connector, member)

static const char *const kinds[] = {"Custom",     "AgenticCommerceProtocol",
                                    "CloseCRM",   "CustomerIO",
                                    "Discord",    "Hubspot",
                                    "Inngest",    "Loops",
                                    "Otel",       "Resend",
                                    "Salesforce", "Segment",
                                    "Sendgrid",   "Slack",
                                    "Teams",      "TriggerDev",
                                    "Windmill",   "Zapier",
                                    NULL};
static const char *const products[] = {"Dispatch", "Stream", NULL};

static const struct field fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(name), .min = 1, .max = 256},
        {.name = "uid",
         .kind = FIELD_TEXT,
         .at = AT(uid),
         .min = 1,
         .max = 256,
         .chars = CHARS_ID,
         .not_prefix = "trtmpl_"},
        {.name = "kind", .kind = FIELD_TEXT, .at = AT(kind), .fallback = "Custom"},
        {.name = "logo", .kind = FIELD_TEXT, .at = AT(logo), .min = 1, .max = 65536},
        {.name = "description", .kind = FIELD_TEXT, .at = AT(description), .max = 8192, .fallback = ""},
        {.name = "instructions", .kind = FIELD_TEXT, .at = AT(instructions), .max = 65536, .fallback = ""},
        {.name = "allowedEventTypes",
         .kind = FIELD_NAMES,
         .at = AT(event_types),
         .count_at = AT(event_type_count),
         .min = 1,
         .max = 500,
         .item_max = 256,
         .chars = CHARS_ID},
        {.name = "transformation",
         .kind = FIELD_TEXT,
         .flags = FIELD_REQUIRED,
         .at = AT(transformation),
         .min = 10,
         .max = 51200},
        {.name = "featureFlags",
         .kind = FIELD_NAMES,
         .at = AT(flags),
         .count_at = AT(flag_count),
         .max = 50,
         .item_max = 256,
         .chars = CHARS_ID},
        {.name = "productType", .kind = FIELD_TEXT, .at = AT(product), .fallback = "Dispatch"},
        {.name = "transformationUpdatedAt", .kind = FIELD_TIME, .flags = FIELD_STORED, .at = AT(transformed_ms)},
};

static bool is_one_of(struct str s, const char *const *names)
{
    while (*names != NULL && !str_eq(s, str_c(*names)))
        names++;
    return *names != NULL;
}

void connector_in(struct api_call *call, const struct json *body, struct connector *out)
{
    fields_read(call->arena, fields, ARRAY_LEN(fields), FIELD_CREATE, body, out, &call->problems);
    if (!is_one_of(out->kind, kinds))
        call_problem(call, "kind", "value_error.const", "is not a kind of connectors");
    if (!is_one_of(out->product, products))
        call_problem(call, "productType", "value_error.const", "must be Dispatch or Stream");
}

enum err connectors_read(struct api_call *call, oid_t env, struct object **objects, struct connector **out,
                         size_t *count)
{
    struct object_query q = {.kind = OBJ_CONNECTOR, .env = env, .limit = CONNECTORS_MAX};
    enum err e = store_list_objects(call->reader, call->arena, &q, objects, count);
    if (e != ERR_OK)
        return e;
    *out = arena_zalloc(call->arena, (*count + 1) * sizeof **out);
    for (size_t i = 0; i < *count; i++) {
        struct connector *c = &(*out)[i];
        struct json *body;
        if (json_parse(call->arena, (*objects)[i].body, &body, NULL) != ERR_OK)
            return ERR_INVALID;
        fields_read(call->arena, fields, ARRAY_LEN(fields), FIELD_LOAD, body, c, NULL);
        c->id = (*objects)[i].id;
        c->created_ms = (*objects)[i].created_ms;
        c->updated_ms = (*objects)[i].updated_ms;
    }
    return ERR_OK;
}

void connector_out(const struct api *api, struct api_call *call, const struct connector *c, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, c->id, object_prefix(OBJ_CONNECTOR)));
    json_w_str_at(w, "orgId", str_c(call->who.env));
    fields_write_answer(fields, ARRAY_LEN(fields), c, w);
    json_w_time_at(w, "transformationUpdatedAt", c->transformed_ms);
    json_w_time_at(w, "createdAt", c->created_ms);
    json_w_time_at(w, "updatedAt", c->updated_ms);
    json_w_object_end(w);
}

bool connector_change(struct api *api, struct api_call *call, oid_t env, const struct object *old,
                      const struct connector *before, struct connector *c, struct object_change *out)
{
    bool same = before != NULL && str_eq(before->transformation, c->transformation);
    c->transformed_ms = same ? before->transformed_ms : call->now_ms;
    struct buf text = BUF_INIT(STORED_MAX);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    fields_write_stored(fields, ARRAY_LEN(fields), c, &w);
    json_w_object_end(&w);
    CHECK(!text.overflow);
    struct str body = arena_str(call->arena, buf_str(&text));
    buf_fini(&text);
    if (old != NULL && str_eq(old->body, body))
        return false;
    *out = (struct object_change){.change = OBJECT_CREATE,
                                  .object = {.kind = OBJ_CONNECTOR, .env = env, .created_ms = call->now_ms}};
    if (old != NULL) {
        out->change = OBJECT_UPDATE;
        out->object = *old;
        out->expected_version = old->version;
    } else {
        out->object.id = oid_next(api->oids, call->now_ms);
    }
    out->object.key = c->uid;
    out->object.body = body;
    out->object.updated_ms = call->now_ms;
    return true;
}
