/* SPDX-License-Identifier: Apache-2.0 */
/* The request for a broadcast, and what is seen of it. task_broadcast.c does it. */
#include "api/broadcast.h"

#include "api/append.h"
#include "api/broadcast_part.h"
#include "api/message_check.h"
#include "api/message_in.h"
#include "api/routes.h"

#define PARTS_PAGE 16

struct str broadcast_key(struct arena *a, oid_t task, int64_t number)
{
    return number < 0 ? arena_printf(a, "%lld:in", (long long)task)
                      : arena_printf(a, "%lld:%09lld", (long long)task, (long long)number);
}

/* {"message": the request's body, "actor": who asked} */
static struct object_change input_create(struct api *api, struct api_call *call, const struct task *t, struct str actor)
{
    struct buf out = BUF_INIT(call->body.len + MESSAGE_ACTOR_MAX + 4096);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_raw_at(&w, "message", call->body);
    json_w_raw_at(&w, "actor", actor);
    json_w_object_end(&w);
    struct object_change change = {.change = OBJECT_CREATE,
                                   .object = {.id = oid_next(api->oids, call->now_ms),
                                              .kind = OBJ_TASK_PART,
                                              .env = t->env,
                                              .key = broadcast_key(call->arena, t->id, -1),
                                              .body = arena_str(call->arena, buf_str(&out)),
                                              .created_ms = call->now_ms,
                                              .updated_ms = call->now_ms}};
    buf_fini(&out);
    return change;
}

/* What the event type asks for; it is the same in all workspaces. */
static enum err check(struct api *api, struct api_call *call, const struct message *m)
{
    struct catalog_types *types;
    enum err e = catalog_types_read(api->catalog, call->reader, call->env, &types);
    if (e != ERR_OK)
        return e;
    struct match_facts facts = append_facts(call->arena, m);
    bool fits = message_check(types, &facts, &call->problems);
    (void)fits; /* the problems say so */
    match_facts_fini(&facts);
    catalog_types_unref(types);
    return ERR_OK;
}

void message_broadcast(struct api *api, struct api_call *call)
{
    struct message_in in;
    struct json_error error;
    enum err e = message_in_parse(call->arena, call->body, call_header(call, STR("Postrider-Actor")), call->now_ms,
                                  api->retention_payload_ms, &in, &call->problems, &error);
    if (e == ERR_SYNTAX) {
        call->status = err_http_status(e);
        buf_clear(&call->out);
        api_syntax_json(&error, &call->out);
        return;
    }
    if (!call_fits(call) || !answer_ok(call, e) || !answer_ok(call, check(api, call, &in.message)) || !call_fits(call))
        return;
    struct task t = {.id = oid_next(api->oids, call->now_ms),
                     .kind = TASK_BROADCAST,
                     .env = call->env,
                     .filter = {.status = -1, .status_class = -1}};
    struct str actor = in.message.actor.ptr != NULL ? in.message.actor : api_actor(api, call->arena, &call->who);
    struct object_change input = input_create(api, call, &t, actor.ptr != NULL ? actor : STR("null"));
    if (task_start(api, call, &t, &input))
        task_answer(api, call, 202, &t);
}

/* ---- what is seen ------------------------------------------------------------------------------------------------
 */

static void write_items(const struct api *api, struct api_call *call, const struct broadcast_part *p,
                        struct json_writer *w)
{
    for (size_t i = 0; i < p->count; i++) {
        json_w_object(w);
        json_w_str_at(w, "appId", api_id(api, call, p->items[i].app, "app_"));
        json_w_str_at(w, "msgId", api_id(api, call, p->items[i].msg, "msg_"));
        json_w_object_end(w);
    }
}

enum err broadcast_write(const struct api *api, struct api_call *call, const struct task *t, size_t max,
                         struct json_writer *w)
{
    int64_t sent = t->parts - (t->open ? 1 : 0), number = t->listed_from;
    size_t listed = 0;
    struct object_query q = {.kind = OBJ_TASK_PART, .env = t->env, .by_key = true, .limit = PARTS_PAGE};
    enum err e = ERR_OK;
    q.after_key = number > 0 ? broadcast_key(call->arena, t->id, number - 1)
                             : arena_printf(call->arena, "%lld:", (long long)t->id);
    json_w_name(w, STR("messagesCreated"));
    json_w_array(w);
    while (e == ERR_OK && number < sent && listed < max) {
        struct object *found;
        size_t count;
        e = store_list_objects(call->reader, call->arena, &q, &found, &count);
        for (size_t i = 0; e == ERR_OK && i < count && number < sent && listed < max; i++, number++) {
            struct broadcast_part p;
            e = broadcast_part_read(call->arena, found[i].body, &p);
            if (e == ERR_OK) {
                write_items(api, call, &p, w);
                listed += p.count;
            }
            q.after_key = found[i].key;
        }
        if (e == ERR_OK && count < PARTS_PAGE)
            break;
    }
    json_w_array_end(w);
    json_w_name(w, STR("messagesNext"));
    if (number < sent)
        json_w_i64(w, number);
    else
        json_w_null(w);
    return e;
}

enum err broadcast_ended(struct store_reader *r, struct arena *a, const struct task *t, int64_t now_ms,
                         struct object_change *changes, size_t *count)
{
    struct object o;
    enum err e = store_find_object(r, a, OBJ_TASK_PART, t->env, 0, broadcast_key(a, t->id, -1), &o);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    /* What is deleted stays readable by id: its text goes first. */
    o.body = STR("{}");
    o.updated_ms = now_ms;
    changes[(*count)++] = (struct object_change){.change = OBJECT_UPDATE, .object = o};
    changes[(*count)++] = (struct object_change){.change = OBJECT_DELETE, .object = o};
    return ERR_OK;
}
