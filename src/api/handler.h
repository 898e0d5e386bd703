/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the resources share: routes, answers, queries, pages, finding and changing objects. A handler either writes an
 * answer or calls a helper that returned false and has written one.
 */
#ifndef PR_API_HANDLER_H
#define PR_API_HANDLER_H

#include "api/api.h"

typedef void api_handler_fn(struct api *api, struct api_call *call);

enum {
    WHO_OWNER = 1 << AUTH_OWNER,
    WHO_EDITOR = 1 << AUTH_EDITOR,
    WHO_VIEWER = 1 << AUTH_VIEWER,
    WHO_PORTAL = 1 << AUTH_PORTAL,
    WHO_PORTAL_READ = 1 << AUTH_PORTAL_READ,
    WHO_INTEGRATION = 1 << AUTH_INTEGRATION,
    WHO_POLLER = 1 << AUTH_POLLER
};
/* The rows of the table in API.md, section 2. */
#define WHO_READ  (WHO_OWNER | WHO_EDITOR | WHO_VIEWER | WHO_PORTAL | WHO_PORTAL_READ | WHO_INTEGRATION)
#define WHO_EDIT  (WHO_OWNER | WHO_EDITOR | WHO_PORTAL | WHO_INTEGRATION)
#define WHO_SEND  (WHO_OWNER | WHO_EDITOR)
#define WHO_ADMIN WHO_OWNER

enum {
    ROUTE_PUBLIC = 1,       /* no token */
    ROUTE_NEW_ENV = 2,      /* creates the environment of a new token */
    ROUTE_ENV_SHARED = 4,   /* of the environment, yet open to who is confined to one workspace */
    ROUTE_READ_SCOPE = 16,  /* a change that takes no more than the scope of a look */
    ROUTE_OPERATIONAL = 32, /* in the workspace of operational webhooks, which the path does not name */
    ROUTE_HOT = 8,          /* served elsewhere */
    ROUTE_SESSION = 64,     /* about the session of the console that asks, whatever it may */
    ROUTE_OPERATOR = 128,   /* only for who holds this server's keys */
    ROUTE_OWN_PAGE = 256,   /* not for pages of others: sets a cookie */
    ROUTE_FRESH = 512,      /* shows or makes a secret: a user of the console has entered the password lately */
    ROUTE_SOURCE = 1024,    /* in the workspace of the ingest source that the path names first */
    ROUTE_REST = 2048       /* the last parameter is all of the path that is left */
};

struct route {
    enum http_method method;
    const char *pattern; /* "/api/v1/app/{app_id}": {…} is one segment */
    api_handler_fn *handle;
    unsigned who;
    enum auth_area area;
    unsigned flags;
};
extern const struct route api_routes[];
extern const size_t api_route_count;

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

/* Begins a JSON answer. */
struct json_writer answer(struct api_call *call, int status);
/* 204 */
void answer_empty(struct api_call *call);
/* detail NULL: the error's own text. ERR_STALE lets the handler run again. */
void answer_error(struct api_call *call, enum err e, const char *detail);
/* A JSON answer has its Content-Type by itself. */
void answer_header(struct api_call *call, struct str name, struct str value);
/* The error of something that should have gone well. */
void answer_failure(struct api_call *call, enum err e);
/* Whether e is ERR_OK; else it is answered. */
static inline bool answer_ok(struct api_call *call, enum err e)
{
    if (e != ERR_OK)
        answer_failure(call, e);
    return e == ERR_OK;
}
/* Whether nothing is wrong with body and query; else 400 or 422 is answered. */
bool call_fits(struct api_call *call);
/* One problem with the body. */
#define call_problem(call, field, type, ...)                                                                           \
    problem_add(&(call)->problems, "body", str_c(field), STR_NULL, (type), __VA_ARGS__)
/* Whether `out` could be written whole; an answer beyond the limit becomes an error. */
#define API_OUT_MAX ((size_t)64 << 20)

/* ---- the request --------------------------------------------------------------------------------------------------
 */

/* The body, an object; an empty body reads as {} when `optional`. NULL: answered. */
const struct json *call_json(struct api_call *call, bool optional);
struct str call_header(const struct api_call *call, struct str name);
/* Whether If-Match, if it is there, names the `updatedAt` of what is to be changed, in quotes: nothing else was written
 * since the caller has seen it. False: answered. */
