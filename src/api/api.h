/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP API: one table of routes (route.c), one file per resource. Everything but the hot route (POST …/msg, serve/)
 * runs here, in blocking code on an API worker: api_handle takes a request and fills in the answer. API.md is the
 * contract.
 */
#ifndef PR_API_API_H
#define PR_API_API_H

#include "auth/auth.h"
#include "catalog/catalog.h"
#include "http/server.h"
#include "model/field.h"
#include "ssrf/ssrf.h"

struct api_tasks;
struct mailer;
struct runner;
struct transform_pool;
struct console;
struct console_who;
struct trigger_desk;
struct route;

/* A built-in profile as this process wants it: the row with the settings for `standard` applied. See profile_rows.h. */
struct api_profile_row {
    struct str name;
    struct str json;
};

/* Shared by all workers; everything is borrowed and outlives them. */
struct api {
    struct store *store;
    struct catalog *catalog;
    const struct keyring *keys;
    struct hash_key id_key;
    struct oid_source *oids;
    const struct ssrf_policy *urls;
    const char *default_profile;
    const char *environment;             /* DEFAULT environment, "org_…" */
    const char *const *egress_addresses; /* NULL-terminated, or NULL */
    const char *proxy;                   /* NULL: none */
    const char *public_url;              /* where browsers reach this, without a trailing slash; NULL: unknown */
    size_t body_bytes_max;
    int64_t retention_payload_ms;
    int64_t retention_history_ms; /* of records */
    const struct api_profile_row *rows;
    size_t row_count;
    struct console *console;           /* people with cookies, console.h; NULL: there are none */
    struct trigger_desk *triggers;     /* what comes in at trigger URLs, trigger_in.h; NULL: nothing does */
    struct transform_pool *transforms; /* runs customers' code; NULL: none is run */
    struct api_tasks *tasks; /* background jobs, task.h; NULL: none (jobs stay in the store until a start with one) */
    struct mailer *mailer;   /* sends mail, mail.h; NULL: there is no SMTP_URL */
    struct runner *runner;   /* does what automations want, runner.h; NULL: none (runs stay in the store) */

    /* Called after a commit and before the answer, on the worker's thread. Each may be NULL. */
    void *hook_arg;
    void (*on_config_changed)(void *arg, oid_t env, oid_t app); /* app 0: all of the environment */
    void (*on_endpoint_changed)(void *arg, oid_t env, oid_t app, oid_t ep);
    void (*on_request)(void *arg, oid_t env, oid_t app, oid_t trigger, oid_t request); /* came in and is kept */
    /* Began, went on, ended. env 0: the reader must find it out; else there need be none. */
    void (*on_run)(void *arg, struct store_reader *r, oid_t env, oid_t app, const struct doc *run);
    void (*on_pending)(void *arg, oid_t ep);             /* the endpoint got work that is in the store only: load it */
    void (*on_by_hand)(void *arg, oid_t ep);             /* it got an attempt by hand, which goes first: load it */
    void (*on_expunged)(void *arg, oid_t msg, oid_t ep); /* the payload is gone: forget the delivery */
    void (*on_canceled)(void *arg, oid_t ep);            /* much of what was pending for the endpoint is no longer */
    void (*on_token_changed)(void *arg);                 /* a key was revoked or changed: forget cached principals */
};

#define API_PARAMS_MAX      4
#define API_OUT_HEADERS_MAX 8

/* One request and its answer. The caller fills the request and owns arena and out; slices live as long as the arena. */
struct api_call {
    struct arena *arena;
    struct store_reader *reader;
    enum http_method method;
    struct str path; /* as sent, percent-encoded */
    struct str query;
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    struct str peer;
    bool unseen; /* nobody asks: a session is not used by it */
    int64_t now_ms;

    /* found out on the way to the handler */
    struct principal who;
    const struct route *route;
    bool audited;                      /* the audit log has it */
    const struct console_who *console; /* who the cookie stands for, NULL: a bearer token, or nobody */
    oid_t env;                         /* 0: an environment that nobody has written to yet */
    struct str params[API_PARAMS_MAX]; /* decoded, in the order of the pattern */
    struct problems problems;
    const char *bad_query; /* the query parameter that cannot be read, NULL: none */
    struct store_key *key; /* of a POST, NULL: none; see idempotency.h */
    bool key_made;         /* key->made is filled in */
    bool key_kept;         /* and in the store */
    bool stale;            /* another change came between: the handler runs again */

