/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks an address three times: when it is chosen, when a socket is about to be opened for it, and when a request is
 * about to go out. The later two cannot differ from the first unless something above or inside curl is wrong; then they
 * refuse.
 */
#include "delivery/guard.h"

static bool refuse(struct guard *g, const struct address *a, const char *reason)
{
    g->refused = *a;
    g->reason = reason;
    return false;
}

bool guard_choose(struct guard *g, const struct address *from, size_t count, unsigned port, unsigned families)
{
    g->count = g->at = 0;
    g->reason = NULL;
    for (size_t i = 0; i < count && g->count < GUARD_ADDRESS_MAX; i++) {
        unsigned family = from[i].sa.sa_family == AF_INET ? GUARD_V4 : GUARD_V6;
        const char *reason = (families & family) == 0 ? "no source address of its kind to send from"
                                                      : ssrf_check_address(g->policy, &from[i].sa);
        if (reason != NULL) {
            if (g->reason == NULL)
                refuse(g, &from[i], reason);
            continue;
        }
        g->address[g->count] = from[i];
        address_set_port(&g->address[g->count], port);
        g->count++;
    }
    if (g->count > 0)
        g->reason = NULL;
    return g->count > 0;
}

bool guard_permits_connection(struct guard *g, const struct sockaddr *sa)
{
    struct address a;
    if (g->via_proxy)
        return true;
    if (!address_of(sa, &a))
        return refuse(g, &a, "neither IPv4 nor IPv6");
    const char *reason = ssrf_check_address(g->policy, sa);
    if (reason != NULL)
        return refuse(g, &a, reason);
    if (!address_same_ip(&a, &g->address[g->at]))
        return refuse(g, &a, "not the address that was checked");
    return true;
}

bool guard_permits_request(struct guard *g, const char *peer_ip)
{
    struct address a;
    if (g->via_proxy)
        return true;
    if (!address_parse(str_c(peer_ip), 0, &a))
        return refuse(g, &g->address[g->at], "the connection's address is unknown");
    return guard_permits_connection(g, &a.sa);
}

bool guard_next(struct guard *g)
{
    if (g->via_proxy || g->at + 1 >= g->count)
        return false;
    g->at++;
    return true;
}
