/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real server on a loopback port, in a thread of its own, against raw sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http/server.h"
#include "sys/clock.h"

#define CRLF "\r\n"
#define HOST "Host: a" CRLF

static struct {
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    int listen_fd;
    uint16_t port;
    struct http_limits limits;
    void *tls;
    struct http_exchange *held[8];
    atomic_int held_count;
    atomic_int requests;
} s;

/* --- the server's side --- */

struct deferred {
    struct loop_timer t;
    struct http_exchange *x;
};

static void answer_meta(struct http_exchange *x)
{
    const struct http_request *r = http_exchange_request(x);
    char body[512];
    struct str v = http_exchange_header(x, STR("X-Test"));
    int n = snprintf(body, sizeof body, "%d " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " %zu",
                     (int)r->method, STR_ARG(r->method_text), STR_ARG(r->path), STR_ARG(r->query), STR_ARG(r->peer),
                     STR_ARG(v), r->body.len);
    struct http_header h = {STR("Content-Type"), STR("text/plain")};
    http_respond(x, 200, &h, 1, str_of(body, (size_t)n));
}

static void fire_deferred(struct loop_timer *t)
{
    struct deferred *d = CONTAINER_OF(t, struct deferred, t);
    http_respond(d->x, 202, NULL, 0, http_exchange_request(d->x)->body);
    free(d);
}

static void on_request(struct http_exchange *x, void *arg)
{
    (void)arg;
    const struct http_request *r = http_exchange_request(x);
    s.requests++;
    if (str_eq(r->path, STR("/hold"))) {
        s.held[s.held_count++] = x;
    } else if (str_eq(r->path, STR("/defer"))) {
        struct deferred *d = calloc(1, sizeof *d);
        d->x = x;
        d->t.on_fire = fire_deferred;
        loop_timer_set(s.loop, &d->t, loop_now_ms(s.loop) + 20);
    } else if (str_eq(r->path, STR("/empty"))) {
        http_respond(x, 204, NULL, 0, STR_NULL);
    } else if (str_eq(r->path, STR("/big"))) {
        static char big[4 << 20];
        memset(big, 'b', sizeof big);
        http_respond(x, 200, NULL, 0, str_of(big, sizeof big));
    } else if (str_eq(r->path, STR("/meta"))) {
        answer_meta(x);
    } else {
        http_respond(x, 200, NULL, 0, r->body);
    }
}

static void error_body(int status, const char *detail, struct buf *out)
{
    buf_addf(out, "{\"code\":\"%d\",\"detail\":\"%s\"}", status, detail);
}

static void *run_server(void *arg)
{
    (void)arg;
    loop_run(s.loop);
    return NULL;
}

static void start(void)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    s.held_count = 0;
    s.requests = 0;
    assert_int_equal(http_listen(STR("127.0.0.1:0"), &s.listen_fd), ERR_OK);
    assert_int_equal(getsockname(s.listen_fd, (struct sockaddr *)&a, &len), 0);
    s.port = ntohs(a.sin_port);
    s.loop = loop_new();
    s.server = http_server_new(&(struct http_server_config){
            .loop = s.loop,
            .listen_fd = s.listen_fd,
            .tls = s.tls,
            .limits = s.limits,
            .on_request = on_request,
            .error_body = error_body,
    });
    assert_int_equal(pthread_create(&s.thread, NULL, run_server, NULL), 0);
}

/* Runs fn on the loop's thread and waits for it. */
struct call {
    struct loop_task task;
    void (*fn)(void);
    atomic_bool done;
};

static void run_call(struct loop_task *t)
{
    struct call *c = CONTAINER_OF(t, struct call, task);
    c->fn();
    c->done = true;
}

static void on_loop(void (*fn)(void))
{
    struct call c = {.task = {.run = run_call}, .fn = fn};
    loop_post(s.loop, &c.task);
    while (!c.done)
        usleep(200);
}

static void answer_held(void)
{
    for (int i = 0; i < s.held_count; i++)
        http_respond(s.held[i], 200, NULL, 0, http_exchange_request(s.held[i])->body);
    s.held_count = 0;
}

static void drain(void)
{
    http_server_drain(s.server);
}

static size_t count_seen;

static void count(void)
{
    count_seen = http_server_connections(s.server);
}

static size_t connections(void)
{
    on_loop(count);
    return count_seen;
}

