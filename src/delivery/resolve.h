/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names to addresses, with a bounded cache: one query under way per name, everybody else waits for it. An answer
 * is kept for its TTL, between RESOLVE_TTL_MIN_MS and RESOLVE_TTL_MAX_MS; "no such name" and failures for a few
 * seconds. When the servers fail, the last good answer serves for an hour more.
 *
 * An answer is not a permission: each address is still checked before it is used, however old the answer is.
 */
#ifndef PR_DELIVERY_RESOLVE_H
#define PR_DELIVERY_RESOLVE_H

#include "base/list.h"
#include "delivery/dns.h"

#define RESOLVE_TTL_MIN_MS  1000
#define RESOLVE_TTL_MAX_MS  300000
#define RESOLVE_NO_NAME_MS  5000
#define RESOLVE_FAILED_MS   2000
#define RESOLVE_STALE_MS    3600000
#define RESOLVE_ENTRIES_MAX 4096

struct resolver;

/* Somebody who waits, embedded in its owner. Initialise node with list_init; list_remove ends the wait. */
struct resolve_wait {
    struct list node;
    void (*on_resolved)(struct resolve_wait *w, const struct dns_answer *a);
};

/* `server` as in dns_new. NULL: *why says what failed. */
struct resolver *resolver_new(struct loop *l, const char *server, const char **why);
/*
 * The answer if it is known; it may be read until the next call into the resolver. NULL: w->on_resolved will be called
 * from a turn of the loop, never from within this function. `host`: lower case, not an address.
 */
const struct dns_answer *resolver_lookup(struct resolver *r, struct str host, struct resolve_wait *w);
/* This address of the host worked where one before it did not: it comes first from now on. */
void resolver_prefer(struct resolver *r, struct str host, const struct address *a);
/* Nobody may be waiting. NULL is fine. */
void resolver_free(struct resolver *r);

#endif
