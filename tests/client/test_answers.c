/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers, most of them hostile, and what the client makes of them.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>

#include "delivery/retry_after.h"

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *name;
    struct str once;
    struct str answer;
    enum after after;
    enum cause cause;
    int status;
    const char *words;
    size_t body_len;
    bool truncated;
    int64_t retry_after_ms;
} answer_rows[] = {
        {"200", {0}, STR(OK_ANSWER), AFTER_KEEP, CAUSE_NONE, 200, "", 2, false, -1},
        {"204", {0}, STR("HTTP/1.1 204 No Content\r\n\r\n"), AFTER_KEEP, CAUSE_NONE, 204, "", 0, false, -1},
        {"HTTP/1.0", {0}, STR("HTTP/1.0 200 OK\r\n\r\nok"), AFTER_CLOSE, CAUSE_NONE, 200, "", 2, false, -1},
        {"301",
         {0},
         STR("HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
         AFTER_KEEP,
         CAUSE_STATUS,
         301,
         "the endpoint answered 301",
         0,
         false,
         -1},
        {"404",
         {0},
         STR("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"),
         AFTER_KEEP,
         CAUSE_STATUS,
         404,
         "404",
         2,
         false,
         -1},
        {"503 and when",
         {0},
         STR("HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"),
         AFTER_KEEP,
         CAUSE_STATUS,
         503,
         "503",
         0,
         false,
         7000},
        {"503 whose body hangs",
         {0},
         STR("HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nno"),
         AFTER_HANG,
         CAUSE_STATUS,
         503,
         "503",
         2,
         false,
         7000},
        {"early hints first", STR("HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"), STR(OK_ANSWER), AFTER_KEEP, CAUSE_NONE,
         200, "", 2, false, -1},
        {"hints only", {0}, STR("HTTP/1.1 103 Early\r\n\r\n"), AFTER_CLOSE, CAUSE_RESET, 0, "closed", 0, false, -1},
        {"half a head", {0}, STR("HTTP/1.1 200 OK\r\nX: y\r\n"), AFTER_CLOSE, CAUSE_RESET, 200, "closed", 0, false, -1},
        {"a status beyond",
         {0},
         STR("HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n"),
         AFTER_KEEP,
         CAUSE_STATUS,
         999,
         "999",
         0,
         false,
         -1},
        {"endless hints",
         {0},
         STR("HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"),
         AFTER_REPEAT,
         CAUSE_PROTOCOL,
         0,
         "do not end",
         0,
         false,
         -1},
        {"endless headers", STR("HTTP/1.1 200 OK\r\n"), STR("X-Fill: 0123456789012345678901234567890123456789\r\n"),
         AFTER_REPEAT, CAUSE_PROTOCOL, 200, "not", 0, false, -1},
        {"endless header line", STR("HTTP/1.1 200 OK\r\nX: "), STR("0123456789012345678901234567890123456789"),
         AFTER_REPEAT, CAUSE_PROTOCOL, 200, "too", 0, false, -1},
        {"endless body", STR("HTTP/1.1 200 OK\r\n\r\n"), STR("0123456789012345678901234567890123456789"), AFTER_REPEAT,
         CAUSE_NONE, 200, "", ATTEMPT_BODY_MAX, true, -1},
        {"endless body of a 500", STR("HTTP/1.1 500 No\r\n\r\n"), STR("0123456789012345678901234567890123456789"),
         AFTER_REPEAT, CAUSE_STATUS, 500, "500", ATTEMPT_BODY_MAX, true, -1},
        {"endless chunks", STR(CHUNKED), STR("28\r\n0123456789012345678901234567890123456789\r\n"), AFTER_REPEAT,
         CAUSE_NONE, 200, "", ATTEMPT_BODY_MAX, true, -1},
        {"bad chunk", STR(CHUNKED), STR("zz\r\nhello\r\n"), AFTER_CLOSE, CAUSE_PROTOCOL, 200, "chunk", 0, false, -1},
        {"length not kept",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"),
         AFTER_CLOSE,
         CAUSE_RESET,
         200,
         "before the answer was complete",
         2,
         false,
         -1},
        {"more than the length",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokokok"),
         AFTER_CLOSE,
         CAUSE_NONE,
         200,
         "",
         2,
         false,
         -1},
        {"length is no number",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nok"),
         AFTER_CLOSE,
         CAUSE_PROTOCOL,
         200,
         "ontent-Length",
         0,
         false,
         -1},
        {"switching protocols",
         {0},
         STR("HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n"),
         AFTER_HANG,
         CAUSE_STATUS,
         101,
         "101",
         0,
         false,
         -1},
        {"HTTP/0.9", {0}, STR("hello there\r\n"), AFTER_CLOSE, CAUSE_PROTOCOL, 0, "HTTP", 0, false, -1},
        {"binary",
         {0},
         STR("\x16\x03\x01\x00\x00garbage\r\n\r\n"),
         AFTER_CLOSE,
         CAUSE_PROTOCOL,
         0,
         "HTTP",
         0,
         false,
         -1},
        {"NUL in the head",
         {0},
         STR("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"),
         AFTER_CLOSE,
         CAUSE_PROTOCOL,
         200,
         "HTTP",
         0,
         false,
         -1},
        {"not decompressed",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08z"),
         AFTER_KEEP,
         CAUSE_NONE,
         200,
         "",
         4,
         false,
         -1},
        {"six encodings",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip, gzip, gzip\r\nContent-Length: "
             "4\r\n\r\n\x1f\x8b\x08z"),
         AFTER_KEEP,
         CAUSE_NONE,
         200,
         "",
         4,
         false,
         -1},
        /* whether the reset or our request is first is chance: "connection reset by", or "closed before an answer" */
        {"reset at once", {0}, {0}, BEFORE_ACCEPTED, CAUSE_RESET, 0, "connection", 0, false, -1},
        {"reset after the request", {0}, {0}, BEFORE_RESET, CAUSE_RESET, 0, "closed before an answer", 0, false, -1},
        {"closed after the request", {0}, {0}, BEFORE_CLOSE, CAUSE_RESET, 0, "closed before an answer", 0, false, -1},
        {"reset in the body",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
         AFTER_RESET,
         CAUSE_RESET,
         200,
         "before the answer was complete",
         2,
         false,
         -1},
        {"no answer",
         {0},
         {0},
         AFTER_HANG,
         CAUSE_TIMEOUT_WAIT,
         0,
         "no answer within 1 s (waiting for the answer)",
         0,
         false,
         -1},
        {"half a status line", {0}, STR("HTTP/1."), AFTER_HANG, CAUSE_TIMEOUT_WAIT, 0, "waiting", 0, false, -1},
        {"half a body",
         {0},
         STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
         AFTER_HANG,
         CAUSE_TIMEOUT_BODY,
         200,
         "reading the answer",
         2,
         false,
         -1},
};

