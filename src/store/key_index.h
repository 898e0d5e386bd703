/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which chunk of a table a key may be: 16 bits of the key beside the chunk's number, in buckets of a cache line, two
 * buckets to choose from for each key (Azar and others 1999), so that a bucket overflows only when nearly all is full.
 * Grows in parts; bounded: about 600,000 keys, 2.7 MiB. Keys are hashes already.
 */
#ifndef PR_STORE_KEY_INDEX_H
#define PR_STORE_KEY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last is for key_index_add_read only. */
#define KEY_INDEX_PARTS 5

struct key_index {
    struct key_index_part {
        uint32_t *cells; /* key bits << 16 | chunk; 0: free. NULL: not made yet */
        size_t buckets;  /* a power of two */
    } parts[KEY_INDEX_PARTS];
};

/* A zeroed index is an empty one. */
void key_index_fini(struct key_index *x);
/* chunk: 1..65535. False: full. */
bool key_index_add(struct key_index *x, const uint64_t hash[2], uint16_t chunk);
/* The same for keys that had room before and come again in another order, which may fill a bucket earlier: there is a
 * little more room. */
bool key_index_add_read(struct key_index *x, const uint64_t hash[2], uint16_t chunk);

/* Asks memory for what a look-up will touch, so that look-ups in several indexes wait once. */
void key_index_prefetch(const struct key_index *x, const uint64_t hash[2]);
/* Where a look-up stands; zeroed to begin. */
struct key_index_at {
    size_t cell;
};
/* The next chunk that may have the key; of a key that was added its own is among them. 0: no more. */
uint16_t key_index_next(const struct key_index *x, const uint64_t hash[2], struct key_index_at *at);

#endif
