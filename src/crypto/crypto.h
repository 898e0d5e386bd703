/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to OpenSSL's primitives: digests, HMAC, Ed25519, randomness, comparison in constant time, text
 * encodings of bytes. All functions are thread-safe.
 */
#ifndef PR_CRYPTO_CRYPTO_H
#define PR_CRYPTO_CRYPTO_H

#include "base/buf.h"

#define CRYPTO_MAC_MAX    512 /* a signature of RSA with 4096 bits */
#define CRYPTO_SHA256_LEN 32

/* ECDSA is that of P-256, RSA is RSASSA-PKCS1-v1_5 with 2048 to 4096 bits, both with SHA-256 and keys in DER. */
enum crypto_mac { CRYPTO_HMAC_SHA256, CRYPTO_HMAC_SHA1, CRYPTO_HMAC_SHA512, CRYPTO_ED25519, CRYPTO_ECDSA, CRYPTO_RSA };

/* Fills with cryptographic randomness; ends the process if the system has none. */
void crypto_random(void *out, size_t len);
/* Appends len characters of [0-9A-Za-z], all equally likely (5.95 bits each). */
void crypto_random_base62(size_t len, struct buf *out);
/* Equal contents; the time depends only on the lengths. */
bool crypto_equal(struct str a, struct str b);
void crypto_sha256(struct str in, unsigned char out[CRYPTO_SHA256_LEN]);

/* A keyed signer that may be used again and again; not thread-safe itself. Roughly 1 KB. */
struct crypto_signer;
/* key: HMAC key bytes (any length but 0); 32 (seed) or 64 bytes for Ed25519; for ECDSA and RSA a private key. NULL if
 * the key cannot be used. */
struct crypto_signer *crypto_signer_new(enum crypto_mac mac, struct str key);
void crypto_signer_free(struct crypto_signer *s);
/* Signs the concatenation of the parts; writes 20 to CRYPTO_MAC_MAX bytes and returns their count. */
size_t crypto_sign(struct crypto_signer *s, const struct str *parts, size_t count, unsigned char out[CRYPTO_MAC_MAX]);
/* Ed25519 only: the 32-byte public key that belongs to a private key of 32 (seed) or 64 bytes. */
MUST_USE enum err crypto_ed25519_public(struct str private_key, unsigned char out[32]);
/* Whether `signature` (64 bytes) is the Ed25519 signature of the parts under a 32-byte public key. */
bool crypto_ed25519_verify(struct str public_key, const struct str *parts, size_t count, struct str signature);
/* Appends the public key (SubjectPublicKeyInfo) of a private one. ECDSA and RSA only, as what follows. */
MUST_USE enum err crypto_der_public(enum crypto_mac mac, struct str private_key, struct buf *out);
/* Whether it is a public key that signatures can be verified with. */
bool crypto_der_is_public(enum crypto_mac mac, struct str public_key);
/* Whether `signature` (of ECDSA in DER) is that of the parts under a public key. */
bool crypto_der_verify(enum crypto_mac mac, struct str public_key, const struct str *parts, size_t count,
                       struct str signature);

void crypto_hex(struct str in, struct buf *out);
void crypto_base64(struct str in, struct buf *out);    /* RFC 4648 section 4, padded */
void crypto_base64url(struct str in, struct buf *out); /* RFC 4648 section 5, no padding */
/* ERR_INVALID on a character or length that does not fit; base64 takes padded or unpadded. */
MUST_USE enum err crypto_unhex(struct str in, struct buf *out);
MUST_USE enum err crypto_unbase64(struct str in, struct buf *out);
MUST_USE enum err crypto_unbase64url(struct str in, struct buf *out);

#endif
