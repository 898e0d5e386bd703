/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of an endpoint before it is stored, beyond the shape of its fields. */
#include "api/application.h"
#include "api/endpoint.h"
#include "api/env.h"
#include "api/env_settings.h"
#include "api/event_type.h"
#include "api/operational.h"
#include "api/poll.h"
#include "crypto/pem.h"
#include "incoming/source.h"

enum err endpoint_profile(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                          const struct catalog_profile **out)
{
    struct object o;
    struct env_profile is;
    struct str name = ep->profile.ptr != NULL ? ep->profile : app->profile;
    enum err e = store_find_object(call->reader, call->arena, OBJ_PROFILE, app->env, 0, name, &o);
    if (e != ERR_OK || (e = env_profile_read(call->arena, &o, &is)) != ERR_OK)
        return e;
    *out = catalog_profile_get(api->catalog, call->reader, is.current);
    return *out != NULL ? ERR_OK : ERR_INTERNAL;
}

void headers_check(struct api_call *call, const struct profile *profile, const struct header_pair *headers,
                   size_t count)
{
    if (count > CUSTOM_HEADERS_MAX)
        call_problem(call, "headers", "value_error.max_items", "may have at most %d headers", CUSTOM_HEADERS_MAX);
    for (size_t i = 0; i < count && count <= CUSTOM_HEADERS_MAX; i++) {
        struct str name = headers[i].name;
        const char *why = header_refusal(profile, name, headers[i].value);
        for (size_t j = 0; j < i && why == NULL; j++) {
            if (str_eq_nocase(headers[j].name, name))
                why = "is there twice";
        }
        if (why != NULL)
            problem_add(&call->problems, "body", STR("headers"), name, "value_error", "%s", why);
    }
}

void ca_bundle_check(struct api_call *call, const char *field, struct str pem)
{
    if (crypto_pem_certificates(pem) <= 0)
        call_problem(call, field, "value_error", "must be certificates in PEM form");
}

/* What is polled has no URL of its own; the one that answers show may come back. */
static void check_polled(struct api *api, struct api_call *call, const struct app *app, struct endpoint *ep)
{
    if (ep->url.ptr != NULL && (ep->id == 0 || !str_eq(ep->url, poller_url(api, call, ep))))
        call_problem(call, "url", "value_error.url", "a polling endpoint has no URL to send to");
    if (source_has_app(app->uid))
        call_problem(call, "type", "value_error", "a source delivers to URLs only");
    else if (operational_hides(app->uid))
        call_problem(call, "type", "value_error", "operational events are polled at /api/v1/events");
    ep->url = STR_NULL;
}

static void check_url(struct api *api, struct api_call *call, const struct app *app, struct endpoint *ep,
                      const struct endpoint *before)
{
    struct ssrf_url url;
    const char *why = NULL;
    if (before != NULL && !str_eq(ep->type, before->type))
        call_problem(call, "type", "value_error", "cannot be changed");
    else if (!str_eq(ep->type, STR(ENDPOINT_WEBHOOK)) && !endpoint_is_polled(ep))
        call_problem(call, "type", "value_error", "must be " ENDPOINT_WEBHOOK " or " ENDPOINT_POLLING);
    if (endpoint_is_polled(ep)) {
        check_polled(api, call, app, ep);
        return;
    }
    if (ep->url.ptr == NULL)
        return;
    if (ssrf_parse_url(api->urls, ep->url, &url, &why) != ERR_OK) {
        call_problem(call, "url", "value_error.url", "%s", why);
        return;
    }
    ep->url = arena_str(call->arena, str_c(url.normal));
    ssrf_url_fini(&url);
}

