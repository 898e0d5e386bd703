/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client against small servers on loopback, most of them ill-behaved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "delivery/client.h"
#include "delivery/proxy.h"
#include "delivery/retry_after.h"
#include "delivery/target.h"
#include "sys/clock.h"

/* A server with one thread: it reads whole requests and answers each with the same bytes. */

enum after {
    AFTER_KEEP,      /* serve the next request */
    AFTER_CLOSE,     /* close in order */
    AFTER_RESET,     /* RST */
    AFTER_HANG,      /* say nothing more, keep it open */
    AFTER_REPEAT,    /* send the bytes again and again */
    BEFORE_RESET,    /* RST without an answer once the request is read */
    BEFORE_CLOSE,    /* close without an answer */
    BEFORE_ACCEPTED, /* RST at once, request unread */
    BEFORE_NOTHING,  /* accept, read nothing */
    FIRST_ONLY       /* answer one request per connection, then close in silence when the next arrives */
};

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    int stop[2];
    struct str once; /* sent before the answer, at the first request of a connection */
    struct str answer;
    enum after after;
    atomic_int connections;
    atomic_int requests;
    unsigned peer; /* of the last connection, host order */
    size_t request_len;
    char first[4096];     /* the first one, cut */
    char request[400000]; /* the last one */
};

static void reset_connection(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static bool wait_for(struct server *s, int fd, short events)
{
    struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = s->stop[0], .events = POLLIN}};
    return poll(p, 2, 20000) > 0 && p[1].revents == 0;
}

