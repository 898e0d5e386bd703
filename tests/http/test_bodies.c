/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: chunks, sizes, and what large ones may take. */
#include "fixture.h"

static void chunked_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *body; /* NULL: 400 */
    } rows[] = {
            {"0" CRLF CRLF, ""},
            {"3" CRLF "abc" CRLF "0" CRLF CRLF, "abc"},
            {"3;x=y" CRLF "abc" CRLF "0002 " CRLF "de" CRLF "0;z" CRLF "T: 1" CRLF "U: 2" CRLF CRLF, "abcde"},
            {"A" CRLF "0123456789" CRLF "a" CRLF "0123456789" CRLF "0" CRLF CRLF, "01234567890123456789"},
            {"3" CRLF "abcd" CRLF "0" CRLF CRLF, NULL},
            {"3" CRLF "abcXX0" CRLF CRLF, NULL},
            {"3\nabc\n0\n\n", NULL},
            {"3;a\nb" CRLF "abc" CRLF "0" CRLF CRLF, NULL},
            {"3\rXabc" CRLF "0" CRLF CRLF, NULL},
            {"x" CRLF, NULL},
            {"-1" CRLF, NULL},
            {" 3" CRLF "abc" CRLF "0" CRLF CRLF, NULL},
            {"0x3" CRLF "abc" CRLF "0" CRLF CRLF, NULL},
            {CRLF, NULL},
            {"fffffffffffffffff" CRLF, NULL},
            {"0" CRLF " T: 1" CRLF CRLF, NULL},
            {"0" CRLF "T: 1\n" CRLF, NULL},
            {"0" CRLF "\n", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            int fd = dial();
            say_z(fd, "POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF CRLF);
            size_t step = bytewise ? 1 : 1000;
            for (size_t at = 0; at < strlen(rows[i].in); at += step) {
                say(fd, rows[i].in + at, strnlen(rows[i].in + at, step));
                if (bytewise)
                    usleep(300);
            }
            int status = hear(fd, false);
            if (status != (rows[i].body != NULL ? 200 : 400) ||
                (rows[i].body != NULL && strcmp(got.body, rows[i].body) != 0))
                fail_msg("row %zu: %d %s", i, status, got.body != NULL ? got.body : "");
            close(fd);
        }
}

static void oversize(void **state)
{
    (void)state;
    static char big[200000];
    memset(big, 'a', sizeof big);
    int fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST "A: ");
    say(fd, big, 9000);
    assert_int_equal(hear(fd, false), 431);
    assert_true(at_end(fd));
    close(fd);

    fd = dial();
    say_z(fd, "GET /");
    say(fd, big, 9000);
    assert_int_equal(hear(fd, false), 431);
    close(fd);

    fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST);
    for (int i = 0; i < 100; i++)
        say_z(fd, "a: b" CRLF);
    say_z(fd, CRLF);
    assert_int_equal(hear(fd, false), 431);
    close(fd);

    fd = dial();
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF CRLF "30d40" CRLF);
    say(fd, big, sizeof big);
    assert_int_equal(hear(fd, false), 413);
    close(fd);

    fd = dial(); /* the whole body is on its way already: the answer must not be lost to a reset */
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "Content-Length: 20000000" CRLF CRLF);
    for (int i = 0; i < 100; i++)
        assert_true(say(fd, big, sizeof big));
    assert_int_equal(hear(fd, false), 413);
    assert_true(at_end(fd));
    close(fd);

    fd = dial(); /* the largest that fits, growing its buffer */
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "X-Test: moved" CRLF "Content-Length: 100000" CRLF CRLF);
    for (size_t at = 0; at < 100000; at += 10000) {
        say(fd, big, 10000);
        usleep(1000);
    }
    assert_int_equal(hear(fd, false), 200);
    assert_int_equal(got.body_len, 100000);
    assert_memory_equal(got.body, big, 100000);
    say_z(fd, "POST /meta?q HTTP/1.1" CRLF HOST "X-Test: moved" CRLF "Content-Length: 50000" CRLF CRLF);
    say(fd, big, 50000);
    assert_int_equal(hear(fd, false), 200);
    assert_string_equal(got.body, "2 POST /meta q 127.0.0.1 moved 50000");
    close(fd);
}

static int setup_budget(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.buffered_bytes_max = 50000;
    fx_start();
    return 0;
}

