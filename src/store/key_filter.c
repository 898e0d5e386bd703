/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_filter.h"

#include <stdlib.h>

#include "base/mem.h"

#define BLOCK_WORDS 8
#define BLOCK_KEYS  32 /* 16 bits for each */
/* 32 KiB, 256 KiB, 2 MiB. */
#define FIRST_BLOCKS ((size_t)512)
#define GROWTH       8

static uint64_t *block_of(const struct key_filter_part *p, const uint64_t hash[2])
{
    return p->words + (hash[0] & (p->blocks - 1)) * BLOCK_WORDS;
}

/* One bit of each word. */
static uint64_t bit_of(const uint64_t hash[2], unsigned word)
{
    return (uint64_t)1 << (hash[1] >> (6 * word) & 63);
}

void key_filter_fini(struct key_filter *f)
{
    for (size_t i = 0; i < KEY_FILTER_PARTS; i++)
        free(f->parts[i].words);
    *f = (struct key_filter){0};
}

/* The part that grows: the last one takes whatever comes. */
static struct key_filter_part *part_open(struct key_filter *f)
{
    size_t blocks = FIRST_BLOCKS;
    for (size_t i = 0;; i++, blocks *= GROWTH) {
        struct key_filter_part *p = &f->parts[i];
        if (p->words == NULL) {
            p->blocks = blocks;
            p->words = mem_zalloc(blocks * BLOCK_WORDS, sizeof p->words[0]);
        }
        if (p->count < p->blocks * BLOCK_KEYS || i == KEY_FILTER_PARTS - 1)
            return p;
    }
}

void key_filter_add(struct key_filter *f, const uint64_t hash[2])
{
    struct key_filter_part *p = part_open(f);
    uint64_t *block = block_of(p, hash);
    for (unsigned i = 0; i < BLOCK_WORDS; i++)
        block[i] |= bit_of(hash, i);
    p->count++;
}

bool key_filter_may_have(const struct key_filter *f, const uint64_t hash[2])
{
    for (size_t i = 0; i < KEY_FILTER_PARTS && f->parts[i].words != NULL; i++) {
        const uint64_t *block = block_of(&f->parts[i], hash);
        uint64_t missing = 0;
        for (unsigned k = 0; k < BLOCK_WORDS; k++)
            missing |= ~block[k] & bit_of(hash, k);
        if (missing == 0)
            return true;
    }
    return false;
}
