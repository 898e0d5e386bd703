/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to a token server, and what its answer means: RFC 6749 (client credentials, refresh token), RFC 7523
 * (a client that signs). Pure: time and randomness come from the caller.
 */
#ifndef PR_SIGNING_OAUTH_H
#define PR_SIGNING_OAUTH_H

#include "base/buf.h"
#include "model/config.h"

#define OAUTH_NONCE_BYTES 16

/* A POST to oauth.token_url. It holds secrets: oauth_request_fini wipes it. */
struct oauth_request {
    struct buf body;
    struct buf headers; /* "Name: value", each with a NUL behind it */
    size_t header_count;
};

/* refresh_token: the one in force, of the grant that has one. ERR_INVALID: the key cannot sign, *why (static) says. */
MUST_USE enum err oauth_request_write(const struct oauth *o, struct str refresh_token, int64_t now_ms,
                                      const unsigned char nonce[OAUTH_NONCE_BYTES], struct oauth_request *out,
                                      const char **why);
void oauth_request_fini(struct oauth_request *r);
/* Whether Postrider says this parameter itself. */
bool oauth_owns_param(struct str name);
/* NULL, or why a key cannot sign: base64 of a private RSA key, PEM or DER. */
const char *oauth_check_key(struct str base64);

struct oauth_token {
    struct str access;
    struct str refresh; /* instead of the one that was sent; null: that one stays */
    int64_t life_ms;    /* -1: the server does not say */
};

/*
 * What an answer says; slices live in the arena or in the body. False: no token, *why (in the arena) is the reason in
 * words, without anything secret that was sent.
 */
bool oauth_answer_read(struct arena *a, const struct oauth *o, struct str refresh_token, int status, struct str body,
                       struct oauth_token *out, struct str *why);

#endif
