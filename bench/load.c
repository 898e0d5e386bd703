/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator: POSTs events on keep-alive connections; each payload begins with the time at which it was due.
 *
 * usage: load [options] PATH…          (paths are used in turn)
 *   -p PORT
 *   -c CONNECTIONS   64 unless said otherwise
 *   -s SECONDS       how long, 1 unless said otherwise
 *   -n EVENTS        ends earlier when so many were accepted
 *   -r RATE          per second over all connections, on schedule whatever the answers do (open loop); 0: every
 *                    connection posts as soon as it is answered (closed loop)
 *   -b BYTES         of the payload, 1024 unless said otherwise
 *   -k               an idempotency key of its own with each, as the official clients send
 *   -f FILE          posts what is in it, as it is, instead of events
 *   -H "Name: value" another header; several may be given
 *   -u NAME          a header with a value of its own in each
 * The environment's BENCH_TOKEN is sent as bearer token. Prints one line of JSON. Exit status 1: a connection broke.
 */
#include <errno.h>
#include <http_parser.h>
#include <stdbool.h>

#include "bench_common.h"

#define BYTES_MAX    60000
#define REQUEST_MAX  (BYTES_MAX + 4096)
#define ANSWER_MAX_S 20 /* how long the last answers may take */

struct conn {
    struct conn *next_idle;
    int fd;
    bool answered;
    http_parser parser;
    int64_t due_us;
    size_t len, sent;
    char request[];
};

struct load {
    int port, connections, path_count;
    double seconds, rate;
    uint64_t events; /* 0: no limit */
    size_t bytes;
    char **paths;
    const char *token;
    bool keys;
    const char *file, *unique;
    char *body; /* of the file */
    size_t body_len, headers_len;
    char headers[4096]; /* lines */

    int epoll_fd;
    struct conn *idle;
    int busy;
    int64_t start_us;
    uint64_t posted, ok, refused, broken;
    struct bench_histogram latency; /* due to answer */
};

static struct load me = {.connections = 64, .seconds = 1, .bytes = 1024};

/* ---- one connection ---- */

static int on_complete(http_parser *p)
{
    struct conn *c = p->data;
    c->answered = true;
    if (p->status_code / 100 == 2)
        me.ok++;
    else
        me.refused++;
    bench_add(&me.latency, bench_now_us() - c->due_us);
    return 0;
}

static const http_parser_settings callbacks = {.on_message_complete = on_complete};

static void watch_out(struct conn *c, bool on)
{
    struct epoll_event ev = {.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    bench_check(epoll_ctl(me.epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) == 0, "epoll_ctl");
}

static void break_off(struct conn *c)
{
    me.broken++;
    me.busy--;
    close(c->fd);
    free(c);
}

/* False: the connection is gone. */
static bool send_rest(struct conn *c)
{
    bool waited = c->sent > 0;
    ssize_t n = write(c->fd, c->request + c->sent, c->len - c->sent);
    if (n < 0 && errno != EAGAIN) {
        break_off(c);
        return false;
    }
    c->sent += n > 0 ? (size_t)n : 0;
    if (c->sent < c->len || waited)
        watch_out(c, c->sent < c->len);
    return true;
}

static void write_file_request(struct conn *c)
{
    char own[128] = "";
    if (me.unique != NULL)
        (void)snprintf(own, sizeof own, "%s: %d-%lld-%llu\r\n", me.unique, (int)getpid(), (long long)me.start_us,
                       (unsigned long long)me.posted);
    int n = snprintf(c->request, REQUEST_MAX,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: bench\r\n%s%sContent-Type: "
                     "application/json\r\nContent-Length: %zu\r\n\r\n",
                     me.paths[me.posted % (uint64_t)me.path_count], me.port, me.headers, own, me.body_len);
    bench_check(n > 0 && (size_t)n + me.body_len < REQUEST_MAX, "request");
    memcpy(c->request + n, me.body, me.body_len);
    c->len = (size_t)n + me.body_len;
    c->sent = 0;
}

static void write_request(struct conn *c)
{
    if (me.body != NULL) {
        write_file_request(c);
        return;
    }
    char head[64], key[80] = "";
    if (me.keys)
        (void)snprintf(key, sizeof key, "idempotency-key: auto_%d-%lld-%llu\r\n", (int)getpid(), (long long)me.start_us,
                       (unsigned long long)me.posted);
    const char *open = me.token != NULL ? "{\"eventType\":\"bench.event\",\"payload\":" : "";
    const char *close = me.token != NULL ? "}" : "";
    int head_len = snprintf(head, sizeof head, "{\"t\":%lld,\"pad\":\"", (long long)c->due_us);
    size_t pad = me.bytes > (size_t)head_len + 2 ? me.bytes - (size_t)head_len - 2 : 0;
    int n = snprintf(c->request, REQUEST_MAX,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: bench\r\n%s%s%s%sContent-Type: "
                     "application/json\r\nContent-Length: %zu\r\n\r\n%s%s",
                     me.paths[me.posted % (uint64_t)me.path_count], me.port,
                     me.token != NULL ? "Authorization: Bearer " : "", me.token != NULL ? me.token : "",
                     me.token != NULL ? "\r\n" : "", key, strlen(open) + (size_t)head_len + pad + 2 + strlen(close),
                     open, head);
    bench_check(n > 0 && (size_t)n + pad + 4 < REQUEST_MAX, "request");
    memset(c->request + n, 'x', pad);
    c->len = (size_t)n + pad;
    c->len += (size_t)snprintf(c->request + c->len, REQUEST_MAX - c->len, "\"}%s", close);
    c->sent = 0;
}

static void post(int64_t due_us)
{
    struct conn *c = me.idle;
    me.idle = c->next_idle;
    c->due_us = due_us;
    c->answered = false;
    write_request(c);
    me.posted++;
    me.busy++;
    (void)send_rest(c);
}

static void read_answer(struct conn *c)
{
    static char in[65536];
    ssize_t n = read(c->fd, in, sizeof in);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || http_parser_execute(&c->parser, &callbacks, in, (size_t)n) != (size_t)n) {
        break_off(c);
        return;
    }
    if (c->answered) {
        me.busy--;
        c->next_idle = me.idle;
        me.idle = c;
        c->answered = false;
    }
}

