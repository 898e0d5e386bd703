/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints of a workspace. Headers and secrets have files of their own. */
#include "api/endpoint.h"

#include "api/operational.h"
#include "api/poll.h"
#include "api/routes.h"
#include "api/task.h"
#include "base/time.h"

#define SECRET_TEXT_MAX 512

enum err endpoint_save(struct api *api, struct api_call *call, const struct object *old, struct endpoint *ep,
                       unsigned news, const struct object_change *extra)
{
    struct task about = {.env = ep->env, .app = ep->app, .ep = ep->id};
    size_t n = 1;
    struct object_change changes[3] = {{.change = old != NULL ? OBJECT_UPDATE : OBJECT_CREATE,
                                        .expected_version = old != NULL ? old->version : 0}};
    ep->updated_ms = call->now_ms;
    endpoint_encode(call->arena, api->keys, ep, &changes[0].object);
    if (extra != NULL)
        changes[n++] = *extra;
    enum err e = operational_plan(api, call->reader, call->arena, &about, news, call->now_ms, changes, &n);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, n, ep->env, ep->app);
    if (e != ERR_OK)
        return e;
    if (api->on_endpoint_changed != NULL)
        api->on_endpoint_changed(api->hook_arg, ep->env, ep->app, ep->id);
    operational_wake(api, changes, n);
    return ERR_OK;
}

bool endpoint_called(const struct api *api, struct api_call *call, struct called_endpoint *out)
{
    return call_app(api, call, &out->app) && call_endpoint(api, call, &out->app, 1, &out->object, &out->ep);
}

void endpoint_save_answer(struct api *api, struct api_call *call, struct called_endpoint *f)
{
    if (answer_ok(call, endpoint_save(api, call, &f->object, &f->ep, NEWS_UPDATED, NULL)))
        answer_empty(call);
}

/* One that is polled needs no URL. */
static void read_fields(struct api_call *call, enum field_mode mode, const struct json *body, struct endpoint *ep)
{
    const struct field *table = endpoint_fields;
    struct endpoint kind = {.type = ep->type};
    if (!json_as_str(json_get(body, STR("type")), &kind.type))
        kind.type = ep->type;
    if (endpoint_is_polled(&kind)) {
        struct field *copy = arena_alloc(call->arena, endpoint_field_count * sizeof *copy);
        memcpy(copy, endpoint_fields, endpoint_field_count * sizeof *copy);
        for (size_t i = 0; i < endpoint_field_count; i++) {
            if (copy[i].at == offsetof(struct endpoint, url))
                copy[i].flags &= ~(unsigned)FIELD_REQUIRED;
        }
        table = copy;
    }
    fields_read(call->arena, table, endpoint_field_count, mode, body, ep, &call->problems);
}

static void answer_endpoint(struct api *api, struct api_call *call, int status, const struct app *app,
                            const struct endpoint *ep)
{
    struct json_writer w = answer(call, status);
    json_w_object(&w);
    enum err e = endpoint_out(api, call, app, ep, &w);
    json_w_object_end(&w);
    answer_ok(call, e);
}

/* Given with the body, or made in the form of the profile. */
static enum err first_secret(struct api *api, struct api_call *call, const struct app *app, const struct json *body,
                             struct endpoint *ep)
{
    const struct catalog_profile *profile;
    const struct json *given = json_get(body, STR("secret"));
    struct endpoint_secret *secret = arena_zalloc(call->arena, sizeof *secret);
    const char *why;
    ep->secrets = secret;
    ep->secret_count = 1;
    enum err e = endpoint_profile(api, call, app, ep, &profile);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e; /* a problem already */
    if (given != NULL && !json_is_null(given)) {
        if (!json_as_str(given, &secret->text))
            call_problem(call, "secret", "type_error.string", "must be a string");
        else if (profile_check_secret(profile->profile, secret->text, &why) != ERR_OK)
            call_problem(call, "secret", "value_error", "%s", why);
        return ERR_OK;
    }
    struct buf text = BUF_INIT(SECRET_TEXT_MAX);
    profile_generate_secret(profile->profile, &text);
    secret->text = arena_str(call->arena, buf_str(&text));
    buf_fini(&text);
    return ERR_OK;
}

/* Creates from a body that fields were read from; the path's own name becomes the uid of an upsert. */
static void create(struct api *api, struct api_call *call, const struct app *app, const struct json *body,
                   struct endpoint *ep)
{
    enum err e = endpoint_check(api, call, app, ep, NULL);
    if (e == ERR_OK)
        e = first_secret(api, call, app, body, ep);
    if (!answer_ok(call, e) || !call_fits(call))
        return;
    ep->id = oid_next(api->oids, call->now_ms);
    ep->app = app->id;
    ep->env = app->env;
    ep->created_ms = call->now_ms;
    if (ep->disabled)
        ep->disabled_at_ms = call->now_ms;
    call_made(call, OBJ_ENDPOINT, ep->id, 201);
    e = endpoint_save(api, call, NULL, ep, NEWS_CREATED, NULL);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "an endpoint with this uid exists");
    if (e == ERR_CONFLICT || !answer_ok(call, e))
        return;
    answer_endpoint(api, call, 201, app, ep);
}

void endpoint_create(struct api *api, struct api_call *call)
{
    struct app app;
    struct endpoint ep = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app))
        return;
    read_fields(call, FIELD_CREATE, body, &ep);
    create(api, call, &app, body, &ep);
}

