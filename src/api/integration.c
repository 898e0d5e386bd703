/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integrations: other products that a customer lets into its workspace. Each has at most one key, an OBJ_TOKEN that is
 * confined to the workspace and may there what its portal may. Making a new key ends the one before.
 */
#include "api/describe.h"
#include "api/routes.h"
#include "auth/token.h"

struct integration {
    oid_t id;
    struct str name;
    const struct str *flags;
    size_t flag_count;
    int64_t token; /* oid of its key, 0: none yet */
    int64_t created_ms;
    int64_t updated_ms;
};

#define AT(member) offsetof(struct integration, member)

const struct field integration_fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(name), .min = 1, .max = 256},
        {.name = "featureFlags",
         .kind = FIELD_NAMES,
         .flags = FIELD_ANSWER_NOT,
         .at = AT(flags),
         .count_at = AT(flag_count),
         .min = 1,
         .max = 25,
         .item_max = 256,
         .chars = CHARS_ID},
        {.name = "token", .kind = FIELD_MS, .flags = FIELD_STORED, .at = AT(token)},
};
const size_t integration_field_count = ARRAY_LEN(integration_fields);

static enum err decode(struct arena *a, const struct object *o, struct integration *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct integration){.id = o->id, .created_ms = o->created_ms, .updated_ms = o->updated_ms};
    fields_read(a, integration_fields, integration_field_count, FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

static struct str encode(struct arena *a, const struct integration *in)
{
    struct buf out = BUF_INIT(65536);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(integration_fields, integration_field_count, in, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

static void write_integration(const struct api *api, struct api_call *call, const struct integration *in,
                              struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, in->id, object_prefix(OBJ_INTEGRATION)));
    fields_write_answer(integration_fields, integration_field_count, in, w);
    json_w_name(w, STR("featureFlags"));
    json_w_array(w);
    for (size_t i = 0; i < in->flag_count; i++)
        json_w_str(w, in->flags[i]);
    json_w_array_end(w);
    json_w_time_at(w, "createdAt", in->created_ms);
    json_w_time_at(w, "updatedAt", in->updated_ms);
    json_w_object_end(w);
}

static void answer_integration(const struct api *api, struct api_call *call, int status, const struct integration *in)
{
    struct json_writer w = answer(call, status);
    write_integration(api, call, in, &w);
}

/* The integration of params[1] in the workspace of params[0]. False: answered. */
static bool find(const struct api *api, struct api_call *call, struct object *o, struct integration *out)
{
    struct app app;
    oid_t id = 0;
    if (!call_app(api, call, &app))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_INTEGRATION), api->id_key, &id);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_INTEGRATION, id, o);
    if (e == ERR_OK && (o->deleted_ms != 0 || o->app != app.id))
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such integration");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, decode(call->arena, o, out));
}

void integration_create(struct api *api, struct api_call *call)
{
    struct app app;
    struct integration in = {.created_ms = call->now_ms, .updated_ms = call->now_ms};
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app))
        return;
    fields_read(call->arena, integration_fields, integration_field_count, FIELD_CREATE, body, &in, &call->problems);
    if (!call_fits(call))
        return;
    in.id = oid_next(api->oids, call->now_ms);
    struct object_change change = {.change = OBJECT_CREATE,
                                   .object = {.id = in.id,
                                              .kind = OBJ_INTEGRATION,
                                              .env = app.env,
                                              .app = app.id,
                                              .body = encode(call->arena, &in),
                                              .created_ms = call->now_ms,
                                              .updated_ms = call->now_ms}};
    call_made(call, OBJ_INTEGRATION, in.id, 201);
    if (answer_ok(call, call_commit(api, call, &change, 1, app.env, app.id)))
        answer_integration(api, call, 201, &in);
}

void integration_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct integration in;
    if (find(api, call, &o, &in))
        answer_integration(api, call, 200, &in);
}

