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
    struct str answer;
    enum after after;
    atomic_int connections;
    atomic_int requests;
    unsigned peer; /* of the last connection, host order */
    size_t request_len;
    char request[70000]; /* the last one */
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

/* One request into s->request; false at the end of the connection. */
static bool read_request(struct server *s, int fd)
{
    size_t len = 0, want = 0;
    while (want == 0 || len < want) {
        if (len >= sizeof s->request - 1)
            len = want > 0 ? 1 : len; /* large bodies are not kept */
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
            if (want >= sizeof s->request)
                want = len; /* enough for the tests that send more */
        }
    }
    s->request_len = len;
    atomic_fetch_add(&s->requests, 1);
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
    while (s->after != BEFORE_NOTHING && read_request(s, fd)) {
        if (s->after == BEFORE_RESET) {
            reset_connection(fd);
            return;
        }
        if (s->after == BEFORE_CLOSE || (s->after == FIRST_ONLY && served++ > 0) || !send_all(s, fd, s->answer))
            break;
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

static void server_start(struct server *s, const char *ip, struct str answer, enum after after)
{
    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->after = after;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET};
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

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void kept_alive_connection_is_reused(void **state)
{
    (void)state;
    struct server s;
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(kept_alive_connection_is_reused),
    };
    clock_init(0);
    if (client_global_init() != ERR_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    client_global_fini();
    return failed;
}
