/* SPDX-License-Identifier: Apache-2.0 */
/* The retry schedule of an event type: waits between the attempts of its messages, for endpoints that have none of
 * their own. A list of {"secs","nanos"}; numbers of seconds are taken too. */
#include "api/env_settings.h"
#include "api/event_type.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "base/time.h"
#include "model/config.h"

#define NANOS_PER_MS 1000000

static bool read_wait(const struct json *item, int64_t *ms)
{
    int64_t secs, nanos = 0;
    double seconds;
    const struct json *n = json_get(item, STR("nanos"));
    if (json_as_double(item, &seconds)) {
        if (!(seconds >= 0) || seconds * 1000 > (double)RETRY_ITEM_MAX_MS)
            return false;
        *ms = (int64_t)(seconds * 1000 + 0.5);
        return true;
    }
    if (!json_as_i64(json_get(item, STR("secs")), &secs) || (n != NULL && !json_as_i64(n, &nanos)))
        return false;
    if (secs < 0 || secs > RETRY_ITEM_MAX_MS / TIME_SECOND_MS || nanos < 0 || nanos >= 1000 * (int64_t)NANOS_PER_MS)
        return false;
    *ms = secs * TIME_SECOND_MS + (nanos + NANOS_PER_MS / 2) / NANOS_PER_MS;
    return *ms <= RETRY_ITEM_MAX_MS;
}

/* Null and absent: none of its own. */
static void read_schedule(struct api_call *call, const struct json *list, struct event_type *t)
{
    size_t n = 0;
    t->retry_schedule_ms = NULL;
    t->retry_count = 0;
    if (list == NULL || json_is_null(list))
        return;
    if (list->type != JSON_ARRAY || list->count > RETRY_ITEMS_MAX) {
        call_problem(call, "retrySchedule", "type_error.list", "must be a list of at most %d waits", RETRY_ITEMS_MAX);
        return;
    }
    int64_t *ms = arena_alloc(call->arena, (list->count + 1) * sizeof *ms);
    for (const struct json *item = list->child; item != NULL; item = item->next, n++) {
        if (!read_wait(item, &ms[n])) {
            problem_add(&call->problems, "body", STR("retrySchedule"), arena_printf(call->arena, "%zu", n),
                        "value_error.range", "must be {\"secs\", \"nanos\"} of at most %d days",
                        (int)(RETRY_ITEM_MAX_MS / TIME_DAY_MS));
            return;
        }
    }
    t->retry_schedule_ms = ms;
    t->retry_count = n;
}

static void answer_schedule(struct api_call *call, const struct event_type *t)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    if (t->retry_schedule_ms == NULL) {
        json_w_null_at(&w, "retrySchedule");
    } else {
        json_w_name(&w, STR("retrySchedule"));
        json_w_array(&w);
        for (size_t i = 0; i < t->retry_count; i++) {
            json_w_object(&w);
            json_w_i64_at(&w, "secs", t->retry_schedule_ms[i] / TIME_SECOND_MS);
            json_w_i64_at(&w, "nanos", t->retry_schedule_ms[i] % TIME_SECOND_MS * NANOS_PER_MS);
            json_w_object_end(&w);
        }
        json_w_array_end(&w);
    }
    json_w_object_end(&w);
}

void event_type_retry_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct event_type t;
    (void)api;
    if (call_event_type(call, &o, &t))
        answer_schedule(call, &t);
}

void event_type_retry_put(struct api *api, struct api_call *call)
{
    struct object o;
    struct event_type t;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_event_type(call, &o, &t))
        return;
    read_schedule(call, json_get(body, STR("retrySchedule")), &t);
    if (!call_fits(call))
        return;
    struct object_change change = {.change = OBJECT_UPDATE, .object = o, .expected_version = o.version};
    change.object.body = event_type_encode(call->arena, &t);
    change.object.updated_ms = call->now_ms;
    if (!answer_ok(call, call_commit(api, call, &change, 1, call->env, 0)))
        return;
    env_settings_spread(api, call, call->env);
    answer_schedule(call, &t);
}
