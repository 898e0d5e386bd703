/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of an entry is the hash of the one before, and keys are unique: of two entries that follow the same one, the
 * store takes only the first, on whatever node they were made. Here one at a time is made, so that this is rare.
 */
#include "api/audit.h"

#include <pthread.h>

#include "api/console.h"
#include "api/describe.h"
#include "api/routes.h"
#include "crypto/crypto.h"

#define TRIES      8
#define ENTRY_MAX  16384
#define TEXT_MAX   256
#define FIRST_PREV "0000000000000000000000000000000000000000000000000000000000000000"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- one entry --------------------------------------------------------------------------------------------------- */

static struct str actor_of(const struct api *api, struct api_call *call, const struct user *u)
{
    struct principal who = call->who;
    if (u != NULL)
        who = (struct principal){.user = u->id, .name = u->email};
    else if (call->console != NULL && !call->console->is_portal)
        who = (struct principal){.user = call->console->user.id, .name = call->console->user.email};
    return api_actor(api, call->arena, &who);
}

static struct str cut(struct str s)
{
    s = str_take(s, TEXT_MAX);
    while (s.len > 0 && !str_is_utf8(s))
        s.len--;
    return s;
}

/* {"id":…,…,"previous":"…","hash":"…"}: the hash is over the text as it would be without `hash`. */
static struct str write_entry(const struct api *api, struct api_call *call, const struct audit_what *what,
                              const struct audit_place *place, oid_t id, struct str previous, struct str *hash)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct buf out = BUF_INIT(ENTRY_MAX), hex = BUF_INIT(128);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_str_at(&w, "id", api_id(api, call, id, object_prefix(OBJ_AUDIT)));
    json_w_time_at(&w, "at", call->now_ms);
    json_w_raw_at(&w, "actor", actor_of(api, call, what->user));
    json_w_opt_str_at(&w, "ip", console_client_ip(api, call));
    json_w_str_at(&w, "action", str_c(what->action));
    json_w_opt_str_at(&w, "target", cut(what->target));
    json_w_str_at(&w, "environment", place->name);
    json_w_opt_str_at(&w, "app", cut(what->app));
    json_w_str_at(&w, "previous", previous);
    buf_add_c(&out, '}');
    crypto_sha256(buf_str(&out), digest);
    crypto_hex(str_of((const char *)digest, sizeof digest), &hex);
    *hash = arena_str(call->arena, buf_str(&hex));
    out.len--;
    json_w_str_at(&w, "hash", *hash);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str text = arena_str(call->arena, buf_str(&out));
    buf_fini(&out);
    buf_fini(&hex);
    return text;
}

static enum err last_hash(struct api_call *call, oid_t env, struct str *out)
{
    struct object *page;
    struct json *body;
    size_t n;
    struct object_query q = {.kind = OBJ_AUDIT, .env = env, .descending = true, .limit = 1};
    enum err e = store_list_objects(call->reader, call->arena, &q, &page, &n);
    *out = STR(FIRST_PREV);
    if (e == ERR_OK && n > 0 &&
        (json_parse(call->arena, page[0].body, &body, NULL) != ERR_OK ||
         !json_as_str(json_get(body, STR("hash")), out)))
        return ERR_INVALID;
    return e;
}

static enum err add_entry(struct api *api, struct api_call *call, const struct audit_what *what,
                          const struct audit_place *place, struct object_change *out)
{
    struct str previous, hash;
    oid_t id = oid_next(api->oids, call->now_ms);
    enum err e = last_hash(call, place->env, &previous);
    if (e != ERR_OK)
        return e;
    struct str body = write_entry(api, call, what, place, id, previous, &hash);
    *out = (struct object_change){.change = OBJECT_CREATE,
                                  .object = {.id = id,
                                             .kind = OBJ_AUDIT,
                                             .env = place->env,
                                             .key = previous,
                                             .body = body,
                                             .created_ms = call->now_ms,
                                             .updated_ms = call->now_ms}};
    return ERR_OK;
}

