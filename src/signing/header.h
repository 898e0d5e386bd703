/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which headers a customer may add to deliveries.
 */
#ifndef PR_SIGNING_HEADER_H
#define PR_SIGNING_HEADER_H

#include "signing/profile.h"

#define CUSTOM_HEADERS_MAX 50   /* of an endpoint */
#define HEADER_VALUE_MAX   4096 /* bytes */

/* NULL, or why it may not be set, in words (static). profile NULL: any. */
const char *header_refusal(const struct profile *profile, struct str name, struct str value);
/* RFC 9110: a token of at most 256 bytes; a value on one line. */
bool header_is_name(struct str name);
bool header_is_value(struct str value);
/* Whether values of this name are secrets: shown to nobody. */
bool header_is_sensitive(struct str name);
/* Whether a name fits a pattern, which may have a '*' for anything at one end or both; case is no matter. */
bool header_name_fits(struct str pattern, struct str name);

#endif
