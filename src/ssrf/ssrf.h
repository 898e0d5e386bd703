/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses and URLs may be reached on behalf of a customer. Pure decisions, default-deny: no lookup, no
 * connection.
 */
#ifndef PR_SSRF_SSRF_H
#define PR_SSRF_SSRF_H

#include <sys/socket.h>

#include "base/buf.h"

/* An IPv4 or IPv6 subnet; v4 is kept as ::ffff:a.b.c.d/96+n. */
struct ssrf_subnet {
    unsigned char addr[16];
    unsigned prefix_bits;
};

struct ssrf_policy {
    bool https_only;
    const struct ssrf_subnet *allow; /* exempt from the deny list */
    size_t allow_count;
    const struct ssrf_subnet *own; /* the machine's own addresses, denied unless allowed */
    size_t own_count;
};

/* "10.0.0.0/8", "::1/128", or a bare address. ERR_INVALID otherwise, also when bits are set behind the prefix. */
MUST_USE enum err ssrf_parse_subnet(struct str text, struct ssrf_subnet *out);
/* Whether an address, as text, is in one of them. */
bool ssrf_subnets_have(const struct ssrf_subnet *nets, size_t count, struct str address);

/* NULL when the address may be reached, else why not, in words ("loopback", "private network", "cloud metadata", …). */
const char *ssrf_check_address(const struct ssrf_policy *p, const struct sockaddr *sa);

/* A URL as delivery uses it: everything normalised, the host in ASCII lower case, an IPv6 literal without brackets. */
struct ssrf_url {
    char *normal; /* the whole, normalised; owned: ssrf_url_fini */
    bool https;
    char *host;
    unsigned port;   /* 1..65535 */
    bool is_literal; /* host is an address */
};

#define SSRF_URL_MAX 4096 /* bytes, as given */

/*
 * Parses and checks a customer's URL: http or https (https only if the policy says so), no user info, no control
 * characters, no fragment, a host with at least one dot or an allowed literal, IDN converted by IDNA 2008
 * (non-transitional); numeric, octal, hex, short and percent-encoded spellings of addresses are resolved to what they
 * mean and then classified. Path and query keep their bytes; raw non-ASCII in them becomes percent-encoded UTF-8; bytes
 * that RFC 3986 never allows (space, " < > \\ ^ ` { | }) and stray percent signs are refused, raw [ ] are kept. Dot
 * segments are kept: send as is. The default port is dropped, an empty path becomes "/". localhost and *.localhost need
 * an allow list that covers loopback; *.local, *.internal and *.home.arpa one that holds more than loopback; their
 * addresses are checked when known. ERR_INVALID: *why is a sentence for the customer, static.
 */
MUST_USE enum err ssrf_parse_url(const struct ssrf_policy *p, struct str url, struct ssrf_url *out, const char **why);
void ssrf_url_fini(struct ssrf_url *u);

#endif
