/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQLite backend's writer keeps in memory of idempotency keys; the functions are in sqlite_priv.h. */
#ifndef PR_STORE_SQLITE_KEYS_H
#define PR_STORE_SQLITE_KEYS_H

#include <sqlite3.h>

#include "store/key_filter.h"
#include "store/key_index.h"

/* A ring of hours: the one that is, those that are kept (STORE_KEY_HOURS), one to be dropped. */
#define KEY_SLOTS 14

/* Of a slot that waits to be emptied. */
#define KEY_HOUR_OVER (-1)

struct key_slot {
    int64_t hour;   /* since 1970, of the keys in the table; 0: none; or KEY_HOUR_OVER */
    uint16_t chunk; /* that is being filled; 0: none */
    size_t chunk_keys;
    bool rest;                 /* there may be keys in chunk 0 */
    bool rest_loaded;          /* the filter has all of them */
    int64_t rest_loaded_to[2]; /* the last one so far */
    struct key_filter filter;
    sqlite3_stmt *find;
    sqlite3_stmt *put;
};

struct keys {
    int64_t hour;           /* of the last turn; 0: the slots are not as in the file */
    struct key_index index; /* of the chunks of all slots; owners are the slots' numbers and one */
    struct key_slot slots[KEY_SLOTS];
};

#endif
