/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/loop.h"

static struct loop *loop;

static int open_loop(void **state)
{
    (void)state;
    loop = loop_new();
    return loop == NULL;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static char order[64];
static size_t order_len;

static void note(char c)
{
    if (order_len < sizeof order - 1)
        order[order_len++] = c;
    order[order_len] = '\0';
}

struct named_timer {
    struct loop_timer t;
    char name;
};

static void fire_named(struct loop_timer *t)
{
    note(CONTAINER_OF(t, struct named_timer, t)->name);
}

static void fire_stop(struct loop_timer *t)
{
    (void)t;
    loop_stop(loop);
}

static void timers_fire_in_order_and_never_early(void **state)
{
    (void)state;
    order_len = 0;
    struct named_timer rows[] = {
            {.name = 'c'}, {.name = 'a'}, {.name = 'b'}, {.name = 'x'}, {.name = 'd'},
    };
    static const int at[] = {20, 5, 5, 10, 1};
    int64_t start = clock_mono_ms();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i].t.on_fire = fire_named;
        loop_timer_set(loop, &rows[i].t, start + at[i]);
    }
    loop_timer_cancel(loop, &rows[3].t);
    loop_timer_set(loop, &rows[4].t, start + 25);
    struct loop_timer end = {.on_fire = fire_stop};
    loop_timer_set(loop, &end, start + 30);
    loop_run(loop);
    assert_string_equal(order, "abcd");
    assert_true(clock_mono_ms() - start >= 30);
}

static int again_count;

static void fire_again(struct loop_timer *t)
{
    again_count++;
    loop_timer_set(loop, t, loop_now_ms(loop) - 1);
}

static void timer_in_the_past_does_not_starve(void **state)
{
    (void)state;
    struct loop_timer again = {.on_fire = fire_again};
    struct loop_timer end = {.on_fire = fire_stop};
    loop_timer_set(loop, &again, 0);
    loop_timer_set(loop, &end, clock_mono_ms() + 5);
    loop_run(loop);
    assert_true(again_count >= 2);
    loop_timer_cancel(loop, &again);
}

/* Two watchers of one pair become ready in one batch; the first removes the second. */
struct end {
    struct loop_io io;
    struct end *other;
    int calls;
};

static void remove_both(struct loop_io *io, unsigned events)
{
    struct end *e = CONTAINER_OF(io, struct end, io);
    assert_true(events & LOOP_READ);
    e->calls++;
    loop_io_set(loop, &e->io, 0);
    loop_io_set(loop, &e->other->io, 0);
    loop_stop(loop);
}

static void removed_watcher_is_not_called(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct end a = {.io = {.fd = fds[0], .on_ready = remove_both}};
    struct end b = {.io = {.fd = fds[1], .on_ready = remove_both}, .other = &a};
    a.other = &b;
    assert_int_equal(write(fds[0], "x", 1), 1);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_io_set(loop, &a.io, LOOP_READ);
    loop_io_set(loop, &b.io, LOOP_READ);
    loop_run(loop);
    assert_int_equal(a.calls + b.calls, 1);
    close(fds[0]);
    close(fds[1]);
}

static void note_hangup(struct loop_io *io, unsigned events)
{
    assert_true(events & LOOP_HANGUP);
    loop_io_set(loop, io, 0);
    loop_stop(loop);
}

static void hangup_is_reported_and_closed_fd_tolerated(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct loop_io io = {.fd = fds[0], .on_ready = note_hangup};
    loop_io_set(loop, &io, LOOP_READ);
    close(fds[1]);
    loop_run(loop);
    assert_int_equal(io.interest, 0);
    loop_io_set(loop, &io, LOOP_WRITE);
    close(fds[0]); /* as a library may, before it tells */
    loop_io_set(loop, &io, 0);
}

enum { POSTERS = 4, POSTS = 20000 };

struct poster {
    pthread_t thread;
    struct loop_task tasks[POSTS];
    size_t seen;
};