/* An idle connection gives way to a new one: there is one thread. */
static bool is_idle_and_awaited(struct server *s, int fd)
{
    struct pollfd p[] = {
            {.fd = fd, .events = POLLIN}, {.fd = s->fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
    return poll(p, 3, 20000) > 0 && p[0].revents == 0;
}

/* One request into s->request; false at the end of the connection. */
static bool read_request(struct server *s, int fd)
{
    size_t len = 0, want = 0;
    while (want == 0 || len < want) {
        if (!wait_for(s, fd, POLLIN))
            return false;
        ssize_t n = read(fd, s->request + len, sizeof s->request - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        s->request[len] = '\0';
        char *end = strstr(s->request, "\r\n\r\n");
        if (want == 0 && end != NULL) {
            const char *cl = strcasestr(s->request, "content-length:");
            want = (size_t)(end + 4 - s->request) + (cl != NULL ? strtoul(cl + 15, NULL, 10) : 0);
        }
    }
    s->request_len = len;
    if (atomic_fetch_add(&s->requests, 1) == 0)
        snprintf(s->first, sizeof s->first, "%.4000s", s->request);
    return true;
}

static bool send_all(struct server *s, int fd, struct str bytes)
{
    while (bytes.len > 0) {
        if (!wait_for(s, fd, POLLOUT))
            return false;
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

static void serve_connection(struct server *s, int fd)
{
    if (s->after == BEFORE_ACCEPTED) {
        reset_connection(fd);
        return;
    }
    if (s->after == BEFORE_NOTHING)
        (void)wait_for(s, -1, 0);
    int served = 0;
    while (s->after != BEFORE_NOTHING && !(served > 0 && is_idle_and_awaited(s, fd)) && read_request(s, fd)) {
        if (s->after == BEFORE_RESET) {
            reset_connection(fd);
            return;
        }
        if (s->after == BEFORE_CLOSE || (s->after == FIRST_ONLY && served > 0) || !send_all(s, fd, s->once) ||
            !send_all(s, fd, s->answer))
            break;
        served++;
        while (s->after == AFTER_REPEAT && send_all(s, fd, s->answer)) {
        }
        if (s->after == AFTER_RESET) {
            reset_connection(fd);
            return;
        }
        if (s->after == AFTER_HANG)
            (void)wait_for(s, -1, 0);
        if (s->after != AFTER_KEEP && s->after != FIRST_ONLY)
            break;
    }
    close(fd);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    while (wait_for(s, s->fd, POLLIN)) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        int fd = accept(s->fd, (struct sockaddr *)&peer, &len);
        if (fd < 0)
            continue;
        s->peer = ntohl(peer.sin_addr.s_addr);
        atomic_fetch_add(&s->connections, 1);
        serve_connection(s, fd);
    }
    return NULL;
}

/* s->port, once and the like may be set before; 0: any port. */
static void server_start(struct server *s, const char *ip, struct str answer, enum after after)
{
    s->answer = answer;
    s->after = after;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 64), 0);
    socklen_t len = sizeof a;
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    assert_int_equal(write(s->stop[1], "", 1), 1);
    pthread_join(s->thread, NULL);
    close(s->fd);
    close(s->stop[0]);
    close(s->stop[1]);
}

/* The client under test. */

struct fixture {
    struct loop *loop;
    struct client *client;
    struct ssrf_subnet allow[2];
    struct ssrf_policy policy;
    struct client_config config;
    size_t pending;
};

struct exchange {
    struct client_request request;
    struct fixture *fixture;
    char url[512];
    bool done;
    enum cause cause;
    int status;
    char error[512];
    char headers[20000];
    char peer[64];
    size_t body_len;
    bool truncated;
    int64_t retry_after_ms;
    struct attempt_phases phases;
};

static void fixture_open(struct fixture *f, const char *allow)
{
    f->loop = loop_new();
    assert_non_null(f->loop);
    if (allow != NULL) {
        assert_int_equal(ssrf_parse_subnet(str_c(allow), &f->allow[0]), ERR_OK);
        f->policy.allow = f->allow;
        f->policy.allow_count = 1;
    }
    f->config.loop = f->loop;
    f->config.policy = &f->policy;
    f->config.user_agent = "Postrider/test";
    const char *why = NULL;
    f->client = client_new(&f->config, &why);
    assert_non_null(f->client);
}

static void fixture_close(struct fixture *f)
{
    assert_int_equal(client_in_flight(f->client), 0);
    client_free(f->client);
    loop_free(f->loop);
}

static void copy_text(char *to, size_t size, struct str s)
{
    s = str_take(s, size - 1);
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
}

static void on_done(struct client_request *r, const struct client_result *result)
{
    struct exchange *x = CONTAINER_OF(r, struct exchange, request);
    assert_false(x->done);
    x->done = true;
    x->cause = result->cause;
    x->status = result->http_status;
    x->body_len = result->body.len;
    x->truncated = result->body_truncated;
    x->retry_after_ms = result->retry_after_ms;
    x->phases = result->phases;
    copy_text(x->error, sizeof x->error, result->error);
    copy_text(x->headers, sizeof x->headers, result->headers);
    copy_text(x->peer, sizeof x->peer, result->peer);
    if (--x->fixture->pending == 0)
        loop_stop(x->fixture->loop);
}

static const char *const usual_headers[] = {"Content-Type: application/json", "webhook-id: msg_1"};

static struct exchange *exchange_new(struct fixture *f, const char *host, unsigned port)
{
    struct exchange *x = mem_zalloc(1, sizeof *x);
    x->fixture = f;
    snprintf(x->url, sizeof x->url, "http://%s:%u/hook", host, port);
    x->request = (struct client_request){.method = STR("POST"),
                                         .url = str_c(x->url),
                                         .headers = usual_headers,
                                         .header_count = ARRAY_LEN(usual_headers),
                                         .body = {STR("{\"a\":"), STR("1"), STR("}")},
                                         .timeout_ms = 5000,
                                         .on_done = on_done};
    return x;
}

static void send_exchange(struct exchange *x)
{
    x->done = false;
    x->fixture->pending++;
    client_send(x->fixture->client, &x->request);
    assert_false(x->done);
}

static void run_exchange(struct exchange *x)
{
    send_exchange(x);
    loop_run(x->fixture->loop);
    assert_true(x->done);
}

struct pause {
    struct loop_timer timer;
    struct loop *loop;
};

static void on_pause_over(struct loop_timer *t)
{
    loop_stop(CONTAINER_OF(t, struct pause, timer)->loop);
}

/* Lets the loop turn for a while. */
static void pause_loop(struct fixture *f, int64_t ms)
{
    struct pause p = {.timer.on_fire = on_pause_over, .loop = f->loop};
    loop_timer_set(f->loop, &p.timer, clock_mono_ms() + ms);
    loop_run(f->loop);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void kept_alive_connection_is_reused(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    for (int i = 0; i < 20; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_int_equal(x->status, 200);
        assert_int_equal(x->body_len, 2);
        assert_string_equal(x->headers, "Content-Length: 2\n");
        assert_true(x->phases.total_us >= x->phases.first_byte_us && x->phases.first_byte_us > 0);
        assert_true((x->phases.connect_us > 0) == (i == 0));
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    assert_int_equal(atomic_load(&s.requests), 20);
    assert_non_null(strstr(s.request, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(s.request, "\r\nUser-Agent: Postrider/test\r\n"));
    assert_non_null(strstr(s.request, "\r\nwebhook-id: msg_1\r\n"));
    assert_non_null(strstr(s.request, "\r\n\r\n{\"a\":1}"));
    assert_null(strcasestr(s.request, "expect:"));
    assert_null(strcasestr(s.request, "accept-encoding"));
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* One exchange each, the server answers the same to all; 600 ms where the answer does not end. */
static void answers_are_classified(void **state)
{
    (void)state;
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
    } rows[] = {
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
            {"early hints first", STR("HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"), STR(OK_ANSWER), AFTER_KEEP,
             CAUSE_NONE, 200, "", 2, false, -1},
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
            {"endless body", STR("HTTP/1.1 200 OK\r\n\r\n"), STR("0123456789012345678901234567890123456789"),
             AFTER_REPEAT, CAUSE_NONE, 200, "", ATTEMPT_BODY_MAX, true, -1},
            {"endless body of a 500", STR("HTTP/1.1 500 No\r\n\r\n"), STR("0123456789012345678901234567890123456789"),
             AFTER_REPEAT, CAUSE_STATUS, 500, "500", ATTEMPT_BODY_MAX, true, -1},
            {"endless chunks", STR(CHUNKED), STR("5\r\nhello\r\n"), AFTER_REPEAT, CAUSE_NONE, 200, "", ATTEMPT_BODY_MAX,
             true, -1},
            {"bad chunk", STR(CHUNKED), STR("zz\r\nhello\r\n"), AFTER_CLOSE, CAUSE_PROTOCOL, 200, "chunk", 0, false,
             -1},
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
            {"reset at once", {0}, {0}, BEFORE_ACCEPTED, CAUSE_RESET, 0, "closed before an answer", 0, false, -1},
            {"reset after the request",
             {0},
             {0},
             BEFORE_RESET,
             CAUSE_RESET,
             0,
             "closed before an answer",
             0,
             false,
             -1},
            {"closed after the request",
             {0},
             {0},
             BEFORE_CLOSE,
             CAUSE_RESET,
             0,
             "closed before an answer",
             0,
             false,
             -1},
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
             "no answer within 600 ms (waiting for the answer)",
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
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct server *s = mem_zalloc(1, sizeof *s);
        s->once = rows[i].once;
        server_start(s, "127.0.0.1", rows[i].answer, rows[i].after);
        struct exchange *x = exchange_new(&f, "127.0.0.1", s->port);
        x->request.timeout_ms = rows[i].after == AFTER_HANG ? 600 : 5000;
        run_exchange(x);
        if (x->cause != rows[i].cause || x->status != rows[i].status || strstr(x->error, rows[i].words) == NULL ||
            (rows[i].words[0] == '\0') != (x->error[0] == '\0') || x->body_len != rows[i].body_len ||
            x->truncated != rows[i].truncated || x->retry_after_ms != rows[i].retry_after_ms)
            fail_msg("%s: %s %d \"%s\" body %zu%s retry %lld", rows[i].name, cause_name(x->cause), x->status, x->error,
                     x->body_len, x->truncated ? "+" : "", (long long)x->retry_after_ms);
        assert_true(x->phases.total_us < 3000000);
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

static void large_bodies_arrive_whole(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    static char part[3][100000];
    static const size_t sizes[] = {1, 5000, 20000, 65536, 100000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t total = 0;
        for (size_t k = 0; k < 3; k++) {
            memset(part[k], (int)('a' + i + k), sizeof part[k]);
            size_t len = k == 2 && i == 1 ? 0 : sizes[(i + k) % ARRAY_LEN(sizes)];
            x->request.body[k] = str_of(part[k], len);
            total += len;
        }
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        const char *body = s.request + s.request_len - total;
        for (size_t k = 0; k < 3; k++) {
            assert_memory_equal(body, part[k], x->request.body[k].len);
            body += x->request.body[k].len;
        }
        assert_null(strcasestr(s.request, "transfer-encoding"));
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* One after the other through the same handle. */
static void methods_do_not_leak_into_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *body;
        const char *has;
        const char *has_not;
    } rows[] = {
            {"POST", "x", "Content-Length: 1\r\n", "Expect"},
            {"GET", "", "GET /hook HTTP/1.1\r\n", "Content-Length"},
            {"POST", "", "Content-Length: 0\r\n", "GET"},
            {"PUT", "xy", "Content-Length: 2\r\n", "POST"},
            {"DELETE", "", "DELETE /hook HTTP/1.1\r\n", "Content-Length"},
            {"PATCH", "xyz", "Content-Length: 3\r\n", "DELETE"},
            {"POST", "abc", "\r\n\r\nabc", "PATCH"},
            {"HEAD", "", "HEAD /hook", "Content-Length"},
            {"POST", "abcd", "\r\n\r\nabcd", "HEAD"},
    };
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    static const char *const headers[] = {"X-Empty:", "X-Blank: ", "X-Full: 1"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
        x->request.method = str_c(rows[i].method);
        x->request.headers = headers;
        x->request.header_count = ARRAY_LEN(headers);
        x->request.body[0] = str_c(rows[i].body);
        x->request.body[1] = x->request.body[2] = STR_NULL;
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_true(str_starts(str_c(s.request), str_c(rows[i].method)));
        assert_non_null(strstr(s.request, rows[i].has));
        assert_null(strstr(s.request, rows[i].has_not));
        assert_null(strstr(s.request, "Content-Type"));
        assert_non_null(strstr(s.request, "X-Empty:\r\nX-Blank:\r\nX-Full: 1\r\n"));
        free(x);
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    fixture_close(&f);
    server_stop(&s);
}

static void unusable_requests_fail_in_words(void **state)
{
    (void)state;
    static const char *const split[] = {"X: a\r\nY: b"}, *const nameless[] = {"nothing"};
    static const struct {
        const char *url;
        const char *const *headers;
        enum cause cause;
        const char *words;
    } rows[] = {
            {"ftp://a.test/", NULL, CAUSE_URL, "neither http nor https"},
            {"http://user@a.test/", NULL, CAUSE_URL, "user name"},
            {"http://a.test:0/", NULL, CAUSE_URL, "port"},
            {"http://a.test:65536/", NULL, CAUSE_URL, "port"},
            {"http:///x", NULL, CAUSE_URL, "no host"},
            {"http://a.test/\n", NULL, CAUSE_URL, "characters"},
            {"http://127.0.0.1/", split, CAUSE_INTERNAL, "malformed"},
            {"http://127.0.0.1/", nameless, CAUSE_INTERNAL, "malformed"},
            {"http://127.0.0.1:1/", NULL, CAUSE_REFUSED, "connection refused by 127.0.0.1:1"},
            {"http://[::1]/", NULL, CAUSE_BLOCKED, "::1 is not allowed"},
            {"http://10.1.2.3/", NULL, CAUSE_BLOCKED, "10.1.2.3 is not allowed"},
            {"http://169.254.169.254/latest/", NULL, CAUSE_BLOCKED, "169.254.169.254 is not allowed"},
    };
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = exchange_new(&f, "127.0.0.1", 1);
        x->request.url = str_c(rows[i].url);
        x->request.headers = rows[i].headers;
        x->request.header_count = rows[i].headers != NULL;
        run_exchange(x);
        if (x->cause != rows[i].cause || strstr(x->error, rows[i].words) == NULL || x->status != 0 ||
            x->peer[0] != '\0')
            fail_msg("%s: %s \"%s\" %s", rows[i].url, cause_name(x->cause), x->error, x->peer);
        free(x);
    }
    f.policy.https_only = true;
    struct exchange *x = exchange_new(&f, "127.0.0.1", 1);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_URL);
    free(x);
    fixture_close(&f);
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
    assert_true(x->phases.total_us >= 390000 && x->phases.total_us < 2000000);
    x->request.body[1] = STR("x");
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TIMEOUT_WAIT);
    snprintf(x->url, sizeof x->url, "https://127.0.0.1:%u/", s.port);
    x->request.url = str_c(x->url);
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

static void blocked_address_gets_no_packet(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.2", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.1/32");
    struct exchange *x = exchange_new(&f, "127.0.0.2", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    assert_non_null(strstr(x->error, "127.0.0.2 is not allowed: "));
    assert_int_equal(atomic_load(&s.connections), 0);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* A connection that was permitted when it was opened is not used once its address is no longer. */
static void kept_alive_connection_is_checked_again(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    f.policy.allow_count = 0;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    assert_int_equal(atomic_load(&s.requests), 1);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

static void source_address_is_bound(void **state)
{
    (void)state;
    static struct server s;
    static const char *const sources[] = {"127.0.0.2", "127.0.0.3", NULL}, *const foreign[] = {"192.0.2.1", NULL};
    struct fixture f = {.config.bind = sources};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_CLOSE);
    fixture_open(&f, "127.0.0.0/8");
    for (unsigned i = 0; i < 4; i++) {
        struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_int_equal(s.peer, 0x7f000002u + i % 2);
        free(x);
    }
    fixture_close(&f);
    struct fixture g = {.config.bind = foreign};
    fixture_open(&g, "127.0.0.0/8");
    struct exchange *x = exchange_new(&g, "127.0.0.1", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_UNREACHABLE);
    assert_non_null(strstr(x->error, "Cannot assign requested address"));
    free(x);
    fixture_close(&g);
    server_stop(&s);
}

static void canceled_exchanges_are_silent(void **state)
{
    (void)state;
    static struct server hung, good;
    struct fixture f = {0};
    server_start(&hung, "127.0.0.1", STR_NULL, BEFORE_NOTHING);
    server_start(&good, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *at_once = exchange_new(&f, "127.0.0.1", hung.port),
                    *later = exchange_new(&f, "127.0.0.1", hung.port), *early = exchange_new(&f, "10.0.0.1", 1),
                    *x = exchange_new(&f, "127.0.0.1", good.port);
    send_exchange(at_once);
    send_exchange(later);
    send_exchange(early);
    client_cancel(f.client, &at_once->request);
    client_cancel(f.client, &early->request);
    f.pending = 0;
    run_exchange(x);
    assert_int_equal(client_in_flight(f.client), 1);
    client_cancel(f.client, &later->request);
    client_cancel(f.client, &later->request);
    f.pending = 0;
    run_exchange(x);
    assert_false(at_once->done || later->done || early->done);
    free(at_once);
    free(later);
    free(early);
    free(x);
    fixture_close(&f);
    server_stop(&hung);
    server_stop(&good);
}

static void many_at_once_reuse_what_is_open(void **state)
{
    (void)state;
    enum { HOSTS = 40, ROUNDS = 5 };
    static struct server s[HOSTS];
    struct fixture f = {0};
    struct exchange *x[HOSTS];
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < HOSTS; i++) {
        char ip[20];
        snprintf(ip, sizeof ip, "127.0.1.%zu", i + 1);
        server_start(&s[i], ip, STR(OK_ANSWER), AFTER_KEEP);
        x[i] = exchange_new(&f, ip, s[i].port);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < HOSTS; i++)
            send_exchange(x[i]);
        loop_run(f.loop);
        for (size_t i = 0; i < HOSTS; i++)
            assert_int_equal(x[i]->cause, CAUSE_NONE);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(atomic_load(&s[i].connections), 1);
        free(x[i]);
    }
    fixture_close(&f);
    for (size_t i = 0; i < HOSTS; i++)
        server_stop(&s[i]);
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

static void proxy_exceptions_match(void **state)
{
    (void)state;
    static const struct {
        const char *no_proxy, *host, *ip;
        bool bypassed;
    } rows[] = {
            {"", "a.test", "192.0.2.1", false},
            {"*", "a.test", "192.0.2.1", true},
            {"a.test", "a.test", "192.0.2.1", true},
            {"A.Test", "b.a.test", "192.0.2.1", true},
            {".a.test", "a.test", "192.0.2.1", true},
            {"a.test", "ba.test", "192.0.2.1", false},
            {"x, 192.0.2.0/24", "b", "192.0.2.1", true},
            {"192.0.2.0/25", "b", "192.0.2.129", false},
            {"192.0.2.1", "192.0.2.1", "192.0.2.1", true},
            {"2001:db8::/32", "b", "2001:db8::1", true},
            {",,", "b", "192.0.2.1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address a;
        struct target t = {.host = str_c(rows[i].host), .port = 80};
        assert_true(address_parse(str_c(rows[i].ip), 80, &a));
        assert_int_equal(proxy_is_bypassed(str_c(rows[i].no_proxy), &t, &a), rows[i].bypassed);
    }
}

/* Host literals go to the proxy in absolute form, and what the proxy does is told apart from what the endpoint does. */
static void proxy_is_used(void **state)
{
    (void)state;
    static struct server good, bad;
    char url[64];
    server_start(&good, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    server_start(&bad, "127.0.0.1", STR("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), AFTER_KEEP);
    snprintf(url, sizeof url, "http://user:pw@127.0.0.1:%u", good.port);
    struct fixture f = {.config = {.proxy = url, .no_proxy = "127.0.0.1"}};
    fixture_open(&f, "127.0.0.1/32");
    struct exchange *x = exchange_new(&f, "198.41.0.4", 80);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    assert_true(str_starts(str_c(good.request), STR("POST http://198.41.0.4:80/hook HTTP/1.1\r\n")) ||
                str_starts(str_c(good.request), STR("POST http://198.41.0.4/hook HTTP/1.1\r\n")));
    assert_non_null(strstr(good.request, "Proxy-Authorization: Basic "));
    snprintf(x->url, sizeof x->url, "http://10.0.0.1/");
    x->request.url = str_c(x->url);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/", bad.port);
    x->request.url = str_c(x->url);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_STATUS);
    assert_true(str_starts(str_c(bad.request), STR("POST / HTTP/1.1\r\n")));
    assert_null(strstr(bad.request, "Proxy-Authorization"));
    assert_int_equal(atomic_load(&good.requests), 1);
    free(x);
    fixture_close(&f);

    snprintf(url, sizeof url, "http://127.0.0.1:%u", bad.port);
    struct fixture g = {.config.proxy = url};
    fixture_open(&g, NULL);
    x = exchange_new(&g, "198.41.0.4", 80);
    snprintf(x->url, sizeof x->url, "https://198.41.0.4/");
    x->request.url = str_c(x->url);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_PROXY);
    assert_string_equal(x->error, "the egress proxy answered 403");
    assert_true(str_starts(str_c(bad.request), STR("CONNECT 198.41.0.4:443 HTTP/1.1\r\n")));
    fixture_close(&g);
    server_stop(&bad);

    struct fixture h = {.config.proxy = url};
    fixture_open(&h, NULL);
    x->fixture = &h;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_PROXY);
    assert_string_equal(x->error, "the egress proxy cannot be reached");
    free(x);
    fixture_close(&h);
    server_stop(&good);
}

/* A DNS server that answers the address questions for a few names. */

struct name {
    const char *name;
    const char *ip[3]; /* A records */
    const char *then;  /* the only one from the second question on; NULL: the same again */
    int rcode;         /* 3: no such name, 2: server failure, -1: no answer at all */
    atomic_int asked;  /* A questions */
};

struct dns_server {
    int fd;
    char address[40];
    pthread_t thread;
    struct name *names;
    size_t count;
};

/* The dotted name of the question at offset 12; its end, or 0. */
static size_t read_name(const unsigned char *q, size_t len, char *out)
{
    size_t at = 12, n = 0;
    while (at < len && q[at] != 0) {
        size_t label = q[at++];
        if (at + label > len || n + label + 2 > 256)
            return 0;
        memcpy(out + n, q + at, label);
        n += label;
        out[n++] = '.';
        at += label;
    }
    out[n > 0 ? n - 1 : 0] = '\0';
    return at + 1;
}

static size_t add_record(unsigned char *to, const char *ip)
{
    static const unsigned char head[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4}; /* name, A, IN, TTL 0, length */
    memcpy(to, head, sizeof head);
    assert_int_equal(inet_pton(AF_INET, ip, to + sizeof head), 1);
    return sizeof head + 4;
}

static size_t answer_question(struct dns_server *d, unsigned char *q, size_t len)
{
    char text[260];
    size_t end = len > 16 ? read_name(q, len, text) : 0;
    if (end == 0 || end + 4 > len)
        return 0;
    bool is_a = q[end + 1] == 1;
    size_t at = end + 4;
    struct name *n = NULL;
    for (size_t i = 0; i < d->count; i++)
        if (strcasecmp(d->names[i].name, text) == 0)
            n = &d->names[i];
    int rcode = n != NULL ? n->rcode : 5;
    if (rcode < 0)
        return 0;
    memset(q + 6, 0, 6); /* no records so far, nor EDNS */
    q[2] = 0x81;
    q[3] = (unsigned char)(0x80 | rcode);
    if (!is_a || n == NULL || rcode != 0)
        return at;
    bool later = atomic_fetch_add(&n->asked, 1) > 0 && n->then != NULL;
    for (size_t i = 0; i < ARRAY_LEN(n->ip) && n->ip[i] != NULL; i++) {
        at += add_record(q + at, later ? n->then : n->ip[i]);
        q[7]++;
    }
    return at;
}

static void *serve_dns(void *arg)
{
    struct dns_server *d = arg;
    unsigned char q[1500];
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t n = recvfrom(d->fd, q, 512, 0, (struct sockaddr *)&from, &from_len);
        if (n <= 1)
            return NULL;
        size_t len = answer_question(d, q, (size_t)n);
        if (len > 0)
            sendto(d->fd, q, len, 0, (struct sockaddr *)&from, from_len);
    }
}

static void dns_start(struct dns_server *d, struct name *names, size_t count)
{
    d->names = names;
    d->count = count;
    d->fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_int_equal(bind(d->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(d->fd, (struct sockaddr *)&a, &len), 0);
    snprintf(d->address, sizeof d->address, "127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&d->thread, NULL, serve_dns, d), 0);
}

static void dns_stop(struct dns_server *d)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    getsockname(d->fd, (struct sockaddr *)&a, &len);
    assert_int_equal(sendto(d->fd, "", 1, 0, (struct sockaddr *)&a, len), 1);
    pthread_join(d->thread, NULL);
    close(d->fd);
}

static void names_are_resolved_and_guarded(void **state)
{
    (void)state;
    static struct name names[] = {
            {.name = "plain.test", .ip = {"127.0.0.1"}},
            {.name = "mixed.test", .ip = {"127.0.0.2", "10.0.0.1", "127.0.0.1"}},
            {.name = "inside.test", .ip = {"10.0.0.1", "127.0.0.2"}},
            {.name = "none.test", .rcode = 3},
            {.name = "broken.test", .rcode = 2},
            {.name = "silent.test", .rcode = -1},
    };
    static const struct {
        const char *host;
        enum cause cause;
        const char *words;
    } rows[] = {
            {"plain.test", CAUSE_NONE, ""},
            {"mixed.test", CAUSE_NONE, ""},
            {"inside.test", CAUSE_BLOCKED, " is not allowed: "},
            {"none.test", CAUSE_DNS, "DNS: none.test: no such name"},
            {"none.test", CAUSE_DNS, "DNS: none.test: no such name"},
            {"broken.test", CAUSE_DNS, "the DNS servers failed"},
            {"unlisted.test", CAUSE_DNS, "the DNS servers failed"},
            {"silent.test", CAUSE_TIMEOUT_DNS, "no answer within 700 ms (resolving the host name)"},
    };
    static struct server s, forbidden;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    forbidden.port = s.port;
    server_start(&forbidden, "127.0.0.2", STR(OK_ANSWER), AFTER_KEEP);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.1/32");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = exchange_new(&f, rows[i].host, s.port);
        x->request.timeout_ms = 700;
        run_exchange(x);
        if (x->cause != rows[i].cause || strstr(x->error, rows[i].words) == NULL)
            fail_msg("%s: %s \"%s\"", rows[i].host, cause_name(x->cause), x->error);
        if (x->cause == CAUSE_NONE) {
            char host[64];
            snprintf(host, sizeof host, "\r\nHost: %s:%u\r\n", rows[i].host, s.port);
            assert_non_null(strstr(s.request, host));
            assert_true(str_starts(str_c(x->peer), STR("127.0.0.1:")));
            assert_true(x->phases.dns_us > 0 && x->phases.connect_us >= x->phases.dns_us);
        }
        free(x);
    }
    struct exchange *x[10];
    for (size_t i = 0; i < ARRAY_LEN(x); i++)
        send_exchange(x[i] = exchange_new(&f, "plain.test", s.port));
    loop_run(f.loop);
    for (size_t i = 0; i < ARRAY_LEN(x); i++) {
        assert_int_equal(x[i]->cause, CAUSE_NONE);
        free(x[i]);
    }
    assert_in_range(atomic_load(&names[0].asked), 1, 2);
    assert_int_equal(atomic_load(&forbidden.connections), 0);
    fixture_close(&f);
    server_stop(&s);
    server_stop(&forbidden);
    dns_stop(&d);
}

/* The name's owner changes its address to one inside, with a TTL of 0, while a connection is kept alive. */
static void rebinding_reaches_nothing(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "flip.test", .ip = {"127.0.0.1"}, .then = "127.0.0.2"}};
    static struct server s, forbidden;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    forbidden.port = s.port;
    server_start(&forbidden, "127.0.0.2", STR(OK_ANSWER), AFTER_KEEP);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.1/32");
    struct exchange *x = exchange_new(&f, "flip.test", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    pause_loop(&f, 1100);
    for (int i = 0; i < 3; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_BLOCKED);
    }
    assert_int_equal(atomic_load(&names[0].asked), 2);
    assert_int_equal(atomic_load(&s.requests), 1);
    assert_int_equal(atomic_load(&forbidden.connections), 0);
    free(x);
    fixture_close(&f);
    server_stop(&s);
    server_stop(&forbidden);
    dns_stop(&d);
}

/* The first addresses refuse; the third answers, and is remembered. */
static void next_address_is_tried(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "three.test", .ip = {"127.0.0.3", "127.0.0.4", "127.0.0.1"}}};
    static struct server s;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_CLOSE);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "three.test", s.port);
    for (int i = 0; i < 2; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_true(str_starts(str_c(x->peer), STR("127.0.0.1:")));
    }
    server_stop(&s);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_REFUSED);
    free(x);
    fixture_close(&f);
    dns_stop(&d);
}

