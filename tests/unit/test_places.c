/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places at hosts and paces of workspaces, where they meet: who waits for a place gets it or passes it on, and no free
 * place is forgotten. The environment is a few counters; what starts is written down, and ends when the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "engine/engine_priv.h"

enum { BEGIN_MS = 1000000, HOSTS = 2, APPS = 3, STARTS_MAX = 100 };

static const char *const host_names[HOSTS] = {"a:80", "b:80"};

struct gate {
    int places, taken;
};

struct world {
    struct engine *engine;
    int64_t now_ms;
    struct gate gates[HOSTS];
    int64_t may_send_ms[APPS]; /* a workspace with a limit sends one, then waits for a second */
    struct work *started[STARTS_MAX];
    size_t start_count;
    oid_t last_msg;
};

static uint64_t env_random(void *arg)
{
    (void)arg;
    return 7;
}

static void env_start(void *arg, struct work *work)
{
    struct world *w = arg;
    assert_true(w->start_count < STARTS_MAX);
    w->started[w->start_count++] = work;
}

static void env_refill(void *arg, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit)
{
    (void)arg, (void)ep, (void)from_pos, (void)until_pos, (void)limit;
}

static void env_release(void *arg, struct work *work)
{
    (void)arg, (void)work;
}

static void env_forget(void *arg, struct engine_endpoint *ep)
{
    (void)arg, (void)ep;
}

static int64_t env_pace(void *arg, oid_t app, int per_second, int64_t now_ms)
{
    struct world *w = arg;
    assert_int_equal(per_second, 1);
    if (w->may_send_ms[app] > now_ms)
        return w->may_send_ms[app];
    w->may_send_ms[app] = now_ms + TIME_SECOND_MS;
    return now_ms;
}

static bool env_acquire(void *arg, void *gate)
{
    struct gate *g = gate;
    (void)arg;
    if (g->taken >= g->places)
        return false;
    g->taken++;
    return true;
}

static void env_give_back(void *arg, void *gate)
{
    struct gate *g = gate;
    (void)arg;
    assert_true(g->taken > 0);
    g->taken--;
}

static void *env_open(void *arg, const char *host)
{
    struct world *w = arg;
    for (size_t i = 0; i < HOSTS; i++)
        if (strcmp(host_names[i], host) == 0)
            return &w->gates[i];
    fail();
    return NULL;
}

static void env_close(void *arg, void *gate)
{
    (void)arg, (void)gate;
}

static int setup(void **state)
{
    struct world *w = mem_zalloc(1, sizeof *w);
    struct engine_env env = {.arg = w,
                             .random = env_random,
                             .start = env_start,
                             .refill = env_refill,
                             .release = env_release,
                             .forget = env_forget,
                             .workspace_pace = env_pace,
                             .host_acquire = env_acquire,
                             .host_release = env_give_back,
                             .host_open = env_open,
                             .host_close = env_close};
    struct engine_limits limits = {.per_endpoint = 8,
                                   .total = 50,
                                   .resident_max = 50,
                                   .bytes_max = 100000,
                                   .idle_max = 100,
                                   .horizon_ms = TIME_HOUR_MS,
                                   .disable_after_ms = TIME_DAY_MS};
    w->now_ms = BEGIN_MS;
    w->gates[0].places = 1;
    w->gates[1].places = 10;
    w->engine = engine_new(&limits, &env);
    *state = w;
    return 0;
}

/* An endpoint of a workspace; workspace 1 may send once a second, workspace 2 as it likes. */
static void configure(struct world *w, oid_t ep, oid_t app, int host)
{
    struct engine_endpoint *x = engine_meet(w->engine, ep);
    struct engine_config c = {.app = app, .host = host_names[host], .workspace_per_second = app == 1};
    engine_configure(w->engine, x, &c, w->now_ms);
    x->breaker.proven = true; /* who is new has other limits too */
}

static void step(struct world *w)
{
    engine_step(w->engine, w->now_ms);
}

static void add(struct world *w, oid_t ep)
{
    struct work work = {.msg = ++w->last_msg, .due_ms = w->now_ms, .pos = w->now_ms, .body_bytes = 10};
    struct engine_endpoint *x = engine_find(w->engine, ep);
    x->stored_pos = TIME_NEVER; /* nothing of it is in the store */
    assert_true(engine_add(w->engine, x, &work, w->now_ms));
    step(w);
}

static size_t starts_of(const struct world *w, oid_t ep)
{
    size_t n = 0;
    for (size_t i = 0; i < w->start_count; i++)
        n += w->started[i] != NULL && engine_endpoint_id(w->started[i]->ep) == ep;
    return n;
}

/* Ends all of what the endpoint has under way. */
static void end(struct world *w, oid_t ep)
{
    struct engine_verdict v;
    struct engine_outcome o = {.success = true, .breaker_counts = true, .retry_after_ms = -1};
    for (size_t i = 0; i < w->start_count; i++) {
        struct work *work = w->started[i];
        if (work == NULL || engine_endpoint_id(work->ep) != ep)
            continue;
        w->started[i] = NULL;
        engine_outcome(w->engine, work, &o, w->now_ms, &v);
        engine_recorded(w->engine, work, false, w->now_ms);
    }
    step(w);
}

static void end_all(struct world *w)
{
    for (oid_t ep = 1; ep < 10; ep++)
        end(w, ep);
}

static int teardown(void **state)
{
    struct world *w = *state;
    engine_pause(w->engine, true);
    end_all(w);
    engine_free(w->engine);
    free(w);
    return 0;
}

