/* SPDX-License-Identifier: Apache-2.0 */
/* A POST of a message on its way; what the files of the hot route share. A reactor's thread unless said otherwise. */
#ifndef PR_SERVE_INGEST_H
#define PR_SERVE_INGEST_H

#include "api/idempotency.h"
#include "api/message_in.h"
#include "engine/match.h"
#include "serve/reactor.h"

struct ingest {
    struct ingest *next_free;
    struct reactor *reactor;
    struct http_exchange *exchange;
    struct arena *arena;
    struct pool_job job;
    struct loop_task task;
    struct str app_text;
    struct auth_entry who;
    unsigned epoch;
    enum err prepared;
    const char *why;     /* more than the error says, or NULL */
    struct str problems; /* of preparing: the 422 body */
    int stale_tries;
    const struct workspace *ws; /* a reference */
    struct body *body;          /* a reference */
    struct store_append append;

    bool has_key;
    bool key_is_new;      /* it was looked up, and was not there */
    struct store_key key; /* of idempotency; key.known is what the append found */
    struct message first; /* the message that answers again */
};

/* Checks, matches, renders, appends: who and where are known. */
void ingest_admit(struct ingest *in);
/* Answers and ends it. */
void ingest_error(struct ingest *in, enum err e, const char *detail);
/* Answers 422 and ends it. */
void ingest_problems(struct ingest *in, const struct problems *problems);
/* Whether the payload fits what its event type asks for; else it is answered. */
bool ingest_fits(struct ingest *in, struct match_facts *facts);
/* Fills the append's targets and the message's renders. */
void ingest_match(struct ingest *in, struct match_facts *facts, struct message_in *m, int64_t now_ms);
/* Answers 202; ingest_free comes next. */
void ingest_accepted(struct ingest *in, const struct message *m);
void ingest_free(struct ingest *in);

/* Answers with the message that was made first with this key; when there is none, admits it as new (key_is_new). */
void ingest_again(struct ingest *in);

#endif
