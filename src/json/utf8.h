/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step through UTF-8 (RFC 3629, table 3-7 of the Unicode standard): no overlongs, no surrogates, at most U+10FFFF.
 */
#ifndef PR_JSON_UTF8_H
#define PR_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Looks at the sequence that begins at p (left >= 1 bytes are there). Well-formed: true and its length 1..4 in *n.
 * Otherwise false and in *n how many of its first bytes still fit, 0..3.
 */
static inline bool utf8_step(const char *p, size_t left, size_t *n)
{
    const unsigned char *b = (const unsigned char *)p;
    unsigned char lo = 0x80, hi = 0xbf;
    size_t len;
    if (b[0] < 0x80) {
        *n = 1;
        return true;
    }
    if (b[0] >= 0xc2 && b[0] <= 0xdf) {
        len = 2;
    } else if ((b[0] & 0xf0) == 0xe0) {
        len = 3;
        lo = b[0] == 0xe0 ? 0xa0 : 0x80;
        hi = b[0] == 0xed ? 0x9f : 0xbf;
    } else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
        len = 4;
        lo = b[0] == 0xf0 ? 0x90 : 0x80;
        hi = b[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        *n = 0;
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (i >= left || b[i] < lo || b[i] > hi) {
            *n = i;
            return false;
        }
        lo = 0x80;
        hi = 0xbf;
    }
    *n = len;
    return true;
}

#endif
