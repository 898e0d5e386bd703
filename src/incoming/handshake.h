/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests with which a provider asks whether a URL is ours: answered as it wants, and nothing starts.
 *   meta         GET, hub.verify_token must be the one that was set: hub.challenge
 *   okta         GET with X-Okta-Verification-Challenge: {"verification":…}
 *   woocommerce  POST of the form webhook_id=N alone, unsigned: 200
 * The others are signed like every request, and looked at when the signature has been found good:
 *   slack        type url_verification: the challenge
 *   zoom         event endpoint.url_validation: the token and its HMAC. Only because the request is signed does this
 *                not lend strangers the secret
 *   xero         no events: 200
 *   discord      type 0: 204; an interaction of type 1: {"type":1}
 *   adobe-sign   a request without a body: the client's id
 */
#ifndef PR_INCOMING_HANDSHAKE_H
#define PR_INCOMING_HANDSHAKE_H

#include "incoming/content.h"
#include "signing/profile_incoming.h"
#include "json/tree.h"

struct handshake_answer {
    int status;
    struct str type; /* null: no body */
    struct str body; /* in the arena */
};

/* Whether it is one that is not signed; verify_token: null: none is set. */
bool handshake_open(struct arena *a, enum handshake kind, const struct incoming *in, struct str verify_token,
                    struct handshake_answer *out);
/* Whether it is one, of a request that was verified. */
bool handshake_signed(struct arena *a, enum handshake kind, const struct json *body, struct str secret,
                      struct handshake_answer *out);

#endif
