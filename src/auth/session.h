/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of the console, and links that are good for one step towards one: OBJ_SESSION and OBJ_LINK, found by the
 * hash of their text among those of the user, whom the text names. The text itself exists only in the cookie or the
 * link. A session ends SESSION_IDLE_MS after its last use and SESSION_LIFE_MS after its beginning.
 */
#ifndef PR_AUTH_SESSION_H
#define PR_AUTH_SESSION_H

#include "auth/auth.h"
#include "base/time.h"

#define SESSION_PREFIX  "prs_"
#define SESSION_IDLE_MS (12 * TIME_HOUR_MS)
#define SESSION_LIFE_MS (14 * TIME_DAY_MS)
/* How long a password that was entered counts for what asks for it anew. */
#define SESSION_FRESH_MS (15 * TIME_MINUTE_MS)

struct session {
    oid_t id;
    oid_t user;
    int64_t used_ms;      /* to the minute */
    int64_t confirmed_ms; /* when the password was entered last */
    struct str ip;
    struct str agent; /* User-Agent, cut */
    struct str key;   /* the hash that it is found by */
    int64_t created_ms;
    uint64_t version;
};

/* When it ends, if it is not used again. */
int64_t session_idle_ends_ms(const struct session *s);
int64_t session_ends_ms(const struct session *s);
bool session_is_over(const struct session *s, int64_t now_ms);
/* Whether the password was entered lately. */
bool session_is_fresh(const struct session *s, int64_t now_ms);
/* The change that notes that the password was entered now. */
struct object_change session_confirm(struct arena *a, struct session *s, int64_t now_ms);
/* Appends what the session's requests that change something carry besides the cookie. */
void session_csrf(struct str text, struct buf *out);

/* The change that makes a session: id, key and times are filled in, its text is appended. */
struct object_change session_make(struct arena *a, struct oid_source *oids, struct hash_key id_key, int64_t now_ms,
                                  struct session *s, struct buf *text);
/* ERR_UNAUTHORIZED: there is none, or it is over. */
MUST_USE enum err session_find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text,
                               int64_t now_ms, struct session *out);
/* Notes the use, at most once a minute; failures do not matter. Blocks. */
void session_touch(struct store *st, struct arena *a, const struct session *s, int64_t now_ms);
struct object_change session_delete(const struct session *s, int64_t now_ms);
#define SESSIONS_MAX 100
/* Sessions of a user, oldest first, at most SESSIONS_MAX, those that are over too. */
MUST_USE enum err session_list(struct store_reader *r, struct arena *a, oid_t user, struct session **out,
                               size_t *count);
/* Ends all sessions of a user but one (0: all). Blocks. */
MUST_USE enum err session_end_all(struct store *st, struct store_reader *r, struct arena *a, oid_t user, oid_t but,
                                  int64_t now_ms);

#define LINK_PREFIX "pri_"
enum link_kind { LINK_INVITATION, LINK_RESET };
struct link {
    oid_t id;
    oid_t user;
    enum link_kind kind;
    oid_t member; /* of an invitation */
    int64_t expires_ms;
    uint64_t version;
};
/* The change that makes a link: its id is filled in, its text is appended. */
struct object_change link_make(struct arena *a, struct oid_source *oids, struct hash_key id_key, int64_t now_ms,
                               struct link *l, struct buf *text);
/* ERR_NOT_FOUND: there is none, it was used, or it is over. */
MUST_USE enum err link_find(struct store_reader *r, struct arena *a, struct hash_key id_key, struct str text,
                            int64_t now_ms, struct link *out);
struct object_change link_delete(const struct link *l, int64_t now_ms);
/* Ends a user's links that are over, and those of `kind` for this membership (a LINK_RESET has 0). Blocks. */
MUST_USE enum err link_end_all(struct store *st, struct store_reader *r, struct arena *a, oid_t user,
                               enum link_kind kind, oid_t member, int64_t now_ms);

#endif
