/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of attempts, summed up from the store's tallies: their rows are few, whatever the number of attempts.
 * Older than two days they are by the hour, and count in the first span of their hour.
 */
#include "api/statistics.h"
#include "api/routes.h"
#include "base/time.h"

#define POINTS_MAX 10000

/* ---- by event type ------------------------------------------------------------------------------------------------
 */

static bool type_wanted(const struct str *types, size_t count, struct str type)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(types[i], type))
            return true;
    return count == 0;
}

struct type_sum {
    struct str name;
    uint64_t succeeded;
    uint64_t failed;
};

struct type_sums {
    struct arena *arena;
    const struct str *types; /* wanted, none: all */
    size_t type_count;
    struct type_sum *at;
    size_t len, cap;
    uint64_t succeeded, failed;
};

static struct type_sum *type_sum(struct type_sums *s, struct str name)
{
    for (size_t i = 0; i < s->len; i++)
        if (str_eq(s->at[i].name, name))
            return &s->at[i];
    if (s->len == s->cap) {
        struct type_sum *more = arena_alloc(s->arena, (s->cap = 2 * s->cap + 16) * sizeof *more);
        if (s->len > 0)
            memcpy(more, s->at, s->len * sizeof *more);
        s->at = more;
    }
    s->at[s->len] = (struct type_sum){.name = arena_str(s->arena, name)};
    return &s->at[s->len++];
}

static void add_to_type(void *arg, const struct tally *t)
{
    struct type_sums *s = arg;
    if (!type_wanted(s->types, s->type_count, t->event_type))
        return;
    struct type_sum *one = type_sum(s, t->event_type);
    one->succeeded += t->succeeded;
    one->failed += t->failed;
    s->succeeded += t->succeeded;
    s->failed += t->failed;
}

static void write_type_sums(const struct type_sums *s, struct json_writer *w)
{
    json_w_name(w, STR("by_event_type"));
    json_w_object(w);
    for (size_t i = 0; i < s->len; i++) {
        json_w_name(w, s->at[i].name);
        json_w_object(w);
        json_w_i64_at(w, "success", (int64_t)s->at[i].succeeded);
        json_w_i64_at(w, "failure", (int64_t)s->at[i].failed);
        json_w_i64_at(w, "canceled", 0);
        json_w_object_end(w);
    }
    json_w_object_end(w);
    json_w_i64_at(w, "total_success", (int64_t)s->succeeded);
    json_w_i64_at(w, "total_failure", (int64_t)s->failed);
    json_w_i64_at(w, "total_canceled", 0);
}

static void missing(struct api_call *call, const char *name)
{
    problem_add(&call->problems, "query", str_c(name), STR_NULL, "value_error.missing", "is missing");
}

static bool range_fits(struct api_call *call, const char *until, int64_t since_ms, int64_t until_ms)
{
    if (since_ms != 0 && until_ms != 0 && until_ms < since_ms)
        problem_add(&call->problems, "query", str_c(until), STR_NULL, "value_error.range",
                    "must not be before the beginning");
    return call_fits(call);
}

void application_attempt_stats(struct api *api, struct api_call *call)
{
    struct app app;
    struct type_sums s = {.arena = call->arena};
    struct tally_query q = {.since_ms = query_time(call, "since"), .until_ms = query_time(call, "until")};
    s.types = query_list(call, "event_types", &s.type_count);
    if (q.since_ms == 0)
        missing(call, "since");
    if (q.until_ms == 0)
        missing(call, "until");
    if (!range_fits(call, "until", q.since_ms, q.until_ms) || !call_app(api, call, &app))
        return;
    q.app = app.id;
    if (!answer_ok(call, store_each_tally(call->reader, &q, add_to_type, &s)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    write_type_sums(&s, &w);
    json_w_time_at(&w, "since", q.since_ms);
    json_w_time_at(&w, "until", q.until_ms);
    json_w_object_end(&w);
}

/* ---- over time ----------------------------------------------------------------------------------------------------
 */

struct point {
    uint64_t succeeded;
    uint64_t failed;
    int64_t total_us;
    int64_t longest_us;
};

struct series {
    const struct str *types;
    size_t type_count;
    int64_t since_ms; /* of the first point */
    int64_t step_ms;
    struct point *points;
    size_t count;
};

/* An hour that began before the first point counts in it. */
static void add_to_point(void *arg, const struct tally *t)
{
    struct series *s = arg;
    int64_t at = t->start_ms < s->since_ms ? 0 : (t->start_ms - s->since_ms) / s->step_ms;
    if (at >= (int64_t)s->count || !type_wanted(s->types, s->type_count, t->event_type))
        return;
    struct point *p = &s->points[at];
    p->succeeded += t->succeeded;
    p->failed += t->failed;
    p->total_us += t->total_us;
    p->longest_us = p->longest_us > t->longest_us ? p->longest_us : t->longest_us;
}

/* Points from the one that since_ms lies in to the one before until_ms. False: answered. */
static bool read_series(struct api_call *call, struct tally_query *q, struct series *s)
{
    s->since_ms = q->since_ms - q->since_ms % s->step_ms;
    q->since_ms = s->since_ms;
    s->count = (size_t)((q->until_ms - s->since_ms + s->step_ms - 1) / s->step_ms);
    if (s->count > POINTS_MAX) {
        problem_add(&call->problems, "query", STR_NULL, STR_NULL, "value_error.range",
                    "would be more than %d points: ask for a shorter time or longer steps", POINTS_MAX);
        return call_fits(call);
    }
    s->points = arena_zalloc(call->arena, (s->count + 1) * sizeof *s->points);
    return answer_ok(call, store_each_tally(call->reader, q, add_to_point, s));
}

struct step {
    const char *name;
    int64_t ms;
    int64_t fallback_ms; /* how far back when nothing is said */
};

/* Leaves *out when the request names none. */
static void read_step(struct api_call *call, const char *param, const struct step *steps, size_t count,
                      const struct step **out)
{
    struct str name = query_text(call, param);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(name, str_c(steps[i].name))) {
            *out = &steps[i];
            return;
        }
    }
    if (name.len > 0)
        problem_add(&call->problems, "query", str_c(param), STR_NULL, "value_error", "must be %s, %s or %s",
                    steps[0].name, steps[1].name, steps[2].name);
}

