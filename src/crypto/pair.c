/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/pair.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#define DER_MAX      4096
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX (8 * CRYPTO_MAC_MAX)

static bool is_p256(const EVP_PKEY *key)
{
    char name[32];
    size_t len = 0;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, name, sizeof name, &len) == 1 &&
           strcmp(name, "prime256v1") == 0;
}

static bool is_rsa(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

/* The key, if it is one of this kind. */
static EVP_PKEY *keep(enum crypto_mac mac, EVP_PKEY *key)
{
    ERR_clear_error();
    if (key != NULL && (mac == CRYPTO_RSA ? is_rsa(key) : is_p256(key)))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *pair_private(enum crypto_mac mac, struct str der)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    return keep(mac, der.len > 0 && der.len < DER_MAX ? d2i_AutoPrivateKey(NULL, &at, (long)der.len) : NULL);
}

EVP_PKEY *pair_public(enum crypto_mac mac, struct str der)
{
    const unsigned char *at = (const unsigned char *)der.ptr, *again = at;
    if (der.len == 0 || der.len >= DER_MAX)
        return NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.len);
    if (key == NULL && mac == CRYPTO_RSA) /* PKCS #1: "RSA PUBLIC KEY" */
        key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &again, (long)der.len);
    return keep(mac, key);
}

enum err crypto_der_public(enum crypto_mac mac, struct str private_key, struct buf *out)
{
    EVP_PKEY *key = pair_private(mac, private_key);
    unsigned char *der = NULL;
    int len = key != NULL ? i2d_PUBKEY(key, &der) : 0;
    if (len > 0)
        buf_add(out, der, (size_t)len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return len > 0 ? ERR_OK : ERR_INVALID;
}

bool crypto_der_is_public(enum crypto_mac mac, struct str public_key)
{
    EVP_PKEY *key = pair_public(mac, public_key);
    bool good = key != NULL;
    EVP_PKEY_free(key);
    return good;
}
