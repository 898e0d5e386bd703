/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUCKET_CELLS 16

/* 32, 128, 512 KiB, 2, 8, 32 MiB; and one for keys that are read, which are few when the others are full. */
static const size_t part_buckets[KEY_INDEX_PARTS] = {512, 2048, 8192, 32768, 131072, 524288, 32768};

static uint32_t key_bits(const uint64_t hash[2])
{
    return (uint32_t)(hash[1] >> 48) << 16;
}

static uint32_t *bucket_of(const struct key_index_part *p, const uint64_t hash[2], size_t choice)
{
    return p->cells + ((choice == 0 ? hash[0] : hash[0] >> 32) & (p->buckets - 1)) * BUCKET_CELLS;
}

/* The first cell that is free, or whose key is gone. */
static size_t bucket_room(const struct key_index *x, const uint32_t *bucket)
{
    size_t n = 0;
    while (n < BUCKET_CELLS && bucket[n] != 0 && x->owner[(uint16_t)bucket[n]] != 0)
        n++;
    return n;
}

void key_index_fini(struct key_index *x)
{
    for (size_t i = 0; i < KEY_INDEX_PARTS; i++)
        free(x->parts[i].cells);
    memset(x, 0, sizeof *x);
}

uint16_t key_index_begin_chunk(struct key_index *x, uint8_t owner)
{
    for (size_t i = 1; i < KEY_CHUNKS; i++) {
        uint16_t chunk = (uint16_t)(x->last_chunk + i);
        if (chunk == 0 || x->owner[chunk] != 0)
            continue;
        x->owner[chunk] = owner;
        x->last_chunk = chunk;
        return chunk;
    }
    return 0;
}

void key_index_forget(struct key_index *x, uint8_t owner)
{
    for (size_t i = 1; i < KEY_CHUNKS; i++)
        if (x->owner[i] == owner)
            x->owner[i] = 0;
}

static bool part_add(const struct key_index *x, const struct key_index_part *p, const uint64_t hash[2], uint16_t chunk)
{
    uint32_t *a = bucket_of(p, hash, 0), *b = bucket_of(p, hash, 1);
    size_t in_a = bucket_room(x, a), in_b = bucket_room(x, b);
    uint32_t *less = in_a <= in_b ? a : b;
    size_t at = in_a <= in_b ? in_a : in_b;
    if (at == BUCKET_CELLS)
        return false;
    less[at] = key_bits(hash) | chunk;
    return true;
}

/* Into the largest part; where keys are gone from the smaller ones; into one more. */
static bool add(struct key_index *x, const uint64_t hash[2], uint16_t chunk, size_t parts)
{
    size_t made = 0;
    while (made < parts && x->parts[made].cells != NULL)
        made++;
    for (size_t i = made; i-- > 0;)
        if (part_add(x, &x->parts[i], hash, chunk))
            return true;
    if (made == parts)
        return false;
    struct key_index_part *p = &x->parts[made];
    p->buckets = part_buckets[made];
    p->cells = mem_zalloc(p->buckets * BUCKET_CELLS, sizeof p->cells[0]);
    return part_add(x, p, hash, chunk);
}

bool key_index_add(struct key_index *x, const uint64_t hash[2], uint16_t chunk)
{
    return add(x, hash, chunk, x->parts_max != 0 ? x->parts_max : KEY_INDEX_PARTS - 1);
}

bool key_index_add_read(struct key_index *x, const uint64_t hash[2], uint16_t chunk)
{
    return add(x, hash, chunk, KEY_INDEX_PARTS);
}

uint16_t key_index_next(const struct key_index *x, const uint64_t hash[2], struct key_index_at *at)
{
    uint32_t bits = key_bits(hash);
    for (; at->bucket < (size_t)2 * KEY_INDEX_PARTS; at->bucket++, at->cell = 0) {
        const struct key_index_part *p = &x->parts[at->bucket / 2];
        if (p->cells == NULL)
            return 0;
        const uint32_t *bucket = bucket_of(p, hash, at->bucket % 2);
        while (at->cell < BUCKET_CELLS && bucket[at->cell] != 0) {
            uint32_t cell = bucket[at->cell++];
            if ((cell & 0xffff0000u) == bits && x->owner[(uint16_t)cell] != 0)
                return (uint16_t)cell;
        }
    }
    return 0;
}
