/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asking: bearer tokens (JWT HS256 and API keys) become a principal. What a principal may do is the route
 * table's business.
 */
#ifndef PR_AUTH_AUTH_H
#define PR_AUTH_AUTH_H

#include "base/arena.h"
#include "store/store.h"

enum auth_role {
    AUTH_NOBODY,
    AUTH_OWNER,
    AUTH_EDITOR,
    AUTH_VIEWER,
    AUTH_PORTAL,
    AUTH_PORTAL_READ,
    AUTH_INTEGRATION,
    AUTH_POLLER
};

struct principal {
    enum auth_role role;
    char env[OID_TEXT_SIZE]; /* "org_…", NUL-terminated */
    oid_t app;               /* confined to this workspace; 0 = all of the environment */
    oid_t endpoint;          /* of an AUTH_POLLER: the one endpoint that it may poll */
    oid_t token;             /* the OBJ_TOKEN or OBJ_PORTAL, 0 for a JWT or a user */
    oid_t user;              /* the OBJ_USER that is signed in to the console, 0: none */
    bool is_operator;        /* who holds the keys of this server: beyond all environments */
    struct str name;         /* of the token, for the audit and as actor; may be null */
    uint32_t scopes;         /* 0 = not restricted; else bits, see auth_scope */
};

/* What a scope may speak of. X(symbol, name) */
#define AUTH_AREA_TABLE(X)                                                                                             \
    X(APP, "app")                                                                                                      \
    X(ENDPOINT, "endpoint")                                                                                            \
    X(MESSAGE, "message")                                                                                              \
    X(ATTEMPT, "attempt")                                                                                              \
    X(EVENT_TYPE, "event-type")                                                                                        \
    X(PROFILE, "profile")                                                                                              \
    X(SETTINGS, "settings")                                                                                            \
    X(TOKEN, "token")                                                                                                  \
    X(SECRET, "secret")                                                                                                \
    X(ENVIRONMENT, "environment")                                                                                      \
    X(TRANSFORMATION, "transformation")                                                                                \
    X(RECORD, "record")                                                                                                \
    X(AUTOMATION, "automation")

enum auth_area {
#define AUTH_AREA_ENUM(sym, name) AUTH_AREA_##sym,
    AUTH_AREA_TABLE(AUTH_AREA_ENUM)
#undef AUTH_AREA_ENUM
            AUTH_AREAS
};

/*
 * The bits of a scope: "endpoint:read", "message:write" (reads too), "message:*", "*:read". Who may write endpoints may
 * reveal their secrets, and "*:read" reveals neither them nor the code and variables of transformations. ERR_INVALID:
 * no such thing.
 */
MUST_USE enum err auth_scope(struct str text, uint32_t *bits);
/* Whether the scopes of a principal allow it. */
static inline bool auth_scope_allows(const struct principal *p, enum auth_area area, bool write)
{
    return p->scopes == 0 || (p->scopes & (1u << (2 * (unsigned)area + (write ? 1u : 0u)))) != 0;
}

/*
 * Verifies a JWT (RFC 7515, HS256 only; `exp` and `nbf` with 60 s of leeway, neither is required). sub "org_…": owner
 * of that environment, *app_text is null; sub "app_…" with "org": portal of a workspace, *app_text (from the arena) is
 * the "app_…" for the caller to resolve into out->app, which is 0. The environment need not exist. ERR_UNAUTHORIZED
 * otherwise.
 */
MUST_USE enum err auth_jwt_verify(struct arena *a, struct str token, struct str secret, int64_t now_ms,
                                  struct principal *out, struct str *app_text);
/* As auth_jwt_make, for the operator's own commands: it speaks for all environments, also in what concerns users. */
void auth_jwt_make_operator(struct str env, struct str secret, int64_t now_ms, int64_t exp_ms, struct buf *out);
/* Appends a JWT for an environment that expires at exp_ms, rounded down to seconds (0 = in 10 years). */
void auth_jwt_make(struct str env, struct str secret, int64_t now_ms, int64_t exp_ms, struct buf *out);

/* Appends "prk_" and 40 random base62 characters. */
void auth_key_generate(struct buf *out);
/* Appends how a key is stored and found: hex SHA-256 of its text. */
void auth_key_hash(struct str key, struct buf *out);

#endif
