/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DNS server over UDP for a few names.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>

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
    bool v6 = strchr(ip, ':') != NULL;
    memcpy(to, head, sizeof head);
    to[3] = v6 ? 28 : 1;
    to[11] = v6 ? 16 : 4;
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, ip, to + sizeof head), 1);
    return sizeof head + to[11];
}

static size_t answer_question(struct dns_server *d, unsigned char *q, size_t len)
{
    char text[260];
    size_t end = len > 16 ? read_name(q, len, text) : 0;
    if (end == 0 || end + 4 > len)
        return 0;
    bool is_a = q[end + 1] == 1, is_aaaa = q[end + 1] == 28;
    size_t at = end + 4;
    struct name *n = NULL;
    for (size_t i = 0; i < d->count; i++)
        if (strcasecmp(d->names[i].name, text) == 0)
            n = &d->names[i];
    int rcode = n == NULL ? 5 : n->then_fails && atomic_load(&n->asked) > 0 ? 2 : n->rcode;
    if (rcode < 0)
        return 0;
    memset(q + 6, 0, 6); /* no records so far, nor EDNS */
    q[2] = 0x81;
    q[3] = (unsigned char)(0x80 | rcode);
    if ((!is_a && !is_aaaa) || n == NULL || rcode != 0)
        return at;
    bool later = is_a && atomic_fetch_add(&n->asked, 1) > 0 && n->then != NULL;
    for (size_t i = 0; i < ARRAY_LEN(n->ip) && n->ip[i] != NULL; i++) {
        if ((strchr(n->ip[i], ':') != NULL) != is_aaaa)
            continue;
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

void dns_start(struct dns_server *d, struct name *names, size_t count)
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

void dns_stop(struct dns_server *d)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    getsockname(d->fd, (struct sockaddr *)&a, &len);
    assert_int_equal(sendto(d->fd, "", 1, 0, (struct sockaddr *)&a, len), 1);
    pthread_join(d->thread, NULL);
    close(d->fd);
}
