/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of many messages are erased: of those that are named, or of all that a workspace has. */
#include "api/message_query.h"
#include "api/routes.h"
#include "api/task.h"

#define IDS_MAX 1000

struct named {
    struct str text;
    oid_t msg; /* 0: there is none */
};

/* By id, or by event id. */
static enum err find_message(struct api *api, struct api_call *call, oid_t app, struct named *n)
{
    struct message m;
    enum err e;
    if (oid_parse(n->text, "msg_", api->id_key, &n->msg) == ERR_OK)
        e = store_get_message(call->reader, call->arena, app, n->msg, false, &m);
    else
        e = store_find_message(call->reader, call->arena, app, n->text, false, &m);
    n->msg = e == ERR_OK ? m.id : 0;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static bool read_ids(struct api_call *call, const struct json *body, struct named **out, size_t *count)
{
    const struct json *ids = json_get(body, STR("ids"));
    *count = 0;
    *out = NULL;
    if (ids == NULL || json_is_null(ids))
        return true;
    if (ids->type != JSON_ARRAY || ids->count > IDS_MAX) {
        call_problem(call, "ids", "value_error.items", "must be a list of at most %d ids", IDS_MAX);
        call_fits(call);
        return false;
    }
    struct named *list = arena_zalloc(call->arena, (ids->count + 1) * sizeof *list);
    for (const struct json *i = ids->child; i != NULL; i = i->next) {
        if (!json_as_str(i, &list[*count].text) || list[*count].text.len == 0 || list[*count].text.len > 256 ||
            !chars_fit(CHARS_ID, list[*count].text)) {
            call_problem(call, "ids", "value_error.pattern", "must hold ids of messages");
            call_fits(call);
            return false;
        }
        ++*count;
    }
    *out = list;
    return true;
}

static enum err expunge_all(struct api *api, struct api_call *call, oid_t app, struct named *list, size_t count)
{
    struct store_expunge *expunges = arena_alloc(call->arena, (count + 1) * sizeof *expunges);
    struct store_op **ops = arena_alloc(call->arena, (count + 1) * sizeof(struct store_op *));
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        enum err e = find_message(api, call, app, &list[i]);
        if (e != ERR_OK)
            return e;
        if (list[i].msg == 0)
            continue;
        expunges[n] = (struct store_expunge){.op = {.kind = STORE_EXPUNGE}, .app = app, .msg = list[i].msg};
        ops[n] = &expunges[n].op;
        n++;
    }
    store_run_all(api->store, ops, n);
    for (size_t i = 0; i < n; i++) {
        enum err e = expunges[i].op.result;
        if (e == ERR_OK)
            e = message_tell_expunged(api, call->reader, call->arena, expunges[i].msg);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_OK;
}

void message_bulk_expunge(struct api *api, struct api_call *call)
{
    struct app app;
    struct named *list;
    size_t count;
    const struct json *body = call_json(call, true);
    if (body == NULL || !call_app(api, call, &app) || !read_ids(call, body, &list, &count) ||
        !answer_ok(call, expunge_all(api, call, app.id, list, count)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("results"));
    json_w_object(&w);
    for (size_t i = 0; i < count; i++) {
        json_w_name(&w, list[i].text);
        json_w_str(&w, list[i].msg != 0 ? STR("expunged") : STR("not-found"));
    }
    json_w_object_end(&w);
    json_w_object_end(&w);
}

void message_expunge_all(struct api *api, struct api_call *call)
{
    struct app app;
    if (!call_app(api, call, &app))
        return;
    struct task t = {.kind = TASK_PURGE,
                     .env = call->env,
                     .app = app.id,
                     .until_ms = call->now_ms,
                     .filter = {.status = -1, .status_class = -1}};
    if (task_start(api, call, &t, NULL))
        task_answer(api, call, 202, &t);
}