/* Endpoint 4 has the only place at host a; 1 and then 2 wait for it. Workspace 1 has 1 and 3, workspace 2 the others.
 */
static void two_wait_for_a_place(struct world *w)
{
    configure(w, 4, 2, 0);
    configure(w, 1, 1, 0);
    configure(w, 2, 2, 0);
    configure(w, 3, 1, 1);
    add(w, 4);
    assert_int_equal(starts_of(w, 4), 1);
    add(w, 1);
    add(w, 2);
    assert_int_equal(w->start_count, 1);
}

/* The first of those that wait is of a workspace that has sent all that it may: the next gets the place at once. */
static void place_goes_past_a_paced_workspace(void **state)
{
    struct world *w = *state;
    two_wait_for_a_place(w);
    add(w, 3);
    add(w, 3); /* asks, and learns when to ask again */
    assert_int_equal(starts_of(w, 3), 1);
    assert_int_equal(engine_next_ms(w->engine), BEGIN_MS + TIME_SECOND_MS);
    end(w, 4);
    assert_int_equal(starts_of(w, 2), 1);
    assert_int_equal(starts_of(w, 1), 0);
    assert_int_equal(w->gates[0].taken, 1);

    /* Its time has come, and the place is taken: it waits for it again, and gets it without anybody's help. */
    end(w, 3);
    w->now_ms += TIME_SECOND_MS;
    step(w);
    assert_int_equal(starts_of(w, 1) + starts_of(w, 3), 1); /* the pace is for both */
    end(w, 3);
    end(w, 2);
    for (int i = 0; i < 2; i++) {
        w->now_ms += TIME_SECOND_MS;
        step(w);
        end(w, 3);
    }
    assert_int_equal(starts_of(w, 1), 1);
    end_all(w);
    assert_int_equal(w->gates[0].taken + w->gates[1].taken, 0);
}

/* The workspace's pace is used up, but nobody has asked for it yet: who is let in finds out, and passes the place on.
 */
static void place_is_passed_on_by_who_may_not_send(void **state)
{
    struct world *w = *state;
    two_wait_for_a_place(w);
    add(w, 3);
    assert_int_equal(starts_of(w, 3), 1);
    end(w, 4);
    assert_int_equal(starts_of(w, 1), 0);
    assert_int_equal(starts_of(w, 2), 1);
    end(w, 2);
    w->now_ms += TIME_SECOND_MS;
    step(w);
    assert_int_equal(starts_of(w, 1), 1);
    end_all(w);
    assert_int_equal(w->gates[0].taken + w->gates[1].taken, 0);
}

/* All who wait are of workspaces that may not send: the place stays free, and is theirs when they may. */
static void place_stays_free_for_the_paced(void **state)
{
    struct world *w = *state;
    configure(w, 4, 2, 0);
    configure(w, 1, 1, 0);
    configure(w, 3, 1, 1);
    configure(w, 5, 1, 0);
    add(w, 4);
    add(w, 1);
    add(w, 5);
    add(w, 3);
    add(w, 3);
    end(w, 4);
    assert_int_equal(w->gates[0].taken, 0);
    for (int second = 0; second < 3; second++) {
        assert_int_equal(engine_next_ms(w->engine), w->now_ms + TIME_SECOND_MS);
        w->now_ms += TIME_SECOND_MS;
        step(w);
        end_all(w);
    }
    assert_int_equal(w->start_count, 2 + 3);
    assert_int_equal(engine_next_ms(w->engine), TIME_NEVER);
    assert_int_equal(w->gates[0].taken, 0);
}

/* Who was let in leaves before its turn: the place goes to the next. */
static void place_of_who_leaves(void **state)
{
    struct world *w = *state;
    two_wait_for_a_place(w);
    w->gates[0].places = 2;
    engine_host_freed(w->engine, "a:80");
    engine_close_endpoint(w->engine, engine_find(w->engine, 1));
    step(w);
    assert_int_equal(starts_of(w, 2), 1);
}

static void place_of_who_moves(void **state)
{
    struct world *w = *state;
    two_wait_for_a_place(w);
    w->gates[0].places = 2;
    engine_host_freed(w->engine, "a:80");
    configure(w, 1, 1, 1);
    step(w);
    assert_int_equal(starts_of(w, 2), 1);
    assert_int_equal(starts_of(w, 1), 1);
}

/* One word that there are places is enough for all who wait, and costs nobody his place in the row. */
static void one_lets_the_next_in(void **state)
{
    struct world *w = *state;
    for (oid_t ep = 1; ep <= 5; ep++) {
        configure(w, ep, 2, 0);
        add(w, ep);
    }
    assert_int_equal(starts_of(w, 1), 1);
    for (int i = 0; i < 3; i++) { /* the place is not theirs */
        engine_host_freed(w->engine, "a:80");
        step(w);
    }
    assert_int_equal(w->start_count, 1);
    end(w, 1);
    assert_int_equal(starts_of(w, 2), 1);
    assert_int_equal(w->start_count, 2);
    w->gates[0].places = 3;
    engine_host_freed(w->engine, "a:80");
    step(w);
    assert_int_equal(starts_of(w, 3) + starts_of(w, 4), 2);
    assert_int_equal(starts_of(w, 5), 0);
    end(w, 3);
    assert_int_equal(starts_of(w, 5), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(place_goes_past_a_paced_workspace),
            TEST(place_is_passed_on_by_who_may_not_send),
            TEST(place_stays_free_for_the_paced),
            TEST(place_of_who_leaves),
            TEST(place_of_who_moves),
            TEST(one_lets_the_next_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
