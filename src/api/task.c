/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks as objects: kinds, body, creation. task_run.c does them. */
#include "api/task.h"

#include "api/broadcast.h"
#include "base/time.h"
#include "model/field.h"

const struct task_type task_types[TASK_KINDS] = {
        [TASK_RECOVER] = {"endpoint.recover", "messagesSent", .known = true, .kept = true, .cancelable = true,
                          .theirs = true, .by_time = true, .step = task_step_recover},
        [TASK_FAIL_PENDING] = {"endpoint.fail-pending", .step = task_step_fail_pending},
        [TASK_DELETE_APP] = {"application.delete", .step = task_step_delete_app},
        [TASK_DELETE_ENV] = {"environment.delete", .step = task_step_delete_env},
        [TASK_BULK_REPLAY] = {"endpoint.bulk-replay", "messagesSent", .known = true, .kept = true, .cancelable = true,
                              .theirs = true, .by_time = true, .step = task_step_bulk_replay},
        [TASK_REPLAY] = {"endpoint.replay", "messagesSent", .known = true, .kept = true, .cancelable = true,
                         .theirs = true, .by_time = true, .step = task_step_replay},
        [TASK_CANCEL] = {"endpoint.cancel-msgs", "messagesCanceled", .kept = true, .cancelable = true, .theirs = true,
                         .step = task_step_cancel},
        [TASK_BROADCAST] = {"message.broadcast", .known = true, .kept = true, .cancelable = true,
                            .step = task_step_broadcast},
        [TASK_PURGE] = {"application.purge_content", "messagesPurged", .known = true, .kept = true, .cancelable = true,
                        .by_time = true, .step = task_step_purge},
        [TASK_EXPORT] = {"sdk.generate", .known = true, .kept = true, .step = task_step_export},
        [TASK_APP_STATS] = {"application.stats", .known = true, .kept = true, .cancelable = true,
                            .step = task_step_app_stats},
        [TASK_EVENT_TYPES] = {"event-type.aggregate", .known = true, .kept = true, .cancelable = true,
                              .step = task_step_event_types},
        [TASK_IMPORT] = {"record.import", .kept = true, .cancelable = true, .theirs = true, .step = task_step_import},
        [TASK_TELL] = {"endpoint.tell", .step = task_step_tell},
};

/* The body in numbers and words; 0 is null, so the numbers of the filter are kept one higher. */
struct stored {
    struct str task;
    struct str status;
    struct str error;
    struct str channel, tag;
    const struct str *event_types;
    size_t event_type_count;
    const struct str *apps;
    size_t app_count;
    struct str output;
    int64_t app, ep, victim, reason, cursor, cursor_pos;
    int64_t since_ms, until_ms;
    int64_t processed, done, skipped, parts;
    int64_t filter_status, filter_class;
    bool canceled, open;
};

#define AT(member) offsetof(struct stored, member)
#define TEXT(text, member)                                                                                             \
    {                                                                                                                  \
        .name = text, .kind = FIELD_TEXT, .at = AT(member)                                                             \
    }
#define NUMBER(text, member)                                                                                           \
    {                                                                                                                  \
        .name = text, .kind = FIELD_MS, .at = AT(member)                                                               \
    }
#define TIME(text, member)                                                                                             \
    {                                                                                                                  \
        .name = text, .kind = FIELD_TIME, .at = AT(member)                                                             \
    }
#define NAMES(text, list, n)                                                                                           \
    {                                                                                                                  \
        .name = text, .kind = FIELD_NAMES, .at = AT(list), .count_at = AT(n)                                           \
    }
#define YES_OR_NO(text, member)                                                                                        \
    {                                                                                                                  \
        .name = text, .kind = FIELD_BOOL, .at = AT(member)                                                             \
    }

static const struct field fields[] = {
        TEXT("task", task),
        TEXT("status", status),
        TEXT("error", error),
        YES_OR_NO("canceled", canceled),
        NUMBER("app", app),
        NUMBER("ep", ep),
        NUMBER("victim", victim),
        NUMBER("reason", reason),
        NUMBER("cursor", cursor),
        NUMBER("cursorPos", cursor_pos),
        TIME("since", since_ms),
        TIME("until", until_ms),
        NUMBER("processed", processed),
        NUMBER("done", done),
        NUMBER("skipped", skipped),
        NUMBER("parts", parts),
        YES_OR_NO("open", open),
        NUMBER("filterStatus", filter_status),
        NUMBER("filterClass", filter_class),
        TEXT("channel", channel),
        TEXT("tag", tag),
        NAMES("eventTypes", event_types, event_type_count),
        NAMES("apps", apps, app_count),
        TEXT("output", output),
};

static const char *const statuses[] = {
        [TASK_RUNNING] = "running", [TASK_FINISHED] = "finished", [TASK_FAILED] = "failed"};

