/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of two halves in DER, as OpenSSL has them: for the files of crypto/ only. */
#ifndef PR_CRYPTO_PAIR_H
#define PR_CRYPTO_PAIR_H

#include <openssl/evp.h>

#include "crypto/crypto.h"

/* Of CRYPTO_ECDSA or CRYPTO_RSA; NULL: it is no such key. The caller frees it. */
EVP_PKEY *pair_private(enum crypto_mac mac, struct str der);
EVP_PKEY *pair_public(enum crypto_mac mac, struct str der);

#endif
