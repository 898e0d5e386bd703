/* SPDX-License-Identifier: Apache-2.0 */
/* How the server is doing, for owners: what is counted anyway, and which endpoints have waited longest. */
#include <pthread.h>
#include <stdlib.h>

#include "api/console.h"
#include "api/routes.h"
#include "metrics/metrics.h"

#define SUMMARIES_MAX 1000
#define NOISY_MAX     20
#define SAMPLE_MIN_MS (30 * TIME_SECOND_MS)

/* ---- deliveries per second: against a look that is half a minute old, or older ---------------------------------- */

struct sample {
    int64_t at_ms;
    int64_t delivered;
};

static double delivery_rate(int64_t delivered, int64_t now_ms)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct sample before, last;
    pthread_mutex_lock(&lock);
    if (last.at_ms == 0)
        before = last = (struct sample){now_ms, delivered};
    if (now_ms - last.at_ms >= SAMPLE_MIN_MS) {
        before = last;
        last = (struct sample){now_ms, delivered};
    }
    struct sample from = before;
    pthread_mutex_unlock(&lock);
    return now_ms > from.at_ms ? (double)(delivered - from.delivered) * 1000 / (double)(now_ms - from.at_ms) : 0;
}

static void write_counts(struct api *api, struct api_call *call, struct json_writer *w)
{
    struct store_stats st;
    int64_t delivered = metrics_value(METRIC_DELIVERIES, METRIC_OUTCOME_SUCCESS);
    double rate = delivery_rate(delivered, call->now_ms);
    store_stats(api->store, &st);
    json_w_str_at(w, "version", STR(POSTRIDER_VERSION));
    json_w_i64_at(w, "pendingDeliveries", metrics_value(METRIC_PENDING_DELIVERIES, 0));
    json_w_i64_at(w, "oldestPendingSeconds", metrics_value(METRIC_OLDEST_PENDING, 0) / 1000000);
    json_w_raw_at(w, "deliveriesPerSecond", arena_printf(call->arena, "%.1f", rate));
    json_w_i64_at(w, "messagesAccepted", metrics_value(METRIC_MESSAGES_ACCEPTED, 0));
    json_w_i64_at(w, "deliveriesSucceeded", delivered);
    json_w_i64_at(w, "deliveriesFailed", metrics_value(METRIC_DELIVERIES, METRIC_OUTCOME_FAILED));
    json_w_i64_at(w, "endpointsDisabled", metrics_value(METRIC_ENDPOINTS_DISABLED, 0));
    json_w_i64_at(w, "databaseBytes", (int64_t)st.file_bytes);
    json_w_i64_at(w, "walBytes", (int64_t)st.wal_bytes);
    json_w_bool_at(w, "storageFull", st.full);
    json_w_name(w, STR("errors"));
    json_w_object(w);
    for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++) {
        int64_t n = metrics_value(METRIC_ATTEMPTS, i);
        if (n > 0)
            json_w_i64_at(w, cause_name((enum cause)i), n);
    }
    json_w_object_end(w);
}

/* ---- endpoints that hold up -------------------------------------------------------------------------------------- */

static int by_pos(const void *a, const void *b)
{
    int64_t x = ((const struct pending_summary *)a)->due_ms, y = ((const struct pending_summary *)b)->due_ms;
    return x < y ? -1 : x > y;
}

/* False: it is another environment's, or doing well. */
static bool write_noisy(struct api *api, struct api_call *call, const struct pending_summary *s, struct json_writer *w)
{
    struct object o;
    struct endpoint_health h;
    struct endpoint ep;
    if (store_get_object(call->reader, call->arena, OBJ_ENDPOINT, s->ep, &o) != ERR_OK || o.env != call->env ||
        o.deleted_ms != 0 || store_get_health(call->reader, s->ep, &h) != ERR_OK ||
        endpoint_decode(call->arena, api->keys, &o, &ep) != ERR_OK)
        return false;
    endpoint_health_begin(&h, ep.enabled_at_ms);
    if (h.failing_since_ms == 0)
        return false;
    json_w_object(w);
    json_w_str_at(w, "endpointId", api_id(api, call, s->ep, "ep_"));
    json_w_str_at(w, "appId", api_id(api, call, o.app, "app_"));
    json_w_time_at(w, "failingSince", h.failing_since_ms);
    json_w_time_at(w, "nextAttempt", s->due_ms > call->now_ms ? s->due_ms : call->now_ms);
    json_w_object_end(w);
    return true;
}

void console_system(struct api *api, struct api_call *call)
{
    struct pending_summary *list = NULL;
    size_t count = 0, shown = 0;
    enum err e = store_list_pending(call->reader, call->arena, 0, SUMMARIES_MAX, &list, &count);
    if (!answer_ok(call, e))
        return;
    if (count > 1)
        qsort(list, count, sizeof *list, by_pos);
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    write_counts(api, call, &w);
    json_w_name(&w, STR("noisyEndpoints"));
    json_w_array(&w);
    for (size_t i = 0; i < count && shown < NOISY_MAX; i++)
        shown += write_noisy(api, call, &list[i], &w);
    json_w_array_end(&w);
    json_w_object_end(&w);
}
