/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim [--seed N] [--seconds N] [--steps N] [--verbose]
 *
 * Without a seed a few fixed ones, each twice: both runs must be the same. With --seconds other seeds for as long. A
 * seed that fails is printed with what repeats it; it belongs into the list here.
 */
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/clock.h"

static struct sim world;
static struct runs runs;

/* The linker puts this in the place of log_write: injected errors are no news. */
void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);
void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    (void)level;
    (void)event;
    (void)fields;
    (void)count;
}

/* And these in the place of the clock: how long a read takes on this machine must not matter. */
int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void)
{
    return runs_now != NULL ? runs_now_ms() : world.s.f[0].now_ms;
}

int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
    return __wrap_clock_mono_ms();
}

int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void)
{
    return __wrap_clock_mono_ms() * 1000;
}

static const uint64_t fixed[] = {1, 2, 1003, 400089, 500024};

/* Threads are the same in every one, and what watches them makes each ten times as long. */
#ifdef __SANITIZE_THREAD__
#define FIXED_RUN ((size_t)1)
#else
#define FIXED_RUN ARRAY_LEN(fixed)
#endif

static struct {
    uint64_t seed; /* that is running */
    uint64_t steps;
    bool verbose;
    bool running;
    uint64_t first, seconds;
    bool given;
    uint64_t seeds;
    struct sim_counts total;
    struct runs_counts runs;
    struct sim_disk_stats disk;
} run = {.steps = 200};

static void options_print(FILE *to, const struct sim_options *o)
{
    fprintf(to,
            "stops %u%% (power %u%%), write errors %u%%, sync errors %u%%, read errors %u%%, full %u%%, groups of up "
            "to "
            "%u, cache %zu KiB, log %zu KiB",
            o->stops, o->power, o->write_errors, o->sync_errors, o->read_errors, o->full, o->group_max,
            o->cache_bytes >> 10, o->log_bytes >> 10);
}

static void say_seed(void)
{
    if (!run.running)
        return;
    fprintf(stderr, "FAILED with seed %llu, %s, at step %llu: ", (unsigned long long)run.seed,
            runs_now != NULL ? "runs of automations" : "stores and deliveries",
            (unsigned long long)(runs_now != NULL ? runs.step : world.s.done));
    options_print(stderr, runs_now != NULL ? &runs.w.options : &world.options);
    fprintf(stderr, "\nagain: ./dev sim --seed %llu --steps %llu\n", (unsigned long long)run.seed,
            (unsigned long long)run.steps);
}

/* Structs of numbers. */
static void add_up(void *sum, const void *more, size_t size)
{
    uint64_t *to = sum;
    const uint64_t *from = more;
    for (size_t i = 0; i < size / sizeof *to; i++)
        to[i] += from[i];
}

static void add_disk(void)
{
    struct sim_disk_stats d = sim_disk_stats();
    run.disk.errors += d.errors;
    run.disk.lost += d.lost;
    run.disk.torn += d.torn;
}

static uint64_t simulate(uint64_t seed)
{
    run.seed = seed;
    run.running = true;
    world_open(&world, seed);
    if (run.verbose) {
        printf("seed %llu: ", (unsigned long long)seed);
        options_print(stdout, &world.options);
        printf("\n");
    }
    for (uint64_t i = 0; i < run.steps; i++)
        world_step(&world);
    world_heal(&world);
    world_close(&world);
    add_up(&run.total, &world.counts, sizeof world.counts);
    add_disk();
    runs_open(&runs, seed);
    if (run.verbose) {
        printf("its automations: ");
        options_print(stdout, &runs.w.options);
        printf("\n");
    }
    runs_simulate(&runs, run.steps / 2);
    add_up(&run.runs, &runs.counts, sizeof runs.counts);
    add_disk();
    run.seeds++;
    run.running = false;
    return hash_u64(world.trace ^ runs.trace);
}

static void simulate_twice(uint64_t seed)
{
    uint64_t first = simulate(seed), second = simulate(seed);
    run.running = first != second;
    if (first != second)
        fail_msg("two runs of one seed differ");
}

static int64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void seeds_hold(void **state)
{
    (void)state;
    uint64_t seed = run.given ? run.first : 1000;
    if (run.seconds > 0) {
        int64_t until = real_ms() + (int64_t)run.seconds * 1000;
        for (; real_ms() < until; seed++)
            (void)simulate(seed);
        printf("seeds up to %llu\n", (unsigned long long)seed - 1);
    } else if (run.given) {
        run.verbose = true;
        simulate_twice(seed);
    } else {
        for (size_t i = 0; i < FIXED_RUN; i++)
            simulate_twice(fixed[i]);
    }
}

static uint64_t number(int argc, char **argv, int *i)
{
    uint64_t n = 0;
    if (*i + 1 >= argc || str_to_u64(str_c(argv[++*i]), &n) != ERR_OK) {
        fprintf(stderr, "%s takes a number\n", argv[*i - 1]);
        exit(2);
    }
    return n;
}

static void report(void)
{
    const struct sim_counts *c = &run.total;
#define N(x) ((unsigned long long)(x))
    printf("%llu runs, %llu operations, %llu groups acknowledged, %llu attempts of the engine\n", N(run.seeds),
           N(c->operations), N(c->groups), N(c->attempts));
    printf("%llu recoveries (%llu after power cuts: %llu writes lost, %llu torn), %llu failed starts\n", N(c->crashes),
           N(c->power_cuts), N(run.disk.lost), N(run.disk.torn), N(c->failed_opens));
    printf("%llu errors injected, %llu groups rolled back for want of room, %llu in doubt of which %llu were there\n",
           N(run.disk.errors), N(c->rolled_back), N(c->in_doubt), N(c->in_doubt_kept));
    const struct runs_counts *r = &run.runs;
    printf("automations: %llu requests became %llu runs that ended; %llu changes of records and %llu events, each "
           "once; %llu HTTP requests with %llu keys\n",
           N(r->requests), N(r->runs), N(r->changes), N(r->events), N(r->calls), N(r->keys));
    printf("             %llu restarts (%llu after power cuts), %llu commits in doubt, %llu groups without room, %llu "
           "documents changed by others meanwhile\n             %llu failed runs tried again by hand, %llu "
           "canceled\n",
           N(r->restarts), N(r->power_cuts), N(r->in_doubt), N(r->refused), N(r->meddled), N(r->retried),
           N(r->canceled));
#undef N
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            run.first = number(argc, argv, &i);
            run.given = true;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            run.seconds = number(argc, argv, &i);
        } else if (strcmp(argv[i], "--steps") == 0) {
            run.steps = number(argc, argv, &i);
        } else if (strcmp(argv[i], "--verbose") == 0) {
            run.verbose = true;
        } else {
            fprintf(stderr, "sim [--seed N] [--seconds N] [--steps N] [--verbose]\n");
            return 2;
        }
    }
    clock_init(0);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    atexit(say_seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_hold)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        report();
    return failed;
}