static void free_server(void)
{
    http_server_free(s.server);
    answer_held();
}

static void stop(void)
{
    on_loop(free_server);
    loop_stop(s.loop);
    pthread_join(s.thread, NULL);
    loop_free(s.loop);
    close(s.listen_fd);
}

static int setup(void **state)
{
    (void)state;
    s.limits = http_limits_default;
    s.limits.header_bytes_max = 8192;
    s.limits.body_bytes_max = 100000;
    s.tls = NULL;
    start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop();
    return 0;
}

static int setup_short(void **state)
{
    (void)state;
    s.limits = http_limits_default;
    s.limits.header_timeout_ms = 150;
    s.limits.body_timeout_ms = 150;
    s.limits.idle_timeout_ms = 250;
    s.limits.write_timeout_ms = 150;
    s.limits.connections_per_peer_max = 5;
    s.tls = NULL;
    start();
    return 0;
}

/* --- the client's side --- */

struct answer {
    int status; /* 0: the connection ended without one */
    char head[4096];
    char *body; /* freed by the next read */
    size_t body_len;
};

static struct answer got;

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval t = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the server may have had enough */
        text += n;
        len -= (size_t)n;
    }
}

static void say_z(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* One answer, byte by byte up to the end of its head, so that nothing behind it is taken. */
static int hear(int fd, bool head_only)
{
    size_t n = 0;
    free(got.body);
    memset(&got, 0, sizeof got);
    while (n < sizeof got.head - 1 && recv(fd, got.head + n, 1, 0) == 1) {
        n++;
        if (n >= 4 && memcmp(got.head + n - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    if (n < 12)
        return 0;
    got.status = atoi(got.head + 9);
    const char *len = strstr(got.head, "Content-Length: ");
    got.body_len = len != NULL && !head_only ? strtoul(len + 16, NULL, 10) : 0;
    got.body = calloc(1, got.body_len + 1);
    for (size_t at = 0; at < got.body_len;) {
        ssize_t k = recv(fd, got.body + at, got.body_len - at, 0);
        assert_true(k > 0);
        at += (size_t)k;
    }
    return got.status;
}

static bool at_end(int fd)
{
    char c;
    return recv(fd, &c, 1, 0) <= 0;
}

static int64_t now_ms(void)
{
    return clock_mono_ms();
}

/* --- tests --- */

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
    for (size_t left = 20000000; left > 0;) {
        ssize_t n = send(fd, big, left < sizeof big ? left : sizeof big, MSG_NOSIGNAL);
        assert_true(n > 0);
        left -= (size_t)n;
    }
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

static void wait_for(const atomic_int *what, int value)
{
    for (int i = 0; i < 2000 && *what != value; i++)
        usleep(1000);
    assert_int_equal(*what, value);
}

static void client_leaves_before_the_answer(void **state)
{
    (void)state;
    const char *in = "POST /hold HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF "abc";
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        say_z(fds[i], in);
    }
    wait_for(&s.held_count, 3);
    struct linger reset = {.l_onoff = 1};
    setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fds[0]);             /* by reset */
    close(fds[1]);             /* by an end */
    shutdown(fds[2], SHUT_WR); /* half: it still listens */
    usleep(50000);
    on_loop(answer_held);
    assert_int_equal(hear(fds[2], false), 200);
    assert_string_equal(got.body, "abc");
    assert_true(at_end(fds[2]));
    close(fds[2]);
    for (int i = 0; i < 100 && connections() > 0; i++)
        usleep(10000);
    assert_int_equal(connections(), 0);
}

static void busy_connection_does_not_spin(void **state)
{
    (void)state;
    struct rusage before, after;
    int fd = dial();
    say_z(fd, "GET /hold HTTP/1.1" CRLF HOST CRLF);
    wait_for(&s.held_count, 1);
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    shutdown(fd, SHUT_WR);
    getrusage(RUSAGE_SELF, &before);
    usleep(200000);
    getrusage(RUSAGE_SELF, &after);
    int64_t used_us =
            (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
                    1000000 +
            after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    assert_true(used_us < 50000);
    on_loop(answer_held);
    assert_int_equal(hear(fd, false), 200);
    assert_int_equal(hear(fd, false), 200);
    assert_true(at_end(fd));
    close(fd);
}

static void big_answer_to_a_slow_reader(void **state)
{
    (void)state;
    int fd = dial();
    say_z(fd, "GET /big HTTP/1.1" CRLF HOST CRLF "GET /empty HTTP/1.1" CRLF HOST CRLF);
    usleep(50000);
    assert_int_equal(hear(fd, false), 200);
    assert_int_equal(got.body_len, 4 << 20);
    for (size_t i = 0; i < got.body_len; i++)
        assert_int_equal(got.body[i], 'b');
    assert_int_equal(hear(fd, false), 204);
    close(fd);
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
        assert_in_range(now_ms() - from, 140, 900);
        close(fd);
    }
    int64_t from = now_ms();
    int fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fd, false), 200);
    assert_true(at_end(fd));
    assert_in_range(now_ms() - from, 240, 900);
    close(fd);
    fd = dial(); /* never reads */
    say_z(fd, "GET /big HTTP/1.1" CRLF HOST CRLF);
    for (int i = 0; i < 100 && connections() > 0; i++)
        usleep(10000);
    assert_int_equal(connections(), 0);
    close(fd);
}

