/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile: how deliveries look on the wire, as data. One grammar describes what is sent and what incoming requests must
 * carry. A parsed profile is immutable and shared by threads.
 *
 * The row, JSON:
 *   name            [a-z0-9][a-z0-9_-]{0,63}
 *   description     text
 *   body            {"type":"raw"} or {"type":"envelope","template":"{\"id\":{event_uuid},…,\"data\":{data}}"}
 *                   placeholders stand for JSON values: {data} the payload byte for byte (exactly once), {event_uuid},
 *                   {message_id}, {type}, {occurred_at} strings, {actor}, {workspace} objects or null
 *   headers         name -> template over {signature}, {timestamp}, {timestamp_ms}, {message_id}, {event_uuid}, {type}, {attempt}
 *   signedString    template over {body}, {timestamp}, {timestamp_ms}, {message_id}, {method}, {url}
 *   algorithm       "hmac-sha256" | "hmac-sha1" | "hmac-sha512" | "ed25519"
 *   encoding        "hex" | "base64"
 *   signatureFormat template over {signature} for one secret ("v1,{signature}"); default "{signature}"
 *   signatureSeparator text between several ("" = only one signature fits; then the oldest valid secret signs)
 *   secret          {"prefix":"whsec_","keyDecoding":"raw"|"base64"|"hex","generate":{"bytes":24,"encoding":"base64"|"hex"|"alphanumeric"},
 *                    "minBytes":24,"maxBytes":64}; key = decode(text without prefix); with "raw" the prefix is part of the key
 *                   when "prefixInKey" is true
 *   retrySchedule   [seconds…], fractions allowed
 *   timeoutMs       1..60000
 *   disableOn410    bool
 *   eventTypes      the catalogue: [{"name","description"}…], copied to an environment that starts to use the profile
 *   verify          for incoming requests, kept for later use
 * Ed25519 alternatives of a profile (`standard` with a whsk_ secret) are chosen by secret prefix: "keys": [{prefix, algorithm,
 * signatureFormat, keyDecoding}…], first match wins.
 */
#ifndef PR_SIGNING_PROFILE_H
#define PR_SIGNING_PROFILE_H

#include "base/arena.h"
#include "crypto/crypto.h"
#include "model/message.h"

struct profile;

#define PROFILE_RETRIES_MAX 64

/* Parses and checks a row. ERR_INVALID: *path names the field ("headers.X-Sig"), *why the trouble; both from the arena. */
MUST_USE enum err profile_parse(struct arena *a, struct str json, struct profile **out, struct str *path, struct str *why);
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

/* Appends a new secret in the profile's form. */
void profile_generate_secret(const struct profile *p, struct buf *out);
/* ERR_INVALID: *why says what is wrong with a secret that a user gives. */
MUST_USE enum err profile_check_secret(const struct profile *p, struct str secret, const char **why);

/* The signers of one endpoint under one profile, made from its secrets once and used for every attempt. Not thread-safe. */
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
    struct str body[3];
};
/*
 * Appends the profile's headers, each "Name: value" followed by NUL, to out, and their count. The signature covers what the
 * signed string says.
 */
size_t profile_headers(const struct profile *p, struct profile_signers *s, const struct profile_attempt *at, struct buf *out);

struct profile_header {
    struct str name;
    struct str value;
};
/*
 * Verifies headers and body as a receiver would, with a tolerance in seconds for profiles that sign a timestamp (0 = none).
 * ERR_OK: valid. ERR_UNAUTHORIZED: *why says what does not fit.
 */
MUST_USE enum err profile_verify(const struct profile *p, const struct str *secrets, size_t count,
                                 const struct profile_header *headers, size_t header_count, struct str body, int64_t now_ms,
                                 int64_t tolerance_s, const char **why);

#endif
