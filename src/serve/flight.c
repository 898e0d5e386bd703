/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/flight.h"

#include "base/mem.h"
#include "base/time.h"
#include "signing/header.h"
#include "sys/clock.h"

#define MASK "****"

void flight_begin(struct flight *f, oid_t attempt_id, int64_t now_ms)
{
    const struct work *w = f->work;
    f->line_count = f->custom_from = f->token_from = 0;
    f->spent_ms = 0;
    f->waited = f->renewed = false;
    f->attempt = (struct attempt){.id = attempt_id,
                                  .msg = w->msg,
                                  .ep = f->ep->id,
                                  .app = f->ep->app,
                                  .number = w->trigger == TRIGGER_SCHEDULE ? w->tries + 1 : 0,
                                  .trigger = w->trigger,
                                  .started_ms = now_ms,
                                  .url = f->ep->url,
                                  .event_type = f->body->msg.event_type};
}

/* What the transformation made; NULL: there is none. */
static const struct transformed *made_of(const struct flight *f)
{
    return f->rewrite != NULL ? &f->rewrite->made : NULL;
}

/* Whether the transformation has set this header. */
static bool is_made(const struct transformed *made, struct str name)
{
    struct str rest = made != NULL ? made->headers : STR_NULL;
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        if (str_eq_nocase(str_take(line, str_find(line, ':')), name))
            return true;
    }
    return false;
}

/* Scheme, host and port of a normalised URL. */
static struct str origin_of(struct str url)
{
    size_t host = str_find_str(url, STR("://")) + 3;
    return str_take(url, host + str_find(str_skip(url, host), '/'));
}

bool flight_is_elsewhere(const struct flight *f)
{
    return !str_eq(origin_of(f->attempt.url), origin_of(f->ep->url));
}

/* A header of the endpoint that does not go along: the transformation has its own, the token takes its place, or it is
 * a secret and not for whoever the transformation sends this to. */
static bool is_left_out(const struct flight *f, const struct transformed *made, struct str name)
{
    if (is_made(made, name) || (f->ep->oauth != NULL && str_eq_nocase(name, STR("authorization"))))
        return true;
    return flight_is_elsewhere(f) && header_is_sensitive(name);
}

/* The customer's: of the endpoint, and of its transformation, which win. */
static void write_custom_headers(struct flight *f, const struct transformed *made)
{
    for (size_t i = 0; i < f->ep->header_count; i++) {
        if (is_left_out(f, made, f->ep->headers[i].name))
            continue;
        buf_add_str(&f->headers, f->ep->headers[i].name);
        buf_add_str(&f->headers, STR(": "));
        buf_add_str(&f->headers, f->ep->headers[i].value);
        buf_add_c(&f->headers, '\0');
        f->line_count++;
    }
    for (struct str rest = made != NULL ? made->headers : STR_NULL; rest.len > 0; f->line_count++) {
        buf_add_str(&f->headers, str_split(&rest, '\n'));
        buf_add_c(&f->headers, '\0');
    }
}

static bool is_of_endpoint(const struct endpoint *ep, struct str name)
{
    for (size_t i = 0; i < ep->header_count; i++) {
        if (str_eq_nocase(ep->headers[i].name, name))
            return true;
    }
    return false;
}

/* The message's own; what the endpoint, its transformation or the profile sets wins. */
static void write_message_headers(struct flight *f, const struct transformed *made)
{
    const struct message_render *own = body_render(f->body, RENDER_HEADERS);
    for (struct str rest = own != NULL ? own->head : STR_NULL; rest.len > 0;) {
        struct str line = str_split(&rest, '\n'), name = str_take(line, str_find(line, ':'));
        if (is_made(made, name) || is_of_endpoint(f->ep, name) || profile_owns_header(f->profile->profile, name))
            continue;
        buf_add_str(&f->headers, line);
        buf_add_c(&f->headers, '\0');
        f->line_count++;
    }
}

static void write_headers(struct flight *f, struct profile_signers *signers)
{
    const struct message *m = &f->body->msg;
    const struct transformed *made = made_of(f);
    struct str type = made != NULL && made->content_type.ptr != NULL ? made->content_type : m->content_type;
    buf_add_str(&f->headers, STR("Content-Type: "));
    buf_add_str(&f->headers, type.ptr != NULL ? type : STR("application/json"));
    buf_add_c(&f->headers, '\0');
    /* Receivers refuse times that are minutes off; ours may be, for as long as it follows a step of the system's. */
    struct profile_attempt at = {.now_ms = clock_system_ms(),
                                 .message_id = str_of(f->body->id_text, strlen(f->body->id_text)),
                                 .event_uuid = str_of(f->body->uuid, OID_UUID_SIZE - 1),
                                 .type = m->event_type,
                                 .number = f->work->tries + 1,
                                 .url = f->request.url,
                                 .method = f->request.method,
                                 .body = {f->request.body[0], f->request.body[1], f->request.body[2]}};
    f->custom_from = 1 + profile_headers(f->profile->profile, signers, &at, &f->headers);
    f->line_count = f->custom_from;
    write_message_headers(f, made);
    f->custom_from = f->line_count;
    write_custom_headers(f, made);
    CHECK(!f->headers.overflow); /* profiles and custom headers are limited where they are made */
}

