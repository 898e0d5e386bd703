/* SPDX-License-Identifier: Apache-2.0 */
#include "console/console.h"

#include <stdio.h>

#include "api/api.h"
#include "metrics/metrics.h"

#define CSP_MAX     2048
#define HEADERS_MAX 12

struct headers {
    struct http_header items[HEADERS_MAX];
    size_t count;
};

static void add(struct headers *h, struct str name, struct str value)
{
    CHECK(h->count < HEADERS_MAX);
    h->items[h->count++] = (struct http_header){.name = name, .value = value};
}

/* The path itself, or below it. */
static bool is_below(struct str path, struct str page)
{
    return str_starts(path, page) && (path.len == page.len || path.ptr[page.len] == '/');
}

bool console_is_page(struct str path)
{
    static const char *const pages[] = {"/login", "/link", "/portal", "/app", "/settings", "/system"};
    if (str_eq(path, STR("/")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (is_below(path, str_c(pages[i])))
            return true;
    }
    return false;
}

bool console_etag_fits(struct str list, struct str etag)
{
    while (list.len > 0) {
        struct str tag = str_trim(str_split(&list, ','));
        if (str_starts(tag, STR("W/")))
            tag = str_skip(tag, 2);
        if (str_eq(tag, etag) || str_eq(tag, STR("*")))
            return true;
    }
    return false;
}

/* Whether a coding's parameters are a weight of zero: "q=0", "q=0.0". */
static bool is_refused(struct str parameters)
{
    struct str q = str_trim(parameters);
    if (!str_starts(q, STR("q=0")))
        return false;
    for (size_t i = 3; i < q.len; i++) {
        if (q.ptr[i] != '.' && q.ptr[i] != '0')
            return false;
    }
    return true;
}

bool console_takes_gzip(struct str accepted)
{
    bool any = accepted.ptr == NULL;
    while (accepted.len > 0) {
        struct str rest = str_split(&accepted, ',');
        struct str coding = str_trim(str_split(&rest, ';'));
        if (str_eq_nocase(coding, STR("gzip")))
            return !is_refused(rest);
        any = any || (str_eq(coding, STR("*")) && !is_refused(rest));
    }
    return any;
}

static const struct console_asset *find(struct str path)
{
    for (size_t i = 0; i < console_asset_count; i++) {
        if (str_eq(console_assets[i].path, path))
            return &console_assets[i];
    }
    return NULL;
}

/* What only documents need; csp has room for CSP_MAX. */
static void add_document_headers(const struct console_config *c, struct str path, char *csp, struct headers *h)
{
    bool portal = is_below(path, STR("/portal"));
    const char *ancestors = portal && c->frame_ancestors != NULL ? c->frame_ancestors : "'none'";
    snprintf(csp, CSP_MAX,
             "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
             "form-action 'self'; base-uri 'none'; frame-ancestors %s",
             ancestors);
    add(h, STR("Content-Security-Policy"), str_c(csp));
    add(h, STR("Cross-Origin-Opener-Policy"), STR("same-origin"));
    add(h, STR("Referrer-Policy"), STR("no-referrer"));
    add(h, STR("Cache-Control"), STR("no-store"));
    /* For browsers that do not know frame-ancestors; it cannot name origins. */
    if (str_eq(str_c(ancestors), STR("'none'")))
        add(h, STR("X-Frame-Options"), STR("DENY"));
}

static void respond(struct http_exchange *x, int status, const struct headers *h, struct str body)
{
    metrics_count_answer(status);
    http_respond(x, status, h->items, h->count, body);
}

static void respond_error(struct http_exchange *x, enum err e, const char *detail)
{
    struct buf out = BUF_INIT(4096);
    struct headers h = {0};
    add(&h, STR("Content-Type"), STR("application/json"));
    api_error_json(e, detail, &out);
    respond(x, err_http_status(e), &h, buf_str(&out));
    buf_fini(&out);
}

static void respond_asset(const struct console_config *c, struct http_exchange *x, const struct console_asset *a,
                          bool page)
{
    struct headers h = {0};
    char csp[CSP_MAX];
    struct str known = http_exchange_header(x, STR("If-None-Match"));
    add(&h, STR("Content-Type"), a->type);
    add(&h, STR("X-Content-Type-Options"), STR("nosniff"));
    add(&h, STR("Cross-Origin-Resource-Policy"), STR("same-origin"));
    add(&h, STR("ETag"), a->etag);
    if (c->https)
        add(&h, STR("Strict-Transport-Security"), STR("max-age=31536000"));
    if (page)
        add_document_headers(c, http_exchange_request(x)->path, csp, &h);
    else
        add(&h, STR("Cache-Control"), STR("public, max-age=31536000, immutable"));
    if (a->gzip) {
        add(&h, STR("Vary"), STR("Accept-Encoding"));
        add(&h, STR("Content-Encoding"), STR("gzip"));
    }
    if (!page && known.ptr != NULL && console_etag_fits(known, a->etag))
        respond(x, 304, &h, STR(""));
    else
        respond(x, 200, &h, a->body);
}

bool console_answer(const struct console_config *c, struct http_exchange *x)
{
    const struct http_request *q = http_exchange_request(x);
    bool page = console_is_page(q->path);
    if (console_asset_count == 0 || (!page && !str_starts(q->path, STR("/assets/"))))
        return false;
    const struct console_asset *a = find(page ? STR("/") : q->path);
    if (a == NULL)
        respond_error(x, ERR_NOT_FOUND, NULL);
    else if (q->method != HTTP_M_GET && q->method != HTTP_M_HEAD)
        respond_error(x, ERR_METHOD, NULL);
    else if (a->gzip && !console_takes_gzip(http_exchange_header(x, STR("Accept-Encoding"))))
        respond_error(x, ERR_NOT_FOUND, "this file is only here compressed: allow Accept-Encoding: gzip");
    else
        respond_asset(c, x, a, page);
    return true;
}
