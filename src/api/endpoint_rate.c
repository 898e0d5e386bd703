/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an endpoint's rate limit holds messages back. Told from what is stored, so that every node says the same: an
 * endpoint that has a limit, is well, and has work that has been due for longer than its limit takes for one.
 */
#include "api/endpoint.h"
#include "api/routes.h"
#include "base/time.h"

#define LATE_MS TIME_SECOND_MS /* commits, connections and timers take their time without any limit */

static enum err throttled_since(struct api_call *call, const struct endpoint *ep, int64_t *since_ms)
{
    struct endpoint_health health = {0};
    struct pending_summary *first;
    size_t count;
    *since_ms = 0;
    if (ep->throttle_rate == 0 || ep->disabled)
        return ERR_OK;
    enum err e = store_get_health(call->reader, ep->id, &health);
    endpoint_health_begin(&health, ep->enabled_at_ms);
    if ((e != ERR_OK && e != ERR_NOT_FOUND) || health.failing_since_ms != 0)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    e = store_list_pending(call->reader, call->arena, ep->id - 1, 1, &first, &count);
    bool late = e == ERR_OK && count > 0 && first[0].ep == ep->id && first[0].due_ms < call->now_ms - LATE_MS;
    if (late)
        *since_ms = first[0].due_ms;
    return e;
}

void endpoint_rate_status(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    int64_t since_ms;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep) ||
        !answer_ok(call, throttled_since(call, &ep, &since_ms)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "status", since_ms != 0 ? STR("RateLimited") : STR("Ok"));
    if (since_ms != 0)
        json_w_time_at(&w, "throttledSince", since_ms);
    else
        json_w_null_at(&w, "throttledSince");
    json_w_object_end(&w);
}
