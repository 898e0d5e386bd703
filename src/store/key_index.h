/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which chunk a key may be: 16 bits of the key beside the chunk's number, in buckets of a cache line, two buckets to
 * choose from for each key (Azar and others 1999), so that a bucket overflows only when nearly all are full. A chunk
 * belongs to an owner; without one its keys are gone and their cells are used again. Grows in parts; bounded: about 10
 * million keys, 43 MiB. Keys are hashes already.
 */
#ifndef PR_STORE_KEY_INDEX_H
#define PR_STORE_KEY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_INDEX_PARTS 7
#define KEY_CHUNKS      65536

struct key_index {
    struct key_index_part {
        uint32_t *cells; /* key bits << 16 | chunk; 0: free. NULL: not made yet */
        size_t buckets;  /* a power of two */
    } parts[KEY_INDEX_PARTS];
    size_t parts_max;          /* 0: all */
    uint16_t last_chunk;       /* that was begun */
    uint8_t owner[KEY_CHUNKS]; /* of each chunk; 0: none. There is no chunk 0 */
};

/* A zeroed index is an empty one. */
void key_index_fini(struct key_index *x);
/* A chunk that nobody owns is the owner's now (not 0). 0: there is none. */
uint16_t key_index_begin_chunk(struct key_index *x, uint8_t owner);
/* Its chunks are nobody's, their keys gone. */
void key_index_forget(struct key_index *x, uint8_t owner);
/* chunk: one with an owner. False: full. */
bool key_index_add(struct key_index *x, const uint64_t hash[2], uint16_t chunk);
/* The same for keys that had room before and come again in another order, which may fill a bucket earlier: there is a
 * little more room. */
bool key_index_add_read(struct key_index *x, const uint64_t hash[2], uint16_t chunk);

/* Where a look-up stands; zeroed to begin. */
struct key_index_at {
    size_t bucket;
    size_t cell;
};
/* The next chunk that may have the key; of a key that was added its own is among them. 0: no more. */
uint16_t key_index_next(const struct key_index *x, const uint64_t hash[2], struct key_index_at *at);

#endif
