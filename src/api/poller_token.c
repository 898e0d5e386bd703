/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that may poll one endpoint and nothing else: an OBJ_TOKEN that is confined to it. Stored as a hash, as every
 * key: the text is in the answer that made it, later answers have its beginning.
 */
#include "api/api_key.h"
#include "api/describe.h"
#include "api/poll.h"
#include "api/routes.h"
#include "base/mem.h"
#include "base/time.h"

#define OLD_EXPIRY_S 300

struct rotate_in {
    int64_t expiry_s;
    int64_t old_expiry_s;
};

const struct field poller_rotate_fields[] = {
        {.name = "expiry", .kind = FIELD_MS, .at = offsetof(struct rotate_in, expiry_s), .min = 1, .max = 31536000},
        {.name = "oldTokenExpiry", .kind = FIELD_MS, .at = offsetof(struct rotate_in, old_expiry_s), .max = 86400},
};
const size_t poller_rotate_field_count = ARRAY_LEN(poller_rotate_fields);

/* The polling endpoint of params[1]. False: answered. */
static bool find(struct api *api, struct api_call *call, struct object *o, struct endpoint *ep)
{
    struct app app;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, o, ep))
        return false;
    if (!endpoint_is_polled(ep))
        answer_error(call, ERR_NOT_FOUND, "no such polling endpoint");
    return endpoint_is_polled(ep);
}

static void answer_token(const struct api *api, struct api_call *call, int status, const struct token *t,
                         struct str text)
{
    struct json_writer w = answer(call, status);
    json_w_object(&w);
    api_key_write(api, call, t, &w);
    json_w_str_at(&w, "token", text);
    json_w_object_end(&w);
}

void poller_token_get(struct api *api, struct api_call *call)
{
    struct object o, key;
    struct endpoint ep;
    struct token t;
    if (!find(api, call, &o, &ep))
        return;
    enum err e = ep.poller_token != 0 ? token_load(call->reader, call->arena, ep.poller_token, &key, &t)
                                      : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND)
        answer_error(call, e, "no token was made for this endpoint: rotate it");
    else if (answer_ok(call, e))
        answer_token(api, call, 200, &t, arena_printf(call->arena, STR_FMT "…", STR_ARG(t.hint)));
}

/* The change that ends the token before, now or later. False: it is over. */
static bool end_old(struct api_call *call, oid_t id, int64_t in_s, struct object_change *out)
{
    struct object o;
    struct token t;
    if (id == 0 || token_load(call->reader, call->arena, id, &o, &t) != ERR_OK)
        return false;
    int64_t at_ms = call->now_ms + in_s * TIME_SECOND_MS;
    if (t.expires_ms == 0 || t.expires_ms > at_ms)
        t.expires_ms = at_ms;
    if (in_s > 0) {
        *out = token_change(call->arena, &o, &t, call->now_ms);
    } else {
        *out = (struct object_change){.change = OBJECT_DELETE, .object = o};
        out->object.updated_ms = call->now_ms;
    }
    return true;
}

static void rotate(struct api *api, struct api_call *call, const struct object *o, struct endpoint *ep,
                   const struct rotate_in *in)
{
    struct buf text = BUF_INIT(256);
    struct object_change changes[3];
    size_t n = 0;
    struct token t = {.name = STR("poller"),
                      .role = STR(TOKEN_ROLE_POLLER),
                      .env = str_c(call->who.env),
                      .app = ep->app,
                      .endpoint = ep->id,
                      .expires_ms = in->expiry_s > 0 ? call->now_ms + in->expiry_s * TIME_SECOND_MS : 0};
    n += end_old(call, ep->poller_token, in->old_expiry_s, &changes[n]);
    token_make(call->arena, api->oids, call->now_ms, &t, &text, &changes[n++]);
    ep->poller_token = t.id;
    changes[n] = (struct object_change){.change = OBJECT_UPDATE, .expected_version = o->version};
    endpoint_encode(call->arena, api->keys, ep, &changes[n++].object);
    call_made(call, OBJ_TOKEN, t.id, 201);
    if (answer_ok(call, call_commit(api, call, changes, n, ep->env, ep->app))) {
        if (api->on_token_changed != NULL)
            api->on_token_changed(api->hook_arg);
        answer_token(api, call, 201, &t, buf_str(&text));
    }
    mem_free_secret(text.ptr, text.len);
}

void poller_token_rotate(struct api *api, struct api_call *call)
{
    struct object o;
    struct endpoint ep;
    struct rotate_in in = {0};
    const struct json *body = call_json(call, true);
    if (body == NULL)
        return;
    fields_read(call->arena, poller_rotate_fields, poller_rotate_field_count, FIELD_CREATE, body, &in, &call->problems);
    const struct json *given = json_get(body, STR("oldTokenExpiry"));
    if (given == NULL || json_is_null(given))
        in.old_expiry_s = OLD_EXPIRY_S;
    if (!call_fits(call) || !find(api, call, &o, &ep))
        return;
    if (!auth_scope_allows(&call->who, AUTH_AREA_MESSAGE, false))
        answer_error(call, ERR_FORBIDDEN, "a key cannot make one that may more than itself");
    else
        rotate(api, call, &o, &ep, &in);
}

enum err poller_forget(struct api *api, struct api_call *call, const struct endpoint *ep)
{
    struct object_change change;
    enum err e = ERR_OK;
    if (end_old(call, ep->poller_token, 0, &change)) {
        struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
        e = store_run(api->store, &op.op);
        if (api->on_token_changed != NULL)
            api->on_token_changed(api->hook_arg);
    }
    return e == ERR_OK || e == ERR_NOT_FOUND ? poller_forget_consumers(api, call, ep) : e;
}
