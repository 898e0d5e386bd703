/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings go sixteen or eight bytes at a time until a byte that is special: a quote, a backslash, a control character
 * or the first byte of a longer UTF-8 sequence.
 */
#include "json/lex.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "json/utf8.h"

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

static uint64_t load_word(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#if defined(__SSE2__)
/* How many of the next sixteen bytes are plain. */
static unsigned plain_of_16(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i special = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)); /* from 0x80 on they are negative */
    special = _mm_or_si128(special, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(special) | 0x10000u);
}
#endif

size_t json_plain_run(const char *p, const char *end)
{
    const char *from = p;
#if defined(__SSE2__)
    while (end - p >= 16) {
        unsigned n = plain_of_16(p);
        p += n;
        if (n < 16)
            return (size_t)(p - from);
    }
#endif
    while (end - p >= 8) {
        uint64_t x = load_word(p);
        /* A borrow can only mark a byte above one that is special itself, so the lowest mark is exact. */
        uint64_t special = ((x - ONES * 0x20) | ((x ^ (ONES * '"')) - ONES) | ((x ^ (ONES * '\\')) - ONES) | x) & HIGHS;
        if (special != 0)
            return (size_t)(p - from) + (size_t)(__builtin_ctzll(special) >> 3);
        p += 8;
    }
    while (p < end && is_plain((unsigned char)*p))
        p++;
    return (size_t)(p - from);
}

/* The cursor is on a backslash. */
static bool lex_escape(struct json_lex *lx)
{
    lx->p++;
    char c = json_lex_peek(lx);
    if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL) {
        lx->p++;
        return true;
    }
    if (c != 'u')
        return json_lex_fail(lx, "not an escape: write \\\\ for a backslash");
    lx->p++;
    for (int i = 0; i < 4; i++) {
        if (str_hex_digit(json_lex_peek(lx)) < 0)
            return json_lex_fail(lx, "\\u needs four hexadecimal digits");
        lx->p++;
    }
    return true;
}

bool json_lex_string(struct json_lex *lx, struct json_slice *out)
{
    const char *from = lx->p;
    bool escaped = false;
    for (lx->p++;;) {
        lx->p += json_plain_run(lx->p, lx->end);
        if (lx->p == lx->end)
            return json_lex_fail(lx, "unexpected end");
        unsigned char c = (unsigned char)*lx->p;
        if (c == '"') {
            lx->p++;
            *out = (struct json_slice){JSON_STRING, escaped, str_of(from, (size_t)(lx->p - from))};
            return true;
        }
        if (c == '\\') {
            escaped = true;
            if (!lex_escape(lx))
                return false;
            continue;
        }
        if (c < 0x20)
            return json_lex_fail(lx, "a control character in a string must be escaped");
        while (lx->p < lx->end && (unsigned char)*lx->p >= 0x80) {
            size_t n;
            bool good = utf8_step(lx->p, (size_t)(lx->end - lx->p), &n);
            lx->p += n;
            if (!good)
                return json_lex_fail(lx, "not UTF-8");
        }
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One or more digits. */
static bool lex_digits(struct json_lex *lx)
{
    if (!is_digit(json_lex_peek(lx)))
        return json_lex_fail(lx, "a digit is missing");
    while (lx->p < lx->end && is_digit(*lx->p))
        lx->p++;
    return true;
}

static bool lex_number(struct json_lex *lx)
{
    if (*lx->p == '-')
        lx->p++;
    if (json_lex_peek(lx) == '0') {
        lx->p++;
        if (is_digit(json_lex_peek(lx)))
            return json_lex_fail(lx, "a number has no leading zero");
    } else if (!lex_digits(lx)) {
        return false;
    }
    if (json_lex_peek(lx) == '.') {
        lx->p++;
        if (!lex_digits(lx))
            return false;
    }
    if (json_lex_peek(lx) == 'e' || json_lex_peek(lx) == 'E') {
        lx->p++;
        if (json_lex_peek(lx) == '+' || json_lex_peek(lx) == '-')
            lx->p++;
        if (!lex_digits(lx))
            return false;
    }
    return true;
}

static bool lex_word(struct json_lex *lx, const char *word)
{
    for (; *word != '\0'; word++, lx->p++)
        if (json_lex_peek(lx) != *word)
            return json_lex_fail(lx, "expected a value");
    return true;
}

bool json_lex_scalar(struct json_lex *lx, struct json_slice *out)
{
    const char *from = lx->p;
    enum json_type type;
    bool good;
    char c = json_lex_peek(lx);
    if (c == '"')
        return json_lex_string(lx, out);
    if (c == '-' || is_digit(c)) {
        type = JSON_NUMBER;
        good = lex_number(lx);
    } else if (c == 't') {
        type = JSON_TRUE;
        good = lex_word(lx, "true");
    } else if (c == 'f') {
        type = JSON_FALSE;
        good = lex_word(lx, "false");
    } else if (c == 'n') {
        type = JSON_NULL;
        good = lex_word(lx, "null");
    } else {
        return json_lex_fail(lx, "expected a value");
    }
    if (good)
        *out = (struct json_slice){type, false, str_of(from, (size_t)(lx->p - from))};
    return good;
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++)
        v = v * 16 + (unsigned)str_hex_digit(p[i]);
    return v;
}

static size_t encode_utf8(unsigned cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

size_t json_lex_escape(const char **p, const char *end, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = (*p)[1];
    *p += 2;
    if (c != 'u') {
        const char *at = strchr(from, c);
        out[0] = at != NULL ? to[at - from] : c;
        return 1;
    }
    unsigned cp = hex4(*p);
    *p += 4;
    if (cp >= 0xd800 && cp < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned low = hex4(*p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *p += 6;
            return encode_utf8(0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00), out);
        }
    }
    return encode_utf8(cp >= 0xd800 && cp < 0xe000 ? 0xfffd : cp, out);
}

bool json_lex_equals(struct json_slice v, struct str text)
{
    struct str plain = json_plain(v);
    if (!v.escaped)
        return str_eq(plain, text);
    const char *p = plain.ptr, *end = plain.ptr + plain.len;
    while (p < end) {
        char one[4] = {*p};
        size_t n = 1;
        if (*p == '\\')
            n = json_lex_escape(&p, end, one);
        else
            p++;
        if (!str_starts(text, str_of(one, n)))
            return false;
        text = str_skip(text, n);
    }
    return text.len == 0;
}
