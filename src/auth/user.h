/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signs in to the console, and what they are members of. OBJ_USER, outside of any environment, found by the email
 * address in lower case; password and TOTP secret are in the sealed part. OBJ_MEMBER, in its environment: the user's
 * role in all of it, or in one workspace. A user lists its memberships, so that one look-up by id each finds them.
 */
#ifndef PR_AUTH_USER_H
#define PR_AUTH_USER_H

#include "auth/auth.h"
#include "crypto/seal.h"

#define USER_EMAIL_MAX   254 /* bytes */
#define USER_MEMBERS_MAX 100

struct user {
    oid_t id;
    struct str email; /* lower case */
    struct str name;  /* may be null */
    bool disabled;
    const struct str *members; /* OBJ_MEMBER, decimal */
    size_t member_count;
    struct str password;  /* see crypto/password.h; null: none yet */
    struct str totp;      /* the secret in base 32 while codes are asked for; null: they are not */
    struct str totp_next; /* a secret that waits for its first code; null: none */
    int64_t totp_step;    /* of the last code that was taken */
    int64_t signed_in_ms; /* 0: never */
    int64_t created_ms;
    uint64_t version;
};

struct member {
    oid_t id;
    oid_t user;
    oid_t env;
    struct str env_name; /* "org_…" */
    oid_t app;           /* 0: all of the environment */
    struct str role;     /* "owner", "editor", "viewer" */
    struct str email;    /* of the user */
    bool invited;        /* the user has not agreed yet: it counts for nothing */
    int64_t created_ms;
    uint64_t version;
};

/* The address in lower case in the arena; ERR_INVALID: it is none. */
MUST_USE enum err user_email(struct arena *a, struct str text, struct str *out);
/* AUTH_NOBODY: no such role. */
enum auth_role user_role(struct str name);

/* ERR_NOT_FOUND. */
MUST_USE enum err user_find(struct store_reader *r, struct arena *a, const struct keyring *keys, struct str email,
                            struct user *out);
MUST_USE enum err user_get(struct store_reader *r, struct arena *a, const struct keyring *keys, oid_t id,
                           struct user *out);
/* Users by id, ids above `after`, at most limit. */
MUST_USE enum err user_list(struct store_reader *r, struct arena *a, const struct keyring *keys, oid_t after,
                            size_t limit, struct user **out, size_t *count);
MUST_USE enum err user_any(struct store_reader *r, struct arena *a, bool *out);

/* The change that makes, writes (at the version that was read) or deletes. */
struct object_change user_create(struct arena *a, const struct keyring *keys, const struct user *u, int64_t now_ms);
struct object_change user_update(struct arena *a, const struct keyring *keys, const struct user *u, int64_t now_ms);
struct object_change user_delete(const struct user *u, int64_t now_ms);
/* The user's list of memberships with one more, or one less. */
void user_add_member(struct arena *a, struct user *u, oid_t member);
void user_drop_member(struct user *u, oid_t member);

MUST_USE enum err member_get(struct store_reader *r, struct arena *a, oid_t id, struct member *out);
MUST_USE enum err member_decode(struct arena *a, const struct object *o, struct member *out);
/* The memberships of a user, invitations too. */
MUST_USE enum err member_list(struct store_reader *r, struct arena *a, const struct user *u, struct member **out,
                              size_t *count);
struct object_change member_create(struct arena *a, const struct member *m, int64_t now_ms);
struct object_change member_update(struct arena *a, const struct member *m, int64_t now_ms);
struct object_change member_delete(const struct member *m, int64_t now_ms);

#endif
