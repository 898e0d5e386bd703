/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys. 40 base62 characters are 238 random bits, so that a plain digest of a key cannot be searched backwards and
 * is what the store keeps.
 */
#include "auth/auth.h"
#include "crypto/crypto.h"

#define KEY_RANDOM_LEN 40

void auth_key_generate(struct buf *out)
{
    buf_add_str(out, STR("prk_"));
    crypto_random_base62(KEY_RANDOM_LEN, out);
}

void auth_key_hash(struct str key, struct buf *out)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    crypto_sha256(key, digest);
    crypto_hex(str_of((const char *)digest, sizeof digest), out);
}
