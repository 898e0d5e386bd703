/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "sys/clock.h"

struct fixture fx;
struct answer got;

/* ---- the server's side ---- */

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

void fx_on_request(struct http_exchange *x, void *arg)
{
    (void)arg;
    const struct http_request *r = http_exchange_request(x);
    fx.requests++;
    if (str_eq(r->path, STR("/hold")) || str_eq(r->path, STR("/large/hold"))) {
        CHECK(fx.held_count < HELD_MAX);
        fx.held[fx.held_count] = x;
        fx.held_count++; /* who waits for the count may look at it */
    } else if (str_eq(r->path, STR("/defer"))) {
        struct deferred *d = calloc(1, sizeof *d);
        d->x = x;
        d->t.on_fire = fire_deferred;
        loop_timer_set(fx.loop, &d->t, loop_now_ms(fx.loop) + 20);
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

static bool large_path(enum http_method method, struct str path)
{
    return method == HTTP_M_POST && str_starts(path, STR("/large"));
}

static void *run_server(void *arg)
{
    (void)arg;
    loop_run(fx.loop);
    return NULL;
}

void fx_start(void)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    fx.held_count = 0;
    fx.requests = 0;
    assert_int_equal(http_listen(STR("127.0.0.1:0"), &fx.listen_fd), ERR_OK);
    assert_int_equal(getsockname(fx.listen_fd, (struct sockaddr *)&a, &len), 0);
    fx.port = ntohs(a.sin_port);
    fx.loop = loop_new();
    fx.server = http_server_new(&(struct http_server_config){
            .loop = fx.loop,
            .listen_fd = fx.listen_fd,
            .tls = fx.tls,
            .limits = fx.limits,
            .large_path = large_path,
            .on_request = fx_on_request,
            .error_body = error_body,
    });
    assert_int_equal(pthread_create(&fx.thread, NULL, run_server, NULL), 0);
}

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

void on_loop(void (*fn)(void))
{
    struct call c = {.task = {.run = run_call}, .fn = fn};
    loop_post(fx.loop, &c.task);
    while (!c.done)
        usleep(200);
}

void answer_held(void)
{
    for (int i = 0; i < fx.held_count; i++)
        http_respond(fx.held[i], 200, NULL, 0, http_exchange_request(fx.held[i])->body);
    fx.held_count = 0;
}

void drain(void)
{
    http_server_drain(fx.server);
}

static size_t count_seen;

static void count(void)
{
    count_seen = http_server_connections(fx.server);
}

size_t connections(void)
{
    on_loop(count);
    return count_seen;
}

void wait_for_connections(size_t n)
{
    for (int i = 0; i < 6000 && connections() != n; i++)
        usleep(10000);
    assert_int_equal(connections(), n);
}

static void free_server(void)
{
    http_server_free(fx.server);
    answer_held();
}

void fx_stop(void)
{
    on_loop(free_server);
    loop_stop(fx.loop);
    pthread_join(fx.thread, NULL);
    loop_free(fx.loop);
    close(fx.listen_fd);
}

int fx_setup(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.header_bytes_max = 8192;
    fx.limits.body_bytes_max = 100000;
    fx_start();
    return 0;
}

int fx_teardown(void **state)
{
    (void)state;
    fx_stop();
    free(got.body);
    got.body = NULL;
    return 0;
}

void wait_for(const atomic_int *what, int value)
{
    for (int i = 0; i < 60000 && *what != value; i++)
        usleep(1000);
    assert_int_equal(*what, value);
}

/* ---- the client's side ---- */

int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(fx.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval t = {.tv_sec = 60};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

bool say(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

bool say_z(int fd, const char *text)
{
    return say(fd, text, strlen(text));
}

/* Byte by byte up to the end of the head, so that nothing behind the answer is taken. */
int hear(int fd, bool head_only)
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

bool at_end(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

int64_t now_ms(void)
{
    return clock_mono_ms();
}
