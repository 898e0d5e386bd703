/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's idempotency keys: rows by their hash, dropped when their hour is over. */
#include "base/time.h"
#include "store/store_mem.h"

static int64_t hour_of(int64_t now_ms)
{
    return now_ms / TIME_HOUR_MS;
}

static void turn(struct mem_store *m, int64_t hour)
{
    for (size_t i = 0; m->keys_hour != hour && i < m->keys.len;) {
        struct mem_key *k = (struct mem_key *)(void *)m->keys.at[i];
        if (k->hour < hour - STORE_KEY_HOURS)
            rows_change(&m->log, &m->keys, &k->row, NULL);
        else
            i++;
    }
    m->keys_hour = hour;
}

enum err mem_key_find(struct backend *b, struct store_key *key)
{
    const struct mem_store *m = (const struct mem_store *)(const void *)b;
    const struct row *r = rows_get(&m->keys, (int64_t)key->hash[0], (int64_t)key->hash[1]);
    const struct mem_key *k = (const struct mem_key *)(const void *)r;
    if (k == NULL || k->hour < hour_of(m->now_ms) - STORE_KEY_HOURS)
        return ERR_NOT_FOUND;
    key->made = k->made;
    key->known = true;
    return ERR_OK;
}

enum err mem_key_put(struct backend *b, const struct store_key *key)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    turn(m, hour_of(m->now_ms));
    struct mem_key *is = row_new(sizeof *is, 0, (int64_t)key->hash[0], (int64_t)key->hash[1]);
    is->made = key->made;
    is->hour = hour_of(m->now_ms);
    rows_change(&m->log, &m->keys, rows_get(&m->keys, is->row.key, is->row.sub), &is->row);
    return ERR_OK;
}
