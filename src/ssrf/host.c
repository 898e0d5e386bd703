/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts. The order matters: percent-decoding, then IDNA (UTS 46, which can turn other scripts' digits and dots into
 * ASCII ones), then the check for an address, so that no layer can hide an address from the one below. A name whose
 * last label is a number is an address or nothing (WHATWG URL, "ends in a number"), as inet_aton and every resolver see
 * it.
 */
#include "ssrf/host.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <netinet/in.h>
#include <stdlib.h>

struct reading {
    char text[3 * SSRF_HOST_SIZE]; /* UTF-8 before IDNA may be longer than what it becomes */
    size_t len;
};

static enum err refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return ERR_INVALID;
}

static enum err decode_percent(struct str raw, struct reading *r, const char **why)
{
    r->len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int high = raw.len - i > 2 ? str_hex_digit(raw.ptr[i + 1]) : -1;
            int low = raw.len - i > 2 ? str_hex_digit(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return refuse(why, "The host of the URL has a '%' that is not followed by two hexadecimal digits.");
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (r->len + 1 >= sizeof r->text)
            return refuse(why, "The host name of the URL is too long.");
        r->text[r->len++] = c;
    }
    r->text[r->len] = '\0';
    if (memchr(r->text, '\0', r->len) != NULL || !str_is_utf8(str_of(r->text, r->len)))
        return refuse(why, "The host name of the URL has characters that no host name can have.");
    return ERR_OK;
}

static bool wants_idna(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80 || str_starts_nocase(str_skip(s, i), STR("xn--")))
            return true;
    return false;
}

static enum err convert_idna(struct reading *r, const char **why)
{
    if (!wants_idna(str_of(r->text, r->len)))
        return ERR_OK;
    uint8_t *ascii = NULL;
    int rc = idn2_lookup_u8((const uint8_t *)r->text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK || strlen((char *)ascii) >= sizeof r->text) {
        idn2_free(ascii);
        return refuse(why, "The host name of the URL is not a valid international domain name.");
    }
    r->len = strlen((char *)ascii);
    memcpy(r->text, ascii, r->len + 1);
    idn2_free(ascii);
    return ERR_OK;
}

/* Lower case, no trailing dot, only what a host name is made of. */
static enum err clean_name(struct reading *r, const char **why)
{
    if (r->len > 1 && r->text[r->len - 1] == '.')
        r->text[--r->len] = '\0';
    if (r->len == 0)
        return refuse(why, "The URL names no host.");
    if (r->len >= SSRF_HOST_SIZE)
        return refuse(why, "The host name of the URL is too long.");
    size_t label = 0;
    for (size_t i = 0; i <= r->len; i++) {
        char c = r->text[i];
        if (c == '.' || c == '\0') {
            if (label == 0)
                return refuse(why, "The host name of the URL has an empty part between two dots.");
            if (label > 63)
                return refuse(why, "A part of the host name of the URL is longer than 63 characters.");
            label = 0;
            continue;
        }
        if (c >= 'A' && c <= 'Z')
            r->text[i] = c = (char)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return refuse(why, "The host name of the URL has characters that no host name can have.");
        label++;
    }
    return ERR_OK;
}

static bool is_number(struct str label)
{
    if (str_starts(label, STR("0x"))) {
        for (size_t i = 2; i < label.len; i++)
            if (str_hex_digit(label.ptr[i]) < 0)
                return false;
        return true;
    }
    for (size_t i = 0; i < label.len; i++)
        if (label.ptr[i] < '0' || label.ptr[i] > '9')
            return false;
    return label.len > 0;
}

/* Decimal, octal behind 0, hexadecimal behind 0x; at most 32 bits. */
static bool read_number(struct str label, uint64_t *out)
{
    unsigned base = 10;
    uint64_t v = 0;
    if (str_starts(label, STR("0x"))) {
        base = 16;
        label = str_skip(label, 2);
    } else if (label.len > 1 && label.ptr[0] == '0') {
        base = 8;
        label = str_skip(label, 1);
    }
    if (label.len == 0)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        int digit = str_hex_digit(label.ptr[i]);
        if (digit < 0 || (unsigned)digit >= base)
            return false;
        v = v * base + (unsigned)digit;
        if (v > UINT32_MAX)
            return false;
    }
    *out = v;
    return true;
}

/* One to four numbers; the last fills all bytes that are left. */
static bool read_v4(struct str name, uint32_t *out)
{
    uint64_t address = 0;
    for (unsigned part = 0; part < 4; part++) {
        uint64_t v;
        struct str rest = name;
        struct str label = str_split(&rest, '.');
        bool last = label.len == name.len;
        unsigned bytes = last ? 4 - part : 1;
        if (!read_number(label, &v) || v >> (8 * bytes) != 0)
            return false;
        address = address << (8 * bytes) | v;
        if (last) {
            *out = (uint32_t)address;
            return true;
        }
        name = rest;
    }
    return false;
}