/* One exchange each, the server answers the same to all; a second where the answer does not end. */
static void answers_are_classified(void **state)
{
    (void)state;
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LEN(answer_rows); i++) {
        struct server *s = mem_zalloc(1, sizeof *s);
        s->once = answer_rows[i].once;
        server_start(s, "127.0.0.1", answer_rows[i].answer, answer_rows[i].after);
        struct exchange *x = exchange_new(&f, "127.0.0.1", s->port);
        x->request.timeout_ms = answer_rows[i].after == AFTER_HANG ? 1000 : 30000;
        run_exchange(x);
        if (x->cause != answer_rows[i].cause || x->status != answer_rows[i].status ||
            strstr(x->error, answer_rows[i].words) == NULL ||
            (answer_rows[i].words[0] == '\0') != (x->error[0] == '\0') || x->body_len != answer_rows[i].body_len ||
            x->truncated != answer_rows[i].truncated || x->retry_after_ms != answer_rows[i].retry_after_ms)
            fail_msg("%s: %s %d \"%s\" body %zu%s retry %lld", answer_rows[i].name, cause_name(x->cause), x->status,
                     x->error, x->body_len, x->truncated ? "+" : "", (long long)x->retry_after_ms);
        free(x);
        server_stop(s);
        free(s);
    }
    fixture_close(&f);
}