static const struct step periods[] = {{"FiveMinutes", TALLY_SPAN_MS, 6 * TIME_HOUR_MS},
                                      {"OneHour", TIME_HOUR_MS, TIME_DAY_MS},
                                      {"OneDay", TIME_DAY_MS, 30 * TIME_DAY_MS}};

static void write_counts(const struct series *s, const char *name, int which, struct json_writer *w)
{
    json_w_name(w, str_c(name));
    json_w_array(w);
    for (size_t i = 0; i < s->count; i++)
        json_w_i64(w, which == 0 ? (int64_t)s->points[i].succeeded : which == 1 ? (int64_t)s->points[i].failed : 0);
    json_w_array_end(w);
}

void stats_app_attempts(struct api *api, struct api_call *call)
{
    struct app app;
    const struct step *period = &periods[1];
    struct series s = {0};
    struct tally_query q = {.since_ms = query_time(call, "startDate"), .until_ms = query_time(call, "endDate")};
    s.types = query_list(call, "event_types", &s.type_count);
    read_step(call, "period", periods, ARRAY_LEN(periods), &period);
    if (!range_fits(call, "endDate", q.since_ms, q.until_ms) || !call_app(api, call, &app))
        return;
    q.app = app.id;
    q.until_ms = q.until_ms != 0 ? q.until_ms : call->now_ms;
    q.since_ms = q.since_ms != 0 ? q.since_ms : q.until_ms - period->fallback_ms;
    s.step_ms = period->ms;
    if (!range_fits(call, "endDate", q.since_ms, q.until_ms) || !read_series(call, &q, &s))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_time_at(&w, "startDate", s.since_ms);
    json_w_time_at(&w, "endDate", q.until_ms);
    json_w_str_at(&w, "period", str_c(period->name));
    json_w_name(&w, STR("data"));
    json_w_object(&w);
    write_counts(&s, "successCount", 0, &w);
    write_counts(&s, "failureCount", 1, &w);
    write_counts(&s, "canceledCount", 2, &w);
    json_w_object_end(&w);
    json_w_object_end(&w);
}

static const struct step buckets[] = {{"5m", TALLY_SPAN_MS, 6 * TIME_HOUR_MS},
                                      {"1h", TIME_HOUR_MS, 7 * TIME_DAY_MS},
                                      {"1d", TIME_DAY_MS, 30 * TIME_DAY_MS}};

static void write_point(const struct series *s, size_t i, struct json_writer *w)
{
    const struct point *p = &s->points[i];
    uint64_t all = p->succeeded + p->failed;
    json_w_object(w);
    json_w_time_at(w, "at", s->since_ms + (int64_t)i * s->step_ms);
    json_w_i64_at(w, "success", (int64_t)p->succeeded);
    json_w_i64_at(w, "fail", (int64_t)p->failed);
    if (all > 0) {
        json_w_i64_at(w, "meanMs", (p->total_us / (int64_t)all + 500) / 1000);
        json_w_i64_at(w, "longestMs", (p->longest_us + 500) / 1000);
    } else {
        json_w_null_at(w, "meanMs");
        json_w_null_at(w, "longestMs");
    }
    json_w_object_end(w);
}

/* The longest steps that still give a curve, unless the request says which. */
static const struct step *step_for(int64_t range_ms)
{
    return range_ms <= buckets[0].fallback_ms   ? &buckets[0]
           : range_ms <= buckets[1].fallback_ms ? &buckets[1]
                                                : &buckets[2];
}

void stats_timeline(struct api *api, struct api_call *call)
{
    struct app app;
    const struct step *bucket = NULL;
    struct series s = {0};
    struct str endpoint = query_text(call, "endpoint_id");
    struct tally_query q = {.since_ms = query_time(call, "since"), .until_ms = query_time(call, "until")};
    s.types = query_list(call, "event_types", &s.type_count);
    read_step(call, "bucket", buckets, ARRAY_LEN(buckets), &bucket);
    if (!range_fits(call, "until", q.since_ms, q.until_ms) || !call_app(api, call, &app))
        return;
    if (endpoint.len > 0 && !call_endpoint_id(api, call, &app, endpoint, &q.ep))
        return;
    q.app = app.id;
    q.until_ms = q.until_ms != 0 ? q.until_ms : call->now_ms;
    if (q.since_ms == 0)
        q.since_ms = q.until_ms - (bucket != NULL ? bucket->fallback_ms : TIME_DAY_MS);
    bucket = bucket != NULL ? bucket : step_for(q.until_ms - q.since_ms);
    s.step_ms = bucket->ms;
    if (!range_fits(call, "until", q.since_ms, q.until_ms) || !read_series(call, &q, &s))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_opt_str_at(&w, "endpointId", q.ep != 0 ? api_id(api, call, q.ep, "ep_") : STR_NULL);
    json_w_time_at(&w, "since", s.since_ms);
    json_w_time_at(&w, "until", q.until_ms);
    json_w_str_at(&w, "bucket", str_c(bucket->name));
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < s.count; i++)
        write_point(&s, i, &w);
    json_w_array_end(&w);
    json_w_object_end(&w);
}
