/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flight: one attempt from its start to its record. See pump.c.
 */
#ifndef PR_SERVE_FLIGHT_H
#define PR_SERVE_FLIGHT_H

#include "serve/reactor.h"

struct flight {
    struct flight *next_free;
    struct list sending; /* reactor.sending or .waiting_alone */
    struct reactor *reactor;
    struct work *work;
    const struct workspace *ws; /* a reference */
    const struct endpoint *ep;  /* inside ws */
    struct body *body;          /* a reference */
    const struct catalog_profile *profile;
    struct client_request request;
    struct store_record record;
    struct attempt attempt;
    struct endpoint_health health;
    struct loop_task task;
    size_t slot; /* in the list of what is in flight, SIZE_MAX: none */
    int faults;  /* of earlier processes, with this delivery on its way */
    bool alone;  /* see inflight.h */
    enum cause refusal;
    const char *refusal_words; /* static */
    struct buf headers;        /* request headers, each NUL-terminated */
    size_t custom_from;        /* headers from this one on are the customer's: masked in the log */
    size_t line_count;
    const char **lines; /* into headers */
    size_t line_cap;
    struct buf text; /* what the attempt row keeps */
};

/* Fills the attempt's identity. */
void flight_begin(struct flight *f, oid_t attempt_id, int64_t now_ms);
/* Signs and writes the request. */
void flight_write_request(struct flight *f, struct profile_signers *signers);
/* Fills the rest of the attempt from the result and the verdict. */
void flight_describe(struct flight *f, const struct client_result *res, const struct engine_verdict *v);

/* After the record was committed: tells operational webhooks if there is something to tell. See notice.c. */
void notice_recorded(struct flight *f);

#endif
