/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room on the disk. Appends stop before it ends; if it ends all the same, the ballast (a file that is larger than the
 * log may grow) is given up, so that results can be written, retention can delete and checkpoints can move the log:
 * freed pages inside the database are room too, although the file system does not know.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "store/sqlite_priv.h"

#define SPACE_WAL_CAP     ((size_t)64 << 20)
#define SPACE_WAL_CAP_MIN ((size_t)1 << 20)
/* What the first reading of a log needs beside it. */
#define SPACE_RECOVERY    ((size_t)4 << 20)
#define SPACE_RESERVE_MAX ((size_t)16 << 20)

static uint64_t disk_free(const struct sqlite_backend *b)
{
    struct statvfs v;
    if (statvfs(b->path, &v) != 0)
        return UINT64_MAX;
    return (uint64_t)v.f_bavail * v.f_frsize;
}

static void ballast_drop(struct sqlite_backend *b)
{
    (void)unlink(b->ballast_path);
    b->ballast_there = false;
}

static void ballast_make(struct sqlite_backend *b)
{
    if (b->ballast_bytes == 0)
        return;
    int fd = open(b->ballast_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    struct stat st;
    bool ok = fstat(fd, &st) == 0 &&
              (st.st_size <= (off_t)b->ballast_bytes || ftruncate(fd, (off_t)b->ballast_bytes) == 0);
    ok = ok && posix_fallocate(fd, 0, (off_t)b->ballast_bytes) == 0;
    close(fd);
    b->ballast_there = ok;
    if (!ok)
        ballast_drop(b);
}

/* Pages inside the file that are free to be used again. */
static uint64_t pages_free_bytes(struct sqlite_backend *b)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_FREELIST, "PRAGMA freelist_count");
    uint64_t pages = conn_next(&b->w, st) == ERR_OK ? (uint64_t)col_int(st, 0) : 0;
    sqlite3_reset(st);
    return pages * SQLITE_PAGE_BYTES;
}

enum err space_init(struct sqlite_backend *b, const struct store_config *c)
{
    uint64_t room = disk_free(b);
    struct stat st;
    if (stat(b->ballast_path, &st) == 0)
        room += (uint64_t)st.st_size;
    size_t cap = c->wal_cap_bytes != 0 ? c->wal_cap_bytes : SPACE_WAL_CAP;
    uint64_t ballast = c->ballast_bytes;
    if (ballast == 0)
        ballast = cap + cap / 4 < room / 20 ? cap + cap / 4 : room / 20;
    b->ballast_bytes = (size_t)ballast;
    /* On a small disk the log is small too: the ballast must hold it. */
    size_t holds = (size_t)(ballast / 5 * 4);
    if (cap > holds)
        cap = holds > SPACE_WAL_CAP_MIN ? holds : SPACE_WAL_CAP_MIN;
    b->wal_cap_bytes = cap;
    b->reserve_bytes = b->ballast_bytes / 4 < SPACE_RESERVE_MAX ? b->ballast_bytes / 4 : SPACE_RESERVE_MAX;
    if (!c->read_only_ok && room >= (uint64_t)b->ballast_bytes + 2 * (uint64_t)b->reserve_bytes)
        ballast_make(b);
    return ERR_OK;
}

void space_for_recovery(struct sqlite_backend *b)
{
    if (disk_free(b) < SPACE_RECOVERY)
        ballast_drop(b);
}

enum err sqlite_space(struct backend *base)
{
    struct sqlite_backend *b = backend_of(base);
    uint64_t room = disk_free(b);
    if (b->ballast_there && room >= b->reserve_bytes)
        return ERR_OK;
    if (b->ballast_there) {
        log_warn("disk_low", LOG_INT("free_bytes", room));
        ballast_drop(b);
        room = disk_free(b);
    }
    if (room >= (uint64_t)b->ballast_bytes + 2 * (uint64_t)b->reserve_bytes) {
        ballast_make(b);
        return ERR_OK;
    }
    /* Without ballast: the log must be able to grow to its cap, and what it carries must fit into the file. */
    uint64_t wal = b->wal_bytes, log_room = (uint64_t)b->wal_cap_bytes + b->wal_cap_bytes / 8;
    log_room = wal < log_room ? log_room - wal : 0;
    bool enough = room >= log_room && room - log_room + pages_free_bytes(b) >= 2 * (uint64_t)b->reserve_bytes;
    return enough ? ERR_OK : ERR_FULL;
}

void sqlite_stats(struct backend *base, struct store_stats *out)
{
    struct sqlite_backend *b = backend_of(base);
    struct stat st;
    out->wal_bytes = b->wal_bytes;
    out->file_bytes = stat(b->path, &st) == 0 ? (uint64_t)st.st_size : 0;
}