static void budget_of_large_requests(void **state)
{
    (void)state;
    static char big[40000];
    int a = dial();
    say_z(a, "POST / HTTP/1.1" CRLF HOST "Content-Length: 40000" CRLF CRLF);
    say(a, big, 39999);
    usleep(20000);
    int b = dial();
    say_z(b, "POST / HTTP/1.1" CRLF HOST "Content-Length: 40000" CRLF CRLF);
    say(b, big, 20000);
    assert_int_equal(hear(b, false), 503);
    assert_non_null(strstr(got.head, "Retry-After: 1\r\n"));
    close(b);
    say(a, big, 1);
    assert_int_equal(hear(a, false), 200);
    for (int i = 0; i < 3; i++) { /* given back each time */
        say_z(a, "POST / HTTP/1.1" CRLF HOST "Content-Length: 40000" CRLF CRLF);
        say(a, big, sizeof big);
        assert_int_equal(hear(a, false), 200);
    }
    close(a);
}

/* Bodies up to 1,000,000 bytes where they may be large. */
static int setup_large(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.body_bytes_max = 100000;
    fx.limits.large_bytes_max = 1000000;
    fx_start();
    return 0;
}

static char large[1000000];

/* A large one. */
static void say_large(int fd, const char *path, bool chunked)
{
    char head[200];
    memset(large, 'l', sizeof large);
    snprintf(head, sizeof head, "POST %s HTTP/1.1" CRLF HOST "%s" CRLF CRLF, path,
             chunked ? "Transfer-Encoding: chunked" : "Content-Length: 1000000");
    say_z(fd, head);
    for (size_t at = 0; at < sizeof large; at += 50000) {
        if (chunked)
            say_z(fd, "c350" CRLF);
        say(fd, large + at, 50000);
        if (chunked)
            say_z(fd, CRLF);
    }
    if (chunked)
        say_z(fd, "0" CRLF CRLF);
}

/* The connection of a large request ends with its answer, which is whole, whatever the client has sent behind it. */
static void behind_a_large_body(void **state)
{
    (void)state;
    static const struct {
        bool chunked;
        bool later; /* what is behind it arrives when it is already being answered */
        const char *behind;
    } rows[] = {
            {true, false, "GET /meta HTTP/1.1" CRLF HOST CRLF},
            {true, false, "nonsense\n\n"},
            {true, false, "POST /large HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF CRLF "fffff" CRLF "abc"},
            {true, true, "GET /meta HTTP/1.1" CRLF HOST CRLF},
            {true, true, ""},
            {false, false, "GET /meta HTTP/1.1" CRLF HOST CRLF},
            {false, true, "GET /meta HTTP/1.1" CRLF HOST CRLF},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial();
        fx.requests = 0;
        say_large(fd, rows[i].later ? "/large/hold" : "/large", rows[i].chunked);
        if (rows[i].later)
            wait_for(&fx.held_count, 1);
        say_z(fd, rows[i].behind);
        if (rows[i].later)
            on_loop(answer_held); /* more than the socket takes at once */
        assert_int_equal(hear(fd, false), 200);
        assert_non_null(strstr(got.head, "Connection: close\r\n"));
        assert_int_equal(got.body_len, sizeof large);
        assert_memory_equal(got.body, large, sizeof large);
        assert_true(at_end(fd));
        close(fd);
        wait_for_connections(0);
        assert_int_equal(fx.requests, 1);
    }
}

static void large_bodies_have_room_for_two(void **state)
{
    (void)state;
    int fds[3];
    for (int i = 0; i < 2; i++) {
        fds[i] = dial();
        say_large(fds[i], "/large/hold", i == 0);
    }
    wait_for(&fx.held_count, 2);
    fds[2] = dial();
    say_large(fds[2], "/large", true);
    assert_int_equal(hear(fds[2], false), 503);
    assert_non_null(strstr(got.head, "Retry-After: 1\r\n"));
    close(fds[2]);
    fds[2] = dial(); /* others are not in their way */
    say_z(fds[2], "POST / HTTP/1.1" CRLF HOST "Content-Length: 90000" CRLF CRLF);
    say(fds[2], large, 90000);
    assert_int_equal(hear(fds[2], false), 200);
    close(fds[2]);
    on_loop(answer_held);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hear(fds[i], false), 200);
        close(fds[i]);
    }
    wait_for_connections(0);
    for (int i = 0; i < 3; i++) { /* given back each time */
        int fd = dial();
        say_large(fd, "/large", i == 0);
        assert_int_equal(hear(fd, false), 200);
        close(fd);
    }
}

int run_body_tests(void)
{
    const struct CMUnitTest tests[] = {
            WITH(chunked_bodies),
            WITH(oversize),
            WITH_SETUP(budget_of_large_requests, setup_budget),
            WITH_SETUP(behind_a_large_body, setup_large),
            WITH_SETUP(large_bodies_have_room_for_two, setup_large),
    };
    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
