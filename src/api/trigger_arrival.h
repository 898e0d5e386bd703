/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to a trigger URL while it is looked at: what it is, whether it may, and what is written when it is taken.
 * Nothing here reads or writes the store, so that any thread may do it (but trigger_message.c, which does both). A
 * check that refuses leaves *why in the arrival.
 */
#ifndef PR_API_TRIGGER_ARRIVAL_H
#define PR_API_TRIGGER_ARRIVAL_H

#include "api/run_ahead.h"
#include "api/trigger_request.h"
#include "incoming/handshake.h"
#include "model/config.h"

#define ARRIVAL_HEADERS_MAX 128 /* what is behind them is not looked at */
#define ARRIVAL_DOCS_MAX    (3 + RUN_AHEAD_MAX)

struct arrival {
    struct api *api;
    struct api_call *call;
    struct trigger trigger;
    struct app app;
    struct profile *profile;        /* NULL: everybody may */
    struct str rest;                /* of the path, behind the token; null: nothing */
    const struct definition *ahead; /* steps of its automation that may be done at once; NULL: none */
    /* set by the checks, in their order */
    struct incoming in;
    struct str secret_header; /* to be masked */
    struct str secret;        /* the one that fits */
    struct str signed_key;    /* of what is signed, where a repeated request is told by that; else null */
    enum content kind;
    struct incoming_json json;
    const struct json *tree; /* of the whole, where something asks for it; else NULL */
    int64_t let_in_us;
    oid_t kept;      /* the DOC_REQUEST that was written of it; 0: none */
    const char *why; /* of a refusal: static, or in the arena */
};

/* Fills `in` from the call. */
void arrival_read(struct arrival *ar);
/* ERR_UNAUTHORIZED: the sender's address is not one of the trigger's. */
MUST_USE enum err arrival_address(struct arrival *ar);
/* ERR_METHOD, ERR_TOO_LARGE, ERR_MEDIA_TYPE; fills `kind`. */
MUST_USE enum err arrival_form(struct arrival *ar);
/* ERR_UNAUTHORIZED; fills `secret` and `signed_key`. */
MUST_USE enum err arrival_verify(struct arrival *ar);
/* ERR_SYNTAX, ERR_TOO_LARGE; fills `json`, and `tree` if it is wanted. */
MUST_USE enum err arrival_body(struct arrival *ar);
/* ERR_RATE: more than the workspace takes; fills let_in_us. What comes to nothing is given back. */
MUST_USE enum err arrival_limit(struct arrival *ar);
void arrival_give_back(struct arrival *ar);

/* The status of an answer that is good, unless the sender insists on another. */
int arrival_status(const struct arrival *ar, int status);
/* Whether good answers have no body. */
bool arrival_is_quiet(const struct arrival *ar);
/* Under which a second one is known; the null str: it has nothing that tells. */
struct str arrival_seen_key(const struct arrival *ar);
/* The request as it is kept, and its document. */
struct request arrival_request(const struct arrival *ar, int status, enum request_outcome outcome);
struct doc arrival_doc(const struct arrival *ar, oid_t id, const struct request *r, int64_t keep_ms);

struct arrival_docs {
    oid_t run;
    oid_t request;
    bool due; /* there is more of the run to be done */
    struct doc_change changes[ARRIVAL_DOCS_MAX];
    size_t count;
};
/* What is written together when it is taken: the run that it starts (the first), the request, with a key the mark that
 * keeps a second one from starting, whose key is taken then (ERR_CONFLICT), and the steps that were done ahead. */
void arrival_start(const struct arrival *ar, struct str key, struct arrival_docs *out);
/* The same when it becomes this message, which has its body; no run. */
void arrival_become(const struct arrival *ar, struct str key, oid_t msg, struct arrival_docs *out);

/* Answers {"id":…}, or {"id":…,"captured":true}. flag: NULL, or what is true. */
void arrival_answer(struct arrival *ar, int status, oid_t id, const char *prefix, const char *flag);
/* It came to nothing, after it was let in: it does not count. */
void arrival_fail(struct arrival *ar, enum err e);

/* ---- trigger_message.c --------------------------------------------------------------------------------------------
 */

/* Commits the message that it becomes, with its documents. ERR_CONFLICT: one with this key was here before. Blocks. */
MUST_USE enum err arrival_append(struct arrival *ar, struct str key, oid_t *msg);
/* Answers with the message. */
void arrival_answer_message(struct arrival *ar, int status, oid_t msg);

#endif
