/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reactors count, and what is looked at when somebody asks.
 */
#ifndef PR_SERVE_SERVE_METRICS_H
#define PR_SERVE_SERVE_METRICS_H

#include "metrics/metrics.h"
#include "serve/reactor.h"

/* Names the labels and hooks in what is computed at a scrape; before threads start. */
void serve_metrics_init(struct shared *s);

static inline void serve_count_attempt(enum cause cause, int32_t total_us)
{
    metrics_add(METRIC_ATTEMPTS, cause, 1);
    metrics_observe_us(METRIC_ATTEMPT_DURATION, total_us);
}

static inline void serve_count_message(enum err e)
{
    if (e == ERR_OK)
        metrics_add(METRIC_MESSAGES_ACCEPTED, 0, 1);
    else
        metrics_add(METRIC_MESSAGES_REJECTED, e, 1);
}

static inline void serve_count_delivery(enum delivery_status status)
{
    if (status == DELIVERY_SUCCESS)
        metrics_add(METRIC_DELIVERIES, METRIC_OUTCOME_SUCCESS, 1);
    else if (status == DELIVERY_FAIL)
        metrics_add(METRIC_DELIVERIES, METRIC_OUTCOME_FAILED, 1);
}

/* Counts the pending work of the store, for the gauges; a few times a minute. */
void serve_measure_pending(struct store_reader *reader);
/* What a reactor publishes of its engine, on its own thread, about once a second. */
void serve_publish(struct reactor *r);

#endif
