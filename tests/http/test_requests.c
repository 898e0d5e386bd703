/* SPDX-License-Identifier: Apache-2.0 */
/* Heads: what is refused, what the handler sees of the rest, and what keeps a connection. */
#include "fixture.h"

static void raw_requests(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int status;
    } rows[] = {
            {"GET / HTTP/1.1" CRLF HOST CRLF, 200},
            {"GET / HTTP/1.0" CRLF CRLF, 200},
            {CRLF CRLF "GET / HTTP/1.1" CRLF HOST CRLF, 200},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF "abc", 200},
            {"GET http://b.example/meta?x HTTP/1.1" CRLF HOST CRLF, 200},
            {"GET HTTPS://b.example HTTP/1.1" CRLF HOST CRLF, 200},
            {"PURGE / HTTP/1.1" CRLF HOST CRLF, 200},
            {"GET / HTTP/1.1" CRLF "host:a" CRLF "x:" CRLF "y: \t " CRLF CRLF, 200},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: Chunked" CRLF CRLF "3" CRLF "abc" CRLF "0" CRLF CRLF, 200},
            {"GET / HTTP/1.1" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST HOST CRLF, 400},
            {"GET / HTTP/1.1" CRLF "Host: a b" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF "Host: a@b" CRLF CRLF, 400},
            {"GET / HTTP/1.1\nHost: a\n\n", 400},
            {"GET / HTTP/1.1" CRLF "Host: a\n" CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "\n", 400},
            {"GET / HTTP/1.1" CRLF HOST "A: b\rC: d" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A: b" CRLF " c" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF " Host: a" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A : b" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A B: b" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST ": b" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A(: b" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A\xe9: b" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A: \x01" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A: \x7f" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A: b\x1f" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A:\rXB: c" CRLF CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A: \r\r\n" CRLF, 400},
            {"GET / HTTP/1.1\r" CRLF HOST CRLF, 400},
            {"GET / HTTP/1.1" CRLF HOST "A: long enough for eight at once \xc3\xa9\t." CRLF CRLF, 200},
            {"GET  / HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET /  HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET / HTTP/1.1 " CRLF HOST CRLF, 505},
            {"GET\t/ HTTP/1.1" CRLF HOST CRLF, 405},
            {"GET /\xc3\xa9 HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET /#f HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET /\x01 HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET /" CRLF CRLF, 505},
            {"GET /" CRLF HOST CRLF, 505},
            {"GET / HTTP/2.0" CRLF HOST CRLF, 505},
            {"GET / HTTP/0.9" CRLF HOST CRLF, 505},
            {"GET / HTTP/x" CRLF HOST CRLF, 505},
            {"GET / http/1.1" CRLF HOST CRLF, 400},
            {"GET / HTTP/11.1" CRLF HOST CRLF, 505},
            {"get / HTTP/1.1" CRLF HOST CRLF, 405},
            {"FETCH / HTTP/1.1" CRLF HOST CRLF, 405},
            {"PRI * HTTP/2.0" CRLF CRLF "SM" CRLF CRLF, 405},
            {"OPTIONS * HTTP/1.1" CRLF HOST CRLF, 400},
            {"CONNECT a:443 HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET a:443 HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET ftp://a/ HTTP/1.1" CRLF HOST CRLF, 400},
            {"GET http:///x HTTP/1.1" CRLF HOST CRLF, 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF "Transfer-Encoding: chunked" CRLF CRLF "0" CRLF CRLF,
             400},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF "Content-Length: 3" CRLF CRLF "0" CRLF CRLF,
             400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF "Content-Length: 4" CRLF CRLF "abcd", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF "Content-Length: 3" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 3, 3" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 3 3" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: +3" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: -3" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 0x3" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length:" CRLF CRLF "abc", 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 18446744073709551616" CRLF CRLF, 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 18446744073709551615" CRLF CRLF, 400},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 9223372036854775807" CRLF CRLF, 413},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 100001" CRLF CRLF, 413},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 100001" CRLF "Expect: 100-continue" CRLF CRLF, 413},
            {"POST / HTTP/1.1" CRLF HOST "Content-Length: 1" CRLF "Expect: more" CRLF CRLF, 417},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: gzip" CRLF CRLF, 501},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: gzip, chunked" CRLF CRLF "0" CRLF CRLF, 501},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked, chunked" CRLF CRLF "0" CRLF CRLF, 501},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: xchunked" CRLF CRLF "0" CRLF CRLF, 501},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding:" CRLF CRLF "0" CRLF CRLF, 501},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF "Transfer-Encoding: chunked" CRLF CRLF
             "0" CRLF CRLF,
             501},
            {"POST / HTTP/1.1" CRLF HOST "Transfer-Encoding : chunked" CRLF CRLF "0" CRLF CRLF, 400},
            {"POST / HTTP/1.0" CRLF "Transfer-Encoding: chunked" CRLF CRLF "0" CRLF CRLF, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial();
        say_z(fd, rows[i].in);
        if (hear(fd, false) != rows[i].status)
            fail_msg("row %zu: status %d instead of %d for\n%s", i, got.status, rows[i].status, rows[i].in);
        if (got.status != 200) {
            assert_non_null(strstr(got.head, "Connection: close\r\n"));
            assert_non_null(strstr(got.body, "\"detail\""));
            assert_true(at_end(fd));
        }
        close(fd);
    }
    int fd = dial();
    static const char with_nul[] = "GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n";
    say(fd, with_nul, sizeof with_nul - 1);
    assert_int_equal(hear(fd, false), 400);
    close(fd);
}

