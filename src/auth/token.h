/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys as objects: OBJ_TOKEN, found by the hash of their text, outside of any environment (the key alone says where
 * it belongs). The text itself exists only in the answer that made it.
 */
#ifndef PR_AUTH_TOKEN_H
#define PR_AUTH_TOKEN_H

#include "auth/auth.h"

/* What a key may be that does not say: one for a workspace cannot delete that workspace. */
#define TOKEN_ROLE_FREE     "owner"
#define TOKEN_ROLE_CONFINED "editor"
/* Of the key of an integration: what the portal may in its workspace. */
#define TOKEN_ROLE_INTEGRATION "integration"
/* Of a key that may poll one endpoint and nothing else. */
#define TOKEN_ROLE_POLLER "poller"

struct token {
    oid_t id;
    struct str name;
    struct str role;          /* "owner", "editor", "viewer"; "integration", "poller" of keys that belong to those */
    struct str env;           /* "org_…" */
    int64_t app;              /* oid of the one workspace, 0 = all */
    int64_t integration;      /* oid of the OBJ_INTEGRATION whose key it is; 0: none. Not in lists. */
    int64_t endpoint;         /* oid of the OBJ_ENDPOINT that it polls; 0: none. Not in lists. */
    const struct str *scopes; /* NULL: all */
    size_t scope_count;
    int64_t expires_ms; /* 0: never */
    int64_t used_ms;    /* last use, to the minute; 0: never */
    struct str hint;    /* "prk_Ab12…": its beginning */
    int64_t created_ms;
    uint64_t version;
};

/* Checks name, role and scopes of a token to be made. ERR_INVALID: *field is which, *why. */
MUST_USE enum err token_check(const struct token *t, const char **field, const char **why);
/* The change that makes a key: id, hint and created_ms are filled in, its text is appended to `text`. */
void token_make(struct arena *a, struct oid_source *oids, int64_t now_ms, struct token *t, struct buf *text,
                struct object_change *out);
/* Makes a key and writes it: id, hint and created_ms are filled in, its text is appended to `text` (also when it
 * fails). Store errors. Blocks. */
MUST_USE enum err token_create(struct store *s, struct arena *a, struct oid_source *oids, int64_t now_ms,
                               struct token *t, struct buf *text);
/* The key with this text; ERR_UNAUTHORIZED when there is none, or it is revoked or expired. */
MUST_USE enum err token_find(struct store_reader *r, struct arena *a, struct str text, int64_t now_ms,
                             struct token *out);
/* Notes the use, at most once a minute; failures do not matter. Blocks. */
void token_touch(struct store *s, struct arena *a, const struct token *t, struct str text, int64_t now_ms);
/* Keys of an environment but those of integrations and pollers, by age; beyond `after` (0: from the beginning). */
MUST_USE enum err token_list(struct store_reader *r, struct arena *a, struct str env, bool descending, oid_t after,
                             size_t limit, struct token **out, size_t *count);
/* One of them, and its object for token_change. ERR_NOT_FOUND: no such key in this environment. */
MUST_USE enum err token_get(struct store_reader *r, struct arena *a, struct str env, oid_t id, struct object *o,
                            struct token *out);
/* A key by its id, of whatever sort; ERR_NOT_FOUND: it is over. */
MUST_USE enum err token_load(struct store_reader *r, struct arena *a, oid_t id, struct object *o, struct token *out);
/* The change that makes the key of this object what the token says. */
struct object_change token_change(struct arena *a, const struct object *o, const struct token *t, int64_t now_ms);
/* Changes that revoke every key of an environment, those of integrations too; `limit` changes at most. */
MUST_USE enum err token_revoke_all(struct store_reader *r, struct arena *a, struct str env, int64_t now_ms,
                                   struct object_change *out, size_t limit, size_t *count);
/* ERR_NOT_FOUND: no such key in this environment. */
MUST_USE enum err token_revoke(struct store *s, struct store_reader *r, struct arena *a, struct str env, oid_t id,
                               int64_t now_ms);
/* The principal it stands for. */
void token_principal(const struct token *t, struct principal *out);

#endif