static void point_at_lines(struct flight *f)
{
    if (f->line_cap < f->line_count) {
        f->line_cap = f->line_count + 8;
        f->lines = mem_realloc(f->lines, f->line_cap * sizeof f->lines[0]);
    }
    const char *at = f->headers.ptr;
    for (size_t i = 0; i < f->line_count; i++) {
        f->lines[i] = at;
        at += strlen(at) + 1;
    }
}

void flight_write_request(struct flight *f, struct profile_signers *signers)
{
    const struct endpoint *ep = f->ep;
    const struct transformed *made = made_of(f);
    const struct message_render *wrap = made == NULL || !made->as_is ? body_render(f->body, f->work->profile_version)
                                                                     : NULL;
    struct str payload = made != NULL && !made->same ? made->payload : f->body->msg.payload;
    if (made != NULL && made->url.ptr != NULL)
        f->attempt.url = made->url;
    f->request = (struct client_request){
            .method = made != NULL ? made->method : STR("POST"),
            .url = f->attempt.url,
            .body = {wrap != NULL ? wrap->head : STR_NULL, payload, wrap != NULL ? wrap->tail : STR_NULL},
            .timeout_ms = ep->timeout_ms != 0 ? ep->timeout_ms : profile_timeout_ms(f->profile->profile),
            .http2 = ep->http2,
            .ca_bundle = ep->ca_bundle};
    if (ep->identity != NULL && !flight_is_elsewhere(f)) {
        f->request.client_cert = ep->identity->certificates;
        f->request.client_key = ep->identity->key;
    }
    write_headers(f, signers);
    point_at_lines(f);
    f->request.headers = f->lines;
    f->request.header_count = f->line_count;
}

#define TOKEN_HEADER STR("Authorization: Bearer ")

void flight_set_token(struct flight *f, struct str token)
{
    if (f->token_from != 0) {
        f->headers.len = f->token_from;
        f->line_count--;
    }
    f->token_from = f->headers.len;
    f->line_count++;
    buf_add_str(&f->headers, TOKEN_HEADER);
    buf_add_str(&f->headers, token);
    buf_add_c(&f->headers, '\0');
    CHECK(!f->headers.overflow);
    point_at_lines(f);
    f->request.headers = f->lines;
    f->request.header_count = f->line_count;
}

struct str flight_token(const struct flight *f)
{
    return str_skip(str_c(f->headers.ptr + f->token_from), TOKEN_HEADER.len);
}

struct kept {
    size_t from;
    size_t len;
};

static struct kept keep(struct flight *f, struct str s)
{
    struct kept k = {.from = f->text.len, .len = s.len};
    buf_add_str(&f->text, s);
    return f->text.overflow ? (struct kept){0} : k;
}

static struct str kept_str(const struct flight *f, struct kept k, bool absent)
{
    return absent ? STR_NULL : str_of(f->text.ptr + k.from, k.len);
}

static struct kept keep_request_headers(struct flight *f)
{
    struct kept k = {.from = f->text.len};
    for (size_t i = 0; i < f->line_count; i++) {
        struct str line = str_c(f->lines[i]);
        if (i < f->custom_from) {
            buf_add_str(&f->text, line);
        } else {
            buf_add_str(&f->text, str_take(line, str_find(line, ':')));
            buf_add_str(&f->text, STR(": " MASK));
        }
        buf_add_c(&f->text, '\n');
    }
    k.len = f->text.len - k.from;
    return k;
}

void flight_describe(struct flight *f, const struct client_result *res, const struct engine_verdict *v)
{
    struct attempt *a = &f->attempt;
    struct target *t = engine_endpoint_user(f->work->ep);
    size_t body_bytes = t != NULL ? capture_bytes(&t->capture, res->body, a->started_ms) : res->body.len;
    struct kept sent = keep_request_headers(f), headers = keep(f, res->headers),
                body = keep(f, str_take(res->body, body_bytes)), error = keep(f, res->error), peer = keep(f, res->peer);
    a->status = res->cause == CAUSE_NONE ? DELIVERY_SUCCESS : DELIVERY_FAIL;
    a->cause = res->cause;
    a->http_status = res->http_status;
    a->phases = res->phases;
    a->next_ms = v->status == DELIVERY_PENDING && v->disable == NULL ? v->due_ms : 0;
    a->request_headers = kept_str(f, sent, sent.len == 0);
    a->response_headers = kept_str(f, headers, res->headers.ptr == NULL);
    a->response_body = kept_str(f, body, res->body.ptr == NULL);
    a->response_truncated = res->body_truncated || body_bytes < res->body.len;
    a->error = kept_str(f, error, res->cause == CAUSE_NONE);
    a->peer = kept_str(f, peer, res->peer.ptr == NULL);
}
