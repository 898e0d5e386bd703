/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time codes by time: RFC 6238 with SHA-1, steps of 30 s and 6 digits, which is what authenticator programs
 * understand. Pure.
 */
#ifndef PR_AUTH_TOTP_H
#define PR_AUTH_TOTP_H

#include "base/buf.h"

#define TOTP_SECRET_LEN 20 /* bytes */
#define TOTP_STEP_MS    30000

/* The truncated value of RFC 4226, section 5.3, of which a code shows the last digits. */
uint32_t totp_value(struct str secret, int64_t step);
/*
 * The step that this code is of: the one of now_ms, or a neighbour, when clocks differ; later than `used`, so that no
 * code works twice. 0: none.
 */
int64_t totp_check(struct str secret, struct str code, int64_t now_ms, int64_t used);
/* Appends RFC 4648 base 32, without padding. */
void totp_base32(struct str bytes, struct buf *out);
/* ERR_INVALID: not what totp_base32 writes. */
MUST_USE enum err totp_unbase32(struct str text, struct buf *out);

#endif
