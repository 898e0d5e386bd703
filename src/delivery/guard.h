/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of one exchange: chooses which of a host's addresses may be used, and is asked again by curl for each new
 * connection (before the first packet) and for each request (also on a connection that was kept alive).
 *
 * Through the operator's proxy, curl sees only the proxy's address, which is trusted; the target's was checked before.
 */
#ifndef PR_DELIVERY_GUARD_H
#define PR_DELIVERY_GUARD_H

#include "delivery/dns.h"

#define GUARD_ADDRESS_MAX 3

struct guard {
    const struct ssrf_policy *policy;
    bool via_proxy;
    size_t count; /* permitted addresses, best first */
    size_t at;    /* the one in use; at < count unless none is permitted */
    struct address address[GUARD_ADDRESS_MAX];
    const char *reason;     /* why an address was refused; NULL: none was */
    struct address refused; /* that address */
};

/* One bit per family that has a source address to send from. */
enum { GUARD_V4 = 1, GUARD_V6 = 2 };

/* Takes up to GUARD_ADDRESS_MAX permitted addresses from `from`; false if there is none, with reason and refused set.
 */
bool guard_choose(struct guard *g, const struct address *from, size_t count, unsigned port, unsigned families);
/* Whether a connection to sa may be opened: only to the address in use, and only if the policy still permits it. */
bool guard_permits_connection(struct guard *g, const struct sockaddr *sa);
/* Whether a request may be sent on a connection to this address. */
bool guard_permits_request(struct guard *g, const char *peer_ip);
/* The next permitted address; false: that was the last. */
bool guard_next(struct guard *g);

#endif