static struct str last_label(struct str name)
{
    size_t at = name.len;
    while (at > 0 && name.ptr[at - 1] != '.')
        at--;
    return str_skip(name, at);
}

static enum err take_v4(const struct ssrf_policy *p, uint32_t address, struct ssrf_host *out, const char **why)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    const char *denied = ssrf_address_sentence(p, (const struct sockaddr *)&in);
    if (denied != NULL)
        return refuse(why, denied);
    inet_ntop(AF_INET, &in.sin_addr, out->text, sizeof out->text);
    out->is_literal = true;
    out->is_v6 = false;
    return ERR_OK;
}

static enum err parse_v6(const struct ssrf_policy *p, struct str raw, struct ssrf_host *out, const char **why)
{
    char z[INET6_ADDRSTRLEN];
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (raw.ptr[raw.len - 1] != ']')
        return refuse(why, "The URL has an IPv6 address whose closing bracket is missing.");
    raw = str_of(raw.ptr + 1, raw.len - 2);
    if (str_find(raw, '%') < raw.len)
        return refuse(why, "An IPv6 address in a URL must not have a zone.");
    if (raw.len >= sizeof z || memchr(raw.ptr, '\0', raw.len) != NULL)
        return refuse(why, "The URL has brackets around something that is not an IPv6 address.");
    memcpy(z, raw.ptr, raw.len);
    z[raw.len] = '\0';
    if (inet_pton(AF_INET6, z, &in6.sin6_addr) != 1)
        return refuse(why, "The URL has brackets around something that is not an IPv6 address.");
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        uint32_t v4;
        memcpy(&v4, &in6.sin6_addr.s6_addr[12], sizeof v4);
        return take_v4(p, ntohl(v4), out, why);
    }
    const char *denied = ssrf_address_sentence(p, (const struct sockaddr *)&in6);
    if (denied != NULL)
        return refuse(why, denied);
    inet_ntop(AF_INET6, &in6.sin6_addr, out->text, sizeof out->text);
    out->is_literal = out->is_v6 = true;
    return ERR_OK;
}

enum lifted_by { BY_NOTHING, BY_LOOPBACK, BY_INSIDE };

/* Names that public DNS never answers for (RFC 6761, RFC 6762, RFC 7686, RFC 8375, ICANN's .internal). */
static const struct reserved {
    const char *suffix;
    enum lifted_by lifted;
    const char *sentence;
} reserved_names[] = {
        {"localhost", BY_LOOPBACK, "The URL leads to this machine (localhost), which may not be reached."},
        {"localdomain", BY_LOOPBACK, "The URL leads to this machine (localdomain), which may not be reached."},
        {"local", BY_INSIDE, "The URL has a name of the local network (.local), which may not be reached."},
        {"internal", BY_INSIDE, "The URL has a name of an internal network (.internal), which may not be reached."},
        {"home.arpa", BY_INSIDE, "The URL has a name of a home network (.home.arpa), which may not be reached."},
        {"onion", BY_NOTHING, "The URL has a Tor name (.onion), which cannot be reached."},
};

static bool is_or_under(struct str name, struct str suffix)
{
    return str_ends(name, suffix) && (name.len == suffix.len || name.ptr[name.len - suffix.len - 1] == '.');
}

static enum err check_name(const struct ssrf_policy *p, struct str name, const char **why)
{
    if (str_eq(name, STR("localhost")) && ssrf_allows_loopback(p))
        return ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(reserved_names); i++) {
        const struct reserved *r = &reserved_names[i];
        if (!is_or_under(name, str_c(r->suffix)))
            continue;
        bool lifted = (r->lifted == BY_LOOPBACK && ssrf_allows_loopback(p)) ||
                      (r->lifted == BY_INSIDE && ssrf_allows_inside(p));
        if (!lifted)
            return refuse(why, r->sentence);
    }
    if (str_find(name, '.') == name.len)
        return refuse(why, "The host name of the URL has no dot: write the full domain name.");
    return ERR_OK;
}

enum err ssrf_host_parse(const struct ssrf_policy *p, struct str raw, struct ssrf_host *out, const char **why)
{
    struct reading r;
    uint32_t v4;
    enum err e;
    if (raw.len == 0)
        return refuse(why, "The URL names no host.");
    if (raw.ptr[0] == '[')
        return parse_v6(p, raw, out, why);
    if ((e = decode_percent(raw, &r, why)) != ERR_OK || (e = convert_idna(&r, why)) != ERR_OK ||
        (e = clean_name(&r, why)) != ERR_OK)
        return e;
    struct str name = str_of(r.text, r.len);
    if (is_number(last_label(name))) {
        if (!read_v4(name, &v4))
            return refuse(why, "The host of the URL ends in a number but is not an IPv4 address.");
        return take_v4(p, v4, out, why);
    }
    if ((e = check_name(p, name, why)) != ERR_OK)
        return e;
    memcpy(out->text, r.text, r.len + 1);
    out->is_literal = out->is_v6 = false;
    return ERR_OK;
}
