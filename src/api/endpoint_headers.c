/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom headers of an endpoint. Sensitive values go out masked; a masked value that comes back unchanged keeps the
 * value that it stands for, so that reading, editing and writing the whole set is harmless.
 */
#include "api/endpoint.h"
#include "api/routes.h"

struct found {
    struct app app;
    struct object object;
    struct endpoint ep;
    const struct catalog_profile *profile;
};

static bool find(struct api *api, struct api_call *call, struct found *f)
{
    return call_app(api, call, &f->app) && call_endpoint(api, call, &f->app, 1, &f->object, &f->ep) &&
           answer_ok(call, endpoint_profile(api, call, &f->app, &f->ep, &f->profile));
}

void endpoint_headers_get(struct api *api, struct api_call *call)
{
    struct found f;
    if (!find(api, call, &f))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("headers"));
    json_w_object(&w);
    for (size_t i = 0; i < f.ep.header_count; i++) {
        json_w_name(&w, f.ep.headers[i].name);
        json_w_str(&w, header_is_sensitive(f.ep.headers[i].name) ? STR(HEADER_MASK) : f.ep.headers[i].value);
    }
    json_w_object_end(&w);
    json_w_name(&w, STR("sensitive"));
    json_w_array(&w);
    for (size_t i = 0; i < f.ep.header_count; i++) {
        if (header_is_sensitive(f.ep.headers[i].name))
            json_w_str(&w, f.ep.headers[i].name);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
}

static const struct header_pair *find_pair(const struct header_pair *pairs, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(pairs[i].name, name))
            return &pairs[i];
    }
    return NULL;
}

static void finish(struct api *api, struct api_call *call, struct found *f, const struct header_pair *pairs,
                   size_t count)
{
    headers_check(call, f->profile->profile, pairs, count);
    if (!call_fits(call))
        return;
    f->ep.headers = pairs;
    f->ep.header_count = count;
    if (answer_ok(call, endpoint_save(api, call, &f->object, &f->ep, NEWS_UPDATED, NULL)))
        answer_empty(call);
}

/* The `headers` member of the body; NULL: answered. */
static const struct json *headers_of(struct api_call *call, const struct json *body)
{
    const struct json *headers = json_get(body, STR("headers"));
    if (headers != NULL && headers->type == JSON_OBJECT)
        return headers;
    call_problem(call, "headers", headers == NULL ? "value_error.missing" : "type_error.dict", "must be an object");
    call_fits(call);
    return NULL;
}

static struct header_pair read_pair(struct api_call *call, const struct found *f, const struct json *m)
{
    struct header_pair pair = {.name = m->name};
    if (!json_as_str(m, &pair.value))
        problem_add(&call->problems, "body", STR("headers"), m->name, "type_error.string", "must be a string");
    const struct header_pair *old = find_pair(f->ep.headers, f->ep.header_count, m->name);
    if (old != NULL && header_is_sensitive(m->name) && str_eq(pair.value, STR(HEADER_MASK)))
        pair.value = old->value;
    return pair;
}

void endpoint_headers_put(struct api *api, struct api_call *call)
{
    struct found f;
    const struct json *body = call_json(call, false), *headers;
    if (body == NULL || !find(api, call, &f) || (headers = headers_of(call, body)) == NULL)
        return;
    struct header_pair *pairs = arena_alloc(call->arena, (headers->count + 1) * sizeof *pairs);
    size_t n = 0;
    for (const struct json *m = headers->child; m != NULL; m = m->next)
        pairs[n++] = read_pair(call, &f, m);
    finish(api, call, &f, pairs, n);
}

static size_t drop_pair(struct header_pair *pairs, size_t count, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!str_eq_nocase(pairs[i].name, name))
            pairs[n++] = pairs[i];
    }
    return n;
}

/* A list of strings; NULL when there is none, or it is something else: a problem. */
static const struct json *names_of(struct api_call *call, const struct json *list)
{
    if (list == NULL || json_is_null(list))
        return NULL;
    bool fits = list->type == JSON_ARRAY;
    for (const struct json *i = fits ? list->child : NULL; i != NULL; i = i->next)
        fits = fits && i->type == JSON_STRING;
    if (!fits)
        call_problem(call, "deleteHeaders", "type_error.list", "must be a list of strings");
    return fits ? list : NULL;
}

void endpoint_headers_patch(struct api *api, struct api_call *call)
{
    struct found f;
    const struct json *body = call_json(call, false), *headers;
    if (body == NULL || !find(api, call, &f) || (headers = headers_of(call, body)) == NULL)
        return;
    struct header_pair *pairs = arena_alloc(call->arena, (headers->count + f.ep.header_count + 1) * sizeof *pairs);
    size_t n = f.ep.header_count;
    if (n > 0)
        memcpy(pairs, f.ep.headers, n * sizeof *pairs);
    for (const struct json *m = headers->child; m != NULL; m = m->next) {
        struct header_pair pair = {0};
        if (!json_is_null(m))
            pair = read_pair(call, &f, m);
        n = drop_pair(pairs, n, m->name);
        if (!json_is_null(m))
            pairs[n++] = pair;
    }
    const struct json *gone = names_of(call, json_get(body, STR("deleteHeaders")));
    for (const struct json *m = gone != NULL ? gone->child : NULL; m != NULL; m = m->next)
        n = drop_pair(pairs, n, m->text);
    finish(api, call, &f, pairs, n);
}
