/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/totp.h"

#include <stdio.h>

#include "crypto/crypto.h"

#define DIGITS  6
#define MODULUS 1000000

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

uint32_t totp_value(struct str secret, int64_t step)
{
    unsigned char counter[8], mac[CRYPTO_MAC_MAX];
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA1, secret);
    CHECK(s != NULL);
    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
    struct str part = str_of((const char *)counter, sizeof counter);
    size_t len = crypto_sign(s, &part, 1, mac);
    crypto_signer_free(s);
    const unsigned char *at = mac + (mac[len - 1] & 0x0f);
    return ((uint32_t)at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int64_t totp_check(struct str secret, struct str code, int64_t now_ms, int64_t used)
{
    int64_t now = now_ms / TOTP_STEP_MS, found = 0;
    if (secret.len == 0 || code.len != DIGITS)
        return 0;
    for (int64_t step = now - 1; step <= now + 1; step++) {
        char want[16];
        snprintf(want, sizeof want, "%0*u", DIGITS, totp_value(secret, step) % MODULUS);
        if (crypto_equal(str_c(want), code) && step > used && found == 0)
            found = step;
    }
    return found;
}

void totp_base32(struct str bytes, struct buf *out)
{
    unsigned acc = 0, bits = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        acc = acc << 8 | (unsigned char)bytes.ptr[i];
        for (bits += 8; bits >= 5; bits -= 5)
            buf_add_c(out, alphabet[acc >> (bits - 5) & 31]);
        acc &= (1u << bits) - 1;
    }
    if (bits > 0)
        buf_add_c(out, alphabet[acc << (5 - bits) & 31]);
}

enum err totp_unbase32(struct str text, struct buf *out)
{
    unsigned acc = 0, bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] != '\0' ? strchr(alphabet, text.ptr[i]) : NULL;
        if (at == NULL)
            return ERR_INVALID;
        acc = acc << 5 | (unsigned)(at - alphabet);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            buf_add_c(out, (char)(acc >> bits & 0xff));
            acc &= (1u << bits) - 1;
        }
    }
    return ERR_OK;
}
