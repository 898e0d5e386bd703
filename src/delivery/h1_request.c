/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request: written once, into memory that its transfer keeps; the body is sent from where it lies.
 */
#include <stdio.h>

#include "delivery/client_impl.h"

#define HEAD_KEEP_BYTES 16384

/* What is behind the authority, as it is; a URL is normalised before it comes here. */
static struct str path_of(const struct transfer *t)
{
    struct str rest = str_skip(t->request->url, sizeof "http://" - 1);
    size_t at = 0;
    while (at < rest.len && rest.ptr[at] != '/' && rest.ptr[at] != '?' && rest.ptr[at] != '#')
        at++;
    rest = str_skip(rest, at);
    return str_take(rest, str_find(rest, '#'));
}

static void add_target(struct buf *b, const struct transfer *t)
{
    const struct target *to = &t->target;
    struct str path = path_of(t);
    bool v6 = str_find(to->host, ':') < to->host.len;
    buf_add_str(b, t->request->method);
    buf_add_str(b, path.len > 0 && path.ptr[0] == '/' ? STR(" ") : STR(" /"));
    buf_add_str(b, path);
    buf_add_str(b, v6 ? STR(" HTTP/1.1\r\nHost: [") : STR(" HTTP/1.1\r\nHost: "));
    buf_add_str(b, to->host);
    if (v6)
        buf_add_c(b, ']');
    if (to->port != 80) {
        buf_add_c(b, ':');
        buf_add_u64(b, to->port);
    }
    buf_add_str(b, STR("\r\n"));
}

/* The name of one that is sent unless the caller sends it. */
static bool has_header(const struct client_request *r, struct str name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if ((r->headers[i][0] | 0x20) == name.ptr[0] && str_starts_nocase(str_c(r->headers[i]), name))
            return true;
    return false;
}

static void add_usual(struct buf *b, const struct transfer *t)
{
    const char *agent = t->client->config.user_agent;
    if (agent != NULL && !has_header(t->request, STR("user-agent:"))) {
        buf_add_str(b, STR("User-Agent: "));
        buf_add_str(b, str_c(agent));
        buf_add_str(b, STR("\r\n"));
    }
    if (!has_header(t->request, STR("accept:")))
        buf_add_str(b, STR("Accept: */*\r\n"));
}

static bool add_header(struct buf *b, const char *text)
{
    struct str h = str_c(text);
    if (!request_header_is_clean(h))
        return false;
    size_t name_end = str_find(h, ':') + 1;
    if (str_trim(str_skip(h, name_end)).len == 0)
        h.len = name_end;
    buf_add_str(b, h);
    buf_add(b, "\r\n", 2);
    return true;
}

static bool is_method(struct str m)
{
    for (size_t i = 0; i < m.len; i++)
        if (m.ptr[i] < 'A' || m.ptr[i] > 'Z')
            return false;
    return m.len > 0 && m.len < 16;
}

bool h1_suits(const struct transfer *t)
{
    const struct client_config *c = &t->client->config;
    return !c->no_h1 && c->proxy == NULL && !t->target.https && !t->request->http2;
}

bool h1_prepare(struct transfer *t)
{
    const struct client_request *r = t->request;
    struct buf *b = &t->h1.head;
    if (b->cap > HEAD_KEEP_BYTES)
        buf_fini(b);
    buf_clear(b);
    b->overflow = false;
    if (!is_method(r->method)) {
        outcome_set(t, CAUSE_INTERNAL, "the request has no usable method");
        return false;
    }
    add_target(b, t);
    add_usual(b, t);
    for (size_t i = 0; i < r->header_count; i++) {
        if (!add_header(b, r->headers[i])) {
            outcome_set(t, CAUSE_INTERNAL, "header %zu is malformed or not to be set", i + 1);
            return false;
        }
    }
    size_t body_len = 0;
    for (size_t i = 0; i < ARRAY_LEN(r->body); i++)
        body_len += r->body[i].len;
    if (body_len > 0 || str_eq(r->method, STR("POST"))) {
        buf_add_str(b, STR("Content-Length: "));
        buf_add_u64(b, body_len);
        buf_add_str(b, STR("\r\n"));
    }
    buf_add_str(b, STR("\r\n"));
    t->h1.total = b->len + body_len;
    if (b->overflow)
        outcome_set(t, CAUSE_INTERNAL, "the request's head is too long");
    return !b->overflow;
}
