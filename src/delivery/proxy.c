/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NO_PROXY.
 */
#include "delivery/proxy.h"

static bool is_domain_of(struct str domain, struct str host)
{
    if (domain.len > 0 && domain.ptr[0] == '.')
        domain = str_skip(domain, 1);
    if (domain.len == 0 || host.len < domain.len)
        return false;
    if (!str_eq_nocase(str_skip(host, host.len - domain.len), domain))
        return false;
    return host.len == domain.len || host.ptr[host.len - domain.len - 1] == '.';
}

bool proxy_is_bypassed(struct str no_proxy, const struct target *t, const struct address *a)
{
    for (struct str rest = no_proxy; rest.len > 0;) {
        struct str item = str_trim(str_split(&rest, ','));
        struct ssrf_subnet net;
        if (str_eq(item, STR("*")) || is_domain_of(item, t->host))
            return true;
        if (item.len > 0 && ssrf_parse_subnet(item, &net) == ERR_OK && address_in_subnet(a, &net))
            return true;
    }
    return false;
}
