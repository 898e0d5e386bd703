/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs (RFC 3986), strictly: scheme "://" host [":" port] [path] ["?" query]. What two parsers could read differently
 * is refused, so that what was checked is what is connected to.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "ssrf/host.h"

struct parts {
    bool https;
    struct str host;
    struct str port; /* null: none written */
    struct str rest; /* path and query */
};

static enum err refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return ERR_INVALID;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What no part of a URL may hold. */
static enum err check_bytes(struct str url, const char **why)
{
    if (url.len == 0)
        return refuse(why, "The URL is empty.");
    if (url.len > SSRF_URL_MAX)
        return refuse(why, "The URL is longer than 4096 characters.");
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c == ' ')
            return refuse(why, "The URL must not have spaces: write %20.");
        if (c < 0x20 || c == 0x7f)
            return refuse(why, "The URL must not have control characters or line breaks.");
        if (c == '\\')
            return refuse(why, "The URL must not have a backslash.");
        if (c == '#')
            return refuse(why, "The URL must not have a fragment (#).");
        if (strchr("\"<>^`{|}", c) != NULL)
            return refuse(why, "The URL has a character that must be percent-encoded: one of \" < > ^ ` { | }.");
    }
    if (!str_is_utf8(url))
        return refuse(why, "The URL has bytes that are not UTF-8.");
    return ERR_OK;
}

static enum err split_scheme(const struct ssrf_policy *p, struct str *url, bool *https, const char **why)
{
    size_t colon = str_find(*url, ':');
    struct str scheme = str_take(*url, colon);
    *https = str_eq_nocase(scheme, STR("https"));
    if (colon == url->len || str_find(scheme, '/') < scheme.len || str_find(scheme, '.') < scheme.len)
        return refuse(why, p->https_only ? "The URL must begin with https://."
                                         : "The URL must begin with https:// or http://.");
    if (!*https && !str_eq_nocase(scheme, STR("http")))
        return refuse(why, "The URL must begin with https://; other schemes are not supported.");
    if (!*https && p->https_only)
        return refuse(why, "The URL must begin with https://: unencrypted http is not allowed here.");
    *url = str_skip(*url, colon + 1);
    if (!str_starts(*url, STR("//")) || str_starts(*url, STR("///")))
        return refuse(why, "The URL must have exactly two slashes before the host.");
    *url = str_skip(*url, 2);
    return ERR_OK;
}

static enum err split_authority(struct str *url, struct parts *out, const char **why)
{
    size_t end = 0;
    while (end < url->len && url->ptr[end] != '/' && url->ptr[end] != '?')
        end++;
    struct str authority = str_take(*url, end);
    out->rest = str_skip(*url, end);
    out->port = STR_NULL;
    if (str_find(authority, '@') < authority.len)
        return refuse(why, "The URL must not have a user name or password: use a custom header.");
    size_t host_end;
    if (str_starts(authority, STR("["))) {
        host_end = str_find(authority, ']') + 1;
        if (host_end > authority.len)
            return refuse(why, "The URL has an IPv6 address whose closing bracket is missing.");
    } else {
        host_end = str_find(authority, ':');
    }
    out->host = str_take(authority, host_end);
    struct str behind = str_skip(authority, host_end);
    if (behind.len == 0)
        return ERR_OK;
    if (behind.ptr[0] != ':')
        return refuse(why, "The URL has something between its IPv6 address and the port.");
    out->port = str_skip(behind, 1);
    if (str_find(out->port, ':') < out->port.len)
        return refuse(why, "The URL has more than one ':' in its host: write an IPv6 address in brackets.");
    return ERR_OK;
}

static enum err read_port(const struct parts *parts, unsigned *port, const char **why)
{
    uint64_t v;
    *port = parts->https ? 443 : 80;
    if (parts->port.ptr == NULL)
        return ERR_OK;
    if (parts->port.len > 5 || str_to_u64(parts->port, &v) != ERR_OK || v < 1 || v > 65535)
        return refuse(why, "The port of the URL must be a number from 1 to 65535.");
    *port = (unsigned)v;
    return ERR_OK;
}

static enum err check_rest(struct str rest, const char **why)
{
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] == '%' && !(rest.len - i > 2 && is_hex(rest.ptr[i + 1]) && is_hex(rest.ptr[i + 2])))
            return refuse(why, "The URL has a '%' that is not followed by two hexadecimal digits: write %25.");
    return ERR_OK;
}

static char *write_normal(const struct parts *parts, const struct ssrf_host *host, unsigned port)
{
    struct buf b = BUF_INIT(3 * SSRF_URL_MAX + SSRF_HOST_SIZE);
    buf_add_str(&b, parts->https ? STR("https://") : STR("http://"));
    buf_addf(&b, host->is_v6 ? "[%s]" : "%s", host->text);
    if (port != (parts->https ? 443u : 80u))
        buf_addf(&b, ":%u", port);
    if (!str_starts(parts->rest, STR("/")))
        buf_add_c(&b, '/');
    for (size_t i = 0; i < parts->rest.len; i++) {
        unsigned char c = (unsigned char)parts->rest.ptr[i];
        if (c >= 0x80)
            buf_addf(&b, "%%%02X", c);
        else
            buf_add_c(&b, (char)c);
    }
    CHECK(!b.overflow);
    return buf_take(&b, NULL);
}

enum err ssrf_parse_url(const struct ssrf_policy *p, struct str url, struct ssrf_url *out, const char **why)
{
    struct parts parts;
    struct ssrf_host host;
    unsigned port;
    enum err e;
    if ((e = check_bytes(url, why)) != ERR_OK || (e = split_scheme(p, &url, &parts.https, why)) != ERR_OK ||
        (e = split_authority(&url, &parts, why)) != ERR_OK ||
        (e = ssrf_host_parse(p, parts.host, &host, why)) != ERR_OK || (e = read_port(&parts, &port, why)) != ERR_OK ||
        (e = check_rest(parts.rest, why)) != ERR_OK)
        return e;
    *out = (struct ssrf_url){
            .normal = write_normal(&parts, &host, port),
            .https = parts.https,
            .host = mem_strndup(host.text, strlen(host.text)),
            .port = port,
            .is_literal = host.is_literal,
    };
    return ERR_OK;
}

void ssrf_url_fini(struct ssrf_url *u)
{
    if (u == NULL)
        return;
    free(u->normal);
    free(u->host);
    *u = (struct ssrf_url){.normal = NULL};
}
