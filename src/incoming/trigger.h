/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trigger as it is stored: an OBJ_TRIGGER (key: the decimal oid of what it belongs to), and the OBJ_TRIGGER_URLs that
 * lead to it (env 0, app 0, key: hex SHA-256 of the token, the token's text sealed so that the URL can be shown again).
 */
#ifndef PR_INCOMING_TRIGGER_H
#define PR_INCOMING_TRIGGER_H

#include "base/arena.h"
#include "crypto/seal.h"
#include "model/object.h"

#define TRIGGER_URLS_MAX    8
#define TRIGGER_SECRETS_MAX 8
#define TRIGGER_TOKEN_CHARS 32 /* base62: 190 bits */
#define TRIGGER_TOKEN_MAX   64 /* longer ones are nobody's */

/* What follows from a request, and what the trigger belongs to. */
enum trigger_use {
    TRIGGER_STARTS,  /* runs of an OBJ_AUTOMATION */
    TRIGGER_SOURCE,  /* messages in the workspace of an OBJ_SOURCE */
    TRIGGER_INBOUND, /* messages in a workspace, an OBJ_APP, of the event type that the query names */
};
enum trigger_state { TRIGGER_DRAFT, TRIGGER_PUBLISHED, TRIGGER_PAUSED };
enum { TRIGGER_GET = 1, TRIGGER_POST = 2, TRIGGER_PUT = 4, TRIGGER_ALL_METHODS = 7, TRIGGER_USUAL_METHODS = 6 };

struct trigger {
    oid_t id;
    oid_t env;
    oid_t app;
    enum trigger_use use;
    int64_t automation; /* what it belongs to: see enum trigger_use */
    int64_t version;    /* what is published: OBJ_AUTOMATION_VERSION; 0: nothing yet */
    int64_t sample;     /* the DOC_REQUEST chosen as the sample; 0: the newest */
    enum trigger_state state;
    oid_t urls[TRIGGER_URLS_MAX]; /* the current one first */
    size_t url_count;
    unsigned methods;
    struct str dedupe; /* null: as its row says */
    /* how requests are verified: by a row if profile or row is there, by address if there are any */
    struct str profile;  /* null: none */
    struct str row;      /* JSON; null: none */
    struct str header;   /* null: the row's */
    int64_t tolerance_s; /* -1: the row's */
    const struct str *addresses;
    size_t address_count;
    /* sealed */
    const struct str *secrets;
    size_t secret_count;
    struct str verify_token; /* null: none */
    struct str draft;        /* JSON: what holds from the next publication on; null: nothing changes */
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t object_version;
};

/* ERR_INVALID: damage, or sealed under an unknown key. */
MUST_USE enum err trigger_decode(struct arena *a, const struct keyring *keys, const struct object *o,
                                 struct trigger *out);
void trigger_encode(struct arena *a, const struct keyring *keys, const struct trigger *t, struct object *out);

/* Keeps what `rules` says of requests (methods, dedupe, how they are verified) as the draft of *t. */
void trigger_draft_set(struct arena *a, struct trigger *t, const struct trigger *rules);
/* *t as it is once its draft holds; *t itself when it has none. */
struct trigger trigger_draft_get(struct arena *a, const struct trigger *t);

struct trigger_url {
    oid_t id;
    oid_t app;
    oid_t trigger;
    int64_t expires_ms; /* 0: never */
    struct str token;
};
MUST_USE enum err trigger_url_decode(struct arena *a, const struct keyring *keys, const struct object *o,
                                     struct trigger_url *out);
void trigger_url_encode(struct arena *a, const struct keyring *keys, const struct trigger_url *u, int64_t now_ms,
                        struct object *out);
/* The key of a token. */
struct str trigger_url_key(struct arena *a, struct str token);

#endif
