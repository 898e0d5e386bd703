/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TLS client shows of itself: a private key and the certificates that belong to it. And whether a server asked
 * for it.
 */
#ifndef PR_CRYPTO_IDENTITY_H
#define PR_CRYPTO_IDENTITY_H

#include "base/buf.h"

struct crypto_identity {
    struct buf key;          /* PEM, PKCS #8, not encrypted: wipe it */
    struct buf certificates; /* PEM, the one of the key first */
};

/*
 * Takes a PEM text apart: one private key, at least one certificate, in any order. ERR_INVALID: it cannot be used, at
 * now_ms or at all; *why, thread-local text, says what is wrong.
 */
MUST_USE enum err crypto_identity_read(struct str pem, int64_t now_ms, struct crypto_identity *out, const char **why);
void crypto_identity_fini(struct crypto_identity *i);

/* Of the first certificate of a PEM text: its subject ("CN = a, O = b") and the end of its validity. */
MUST_USE enum err crypto_certificate_describe(struct str pem, struct buf *subject, int64_t *until_ms);

/* Notes whether a TLS server asks for a certificate while its client has none to show. */
struct crypto_tls_ask;
/* Watches the connections of an SSL_CTX; NULL if that cannot be. The caller and the context hold it, on one thread. */
struct crypto_tls_ask *crypto_tls_ask_watch(void *ssl_ctx);
bool crypto_tls_ask_happened(const struct crypto_tls_ask *a);
/* NULL is fine. */
void crypto_tls_ask_unref(struct crypto_tls_ask *a);

#endif
