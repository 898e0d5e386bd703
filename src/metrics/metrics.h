/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted, in one table, and its text form for Prometheus (exposition format 0.0.4). Counting is for hot paths:
 * each thread has cells of its own, so that a count is a load, an addition and a store. Reading adds the threads up.
 */
#ifndef PR_METRICS_METRICS_H
#define PR_METRICS_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

/*
 * X(symbol, name without "postrider_", kind, unit of the cells, name of the label or NULL, help)
 * Units: COUNT is shown as it is, MICROS (microseconds) as seconds.
 */
#define METRIC_TABLE(X)                                                                                                \
    X(MESSAGES_ACCEPTED, "messages_accepted_total", COUNTER, COUNT, NULL, "Messages stored and acknowledged")          \
    X(MESSAGES_REJECTED, "messages_rejected_total", COUNTER, COUNT, "code", "Messages refused, by error code")         \
    X(ATTEMPTS, "attempts_total", COUNTER, COUNT, "result", "Delivery attempts ended, by what they met")               \
    X(DELIVERIES, "deliveries_total", COUNTER, COUNT, "outcome", "Deliveries that reached their end")                  \
    X(ATTEMPT_DURATION, "attempt_duration_seconds", HISTOGRAM, MICROS, NULL, "Duration of delivery attempts")          \
    X(FIRST_ATTEMPT, "accept_to_first_attempt_seconds", HISTOGRAM, MICROS, NULL,                                       \
      "From the acknowledgement of a message to the start of its first attempt")                                       \
    X(IN_FLIGHT, "in_flight", GAUGE, COUNT, NULL, "Delivery attempts under way")                                       \
    X(HTTP_REQUESTS, "http_requests_total", COUNTER, COUNT, "class", "Answers of the listener, by status class")       \
    X(HTTP_CONNECTIONS, "http_connections", GAUGE, COUNT, NULL, "Open connections of the listener")                    \
    X(STORE_GROUPS, "store_groups_total", COUNTER, COUNT, NULL, "Groups committed")                                    \
    X(STORE_GROUP_OPS, "store_group_ops_total", COUNTER, COUNT, NULL, "Operations committed in groups")                \
    X(STORE_GROUP_SECONDS, "store_group_seconds_total", COUNTER, MICROS, NULL, "Time spent committing groups")         \
    X(STORE_QUEUE_OPS, "store_queue_ops", GAUGE, COUNT, NULL, "Operations that wait for a group")                      \
    X(STORE_QUEUE_BYTES, "store_queue_bytes", GAUGE, COUNT, NULL, "Bytes that wait for a group")                       \
    X(STORE_WAL_BYTES, "store_wal_bytes", GAUGE, COUNT, NULL, "Size of the write-ahead log")                           \
    X(STORE_FILE_BYTES, "store_file_bytes", GAUGE, COUNT, NULL, "Size of the database file")                           \
    X(STORE_FULL, "store_full", GAUGE, COUNT, NULL, "1 while the disk is full and messages are refused")               \
    X(PENDING_DELIVERIES, "pending_deliveries", GAUGE, COUNT, NULL, "Deliveries that have not reached their end")      \
    X(OLDEST_PENDING, "oldest_pending_seconds", GAUGE, MICROS, NULL, "How long the oldest due delivery has waited")    \
    X(BREAKERS_OPEN, "breakers_open", GAUGE, COUNT, NULL, "Endpoints and hosts that are being spared")                 \
    X(ENDPOINTS_DISABLED, "endpoints_disabled_total", COUNTER, COUNT, NULL, "Endpoints disabled for failing")          \
    X(RETENTION_DELETED, "retention_deleted_total", COUNTER, COUNT, "table", "Rows removed for their age")             \
    X(BUILD_INFO, "build_info", GAUGE, COUNT, "version", "Always 1; the label names the version")

enum metric {
#define METRIC_ENUM(sym, name, kind, unit, label, help) METRIC_##sym,
    METRIC_TABLE(METRIC_ENUM)
#undef METRIC_ENUM
            METRIC_COUNT
};

/* The labels of METRIC_DELIVERIES and METRIC_HTTP_REQUESTS; the others' come from metrics_set_labels. */
enum metric_outcome { METRIC_OUTCOME_SUCCESS, METRIC_OUTCOME_FAILED };
enum metric_class { METRIC_CLASS_2XX, METRIC_CLASS_3XX, METRIC_CLASS_4XX, METRIC_CLASS_5XX };

#define METRIC_LABELS_MAX 32

struct metrics_shard {
    _Atomic uint64_t cells[METRIC_COUNT][METRIC_LABELS_MAX];
};

/* This thread's cells; NULL until it counts for the first time. */
extern _Thread_local struct metrics_shard *metrics_mine;
struct metrics_shard *metrics_shard_claim(void);

/* Adds n (may be negative on a gauge) to a counter or gauge; label 0 where there is none. Any thread, wait-free. */
static inline void metrics_add(enum metric m, unsigned label, int64_t n)
{
    struct metrics_shard *mine = metrics_mine != NULL ? metrics_mine : metrics_shard_claim();
    CHECK(label < METRIC_LABELS_MAX);
    _Atomic uint64_t *cell = &mine->cells[m][label];
    uint64_t before = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, before + (uint64_t)n, memory_order_relaxed);
}

/* One observation of a histogram, in microseconds; below 0 counts as 0. */
void metrics_observe_us(enum metric m, int64_t us);
/* Counts an answer in METRIC_HTTP_REQUESTS; status 200..599. */
void metrics_count_answer(int http_status);
/* For what is known elsewhere and only looked at: the value to show, on top of what was added. In the metric's unit. */
void metrics_set(enum metric m, unsigned label, int64_t value);
/* The value of a counter or gauge now. */
int64_t metrics_value(enum metric m, unsigned label);

/*
 * The label's values, in the order of their numbers; a NULL among them is not shown. Borrowed for ever, at most
 * METRIC_LABELS_MAX. Before threads start.
 */
void metrics_set_labels(enum metric m, const char *const *values, size_t count);

/* Called by every metrics_write, on its thread, to metrics_set what is computed then. At most 8; before threads start.
 */
typedef void (*metrics_scrape_fn)(void *arg);
void metrics_on_scrape(metrics_scrape_fn fn, void *arg);

/* Appends everything as text; content type "text/plain; version=0.0.4; charset=utf-8". Any thread, one at a time. */
void metrics_write(struct buf *out);

#endif
