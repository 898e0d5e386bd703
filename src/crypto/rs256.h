/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_CRYPTO_RS256_H
#define PR_CRYPTO_RS256_H

#include "base/buf.h"

/*
 * Appends the RSASSA-PKCS1-v1_5 signature with SHA-256 of a text (RFC 7518 section 3.3). key: a private RSA key of 2048
 * bits or more, not encrypted, in PEM or DER (PKCS #8 or #1). ERR_INVALID: it is not, *why (static) says what it is
 * instead.
 */
MUST_USE enum err crypto_rs256_sign(struct str key, struct str text, struct buf *signature, const char **why);

#endif
