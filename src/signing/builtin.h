/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that ship with the program, as JSON; listed in profile_builtins (profile.h).
 */
#ifndef PR_SIGNING_BUILTIN_H
#define PR_SIGNING_BUILTIN_H

extern const char builtin_standard[];
extern const char builtin_myra[];
extern const char builtin_metapulse[];
extern const char builtin_github[];
extern const char builtin_stripe[];
extern const char builtin_slack[];
extern const char builtin_shopify[];

#endif
