/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint as it is answered: its fields, what is in effect, and how it is doing. */
#include "api/endpoint.h"
#include "api/poll.h"

/* For events whose type has no schedule of its own. */
static void write_schedule(const struct endpoint *ep, const struct catalog_env *env, const struct profile *profile,
                           struct json_writer *w)
{
    size_t count = ep->retry_count;
    const int64_t *ms = ep->retry_schedule_ms;
    if (ms == NULL) {
        ms = env->retry_schedule_ms;
        count = env->retry_count;
    }
    if (ms == NULL)
        ms = profile_retry_schedule(profile, &count);
    struct seconds {
        const int64_t *ms;
        size_t count;
    } effective = {ms, count};
    static const struct field field[] = {{.name = "effectiveRetrySchedule",
                                          .kind = FIELD_SECONDS,
                                          .at = offsetof(struct seconds, ms),
                                          .count_at = offsetof(struct seconds, count)}};
    static const int64_t none;
    if (effective.ms == NULL)
        effective.ms = &none;
    fields_write_answer(field, 1, &effective, w);
}

/* When the next attempt of any message begins at the earliest: now, if one is due; 0 = none waits. */
static enum err next_attempt(struct api_call *call, oid_t ep, int64_t *due_ms)
{
    struct pending_summary *found;
    size_t count;
    enum err e = store_list_pending(call->reader, call->arena, ep - 1, 1, &found, &count);
    *due_ms = 0;
    if (e == ERR_OK && count > 0 && found[0].ep == ep)
        *due_ms = found[0].due_ms > call->now_ms ? found[0].due_ms : call->now_ms;
    return e;
}

static enum err write_state(struct api_call *call, const struct endpoint *ep, struct json_writer *w)
{
    struct endpoint_health health = {0};
    int64_t next_ms = 0, since_ms = 0;
    struct str reason = STR_NULL, status = STR("ok");
    enum err e = store_get_health(call->reader, ep->id, &health);
    if ((e != ERR_OK && e != ERR_NOT_FOUND) || (e = next_attempt(call, ep->id, &next_ms)) != ERR_OK)
        return e;
    endpoint_health_begin(&health, ep->enabled_at_ms);
    if (ep->disabled) {
        status = STR("disabled");
        reason = ep->disabled_reason.ptr != NULL ? ep->disabled_reason : STR("manual");
        since_ms = ep->disabled_at_ms;
        next_ms = 0;
    } else if (health.failing_since_ms != 0) {
        status = STR("failing");
        reason = health.exhausted_since_ms != 0 ? STR("exhausted") : STR("retrying");
        since_ms = health.failing_since_ms;
    }
    json_w_name(w, STR("state"));
    json_w_object(w);
    json_w_str_at(w, "status", status);
    json_w_opt_str_at(w, "reason", reason);
    if (since_ms != 0)
        json_w_time_at(w, "since", since_ms);
    else
        json_w_null_at(w, "since");
    if (next_ms != 0)
        json_w_time_at(w, "nextAttempt", next_ms);
    else
        json_w_null_at(w, "nextAttempt");
    json_w_object_end(w);
    return ERR_OK;
}

enum err endpoint_out(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                      struct json_writer *w)
{
    const struct catalog_profile *profile;
    struct endpoint shown = *ep;
    if (endpoint_is_polled(ep))
        shown.url = poller_url(api, call, ep);
    json_w_str_at(w, "id", api_id(api, call, ep->id, "ep_"));
    fields_write_answer(endpoint_fields, endpoint_field_count, &shown, w);
    enum err e = endpoint_profile(api, call, app, ep, &profile);
    if (e != ERR_OK)
        return e;
    const struct catalog_env *env;
    if ((e = envs_load(catalog_envs(api->catalog), call->reader, ep->env, &env)) != ERR_OK)
        return e;
    write_schedule(ep, env, profile->profile, w);
    catalog_env_unref(env);
    json_w_i64_at(w, "effectiveTimeoutMs", ep->timeout_ms != 0 ? ep->timeout_ms : profile_timeout_ms(profile->profile));
    json_w_str_at(w, "effectiveProfile", profile_name(profile->profile));
    if ((e = write_state(call, ep, w)) != ERR_OK)
        return e;
    json_w_time_at(w, "createdAt", ep->created_ms);
    json_w_time_at(w, "updatedAt", ep->updated_ms);
    return ERR_OK;
}
