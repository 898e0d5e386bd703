/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords at rest: Argon2id (RFC 9106) with 19 MiB, two passes, one lane, which is what OWASP's password storage
 * cheat sheet asks for at least. The text that is kept says all that it was made with.
 *
 * One hash is computed at a time, and one caller may wait for it: whoever comes then is told ERR_RATE at once, so that
 * guessing cannot take more than one core, nor more than two of the threads that call this.
 */
#ifndef PR_CRYPTO_PASSWORD_H
#define PR_CRYPTO_PASSWORD_H

#include "base/buf.h"

#define CRYPTO_PASSWORD_MAX 1024 /* bytes */

/* Appends "$argon2id$v=19$…". ERR_RATE. Takes tens of milliseconds. */
MUST_USE enum err crypto_password_hash(struct str password, struct buf *out);
/*
 * Whether the password belongs to what crypto_password_hash made: ERR_OK or ERR_UNAUTHORIZED; ERR_RATE. The null str
 * belongs to no password and takes as long.
 */
MUST_USE enum err crypto_password_verify(struct str encoded, struct str password);

#endif
