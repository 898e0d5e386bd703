/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile: how deliveries look on the wire, as data. One grammar describes what is sent and what incoming requests
 * must carry. A parsed profile is immutable and shared by threads.
 *
 * The row, JSON; unknown members are ignored:
 *   name            [a-z0-9][a-z0-9_-]{0,63}
 *   description     text
 *   body            {"type":"raw"} (default), or
 *                   {"type":"envelope","template":"{\"id\":{event_uuid},…,\"data\":{data}}"}:
 *                   placeholders stand for JSON values: {data} the payload byte for byte (exactly once);
 *                   {event_uuid}, {message_id}, {type}, {occurred_at} strings; {actor}, {workspace} objects or null
 *   headers         name -> template over {signature}, {timestamp}, {timestamp_ms}, {message_id}, {event_uuid},
 *                   {type}, {attempt}; at most 32, at least one with {signature}
 *   signedString    template over {body} (exactly once), {timestamp}, {timestamp_ms}, {message_id}, {method}, {url};
 *                   default "{body}". What a receiver cannot know by itself must stand in a header
 *   algorithm       "hmac-sha256" (default) | "hmac-sha1" | "hmac-sha512" | "ed25519"
 *   encoding        "hex" (default) | "base64"
 *   signatureFormat template over {signature} for one secret ("v1,{signature}"); default "{signature}"
 *   signatureSeparator
 *                   text between several; default "": only one signature fits, then the oldest valid secret signs
 *   secret          {"prefix":"whsec_","keyDecoding":"raw"|"base64"|"hex","minBytes":24,"maxBytes":256,
 *                    "generate":{"bytes":24,"encoding":"base64"|"hex"|"alphanumeric"}}
 *                   key = decode(text without prefix), the prefix may be missing; with "prefixInKey":true (raw only)
 *                   the text as it is. Default: raw, 48 alphanumeric characters. Ed25519 (prefix required, key = 32
 *                   or 64 bytes in base64 or hex): "publicPrefix" begins the text of a public key
 *   keys            alternatives to secret, chosen by their prefix, first match wins:
 *                   [{as secret, "algorithm", "signatureFormat"}…]
 *   newSecret       the prefix of the form that new secrets have; default: the form of "secret"
 *   retrySchedule   [seconds…], fractions allowed; default that of `standard`
 *   timeoutMs       1..60000, default 15000
 *   disableOn410    bool, default false
 *   eventTypes      the catalogue: [{"name","description","example"}…], copied to an environment that starts to use
 *                   the profile; example, a JSON object, may be missing
 *   verify          what else holds for requests that are received: see profile_incoming.h
 */
#ifndef PR_SIGNING_PROFILE_H
#define PR_SIGNING_PROFILE_H

#include "base/arena.h"
#include "crypto/crypto.h"
#include "model/message.h"

struct profile;

#define PROFILE_RETRIES_MAX 64

/* Parses and checks a row. ERR_INVALID: *path names the field ("headers.X-Sig"), *why the trouble; both from the arena.
 */
MUST_USE enum err profile_parse(struct arena *a, struct str json, struct profile **out, struct str *path,
                                struct str *why);
void profile_free(struct profile *p);

/* The built-in rows (standard, myra, metapulse) and the examples (github, stripe, slack, shopify): JSON texts. */
struct profile_builtin {
    const char *name;
    const char *json;
    bool example;
};
extern const struct profile_builtin profile_builtins[];
extern const size_t profile_builtin_count;

struct str profile_name(const struct profile *p);
struct str profile_description(const struct profile *p);
/* The catalogue of event types; example is a JSON object or null. */
struct profile_event_type {
    struct str name;
    struct str description;
    struct str example;
};
const struct profile_event_type *profile_event_types(const struct profile *p, size_t *count);
bool profile_is_raw(const struct profile *p);
bool profile_disables_on_410(const struct profile *p);
int64_t profile_timeout_ms(const struct profile *p);
/* Delays in ms between attempts; the sum is the schedule's window. */
const int64_t *profile_retry_schedule(const struct profile *p, size_t *count);
/* Whether several signatures fit (then a rotation overlaps). */
bool profile_overlaps(const struct profile *p);
/* Whether a custom header of this name would collide with one of the profile. */
bool profile_owns_header(const struct profile *p, struct str name);

/* What the envelope's placeholders stand for. */
struct profile_facts {
    struct str event_uuid;
    struct str message_id;
    struct str type;
    int64_t occurred_ms;
    struct str actor;     /* JSON object, or null */
    struct str workspace; /* JSON object {"id","uid","name"} */
};
/* Appends what stands before and behind the payload. Nothing for raw bodies. */
void profile_render(const struct profile *p, const struct profile_facts *facts, struct buf *head, struct buf *tail);

/* Appends a new secret in the form that has this prefix. ERR_NOT_FOUND: there is none. */
MUST_USE enum err profile_generate_secret_as(const struct profile *p, struct str prefix, struct buf *out);
/* Appends what a receiver verifies with: the text of the public key for Ed25519, else the secret as it is. ERR_INVALID:
 * it is none of this profile. */
MUST_USE enum err profile_public_secret(const struct profile *p, struct str secret, struct buf *out);
/* Appends a new secret in the form that "newSecret" names. */
void profile_generate_secret(const struct profile *p, struct buf *out);
/* ERR_INVALID: *why says what is wrong with a secret that a user gives. */
MUST_USE enum err profile_check_secret(const struct profile *p, struct str secret, const char **why);

/*
 * The signers of one endpoint under one profile, made from its secrets once and used for every attempt. Not
 * thread-safe. secrets: newest first, without expired ones. Where several signatures fit all of them sign, else the
 * oldest. Those that the profile cannot use are passed over; NULL if none is left. The profile must outlive the
 * signers.
 */
struct profile_signers;
struct profile_signers *profile_signers_new(const struct profile *p, const struct str *secrets, size_t count);
void profile_signers_free(struct profile_signers *s);

/* One attempt, as the header templates see it. */
struct profile_attempt {
    int64_t now_ms;
    struct str message_id;
    struct str event_uuid;
    struct str type;
    int number;
    struct str url;
    struct str method;    /* null: POST */
    struct str form;      /* for {form}: see form_sorted */
    struct str body_time; /* for {body_time} */
    struct str body[3];
};
/*
 * Appends the profile's headers, each "Name: value" followed by NUL, to out; returns their count. The signature covers
 * what the signed string says. Allocates nothing but the growth of out.
 */
size_t profile_headers(const struct profile *p, struct profile_signers *s, const struct profile_attempt *at,
                       struct buf *out);

struct profile_header {
    struct str name;
    struct str value;
};
/* A request that was received. */
struct profile_request {
    const struct profile_header *headers;
    size_t header_count;
    struct str body;
    struct str method; /* null: POST */
    struct str url;    /* as the sender knows it; for profiles that sign it */
    int64_t now_ms;
    int64_t tolerance_s;         /* how old or new a signed timestamp may be; 0: any */
    struct str signature_header; /* the name of the header with the signature, if it is another; null: the row's */
};
/*
 * Verifies as a receiver would, with any of the secrets (Ed25519: also the public key's text). ERR_OK: valid.
 * ERR_UNAUTHORIZED: *why, a static text, says what does not fit.
 */
MUST_USE enum err profile_verify(const struct profile *p, const struct str *secrets, size_t count,
                                 const struct profile_request *rq, const char **why);

#endif
