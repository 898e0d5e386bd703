/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trigger_quick.h"

#include "api/console.h"
#include "api/handler.h"
#include "automation/run.h"

#define QUICK_BODY_MAX 65536 /* a larger one would hold up what else the thread does */

bool trigger_quick_token(struct str path, struct str *token)
{
    if (!str_starts(path, STR(TRIGGER_URL_PATH)))
        return false;
    *token = str_skip(path, sizeof TRIGGER_URL_PATH - 1);
    return token->len > 0 && token->len <= TRIGGER_TOKEN_MAX && str_find(*token, '/') == token->len &&
           str_find(*token, '%') == token->len;
}

static bool is_greeting(struct arrival *ar)
{
    struct handshake_answer h;
    enum handshake kind = ar->profile != NULL ? profile_rules(ar->profile)->handshake : HANDSHAKE_NONE;
    struct arena *a = ar->call->arena;
    return handshake_open(a, kind, &ar->in, ar->trigger.verify_token, &h) ||
           handshake_signed(a, kind, json_get(ar->tree, STR("body")), ar->secret, &h);
}

/* The same checks in the same order, but that a handshake need not be the first thing that is seen. */
static bool may_pass(struct arrival *ar)
{
    return arrival_address(ar) == ERR_OK && arrival_form(ar) == ERR_OK && ar->kind != CONTENT_MULTIPART &&
           arrival_verify(ar) == ERR_OK && arrival_body(ar) == ERR_OK && !is_greeting(ar) &&
           arrival_limit(ar) == ERR_OK;
}

bool trigger_quick_begin(struct trigger_quick *q, struct str token)
{
    struct arrival *ar = &q->arrival;
    if (q->api->triggers == NULL || q->call.body.len > QUICK_BODY_MAX)
        return false;
    q->known = known_trigger_get(q->api, token, q->call.now_ms);
    if (q->known == NULL)
        return false;
    *ar = (struct arrival){.api = q->api,
                           .call = &q->call,
                           .trigger = q->known->trigger,
                           .app = q->known->app,
                           .profile = q->known->profile,
                           .ahead = q->known->ahead};
    arrival_read(ar);
    if (!may_pass(ar)) {
        known_trigger_let_go(q->known);
        return false;
    }
    arrival_start(ar, arrival_seen_key(ar), &q->docs);
    q->op = (struct store_docs){.op = {.kind = STORE_DOCS},
                                .app = ar->app.id,
                                .env = ar->app.env,
                                .app_version = q->known->version,
                                .changes = q->docs.changes,
                                .count = q->docs.count};
    return true;
}

/* What every answer of the API has. */
static void add_headers(const struct api *api, struct api_call *call)
{
    call->out_header_count = 0;
    if (console_cookie(api, call->headers, call->header_count).ptr == NULL)
        answer_header(call, STR("Access-Control-Allow-Origin"), STR("*"));
    answer_header(call, STR("Cache-Control"), STR("no-store"));
    answer_header(call, STR("Content-Type"), STR("application/json"));
}

bool trigger_quick_end(struct trigger_quick *q)
{
    struct arrival *ar = &q->arrival;
    struct api *api = q->api;
    enum err e = q->op.op.result;
    bool again = e == ERR_STALE || e == ERR_CONFLICT;
    add_headers(api, &q->call);
    if (e == ERR_OK) {
        arrival_answer(ar, 202, q->docs.run, doc_prefix(DOC_RUN), NULL);
        if (q->docs.due)
            runner_wake(api);
        if (api->on_run != NULL)
            api->on_run(api->hook_arg, NULL, ar->app.env, ar->app.id, &q->docs.changes[0].doc);
        if (api->on_request != NULL)
            api->on_request(api->hook_arg, ar->app.env, ar->app.id, ar->trigger.id, q->docs.request);
    } else if (again) {
        arrival_give_back(ar);
    } else {
        arrival_fail(ar, e);
    }
    if (q->call.out.len == 0)
        q->call.out_header_count--; /* of nothing there is no type */
    if (e == ERR_STALE)
        known_trigger_forget(api, q->known);
    known_trigger_let_go(q->known);
    return !again;
}
