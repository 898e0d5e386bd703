/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a key may be in a set: "no" is certain, "yes" is wrong for about 1 in 400 keys until the filter is full
 * (1.2 million keys, 2.3 MiB), then more and more often. A blocked Bloom filter (Putze, Sanders, Singler 2007): a
 * look-up touches one cache line of each of at most three parts, which are made as the set grows. Keys are hashes
 * already.
 */
#ifndef PR_STORE_KEY_FILTER_H
#define PR_STORE_KEY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_FILTER_PARTS 3

struct key_filter {
    struct key_filter_part {
        uint64_t *words; /* NULL: not made yet */
        size_t blocks;   /* a power of two */
        size_t count;
    } parts[KEY_FILTER_PARTS];
};

/* A zeroed filter is an empty one. */
void key_filter_fini(struct key_filter *f);
void key_filter_add(struct key_filter *f, const uint64_t hash[2]);
bool key_filter_may_have(const struct key_filter *f, const uint64_t hash[2]);

#endif
