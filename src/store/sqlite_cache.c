/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_cache.h"

#include <sqlite3.h>

#include "store/sqlite_priv.h"

/* https://www.sqlite.org/fileformat2.html#the_lock_byte_page */
#define LOCKING_AT   0x40000000u
#define LOCKING_PAGE (LOCKING_AT / SQLITE_PAGE_BYTES + 1)

static sqlite3_pcache_methods2 below;

static unsigned number_of(unsigned key)
{
    return key == LOCKING_PAGE ? 0 : key;
}

static sqlite3_pcache_page *fetch(sqlite3_pcache *c, unsigned key, int create)
{
    return below.xFetch(c, number_of(key), create);
}

static void rekey(sqlite3_pcache *c, sqlite3_pcache_page *page, unsigned old, unsigned new)
{
    below.xRekey(c, page, number_of(old), number_of(new));
}

void sqlite_cache_configure(void)
{
    sqlite3_pcache_methods2 methods;
    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &below) != SQLITE_OK)
        return;
    methods = below;
    methods.xFetch = fetch;
    methods.xRekey = rekey;
    (void)sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}
