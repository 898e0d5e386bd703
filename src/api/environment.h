/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environments as objects that can be managed: OBJ_ENV, whose key is the "org_…" that tokens name and whose body says
 * name, type, owner and settings.
 *
 * Who may: an environment sees itself and those that it has made, which carry it as their owner. Only one that nobody
 * owns makes others, so there are two levels. Whatever else exists is not found.
 */
#ifndef PR_API_ENVIRONMENT_H
#define PR_API_ENVIRONMENT_H

#include "api/handler.h"

struct environment {
    oid_t id;
    struct str key;      /* "org_…" */
    struct str name;     /* null: never given; answers say the key */
    struct str type;     /* "development", "production" */
    struct str owner;    /* key of the environment that made it; null: none */
    struct str settings; /* JSON object as env_settings.h writes it; null: never set */
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t version;
};

/* ERR_INVALID: damage. */
MUST_USE enum err environment_decode(struct arena *a, const struct object *o, struct environment *out);
/* The change that writes it back. */
struct object_change environment_change(struct arena *a, const struct object *o, const struct environment *env,
                                        int64_t now_ms);
/* The caller's own, which exists. False: answered. */
bool call_environment_own(struct api_call *call, struct object *o, struct environment *out);
/* The one of params[i], if the caller may manage it. False: answered, 404. */
bool call_environment(struct api_call *call, size_t param, struct object *o, struct environment *out);

extern const struct field environment_fields[];
extern const size_t environment_field_count, environment_change_field_count;

#endif
