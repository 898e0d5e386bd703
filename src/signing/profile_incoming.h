/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of those who send requests to us. The grammar is that of profile.h, read by profile_verify, and for rows that
 * are only received a little wider:
 *   algorithm       also "ecdsa-p256-sha256" and "rsa-sha256" (PKCS #1 v1.5, 2048 to 4096 bits); public key:
 *                   SubjectPublicKeyInfo in base64, or PEM; the private key, which only a sender has, begins with
 *                   "prefix"; and "token": nothing is signed, the header holds the secret
 *                   At most 32 signatures of a request are looked at; with public keys only the first 16 that have
 *                   the format, divided by the number of secrets, since a refusal must stay cheap: so two secrets see
 *                   eight signatures each, eight secrets two (again for each way in which a URL may be signed)
 *   encoding        of a token also "raw"
 *   signedString    {form} instead of {body}: names and values of a form's fields, sorted by name, without duplicates;
 *                   nothing for other bodies (Twilio); {body_time}, the text of the member timestampInBody
 *   name            may be missing
 *   verify          {"toleranceSeconds":300   how old or new a signed timestamp may be; 0: any
 *                    "dedupe":"header:x-id"   what tells a repeated request, see incoming/dedupe.h; or "signed": what
 *                                             is signed, however the signature is written down. Where a time is
 *                                             signed, that is the default, and tells a request without what is named
 *                    "handshake":"slack"      what is answered at once and starts nothing, see incoming/handshake.h
 *                    "timestampInBody":"time" a member of the JSON body, milliseconds or RFC 3339, judged like a signed
 *                                             timestamp
 *                    "decodedInUrl":":/?"     these characters are signed as they are where the URL has them
 *                                             percent-encoded
 *                    "bodyHash":"bodySHA256"  a parameter of the signed URL that holds the body's hex SHA-256 when the
 *                                             body is no form
 *                    "anyPort":true           the sender may have signed the URL with or without its default port
 *                    "acceptedStatus":200     what the sender wants to hear when all is well, 200..204; 0: no matter
 *                    "quiet":true             refusals without a body
 *                    "echo":"X-Client-Id"     a header of the request that answers must repeat; its name begins with X-
 *                                             and means nothing to browsers and proxies
 *                    "signatureQuery":"sig"   a parameter of the URL that holds the signature, if no header does}
 */
#ifndef PR_SIGNING_PROFILE_INCOMING_H
#define PR_SIGNING_PROFILE_INCOMING_H

#include "signing/profile.h"

#define PROFILE_TOLERANCE_S     300
#define PROFILE_TOLERANCE_MAX_S 86400
#define PROFILE_PAIRS_MAX       16 /* secrets times signatures that are verified with public keys, of one request */

/* X(symbol, name) */
#define HANDSHAKE_TABLE(X)                                                                                             \
    X(NONE, "none")                                                                                                    \
    X(SLACK, "slack")                                                                                                  \
    X(META, "meta")                                                                                                    \
    X(ZOOM, "zoom")                                                                                                    \
    X(XERO, "xero")                                                                                                    \
    X(OKTA, "okta")                                                                                                    \
    X(DISCORD, "discord")                                                                                              \
    X(WOOCOMMERCE, "woocommerce")                                                                                      \
    X(ADOBESIGN, "adobe-sign")

enum handshake {
#define HANDSHAKE_ENUM(sym, name) HANDSHAKE_##sym,
    HANDSHAKE_TABLE(HANDSHAKE_ENUM)
#undef HANDSHAKE_ENUM
};

struct profile_rules {
    int64_t tolerance_s;
    struct str dedupe; /* null: nothing tells */
    enum handshake handshake;
    struct str body_time; /* null: none */
    struct str decoded_in_url;
    struct str body_hash; /* null: none */
    bool any_port;
    int accepted_status; /* 0: no matter */
    bool quiet;
    struct str echo;            /* null: none */
    struct str signature_query; /* null: none */
};

/* As profile_parse, for a row that is only received. */
MUST_USE enum err profile_parse_incoming(struct arena *a, struct str json, struct profile **out, struct str *path,
                                         struct str *why);
const struct profile_rules *profile_rules(const struct profile *p);
/* The name of the header that holds the signature, or of a token the secret itself. renamed: null, or what it is called
 * instead. */
struct str profile_secret_header(const struct profile *p, struct str renamed);
/* Whether a header of this name holds a signature. */
bool profile_signs_header(const struct profile *p, struct str name);
/* Whether a repeated request is told by what is signed. */
static inline bool profile_rules_signed(const struct profile_rules *r)
{
    return str_eq(r->dedupe, STR("signed"));
}
/* Whether what is signed has a time in it, so that equal requests are the same one, sent again. */
bool profile_signs_time(const struct profile *p);
/* Whether the URL is signed, and so what its query says. */
bool profile_signs_url(const struct profile *p);
/* The text of the time that stands in the body and is signed; the null str: there is none. */
struct str profile_body_time(const struct profile *p, struct arena *a, struct str body);
/* The URL as the sender signs it. */
struct str profile_signed_url(const struct profile *p, struct arena *a, struct str url);
/* As profile_verify. digest: of what was signed, where the signature is good; equal for equal requests only. */
MUST_USE enum err profile_verify_digest(const struct profile *p, const struct str *secrets, size_t count,
                                        const struct profile_request *rq, unsigned char digest[CRYPTO_SHA256_LEN],
                                        const char **why);
/* Both; which: the secret that fits; digest NULL: not wanted. */
MUST_USE enum err profile_verify_which(const struct profile *p, const struct str *secrets, size_t count,
                                       const struct profile_request *rq, size_t *which, unsigned char *digest,
                                       const char **why);
/* Whether nothing is signed: the header holds the secret itself. */
bool profile_is_token(const struct profile *p);
/* Whether what verifies is a public key, which a sender shows. */
bool profile_is_key_pair(const struct profile *p);
/* The name of the header that holds the signature. */
struct str profile_signature_header(const struct profile *p);
/* ERR_INVALID: *why says what is wrong with the secret of a sender, which may have any length but none. */
MUST_USE enum err profile_check_incoming(const struct profile *p, struct str secret, const char **why);

/* The providers that are known: a row each. */
struct provider {
    const char *name;
    const char *title;
    const char *json;
    const char *verify; /* NULL: in the row */
};
extern const struct provider providers[];
extern const size_t provider_count;
/* NULL: unknown. */
const struct provider *provider_find(struct str name);
/* Parses a provider's row, which always reads. */
struct profile *provider_profile(const struct provider *p);

#endif