void endpoint_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    if (call_app(api, call, &app) && call_endpoint(api, call, &app, 1, &o, &ep))
        answer_endpoint(api, call, 200, &app, &ep);
}

/* What enabling and disabling by hand mean besides the flag. Returns the job that clears what is pending, or NULL. */
static const struct object_change *note_disabled(struct api *api, struct api_call *call, const struct endpoint *before,
                                                 struct endpoint *ep)
{
    if (ep->disabled == before->disabled)
        return NULL;
    ep->disabled_reason = STR_NULL;
    ep->disabled_at_ms = ep->disabled ? call->now_ms : 0;
    ep->enabled_at_ms = ep->disabled ? ep->enabled_at_ms : call->now_ms; /* its health begins anew */
    if (!ep->disabled)
        return NULL;
    struct task task = {
            .kind = TASK_FAIL_PENDING, .env = ep->env, .app = ep->app, .ep = ep->id, .reason = REASON_DISABLED};
    struct object_change *change = arena_alloc(call->arena, sizeof *change);
    *change = task_create(api, call->arena, &task, call->now_ms);
    return change;
}

static void update(struct api *api, struct api_call *call, const struct app *app, enum field_mode mode,
                   const struct json *body)
{
    struct object o;
    struct endpoint ep, before;
    if (!call_endpoint(api, call, app, 1, &o, &ep) || !call_saw(call, ep.updated_ms))
        return;
    before = ep;
    read_fields(call, mode, body, &ep);
    enum err e = endpoint_check(api, call, app, &ep, &before);
    if (!answer_ok(call, e) || !call_fits(call))
        return;
    const struct object_change *job = note_disabled(api, call, &before, &ep);
    unsigned turned = ep.disabled == before.disabled ? 0 : ep.disabled ? NEWS_DISABLED : NEWS_ENABLED;
    e = endpoint_save(api, call, &o, &ep, NEWS_UPDATED | turned, job);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "an endpoint with this uid exists");
    if (e == ERR_CONFLICT || !answer_ok(call, e))
        return;
    answer_endpoint(api, call, 200, app, &ep);
}

void endpoint_put(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    oid_t id;
    struct str text = call->params[1];
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app(api, call, &app))
        return;
    enum err e = ERR_OK;
    if (oid_parse(text, "ep_", api->id_key, &id) != ERR_OK)
        e = store_find_object(call->reader, call->arena, OBJ_ENDPOINT, app.env, app.id, text, &o);
    if (e == ERR_OK) {
        update(api, call, &app, FIELD_REPLACE, body);
        return;
    }
    if (e != ERR_NOT_FOUND) {
        answer_error(call, e, NULL);
        return;
    }
    struct endpoint ep = {0};
    read_fields(call, FIELD_CREATE, body, &ep);
    if (ep.uid.ptr == NULL && !str_starts(text, STR("ep_")) && text.len <= 256 && chars_fit(CHARS_ID, text))
        ep.uid = text;
    create(api, call, &app, body, &ep);
}

void endpoint_patch(struct api *api, struct api_call *call)
{
    struct app app;
    const struct json *body = call_json(call, false);
    if (body != NULL && call_app(api, call, &app))
        update(api, call, &app, FIELD_PATCH, body);
}

void endpoint_delete(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep))
        return;
    struct task task = {.kind = TASK_FAIL_PENDING, .env = ep.env, .app = ep.app, .ep = ep.id, .reason = REASON_DELETED};
    struct object_change changes[3] = {{.change = OBJECT_DELETE, .object = o, .expected_version = o.version},
                                       task_create(api, call->arena, &task, call->now_ms)};
    size_t n = 2;
    changes[0].object.updated_ms = call->now_ms;
    enum err e = operational_plan(api, call->reader, call->arena, &task, NEWS_DELETED, call->now_ms, changes, &n);
    if (e == ERR_OK)
        e = call_commit(api, call, changes, n, ep.env, ep.app);
    if (!answer_ok(call, e))
        return;
    if (api->on_endpoint_changed != NULL)
        api->on_endpoint_changed(api->hook_arg, ep.env, ep.app, ep.id);
    operational_wake(api, changes, n);
    if (endpoint_is_polled(&ep) && !answer_ok(call, poller_forget(api, call, &ep)))
        return;
    answer_empty(call);
}

/* ---- list ---------------------------------------------------------------------------------------------------------
 */

struct listed {
    struct api *api;
    const struct app *app;
    const struct endpoint *endpoints;
    enum err err;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    struct listed *l = (struct listed *)(uintptr_t)items;
    (void)api;
    json_w_object(w);
    enum err e = endpoint_out(l->api, call, l->app, &l->endpoints[i], w);
    json_w_object_end(w);
    if (e != ERR_OK)
        l->err = e;
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->endpoints[i].id, "ep_");
}

void endpoint_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct page page;
    struct object *objects;
    size_t count;
    if (!call_app(api, call, &app) || !page_read(api, call, "ep_", PAGE_DESCENDING, &page) ||
        !answer_ok(call, list_objects(call, OBJ_ENDPOINT, app.env, app.id, &page, &objects, &count)))
        return;
    struct endpoint *endpoints = arena_alloc(call->arena, (count + 1) * sizeof *endpoints);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, endpoint_decode(call->arena, api->keys, &objects[i], &endpoints[i])))
            return;
    }
    struct listed l = {.api = api, .app = &app, .endpoints = endpoints};
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
    answer_ok(call, l.err);
}
