/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ingest source: an OBJ_SOURCE of an environment (key: its uid), a workspace that nobody sees with the endpoints
 * that it delivers to, and the trigger of that workspace with the URL that takes requests (incoming/trigger.h), which
 * has the secrets. Here are the names of the types that sources have, and which row of signing/providers.c verifies
 * each.
 */
#ifndef PR_INCOMING_SOURCE_H
#define PR_INCOMING_SOURCE_H

#include "incoming/trigger.h"
#include "model/field.h"

/* The uid of a source's workspace: this and the decimal oid of the source. Beginning with '$', it is nobody's. */
#define SOURCE_APP_PREFIX "$source."
/* What requests become messages of. */
#define SOURCE_EVENT_TYPE "svix.in"

static inline bool source_has_app(struct str uid)
{
    return str_starts(uid, STR(SOURCE_APP_PREFIX));
}

struct source {
    oid_t id;
    oid_t env;
    int64_t app;     /* the workspace */
    int64_t trigger; /* OBJ_TRIGGER; 0: none, it is of type cron */
    struct str uid;  /* null: none */
    struct str name;
    struct str type;
    struct str config; /* JSON object: what answers show of it; null: the type has none */
    struct str metadata;
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t object_version;
};
/* uid, name, type, metadata. */
extern const struct field source_fields[];
extern const size_t source_field_count;
/* Without the type, which PATCH does not change. */
extern const size_t source_patch_field_count;

/* ERR_INVALID: damage. */
MUST_USE enum err source_decode(struct arena *a, const struct object *o, struct source *out);
void source_encode(struct arena *a, const struct source *s, struct object *out);

enum {
    SOURCE_OPTIONAL = 1, /* may be made without the secret: until it has one every request is refused */
    SOURCE_SHOWN = 2,    /* it is no secret: answers show it */
    SOURCE_TOKEN = 4,    /* config.verifyToken is what the provider asks with */
    SOURCE_GRACE = 8,    /* config.timestampGraceSeconds; absent: a signature may have any age */
    SOURCE_CRON = 32,    /* has no URL but a schedule */
    SOURCE_ASKS = 16     /* the provider asks with GET, as it sends, whose URL it is */
};
struct source_type {
    const char *name;
    const char *provider; /* NULL: requests are not verified */
    const char *secret;   /* the member of config; NULL: there is no config */
    unsigned flags;
};
/* NULL: unknown. */
const struct source_type *source_type_find(struct str name);
/* Why sources of a type that others know cannot be had here, a sentence; NULL: they can, or nobody knows it. */
const char *source_type_refusal(struct str name);

#endif
