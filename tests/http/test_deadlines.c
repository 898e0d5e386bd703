/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, draining, and the end of the server. */
#include "fixture.h"

static int setup_short(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.header_timeout_ms = 150;
    fx.limits.body_timeout_ms = 150;
    fx.limits.idle_timeout_ms = 250;
    fx.limits.write_timeout_ms = 150;
    fx_start();
    return 0;
}

static void deadlines(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *later; /* sent every 50 ms */
        int status;
    } rows[] = {
            {"", NULL, 0},
            {"GET / HT", NULL, 408},
            {"GET / HTTP/1.1" CRLF HOST, "a: b" CRLF, 408},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 9" CRLF CRLF, NULL, 408},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 999" CRLF CRLF, "x", 408},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t from = now_ms();
        int fd = dial();
        say_z(fd, rows[i].in);
        for (int k = 0; k < 3; k++) {
            usleep(50000);
            if (rows[i].later != NULL)
                say_z(fd, rows[i].later);
        }
        assert_int_equal(hear(fd, false), rows[i].status);
        assert_in_range(now_ms() - from, 140, 8000);
        close(fd);
    }
    int64_t from = now_ms();
    int fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fd, false), 200);
    assert_true(at_end(fd));
    assert_in_range(now_ms() - from, 240, 60000);
    close(fd);
    fx.requests = 0;
    fd = dial(); /* never reads */
    say_z(fd, "GET /big HTTP/1.1" CRLF HOST CRLF);
    wait_for(&fx.requests, 1);
    wait_for_connections(0);
    close(fd);
}

static int setup_windows(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.body_timeout_ms = 1500;
    fx_start();
    return 0;
}

static void slow_but_fast_enough(void **state)
{
    (void)state;
    char part[3000];
    memset(part, 'a', sizeof part);
    int fd = dial(); /* 3,000 bytes per half second: more than 1 KiB/s in each window */
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "Content-Length: 21000" CRLF CRLF);
    for (int i = 0; i < 7; i++) {
        usleep(500000);
        say(fd, part, sizeof part);
    }
    assert_int_equal(hear(fd, false), 200);
    close(fd);
}

static void draining(void **state)
{
    (void)state;
    int idle = dial();
    say_z(idle, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(idle, false), 200);
    int busy = dial();
    say_z(busy, "GET /hold HTTP/1.1" CRLF HOST CRLF);
    int partial = dial();
    say_z(partial, "GET / HTTP/1.1" CRLF);
    wait_for(&fx.held_count, 1);
    wait_for_connections(3);
    on_loop(drain);
    assert_true(at_end(idle));
    assert_int_equal(connections(), 2);
    on_loop(answer_held);
    assert_int_equal(hear(busy, false), 200);
    assert_non_null(strstr(got.head, "Connection: close\r\n"));
    assert_true(at_end(busy));
    say_z(partial, HOST CRLF);
    assert_int_equal(hear(partial, false), 200);
    assert_true(at_end(partial));
    close(idle);
    close(busy);
    close(partial);
}

static void freed_while_unanswered(void **state)
{
    (void)state;
    int fd = dial();
    say_z(fd, "GET /hold HTTP/1.1" CRLF HOST CRLF);
    wait_for(&fx.held_count, 1);
    close(fd);
    /* teardown frees the server, then answers */
}

int run_deadline_tests(void)
{
    const struct CMUnitTest tests[] = {
            WITH_SETUP(deadlines, setup_short),
            WITH_SETUP(slow_but_fast_enough, setup_windows),
            WITH(draining),
            WITH(freed_while_unanswered),
    };
    return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
