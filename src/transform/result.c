/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's answer came from a process that ran a stranger's code: nothing in it is taken on trust.
 */
#include "signing/header.h"
#include "ssrf/ssrf.h"
#include "transform/transform.h"
#include "json/tree.h"

#define TEXT_TYPE    "text/plain; charset=utf-8"
#define HEADER_BYTES ((size_t)64 << 10)

struct reading {
    const struct transform_limits *limits;
    const struct ssrf_policy *urls;
    const struct profile *profile;
    const struct transform_call *call;
    struct arena *arena;
    struct transformed *out;
};

static const char *read_method(struct reading *r, const struct json *j)
{
    static const struct {
        const char *name;
        size_t len;
    } methods[] = {{"POST", 4}, {"PUT", 3}, {"PATCH", 5}};
    struct str text;
    if (!json_as_str(j, &text))
        return "webhook.method must be a string";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(text, str_of(methods[i].name, methods[i].len))) {
            r->out->method = str_of(methods[i].name, methods[i].len);
            return NULL;
        }
    }
    return "webhook.method must be POST, PUT or PATCH";
}

static const char *read_url(struct reading *r, const struct json *j)
{
    struct ssrf_url url;
    struct str text;
    const char *why = NULL;
    struct ssrf_policy policy = *r->urls;
    if (!json_as_str(j, &text))
        return "webhook.url must be a string";
    if (str_eq(text, r->call->url))
        return NULL;
    policy.https_only = policy.https_only || str_starts(r->call->url, STR("https://")); /* there is no way down */
    if (ssrf_parse_url(&policy, text, &url, &why) != ERR_OK)
        return arena_printf(r->arena, "webhook.url: %s", why).ptr;
    r->out->url = arena_str(r->arena, str_c(url.normal));
    ssrf_url_fini(&url);
    return NULL;
}

static const char *add_header(struct reading *r, struct str name, struct str value, struct buf *lines)
{
    bool is_type = str_eq_nocase(name, STR("content-type"));
    /* What a body is, only who wrote it can say; the other names are refused as those of an endpoint are. */
    const char *why = header_refusal(is_type ? NULL : r->profile, is_type ? STR("x-content-type") : name, value);
    if (why != NULL)
        return arena_printf(r->arena, "webhook.headers: \"" STR_FMT "\" %s", STR_ARG(str_take(name, 256)), why).ptr;
    if (is_type) {
        r->out->content_type = value;
        return NULL;
    }
    buf_add_str(lines, name);
    buf_add_str(lines, STR(": "));
    buf_add_str(lines, value);
    buf_add_c(lines, '\n');
    return lines->overflow ? "webhook.headers: more than 64 KiB in all" : NULL;
}

static bool is_twice(const struct json *headers, const struct json *m)
{
    for (const struct json *o = headers->child; o != m; o = o->next)
        if (str_eq_nocase(o->name, m->name))
            return true;
    return false;
}

static const char *read_headers(struct reading *r, const struct json *headers)
{
    struct buf lines = BUF_INIT(HEADER_BYTES);
    const char *why = NULL;
    if (headers == NULL || headers->type != JSON_OBJECT)
        return "webhook.headers must be an object";
    if (headers->count > CUSTOM_HEADERS_MAX)
        return "webhook.headers: more than 50";
    for (const struct json *m = headers->child; m != NULL && why == NULL; m = m->next) {
        struct str value;
        if (!json_as_str(m, &value))
            why = "webhook.headers: values must be strings";
        else if (is_twice(headers, m))
            why = "webhook.headers: one is there twice";
        else
            why = add_header(r, m->name, value, &lines);
    }
    if (why == NULL && lines.len > 0)
        r->out->headers = arena_str(r->arena, buf_str(&lines));
    buf_fini(&lines);
    return why;
}

static const char *read_payload(struct reading *r, const struct json *result)
{
    struct json *parsed;
    bool same = false;
    json_as_bool(json_get(result, STR("same")), &same);
    r->out->same = same;
    r->out->as_is = same ? r->call->payload_is_text : json_get(result, STR("text")) != NULL;
    if (same)
        return NULL;
    struct str name = r->out->as_is ? STR("text") : STR("json");
    if (!json_as_str(json_get(result, name), &r->out->payload))
        return "webhook.payload must be JSON or a string";
    if (r->out->payload.len > r->limits->output_bytes)
        return arena_printf(r->arena, "the payload is larger than %zu bytes", r->limits->output_bytes).ptr;
    if (r->out->as_is && r->out->content_type.ptr == NULL && !r->call->payload_is_text)
        r->out->content_type = STR(TEXT_TYPE);
    if (!r->out->as_is && json_parse(r->arena, r->out->payload, &parsed, NULL) != ERR_OK)
        return "webhook.payload is no JSON, or nested too deep";
    if (!r->out->as_is && r->call->payload_is_text && r->out->content_type.ptr == NULL)
        r->out->content_type = STR("application/json");
    return NULL;
}

const char *transform_read(const struct transform_limits *limits, const struct ssrf_policy *urls,
                           const struct profile *profile, const struct transform_call *call, struct str text,
                           struct arena *a, struct transformed *out, struct str *logs)
{
    struct reading r = {.limits = limits, .urls = urls, .profile = profile, .call = call, .arena = a, .out = out};
    struct json *result;
    *out = (struct transformed){.method = STR("POST")};
    if (json_parse(a, text, &result, NULL) != ERR_OK)
        return "the result is no JSON, or nested too deep";
    const struct json *said = json_get(result, STR("logs"));
    if (logs != NULL && said != NULL && said->type == JSON_ARRAY)
        *logs = said->raw;
    json_as_bool(json_get(result, STR("cancel")), &out->cancelled);
    if (out->cancelled)
        return NULL;
    const char *why = read_method(&r, json_get(result, STR("method")));
    if (why == NULL)
        why = read_url(&r, json_get(result, STR("url")));
    if (why == NULL)
        why = read_headers(&r, json_get(result, STR("headers")));
    return why != NULL ? why : read_payload(&r, result);
}