static struct poster posters[POSTERS];
static size_t tasks_seen;
static bool in_order = true;

static void run_task(struct loop_task *t)
{
    for (size_t i = 0; i < POSTERS; i++) {
        struct poster *p = &posters[i];
        if (t >= p->tasks && t < p->tasks + POSTS)
            in_order = in_order && t == &p->tasks[p->seen++];
    }
    if (++tasks_seen == (size_t)POSTERS * POSTS)
        loop_stop(loop);
}

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (size_t i = 0; i < POSTS; i++)
        p->tasks[i].run = run_task;
    for (size_t i = 0; i < POSTS;) {
        size_t n = 1 + i % 3;
        if (i + n > POSTS)
            n = POSTS - i;
        for (size_t k = 0; k + 1 < n; k++)
            p->tasks[i + k].next = &p->tasks[i + k + 1];
        loop_post_chain(loop, &p->tasks[i], &p->tasks[i + n - 1]);
        i += n;
        if (i % 1000 < 3)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* let the loop fall asleep */
    }
    return NULL;
}

static size_t hooks;

static void count_hook(void *arg)
{
    *(size_t *)arg += 1;
}

static void posts_arrive_once_and_in_order(void **state)
{
    (void)state;
    loop_set_turn_hook(loop, count_hook, &hooks);
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    loop_run(loop);
    for (size_t i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    assert_true(in_order);
    assert_int_equal(tasks_seen, POSTERS * POSTS);
    assert_true(hooks > 0 && hooks < tasks_seen);
    loop_set_turn_hook(loop, NULL, NULL);
}

static void *stop_later(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    loop_stop(arg);
    return NULL;
}

static void idle_loop_sleeps(void **state)
{
    (void)state;
    pthread_t t;
    hooks = 0;
    loop_set_turn_hook(loop, count_hook, &hooks);
    assert_int_equal(pthread_create(&t, NULL, stop_later, loop), 0);
    loop_run(loop);
    pthread_join(t, NULL);
    assert_true(hooks <= 3);
    loop_set_turn_hook(loop, NULL, NULL);
}

static void slew_is_bounded(void **state)
{
    (void)state;
    static const struct {
        int64_t ahead, elapsed, made_good;
    } rows[] = {
            {0, 1000, 0}, {100, 1000, 100}, {-100, 1000, -100}, {10000, 1000, 500}, {-10000, 1000, -500},
            {1000, 0, 0}, {-1, 2, -1},      {INT64_MAX, 7, 3},  {INT64_MIN, 7, -3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(clock_slew(rows[i].ahead, rows[i].elapsed), rows[i].made_good);
}

static void clock_starts_where_it_must(void **state)
{
    (void)state;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t system_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    clock_init(0);
    assert_true(clock_wall_ms() - system_ms < 1000 && clock_wall_ms() >= system_ms);
    clock_init(system_ms + 60000);
    int64_t last = clock_wall_ms();
    assert_true(last >= system_ms + 60000);
    assert_true(clock_system_ms() >= system_ms && clock_system_ms() < system_ms + 30000);
    for (int i = 0; i < 1300; i++) { /* past the end of a segment: now it runs at half speed, but forward */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        int64_t wall = clock_wall_ms();
        assert_true(wall >= last);
        last = wall;
    }
    clock_init(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(timers_fire_in_order_and_never_early, open_loop, close_loop),
            cmocka_unit_test_setup_teardown(timer_in_the_past_does_not_starve, open_loop, close_loop),
            cmocka_unit_test_setup_teardown(removed_watcher_is_not_called, open_loop, close_loop),
            cmocka_unit_test_setup_teardown(hangup_is_reported_and_closed_fd_tolerated, open_loop, close_loop),
            cmocka_unit_test_setup_teardown(posts_arrive_once_and_in_order, open_loop, close_loop),
            cmocka_unit_test_setup_teardown(idle_loop_sleeps, open_loop, close_loop),
            cmocka_unit_test(slew_is_bounded),
            cmocka_unit_test(clock_starts_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
