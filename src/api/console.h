/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People in front of the console: cookie sessions instead of bearer tokens. A session is a user's (auth/session.h), or
 * the portal's (auth/portal.h) and then confined to one workspace. What a cookie sends along by itself is not enough to
 * change anything: see console_identify.
 */
#ifndef PR_API_CONSOLE_H
#define PR_API_CONSOLE_H

#include <pthread.h>

#include "api/handler.h"
#include "auth/portal.h"
#include "auth/session.h"
#include "auth/throttle.h"
#include "auth/user.h"

#define CONSOLE_COOKIE      "postrider"
#define CONSOLE_COOKIE_TLS  "__Host-postrider"
#define CONSOLE_CSRF_HEADER "X-CSRF-Token"
#define CONSOLE_ENV_HEADER  "Postrider-Environment"

/* What all workers share; everything but the link of the first user is set before they start. */
struct console {
    bool secure; /* PUBLIC_URL is https */
    bool framed; /* PORTAL_FRAME_ANCESTORS lets others embed the portal */
    const struct ssrf_subnet *proxies;
    size_t proxy_count;
    struct throttle *throttle;
    pthread_mutex_t first_lock;
    struct str first_hash; /* of the link that makes the first user; null: there is one */
    int64_t first_expires_ms;
};

/*
 * Makes api->console; while there is no user, `link` (otherwise emptied) gets the URL that makes one. The api is
 * complete but for it. Store errors.
 */
struct settings;
MUST_USE enum err console_open(struct api *api, struct store_reader *r, const struct settings *set, int64_t now_ms,
                               struct buf *link);
void console_close(struct api *api);

/* Who a cookie stands for; in api_call.console. */
struct console_who {
    struct str text; /* of the cookie */
    struct session session;
    struct user user;
    const struct member *members; /* without invitations */
    size_t member_count;
    bool is_portal;
    struct portal_key portal;
};

/* The cookie of a request without `Authorization`; null: none. */
struct str console_cookie(const struct api *api, const struct http_header *headers, size_t count);
/*
 * Who the cookie stands for, and, unless `session_only`, which of their memberships counts: that of the environment in
 * CONSOLE_ENV_HEADER (else the first one), of the workspace `app_text` (null: none is named). What changes something
 * needs CONSOLE_CSRF_HEADER, comes from a page of this server, and has a JSON body or none. Fills call->console and
 * call->who. ERR_UNAUTHORIZED, ERR_FORBIDDEN, ERR_MEDIA_TYPE, ERR_NOT_FOUND (with *why), store errors.
 */
MUST_USE enum err console_identify(const struct api *api, struct api_call *call, struct str app_text, bool session_only,
                                   const char **why);
/* Who the session with this text stands for, without looking at the request. ERR_UNAUTHORIZED, store errors. */
MUST_USE enum err console_find(const struct api *api, struct store_reader *r, struct arena *a, struct str text,
                               int64_t now_ms, struct console_who *out);
/* NULL when a page of this server asks, or no browser; else what is wrong. */
const char *console_foreign(const struct api *api, const struct api_call *call);
/* Whether no user of the console asks, or one who entered the password lately. */
bool console_is_fresh(const struct api_call *call);
/* The address of the client, behind the proxies that are believed. */
struct str console_client_ip(const struct api *api, const struct api_call *call);

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

/* An error with a code of its own. */
void answer_refusal(struct api_call *call, int status, const char *code, const char *detail);
/* 429 when there is something to wait for. False: answered. */
bool answer_unthrottled(struct api_call *call, int64_t wait_ms);
/* The session as the page wants it, 200. */
void answer_session(const struct api *api, struct api_call *call, const struct console_who *who);
/* Sets the cookie; the null str clears it. */
void answer_cookie(const struct api *api, struct api_call *call, struct str text, bool portal, int64_t life_ms);

/* ---- steps towards a session --------------------------------------------------------------------------------------
 */

/*
 * Whether the password is the user's (NULL: nobody's, which takes as long), with the limits on guessing. False:
 * answered.
 */
bool console_check_password(struct api *api, struct api_call *call, struct str email, const struct user *u,
                            struct str password);
/* Whether the user needs no code or this is one, which cannot be used again: u->totp_step then is its step. False:
 * answered. */
bool console_check_code(struct api *api, struct api_call *call, struct user *u, struct str code);
/*
 * Signs in: writes a new session together with `more` changes (at most CONSOLE_MORE_MAX), ends the one that the request
 * came with, answers with it and its cookie.
 */
#define CONSOLE_MORE_MAX 6
void console_sign_in(struct api *api, struct api_call *call, const struct user *u, const struct object_change *more,
                     size_t more_count);
/* Whether it may be a password of the user, and then it is: u->password. False: answered. */
bool console_set_password(struct api_call *call, struct user *u, const char *field, struct str password);
/* The URL of a link. */
struct str console_link_url(const struct api *api, struct arena *a, struct str text);
/* Mails the link to who is invited; without mail, or when it cannot be, a line of the log says so. */
void console_mail_invitation(struct api *api, struct api_call *call, const struct member *m, struct str link);
/* Mails a link for a new password to the user with this address, if there is one, soon. False: answered (429). */
bool console_mail_reset(struct api *api, struct api_call *call, struct str email);
/*
 * A membership in the call's environment: `m` has role and app, and is filled in. A new user is made; with a password
 * (null: none) the membership counts at once, else *link is the URL of the invitation. False: answered.
 */
bool console_invite(struct api *api, struct api_call *call, struct member *m, struct str email, struct str password,
                    struct str *link);
/* The URL of a new link that sets the user's password, and turns off codes; it takes the place of any before. Null:
 * answered. */
struct str console_reset_link(struct api *api, struct api_call *call, struct user *u, bool without_totp);
/* Rights of users changed: cached principals are asked again, streams look again. */
void console_changed(struct api *api);

/* Bodies of the requests. */
extern const struct field console_sign_in_fields[], console_portal_fields[], console_forgot_fields[],
        console_link_fields[], console_password_fields[], console_code_fields[], console_confirm_fields[],
        console_again_fields[], console_member_fields[], console_member_change_fields[], console_user_fields[],
        console_user_link_fields[];
extern const size_t console_sign_in_field_count, console_portal_field_count, console_forgot_field_count,
        console_link_field_count, console_password_field_count, console_code_field_count, console_confirm_field_count,
        console_again_field_count, console_member_field_count, console_member_change_field_count,
        console_user_field_count, console_user_link_field_count;

#endif