enum err audit_run(struct api *api, struct api_call *call, struct store_objects *op, const struct audit_what *what,
                   const struct audit_place *places, size_t count)
{
    size_t own = op->count;
    struct object_change *all = arena_alloc(call->arena, (own + count) * sizeof *all);
    enum err e = ERR_CONFLICT;
    if (own > 0)
        memcpy(all, op->changes, own * sizeof *all);
    op->changes = all;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < TRIES && e == ERR_CONFLICT; i++) {
        e = ERR_OK;
        for (size_t p = 0; e == ERR_OK && p < count; p++)
            e = add_entry(api, call, what, &places[p], &all[own + p]);
        op->count = own + count;
        op->failed_at = 0;
        if (e == ERR_OK)
            e = store_run(api->store, &op->op);
        op->count = own;
        if (e == ERR_CONFLICT && op->failed_at < own)
            break;
    }
    pthread_mutex_unlock(&lock);
    return e;
}

/* ---- what a request deserves ------------------------------------------------------------------------------------- */

/* The stream of events itself, and what only looks. A name with '*' stands for all that begin with it. */
static const char *const audit_skips[] = {"message.create*",
                                          "message.poller*",
                                          "streaming*",
                                          "filter.*",
                                          "profile.preview",
                                          "automation.preview",
                                          "automation.test",
                                          "endpoint.transformation.simulate",
                                          "statistics.*",
                                          "console.session.create",
                                          "console.session.portal",
                                          "console.link.use",
                                          "console.password.forgot",
                                          "health*",
                                          "endpoint.send-example",
                                          "authentication.exchange-one-time-token"};
static const char *const audit_looks[] = {"endpoint.get-secret",
                                          "operational-webhook.endpoint.get-secret",
                                          "integration.get-key",
                                          "inbound.get-secret",
                                          "endpoint.transformation.get",
                                          "ingest.endpoint.get-secret",
                                          "ingest.endpoint.transformation.get"};

static bool fits(const char *pattern, const char *id)
{
    size_t n = strlen(pattern);
    return n > 0 && pattern[n - 1] == '*' ? strncmp(pattern, id, n - 1) == 0 : strcmp(pattern, id) == 0;
}

/* The name of the call's operation if it belongs in the log, else NULL. */
static const char *action_of(const struct api_call *call)
{
    const struct description *d = call->route != NULL ? description_of(call->route) : NULL;
    if (d == NULL)
        return NULL;
    const char *id = strncmp(d->id, "v1.", 3) == 0 ? d->id + 3 : d->id;
    for (size_t i = 0; i < ARRAY_LEN(audit_looks); i++) {
        if (fits(audit_looks[i], id))
            return id;
    }
    for (size_t i = 0; i < ARRAY_LEN(audit_skips); i++) {
        if (fits(audit_skips[i], id))
            return NULL;
    }
    bool changes = call->route->method != HTTP_M_GET && (call->route->flags & ROUTE_READ_SCOPE) == 0;
    return changes ? id : NULL;
}

static bool names_app(const struct api_call *call)
{
    return strstr(call->route->pattern, "{app_id}") != NULL;
}

/* The workspace of the path is an id, or a uid as the caller calls it. */
static struct str app_of(const struct api *api, struct api_call *call, const struct object *o)
{
    if (o != NULL && o->app != 0)
        return api_id(api, call, o->app, "app_");
    return names_app(call) ? call->params[0] : STR_NULL;
}

static bool has_name(enum object_kind k)
{
    return k == OBJ_EVENT_TYPE || k == OBJ_PROFILE;
}

/* Of what was changed: its id or name, else what the path says last. */
static struct str target_of(const struct api *api, struct api_call *call, const struct object *o)
{
    size_t n = 0;
    if (o != NULL && has_name(o->kind) && o->key.ptr != NULL)
        return o->key;
    if (o != NULL && !has_name(o->kind))
        return api_id(api, call, o->id, object_prefix(o->kind));
    while (n < API_PARAMS_MAX && call->params[n].len > 0)
        n++;
    return n > 0 ? call->params[n - 1] : STR_NULL;
}

