/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of JSON by their text: compared exactly, however long they are, so that 9007199254740993 is not
 * 9007199254740992 and 1.0 is 1. Every `text` is a JSON number (RFC 8259, section 6). Powers of ten beyond 10^12 are
 * taken for 10^12. Nothing here allocates; the cost is linear in the texts.
 */
#ifndef PR_JSON_NUMBER_H
#define PR_JSON_NUMBER_H

#include "json/tree.h"

/* <0, 0, >0 */
int json_number_cmp(struct str a, struct str b);
/* Whether it has no fraction: 1, 1.0, 1e3, 10e-1. */
bool json_number_is_whole(struct str text);
/* A divisor for json_number_divides. ERR_INVALID: not above 0, or more than 18 significant digits. */
struct json_divisor {
    uint64_t digits;
    int64_t power; /* it is digits * 10^power */
};
MUST_USE enum err json_divisor_read(struct str text, struct json_divisor *out);
/* Whether `text` is a whole number of times the divisor. */
bool json_number_divides(struct str text, const struct json_divisor *by);

/*
 * Whether two values are the same: numbers by value, objects whatever the order of their members (of equal names the
 * last counts). Every node that is looked at takes 1 from *steps; false when they run out, with *steps = 0.
 */
bool json_equal(const struct json *a, const struct json *b, size_t *steps);

#endif
