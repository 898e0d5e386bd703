/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/header.h"

/* Lower case; a trailing '*' stands for anything. API.md, section 1. */
static const char *const refused[] = {
        "connection", "keep-alive", "proxy-*", "te",     "trailer",  "transfer-encoding", "upgrade",       "host",
        "content-*",  "user-agent", "cookie",  "expect", "x-amz-*",  "x-amzn-*",          "x-google*",     "x-goog*",
        "x-gfe*",     "x-azure-*",  "x-fd-*",  "svix-*", "x-svix-*", "webhook-*",         "http2-settings"};

static const char *const sensitive[] = {"authorization", "x-api-key", "x-auth-token", "x-access-token", "api-key",
                                        "apikey",        "*cookie*",  "*secret*",     "*password*",     "*-token"};

bool header_name_fits(struct str pattern, struct str name)
{
    bool head = pattern.ptr[0] == '*', tail = pattern.ptr[pattern.len - 1] == '*';
    struct str word = str_of(pattern.ptr + head, pattern.len - head - tail);
    if (!head && !tail)
        return str_eq_nocase(word, name);
    if (word.len > name.len)
        return false;
    if (!head)
        return str_starts_nocase(name, word);
    for (size_t i = tail ? 0 : name.len - word.len; i + word.len <= name.len; i++) {
        if (str_eq_nocase(str_of(name.ptr + i, word.len), word))
            return true;
    }
    return false;
}

bool header_is_sensitive(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(sensitive); i++) {
        if (header_name_fits(str_c(sensitive[i]), name))
            return true;
    }
    return false;
}

static bool is_refused(const struct profile *profile, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (header_name_fits(str_c(refused[i]), name))
            return true;
    }
    return profile != NULL && profile_owns_header(profile, name);
}

bool header_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return name.len > 0 && name.len <= 256;
}

bool header_is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

const char *header_refusal(const struct profile *profile, struct str name, struct str value)
{
    if (!header_is_name(name))
        return "is not a header name";
    if (is_refused(profile, name))
        return "is a header that cannot be set";
    if (value.len > HEADER_VALUE_MAX)
        return "must have a value of at most 4096 bytes";
    return header_is_value(value) ? NULL : "must have a value without control characters";
}