/* ---- all of them ---- */

static void open_connections(void)
{
    for (int i = 0; i < me.connections; i++) {
        struct conn *c = bench_alloc(sizeof *c + REQUEST_MAX);
        c->fd = bench_connect(me.port);
        http_parser_init(&c->parser, HTTP_RESPONSE);
        c->parser.data = c;
        c->next_idle = me.idle;
        me.idle = c;
        bench_watch(me.epoll_fd, c->fd, c);
    }
}

static bool is_over(int64_t now)
{
    if (me.events > 0 && me.ok + (uint64_t)me.busy >= me.events)
        return true;
    return (double)(now - me.start_us) >= me.seconds * 1e6;
}

/* Posts what is due; how long until the next is due, nanoseconds, or -1 for whenever an answer comes. */
static int64_t post_due(int64_t now)
{
    while (me.idle != NULL && !is_over(now)) {
        int64_t due = me.rate > 0 ? me.start_us + (int64_t)((double)me.posted / me.rate * 1e6) : bench_now_us();
        if (due > now && me.rate > 0)
            return (due - now) * 1000;
        post(due);
    }
    return -1;
}

static void run(void)
{
    struct epoll_event ev[256];
    me.start_us = bench_now_us();
    for (int64_t now = me.start_us, last = 0; last == 0 || (me.busy > 0 && now < last); now = bench_now_us()) {
        int64_t wait_ns = post_due(now);
        if (last == 0 && is_over(now))
            last = now + (int64_t)ANSWER_MAX_S * 1000000;
        if (me.busy == 0 && me.idle == NULL)
            break;
        if (wait_ns < 0)
            wait_ns = 100000000;
        struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
        int n = epoll_pwait2(me.epoll_fd, ev, 256, &wait, NULL);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if ((ev[i].events & EPOLLOUT) != 0 && !send_rest(c))
                continue;
            if ((ev[i].events & ~(unsigned)EPOLLOUT) != 0)
                read_answer(c);
        }
    }
}

static void read_body(void)
{
    FILE *f = fopen(me.file, "rb");
    bench_check(f != NULL, me.file);
    me.body = bench_alloc(BYTES_MAX);
    me.body_len = fread(me.body, 1, BYTES_MAX, f);
    bench_check(ferror(f) == 0 && me.body_len < BYTES_MAX, me.file);
    (void)fclose(f);
}

static bool add_header(const char *line)
{
    int n = snprintf(me.headers + me.headers_len, sizeof me.headers - me.headers_len, "%s\r\n", line);
    me.headers_len += (size_t)n;
    return me.headers_len < sizeof me.headers;
}

static bool read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "p:c:s:n:r:b:kf:H:u:")) != -1;) {
        if (o == 'p')
            me.port = atoi(optarg);
        else if (o == 'c')
            me.connections = atoi(optarg);
        else if (o == 's')
            me.seconds = atof(optarg);
        else if (o == 'n')
            me.events = strtoull(optarg, NULL, 10);
        else if (o == 'r')
            me.rate = atof(optarg);
        else if (o == 'b')
            me.bytes = strtoul(optarg, NULL, 10);
        else if (o == 'k')
            me.keys = true;
        else if (o == 'f')
            me.file = optarg;
        else if (o == 'u')
            me.unique = optarg;
        else if (o != 'H' || !add_header(optarg))
            return false;
    }
    me.paths = argv + optind;
    me.path_count = argc - optind;
    me.token = getenv("BENCH_TOKEN");
    return me.path_count > 0 && me.port > 0 && me.connections > 0 && me.bytes <= BYTES_MAX;
}

int main(int argc, char **argv)
{
    if (!read_options(argc, argv)) {
        fprintf(stderr, "usage: load -p PORT [-c CONNECTIONS] [-s SECONDS] [-n EVENTS] [-r RATE] [-b BYTES] [-k]\n"
                        "            [-f FILE] [-H HEADER]... [-u NAME] PATH...\n");
        return 2;
    }
    bench_init();
    if (me.file != NULL)
        read_body();
    me.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_connections();
    run();
    printf("{\"posted\":%llu,\"ok\":%llu,\"refused\":%llu,\"broken\":%llu,\"unanswered\":%d,\"start_us\":%lld,"
           "\"end_us\":%lld,\"p50_us\":%lld,\"p99_us\":%lld}\n",
           (unsigned long long)me.posted, (unsigned long long)me.ok, (unsigned long long)me.refused,
           (unsigned long long)me.broken, me.busy, (long long)me.start_us, (long long)bench_now_us(),
           (long long)bench_quantile(&me.latency, 0.5), (long long)bench_quantile(&me.latency, 0.99));
    return me.broken > 0 ? 1 : 0;
}
