/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <pthread.h>

#include "metrics/metrics.h"

static struct buf text;

static void scrape(void)
{
    buf_fini(&text);
    text = BUF_INIT(1u << 20);
    metrics_write(&text);
    assert_false(text.overflow);
}

/* Whether this very line is in the last scrape. */
static bool has_line(const char *line)
{
    struct str rest = buf_str(&text);
    while (rest.len > 0)
        if (str_eq(str_split(&rest, '\n'), str_c(line)))
            return true;
    return false;
}

static void must_have(const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!has_line(lines[i]))
            fail_msg("no line: %s", lines[i]);
}

static int clean(void **state)
{
    (void)state;
    buf_fini(&text);
    return 0;
}

static void zeros_and_heads(void **state)
{
    (void)state;
    static const char *const lines[] = {
            "# HELP postrider_messages_accepted_total Messages stored and acknowledged",
            "# TYPE postrider_messages_accepted_total counter",
            "postrider_messages_accepted_total 0",
            "postrider_deliveries_total{outcome=\"success\"} 0",
            "postrider_deliveries_total{outcome=\"failed\"} 0",
            "postrider_http_requests_total{class=\"2xx\"} 0",
            "postrider_http_requests_total{class=\"5xx\"} 0",
            "# TYPE postrider_in_flight gauge",
            "postrider_in_flight 0",
            "# TYPE postrider_attempt_duration_seconds histogram",
            "postrider_attempt_duration_seconds_bucket{le=\"+Inf\"} 0",
            "postrider_attempt_duration_seconds_sum 0",
            "postrider_attempt_duration_seconds_count 0",
            "postrider_build_info{version=\"" POSTRIDER_VERSION "\"} 1",
            "postrider_store_group_seconds_total 0",
    };
    scrape();
    must_have(lines, ARRAY_LEN(lines));
}

static void counts(void **state)
{
    (void)state;
    static const char *const codes[] = {NULL, "validation", "a\"b\\c\nd"};
    static const char *const lines[] = {
            "postrider_messages_accepted_total 3",
            "postrider_messages_rejected_total{code=\"validation\"} 7",
            "postrider_messages_rejected_total{code=\"a\\\"b\\\\c\\nd\"} 0",
            "postrider_deliveries_total{outcome=\"failed\"} 1",
            "postrider_in_flight 4",
            "postrider_http_requests_total{class=\"2xx\"} 2",
            "postrider_http_requests_total{class=\"4xx\"} 1",
            "postrider_store_group_seconds_total 1.0405",
            "postrider_store_wal_bytes 4398046511104",
    };
    metrics_set_labels(METRIC_MESSAGES_REJECTED, codes, ARRAY_LEN(codes));
    metrics_add(METRIC_MESSAGES_ACCEPTED, 0, 1);
    metrics_add(METRIC_MESSAGES_ACCEPTED, 0, 2);
    metrics_add(METRIC_MESSAGES_REJECTED, 0, 5);
    metrics_add(METRIC_MESSAGES_REJECTED, 1, 7);
    metrics_add(METRIC_DELIVERIES, METRIC_OUTCOME_FAILED, 1);
    metrics_add(METRIC_IN_FLIGHT, 0, 5);
    metrics_add(METRIC_IN_FLIGHT, 0, -1);
    metrics_count_answer(202);
    metrics_count_answer(200);
    metrics_count_answer(404);
    metrics_set(METRIC_STORE_GROUP_SECONDS, 0, 1040500);
    metrics_set(METRIC_STORE_WAL_BYTES, 0, (int64_t)4 << 40);
    scrape();
    must_have(lines, ARRAY_LEN(lines));
    assert_int_equal(metrics_value(METRIC_MESSAGES_REJECTED, 1), 7);
    assert_true(str_find_str(buf_str(&text), STR("(null)")) == text.len);
}

static void histograms(void **state)
{
    (void)state;
    static const char *const lines[] = {
            "postrider_attempt_duration_seconds_bucket{le=\"0.0005\"} 3",
            "postrider_attempt_duration_seconds_bucket{le=\"0.001\"} 4",
            "postrider_attempt_duration_seconds_bucket{le=\"0.0025\"} 4",
            "postrider_attempt_duration_seconds_bucket{le=\"1\"} 5",
            "postrider_attempt_duration_seconds_bucket{le=\"120\"} 6",
            "postrider_attempt_duration_seconds_bucket{le=\"+Inf\"} 7",
            "postrider_attempt_duration_seconds_sum 241.001002",
            "postrider_attempt_duration_seconds_count 7",
            "postrider_accept_to_first_attempt_seconds_count 0",
    };
    static const int64_t observed[] = {-5, 0, 500, 501, 1000000, 120000000, 120000001};
    for (size_t i = 0; i < ARRAY_LEN(observed); i++)
        metrics_observe_us(METRIC_ATTEMPT_DURATION, observed[i]);
    scrape();
    must_have(lines, ARRAY_LEN(lines));
}

static void *count_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++)
        metrics_add(METRIC_ENDPOINTS_DISABLED, 0, 1);
    return NULL;
}

static void threads_add_up(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        pthread_t threads[4];
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, count_much, NULL), 0);
        int64_t seen = metrics_value(METRIC_ENDPOINTS_DISABLED, 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            pthread_join(threads[i], NULL);
        assert_true(metrics_value(METRIC_ENDPOINTS_DISABLED, 0) >= seen);
    }
    assert_int_equal(metrics_value(METRIC_ENDPOINTS_DISABLED, 0), 1200000);
}

static void set_oldest(void *arg)
{
    metrics_set(METRIC_OLDEST_PENDING, 0, (*(int64_t *)arg)++);
}

static void hooks_run_at_each_scrape(void **state)
{
    (void)state;
    static int64_t us = 1500000;
    metrics_on_scrape(set_oldest, &us);
    scrape();
    assert_true(has_line("postrider_oldest_pending_seconds 1.5"));
    scrape();
    assert_true(has_line("postrider_oldest_pending_seconds 1.500001"));
}

/* Each line is a head or a sample whose name belongs to the head before it; each name has one head. */
static void exposition_format(void **state)
{
    (void)state;
    scrape();
    struct str rest = buf_str(&text), family = STR("?");
    size_t heads = 0;
    assert_true(str_ends(rest, STR("\n")));
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        if (str_starts(line, STR("# HELP "))) {
            struct str words = str_skip(line, 7);
            struct str name = str_split(&words, ' ');
            assert_true(str_starts(name, STR("postrider_")) && words.len > 0);
            struct str type = str_split(&rest, '\n');
            assert_true(str_starts(type, STR("# TYPE ")) && str_starts(str_skip(type, 7), name));
            assert_int_equal(str_ends(type, STR(" counter")), str_ends(name, STR("_total")));
            family = name;
            heads++;
            continue;
        }
        assert_true(str_starts(line, family));
        size_t blank = line.len;
        while (blank > 0 && line.ptr[blank - 1] != ' ')
            blank--;
        assert_true(blank > 1 && blank < line.len);
        for (size_t i = blank; i < line.len; i++)
            assert_true(isdigit((unsigned char)line.ptr[i]) || strchr(".-", line.ptr[i]) != NULL);
        char before = line.ptr[blank - 2];
        assert_true(before == '}' || isalnum((unsigned char)before));
    }
    assert_int_equal(heads, METRIC_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(zeros_and_heads),
            cmocka_unit_test(counts),
            cmocka_unit_test(histograms),
            cmocka_unit_test(threads_add_up),
            cmocka_unit_test(hooks_run_at_each_scrape),
            cmocka_unit_test(exposition_format),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
