/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a normalised URL apart on the way out. ssrf_parse_url has accepted it once; this refuses, rather than guesses
 * at, anything that function would not have written.
 */
#include "delivery/target.h"

static const char *read_port(struct str text, unsigned *port)
{
    uint64_t n;
    if (str_to_u64(text, &n) != ERR_OK || n == 0 || n > 65535)
        return "the URL's port is not a port";
    *port = (unsigned)n;
    return NULL;
}

static bool is_clean(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] >= 0x7f || s.ptr[i] == '\\')
            return false;
    return true;
}

const char *target_parse(struct str url, struct target *out)
{
    struct target t = {.https = false, .port = 80};
    if (!is_clean(url))
        return "the URL contains characters that do not belong there";
    if (str_starts(url, STR("https://"))) {
        t.https = true;
        t.port = 443;
    } else if (!str_starts(url, STR("http://"))) {
        return "the URL is neither http nor https";
    }
    struct str rest = str_skip(url, t.https ? 8 : 7);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    struct str authority = str_take(rest, end), port;
    if (str_find(authority, '@') < authority.len)
        return "the URL contains a user name";
    if (authority.len > 0 && authority.ptr[0] == '[') {
        size_t close = str_find(authority, ']');
        t.host = str_skip(str_take(authority, close), 1);
        port = str_skip(authority, close + 1);
    } else {
        size_t colon = str_find(authority, ':');
        t.host = str_take(authority, colon);
        port = str_skip(authority, colon);
    }
    if (t.host.len == 0 || t.host.len > 253)
        return "the URL has no host";
    if (port.len > 0) {
        const char *why = port.ptr[0] == ':' ? read_port(str_skip(port, 1), &t.port) : "the URL's host is malformed";
        if (why != NULL)
            return why;
    }
    *out = t;
    return NULL;
}