    /* Set while there is no answer yet: what it is about takes its time, and no worker waits for it. */
    struct {
        void (*go_on)(struct api *api, struct api_call *call, void *arg);
        void *arg;
        int64_t in_ms; /* api_resume then */
    } later;

    /* the answer */
    int status;
    struct http_header out_headers[API_OUT_HEADERS_MAX];
    size_t out_header_count;
    struct buf out; /* JSON, or empty for 204 */
    struct {
        bool on; /* the answer is a stream of what happens, which the caller opens; see live.c */
        oid_t env;
        oid_t app; /* 0: all of the environment */
    } live;
};

/* Routes, authenticates, handles. Leaves an answer, or call->later: then api_resume is due. */
void api_handle(struct api *api, struct api_call *call);
/* Goes on with a call that was left for later, with a reader and the time of now. Leaves the same. */
void api_resume(struct api *api, struct api_call *call);

/*
 * Appends the path with those characters decoded that need no encoding (letters, digits, - . _ ~): what RFC 3986 takes
 * for the same. What is malformed stays as it is.
 */
void path_normal(struct str path, struct buf *out);

/* ---- for the hot route --------------------------------------------------------------------------------------------
 */

/*
 * Who a request's `Authorization` value stands for. reader may be NULL: then API keys answer ERR_UNAVAILABLE ("ask
 * again with a reader"). The name in *out lives in the arena. ERR_UNAUTHORIZED, or trouble of the store.
 */
MUST_USE enum err api_authenticate(const struct api *api, struct store_reader *reader, struct arena *a,
                                   struct str authorization, int64_t now_ms, struct principal *out);
/*
 * Who a request is from: its `Authorization`, else its cookie (console.h). app_text: the workspace in its path, null:
 * none; session_only: without choosing a membership. Fills call->who and call->console. *why may say more than the
 * error.
 */
MUST_USE enum err api_identify(const struct api *api, struct api_call *call, struct str app_text, bool session_only,
                               const char **why);
/* What a request shows of who it is from, for what must not be shared between two: its `Authorization`, or its cookie
 * with the environment that it chose. */
struct str api_credential(const struct api *api, struct arena *a, const struct http_header *headers, size_t count);
/* Whether this principal may create messages in the workspace. */
bool api_may_send(const struct principal *who, oid_t app);
/* Who caused a message that does not say so itself: {"type","id","name"} of the token. */
struct str api_actor(const struct api *api, struct arena *a, const struct principal *who);
/* The OBJ_ENV behind "org_…". create: made, with its profiles, if it does not exist; else *out = 0. Store errors;
 * ERR_NOT_FOUND: to be created, yet it is one that was deleted. */
MUST_USE enum err api_env(const struct api *api, struct store_reader *reader, struct str name, bool create,
                          int64_t now_ms, oid_t *out);
/* The application's id behind an id or uid. ERR_NOT_FOUND. */
MUST_USE enum err api_app_id(const struct api *api, struct store_reader *reader, struct arena *a, oid_t env,
                             struct str text, oid_t *out);

/*
 * The workspace that a message brings along (its `application`) when the path's uid is new: created, with its
 * environment. The call needs arena, reader, body, now_ms, who, params[0] (the path's text). ERR_NOT_FOUND: none comes
 * along; ERR_FORBIDDEN; ERR_INVALID: call->problems says what does not fit. Blocks.
 */
MUST_USE enum err api_app_of_message(struct api *api, struct api_call *call, oid_t *out);

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

/* Appends `{"code","detail"}`. detail NULL: the error's own text. */
void api_error_json(enum err e, const char *detail, struct buf *out);
/* The same for an error of HTTP framing; fits struct http_server_config.error_body. */
void api_error_body(int status, const char *detail, struct buf *out);
/* Appends the 422 body. */
void api_problems_json(const struct problems *p, struct buf *out);
/* Appends the 400 body for JSON that does not parse. */
void api_syntax_json(const struct json_error *error, struct buf *out);

#endif
