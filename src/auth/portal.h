/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys to one workspace for its owner's customers: OBJ_PORTAL, found by the hash of their text among those of the
 * workspace, which the text names. Two sorts: a session is a bearer token; a link is no token, it is exchanged for a
 * session once. The text itself exists only in the answer that made it.
 */
#ifndef PR_AUTH_PORTAL_H
#define PR_AUTH_PORTAL_H

#include "auth/auth.h"
#include "base/time.h"

#define PORTAL_SESSION_PREFIX "prp_"
#define PORTAL_LINK_PREFIX    "prl_"
/* In a cookie, a session also ends this long after its last use. */
#define PORTAL_IDLE_MS (12 * TIME_HOUR_MS)

/* What a key may besides looking. X(name, the scope it is worth, NULL: none) */
#define PORTAL_CAPABILITY_TABLE(X)                                                                                     \
    X("ViewBase", NULL)                                                                                                \
    X("ViewEndpointSecret", "secret:read")                                                                             \
    X("ManageEndpointSecret", "secret:write")                                                                          \
    X("ManageTransformations", "transformation:write")                                                                 \
    X("CreateAttempts", "attempt:write")                                                                               \
    X("ManageEndpoint", "endpoint:write")                                                                              \
    X("ManageRecords", "record:write")                                                                                 \
    X("ManageAutomations", "automation:write")

struct portal_key {
    oid_t id;
    oid_t app;
    struct str env; /* "org_…" */
    bool is_link;
    bool read_only;
    const struct str *capabilities; /* NULL: all */
    size_t capability_count;
    const struct str *flags; /* featureFlags */
    size_t flag_count;
    struct str session; /* the caller's own name for it, null: none */
    int64_t expires_ms;
    int64_t used_ms; /* in a cookie, to the minute; 0: not yet */
    struct str key;  /* the hash that it is found by */
    int64_t created_ms;
    uint64_t version;
};

bool portal_is_capability(struct str name);
/*
 * Makes a session and a link that are alike but for is_link; their texts are appended. Keys of the workspace that have
 * expired go. Store errors. Blocks.
 */
MUST_USE enum err portal_create(struct store *s, struct store_reader *r, struct arena *a, struct oid_source *oids,
                                struct hash_key id_key, int64_t now_ms, const struct portal_key *k, struct buf *session,
                                struct buf *link);
/* The key with this text; ERR_UNAUTHORIZED: there is none, or it is over. */
MUST_USE enum err portal_find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text,
                              int64_t now_ms, struct portal_key *out);
/* When a session in a cookie ends, if it is not used again. */
int64_t portal_idle_ends_ms(const struct portal_key *k);
/* Notes the use, at most once a minute; failures do not matter. Blocks. */
void portal_touch(struct store *s, struct arena *a, const struct portal_key *k, int64_t now_ms);
/* The link ends and becomes a session, whose text is appended. ERR_STALE: somebody was faster. */
MUST_USE enum err portal_exchange(struct store *s, struct arena *a, struct oid_source *oids, struct hash_key id_key,
                                  int64_t now_ms, const struct portal_key *link, struct buf *session);
/* ERR_NOT_FOUND: it is over already. */
MUST_USE enum err portal_end(struct store *s, oid_t id, int64_t now_ms);
/* Lets the keys of a workspace end at at_ms at the latest; sessions NULL: all, else those with one of these names. */
MUST_USE enum err portal_end_all(struct store *s, struct store_reader *r, struct arena *a, oid_t app,
                                 const struct str *sessions, size_t session_count, int64_t at_ms, int64_t now_ms);
/* The principal that it stands for. */
void portal_principal(const struct portal_key *k, struct principal *out);

#endif