void integration_put(struct api *api, struct api_call *call)
{
    struct object o;
    struct integration in;
    const struct json *body = call_json(call, false);
    if (body == NULL || !find(api, call, &o, &in))
        return;
    fields_read(call->arena, integration_fields, integration_field_count, FIELD_REPLACE, body, &in, &call->problems);
    if (!call_fits(call))
        return;
    struct object_change change = {.change = OBJECT_UPDATE, .object = o, .expected_version = o.version};
    change.object.body = encode(call->arena, &in);
    change.object.updated_ms = in.updated_ms = call->now_ms;
    if (answer_ok(call, call_commit(api, call, &change, 1, o.env, o.app)))
        answer_integration(api, call, 200, &in);
}

static struct object_change key_end(const struct integration *in, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_DELETE,
                                  .object = {.id = in->token, .kind = OBJ_TOKEN, .updated_ms = now_ms}};
}

static void tell_tokens(struct api *api)
{
    if (api->on_token_changed != NULL)
        api->on_token_changed(api->hook_arg);
}

void integration_delete(struct api *api, struct api_call *call)
{
    struct object o;
    struct integration in;
    if (!find(api, call, &o, &in))
        return;
    struct object_change two[2] = {{.change = OBJECT_DELETE, .object = o, .expected_version = o.version}};
    two[0].object.updated_ms = call->now_ms;
    two[1] = key_end(&in, call->now_ms);
    if (!answer_ok(call, call_commit(api, call, two, in.token != 0 ? 2 : 1, o.env, o.app)))
        return;
    tell_tokens(api);
    answer_empty(call);
}

/* Kept as a hash: there is no text to show. */
void integration_key_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct integration in;
    if (!find(api, call, &o, &in))
        return;
    if (in.token == 0)
        answer_error(call, ERR_NOT_FOUND, "this integration has no key yet: POST …/key/rotate makes one");
    else
        answer_error(call, ERR_GONE,
                     "the key was in the answer that made it and is not kept: POST …/key/rotate makes another, which "
                     "ends this one");
}

/* The text is in this answer only: the same idempotency key again is refused like that of any key that was made. */
void integration_rotate(struct api *api, struct api_call *call)
{
    struct object o;
    struct integration in;
    if (!find(api, call, &o, &in))
        return;
    struct buf text = BUF_INIT(256);
    size_t n = 0;
    struct object_change three[3];
    struct token t = {.name = in.name,
                      .role = STR(TOKEN_ROLE_INTEGRATION),
                      .env = str_c(call->who.env),
                      .app = o.app,
                      .integration = in.id};
    if (in.token != 0)
        three[n++] = key_end(&in, call->now_ms);
    token_make(call->arena, api->oids, call->now_ms, &t, &text, &three[n++]);
    in.token = t.id;
    three[n] = (struct object_change){.change = OBJECT_UPDATE, .object = o, .expected_version = o.version};
    three[n].object.body = encode(call->arena, &in);
    three[n++].object.updated_ms = call->now_ms;
    call_made(call, OBJ_TOKEN, t.id, 200);
    if (answer_ok(call, call_commit(api, call, three, n, o.env, o.app))) {
        tell_tokens(api);
        struct json_writer w = answer(call, 200);
        json_w_object(&w);
        json_w_str_at(&w, "key", buf_str(&text));
        json_w_object_end(&w);
    }
    buf_fini(&text);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    write_integration(api, call, (const struct integration *)items + i, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct integration *)items)[i].id, object_prefix(OBJ_INTEGRATION));
}

void integration_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct page page;
    struct object *objects;
    size_t count;
    if (!call_app(api, call, &app) || !page_read(api, call, object_prefix(OBJ_INTEGRATION), PAGE_DESCENDING, &page) ||
        !answer_ok(call, list_objects(call, OBJ_INTEGRATION, app.env, app.id, &page, &objects, &count)))
        return;
    struct integration *found = arena_alloc(call->arena, (count + 1) * sizeof *found);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, decode(call->arena, &objects[i], &found[i])))
            return;
    }
    answer_page(api, call, &(struct page_items){&page, count, found, write_item, name_item});
}
