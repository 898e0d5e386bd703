/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end: its address as text, and how many connections it has. An IPv4 address in its IPv6 form is
 * IPv4; an IPv6 peer is counted by its /64, which is what one subscriber usually has.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/conn.h"

/* The IPv4 address in it, or false. */
static bool as_v4(const struct sockaddr_storage *a, struct in_addr *out)
{
    if (a->ss_family == AF_INET) {
        *out = ((const struct sockaddr_in *)a)->sin_addr;
        return true;
    }
    if (a->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            memcpy(out, &v6->s6_addr[12], sizeof *out);
            return true;
        }
    }
    return false;
}

void http_peer_format(const struct sockaddr_storage *a, char out[HTTP_PEER_SIZE])
{
    struct in_addr v4;
    out[0] = '\0';
    if (as_v4(a, &v4))
        inet_ntop(AF_INET, &v4, out, HTTP_PEER_SIZE);
    else if (a->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, out, HTTP_PEER_SIZE);
}

static void make_key(const struct sockaddr_storage *a, unsigned char key[16])
{
    struct in_addr v4;
    memset(key, 0, 16);
    if (as_v4(a, &v4)) {
        key[10] = key[11] = 0xff;
        memcpy(key + 12, &v4, sizeof v4);
    } else if (a->ss_family == AF_INET6) {
        memcpy(key, &((const struct sockaddr_in6 *)a)->sin6_addr, 8);
    }
}

bool http_peer_enter(struct http_server *s, const struct sockaddr_storage *a, struct http_peer **out)
{
    int cap = s->config.limits.connections_per_peer_max;
    *out = NULL;
    if (cap <= 0)
        return true;
    unsigned char key[16];
    make_key(a, key);
    uint64_t hash = hash_sip(s->peer_key, key, sizeof key);
    struct http_peer *p = NULL;
    for (struct table_node *n = table_find(&s->peers, hash); n != NULL && p == NULL; n = table_next(n)) {
        struct http_peer *q = CONTAINER_OF(n, struct http_peer, node);
        if (memcmp(q->address, key, sizeof key) == 0)
            p = q;
    }
    if (p == NULL) {
        p = mem_zalloc(1, sizeof *p);
        memcpy(p->address, key, sizeof key);
        table_insert(&s->peers, &p->node, hash);
    }
    if (p->count >= cap)
        return false;
    p->count++;
    *out = p;
    return true;
}

void http_peer_leave(struct http_server *s, struct http_peer *p)
{
    if (p == NULL || --p->count > 0)
        return;
    table_remove(&s->peers, &p->node);
    free(p);
}
