/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that becomes a message: its body as it came, byte for byte, and the headers that its endpoints need. These
 * lie beside the message's envelopes: those for deliveries as lines, those for transformations as JSON. Credentials go
 * along with neither.
 */
#include "api/append.h"
#include "api/handler.h"
#include "api/message_in.h"
#include "api/trigger_arrival.h"
#include "incoming/source.h"
#include "signing/header.h"
#include "signing/profile_incoming.h"

#define TRIES        5
#define PARAMS_MAX   ((size_t)256 << 10)
#define QUERY_HEADER "svix-ingest-query"
#define REST_HEADER  "svix-ingest-trailing-path-segments"
#define WITHOUT_TYPE "text/plain"

/* Of the way that the request took, or of nobody's concern; header_refusal knows the others. */
static const char *const not_forwarded[] = {
        "accept", "accept-charset",  "accept-encoding", "accept-language",   "cdn-loop",         "forwarded",
        "via",    "x-forwarded-for", "x-real-ip",       "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"};

/* A signature is none: with it an endpoint may verify the sender once more. */
static bool is_secret(const struct arrival *ar, struct str name)
{
    bool is_token = ar->profile == NULL || profile_is_token(ar->profile);
    return content_is_key(name) || (is_token && ar->secret_header.len > 0 && str_eq_nocase(name, ar->secret_header));
}

static bool goes_along(const struct arrival *ar, const struct http_header *h)
{
    for (size_t i = 0; i < ARRAY_LEN(not_forwarded); i++) {
        if (str_eq_nocase(h->name, str_c(not_forwarded[i])))
            return false;
    }
    return !is_secret(ar, h->name) && header_refusal(NULL, h->name, h->value) == NULL;
}

/* What may stand in a header as it is. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    }
    return s.len > 0 && s.len <= HEADER_VALUE_MAX;
}

static void add_line(struct buf *out, struct str name, struct str value)
{
    if (out->len + name.len + value.len + 3 <= RENDER_HEADERS_MAX)
        buf_addf(out, STR_FMT ": " STR_FMT "\n", STR_ARG(name), STR_ARG(value));
}

static struct str header_lines(const struct arrival *ar)
{
    struct buf out = BUF_INIT(RENDER_HEADERS_MAX);
    if (is_plain(ar->in.query))
        add_line(&out, STR(QUERY_HEADER), ar->in.query);
    if (is_plain(ar->rest))
        add_line(&out, STR(REST_HEADER), ar->rest);
    for (size_t i = 0; i < ar->in.header_count; i++) {
        if (goes_along(ar, &ar->in.headers[i]))
            add_line(&out, ar->in.headers[i].name, ar->in.headers[i].value);
    }
    struct str lines = arena_str(ar->call->arena, buf_str(&out));
    buf_fini(&out);
    return lines;
}

/* Every value of a name, as one. */
static struct str joined(const struct arrival *ar, size_t first)
{
    const struct http_header *h = ar->in.headers;
    struct str value = h[first].value;
    for (size_t i = first + 1; i < ar->in.header_count; i++) {
        if (str_eq_nocase(h[i].name, h[first].name))
            value = arena_printf(ar->call->arena, STR_FMT ", " STR_FMT, STR_ARG(value), STR_ARG(h[i].value));
    }
    return value;
}

static struct str lower(struct arena *a, struct str s)
{
    char *out = arena_cstr(a, s);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(out[i] >= 'A' && out[i] <= 'Z' ? out[i] + ('a' - 'A') : out[i]);
    return str_of(out, s.len);
}

/* {"headers":{…}}, what a transformation finds as transformationsParams. */
static struct str header_params(const struct arrival *ar)
{
    struct buf out = BUF_INIT(PARAMS_MAX);
    struct json_writer w = json_writer(&out);
    const struct http_header *h = ar->in.headers;
    json_w_object(&w);
    json_w_name(&w, STR("headers"));
    json_w_object(&w);
    for (size_t i = 0; i < ar->in.header_count; i++) {
        bool again = is_secret(ar, h[i].name);
        for (size_t k = 0; k < i && !again; k++)
            again = str_eq_nocase(h[k].name, h[i].name);
        if (again)
            continue;
        json_w_name(&w, lower(ar->call->arena, h[i].name));
        json_w_str(&w, joined(ar, i));
    }
    if (ar->in.query.len > 0)
        json_w_str_at(&w, QUERY_HEADER, ar->in.query);
    if (ar->rest.len > 0)
        json_w_str_at(&w, REST_HEADER, ar->rest);
    json_w_object_end(&w);
    json_w_object_end(&w);
    struct str params = out.overflow ? STR("{}") : arena_str(ar->call->arena, buf_str(&out));
    buf_fini(&out);
    return params;
}

