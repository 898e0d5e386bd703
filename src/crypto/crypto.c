/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests and signers on OpenSSL 3. Algorithms are fetched once per process: a fetch by name costs more than an HMAC of
 * one KB. A signer keeps its keyed context; each use starts over from it with a null key.
 */
#include "crypto/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "base/mem.h"
#include "crypto/pair.h"

#define ED25519_SEED_LEN      32
#define ED25519_PAIR_LEN      64 /* seed, then the public key */
#define ED25519_SIGNATURE_LEN 64

struct crypto_signer {
    enum crypto_mac mac;
    EVP_MAC_CTX *hmac;
    EVP_PKEY *pkey;
    EVP_MD_CTX *sign;
    struct buf joined; /* Ed25519 reads its message twice and takes it in one piece only; ECDSA and RSA do as well */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MAC *hmac_algorithm;
static EVP_MD *sha256_algorithm;

static void fetch_algorithms(void)
{
    hmac_algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(hmac_algorithm != NULL && sha256_algorithm != NULL);
}

static const unsigned char *bytes(struct str s)
{
    return s.ptr != NULL ? (const unsigned char *)s.ptr : (const unsigned char *)"";
}

void crypto_random(void *out, size_t len)
{
    CHECK(len <= INT32_MAX);
    CHECK(RAND_bytes(out, (int)len) == 1);
}

void crypto_random_base62(size_t len, struct buf *out)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char pool[64];
    size_t at = sizeof pool;
    char *to = buf_reserve(out, len);
    if (to == NULL)
        return;
    for (size_t done = 0; done < len;) {
        if (at == sizeof pool) {
            crypto_random(pool, sizeof pool);
            at = 0;
        }
        unsigned char c = pool[at++];
        if (c < 62 * 4) /* 248 to 255 would favour the first letters */
            to[done++] = alphabet[c % 62];
    }
    out->len += len;
    explicit_bzero(pool, sizeof pool);
}

bool crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && CRYPTO_memcmp(bytes(a), bytes(b), a.len) == 0;
}

void crypto_sha256(struct str in, unsigned char out[CRYPTO_SHA256_LEN])
{
    unsigned len = 0;
    pthread_once(&once, fetch_algorithms);
    CHECK(EVP_Digest(bytes(in), in.len, out, &len, sha256_algorithm, NULL) == 1 && len == CRYPTO_SHA256_LEN);
}

static const char *digest_name(enum crypto_mac mac)
{
    switch (mac) {
    case CRYPTO_HMAC_SHA256:
        return "SHA256";
    case CRYPTO_HMAC_SHA1:
        return "SHA1";
    case CRYPTO_HMAC_SHA512:
        return "SHA512";
    case CRYPTO_ED25519:
    case CRYPTO_ECDSA:
    case CRYPTO_RSA:
        break;
    }
    return NULL;
}

static bool init_hmac(struct crypto_signer *s, struct str key)
{
    char name[8];
    const char *digest = digest_name(s->mac);
    if (key.len == 0 || digest == NULL)
        return false;
    memcpy(name, digest, strlen(digest) + 1);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                           OSSL_PARAM_construct_end()};
    pthread_once(&once, fetch_algorithms);
    s->hmac = EVP_MAC_CTX_new(hmac_algorithm);
    CHECK(s->hmac != NULL);
    return EVP_MAC_init(s->hmac, bytes(key), key.len, params) == 1;
}

/* The private key of a seed, or of a seed with its public key behind it; NULL when the two do not belong together. */
static EVP_PKEY *read_private_key(struct str key)
{
    unsigned char public[ED25519_SEED_LEN];
    size_t len = sizeof public;
    if (key.len != ED25519_SEED_LEN && key.len != ED25519_PAIR_LEN)
        return NULL;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes(key), ED25519_SEED_LEN);
    CHECK(pkey != NULL);
    CHECK(EVP_PKEY_get_raw_public_key(pkey, public, &len) == 1 && len == sizeof public);
    if (key.len == ED25519_PAIR_LEN && memcmp(public, bytes(key) + ED25519_SEED_LEN, sizeof public) != 0) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static bool init_ed25519(struct crypto_signer *s, struct str key)
{
    s->pkey = read_private_key(key);
    if (s->pkey == NULL)
        return false;
    s->sign = EVP_MD_CTX_new();
    CHECK(s->sign != NULL);
    s->joined = BUF_INIT(SIZE_MAX / 2);
    return EVP_DigestSignInit(s->sign, NULL, NULL, NULL, s->pkey) == 1;
}

