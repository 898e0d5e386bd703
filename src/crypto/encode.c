/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as text: hex and the two base64 alphabets of RFC 4648. Decoding is strict: no white space, nothing behind the
 * padding, unused bits are zero, so that one byte string has one text.
 */
#include "crypto/crypto.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void crypto_hex(struct str in, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    char *to = in.len > SIZE_MAX / 2 ? NULL : buf_reserve(out, in.len * 2);
    if (to == NULL)
        return;
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    out->len += in.len * 2;
}

enum err crypto_unhex(struct str in, struct buf *out)
{
    if (in.len % 2 != 0)
        return ERR_INVALID;
    char *to = buf_reserve(out, in.len / 2);
    if (to == NULL)
        return ERR_INVALID;
    for (size_t i = 0; i < in.len; i += 2) {
        int high = str_hex_digit(in.ptr[i]), low = str_hex_digit(in.ptr[i + 1]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        to[i / 2] = (char)(high << 4 | low);
    }
    out->len += in.len / 2;
    return ERR_OK;
}

static void encode_base64(struct str in, const char *alphabet, bool pad, struct buf *out)
{
    size_t groups = in.len / 3, rest = in.len % 3;
    size_t len = groups * 4 + (rest == 0 ? 0 : pad ? 4 : rest + 1);
    char *to = in.len > SIZE_MAX / 2 ? NULL : buf_reserve(out, len);
    const unsigned char *from = (const unsigned char *)in.ptr;
    if (to == NULL)
        return;
    for (; groups > 0; groups--, from += 3) {
        uint32_t v = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *to++ = alphabet[v >> shift & 63];
    }
    if (rest > 0) {
        uint32_t v = (uint32_t)from[0] << 16 | (rest == 2 ? (uint32_t)from[1] << 8 : 0);
        *to++ = alphabet[v >> 18 & 63];
        *to++ = alphabet[v >> 12 & 63];
        if (rest == 2)
            *to++ = alphabet[v >> 6 & 63];
        for (size_t i = rest; pad && i < 3; i++)
            *to++ = '=';
    }
    out->len += len;
}

void crypto_base64(struct str in, struct buf *out)
{
    encode_base64(in, base64_alphabet, true, out);
}

void crypto_base64url(struct str in, struct buf *out)
{
    encode_base64(in, base64url_alphabet, false, out);
}

/* 0..63, or -1; c62 and c63 are the two characters in which the alphabets differ. */
static int base64_value(char c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == c62)
        return 62;
    return c == c63 ? 63 : -1;
}

/* `in` without padding. */
static enum err decode_base64(struct str in, char c62, char c63, struct buf *out)
{
    size_t len = in.len / 4 * 3 + (in.len % 4 == 0 ? 0 : in.len % 4 - 1), written = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    if (in.len % 4 == 1)
        return ERR_INVALID;
    char *to = buf_reserve(out, len);
    if (to == NULL)
        return ERR_INVALID;
    for (size_t i = 0; i < in.len; i++) {
        int v = base64_value(in.ptr[i], c62, c63);
        if (v < 0)
            return ERR_INVALID;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        to[written++] = (char)(bits >> have & 255);
        bits &= (1u << have) - 1;
    }
    if (bits != 0)
        return ERR_INVALID;
    CHECK(written == len);
    out->len += len;
    return ERR_OK;
}

enum err crypto_unbase64(struct str in, struct buf *out)
{
    size_t pad = 0;
    while (pad < 2 && in.len > pad && in.ptr[in.len - 1 - pad] == '=')
        pad++;
    if (pad > 0 && in.len % 4 != 0)
        return ERR_INVALID;
    in.len -= pad;
    return decode_base64(in, '+', '/', out);
}

enum err crypto_unbase64url(struct str in, struct buf *out)
{
    return decode_base64(in, '-', '_', out);
}
