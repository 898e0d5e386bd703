/* SPDX-License-Identifier: Apache-2.0 */
/* API keys of an environment. The key itself is in the answer that made it and nowhere else. */
#include "api/api_key.h"

#include "api/describe.h"
#include "api/routes.h"
#include "base/time.h"

struct request {
    struct token token;
    struct str app; /* id or uid */
    int64_t expires_in_s;
};

#define AT(member) offsetof(struct request, member)

const struct field api_key_fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(token.name), .min = 1, .max = 256},
        {.name = "role", .kind = FIELD_TEXT, .at = AT(token.role)}, /* default: TOKEN_ROLE_* */
        {.name = "scopes",
         .kind = FIELD_NAMES,
         .at = AT(token.scopes),
         .count_at = AT(token.scope_count),
         .min = 1, /* none given is all that the role may: an empty list would be the opposite of what it looks like */
         .max = 50,
         .item_max = 64},
        {.name = "appId", .kind = FIELD_TEXT, .at = AT(app), .min = 1, .max = 256},
        {.name = "expiresAt", .kind = FIELD_TIME, .at = AT(token.expires_ms)},
        {.name = "expiresIn", .kind = FIELD_MS, .at = AT(expires_in_s), .min = 1, .max = (int64_t)100 * 366 * 86400},
};
const size_t api_key_field_count = ARRAY_LEN(api_key_fields);

void api_key_write(const struct api *api, struct api_call *call, const struct token *t, struct json_writer *w)
{
    json_w_str_at(w, "id", api_id(api, call, t->id, "key_"));
    json_w_str_at(w, "name", t->name);
    json_w_str_at(w, "role", t->role);
    json_w_opt_str_at(w, "appId", t->app != 0 ? api_id(api, call, t->app, "app_") : STR_NULL);
    json_w_name(w, STR("scopes"));
    if (t->scope_count > 0) {
        json_w_array(w);
        for (size_t i = 0; i < t->scope_count; i++)
            json_w_str(w, t->scopes[i]);
        json_w_array_end(w);
    } else {
        json_w_null(w);
    }
    json_w_str_at(w, "censoredToken", arena_printf(call->arena, STR_FMT "…", STR_ARG(t->hint)));
    json_w_time_at(w, "createdAt", t->created_ms);
    if (t->expires_ms != 0)
        json_w_time_at(w, "expiresAt", t->expires_ms);
    else
        json_w_null_at(w, "expiresAt");
    if (t->used_ms != 0)
        json_w_time_at(w, "lastUsedAt", t->used_ms);
    else
        json_w_null_at(w, "lastUsedAt");
}

static bool within_own_scopes(const struct principal *who, const struct token *t)
{
    struct principal made;
    token_principal(t, &made);
    return who->scopes == 0 || (made.scopes != 0 && (made.scopes & ~who->scopes) == 0);
}

void api_key_check(struct api_call *call, const struct token *t)
{
    const char *why, *field;
    if (call->problems.count == 0 && token_check(t, &field, &why) != ERR_OK)
        call_problem(call, field, "value_error", "%s", why);
    if (call->problems.count == 0 && !within_own_scopes(&call->who, t))
        call_problem(call, "scopes", "value_error", "a key cannot make one that may more than itself");
}

void api_key_make(struct api *api, struct api_call *call, struct token *t, int status)
{
    struct buf text = BUF_INIT(256);
    struct object_change change;
    token_make(call->arena, api->oids, call->now_ms, t, &text, &change);
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    call_made(call, OBJ_TOKEN, t->id, status);
    if (answer_ok(call, call_run(api, call, &op.op))) {
        struct json_writer w = answer(call, status);
        json_w_object(&w);
        api_key_write(api, call, t, &w);
        json_w_str_at(&w, "token", buf_str(&text));
        json_w_object_end(&w);
    }
    buf_fini(&text);
}

void api_key_create(struct api *api, struct api_call *call)
{
    struct request r = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, api_key_fields, api_key_field_count, FIELD_CREATE, body, &r, &call->problems);
    r.token.env = str_c(call->who.env);
    if (r.token.role.ptr == NULL)
        r.token.role = str_c(r.app.ptr != NULL ? TOKEN_ROLE_CONFINED : TOKEN_ROLE_FREE);
    api_key_check(call, &r.token);
    if (r.expires_in_s > 0)
        r.token.expires_ms = call->now_ms + r.expires_in_s * TIME_SECOND_MS;
    if (r.token.expires_ms != 0 && r.token.expires_ms <= call->now_ms)
        call_problem(call, "expiresAt", "value_error.range", "must be in the future");
    if (r.app.ptr != NULL) {
        enum err e = api_app_id(api, call->reader, call->arena, call->env, r.app, &r.token.app);
        if (e == ERR_NOT_FOUND)
            call_problem(call, "appId", "value_error", "no such workspace");
        else if (!answer_ok(call, e))
            return;
    }
    if (call_fits(call))
        api_key_make(api, call, &r.token, 201);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    json_w_object(w);
    api_key_write(api, call, (const struct token *)items + i, w);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct token *)items)[i].id, "key_");
}

/* Oldest first; there is no way back: there are few. */
void api_key_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct token *tokens;
    size_t count;
    if (!page_read(api, call, "key_", PAGE_ASCENDING, &page))
        return;
    page.back = page.descending = false;
    if (answer_ok(call, token_list(call->reader, call->arena, str_c(call->who.env), false, page.at, page.limit + 1,
                                   &tokens, &count)))
        answer_page(api, call, &(struct page_items){&page, count, tokens, write_item, name_item});
}

void api_key_revoke(struct api *api, struct api_call *call)
{
    oid_t id = 0;
    enum err e = oid_parse(call->params[0], "key_", api->id_key, &id);
    if (e == ERR_OK)
        e = token_revoke(api->store, call->reader, call->arena, str_c(call->who.env), id, call->now_ms);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such key");
        return;
    }
    if (!answer_ok(call, e))
        return;
    if (api->on_token_changed != NULL)
        api->on_token_changed(api->hook_arg);
    answer_empty(call);
}
