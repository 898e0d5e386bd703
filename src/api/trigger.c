/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes it takes to make, change, publish, delete a trigger and to give it another URL; what is shown of it. */
#include "api/trigger.h"

#include "api/handler.h"
#include "api/trigger_define.h"
#include "api/trigger_url.h"
#include "crypto/crypto.h"
#include "signing/profile_incoming.h"

static struct str new_token(struct arena *a)
{
    struct buf token = BUF_INIT(TRIGGER_TOKEN_CHARS);
    crypto_random_base62(TRIGGER_TOKEN_CHARS, &token);
    struct str out = arena_str(a, buf_str(&token));
    buf_fini(&token);
    return out;
}

static void create_url(const struct trigger_place *at, struct trigger *t, struct object_change *out, size_t *count)
{
    struct trigger_url u = {
            .id = oid_next(at->api->oids, at->now_ms), .app = at->app, .trigger = t->id, .token = new_token(at->arena)};
    struct object_change *c = &out[(*count)++];
    *c = (struct object_change){.change = OBJECT_CREATE};
    trigger_url_encode(at->arena, at->api->keys, &u, at->now_ms, &c->object);
    memmove(t->urls + 1, t->urls, (TRIGGER_URLS_MAX - 1) * sizeof *t->urls);
    t->urls[0] = u.id;
    t->url_count += t->url_count < TRIGGER_URLS_MAX;
}

void trigger_make(const struct trigger_place *at, struct trigger *t, struct object_change out[2])
{
    size_t count = 1;
    t->id = oid_next(at->api->oids, at->now_ms);
    t->env = at->env;
    t->app = at->app;
    t->created_ms = t->updated_ms = at->now_ms;
    create_url(at, t, out, &count);
    out[0] = (struct object_change){.change = OBJECT_CREATE};
    trigger_encode(at->arena, at->api->keys, t, &out[0].object);
}

enum err trigger_create(const struct trigger_place *at, oid_t automation, const struct json *definition,
                        struct object_change *out, size_t *count, struct problems *problems)
{
    struct trigger t = {.env = at->env, .app = at->app, .automation = automation};
    enum err e = trigger_define(at, definition, &t, problems);
    if (e != ERR_OK)
        return e;
    trigger_make(at, &t, out);
    *count = 2;
    return ERR_OK;
}

void trigger_save(const struct trigger_place *at, struct trigger *t, struct object_change *out)
{
    t->updated_ms = at->now_ms;
    *out = (struct object_change){.change = OBJECT_UPDATE, .expected_version = t->object_version};
    trigger_encode(at->arena, at->api->keys, t, &out->object);
}

enum err trigger_update(const struct trigger_place *at, const struct object *trigger, const struct json *definition,
                        struct object_change *out, size_t *count, struct problems *problems)
{
    struct trigger t;
    enum err e = trigger_decode(at->arena, at->api->keys, trigger, &t);
    if (e == ERR_OK)
        e = trigger_define(at, definition, &t, problems);
    if (e != ERR_OK)
        return e;
    t.draft = STR_NULL;
    trigger_save(at, &t, &out[0]);
    *count = 1;
    return ERR_OK;
}

enum err trigger_redefine(const struct trigger_place *at, const struct object *trigger, const struct json *definition,
                          struct object_change *out, size_t *count, struct problems *problems)
{
    struct trigger t;
    enum err e = trigger_decode(at->arena, at->api->keys, trigger, &t);
    if (e != ERR_OK)
        return e;
    struct trigger next = trigger_draft_get(at->arena, &t);
    e = trigger_define(at, definition, &next, problems);
    if (e != ERR_OK)
        return e;
    if (t.state == TRIGGER_DRAFT)
        t = next;
    else
        trigger_draft_set(at->arena, &t, &next);
    trigger_save(at, &t, &out[0]);
    *count = 1;
    return ERR_OK;
}

enum err trigger_delete(const struct trigger_place *at, const struct object *trigger, struct object_change *out,
                        size_t *count)
{
    out[0] = (struct object_change){.change = OBJECT_DELETE, .object = *trigger};
    out[0].object.updated_ms = at->now_ms;
    *count = 1;
    return ERR_OK;
}

enum err trigger_publish(const struct trigger_place *at, const struct object *trigger, enum trigger_state state,
                         oid_t version, struct object_change *out)
{
    struct trigger t;
    enum err e = trigger_decode(at->arena, at->api->keys, trigger, &t);
    if (e != ERR_OK)
        return e;
    t.state = state;
    if (version != 0 && version != t.version)
        t = trigger_draft_get(at->arena, &t);
    if (version != 0)
        t.version = version;
    trigger_save(at, &t, out);
    return ERR_OK;
}

