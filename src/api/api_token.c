/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys of an environment that the caller manages, as the management API names them: api tokens. The same objects
 * as /auth/api-key has, with names and scopes that can change and an end that can be set.
 */
#include "api/api_key.h"
#include "api/describe.h"
#include "api/environment.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "base/time.h"

#define EXPIRY_MAX_S 259200

struct expire_in {
    int64_t expiry_s;
};

#define AT(member) offsetof(struct token, member)

/* An update gives the name only: the first row. */
const struct field api_token_fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(name), .min = 1, .max = 256},
        {.name = "scopes",
         .kind = FIELD_NAMES,
         .at = AT(scopes),
         .count_at = AT(scope_count),
         .min = 1,
         .max = 50,
         .item_max = 64},
};
const size_t api_token_field_count = ARRAY_LEN(api_token_fields), api_token_update_field_count = 1;

const struct field api_token_expire_fields[] = {
        {.name = "expiry", .kind = FIELD_MS, .at = offsetof(struct expire_in, expiry_s), .max = EXPIRY_MAX_S},
};
const size_t api_token_expire_field_count = ARRAY_LEN(api_token_expire_fields);

static void answer_token(const struct api *api, struct api_call *call, const struct token *t)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    api_key_write(api, call, t, &w);
    json_w_object_end(&w);
}

void api_token_create(struct api *api, struct api_call *call)
{
    struct object o;
    struct environment env;
    struct token t = {.role = STR(TOKEN_ROLE_FREE)};
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_environment(call, 0, &o, &env))
        return;
    fields_read(call->arena, api_token_fields, api_token_field_count, FIELD_CREATE, body, &t, &call->problems);
    t.env = env.key;
    api_key_check(call, &t);
    if (call_fits(call))
        api_key_make(api, call, &t, 200);
}

/* The key of params[1] in the environment of params[0]. False: answered. */
static bool find(struct api *api, struct api_call *call, struct object *o, struct token *out)
{
    struct object env_object;
    struct environment env;
    oid_t id = 0;
    if (!call_environment(call, 0, &env_object, &env))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_TOKEN), api->id_key, &id);
    if (e == ERR_OK)
        e = token_get(call->reader, call->arena, env.key, id, o, out);
    else
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such API token");
        return false;
    }
    return answer_ok(call, e);
}

void api_token_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct token t;
    if (find(api, call, &o, &t))
        answer_token(api, call, &t);
}

/* Writes it; what is remembered of it anywhere is forgotten. */
static bool save(struct api *api, struct api_call *call, const struct object *o, const struct token *t)
{
    struct object_change change = token_change(call->arena, o, t, call->now_ms);
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    if (!answer_ok(call, call_run(api, call, &op.op)))
        return false;
    if (api->on_token_changed != NULL)
        api->on_token_changed(api->hook_arg);
    return true;
}

static void change(struct api *api, struct api_call *call, enum field_mode mode, size_t field_count)
{
    struct object o;
    struct token t;
    const struct json *body = call_json(call, false);
    if (body == NULL || !find(api, call, &o, &t))
        return;
    fields_read(call->arena, api_token_fields, field_count, mode, body, &t, &call->problems);
    api_key_check(call, &t);
    if (call_fits(call) && save(api, call, &o, &t))
        answer_token(api, call, &t);
}

void api_token_put(struct api *api, struct api_call *call)
{
    change(api, call, FIELD_REPLACE, api_token_update_field_count);
}

void api_token_patch(struct api *api, struct api_call *call)
{
    change(api, call, FIELD_PATCH, api_token_field_count);
}

/* It ends now, or in some seconds; never later than it would have. */
void api_token_expire(struct api *api, struct api_call *call)
{
    struct object o;
    struct token t;
    struct expire_in in = {0};
    const struct json *body = call_json(call, true);
    if (body == NULL)
        return;
    fields_read(call->arena, api_token_expire_fields, api_token_expire_field_count, FIELD_CREATE, body, &in,
                &call->problems);
    if (!call_fits(call) || !find(api, call, &o, &t))
        return;
    int64_t at_ms = call->now_ms + in.expiry_s * TIME_SECOND_MS;
    if (t.expires_ms == 0 || t.expires_ms > at_ms)
        t.expires_ms = at_ms;
    call_made(call, MADE_NOTHING, 0, 204);
    if (save(api, call, &o, &t))
        answer_empty(call);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    json_w_object(w);
    api_key_write(api, call, (const struct token *)items + i, w);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct token *)items)[i].id, object_prefix(OBJ_TOKEN));
}

void api_token_list(struct api *api, struct api_call *call)
{
    struct object o;
    struct environment env;
    struct page page;
    struct token *tokens;
    size_t count;
    if (!call_environment(call, 0, &o, &env) || !page_read(api, call, object_prefix(OBJ_TOKEN), PAGE_DESCENDING, &page))
        return;
    if (answer_ok(call, token_list(call->reader, call->arena, env.key, page_asks_descending(&page), page.at,
                                   page.limit + 1, &tokens, &count)))
        answer_page(api, call, &(struct page_items){&page, count, tokens, write_item, name_item});
}
