/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed profile from inside. Only the files of signing/ see it.
 */
#ifndef PR_SIGNING_ROW_H
#define PR_SIGNING_ROW_H

#include "signing/profile.h"
#include "signing/profile_incoming.h"
#include "signing/template.h"

#define PROFILE_HEADERS_MAX 32
#define PROFILE_KEYS_MAX    8
#define PROFILE_KEY_MIN     24 /* bytes; nothing shorter is a secret */
#define PROFILE_KEY_MAX     256

enum text_form { FORM_RAW, FORM_BASE64, FORM_HEX, FORM_ALPHANUMERIC };

/* One kind of secret and what is signed with it. */
struct key_form {
    enum crypto_mac mac;
    bool token;               /* nothing is signed: the key itself is what the header holds */
    struct str prefix;        /* may be empty; a secret need not have it in the main form of HMAC */
    struct str public_prefix; /* Ed25519: of the text of a public key */
    bool prefix_in_key;
    enum text_form decoding; /* RAW, BASE64, HEX */
    size_t min_bytes;        /* of the decoded key; HMAC */
    size_t max_bytes;
    enum text_form generate; /* BASE64, HEX, ALPHANUMERIC */
    size_t generate_bytes;   /* random bytes, or characters when alphanumeric; HMAC */
    struct template format;  /* over {signature} */
};

struct header_row {
    struct str name;
    struct template value;
};

struct profile {
    struct arena *arena; /* owns this very struct too */
    struct str name;
    struct str description;
    bool raw;
    struct template envelope;
    struct header_row headers[PROFILE_HEADERS_MAX];
    size_t header_count;
    struct template signed_string;
    enum text_form encoding;                /* BASE64, HEX; RAW of tokens */
    struct str separator;                   /* empty: one signature */
    struct key_form keys[PROFILE_KEYS_MAX]; /* the main form first, then the alternatives */
    size_t key_count;
    size_t new_key; /* the form of new secrets */
    int64_t retry_ms[PROFILE_RETRIES_MAX];
    size_t retry_count;
    int64_t timeout_ms;
    bool disable_on_410;
    const struct profile_event_type *event_types;
    size_t event_type_count;
    struct profile_rules rules; /* of "verify" */
};

/* Whether there are two keys, a private and a public one. */
static inline bool key_form_is_pair(const struct key_form *f)
{
    return !f->token && (f->mac == CRYPTO_ED25519 || f->mac == CRYPTO_ECDSA || f->mac == CRYPTO_RSA);
}
/* Whether they are in DER. */
static inline bool key_form_is_der(const struct key_form *f)
{
    return key_form_is_pair(f) && f->mac != CRYPTO_ED25519;
}

/* A secret as its profile understands it. `key` is a slice of the buffer it was decoded into. */
struct secret_key {
    const struct key_form *form;
    struct str key;
    bool public;
};
/*
 * Decodes a secret; `into` must be empty and holds the key: wipe it. Says nothing of length limits except that an empty
 * key is none. ERR_INVALID: *why, a static text.
 */
MUST_USE enum err secret_decode(const struct profile *p, struct str text, struct buf *into, struct secret_key *out,
                                const char **why);

#endif