/* The change that the others come along with. */
static const struct object *main_change(const struct store_objects *op)
{
    const struct object *first = NULL;
    for (size_t i = 0; i < op->count; i++) {
        const struct object *o = &op->changes[i].object;
        enum object_kind k = o->kind;
        if (k == OBJ_SOURCE || k == OBJ_APP) /* it may bring event types along */
            return o;
        if (first == NULL && k != OBJ_PROFILE_VERSION && k != OBJ_USER && k != OBJ_LINK && k != OBJ_SESSION &&
            k != OBJ_TASK)
            first = o;
    }
    return first;
}

enum err audit_commit(struct api *api, struct api_call *call, struct store_objects *op)
{
    const char *action = api->console != NULL && call->env != 0 && !call->audited ? action_of(call) : NULL;
    if (action == NULL || op->count == 0)
        return store_run(api->store, &op->op);
    const struct object *o = main_change(op);
    struct audit_what what = {.action = action, .target = target_of(api, call, o), .app = app_of(api, call, o)};
    struct audit_place place = {call->env, str_c(call->who.env)};
    enum err e = audit_run(api, call, op, &what, &place, 1);
    call->audited = e == ERR_OK;
    return e;
}

void audit_finish(struct api *api, struct api_call *call)
{
    bool again = call->key != NULL && call->key->known;
    const char *action = api->console != NULL && !call->audited && !again ? action_of(call) : NULL;
    if (action == NULL || call->status < 200 || call->status > 299)
        return;
    enum err e = ERR_OK;
    if (call->console != NULL && !call->console->is_portal && (call->route->flags & ROUTE_SESSION) != 0) {
        e = audit_user_run(api, call, &call->console->user, action, NULL, 0);
    } else if (call->env != 0) {
        struct store_objects op = {.op = {.kind = STORE_OBJECTS}};
        struct audit_what what = {
                .action = action, .target = target_of(api, call, NULL), .app = app_of(api, call, NULL)};
        e = audit_run(api, call, &op, &what, &(struct audit_place){call->env, str_c(call->who.env)}, 1);
    }
    if (e != ERR_OK)
        answer_error(call, e == ERR_STALE ? ERR_UNAVAILABLE : e,
                     "what was asked for could not be written to the audit log");
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

static void add_place(struct audit_place *places, size_t *count, oid_t env, struct str name)
{
    for (size_t i = 0; i < *count; i++) {
        if (places[i].env == env)
            return;
    }
    places[(*count)++] = (struct audit_place){env, name};
}

enum err audit_user_run(struct api *api, struct api_call *call, const struct user *u, const char *action,
                        struct object_change *changes, size_t count)
{
    struct member *members, made;
    size_t n, place_count = 0;
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = changes, .count = count};
    enum err e = member_list(call->reader, call->arena, u, &members, &n);
    if (e != ERR_OK)
        return e;
    struct audit_place *places = arena_alloc(call->arena, (n + count + 1) * sizeof *places);
    for (size_t i = 0; i < n; i++) {
        if (!members[i].invited)
            add_place(places, &place_count, members[i].env, members[i].env_name);
    }
    for (size_t i = 0; i < count; i++) {
        const struct object *o = &changes[i].object;
        if (o->kind == OBJ_MEMBER && changes[i].change != OBJECT_DELETE &&
            member_decode(call->arena, o, &made) == ERR_OK && !made.invited)
            add_place(places, &place_count, made.env, made.env_name);
    }
    struct audit_what what = {.action = action, .target = api_id(api, call, u->id, "user_"), .user = u};
    return audit_run(api, call, &op, &what, places, place_count);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    (void)api;
    (void)call;
    json_w_raw(w, ((const struct object *)items)[i].body);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct object *)items)[i].id, object_prefix(OBJ_AUDIT));
}

void audit_log_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct object *objects = NULL;
    size_t count = 0;
    if (page_read(api, call, object_prefix(OBJ_AUDIT), PAGE_NEWEST, &page) &&
        answer_ok(call, list_objects(call, OBJ_AUDIT, call->env, 0, &page, &objects, &count)))
        answer_page(api, call, &(struct page_items){&page, count, objects, write_item, name_item});
}
