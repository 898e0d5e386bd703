/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that become tasks of an endpoint: recover, bulk replay, replay of what is missing, cancellation. */
#include "api/endpoint.h"
#include "api/idempotency.h"
#include "api/replay.h"
#include "api/routes.h"
#include "api/task.h"
#include "base/time.h"

#define RECOVER_DAYS 14

static int64_t read_time(struct api_call *call, const struct json *body, const char *name, bool required)
{
    const struct json *v = json_get(body, str_c(name));
    struct str text;
    int64_t ms = 0;
    bool absent = v == NULL || json_is_null(v);
    if (absent && required)
        call_problem(call, name, "value_error.missing", "is missing");
    else if (!absent && (!json_as_str(v, &text) || time_parse(text, &ms) != ERR_OK))
        call_problem(call, name, "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
    return ms;
}

/* since and until of the body, which end now at the latest. False: answered. */
static bool read_range(struct api_call *call, const struct json *body, struct task *t)
{
    t->since_ms = read_time(call, body, "since", true);
    t->until_ms = read_time(call, body, "until", false);
    if (call->problems.count > 0)
        return call_fits(call);
    if (t->until_ms == 0 || t->until_ms > call->now_ms)
        t->until_ms = call->now_ms;
    if (t->kind == TASK_RECOVER && t->since_ms < call->now_ms - RECOVER_DAYS * TIME_DAY_MS)
        call_problem(call, "since", "value_error.range", "must be at most %d days back", RECOVER_DAYS);
    else if (t->since_ms > call->now_ms)
        call_problem(call, "since", "value_error.range", "must not be in the future");
    else if (t->until_ms < t->since_ms)
        call_problem(call, "until", "value_error.range", "must not be before since");
    if (t->since_ms < OID_EPOCH_MS) /* older than any message */
        t->since_ms = OID_EPOCH_MS;
    if (t->until_ms < OID_EPOCH_MS)
        t->until_ms = OID_EPOCH_MS;
    return call_fits(call);
}

/* Workspace and endpoint of the path. False: answered. */
static bool find_target(struct api *api, struct api_call *call, struct task *t, struct endpoint *ep)
{
    struct app app;
    struct object o;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, ep))
        return false;
    t->env = call->env;
    t->app = app.id;
    t->ep = ep->id;
    return true;
}

static void replay(struct api *api, struct api_call *call, enum task_kind kind,
                   void (*read_more)(struct api_call *call, const struct json *body, struct replay_filter *f))
{
    struct endpoint ep;
    struct task t = {.kind = kind, .filter = {.status = -1, .status_class = -1}};
    const struct json *body = call_json(call, false);
    if (body == NULL || !find_target(api, call, &t, &ep))
        return;
    if (read_more != NULL)
        read_more(call, body, &t.filter);
    if (read_range(call, body, &t) && endpoint_is_enabled(call, &ep) && task_start(api, call, &t, NULL))
        task_answer(api, call, 202, &t);
}

void endpoint_recover(struct api *api, struct api_call *call)
{
    replay(api, call, TASK_RECOVER, NULL);
}

void endpoint_replay_missing(struct api *api, struct api_call *call)
{
    replay(api, call, TASK_REPLAY, NULL);
}

/* ---- bulk replay ------------------------------------------------------------------------------------------------
 */

struct filter_fields {
    const struct str *event_types;
    size_t event_type_count;
    struct str channel;
    struct str tag;
};

static const struct field filter_fields[] = {
        {.name = "eventTypes",
         .kind = FIELD_NAMES,
         .at = offsetof(struct filter_fields, event_types),
         .count_at = offsetof(struct filter_fields, event_type_count),
         .max = 250,
         .chars = CHARS_ID,
         .item_max = 256},
        {.name = "channel",
         .kind = FIELD_TEXT,
         .at = offsetof(struct filter_fields, channel),
         .min = 1,
         .max = 128,
         .chars = CHARS_CHANNEL},
        {.name = "tag",
         .kind = FIELD_TEXT,
         .at = offsetof(struct filter_fields, tag),
         .min = 1,
         .max = 128,
         .chars = CHARS_TAG},
};

static int read_choice(struct api_call *call, const struct json *body, const char *name, const int *choices,
                       size_t count, const char *words)
{
    const struct json *v = json_get(body, str_c(name));
    int64_t n = 0;
    if (v == NULL || json_is_null(v))
        return -1;
    bool number = json_as_i64(v, &n);
    for (size_t i = 0; i < count && number; i++) {
        if (choices[i] == n)
            return (int)n;
    }
    call_problem(call, name, "value_error", "must be %s", words);
    return -1;
}

static void read_filter(struct api_call *call, const struct json *body, struct replay_filter *f)
{
    static const int statuses[] = {DELIVERY_SUCCESS, DELIVERY_FAIL, DELIVERY_CANCELED};
    static const int classes[] = {0, 100, 200, 300, 400, 500};
    struct filter_fields from = {0};
    fields_read(call->arena, filter_fields, ARRAY_LEN(filter_fields), FIELD_CREATE, body, &from, &call->problems);
    f->event_types = from.event_types;
    f->event_type_count = from.event_type_count;
    f->channel = from.channel;
    f->tag = from.tag;
    f->status = read_choice(call, body, "status", statuses, ARRAY_LEN(statuses),
                            "0 (success), 2 (fail) or 4 (canceled): what is pending is on its way");
    f->status_class = read_choice(call, body, "statusCodeClass", classes, ARRAY_LEN(classes),
                                  "0 (no answer), 100, 200, 300, 400 or 500");
}

void endpoint_bulk_replay(struct api *api, struct api_call *call)
{
    replay(api, call, TASK_BULK_REPLAY, read_filter);
}

/* ---- cancellation -----------------------------------------------------------------------------------------------
 */

void endpoint_cancel_messages(struct api *api, struct api_call *call)
{
    struct endpoint ep;
    struct task t = {.kind = TASK_CANCEL, .filter = {.status = -1, .status_class = -1}};
    const struct json *body = call_json(call, false);
    if (body == NULL || !find_target(api, call, &t, &ep))
        return;
    t.until_ms = read_time(call, body, "createdBefore", true);
    if (!call_fits(call))
        return;
    /* Not of what comes after this request. */
    if (t.until_ms > call->now_ms + 1)
        t.until_ms = call->now_ms + 1;
    if (t.until_ms < OID_EPOCH_MS)
        t.until_ms = OID_EPOCH_MS;
    call_made(call, MADE_NOTHING, 0, 204);
    if (task_start(api, call, &t, NULL))
        answer_empty(call);
}
