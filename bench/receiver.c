/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver that costs little: answers every POST with 200 on keep-alive connections and measures how long ago the
 * event was posted, by the "t":<monotonic microseconds> with which the load generator begins each payload. Requests
 * whose path begins with /hang are read and never answered.
 *
 * usage: receiver PORTS
 * Listens on so many free ports and prints {"ports":[…]}. Then a word on a line of standard input asks for something:
 *   reset   forgets what was measured
 *   report  prints what was measured as one line of JSON
 *   close   closes every open connection at once, prints how many
 * The end of standard input ends the program.
 */
#include <errno.h>
#include <http_parser.h>
#include <stdbool.h>

#include "bench_common.h"

#define BODY_KEPT 64 /* "t" is the first member */

struct conn {
    struct conn *prev, *next; /* of all open connections */
    int fd;
    bool listening;
    bool hangs; /* the request being read is not to be answered */
    http_parser parser;
    size_t body_len;
    char body[BODY_KEPT + 1];
};

struct receiver {
    int epoll_fd;
    struct conn *open;
    size_t open_count;
    struct bench_histogram latency;
    int64_t first_us, last_us;
    int64_t longest_gap_us; /* between two arrivals */
    uint64_t hung, connections;
};

static struct receiver me;
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/* ---- requests ---- */

static int on_begin(http_parser *p)
{
    struct conn *c = p->data;
    c->body_len = 0;
    c->hangs = false;
    return 0;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
    struct conn *c = p->data;
    if (len >= 5 && memcmp(at, "/hang", 5) == 0)
        c->hangs = true;
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
    struct conn *c = p->data;
    size_t room = BODY_KEPT - c->body_len, n = len < room ? len : room;
    memcpy(c->body + c->body_len, at, n);
    c->body_len += n;
    return 0;
}

static void note_arrival(struct conn *c)
{
    int64_t now = bench_now_us();
    c->body[c->body_len] = '\0';
    const char *t = strstr(c->body, "\"t\":");
    if (me.first_us == 0)
        me.first_us = now;
    else if (now - me.last_us > me.longest_gap_us)
        me.longest_gap_us = now - me.last_us;
    me.last_us = now;
    bench_add(&me.latency, t != NULL ? now - strtoll(t + 4, NULL, 10) : 0);
}

/* A peer that has no room for so short an answer does not read: its connection is closed. */
static int on_complete(http_parser *p)
{
    struct conn *c = p->data;
    if (c->hangs) {
        me.hung++;
        return 0;
    }
    note_arrival(c);
    return write(c->fd, answer, sizeof answer - 1) == (ssize_t)(sizeof answer - 1) ? 0 : 1;
}

static const http_parser_settings callbacks = {
        .on_message_begin = on_begin, .on_url = on_url, .on_body = on_body, .on_message_complete = on_complete};

/* ---- connections ---- */

static void accept_all(int listen_fd)
{
    int fd;
    while ((fd = bench_accept(listen_fd)) >= 0) {
        struct conn *c = bench_alloc(sizeof *c);
        c->fd = fd;
        http_parser_init(&c->parser, HTTP_REQUEST);
        c->parser.data = c;
        c->next = me.open;
        if (me.open != NULL)
            me.open->prev = c;
        me.open = c;
        me.open_count++;
        me.connections++;
        bench_watch(me.epoll_fd, fd, c);
    }
}

static void close_conn(struct conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        me.open = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    me.open_count--;
    close(c->fd);
    free(c);
}

static void serve(struct conn *c)
{
    static char in[65536];
    ssize_t n = read(c->fd, in, sizeof in);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || http_parser_execute(&c->parser, &callbacks, in, (size_t)n) != (size_t)n)
        close_conn(c);
}

/* ---- commands ---- */

static void report(void)
{
    printf("{\"count\":%llu,\"first_us\":%lld,\"last_us\":%lld,\"p50_us\":%lld,\"p99_us\":%lld,\"p999_us\":%lld,"
           "\"max_us\":%lld,\"longest_gap_us\":%lld,\"hung\":%llu,\"open\":%zu,\"connections\":%llu}\n",
           (unsigned long long)me.latency.count, (long long)me.first_us, (long long)me.last_us,
           (long long)bench_quantile(&me.latency, 0.5), (long long)bench_quantile(&me.latency, 0.99),
           (long long)bench_quantile(&me.latency, 0.999), (long long)me.latency.max_us, (long long)me.longest_gap_us,
           (unsigned long long)me.hung, me.open_count, (unsigned long long)me.connections);
}

static void reset(void)
{
    memset(&me.latency, 0, sizeof me.latency);
    me.first_us = me.last_us = me.longest_gap_us = 0;
    me.hung = me.connections = 0;
}

static void close_all(void)
{
    printf("{\"closed\":%zu}\n", me.open_count);
    while (me.open != NULL)
        close_conn(me.open);
}

static void obey(const char *word)
{
    if (strcmp(word, "reset") == 0)
        reset();
    else if (strcmp(word, "report") == 0)
        report();
    else if (strcmp(word, "close") == 0)
        close_all();
    fflush(stdout);
}

/* True when a command ran: events of this turn may point to connections that are gone. */
static bool read_commands(void)
{
    static char line[64];
    static size_t len;
    char in[64];
    bool ran = false;
    ssize_t n = read(STDIN_FILENO, in, sizeof in);
    if (n <= 0)
        exit(0);
    for (ssize_t i = 0; i < n; i++) {
        if (in[i] != '\n') {
            if (len < sizeof line - 1)
                line[len++] = in[i];
            continue;
        }
        line[len] = '\0';
        len = 0;
        obey(line);
        ran = true;
    }
    return ran;
}

static void open_ports(int count)
{
    printf("{\"ports\":[");
    for (int i = 0, port; i < count; i++) {
        struct conn *c = bench_alloc(sizeof *c);
        c->listening = true;
        c->fd = bench_listen(&port);
        bench_watch(me.epoll_fd, c->fd, c);
        printf("%s%d", i > 0 ? "," : "", port);
    }
    printf("]}\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct conn input = {.fd = STDIN_FILENO};
    struct epoll_event ev[512];
    if (argc != 2 || atoi(argv[1]) <= 0) {
        fprintf(stderr, "usage: receiver PORTS\n");
        return 2;
    }
    bench_init();
    me.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_ports(atoi(argv[1]));
    bench_watch(me.epoll_fd, input.fd, &input);
    for (;;) {
        int n = epoll_wait(me.epoll_fd, ev, 512, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (c == &input && read_commands())
                break; /* level-triggered: the rest is reported again */
            if (c == &input)
                continue;
            if (c->listening)
                accept_all(c->fd);
            else
                serve(c);
        }
    }
}
