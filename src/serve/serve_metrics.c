/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/serve_metrics.h"

#include "base/time.h"
#include "sys/clock.h"

/* Counting stops here: past it the gauge says "at least". */
#define PENDING_COUNT_MAX 10000000
#define SUMMARIES_MAX     100000

static const char *cause_names[CAUSE_COUNT];
static const char *err_codes[ERR_COUNT];
static const char *const swept_tables[] = {
        [SWEEP_PAYLOADS] = "payload", [SWEEP_MESSAGES] = "message",   [SWEEP_ATTEMPTS] = "attempt",
        [SWEEP_FOLD] = "tally",       [SWEEP_TALLIES] = "tally_hour", [SWEEP_DOCS] = "doc",
        [SWEEP_OBJECTS] = "object"};

static void scrape(void *arg)
{
    struct shared *s = arg;
    struct store_stats st;
    size_t running = 0, breakers = 0, connections = 0;
    store_stats(s->store, &st);
    metrics_set(METRIC_STORE_GROUPS, 0, (int64_t)st.groups);
    metrics_set(METRIC_STORE_GROUP_OPS, 0, (int64_t)st.ops);
    metrics_set(METRIC_STORE_GROUP_SECONDS, 0, (int64_t)st.group_us_total);
    metrics_set(METRIC_STORE_QUEUE_OPS, 0, (int64_t)st.queued_ops);
    metrics_set(METRIC_STORE_QUEUE_BYTES, 0, (int64_t)st.queued_bytes);
    metrics_set(METRIC_STORE_WAL_BYTES, 0, (int64_t)st.wal_bytes);
    metrics_set(METRIC_STORE_FILE_BYTES, 0, (int64_t)st.file_bytes);
    metrics_set(METRIC_STORE_FULL, 0, st.full);
    for (unsigned i = 0; i < s->reactor_count; i++) {
        running += atomic_load(&s->reactors[i].published_running);
        breakers += atomic_load(&s->reactors[i].published_breakers);
        connections += atomic_load(&s->reactors[i].published_connections);
    }
    metrics_set(METRIC_IN_FLIGHT, 0, (int64_t)running);
    metrics_set(METRIC_BREAKERS_OPEN, 0, (int64_t)breakers);
    metrics_set(METRIC_HTTP_CONNECTIONS, 0, (int64_t)connections);
}

void serve_metrics_init(struct shared *s)
{
    static const char *const version[] = {POSTRIDER_VERSION};
    for (int i = 0; i < CAUSE_COUNT; i++)
        cause_names[i] = cause_name((enum cause)i);
    for (int i = 0; i < ERR_COUNT; i++)
        err_codes[i] = err_code((enum err)i);
    metrics_set_labels(METRIC_ATTEMPTS, cause_names, CAUSE_COUNT);
    metrics_set_labels(METRIC_MESSAGES_REJECTED, err_codes, ERR_COUNT);
    metrics_set_labels(METRIC_RETENTION_DELETED, swept_tables, ARRAY_LEN(swept_tables));
    metrics_set_labels(METRIC_BUILD_INFO, version, 1);
    metrics_set(METRIC_BUILD_INFO, 0, 1);
    metrics_on_scrape(scrape, s);
}

void serve_publish(struct reactor *r)
{
    struct engine_stats st;
    engine_stats(r->engine, &st);
    atomic_store(&r->published_running, st.running);
    atomic_store(&r->published_breakers, st.breakers_open);
    atomic_store(&r->published_connections, http_server_connections(r->http));
}

void serve_measure_pending(struct store_reader *reader)
{
    struct arena *a = arena_new(65536);
    struct pending_summary *list;
    size_t count;
    uint64_t pending;
    int64_t now_ms = clock_wall_ms(), oldest_ms = now_ms;
    if (store_count_pending(reader, PENDING_COUNT_MAX, &pending) == ERR_OK)
        metrics_set(METRIC_PENDING_DELIVERIES, 0, (int64_t)pending);
    if (store_list_pending(reader, a, 0, SUMMARIES_MAX, &list, &count) == ERR_OK) {
        for (size_t i = 0; i < count; i++)
            if (list[i].due_ms != 0 && list[i].due_ms < oldest_ms)
                oldest_ms = list[i].due_ms;
        metrics_set(METRIC_OLDEST_PENDING, 0, (now_ms - oldest_ms) * 1000);
    }
    arena_free(a);
}