bool call_saw(struct api_call *call, int64_t updated_ms);
/* A query parameter, decoded; null str when absent. */
struct str query_text(struct api_call *call, const char *name);
bool query_bool(struct api_call *call, const char *name, bool fallback);
/* A number within bounds; fallback when absent. */
int64_t query_int(struct api_call *call, const char *name, int64_t min, int64_t max, int64_t fallback);
/* 0 when absent. */
int64_t query_time(struct api_call *call, const char *name);
/* Every value of a name, also comma-separated, also as `name[]`. */
const struct str *query_list(struct api_call *call, const char *name, size_t *count);
/* Every value of a name as it is. */
const struct str *query_values(struct api_call *call, const char *name, size_t *count);
/* Percent-decoding ('+' is a blank in queries). False: malformed, or it holds a NUL. */
bool text_decode(struct arena *a, struct str s, bool query, struct str *out);

/* ---- pages --------------------------------------------------------------------------------------------------------
 */

struct page {
    size_t limit;       /* 1..250; ask the store for one more */
    bool back;          /* towards the beginning */
    bool descending;    /* the order of the answer */
    oid_t at;           /* exclusive; 0 = from the beginning */
    struct str at_name; /* of lists by name */
    struct str stopped; /* set by the handler of a filtered list that ended early: the name to go on behind */
};

enum page_order { PAGE_ASCENDING, PAGE_DESCENDING, PAGE_NEWEST /* `order` means nothing here */ };

/* limit, iterator, order. prefix NULL: the iterator is a name. False: answered. */
bool page_read(const struct api *api, struct api_call *call, const char *prefix, enum page_order order,
               struct page *out);
/* Reads an iterator, which may be null; notes what is not one. */
void page_iterator(const struct api *api, struct api_call *call, const char *where, struct str at, const char *prefix,
                   struct page *p);
/* In which order to ask the store. */
static inline bool page_asks_descending(const struct page *p)
{
    return p->descending != p->back;
}
/* A list answer in the making: write_item is called for each item in the order of the answer. */
struct page_items {
    const struct page *page;
    size_t count; /* got from the store, at most limit + 1, in the order asked */
    const void *items;
    void (*write)(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w);
    /* The name of an item for iterators. */
    struct str (*name)(const struct api *api, struct api_call *call, const void *items, size_t i);
};
void answer_page(const struct api *api, struct api_call *call, const struct page_items *p);
/* Bounds of message and attempt ids: before, after, iterator and the 90 days around. */
void page_bounds(const struct page *p, int64_t before_ms, int64_t after_ms, int64_t now_ms, oid_t *before,
                 oid_t *after);

/* ---- ids and objects ----------------------------------------------------------------------------------------------
 */

/* "ep_…" in the call's arena. */
struct str api_id(const struct api *api, struct api_call *call, oid_t id, const char *prefix);
/* The workspace of params[0]; 404 for another tenant's. False: answered. */
bool call_app(const struct api *api, struct api_call *call, struct app *out);
bool call_app_object(const struct api *api, struct api_call *call, struct object *o, struct app *out);
/* The endpoint of params[i] in the workspace. False: answered. */
bool call_endpoint(const struct api *api, struct api_call *call, const struct app *app, size_t param, struct object *o,
                   struct endpoint *out);
/* Only its id, also of one that is deleted (its messages and attempts stay readable). */
bool call_endpoint_id(const struct api *api, struct api_call *call, const struct app *app, struct str text, oid_t *out);
/* The message of params[i], by id or event id. False: answered. */
bool call_message(const struct api *api, struct api_call *call, const struct app *app, size_t param, bool with_payload,
                  struct message *out);

/* What the request makes, for its idempotency key: before it is committed by call_run or call_commit. what: an
 * object_kind or enum made; status: of the answer. Without a key nothing happens. */
void call_made(struct api_call *call, int what, oid_t id, int status);
/* Runs an operation of the store together with the request's key. ERR_STALE also when another was first with it. */
MUST_USE enum err call_run(struct api *api, struct api_call *call, struct store_op *op);
/* As api_commit, together with the request's key. */
MUST_USE enum err call_commit(struct api *api, struct api_call *call, struct object_change *changes, size_t count,
                              oid_t env, oid_t app);
/* Writes all or none, waits. On ERR_OK the catalog has forgotten and the hooks know (app 0: the environment). */
MUST_USE enum err api_commit(struct api *api, struct object_change *changes, size_t count, oid_t env, oid_t app);
/* Objects of a kind, one page; count may be limit + 1. */
MUST_USE enum err list_objects(struct api_call *call, enum object_kind kind, oid_t env, oid_t app, const struct page *p,
                               struct object **out, size_t *count);

#endif
