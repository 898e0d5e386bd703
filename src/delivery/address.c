/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket addresses: text to bytes and back, comparison, membership in a subnet.
 */
#include "delivery/address.h"

#include <arpa/inet.h>
#include <stdio.h>

bool address_parse(struct str ip, unsigned port, struct address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (ip.len == 0 || ip.len >= sizeof text)
        return false;
    memcpy(text, ip.ptr, ip.len);
    text[ip.len] = '\0';
    struct address a;
    memset(&a, 0, sizeof a);
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
    } else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
        a.v6.sin6_family = AF_INET6;
    } else {
        return false;
    }
    address_set_port(&a, port);
    *out = a;
    return true;
}

bool address_of(const struct sockaddr *sa, struct address *out)
{
    memset(out, 0, sizeof *out);
    if (sa->sa_family == AF_INET)
        memcpy(&out->v4, sa, sizeof out->v4);
    else if (sa->sa_family == AF_INET6)
        memcpy(&out->v6, sa, sizeof out->v6);
    else
        return false;
    return true;
}

socklen_t address_len(const struct address *a)
{
    return a->sa.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

unsigned address_port(const struct address *a)
{
    return ntohs(a->sa.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

void address_set_port(struct address *a, unsigned port)
{
    if (a->sa.sa_family == AF_INET)
        a->v4.sin_port = htons((uint16_t)port);
    else
        a->v6.sin6_port = htons((uint16_t)port);
}

bool address_same_ip(const struct address *a, const struct address *b)
{
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    if (a->sa.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

void address_format_ip(const struct address *a, char out[ADDRESS_IP_SIZE])
{
    const void *raw = a->sa.sa_family == AF_INET ? (const void *)&a->v4.sin_addr : (const void *)&a->v6.sin6_addr;
    if (inet_ntop(a->sa.sa_family, raw, out, ADDRESS_IP_SIZE) == NULL)
        out[0] = '\0';
}

size_t address_format_peer(const struct address *a, char out[ADDRESS_PEER_SIZE])
{
    char ip[ADDRESS_IP_SIZE];
    address_format_ip(a, ip);
    bool v4 = a->sa.sa_family == AF_INET;
    int n = snprintf(out, ADDRESS_PEER_SIZE, v4 ? "%s:%u" : "[%s]:%u", ip, address_port(a));
    return (size_t)n;
}

bool address_in_subnet(const struct address *a, const struct ssrf_subnet *net)
{
    unsigned char raw[16] = {[10] = 0xff, [11] = 0xff};
    if (a->sa.sa_family == AF_INET)
        memcpy(raw + 12, &a->v4.sin_addr, 4);
    else
        memcpy(raw, &a->v6.sin6_addr, 16);
    size_t whole = net->prefix_bits / 8;
    unsigned rest = net->prefix_bits % 8;
    if (memcmp(raw, net->addr, whole) != 0)
        return false;
    return rest == 0 || ((raw[whole] ^ net->addr[whole]) >> (8 - rest)) == 0;
}
