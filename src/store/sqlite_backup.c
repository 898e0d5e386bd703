/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy while writes go on. It steps on the writer's own connection, between groups: SQLite then keeps the pages that
 * are already copied up to date with every commit, so that the copy ends, and equals the state at its end. No read
 * transaction stays open, so that the log starts again as ever. Syncing the file is the caller's, on a thread that may
 * wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite_priv.h"

struct backend_backup {
    sqlite3 *to;
    sqlite3_backup *copy;
    char *path;
};

enum err sqlite_backup_begin(struct backend *base, const char *to_path, struct backend_backup **out, const char **why)
{
    struct sqlite_backend *b = backend_of(base);
    int fd = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        *why = errno == EEXIST ? "the file for the copy exists already: name another"
                               : "the file for the copy cannot be made";
        return errno == EEXIST ? ERR_CONFLICT : errno == ENOSPC ? ERR_FULL : ERR_IO;
    }
    close(fd);
    struct backend_backup *k = mem_zalloc(1, sizeof *k);
    k->path = mem_strndup(to_path, strlen(to_path));
    int rc = sqlite3_open_v2(to_path, &k->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(k->to, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; PRAGMA cache_size=-4096", NULL, NULL,
                          NULL);
    if (rc == SQLITE_OK)
        k->copy = sqlite3_backup_init(k->to, "main", b->w.db, "main");
    if (k->copy == NULL) {
        *why = "the file for the copy cannot be opened";
        (void)sqlite_backup_end(base, k, false);
        return ERR_IO;
    }
    *out = k;
    return ERR_OK;
}

enum err sqlite_backup_step(struct backend *base, struct backend_backup *k, int pages, int *percent, bool *done)
{
    (void)base;
    int rc = sqlite3_backup_step(k->copy, pages);
    int total = sqlite3_backup_pagecount(k->copy);
    *percent = total > 0 ? (int)((int64_t)(total - sqlite3_backup_remaining(k->copy)) * 100 / total) : 0;
    *done = rc == SQLITE_DONE;
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return ERR_OK;
    return rc == SQLITE_FULL ? ERR_FULL : ERR_IO;
}

enum err sqlite_backup_end(struct backend *base, struct backend_backup *k, bool keep)
{
    (void)base;
    int rc = sqlite3_backup_finish(k->copy);
    sqlite3_close(k->to);
    if (!keep || rc != SQLITE_OK)
        (void)unlink(k->path);
    free(k->path);
    free(k);
    return rc == SQLITE_OK ? ERR_OK : rc == SQLITE_FULL ? ERR_FULL : ERR_IO;
}
