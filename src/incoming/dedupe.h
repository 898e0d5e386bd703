/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tells that a request was here before:
 *   header:NAME[,NAME…]   the first of these headers that is there
 *   body:PATH             a place in the body, as in expressions: body:order.id, body:items[0].id; also of JSON or a
 *                         form that is called a text
 *   query:NAME            a parameter of the URL
 *   none                  nothing
 * A sender's row may also say "signed", which is no expression: see signing/profile_incoming.h.
 */
#ifndef PR_INCOMING_DEDUPE_H
#define PR_INCOMING_DEDUPE_H

#include "incoming/content.h"
#include "json/tree.h"

#define DEDUPE_MAX 256 /* bytes of an expression */

/* NULL, or what is wrong with it, in the arena. */
const char *dedupe_check(struct arena *a, struct str expression);
/* The same of what a sender's row says. */
const char *dedupe_check_row(struct arena *a, const struct profile *p);
/* The key of a request; the null str: it has none. trigger: what content_json made. */
struct str dedupe_key(struct arena *a, struct str expression, const struct incoming *in, const struct json *trigger);

#endif
