/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After an answer that ends the connection while the client still sends: it is listened to, or a reset would take the
 * answer from it; but not for ever.
 */
#include "fixture.h"

enum { PART = 50000 };

static char part[PART];

static void begin(int64_t timeout_ms, int64_t max_ms)
{
    fx.limits = http_limits_default;
    fx.limits.body_bytes_max = 1000;
    fx.limits.linger_timeout_ms = timeout_ms;
    fx.limits.linger_max_ms = max_ms;
    fx_start();
}

/* A client whose request is refused as soon as its headers are read, and that goes on with its body. */
static int dial_refused(void)
{
    int fd = dial();
    assert_true(say_z(fd, "POST / HTTP/1.1" CRLF HOST "Content-Length: 1000000000" CRLF CRLF));
    assert_true(say(fd, part, PART));
    return fd;
}

/* Sends until the server has had enough; 0: it never had. */
static int64_t send_until_cut(int fd)
{
    int64_t from = now_ms();
    while (say(fd, part, 1000)) {
        if (now_ms() - from > 20000)
            return 0;
        usleep(2000);
    }
    return now_ms() - from + 1;
}

static void slow_sender_reads_the_answer(void **state)
{
    (void)state;
    begin(1000, 30000);
    int fd = dial_refused();
    for (int i = 0; i < 30; i++) { /* more than a window */
        usleep(50000);
        assert_true(say(fd, part, PART));
    }
    assert_int_equal(hear(fd, false), 413);
    assert_non_null(strstr(got.head, "Connection: close\r\n"));
    assert_true(at_end(fd));
    assert_int_equal(connections(), 1);
    close(fd);
    wait_for_connections(0);
}

static void silent_one_is_closed(void **state)
{
    (void)state;
    begin(200, 30000);
    int64_t from = now_ms();
    int fd = dial_refused();
    assert_int_equal(hear(fd, false), 413);
    wait_for_connections(0);
    assert_in_range(now_ms() - from, 190, 3000);
    close(fd);
}

static void who_leaves_is_not_waited_for(void **state)
{
    (void)state;
    begin(60000, 60000);
    int fd = dial_refused();
    assert_int_equal(hear(fd, false), 413);
    assert_int_equal(connections(), 1);
    close(fd);
    wait_for_connections(0);
}

static void endless_sender_is_cut(void **state)
{
    (void)state;
    begin(100, 600);
    int fd = dial_refused();
    assert_in_range(send_until_cut(fd), 400, 5000);
    wait_for_connections(0);
    close(fd);
}

static void draining_does_not_wait(void **state)
{
    (void)state;
    begin(500, 60000);
    int fd = dial_refused();
    assert_int_equal(hear(fd, false), 413);
    on_loop(drain);
    assert_in_range(send_until_cut(fd), 1, 5000);
    wait_for_connections(0);
    close(fd);
}

#define LINGER_TEST(test) cmocka_unit_test_teardown(test, fx_teardown)

int run_linger_tests(void)
{
    const struct CMUnitTest tests[] = {
            LINGER_TEST(slow_sender_reads_the_answer), LINGER_TEST(silent_one_is_closed),
            LINGER_TEST(who_leaves_is_not_waited_for), LINGER_TEST(endless_sender_is_cut),
            LINGER_TEST(draining_does_not_wait),
    };
    return cmocka_run_group_tests_name("linger", tests, NULL, NULL);
}
