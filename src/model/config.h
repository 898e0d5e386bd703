/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration that the hot path knows: workspaces, endpoints. They are stored as objects (model/object.h) whose
 * body is JSON with the API's own field names; these functions turn the one into the other. Slices live in the arena
 * that was given.
 */
#ifndef PR_MODEL_CONFIG_H
#define PR_MODEL_CONFIG_H

#include "base/arena.h"
#include "crypto/seal.h"
#include "filter/filter.h"
#include "model/endpoint_auth.h"
#include "model/field.h"
#include "model/object.h"

struct app {
    oid_t id;
    oid_t env;
    struct str uid; /* null: none */
    struct str name;
    struct str profile;      /* name */
    struct str metadata;     /* JSON object */
    int throttle_rate;       /* messages per second, 0 = none */
    int incoming_rate_limit; /* requests per second over its trigger URLs, 0 = the server's */
    int64_t created_ms;
    int64_t updated_ms;
};

struct header_pair {
    struct str name;
    struct str value;
};

/* A signing secret; all but the newest expire. */
struct endpoint_secret {
    struct str text;
    int64_t expires_ms; /* 0: the current one */
};

struct endpoint {
    oid_t id;
    oid_t app;
    oid_t env;
    struct str uid;
    struct str name;
    struct str description;
    struct str type; /* ENDPOINT_WEBHOOK or ENDPOINT_POLLING, for good */
    struct str url;  /* normalised; null of one that is polled */
    bool disabled;
    const struct str *event_types; /* NULL: all */
    size_t event_type_count;
    const struct str *channels; /* NULL: all */
    size_t channel_count;
    struct str metadata; /* JSON object */
    int throttle_rate;   /* per second, 0 = none */
    const struct header_pair *headers;
    size_t header_count;
    const struct endpoint_secret *secrets; /* newest first, at least one */
    size_t secret_count;
    struct str profile;               /* null: the workspace's */
    const int64_t *retry_schedule_ms; /* NULL: the profile's */
    size_t retry_count;
    int64_t timeout_ms; /* 0: the profile's */
    bool fifo;
    bool http2;
    struct str filter;          /* JSON, null: none */
    const struct filter *wants; /* the filter, compiled: endpoint_compile; not stored */
    struct str ca_bundle;       /* PEM, null: none */
    oid_t transformation;       /* the current version; 0: none */
    bool transforms;            /* and it is in use */
    oid_t poller_token;         /* the newest OBJ_TOKEN that may poll it; 0: none */
    struct str disabled_reason; /* why it was disabled by itself: "gone", "failing"; null */
    int64_t disabled_at_ms;
    int64_t enabled_at_ms; /* when it was enabled again; 0: never */
    int64_t created_ms;
    int64_t updated_ms;
    /* What few have, sealed; NULL: none. */
    const struct endpoint_identity *identity;
    const struct oauth *oauth;
};

#define ENDPOINT_WEBHOOK "webhook"
#define ENDPOINT_POLLING "polling"

/* It gets no deliveries: its messages are read from the store by whoever polls. */
static inline bool endpoint_is_polled(const struct endpoint *ep)
{
    return str_eq(ep->type, STR(ENDPOINT_POLLING));
}

/* The version that new deliveries are accepted with; 0: they go out as they are. */
static inline oid_t endpoint_transform(const struct endpoint *ep)
{
    return ep->transforms ? ep->transformation : 0;
}

/* What their JSON looks like: requests, answers and the stored body. */
extern const struct field app_fields[];
extern const size_t app_field_count;
extern const struct field endpoint_fields[];
extern const size_t endpoint_field_count;

/* Of a retry schedule. */
#define RETRY_ITEMS_MAX   64
#define RETRY_ITEM_MAX_MS ((int64_t)30 * 24 * 3600 * 1000)

#define HEADER_MASK "****" /* instead of a value that is not shown */

/* ERR_INVALID: the body is not what the encoder writes (damage). */
MUST_USE enum err app_decode(struct arena *a, const struct object *o, struct app *out);
/* Fills key, body; id, kind, env, app and times are copied. */
void app_encode(struct arena *a, const struct app *app, struct object *out);

/* Opens the sealed part (secrets, custom header values) with the keyring. */
MUST_USE enum err endpoint_decode(struct arena *a, const struct keyring *keys, const struct object *o,
                                  struct endpoint *out);
/* Lets an endpoint point into this arena only: what decoding left behind can go. */
void endpoint_own(struct arena *a, struct endpoint *ep);
/*
 * Compiles the filter, which the endpoint's own strings hold, into the arena. ERR_INVALID: it is not one (which the API
 * does not store): the endpoint matches nothing.
 */
MUST_USE enum err endpoint_compile(struct arena *a, struct endpoint *ep);
void endpoint_encode(struct arena *a, const struct keyring *keys, const struct endpoint *ep, struct object *out);

/* OBJ_PROFILE_VERSION: body is the profile row itself (signing/profile.h). OBJ_PROFILE: key = name, body
 * {"current":"<decimal oid of the version>","builtin":bool}. */

#endif
