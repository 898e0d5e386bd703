/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine knows of an endpoint's health, whether it is read from the store before an outcome or after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "engine/engine.h"

static const int64_t schedule[] = {1000};

static void small_start(void *arg, struct work *work)
{
    *(struct work **)arg = work;
}

static void small_refill(void *arg, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit)
{
    (void)arg, (void)ep, (void)from_pos, (void)until_pos, (void)limit;
}

static void small_release(void *arg, struct work *work)
{
    (void)arg, (void)work;
}

static uint64_t small_random(void *arg)
{
    (void)arg;
    return 0;
}

static void small_forget(void *arg, struct engine_endpoint *ep)
{
    (void)arg, (void)ep;
}

static bool small_acquire(void *arg, void *gate)
{
    (void)arg, (void)gate;
    return true;
}

static void small_gate(void *arg, void *gate)
{
    (void)arg, (void)gate;
}

static void *small_open(void *arg, const char *host)
{
    (void)host;
    return arg;
}

/* The verdict of an attempt that ends at now_ms. */
static struct engine_verdict attempt_at(struct engine *e, struct work **started, bool success, int64_t now_ms)
{
    struct work work = {.msg = now_ms, .due_ms = now_ms, .pos = now_ms, .body_bytes = 1};
    struct engine_outcome o = {.success = success, .retry_after_ms = -1, .schedule_ms = schedule};
    struct engine_verdict v;
    assert_true(engine_add(e, engine_meet(e, 1), &work, now_ms));
    engine_step(e, now_ms);
    assert_non_null(*started);
    engine_outcome(e, *started, &o, now_ms, &v);
    return v;
}

/* An outcome may come before what is stored of the endpoint's health was read: neither is lost. */
static void health_may_be_read_late(void **state)
{
    (void)state;
    enum { NONE, FAILS, SUCCEEDS };
    static const struct {
        int64_t enabled_ms, stored_ms; /* failing since */
        int first;                     /* the outcome at 1000, before it is read */
        int64_t since_ms;              /* when a failure at 2000 comes, after it was read */
        bool written;                  /* with that failure */
    } rows[] = {
            {0, 0, NONE, 2000, true},       {0, 500, NONE, 500, false},   {600, 500, NONE, 2000, true},
            {0, 0, FAILS, 1000, false},     {0, 500, FAILS, 500, false},  {600, 500, FAILS, 1000, false},
            {0, 500, SUCCEEDS, 2000, true}, {0, 0, SUCCEEDS, 2000, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct work *started = NULL;
        struct engine_env env = {.arg = &started,
                                 .random = small_random,
                                 .start = small_start,
                                 .refill = small_refill,
                                 .release = small_release,
                                 .forget = small_forget,
                                 .host_acquire = small_acquire,
                                 .host_release = small_gate,
                                 .host_open = small_open,
                                 .host_close = small_gate};
        struct engine_limits limits = {.per_endpoint = 8,
                                       .total = 24,
                                       .resident_max = 16,
                                       .bytes_max = 5000,
                                       .idle_max = 2,
                                       .horizon_ms = 3000,
                                       .disable_after_ms = TIME_DAY_MS};
        struct engine *e = engine_new(&limits, &env);
        struct engine_config c = {.app = 1, .host = "a:1", .enabled_ms = rows[i].enabled_ms};
        engine_configure(e, engine_meet(e, 1), &c, 900);
        struct engine_verdict v;
        if (rows[i].first != NONE) {
            v = attempt_at(e, &started, rows[i].first == SUCCEEDS, 1000);
            assert_true(v.health_changed);
            assert_int_equal(v.health.merge, rows[i].first == FAILS);
            assert_int_equal(v.health.failing_since_ms, rows[i].first == FAILS ? 1000 : 0);
            engine_recorded(e, started, false, 1000);
        }
        engine_set_health(engine_meet(e, 1), &(struct endpoint_health){.ep = 1,
                                                                       .failing_since_ms = rows[i].stored_ms,
                                                                       .exhausted_since_ms = rows[i].stored_ms});
        v = attempt_at(e, &started, false, 2000);
        assert_int_equal(v.health.failing_since_ms, rows[i].since_ms);
        assert_int_equal(v.health_changed, rows[i].written);
        assert_false(v.health.merge);
        engine_recorded(e, started, false, 2000);
        engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(health_may_be_read_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
