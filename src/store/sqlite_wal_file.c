/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_wal_file.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VFS_NAME     "postrider"
#define GATHER_BYTES ((size_t)0x1ffff) /* the unix VFS writes no more in one call: it takes the size modulo 0x20000 */
#define FRAME_HEADER 24                /* https://www.sqlite.org/fileformat2.html#wal_file_format */

struct wal_file {
    sqlite3_file base;
    sqlite3_file *real;
    char *bytes; /* GATHER_BYTES, from the first write on */
    size_t len;
    sqlite3_int64 at;    /* where they go */
    sqlite3_int64 high;  /* nothing was written behind it */
    bool ends;           /* the last header was of a frame that ends a transaction */
    sqlite3_int64 after; /* that header; its page may come in several parts */
};

static struct wal_file *wal_of(sqlite3_file *f)
{
    return (struct wal_file *)(void *)f;
}

/* ---- what waits ---------------------------------------------------------------------------------------------------
 */

static int flush(struct wal_file *w)
{
    size_t len = w->len;
    w->len = 0;
    return len > 0 ? w->real->pMethods->xWrite(w->real, w->bytes, (int)len, w->at) : SQLITE_OK;
}

/* A header says with its second number how large the database is after a transaction's last frame, else 0. */
static void note_header(struct wal_file *w, const void *bytes, int len, sqlite3_int64 at)
{
    static const unsigned char none[4];
    if (len != FRAME_HEADER)
        return;
    w->ends = memcmp((const char *)bytes + 4, none, sizeof none) != 0;
    w->after = at + FRAME_HEADER;
}

/* The page that ends a transaction; or its header alone, which is written again when checksums change. */
static bool must_go(struct wal_file *w, int len, sqlite3_int64 at)
{
    bool again = at < w->high;
    w->high = at + len > w->high ? at + len : w->high;
    return w->ends && (again || at + len > w->after);
}

static int wal_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
    struct wal_file *w = wal_of(f);
    int rc = SQLITE_OK;
    bool follows = w->len > 0 && at == w->at + (sqlite3_int64)w->len;
    if (!follows || w->len + (size_t)len > GATHER_BYTES)
        rc = flush(w);
    if (rc != SQLITE_OK)
        return rc;
    if ((size_t)len > GATHER_BYTES)
        return w->real->pMethods->xWrite(w->real, bytes, len, at);
    if (w->bytes == NULL)
        w->bytes = mem_alloc(GATHER_BYTES);
    if (w->len == 0)
        w->at = at;
    memcpy(w->bytes + w->len, bytes, (size_t)len);
    w->len += (size_t)len;
    note_header(w, bytes, len, at);
    return must_go(w, len, at) ? flush(w) : SQLITE_OK;
}

/* ---- the file -----------------------------------------------------------------------------------------------------
 */

static int wal_close(sqlite3_file *f)
{
    struct wal_file *w = wal_of(f);
    free(w->bytes); /* what waits was not committed */
    return w->real->pMethods->xClose(w->real);
}

static int wal_read(sqlite3_file *f, void *bytes, int len, sqlite3_int64 at)
{
    struct wal_file *w = wal_of(f);
    int rc = flush(w);
    return rc == SQLITE_OK ? w->real->pMethods->xRead(w->real, bytes, len, at) : rc;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct wal_file *w = wal_of(f);
    int rc = flush(w);
    return rc == SQLITE_OK ? w->real->pMethods->xTruncate(w->real, size) : rc;
}

static int wal_sync(sqlite3_file *f, int flags)
{
    struct wal_file *w = wal_of(f);
    int rc = flush(w);
    return rc == SQLITE_OK ? w->real->pMethods->xSync(w->real, flags) : rc;
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *size)
{
    struct wal_file *w = wal_of(f);
    int rc = flush(w);
    return rc == SQLITE_OK ? w->real->pMethods->xFileSize(w->real, size) : rc;
}

static int wal_control(sqlite3_file *f, int what, void *arg)
{
    struct wal_file *w = wal_of(f);
    int rc = flush(w);
    return rc == SQLITE_OK ? w->real->pMethods->xFileControl(w->real, what, arg) : rc;
}

static int wal_lock(sqlite3_file *f, int level)
{
    struct wal_file *w = wal_of(f);
    return w->real->pMethods->xLock(w->real, level);
}

static int wal_unlock(sqlite3_file *f, int level)
{
    struct wal_file *w = wal_of(f);
    return w->real->pMethods->xUnlock(w->real, level);
}

static int wal_reserved(sqlite3_file *f, int *out)
{
    struct wal_file *w = wal_of(f);
    return w->real->pMethods->xCheckReservedLock(w->real, out);
}

static int wal_sector(sqlite3_file *f)
{
    struct wal_file *w = wal_of(f);
    return w->real->pMethods->xSectorSize(w->real);
}

static int wal_device(sqlite3_file *f)
{
    struct wal_file *w = wal_of(f);
    return w->real->pMethods->xDeviceCharacteristics(w->real);
}

static const sqlite3_io_methods wal_methods = {.iVersion = 1,
                                               .xClose = wal_close,
                                               .xRead = wal_read,
                                               .xWrite = wal_write,
                                               .xTruncate = wal_truncate,
                                               .xSync = wal_sync,
                                               .xFileSize = wal_size,
                                               .xLock = wal_lock,
                                               .xUnlock = wal_unlock,
                                               .xCheckReservedLock = wal_reserved,
                                               .xFileControl = wal_control,
                                               .xSectorSize = wal_sector,
                                               .xDeviceCharacteristics = wal_device};

/* ---- the VFS ------------------------------------------------------------------------------------------------------
 */

static sqlite3_vfs *below; /* the default one */

static size_t real_at(void)
{
    size_t align = _Alignof(max_align_t);
    return (sizeof(struct wal_file) + align - 1) & ~(align - 1);
}

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out_flags)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return below->xOpen(below, name, f, flags, out_flags);
    struct wal_file *w = wal_of(f);
    *w = (struct wal_file){.real = (sqlite3_file *)(void *)((char *)f + real_at())};
    memset(w->real, 0, (size_t)below->szOsFile);
    int rc = below->xOpen(below, name, w->real, flags, out_flags);
    if (rc == SQLITE_OK)
        f->pMethods = &wal_methods;
    else if (w->real->pMethods != NULL) /* as after a failed open: it must be closed */
        (void)w->real->pMethods->xClose(w->real);
    return rc;
}

static void register_once(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *found = sqlite3_vfs_find(NULL);
    if (found == NULL)
        return;
    vfs = *found;
    vfs.zName = VFS_NAME;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)real_at() + found->szOsFile;
    vfs.xOpen = open_file;
    below = found;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        below = NULL;
}

const char *sqlite_wal_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, register_once);
    return below != NULL ? VFS_NAME : NULL;
}
