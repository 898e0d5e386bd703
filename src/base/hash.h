/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): keyed, so that strangers cannot aim at one bucket, and the tag in our ids.
 */
#ifndef PR_BASE_HASH_H
#define PR_BASE_HASH_H

#include "base/str.h"

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

uint64_t hash_sip(struct hash_key key, const void *bytes, size_t len);
/* For integers that strangers do not choose freely: a finaliser that spreads all bits (splitmix64). */
static inline uint64_t hash_u64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#endif