static enum err check_event_types(struct api_call *call, const struct app *app, const struct endpoint *ep)
{
    for (size_t i = 0; i < ep->event_type_count; i++) {
        struct object o;
        enum err e = ERR_NOT_FOUND;
        if (!operational_hides(app->uid))
            e = event_type_find(call, ep->event_types[i], &o);
        else if (source_has_app(app->uid))
            e = str_eq(ep->event_types[i], STR(SOURCE_EVENT_TYPE)) ? ERR_OK : ERR_NOT_FOUND;
        else if (env_is_operational_type(ep->event_types[i]))
            e = ERR_OK;
        if (e == ERR_NOT_FOUND)
            call_problem(call, "eventTypes", "value_error", "no such event type: " STR_FMT,
                         STR_ARG(ep->event_types[i]));
        else if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static void check_filter(struct api_call *call, const struct endpoint *ep)
{
    const struct filter *unused;
    struct json *tree;
    if (ep->filter.ptr != NULL && json_parse(call->arena, ep->filter, &tree, NULL) == ERR_OK)
        filter_check(call, tree, &unused);
}

static bool same_names(const struct endpoint *a, const struct endpoint *b)
{
    if (a->event_type_count != b->event_type_count)
        return false;
    for (size_t i = 0; i < a->event_type_count; i++) {
        if (!str_eq(a->event_types[i], b->event_types[i]))
            return false;
    }
    return true;
}

/* What the operator wants of every endpoint; one that was there before it was wanted may stay as it is. */
static void check_wanted(struct api_call *call, const struct endpoint *ep, const struct endpoint *before,
                         const struct env_settings *s)
{
    bool new_url = before == NULL || !str_eq(ep->url, before->url);
    if (s->enforce_https && new_url && str_starts_nocase(ep->url, STR("http://")))
        call_problem(call, "url", "value_error.url", "must begin with https:// in this environment");
    if (s->require_channel && ep->channels == NULL && (before == NULL || before->channels != NULL))
        call_problem(call, "channels", "value_error.missing", "every endpoint of this environment needs a channel");
    if (s->require_filter_types && ep->event_types == NULL && (before == NULL || before->event_types != NULL))
        call_problem(call, "eventTypes", "value_error.missing", "every endpoint of this environment needs event types");
}

/* Two at once may both be the last one. */
static enum err check_limit(struct api_call *call, const struct app *app, const struct env_settings *s)
{
    struct object *found;
    size_t count = 0;
    if (s->endpoints_limit == 0)
        return ERR_OK;
    struct object_query q = {
            .kind = OBJ_ENDPOINT, .env = app->env, .app = app->id, .limit = (size_t)s->endpoints_limit};
    enum err e = store_list_objects(call->reader, call->arena, &q, &found, &count);
    if (e == ERR_OK && count >= q.limit)
        problem_add(&call->problems, "body", STR_NULL, STR_NULL, "value_error.limit",
                    "this application has as many endpoints as it may have: %d", s->endpoints_limit);
    return e;
}

static enum err check_settings(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                               const struct endpoint *before)
{
    struct env_settings s;
    if (operational_hides(app->uid) && !source_has_app(app->uid))
        return ERR_OK;
    enum err e = env_settings_own(api, call, &s);
    if (e != ERR_OK)
        return e;
    if (source_has_app(app->uid)) /* what comes in has neither */
        s.require_channel = s.require_filter_types = false;
    check_wanted(call, ep, before, &s);
    return before == NULL ? check_limit(call, app, &s) : ERR_OK;
}

enum err endpoint_check(struct api *api, struct api_call *call, const struct app *app, struct endpoint *ep,
                        const struct endpoint *before)
{
    const struct catalog_profile *profile = NULL;
    check_url(api, call, app, ep, before);
    /* What was known when it was subscribed to may have been expunged since. */
    if (before == NULL || !same_names(ep, before)) {
        enum err e = check_event_types(call, app, ep);
        if (e != ERR_OK)
            return e;
    }
    enum err e = check_settings(api, call, app, ep, before);
    if (e != ERR_OK)
        return e;
    e = endpoint_profile(api, call, app, ep, &profile);
    if (e == ERR_NOT_FOUND)
        call_problem(call, "profile", "value_error", "no such profile");
    else if (e != ERR_OK)
        return e;
    const char *why;
    if (profile != NULL && before != NULL && !str_eq(ep->profile, before->profile) &&
        profile_check_secret(profile->profile, ep->secrets[0].text, &why) != ERR_OK)
        call_problem(call, "profile", "value_error", "the secret does not fit this profile; rotate it first: %s", why);
    headers_check(call, profile != NULL ? profile->profile : NULL, ep->headers, ep->header_count);
    check_filter(call, ep);
    if (ep->ca_bundle.ptr != NULL)
        ca_bundle_check(call, "caBundle", ep->ca_bundle);
    return ERR_OK;
}