static bool init_der(struct crypto_signer *s, struct str key)
{
    s->pkey = pair_private(s->mac, key);
    if (s->pkey == NULL)
        return false;
    pthread_once(&once, fetch_algorithms);
    s->sign = EVP_MD_CTX_new();
    CHECK(s->sign != NULL);
    s->joined = BUF_INIT(SIZE_MAX / 2);
    return true;
}

/* Whose keys are in DER, and whose messages are hashed. */
static bool is_der(enum crypto_mac mac)
{
    return mac == CRYPTO_ECDSA || mac == CRYPTO_RSA;
}

struct crypto_signer *crypto_signer_new(enum crypto_mac mac, struct str key)
{
    struct crypto_signer *s = mem_zalloc(1, sizeof *s);
    s->mac = mac;
    if (mac == CRYPTO_ED25519 ? init_ed25519(s, key) : is_der(mac) ? init_der(s, key) : init_hmac(s, key))
        return s;
    crypto_signer_free(s);
    return NULL;
}

void crypto_signer_free(struct crypto_signer *s)
{
    if (s == NULL)
        return;
    EVP_MAC_CTX_free(s->hmac);
    EVP_MD_CTX_free(s->sign);
    EVP_PKEY_free(s->pkey);
    buf_fini(&s->joined);
    free(s);
}

/* The parts in one piece: borrowed when at most one of them has bytes, else copied into `into`. */
static struct str join_parts(const struct str *parts, size_t count, struct buf *into)
{
    struct str only = STR_NULL;
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len == 0)
            continue;
        only = parts[i];
        filled++;
    }
    if (filled <= 1)
        return only;
    buf_clear(into);
    for (size_t i = 0; i < count; i++)
        buf_add_str(into, parts[i]);
    CHECK(!into->overflow);
    return buf_str(into);
}

static size_t sign_with_key(struct crypto_signer *s, const struct str *parts, size_t count, unsigned char *out)
{
    size_t len = CRYPTO_MAC_MAX;
    struct str all = join_parts(parts, count, &s->joined);
    const EVP_MD *digest = is_der(s->mac) ? sha256_algorithm : NULL;
    CHECK(EVP_DigestSignInit(s->sign, NULL, digest, NULL, s->pkey) == 1);
    CHECK(EVP_DigestSign(s->sign, out, &len, bytes(all), all.len) == 1);
    return len;
}

size_t crypto_sign(struct crypto_signer *s, const struct str *parts, size_t count, unsigned char out[CRYPTO_MAC_MAX])
{
    size_t len = 0;
    if (s->mac == CRYPTO_ED25519 || is_der(s->mac))
        return sign_with_key(s, parts, count, out);
    CHECK(EVP_MAC_init(s->hmac, NULL, 0, NULL) == 1);
    for (size_t i = 0; i < count; i++)
        CHECK(EVP_MAC_update(s->hmac, bytes(parts[i]), parts[i].len) == 1);
    CHECK(EVP_MAC_final(s->hmac, out, &len, CRYPTO_MAC_MAX) == 1);
    return len;
}

enum err crypto_ed25519_public(struct str private_key, unsigned char out[32])
{
    size_t len = ED25519_SEED_LEN;
    EVP_PKEY *pkey = read_private_key(private_key);
    if (pkey == NULL)
        return ERR_INVALID;
    CHECK(EVP_PKEY_get_raw_public_key(pkey, out, &len) == 1);
    EVP_PKEY_free(pkey);
    return ERR_OK;
}

bool crypto_ed25519_verify(struct str public_key, const struct str *parts, size_t count, struct str signature)
{
    bool good = false;
    struct buf joined = BUF_INIT(SIZE_MAX / 2);
    if (public_key.len != ED25519_SEED_LEN || signature.len != ED25519_SIGNATURE_LEN)
        return false;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes(public_key), public_key.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx != NULL);
    if (pkey != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1) {
        struct str all = join_parts(parts, count, &joined);
        good = EVP_DigestVerify(ctx, bytes(signature), signature.len, bytes(all), all.len) == 1;
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    buf_fini(&joined);
    ERR_clear_error();
    return good;
}

bool crypto_der_verify(enum crypto_mac mac, struct str public_key, const struct str *parts, size_t count,
                       struct str signature)
{
    bool good = false;
    struct buf joined = BUF_INIT(SIZE_MAX / 2);
    EVP_PKEY *pkey = pair_public(mac, public_key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx != NULL);
    pthread_once(&once, fetch_algorithms);
    if (pkey != NULL && EVP_DigestVerifyInit(ctx, NULL, sha256_algorithm, NULL, pkey) == 1) {
        struct str all = join_parts(parts, count, &joined);
        good = EVP_DigestVerify(ctx, bytes(signature), signature.len, bytes(all), all.len) == 1;
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    buf_fini(&joined);
    ERR_clear_error(); /* who uses TLS on this thread looks at the queue */
    return good;
}
