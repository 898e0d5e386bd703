/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/rs256.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define BITS_MIN 2048

/* A password would have to be asked for; there is nobody to ask. */
static int on_password(char *to, int size, int writing, void *arg)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *read_key(struct str text)
{
    EVP_PKEY *key = NULL;
    if (text.len == 0 || text.len > INT32_MAX)
        return NULL;
    if (str_starts(text, STR("-----BEGIN"))) {
        BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
        CHECK(in != NULL);
        key = PEM_read_bio_PrivateKey(in, NULL, on_password, NULL);
        BIO_free(in);
    } else {
        const unsigned char *at = (const unsigned char *)text.ptr;
        key = d2i_AutoPrivateKey(NULL, &at, (long)text.len);
    }
    ERR_clear_error();
    return key;
}

static bool sign(EVP_PKEY *key, struct str text, struct buf *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(key);
    char *to = buf_reserve(out, len);
    CHECK(ctx != NULL);
    bool done = to != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(ctx, (unsigned char *)to, &len, (const unsigned char *)text.ptr, text.len) == 1;
    if (done)
        out->len += len;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return done;
}

enum err crypto_rs256_sign(struct str key_text, struct str text, struct buf *signature, const char **why)
{
    EVP_PKEY *key = read_key(key_text);
    enum err e = ERR_INVALID;
    if (key == NULL)
        *why = "it is no private key in PEM or DER form, or is encrypted";
    else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        *why = "it is not an RSA key";
    else if (EVP_PKEY_get_bits(key) < BITS_MIN)
        *why = "it has less than 2048 bits";
    else if (!sign(key, text, signature))
        *why = "it cannot sign";
    else
        e = ERR_OK;
    EVP_PKEY_free(key);
    return e;
}