/* What the body is called; null: an object of JSON, as messages are. */
static struct str content_type(const struct arrival *ar)
{
    struct json_slice value;
    struct str type = incoming_header(&ar->in, STR("Content-Type"));
    if (ar->kind == CONTENT_JSON)
        return json_check(ar->in.body, &value, NULL) == ERR_OK && value.type == JSON_OBJECT ? STR_NULL
                                                                                            : STR("application/json");
    return is_plain(type) ? type : STR(WITHOUT_TYPE);
}

static struct message message_of(const struct arrival *ar)
{
    struct api_call *call = ar->call;
    struct message_render *renders = arena_alloc(call->arena, 2 * sizeof *renders);
    struct str type = ar->trigger.use == TRIGGER_INBOUND ? query_text(call, "event_type") : STR_NULL;
    renders[0] = (struct message_render){.profile_version = RENDER_HEADERS, .head = header_lines(ar), .tail = STR("")};
    renders[1] = (struct message_render){.profile_version = RENDER_PARAMS, .head = header_params(ar), .tail = STR("")};
    return (struct message){.event_type = type.len > 0 ? type : STR(SOURCE_EVENT_TYPE),
                            .occurred_ms = call->now_ms,
                            .expires_ms = call->now_ms + ar->api->retention_payload_ms,
                            .payload = ar->in.body.len > 0 ? ar->in.body : STR(""),
                            .content_type = content_type(ar),
                            .renders = renders,
                            .render_count = 2};
}

/* With the snapshot that is known. */
static enum err append_once(struct arrival *ar, const struct message *m, struct arrival_docs *docs)
{
    struct append a;
    struct api_call *call = ar->call;
    enum err e = append_init(&a, ar->api, call->reader, call->arena, ar->app.id, m, call->now_ms);
    if (e == ERR_OK) {
        struct store_docs op = {.op = {.kind = STORE_DOCS},
                                .app = ar->app.id,
                                .changes = docs->changes,
                                .count = docs->count,
                                .appends = &a.op,
                                .append_count = 1};
        e = store_run(ar->api->store, &op.op);
    }
    if (e == ERR_OK)
        append_tell(&a, ar->api);
    append_fini(&a);
    return e;
}

enum err arrival_append(struct arrival *ar, struct str key, oid_t *msg)
{
    struct api_call *call = ar->call;
    struct message m = message_of(ar);
    struct arrival_docs docs;
    enum err e = ERR_STALE;
    for (int i = 0; i < TRIES && e == ERR_STALE; i++) {
        const struct workspace *ws = NULL;
        if (i > 0 && (e = catalog_load(ar->api->catalog, call->reader, ar->app.id, &ws)) != ERR_OK)
            return e;
        if (ws != NULL)
            catalog_unref(ws);
        m.id = *msg = oid_next(ar->api->oids, call->now_ms); /* one that came too late gets another */
        arrival_become(ar, key, m.id, &docs);
        e = append_once(ar, &m, &docs);
    }
    if (e == ERR_OK)
        ar->kept = docs.request;
    return e == ERR_STALE ? ERR_BUSY : e;
}

void arrival_answer_message(struct arrival *ar, int status, oid_t msg)
{
    struct message m;
    struct api_call *call = ar->call;
    struct json_writer w = answer(call, arrival_status(ar, status));
    json_w_object(&w);
    if (store_get_message(call->reader, call->arena, ar->app.id, msg, true, &m) == ERR_OK)
        message_out_members(&m, ar->api->id_key, true, &w);
    else /* deleted since */
        json_w_str_at(&w, "id", api_id(ar->api, call, msg, "msg_"));
    json_w_object_end(&w);
}
