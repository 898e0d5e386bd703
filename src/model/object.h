/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration objects: everything that is not a message, a delivery or an attempt. One shape for all kinds: identity,
 * an optional unique key in its scope, a JSON body, sealed secrets. What the body means is model/'s business.
 *
 * Scope: (kind, env, app). Objects of an environment have app = 0; environments themselves have env = 0 and app = 0.
 * An OBJ_SESSION and an OBJ_LINK have env = 0 and in `app` the OBJ_USER they are of.
 * Every change of an object with app != 0 but an OBJ_PORTAL and those two, of an OBJ_APP, of an OBJ_PROFILE,
 * of an OBJ_EVENT_TYPE or of an OBJ_ENV raises the version of the workspaces it concerns (the last three concern all of
 * the environment), so that a message that matched an older configuration is matched again, and a request from outside
 * is looked at again.
 */
#ifndef PR_MODEL_OBJECT_H
#define PR_MODEL_OBJECT_H

#include "base/oid.h"

/* X(symbol, number on disk, id prefix). Numbers are never reused. */
#define OBJECT_TABLE(X)                                                                                                \
    X(ENV, 1, "org_")                                                                                                  \
    X(APP, 2, "app_")                                                                                                  \
    X(ENDPOINT, 3, "ep_")                                                                                              \
    X(EVENT_TYPE, 4, "evtype_")                                                                                        \
    X(PROFILE, 5, "prof_")                                                                                             \
    X(PROFILE_VERSION, 6, "profv_")                                                                                    \
    X(TOKEN, 7, "key_")                                                                                                \
    X(TASK, 8, "qtask_")                                                                                               \
    X(CANARY, 9, "can_")                                                                                               \
    X(PORTAL, 10, "portal_")                                                                                           \
    X(INTEGRATION, 11, "integ_")                                                                                       \
    X(USER, 12, "user_")                                                                                               \
    X(MEMBER, 13, "member_")                                                                                           \
    X(SESSION, 14, "sess_")                                                                                            \
    X(LINK, 15, "link_")                                                                                               \
    X(TRANSFORMATION, 16, "trf_")                                                                                      \
    X(CONNECTOR, 17, "trtmpl_")                                                                                        \
    X(TASK_PART, 18, "qpart_")                                                                                         \
    X(AUDIT, 19, "audit_")                                                                                             \
    X(RECORD_TYPE, 21, "rty_")                                                                                         \
    X(AUTOMATION, 22, "auto_")                                                                                         \
    X(AUTOMATION_VERSION, 23, "autov_")                                                                                \
    X(TRIGGER, 24, "trg_")                                                                                             \
    X(TRIGGER_URL, 25, "trgurl_")                                                                                      \
    X(SOURCE, 26, "src_")

enum object_kind {
#define OBJECT_ENUM(sym, num, prefix) OBJ_##sym = (num),
    OBJECT_TABLE(OBJECT_ENUM)
#undef OBJECT_ENUM
};

const char *object_prefix(enum object_kind kind);

struct object {
    oid_t id;
    enum object_kind kind;
    oid_t env;
    oid_t app;         /* the workspace it belongs to; an OBJ_APP has its own id here */
    struct str key;    /* unique in (kind, env, app) among those not deleted; null: none. A uid or a name. */
    struct str body;   /* JSON object */
    struct str sealed; /* null: no secrets. See crypto/seal.h; identity is the object's decimal id */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t deleted_ms; /* 0: alive. A deleted object stays readable by id, its key is free again */
    uint64_t version;   /* 1 at creation, +1 with each change */
};

enum object_change_kind { OBJECT_CREATE, OBJECT_UPDATE, OBJECT_DELETE };

struct object_change {
    enum object_change_kind change;
    struct object object;      /* UPDATE replaces key, body, sealed, updated_ms; DELETE needs kind, id, updated_ms */
    uint64_t expected_version; /* UPDATE, DELETE: ERR_STALE when the object is at another; 0 = whatever it is at */
};

/* How an endpoint is doing, kept across restarts. Absent = all zero. Written only when it changes state. */
struct endpoint_health {
    oid_t ep;
    int64_t failing_since_ms;   /* first failed attempt since the last success */
    int64_t exhausted_since_ms; /* first exhausted message since the last success; 0 = none */
    /* To be written by who does not know what is stored: what is older, but not before `enabled_ms`, stays. Read:
     * unset. */
    bool merge;
    int64_t enabled_ms;
};

/* What was before the endpoint was enabled again (0: it never was) is forgotten. */
static inline void endpoint_health_begin(struct endpoint_health *h, int64_t enabled_ms)
{
    if (h->failing_since_ms < enabled_ms)
        h->failing_since_ms = 0;
    if (h->exhausted_since_ms < enabled_ms)
        h->exhausted_since_ms = 0;
}

/* Adds what is stored to what was noted without knowing it. */
static inline void endpoint_health_merge(struct endpoint_health *h, struct endpoint_health stored, int64_t enabled_ms)
{
    endpoint_health_begin(&stored, enabled_ms);
    if (h->failing_since_ms == 0 || (stored.failing_since_ms != 0 && stored.failing_since_ms < h->failing_since_ms))
        h->failing_since_ms = stored.failing_since_ms;
    if (h->exhausted_since_ms == 0 ||
        (stored.exhausted_since_ms != 0 && stored.exhausted_since_ms < h->exhausted_since_ms))
        h->exhausted_since_ms = stored.exhausted_since_ms;
}

#endif
