/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's egress proxy, and which targets do not go through it.
 *
 * Names: the guard resolves and checks the target itself, and the proxy is told the checked address in a CONNECT, for
 * plain HTTP too: told the name, it would resolve it again, and whoever owns the name could then answer with an address
 * inside. So the proxy has to allow CONNECT to the ports of endpoints. A URL whose host is an address has nothing left
 * to resolve; over plain HTTP it goes to the proxy in absolute form, as proxies expect.
 */
#ifndef PR_DELIVERY_PROXY_H
#define PR_DELIVERY_PROXY_H

#include "delivery/address.h"
#include "delivery/target.h"

/*
 * Whether a target is listed in no_proxy: comma-separated "*", "example.com" (itself and what is below it, also written
 * ".example.com"), addresses and subnets. `a`: the address that would be connected to.
 */
bool proxy_is_bypassed(struct str no_proxy, const struct target *t, const struct address *a);

#endif
