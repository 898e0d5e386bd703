/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log's file, written in few large pieces. SQLite writes a header of 24 bytes and a page for each
 * frame, each by a call of its own; here what follows on each other is gathered and written at once.
 *
 * Invariants
 *  1. A frame that ends a transaction, and all before it, is written before the call that brings it returns: nobody
 *     ever finds less in the file than the index of the log promises. So what waits is of an open transaction only.
 *  2. Whatever reads, measures, cuts or syncs the file sees all that was written.
 *  3. An error belongs to the call that met it; what was waiting is dropped, as SQLite rolls the transaction back.
 */
#ifndef PR_STORE_SQLITE_WAL_FILE_H
#define PR_STORE_SQLITE_WAL_FILE_H

/* The name of a VFS for sqlite3_open_v2 that does so above the default one; NULL: it cannot be had. Any thread. */
const char *sqlite_wal_vfs(void);

#endif