enum err trigger_find(struct store_reader *r, struct arena *a, const struct trigger_owner *of, struct object *out)
{
    return store_find_object(r, a, OBJ_TRIGGER, of->env, of->app, arena_printf(a, "%lld", (long long)of->automation),
                             out);
}

/* ---- URLs ---------------------------------------------------------------------------------------------------------
 */

static struct str url_of(const struct api *api, struct arena *a, const struct trigger *t, struct str token)
{
    char id[OID_TEXT_SIZE];
    const char *base = api->public_url != NULL ? api->public_url : "";
    switch (t->use) {
    case TRIGGER_STARTS:
        break;
    case TRIGGER_SOURCE:
        oid_format(t->automation, object_prefix(OBJ_SOURCE), api->id_key, id);
        return arena_printf(a, "%s/ingest/api/v1/source/%s/in/" STR_FMT, base, id, STR_ARG(token));
    case TRIGGER_INBOUND:
        oid_format(t->automation, object_prefix(OBJ_APP), api->id_key, id);
        return arena_printf(a, "%s/api/v1/app/%s/inbound/msg/" STR_FMT, base, id, STR_ARG(token));
    }
    return arena_printf(a, "%s" TRIGGER_URL_PATH STR_FMT, base, STR_ARG(token));
}

enum err trigger_url_text(const struct api *api, struct store_reader *r, struct arena *a, const struct trigger *t,
                          struct str *out)
{
    struct object o;
    struct trigger_url u;
    if (t->url_count == 0)
        return ERR_NOT_FOUND;
    enum err e = store_get_object(r, a, OBJ_TRIGGER_URL, t->urls[0], &o);
    if (e == ERR_OK)
        e = trigger_url_decode(a, api->keys, &o, &u);
    if (e == ERR_OK)
        *out = url_of(api, a, t, u.token);
    return e;
}

enum err trigger_urls_before(const struct trigger_place *at, const struct trigger *t, size_t *out)
{
    *out = 0;
    for (size_t i = 1; i < t->url_count; i++) {
        struct object o;
        struct trigger_url u;
        enum err e = store_get_object(at->reader, at->arena, OBJ_TRIGGER_URL, t->urls[i], &o);
        if (e == ERR_NOT_FOUND || (e == ERR_OK && o.deleted_ms != 0))
            continue;
        if (e == ERR_OK)
            e = trigger_url_decode(at->arena, at->api->keys, &o, &u);
        if (e != ERR_OK)
            return e;
        *out += u.expires_ms == 0 || u.expires_ms > at->now_ms;
    }
    return ERR_OK;
}

enum err trigger_remove(const struct trigger_place *at, const struct object *trigger, struct object_change *out,
                        size_t *count)
{
    struct trigger t;
    enum err e = trigger_decode(at->arena, at->api->keys, trigger, &t);
    if (e == ERR_OK)
        e = trigger_delete(at, trigger, out, count);
    for (size_t i = 0; e == ERR_OK && i < t.url_count; i++) {
        struct object o;
        e = store_get_object(at->reader, at->arena, OBJ_TRIGGER_URL, t.urls[i], &o);
        if (e == ERR_OK && o.deleted_ms == 0) {
            o.updated_ms = at->now_ms;
            out[(*count)++] = (struct object_change){.change = OBJECT_DELETE, .object = o};
        }
        e = e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    return e;
}

/* The URLs before the new one end at end_ms at the latest; those that have ended go. */
static enum err end_urls(const struct trigger_place *at, struct trigger *t, int64_t end_ms, struct object_change *out,
                         size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->url_count; i++) {
        struct object o;
        struct trigger_url u;
        enum err e = store_get_object(at->reader, at->arena, OBJ_TRIGGER_URL, t->urls[i], &o);
        if (e == ERR_NOT_FOUND || (e == ERR_OK && o.deleted_ms != 0))
            continue;
        if (e == ERR_OK)
            e = trigger_url_decode(at->arena, at->api->keys, &o, &u);
        if (e != ERR_OK)
            return e;
        if (u.expires_ms == 0 || u.expires_ms > end_ms)
            u.expires_ms = end_ms;
        struct object_change *c = &out[(*count)++];
        bool goes = u.expires_ms <= at->now_ms || kept == TRIGGER_URLS_MAX - 1;
        *c = (struct object_change){.change = goes ? OBJECT_DELETE : OBJECT_UPDATE, .expected_version = o.version};
        trigger_url_encode(at->arena, at->api->keys, &u, at->now_ms, &c->object);
        if (!goes)
            t->urls[kept++] = t->urls[i];
    }
    t->url_count = kept;
    return ERR_OK;
}

