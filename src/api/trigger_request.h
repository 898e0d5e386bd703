/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that triggers received, as they are kept (DOC_REQUEST; its status is the outcome): what was accepted as long
 * as payloads are; of what was only captured the newest TRIGGER_CAPTURES, of what was refused or was a duplicate the
 * newest TRIGGER_REFUSALS of each trigger, and never longer.
 */
#ifndef PR_API_TRIGGER_REQUEST_H
#define PR_API_TRIGGER_REQUEST_H

#include "api/trigger.h"
#include "incoming/content.h"

#define TRIGGER_CAPTURES     50
#define TRIGGER_REFUSALS     100
#define TRIGGER_REFUSED_BODY 16384 /* bytes kept */

enum request_outcome { REQUEST_ACCEPTED, REQUEST_CAPTURED, REQUEST_DUPLICATE, REQUEST_REFUSED };

struct request {
    oid_t id;
    int status; /* answered */
    enum request_outcome outcome;
    struct str method;
    struct str headers; /* JSON object, secrets masked */
    struct str query;   /* JSON object */
    enum content kind;
    struct str type; /* Content-Type */
    struct str why;  /* null: it was not refused */
    struct str peer;
    int64_t run;     /* 0: none */
    int64_t message; /* that it became, which has its body; 0: none */
    int64_t size;    /* of the body */
    struct str body; /* raw; of what was refused its beginning */
    int64_t received_ms;
};

MUST_USE enum err request_decode(struct arena *a, const struct doc *d, struct request *out);
/* body and data of the document; the rest is the caller's. */
void request_encode(struct arena *a, const struct request *r, struct doc *out);
/* What a run sees as `trigger`. ERR_INVALID: its body does not read. */
MUST_USE enum err request_trigger_json(struct arena *a, const struct request *r, struct str *out);

/* Which place is next in the rings of captures and refusals; any thread. */
struct request_rings;
struct request_rings *request_rings_new(void);
void request_rings_free(struct request_rings *r);
/* The changes (at most 2) that keep a request in its trigger's ring, the oldest one going. keep: never goes. */
MUST_USE enum err request_ring_put(struct request_rings *rings, struct store_reader *r, struct arena *a,
                                   const struct doc *d, enum request_outcome outcome, oid_t keep,
                                   struct doc_change *out, size_t *count);

#endif
