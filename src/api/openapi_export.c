/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event types as the webhooks of an OpenAPI document: what openapi_import.c reads. Asking for it makes a background
 * task, as other servers of this API do; the document is in the task's data, written when it is read.
 */
#include "api/openapi_export.h"

#include "api/bundle.h"
#include "api/event_type.h"
#include "api/idempotency.h"
#include "api/routes.h"

#define PAGE 250

static void write_flags(const struct event_type *t, struct json_writer *w)
{
    if (t->group_name.ptr != NULL)
        json_w_str_at(w, "x-svix-group-name", t->group_name);
    if (t->feature_flag.ptr != NULL)
        json_w_str_at(w, "x-svix-feature-flag", t->feature_flag);
    if (t->feature_flag_count == 0)
        return;
    json_w_name(w, STR("x-svix-feature-flags"));
    json_w_array(w);
    for (size_t i = 0; i < t->feature_flag_count; i++)
        json_w_str(w, t->feature_flags[i]);
    json_w_array_end(w);
}

/* The newest schema; what it refers to in itself is now deeper in the document. */
static void write_body(struct arena *a, const struct event_type *t, struct json_writer *w)
{
    struct json *schemas = NULL;
    if (t->schemas.ptr == NULL || json_parse(a, t->schemas, &schemas, NULL) != ERR_OK)
        return;
    const struct json *newest = event_type_newest(schemas);
    if (newest == NULL)
        return;
    struct str at = arena_printf(a, "/webhooks/" STR_FMT "/post/requestBody/content/application~1json/schema",
                                 STR_ARG(t->name));
    json_w_name(w, STR("requestBody"));
    json_w_object(w);
    json_w_name(w, STR("content"));
    json_w_object(w);
    json_w_name(w, STR("application/json"));
    json_w_object(w);
    json_w_name(w, STR("schema"));
    bundle_embed(a, newest, at, w);
    json_w_object_end(w);
    json_w_object_end(w);
    json_w_object_end(w);
}

static void write_webhook(struct arena *a, const struct event_type *t, struct json_writer *w)
{
    json_w_name(w, t->name);
    json_w_object(w);
    json_w_name(w, STR("post"));
    json_w_object(w);
    json_w_str_at(w, "operationId", t->name);
    json_w_str_at(w, "description", t->description);
    if (t->deprecated)
        json_w_bool_at(w, "deprecated", true);
    write_flags(t, w);
    write_body(a, t, w);
    json_w_raw_at(w, "responses", STR("{\"2XX\":{\"description\":\"Received\"}}"));
    json_w_object_end(w);
    json_w_object_end(w);
}

static enum err write_webhooks(struct api_call *call, struct json_writer *w)
{
    struct str after = STR_NULL;
    size_t got = PAGE;
    while (got == PAGE) {
        struct arena *a = arena_new(65536);
        struct object *objects;
        struct object_query q = {
                .kind = OBJ_EVENT_TYPE, .env = call->env, .by_key = true, .after_key = after, .limit = PAGE};
        enum err e = store_list_objects(call->reader, a, &q, &objects, &got);
        for (size_t i = 0; e == ERR_OK && i < got; i++) {
            struct event_type t;
            e = event_type_decode(a, &objects[i], &t);
            if (e == ERR_OK && !t.archived)
                write_webhook(a, &t, w);
        }
        if (e == ERR_OK && got > 0)
            after = arena_str(call->arena, objects[got - 1].key);
        arena_free(a);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum err openapi_export_write(struct api_call *call, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "openapi", STR("3.1.0"));
    json_w_raw_at(w, "info", STR("{\"title\":\"Webhooks\",\"version\":\"1\"}"));
    json_w_name(w, STR("webhooks"));
    json_w_object(w);
    enum err e = write_webhooks(call, w);
    json_w_object_end(w);
    json_w_object_end(w);
    return e;
}

/* There is nothing to wait for. */
enum err task_step_export(struct task_run *r, struct task *t, bool *more)
{
    (void)r;
    (void)t;
    *more = false;
    return ERR_OK;
}

void event_type_export_openapi(struct api *api, struct api_call *call)
{
    struct task task = {.kind = TASK_EXPORT, .env = call->env};
    if (task_start(api, call, &task, NULL))
        task_answer(api, call, 202, &task);
}
