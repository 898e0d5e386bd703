/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_index.h"

#include <stdlib.h>

#include "base/mem.h"

#define BUCKET_CELLS 16

/* 32, 128, 512, 2,048 KiB; and the one for keys that are read, which are few when the others are full. */
static const size_t part_buckets[KEY_INDEX_PARTS] = {512, 2048, 8192, 32768, 8192};

static uint32_t key_bits(const uint64_t hash[2])
{
    return (uint32_t)(hash[1] >> 48) << 16;
}

static uint32_t *bucket_of(const struct key_index_part *p, const uint64_t hash[2], size_t choice)
{
    return p->cells + ((choice == 0 ? hash[0] : hash[0] >> 32) & (p->buckets - 1)) * BUCKET_CELLS;
}

/* Cells are filled from the front. */
static size_t bucket_len(const uint32_t *bucket)
{
    size_t n = 0;
    while (n < BUCKET_CELLS && bucket[n] != 0)
        n++;
    return n;
}

void key_index_fini(struct key_index *x)
{
    for (size_t i = 0; i < KEY_INDEX_PARTS; i++)
        free(x->parts[i].cells);
    *x = (struct key_index){0};
}

static bool part_add(struct key_index_part *p, const uint64_t hash[2], uint16_t chunk)
{
    uint32_t *a = bucket_of(p, hash, 0), *b = bucket_of(p, hash, 1);
    size_t in_a = bucket_len(a), in_b = bucket_len(b);
    uint32_t *less = in_a <= in_b ? a : b;
    size_t len = in_a <= in_b ? in_a : in_b;
    if (len == BUCKET_CELLS)
        return false;
    less[len] = key_bits(hash) | chunk;
    return true;
}

/* Into the last part; into one more when it is full. */
static bool add(struct key_index *x, const uint64_t hash[2], uint16_t chunk, size_t parts)
{
    for (size_t i = 0; i < parts; i++) {
        struct key_index_part *p = &x->parts[i];
        if (i + 1 < KEY_INDEX_PARTS && x->parts[i + 1].cells != NULL)
            continue;
        if (p->cells == NULL) {
            p->cells = mem_zalloc(part_buckets[i] * BUCKET_CELLS, sizeof p->cells[0]);
            p->buckets = part_buckets[i];
        }
        if (part_add(p, hash, chunk))
            return true;
    }
    return false;
}

bool key_index_add(struct key_index *x, const uint64_t hash[2], uint16_t chunk)
{
    return add(x, hash, chunk, KEY_INDEX_PARTS - 1);
}

bool key_index_add_read(struct key_index *x, const uint64_t hash[2], uint16_t chunk)
{
    return add(x, hash, chunk, KEY_INDEX_PARTS);
}

void key_index_prefetch(const struct key_index *x, const uint64_t hash[2])
{
    for (size_t i = 0; i < KEY_INDEX_PARTS && x->parts[i].cells != NULL; i++) {
        __builtin_prefetch(bucket_of(&x->parts[i], hash, 0));
        __builtin_prefetch(bucket_of(&x->parts[i], hash, 1));
    }
}

uint16_t key_index_next(const struct key_index *x, const uint64_t hash[2], struct key_index_at *at)
{
    uint32_t bits = key_bits(hash);
    for (;; at->cell++) {
        size_t bucket = at->cell / BUCKET_CELLS, part = bucket / 2;
        if (part >= KEY_INDEX_PARTS || x->parts[part].cells == NULL)
            return 0;
        uint32_t cell = bucket_of(&x->parts[part], hash, bucket % 2)[at->cell % BUCKET_CELLS];
        if (cell == 0) {
            /* The rest of the bucket is free. */
            at->cell |= BUCKET_CELLS - 1;
        } else if ((cell & 0xffff0000u) == bits) {
            at->cell++;
            return (uint16_t)cell;
        }
    }
}