enum err trigger_rotate(const struct trigger_place *at, const struct object *trigger, int64_t grace_ms,
                        struct object_change *out, size_t *count)
{
    struct trigger t;
    enum err e = trigger_decode(at->arena, at->api->keys, trigger, &t);
    *count = 1;
    if (e == ERR_OK)
        e = end_urls(at, &t, at->now_ms + grace_ms, out, count);
    if (e != ERR_OK)
        return e;
    create_url(at, &t, out, count);
    trigger_save(at, &t, &out[0]);
    return ERR_OK;
}

/* ---- what is shown ------------------------------------------------------------------------------------------------
 */

static void write_list(struct json_writer *w, const char *name, const struct str *items, size_t count)
{
    json_w_name(w, str_c(name));
    json_w_array(w);
    for (size_t i = 0; i < count; i++)
        json_w_str(w, items[i]);
    json_w_array_end(w);
}

static void write_verify(const struct trigger *t, struct json_writer *w)
{
    json_w_name(w, STR("verify"));
    if (t->profile.ptr == NULL && t->row.ptr == NULL && t->address_count == 0) {
        json_w_null(w);
        return;
    }
    json_w_object(w);
    if (t->profile.ptr != NULL)
        json_w_str_at(w, "profile", t->profile);
    if (t->row.ptr != NULL)
        json_w_raw_at(w, "row", t->row);
    if (t->header.ptr != NULL)
        json_w_str_at(w, "header", t->header);
    if (t->tolerance_s >= 0)
        json_w_i64_at(w, "toleranceSeconds", t->tolerance_s);
    write_list(w, "addresses", t->addresses, t->address_count);
    json_w_i64_at(w, "secrets", (int64_t)t->secret_count);
    json_w_bool_at(w, "verifyToken", t->verify_token.len > 0);
    json_w_object_end(w);
}

/* "header:x-id" that holds when the definition names nothing. */
static struct str effective_dedupe(struct store_reader *r, struct arena *a, const struct trigger *t)
{
    struct profile *p = NULL;
    struct str why, dedupe = t->dedupe;
    if (dedupe.ptr == NULL && trigger_profile(r, a, t, &p, &why) == ERR_OK && p != NULL)
        dedupe = arena_str(a, profile_rules(p)->dedupe);
    profile_free(p);
    return dedupe;
}

struct str trigger_url_covered(struct arena *a, struct str url)
{
    size_t slash = url.len;
    while (slash > 0 && url.ptr[slash - 1] != '/')
        slash--;
    return arena_printf(a, STR_FMT "****", STR_ARG(str_take(url, slash)));
}

/* Whole for those who may rotate it. */
static struct str shown_url(const struct api_call *call, struct str url)
{
    bool edits = ((1u << call->who.role) & WHO_EDIT) != 0 && auth_scope_allows(&call->who, AUTH_AREA_AUTOMATION, true);
    return edits ? url : trigger_url_covered(call->arena, url);
}

enum err trigger_write(const struct api *api, const struct api_call *call, const struct object *trigger, bool newest,
                       struct json_writer *w)
{
    struct store_reader *r = call->reader;
    struct arena *a = call->arena;
    static const struct str methods[] = {{"GET", 3}, {"POST", 4}, {"PUT", 3}};
    struct str named[ARRAY_LEN(methods)], url;
    size_t count = 0;
    struct trigger t;
    char id[OID_TEXT_SIZE];
    enum err e = trigger_decode(a, api->keys, trigger, &t);
    if (e == ERR_OK)
        e = trigger_url_text(api, r, a, &t, &url);
    if (e != ERR_OK)
        return e;
    if (newest)
        t = trigger_draft_get(a, &t);
    for (unsigned i = 0; i < ARRAY_LEN(methods); i++) {
        if ((t.methods & (1u << i)) != 0)
            named[count++] = methods[i];
    }
    oid_format(t.id, object_prefix(OBJ_TRIGGER), api->id_key, id);
    json_w_str_at(w, "id", str_c(id));
    json_w_str_at(w, "type", STR(TRIGGER_TYPE));
    json_w_str_at(w, "url", shown_url(call, url));
    write_verify(&t, w);
    json_w_opt_str_at(w, "dedupe", t.dedupe);
    json_w_opt_str_at(w, "effectiveDedupe", effective_dedupe(r, a, &t));
    write_list(w, "methods", named, count);
    if (t.sample != 0)
        oid_format(t.sample, doc_prefix(DOC_REQUEST), api->id_key, id);
    json_w_opt_str_at(w, "sample", t.sample != 0 ? str_c(id) : STR_NULL);
    return ERR_OK;
}
