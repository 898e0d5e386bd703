/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks as objects: body, names, creation. task_run.c does them. */
#include "api/task.h"

#include "model/field.h"

/* The body in numbers and words. */
struct stored {
    struct str task;
    struct str status;
    int64_t app, ep, victim, reason, cursor;
    int64_t since_ms, until_ms;
};

#define AT(member) offsetof(struct stored, member)

static const struct field fields[] = {
        {.name = "task", .kind = FIELD_TEXT, .at = AT(task)},
        {.name = "status", .kind = FIELD_TEXT, .at = AT(status)},
        {.name = "app", .kind = FIELD_MS, .at = AT(app)},
        {.name = "ep", .kind = FIELD_MS, .at = AT(ep)},
        {.name = "victim", .kind = FIELD_MS, .at = AT(victim)},
        {.name = "reason", .kind = FIELD_MS, .at = AT(reason)},
        {.name = "cursor", .kind = FIELD_MS, .at = AT(cursor)},
        {.name = "since", .kind = FIELD_TIME, .at = AT(since_ms)},
        {.name = "until", .kind = FIELD_TIME, .at = AT(until_ms)},
};

static const char *const kinds[] = {[TASK_RECOVER] = "endpoint.recover",
                                    [TASK_FAIL_PENDING] = "endpoint.fail-pending",
                                    [TASK_DELETE_APP] = "application.delete",
                                    [TASK_DELETE_ENV] = "environment.delete"};
static const char *const statuses[] = {
        [TASK_RUNNING] = "running", [TASK_FINISHED] = "finished", [TASK_FAILED] = "failed"};

const char *task_kind_name(enum task_kind k)
{
    return kinds[k];
}

const char *task_status_name(enum task_status s)
{
    return statuses[s];
}

struct str task_body(struct arena *a, const struct task *t)
{
    struct stored s = {.task = str_c(kinds[t->kind]),
                       .status = str_c(statuses[t->status]),
                       .app = t->app,
                       .ep = t->ep,
                       .victim = t->victim,
                       .reason = (int64_t)t->reason,
                       .cursor = t->cursor,
                       .since_ms = t->since_ms,
                       .until_ms = t->until_ms};
    struct buf out = BUF_INIT(4096);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(fields, ARRAY_LEN(fields), &s, &w);
    json_w_object_end(&w);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return body;
}

enum err task_decode(struct arena *a, const struct object *o, struct task *out)
{
    struct json *body;
    struct stored s = {0};
    struct task t = {.id = o->id, .env = o->env, .updated_ms = o->updated_ms, .version = o->version};
    size_t kind = 0, status = 0;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, fields, ARRAY_LEN(fields), FIELD_LOAD, body, &s, NULL);
    while (kind < ARRAY_LEN(kinds) && !str_eq(s.task, str_c(kinds[kind])))
        kind++;
    while (status < ARRAY_LEN(statuses) && !str_eq(s.status, str_c(statuses[status])))
        status++;
    if (kind == ARRAY_LEN(kinds) || status == ARRAY_LEN(statuses))
        return ERR_INVALID;
    t.kind = (enum task_kind)kind;
    t.status = (enum task_status)status;
    t.app = s.app;
    t.ep = s.ep;
    t.victim = s.victim;
    t.reason = (enum delivery_reason)s.reason;
    t.cursor = s.cursor;
    t.since_ms = s.since_ms;
    t.until_ms = s.until_ms;
    *out = t;
    return ERR_OK;
}

struct object_change task_create(struct api *api, struct arena *a, const struct task *t, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_CREATE,
                                  .object = {.id = oid_next(api->oids, now_ms),
                                             .kind = OBJ_TASK,
                                             .env = t->env,
                                             .body = task_body(a, t),
                                             .created_ms = now_ms,
                                             .updated_ms = now_ms}};
}
