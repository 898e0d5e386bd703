/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which passwords are refused: short ones, and those that are tried first. There are no rules about kinds of
 * characters. Pure.
 */
#ifndef PR_AUTH_WEAK_H
#define PR_AUTH_WEAK_H

#include "base/str.h"

#define PASSWORD_CHARS_MIN 8

/* NULL when it may be had by the user with this address, else a sentence that says what is wrong with it. */
const char *password_weakness(struct str password, struct str email);

#endif