const char *task_status_name(enum task_status s)
{
    return statuses[s];
}

static struct str write_body(struct arena *a, const struct task *t)
{
    struct stored s = {.task = str_c(task_types[t->kind].name),
                       .status = str_c(statuses[t->status]),
                       .error = t->error,
                       .canceled = t->canceled,
                       .app = t->app,
                       .ep = t->ep,
                       .victim = t->victim,
                       .reason = (int64_t)t->reason,
                       .cursor = t->cursor,
                       .cursor_pos = t->cursor_pos,
                       .since_ms = t->since_ms,
                       .until_ms = t->until_ms,
                       .processed = t->processed,
                       .done = t->done,
                       .skipped = t->skipped,
                       .parts = t->parts,
                       .open = t->open,
                       .filter_status = t->filter.status + 1,
                       .filter_class = t->filter.status_class + 1,
                       .channel = t->filter.channel,
                       .tag = t->filter.tag,
                       .event_types = t->filter.event_types,
                       .event_type_count = t->filter.event_type_count,
                       .apps = t->apps,
                       .app_count = t->app_count,
                       .output = t->output};
    struct buf out = BUF_INIT((size_t)4 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(fields, ARRAY_LEN(fields), &s, &w);
    json_w_object_end(&w);
    struct str body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return body;
}

static bool name_find(struct str kind, struct str status, struct task *t)
{
    size_t k = 0, s = 0;
    while (k < TASK_KINDS && !str_eq(kind, str_c(task_types[k].name)))
        k++;
    while (s < ARRAY_LEN(statuses) && !str_eq(status, str_c(statuses[s])))
        s++;
    if (k == TASK_KINDS || s == ARRAY_LEN(statuses))
        return false;
    t->kind = (enum task_kind)k;
    t->status = (enum task_status)s;
    return true;
}

enum err task_decode(struct arena *a, const struct object *o, struct task *out)
{
    struct json *body;
    struct stored s = {0};
    struct task t = {.id = o->id, .env = o->env, .updated_ms = o->updated_ms, .version = o->version};
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, fields, ARRAY_LEN(fields), FIELD_LOAD, body, &s, NULL);
    if (!name_find(s.task, s.status, &t))
        return ERR_INVALID;
    t.error = s.error;
    t.canceled = s.canceled;
    t.app = s.app;
    t.ep = s.ep;
    t.victim = s.victim;
    t.reason = (enum delivery_reason)s.reason;
    t.cursor = s.cursor;
    t.cursor_pos = s.cursor_pos;
    t.since_ms = s.since_ms;
    t.until_ms = s.until_ms;
    t.processed = s.processed;
    t.done = s.done;
    t.skipped = s.skipped;
    t.parts = s.parts;
    t.open = s.open;
    t.apps = s.apps;
    t.app_count = s.app_count;
    t.output = s.output;
    t.filter = (struct replay_filter){.status = (int)s.filter_status - 1,
                                      .status_class = (int)s.filter_class - 1,
                                      .event_types = s.event_types,
                                      .event_type_count = s.event_type_count,
                                      .channel = s.channel,
                                      .tag = s.tag};
    *out = t;
    return ERR_OK;
}

struct object_change task_create(struct api *api, struct arena *a, const struct task *t, int64_t now_ms)
{
    return (struct object_change){.change = OBJECT_CREATE,
                                  .object = {.id = t->id != 0 ? t->id : oid_next(api->oids, now_ms),
                                             .kind = OBJ_TASK,
                                             .env = t->env,
                                             .body = write_body(a, t),
                                             .created_ms = now_ms,
                                             .updated_ms = now_ms}};
}

struct object_change task_update(struct arena *a, const struct task *t, int64_t now_ms)
{
    bool keep = t->status == TASK_RUNNING || task_types[t->kind].kept;
    return (struct object_change){
            .change = keep ? OBJECT_UPDATE : OBJECT_DELETE,
            .object = {.id = t->id, .kind = OBJ_TASK, .env = t->env, .body = write_body(a, t), .updated_ms = now_ms},
            .expected_version = t->version};
}

enum err task_ended(struct store_reader *r, struct arena *a, const struct task *t, int64_t now_ms,
                    struct object_change *changes, size_t *count)
{
    return t->kind == TASK_BROADCAST ? broadcast_ended(r, a, t, now_ms, changes, count) : ERR_OK;
}

int task_percent(const struct task *t)
{
    if (t->status == TASK_FINISHED)
        return 100;
    if (!task_types[t->kind].by_time)
        return -1;
    int64_t at_ms = t->cursor != 0 ? oid_time_ms(t->cursor) : t->since_ms, span_ms = t->until_ms - t->since_ms;
    if (at_ms <= t->since_ms || span_ms <= 0)
        return 0;
    return at_ms >= t->until_ms ? 99 : (int)((at_ms - t->since_ms) * 99 / span_ms);
}
