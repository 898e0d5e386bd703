/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flight: one attempt from its start to its record. See pump.c.
 */
#ifndef PR_SERVE_FLIGHT_H
#define PR_SERVE_FLIGHT_H

#include "serve/reactor.h"
#include "serve/rewrite.h"
#include "serve/tokens.h"

struct flight {
    struct flight *next_free;
    struct list sending; /* reactor.preparing, .sending or .waiting_alone */
    struct reactor *reactor;
    struct work *work;
    const struct workspace *ws; /* a reference */
    const struct endpoint *ep;  /* inside ws */
    struct body *body;          /* a reference */
    const struct catalog_profile *profile;
    struct rewrite *rewrite; /* what the transformation makes; NULL: there is none */
    struct client_request request;
    struct store_record record;
    struct attempt attempt;
    struct endpoint_health health;
    struct loop_task task;
    size_t slot; /* in the list of what is in flight, SIZE_MAX: none */
    int faults;  /* of earlier processes, with this delivery on its way */
    bool alone;  /* see inflight.h */
    enum cause refusal;
    const char *refusal_words; /* static, or `words` */
    struct buf headers;        /* request headers, each NUL-terminated */
    size_t custom_from;        /* headers from this one on are the customer's: masked in the log */
    size_t line_count;
    const char **lines; /* into headers */
    size_t line_cap;
    struct buf text; /* what the attempt row keeps */

    /* Before it goes on the wire: see prepare.c. */
    void (*prepared)(struct flight *f, const char *why); /* why NULL: go on */
    struct token_wait token_wait;
    int64_t prepare_from_ms;
    int64_t spent_ms;  /* of the attempt's time */
    size_t token_from; /* where the token's header is in `headers`; 0: none */
    bool waited;       /* for a token */
    bool renewed;      /* the endpoint refused the first token */
    char *words;       /* NULL: none */
};

/* Fills the attempt's identity. */
void flight_begin(struct flight *f, oid_t attempt_id, int64_t now_ms);
/* Signs and writes the request, from what was prepared if something was. */
void flight_write_request(struct flight *f, struct profile_signers *signers);
/* The transformation sends it to another server: the endpoint's credentials do not go along. After the request is
 * written. */
bool flight_is_elsewhere(const struct flight *f);
/* Puts the token into the request, instead of an earlier one. */
void flight_set_token(struct flight *f, struct str token);
/* The token in the request. */
struct str flight_token(const struct flight *f);
/* Fills the rest of the attempt from the result and the verdict. */
void flight_describe(struct flight *f, const struct client_result *res, const struct engine_verdict *v);

/* ---- prepare.c ---- */
enum prepared { PREPARE_DONE, PREPARE_LATER /* f->prepared will be called */, PREPARE_FAILED };
/* Gets what the request needs of others. PREPARE_FAILED: *why says what is missing. */
enum prepared flight_prepare(struct flight *f, const char **why);
/* It waits no more: f->prepared will not be called. */
void flight_unprepare(struct flight *f);
/* Whether the answer asks for another token and the attempt may get one: prepare and send it again. */
bool flight_renews(struct flight *f, const struct client_result *res);

/* After the record was committed: tells operational webhooks if there is something to tell. See notice.c. */
void notice_recorded(struct flight *f);

#endif