static void what_the_handler_sees(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
            {"GET /meta HTTP/1.1" CRLF HOST CRLF, "0 GET /meta  127.0.0.1  0"},
            {"GET /meta?a=b?c HTTP/1.1" CRLF HOST "x-test:  v v\t" CRLF CRLF, "0 GET /meta a=b?c 127.0.0.1 v v 0"},
            {"PUT http://h:80/meta?z HTTP/1.1" CRLF HOST "Content-Length: 2" CRLF CRLF "hi",
             "3 PUT /meta z 127.0.0.1  2"},
            {"PATCH /meta HTTP/1.1" CRLF HOST CRLF, "4 PATCH /meta  127.0.0.1  0"},
            {"DELETE /meta HTTP/1.1" CRLF HOST CRLF, "5 DELETE /meta  127.0.0.1  0"},
            {"OPTIONS /meta HTTP/1.1" CRLF HOST CRLF, "6 OPTIONS /meta  127.0.0.1  0"},
            {"LINK /meta HTTP/1.1" CRLF HOST CRLF, "7 LINK /meta  127.0.0.1  0"},
    };
    int fd = dial(); /* one connection for all */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        say_z(fd, rows[i].in);
        assert_int_equal(hear(fd, false), 200);
        assert_string_equal(got.body, rows[i].out);
        assert_non_null(strstr(got.head, "Content-Type: text/plain\r\n"));
        assert_non_null(strstr(got.head, "Date: "));
        assert_null(strstr(got.head, "Connection:"));
    }
    say_z(fd, "HEAD /meta HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fd, true), 200);
    assert_non_null(strstr(got.head, "Content-Length: 26\r\n"));
    say_z(fd, "GET /empty HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fd, false), 204);
    assert_null(strstr(got.head, "Content-Length"));
    close(fd);
}

static void keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool stays;
        bool says_keep_alive;
    } rows[] = {
            {"GET / HTTP/1.1" CRLF HOST CRLF, true, false},
            {"GET / HTTP/1.1" CRLF HOST "Connection: close" CRLF CRLF, false, false},
            {"GET / HTTP/1.1" CRLF HOST "Connection: foo, Close" CRLF CRLF, false, false},
            {"GET / HTTP/1.0" CRLF CRLF, false, false},
            {"GET / HTTP/1.0" CRLF "Connection: Keep-Alive" CRLF CRLF, true, true},
            {"GET /defer HTTP/1.0" CRLF CRLF, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial();
        say_z(fd, rows[i].in);
        assert_in_range(hear(fd, false), 200, 202);
        assert_int_equal(strstr(got.head, "Connection: close\r\n") == NULL, rows[i].stays);
        assert_int_equal(strstr(got.head, "Connection: keep-alive\r\n") != NULL, rows[i].says_keep_alive);
        if (rows[i].stays) {
            say_z(fd, rows[i].in);
            assert_int_equal(hear(fd, false), 200);
        } else {
            assert_true(at_end(fd));
        }
        close(fd);
    }
}

static void pipelined(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/defer"};
    for (size_t p = 0; p < ARRAY_LEN(paths); p++) {
        char all[40000];
        size_t len = 0;
        int total = 60;
        for (int i = 0; i < total; i++) {
            const char *path = p == 0 ? "/" : i % 10 == 0 ? "/defer" : "/";
            len += (size_t)snprintf(all + len, sizeof all - len,
                                    "POST %s HTTP/1.1" CRLF HOST "Content-Length: 203" CRLF CRLF "%03d%0200d", path, i,
                                    0);
        }
        int fd = dial();
        say(fd, all, len);
        for (int i = 0; i < total; i++) {
            assert_in_range(hear(fd, false), 200, 202);
            assert_int_equal(got.body_len, 203);
            got.body[3] = '\0';
            assert_int_equal(atoi(got.body), i);
        }
        say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF "nonsense\n");
        assert_int_equal(hear(fd, false), 200);
        assert_int_equal(hear(fd, false), 400);
        close(fd);
    }
}

static void expect_continue(void **state)
{
    (void)state;
    int fd = dial();
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "Content-Length: 2" CRLF "Expect: 100-Continue" CRLF CRLF);
    assert_int_equal(hear(fd, true), 100);
    say_z(fd, "ok");
    assert_int_equal(hear(fd, false), 200);
    assert_string_equal(got.body, "ok");
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "Content-Length: 2" CRLF "Expect: 100-continue" CRLF CRLF "no");
    assert_int_equal(hear(fd, false), 200); /* the body came along: no need to ask for it */
    close(fd);
}

int run_request_tests(void)
{
    const struct CMUnitTest tests[] = {
            WITH(raw_requests), WITH(what_the_handler_sees), WITH(keep_alive), WITH(pipelined), WITH(expect_continue),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