static void slow_but_fast_enough(void **state)
{
    (void)state;
    char part[300];
    memset(part, 'a', sizeof part);
    int fd = dial(); /* 300 bytes per 50 ms: more than 1 KiB/s over two windows */
    say_z(fd, "POST / HTTP/1.1" CRLF HOST "Content-Length: 2100" CRLF CRLF);
    for (int i = 0; i < 7; i++) {
        usleep(50000);
        say(fd, part, sizeof part);
    }
    assert_int_equal(hear(fd, false), 200);
    close(fd);
}

static void cap_per_peer(void **state)
{
    (void)state;
    int fds[6];
    for (int i = 0; i < 6; i++)
        fds[i] = dial();
    assert_true(at_end(fds[5]));
    say_z(fds[0], "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fds[0], false), 200);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}

static int setup_few(void **state)
{
    (void)state;
    s.limits = http_limits_default;
    s.limits.connections_max = 3;
    s.limits.buffered_bytes_max = 50000;
    s.tls = NULL;
    start();
    return 0;
}

static void longest_idle_makes_room(void **state)
{
    (void)state;
    int fds[4];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        say_z(fds[i], i == 0 ? "GET /hold HTTP/1.1" CRLF HOST CRLF : "GET / HTTP/1.1" CRLF HOST CRLF);
        if (i > 0)
            assert_int_equal(hear(fds[i], false), 200);
    }
    int64_t from = now_ms();
    fds[3] = dial();
    say_z(fds[3], "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fds[3], false), 200);
    assert_in_range(now_ms() - from, 500, 2500); /* the others were not idle for long */
    assert_true(at_end(fds[1]));
    assert_int_equal(connections(), 3);
    int last = dial();
    say_z(last, "GET / HTTP/1.1" CRLF HOST CRLF);
    from = now_ms();
    close(fds[3]);
    assert_int_equal(hear(last, false), 200); /* or a place becomes free */
    assert_true(now_ms() - from < 500);
    on_loop(answer_held);
    assert_int_equal(hear(fds[0], false), 200);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    close(last);
}

/* Who connects and says nothing, or not enough, is in nobody's way for long. */
static void who_says_nothing_makes_room(void **state)
{
    (void)state;
    int fds[3], last[2];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        if (i == 2)
            say_z(fds[i], "GET / HTTP/1.1" CRLF "Host");
    }
    for (int i = 0; i < 2; i++) {
        int64_t from = now_ms();
        last[i] = dial();
        say_z(last[i], "GET /hold HTTP/1.1" CRLF HOST CRLF);
        assert_true(at_end(fds[i]));
        assert_in_range(now_ms() - from, 0, 2500);
    }
    int64_t from = now_ms();
    int one = dial();
    say_z(one, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(one, false), 200);
    assert_in_range(now_ms() - from, 0, 5000); /* long before the time-out for headers */
    assert_true(at_end(fds[2]));
    on_loop(answer_held);
    for (int i = 0; i < 2; i++) {
        close(last[i]);
        close(fds[i]);
    }
    close(fds[2]);
    close(one);
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

static size_t other_connections;

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

/* Connections that come one by one are shared by the loops. */
static void loops_share(void **state)
{
    (void)state;
    int fds[40];
    pthread_t thread;
    struct loop *loop = loop_new();
    struct http_server *other = http_server_new(&(struct http_server_config){
            .loop = loop, .listen_fd = s.listen_fd, .limits = s.limits, .on_request = on_request});
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    for (int i = 0; i < 40; i++) {
        fds[i] = dial();
        say_z(fds[i], "GET / HTTP/1.1" CRLF HOST CRLF);
        assert_int_equal(hear(fds[i], false), 200);
    }
    loop_stop(loop);
    pthread_join(thread, NULL);
    other_connections = http_server_connections(other);
    http_server_free(other);
    loop_free(loop);
    assert_int_equal(connections(), 40 - other_connections);
    assert_in_range(other_connections, 1, 39); /* about half, unless one of the threads gets no processor */
    for (int i = 0; i < 40; i++)
        close(fds[i]);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void idle_connections_are_cheap(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static int fds[MANY];
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    int many = most.rlim_cur > 2 * MANY + 100 ? MANY : (int)(most.rlim_cur / 2) - 50;
    fds[0] = dial();
    say_z(fds[0], "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fds[0], false), 200);
    long before = resident_kib();
    for (int i = 1; i < many; i++) {
        fds[i] = dial();
        say_z(fds[i], "GET / HTTP/1.1" CRLF HOST CRLF);
        assert_int_equal(hear(fds[i], false), 200);
    }
    assert_int_equal(connections(), many);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(resident_kib() - before < many); /* less than 1 KiB each */
#endif
    (void)before;
    on_loop(drain);
    assert_int_equal(connections(), 0);
    for (int i = 0; i < many; i++)
        close(fds[i]);
}

static void out_of_descriptors(void **state)
{
    (void)state;
    static int taken[70000];
    int n = 0;
    struct rlimit limit, low;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* the last that we get */
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &low);
    while (n < 70000 && (taken[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_true(at_end(fd)); /* shed, not left waiting */
    while (n > 0)
        close(taken[--n]);
    setrlimit(RLIMIT_NOFILE, &limit);
    close(fd);
    fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
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
    wait_for(&s.held_count, 1);
    usleep(20000);
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
    wait_for(&s.held_count, 1);
    close(fd);
    /* teardown frees the server, then answers */
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum err e;
    } rows[] = {
            {"127.0.0.1:0", ERR_OK},
            {"localhost:0", ERR_OK},
            {":0", ERR_OK},
            {"", ERR_INVALID},
            {"127.0.0.1", ERR_INVALID},
            {"127.0.0.1:", ERR_INVALID},
            {"127.0.0.1:65536", ERR_INVALID},
            {"::1:80", ERR_INVALID},
            {"[::1:80", ERR_INVALID},
            {"1.2.3.4.5:0", ERR_INVALID},
            {"192.0.2.1:0", ERR_IO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = -1;
        if (strstr(rows[i].in, "localhost") != NULL && access("/etc/hosts", R_OK) != 0)
            continue; /* a bare system may not know the name */
        assert_int_equal(http_listen(str_c(rows[i].in), &fd), rows[i].e);
        assert_int_equal(fd >= 0, rows[i].e == ERR_OK);
        if (fd >= 0)
            close(fd);
    }
}

/* --- TLS --- */

static char tls_dir[] = "/tmp/test_http_XXXXXX";
static char cert_path[64], key_path[64];

static int setup_tls(void **state)
{
    (void)state;
    const char *why = NULL;
    char command[400];
    assert_non_null(mkdtemp(tls_dir));
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", tls_dir);
    snprintf(key_path, sizeof key_path, "%s/key.pem", tls_dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 "
             "-keyout %s -out %s 2>/dev/null",
             key_path, cert_path);
    assert_int_equal(system(command), 0);
    assert_int_equal(http_tls_load(cert_path, cert_path, &s.tls, &why), ERR_INVALID);
    assert_non_null(strstr(why, "TLS_KEY is not a private key"));
    assert_int_equal(http_tls_load(key_path, key_path, &s.tls, &why), ERR_INVALID);
    assert_non_null(strstr(why, "TLS_CERT is not a certificate"));
    static const char *const others[] = {"EC -pkeyopt ec_paramgen_curve:P-256", "ED25519"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char other[300];
        snprintf(other, sizeof other, "%s/other.pem", tls_dir);
        snprintf(command, sizeof command, "openssl genpkey -algorithm %s -out %s 2>/dev/null", others[i], other);
        assert_int_equal(system(command), 0);
        assert_int_equal(http_tls_load(cert_path, other, &s.tls, &why), ERR_INVALID);
        assert_non_null(strstr(why, "does not belong"));
        unlink(other);
    }
    assert_int_equal(http_tls_load(cert_path, key_path, &s.tls, &why), ERR_OK);
    s.limits = http_limits_default;
    s.limits.header_timeout_ms = 300;
    start();
    return 0;
}

static int teardown_tls(void **state)
{
    stop();
    http_tls_free(s.tls);
    s.tls = NULL;
    unlink(cert_path);
    unlink(key_path);
    rmdir(tls_dir);
    (void)state;
    return 0;
}

static size_t read_all(SSL *ssl, char *to, size_t n)
{
    size_t at = 0;
    int k;
    while (at < n && (k = SSL_read(ssl, to + at, (int)(n - at))) > 0)
        at += (size_t)k;
    return at;
}

static void over_tls(void **state)
{
    (void)state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    int fd = dial();
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    assert_int_equal(SSL_connect(ssl), 1);
    static char big[60000], answer[5 << 20];
    const char *pair = "GET /defer HTTP/1.1" CRLF HOST CRLF "GET /empty HTTP/1.1" CRLF HOST CRLF;
    SSL_write(ssl, pair, (int)strlen(pair)); /* both in one record */
    size_t n = 0;
    while (n < 40 || strstr(answer, "204 No Content") == NULL) {
        int k = SSL_read(ssl, answer + n, 4096);
        assert_true(k > 0);
        n += (size_t)k;
    }
    assert_non_null(strstr(answer, "202 Accepted"));
    memset(big, 'z', sizeof big);
    const char *head = "POST / HTTP/1.1" CRLF HOST "Content-Length: 60000" CRLF CRLF;
    SSL_write(ssl, head, (int)strlen(head));
    SSL_write(ssl, big, sizeof big);
    memset(answer, 0, sizeof answer);
    n = 0;
    while (n < 60000 || strstr(answer, "\r\n\r\n") + 4 + 60000 > answer + n) {
        int k = SSL_read(ssl, answer + n, 65536);
        assert_true(k > 0);
        n += (size_t)k;
    }
    const char *last = "GET /big HTTP/1.1" CRLF HOST "Connection: close" CRLF CRLF;
    SSL_write(ssl, last, (int)strlen(last));
    usleep(50000);
    n = read_all(ssl, answer, sizeof answer);
    assert_true(n > 4 << 20);
    assert_int_equal(answer[n - 1], 'b');
    assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    close(fd);

    fd = dial(); /* plain HTTP to a TLS port, and silence */
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    char rest[100];
    while (recv(fd, rest, sizeof rest, 0) > 0)
        ;
    close(fd);
    fd = dial();
    assert_true(at_end(fd));
    close(fd);

    fd = dial(); /* too old */
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
    assert_int_not_equal(SSL_connect(ssl), 1);
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(ctx);
    assert_int_equal(connections(), 0);
}

#define WITH(test)       cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_SHORT(test) cmocka_unit_test_setup_teardown(test, setup_short, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            WITH(raw_requests),
            WITH(chunked_bodies),
            WITH(oversize),
            WITH(what_the_handler_sees),
            WITH(keep_alive),
            WITH(pipelined),
            WITH(expect_continue),
            WITH(client_leaves_before_the_answer),
            WITH(busy_connection_does_not_spin),
            WITH(big_answer_to_a_slow_reader),
            WITH_SHORT(deadlines),
            WITH_SHORT(slow_but_fast_enough),
            WITH_SHORT(cap_per_peer),
            cmocka_unit_test_setup_teardown(longest_idle_makes_room, setup_few, teardown),
            cmocka_unit_test_setup_teardown(who_says_nothing_makes_room, setup_few, teardown),
            cmocka_unit_test_setup_teardown(budget_of_large_requests, setup_few, teardown),
            WITH(loops_share),
            WITH(idle_connections_are_cheap),
            WITH(out_of_descriptors),
            WITH(draining),
            WITH(freed_while_unanswered),
            cmocka_unit_test(addresses),
            cmocka_unit_test_setup_teardown(over_tls, setup_tls, teardown_tls),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(got.body);
    return failed;
}
