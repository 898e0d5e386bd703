/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/letter.h"

/* What may stand in an address without quotes (RFC 5322, atext), and dots. */
static bool is_local(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool dot = c == '.' && i > 0 && i + 1 < s.len && s.ptr[i - 1] != '.';
        if (!plain && !dot && (c == '\0' || strchr("!#$%&'*+/=?^_`{|}~-", c) == NULL))
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

static bool is_domain(struct str s)
{
    bool start = true;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (start || (c != '-' && c != '.')))
            return false;
        start = c == '.';
    }
    return s.len > 0 && !start;
}

static bool is_address(struct str s)
{
    struct str rest = s, local = str_split(&rest, '@');
    return s.len <= MAIL_ADDRESS_MAX && is_local(local) && is_domain(rest);
}

/* "\"Lovelace, \\\"Ada\\\"\"" without its quotes. */
static struct str unquote(struct arena *a, struct str name)
{
    if (name.len < 2 || name.ptr[0] != '"' || name.ptr[name.len - 1] != '"')
        return arena_str(a, name);
    char *out = arena_alloc(a, name.len);
    size_t n = 0;
    for (size_t i = 1; i + 1 < name.len; i++) {
        if (name.ptr[i] == '\\' && i + 2 < name.len)
            i++;
        out[n++] = name.ptr[i];
    }
    return str_of(out, n);
}

enum err mail_address_parse(struct arena *a, struct str text, struct mail_address *out)
{
    struct mail_address m = {.address = str_trim(text)};
    size_t open = m.address.len;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return ERR_INVALID;
    if (open > 0 && m.address.ptr[open - 1] == '>') {
        while (open > 0 && m.address.ptr[open - 1] != '<')
            open--;
        if (open == 0)
            return ERR_INVALID;
        m.name = str_trim(str_take(m.address, open - 1));
        m.address = str_of(m.address.ptr + open, m.address.len - open - 1);
    }
    if (!is_address(m.address) || m.name.len > MAIL_NAME_MAX || !str_is_utf8(m.name))
        return ERR_INVALID;
    m.address = arena_str(a, m.address);
    m.name = m.name.len > 0 ? unquote(a, m.name) : STR_NULL;
    *out = m;
    return ERR_OK;
}
