/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files about tokens share. A source is where the tokens of one endpoint come from:
 *
 *   idle ──ask──▶ queued ──▶ fetching ──▶ idle, with a token or with a failure
 *
 * It holds the workspace's snapshot, which its configuration is part of, while it is queued or fetching.
 *
 *   tokens.c       the sources, and who asks them
 *   token_fetch.c  requests to token servers
 *   token_keep.c   refresh tokens that were replaced
 */
#ifndef PR_SERVE_TOKENS_PRIV_H
#define PR_SERVE_TOKENS_PRIV_H

#include "base/table.h"
#include "serve/tokens.h"
#include "signing/oauth.h"

struct source {
    struct table_node node;
    struct list used; /* tokens.used */
    struct list busy; /* tokens.queued or .fetching */
    struct list waiters;
    struct tokens *owner;
    oid_t ep;
    int64_t config; /* its id */
    char *token;    /* NULL: none */
    int64_t until_ms;
    char *refresh; /* newer than the configuration's; NULL: that one */
    char *trouble; /* of the last failure; NULL: none */
    int failures;
    int64_t not_before_ms;

    /* while queued or fetching */
    const struct workspace *ws; /* a reference */
    const struct oauth *oauth;  /* inside ws */
    bool fetching;
    struct oauth_request text;
    const char **lines; /* into text.headers */
    struct client_request request;
};

struct tokens {
    struct reactor *reactor;
    struct table by_ep;
    struct list used; /* least recently used first */
    struct list queued;
    struct list fetching;
    size_t fetch_count;
    struct loop_timer kick;
    bool cut;
};

static inline int64_t tokens_now_ms(const struct tokens *t)
{
    return loop_now_ms(t->reactor->loop);
}

/* Puts a copy there, NULL if s is null, and wipes what was there before. */
void source_keep_text(char **text, struct str s);
/* No longer queued or fetching. */
void source_leave_busy(struct source *s);

/* Begins as many requests as may be under way; from the next turn. */
void token_fetch_kick(struct tokens *t);
void token_fetch_on_kick(struct loop_timer *timer);
/* What is under way ends, unheard. */
void token_fetch_cancel(struct source *s);

/* Stores the refresh token that replaces the one of this configuration; on an API worker. */
void token_keep(struct shared *s, oid_t ep, int64_t config, struct str refresh_token);

#endif