static void headers_are_kept_within_bounds(void **state)
{
    (void)state;
    static struct server s;
    static char answer[40000];
    struct fixture f = {0};
    size_t n = (size_t)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nA:  b \r\nFolded: one\r\n\ttwo\r\n");
    for (int i = 0; i < 30; i++)
        n += (size_t)snprintf(answer + n, sizeof answer - n, "X-%d: %01000d\r\n", i, i);
    n += (size_t)snprintf(answer + n, sizeof answer - n, "Content-Length: 0\r\n\r\n");
    server_start(&s, "127.0.0.1", str_of(answer, n), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    assert_true(str_starts(str_c(x->headers), STR("A: b\nFolded: one two\nX-0: 0")));
    assert_true(strlen(x->headers) > 15000 && strlen(x->headers) <= 16384);
    assert_int_equal(x->headers[strlen(x->headers) - 1], '\n');
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* The peer closes the kept-alive connection when the next request arrives: a fresh one is used, nobody hears of it. */
static void stale_connection_is_no_error(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), FIRST_ONLY);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    static char big[100000];
    memset(big, 'b', sizeof big);
    for (int i = 0; i < 6; i++) {
        x->request.body[1] = i < 3 ? STR("1") : str_of(big, sizeof big);
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
    }
    assert_int_equal(atomic_load(&s.connections), 6);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* Time-outs in the phases that need no answer. */
static void phases_time_out(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR_NULL, BEFORE_NOTHING);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    x->request.timeout_ms = 400;
    size_t big_len = 16u << 20;
    char *big = mem_zalloc(1, big_len);
    x->request.body[1] = str_of(big, big_len);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TIMEOUT_SEND);
    x->request.body[0] = x->request.body[2] = STR_NULL;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TIMEOUT_SEND);
    assert_true(x->phases.total_us >= 390000 && x->phases.total_us < 20000000);
    x->request.body[1] = STR("x");
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TIMEOUT_WAIT);
    exchange_aim(x, "https://127.0.0.1:%u/", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TIMEOUT_TLS);
    assert_non_null(strstr(x->error, "(TLS handshake)"));
    free(big);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* A listener whose queue is full does not answer a further connection. */
static void connecting_times_out(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fill[8];
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", ntohs(a.sin_port));
    x->request.timeout_ms = 300;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TIMEOUT_CONNECT);
    assert_non_null(strstr(x->error, "no answer within 300 ms (connecting to 127.0.0.1:"));
    for (size_t i = 0; i < ARRAY_LEN(fill); i++)
        close(fill[i]);
    close(listener);
    free(x);
    fixture_close(&f);
}

static void waits_are_read(void **state)
{
    (void)state;
    const int64_t now_ms = 784111777000; /* 1994-11-06T08:49:37Z, the date of RFC 9110's examples */
    static const struct {
        const char *text;
        int64_t wait_ms;
    } rows[] = {
            {"120", 120000},
            {" 0 ", 0},
            {"99999999999999", (int64_t)365 * 86400000},
            {"Sun, 06 Nov 1994 08:50:37 GMT", 60000},
            {"Sunday, 06-Nov-94 08:50:37 GMT", 60000},
            {"Sun Nov  6 08:50:37 1994", 60000},
            {"Sun, 06 Nov 1994 08:48:37 GMT", 0},
            {"Sun, 06 Nov 2094 08:48:37 GMT", (int64_t)365 * 86400000},
            {"", -1},
            {"-1", -1},
            {"1.5", -1},
            {"soon", -1},
            {"Sun, 06 Nov 1994 08:50:37 CET", -1},
            {"Sun, 06 Nix 1994 08:50:37 GMT", -1},
            {"Sun, 06 Nov 1994 08:50:37 GMT and more of it, much more", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (retry_after_parse(str_c(rows[i].text), now_ms) != rows[i].wait_ms)
            fail_msg("%s: %lld", rows[i].text, (long long)retry_after_parse(str_c(rows[i].text), now_ms));
}

int run_answer_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(answers_are_classified),       cmocka_unit_test(headers_are_kept_within_bounds),
            cmocka_unit_test(stale_connection_is_no_error), cmocka_unit_test(phases_time_out),
            cmocka_unit_test(connecting_times_out),         cmocka_unit_test(waits_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
