/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the system's DNS servers (and /etc/hosts) on the event loop. Does not cache: resolve.h does.
 */
#ifndef PR_DELIVERY_DNS_H
#define PR_DELIVERY_DNS_H

#include "delivery/address.h"
#include "sys/loop.h"

enum dns_status {
    DNS_OK,
    DNS_NO_NAME, /* the name does not exist, or has no address */
    DNS_FAILED   /* the servers did not answer, or not usefully */
};

#define DNS_ADDRESS_MAX 8

struct dns_answer {
    enum dns_status status;
    const char *text; /* in words unless DNS_OK; static */
    int64_t ttl_ms;   /* smallest of the addresses'; 0 unless DNS_OK */
    size_t count;
    struct address address[DNS_ADDRESS_MAX]; /* best first, port 0 */
};

struct dns;

/* `server`: "127.0.0.1:5353" instead of /etc/resolv.conf's, or NULL. NULL: *why says what failed. */
struct dns *dns_new(struct loop *l, const char *server, const char **why);
/* Asks for both families. on_answer is called once: from a loop turn, or from within dns_query. */
void dns_query(struct dns *d, const char *host, void (*on_answer)(void *arg, const struct dns_answer *a), void *arg);
/* Questions still open get an answer of DNS_FAILED. NULL is fine. */
void dns_free(struct dns *d);

#endif
