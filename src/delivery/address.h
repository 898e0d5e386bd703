/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IPv4 or IPv6 address with its port, as connect(2) takes it.
 */
#ifndef PR_DELIVERY_ADDRESS_H
#define PR_DELIVERY_ADDRESS_H

#include <netinet/in.h>

#include "base/str.h"
#include "ssrf/ssrf.h"

struct address {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* "[" address "]" and NUL. */
#define ADDRESS_IP_SIZE 48
/* With ":65535". */
#define ADDRESS_PEER_SIZE (ADDRESS_IP_SIZE + 8)

/* Reads a plain address ("192.0.2.1", "2001:db8::1"); false if it is none. A zone is refused. */
bool address_parse(struct str ip, unsigned port, struct address *out);
/* From another socket address; false for families other than the two. */
bool address_of(const struct sockaddr *sa, struct address *out);
socklen_t address_len(const struct address *a);
/* 0..65535 */
unsigned address_port(const struct address *a);
void address_set_port(struct address *a, unsigned port);
/* Same family and same address, whatever the port. */
bool address_same_ip(const struct address *a, const struct address *b);
/* "192.0.2.1" or "2001:db8::1". */
void address_format_ip(const struct address *a, char out[ADDRESS_IP_SIZE]);
/* "192.0.2.1:443" or "[2001:db8::1]:443"; returns its length. */
size_t address_format_peer(const struct address *a, char out[ADDRESS_PEER_SIZE]);
bool address_in_subnet(const struct address *a, const struct ssrf_subnet *net);

#endif