/* A name goes to the proxy as the address that was checked. */
static void proxy_is_told_the_checked_address(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "out.test", .ip = {"198.41.0.4"}}, {.name = "in.test", .ip = {"10.0.0.1"}}};
    static struct server s;
    struct dns_server d;
    char url[64];
    server_start(&s, "127.0.0.1", STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), AFTER_KEEP);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", s.port);
    dns_start(&d, names, ARRAY_LEN(names));
    struct fixture f = {.config = {.proxy = url, .resolver = d.address}};
    fixture_open(&f, NULL);
    struct exchange *x = exchange_new(&f, "in.test", 80);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    assert_int_equal(atomic_load(&s.connections), 0);
    snprintf(x->url, sizeof x->url, "http://out.test/hook");
    x->request.url = str_c(x->url);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    assert_string_equal(x->headers, "Content-Length: 0\n");
    assert_true(str_starts(str_c(s.first), STR("CONNECT 198.41.0.4:80 HTTP/1.1\r\n")));
    assert_true(str_starts(str_c(s.request), STR("POST /hook HTTP/1.1\r\nHost: out.test\r\n")));
    free(x);
    fixture_close(&f);
    server_stop(&s);
    dns_stop(&d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(kept_alive_connection_is_reused),
            cmocka_unit_test(answers_are_classified),
            cmocka_unit_test(headers_are_kept_within_bounds),
            cmocka_unit_test(stale_connection_is_no_error),
            cmocka_unit_test(large_bodies_arrive_whole),
            cmocka_unit_test(methods_do_not_leak_into_each_other),
            cmocka_unit_test(unusable_requests_fail_in_words),
            cmocka_unit_test(phases_time_out),
            cmocka_unit_test(connecting_times_out),
            cmocka_unit_test(blocked_address_gets_no_packet),
            cmocka_unit_test(kept_alive_connection_is_checked_again),
            cmocka_unit_test(source_address_is_bound),
            cmocka_unit_test(canceled_exchanges_are_silent),
            cmocka_unit_test(many_at_once_reuse_what_is_open),
            cmocka_unit_test(waits_are_read),
            cmocka_unit_test(proxy_exceptions_match),
            cmocka_unit_test(proxy_is_used),
            cmocka_unit_test(names_are_resolved_and_guarded),
            cmocka_unit_test(rebinding_reaches_nothing),
            cmocka_unit_test(next_address_is_tried),
            cmocka_unit_test(proxy_is_told_the_checked_address),
    };
    clock_init(0);
    if (client_global_init() != ERR_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    client_global_fini();
    return failed;
}
