/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's own page cache, but for one number. When a B-tree is balanced, pages swap their numbers by way of the page
 * that is never used, the one at the locking bytes (1 GiB). The cache remembers it as the highest that it ever held,
 * and so looks through all its pages at the end of that transaction, for those behind the end of the file: with 8,192
 * pages a tenth of the writer's time. Here that page has the number 0, which no page has.
 */
#ifndef PR_STORE_SQLITE_CACHE_H
#define PR_STORE_SQLITE_CACHE_H

/* Before SQLite is initialised; later it is refused, and nothing changes. */
void sqlite_cache_configure(void);

#endif
