/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens for endpoints that want one: had from their token servers through the guarded client, kept in memory
 * until they end. One of these per reactor, on its loop.
 *
 *  1. At most one request for a token is under way per endpoint, a few per token server.
 *  2. After a failure nobody asks again for a while, so a dead token server is not stormed.
 *  3. A token belongs to one configuration: another one never gets it.
 */
#ifndef PR_SERVE_TOKENS_H
#define PR_SERVE_TOKENS_H

#include "catalog/catalog.h"
#include "serve/reactor.h"

struct tokens;

/* One that waits for a token, embedded in its owner: zero it, list_init(&node), set on_token. */
struct token_wait {
    struct list node;
    struct loop_timer deadline;
    /* Called once, never within tokens_ask. token null: there is none, *why in words. Slices live until it returns. */
    void (*on_token)(struct token_wait *w, struct str token, struct str why);
};

enum token_state {
    TOKEN_HERE, /* *text is the token, until the next call */
    TOKEN_SOON, /* on_token will be called */
    TOKEN_NOT   /* *text says why */
};

struct tokens *tokens_new(struct reactor *r);
/* After tokens_cut. NULL is fine. */
void tokens_free(struct tokens *t);
/* ep, inside ws, has an `oauth`. until_ms: how long to wait, by loop_now_ms. */
enum token_state tokens_ask(struct tokens *t, const struct workspace *ws, const struct endpoint *ep,
                            struct token_wait *w, int64_t until_ms, struct str *text);
/* It does not wait any more, if it does. */
void tokens_unwait(struct tokens *t, struct token_wait *w);
/* The endpoint refused this token: it is not used again. */
void tokens_refused(struct tokens *t, oid_t ep, struct str token);
/* The endpoint has no use for tokens any more. */
void tokens_forget(struct tokens *t, oid_t ep);
/* Requests for tokens that are under way. */
size_t tokens_open(const struct tokens *t);
/* Takes back what is on the wire; nothing is asked for after. Nobody may wait. */
void tokens_cut(struct tokens *t);

#endif
