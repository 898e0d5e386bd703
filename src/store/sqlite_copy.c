/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of the file without a store: a backup beside a running server, and putting one in place. What gets its final
 * name is whole, checked and synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/copy.h"
#include "store/sqlite_priv.h"
#include "sys/owner.h"

#define STEP_PAGES 2048
#define COPY_BYTES ((size_t)1 << 20)

enum err store_lock(const char *path, int *fd, const char **why)
{
    AUTO_FREE char *lock = sqlite_path_with(path, ".lock");
    int got = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (got >= 0)
        owner_adopt(got, path);
    if (got < 0) {
        *why = errno == ENOSPC
                       ? "the disk is full: make room and start again"
                       : "the lock file beside the database cannot be made: check the directory and its permissions";
        return errno == ENOSPC ? ERR_FULL : ERR_IO;
    }
    if (flock(got, LOCK_EX | LOCK_NB) != 0) {
        close(got);
        *why = "another process has the database open: stop it first, or name another path";
        return ERR_CONFLICT;
    }
    *fd = got;
    return ERR_OK;
}

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool sync_directory_of(const char *path)
{
    AUTO_FREE char *copy = mem_strndup(path, strlen(path));
    return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
}

/* A fresh file beside `path`; its name, to be freed, or NULL. */
static char *temp_beside(const char *path, int *fd)
{
    char *temp = sqlite_path_with(path, ".XXXXXX");
    *fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
    if (*fd >= 0)
        return temp;
    free(temp);
    return NULL;
}

/* ---- backup ------------------------------------------------------------------------------------------------------ */

static int copy_pages(sqlite3 *from, sqlite3 *to, store_progress_fn progress, void *arg)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    int rc = copy != NULL ? SQLITE_OK : SQLITE_ERROR;
    while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        if (rc != SQLITE_OK)
            sqlite3_sleep(20);
        rc = sqlite3_backup_step(copy, STEP_PAGES);
        int total = sqlite3_backup_pagecount(copy);
        if (progress != NULL && total > 0)
            progress(arg, (int)((int64_t)(total - sqlite3_backup_remaining(copy)) * 100 / total));
    }
    int end = copy != NULL ? sqlite3_backup_finish(copy) : rc;
    return rc == SQLITE_DONE ? end : rc;
}

/* The open transaction is what makes the copy one moment's: without it a commit would start the copy over. */
static int copy_database(const char *path, const char *to_path, store_progress_fn progress, void *arg)
{
    sqlite3 *from = NULL, *to = NULL;
    int rc = sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(from, 5000);
        rc = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = copy_pages(from, to, progress, arg);
    /* One file, no log beside it; a store that opens it goes back to a log. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    sqlite3_close(from);
    sqlite3_close(to);
    return rc;
}

/* Gives the file its name, which must be free. */
static enum err place_new(const char *temp, const char *to, const char **why)
{
    if (link(temp, to) == 0)
        (void)unlink(temp);
    else if (errno == EEXIST || renameat2(AT_FDCWD, temp, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        *why = errno == EEXIST ? "the file for the copy exists already: name another"
                               : "the copy cannot be given its name";
        return errno == EEXIST ? ERR_CONFLICT : ERR_IO;
    }
    if (sync_directory_of(to))
        return ERR_OK;
    *why = "the copy could not be synced: look at the disk of the new file";
    return ERR_IO;
}

static enum err backup_to(const char *path, const char *temp, store_progress_fn progress, void *arg,
                          struct store_facts *facts, const char **why)
{
    int rc = copy_database(path, temp, progress, arg);
    if (rc != SQLITE_OK) {
        *why = rc == SQLITE_FULL ? "the disk is full: make room for the copy" : "the database could not be copied";
        return rc == SQLITE_FULL ? ERR_FULL : ERR_IO;
    }
    if (!sync_path(temp, O_RDONLY)) {
        *why = "the copy could not be synced: look at the disk of the new file";
        return ERR_IO;
    }
    return store_look(temp, STORE_COUNT, facts, why);
}

enum err store_backup_path(const char *path, const char *to, store_progress_fn progress, void *arg,
                           struct store_facts *facts, const char **why)
{
    struct store_facts found;
    int fd;
    if (access(to, F_OK) == 0) {
        *why = "the file for the copy exists already: name another";
        return ERR_CONFLICT;
    }
    enum err e = store_look(path, STORE_LOOK, &found, why);
    if (e != ERR_OK)
        return e;
    AUTO_FREE char *temp = temp_beside(to, &fd);
    if (temp == NULL) {
        *why = "the file for the copy cannot be made: check the directory and its permissions";
        return ERR_IO;
    }
    close(fd);
    e = backup_to(path, temp, progress, arg, &found, why);
    if (e == ERR_OK)
        e = place_new(temp, to, why);
    if (e == ERR_OK)
        *facts = found;
    else
        (void)unlink(temp);
    return e;
}

/* ---- restore ----------------------------------------------------------------------------------------------------- */

static bool copy_bytes(const char *from, int to)
{
    AUTO_FREE char *chunk = mem_alloc(COPY_BYTES);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? 1 : -1;
    while (n > 0) {
        n = read(fd, chunk, COPY_BYTES);
        for (ssize_t done = 0, w = 0; n > 0 && done < n; done += w) {
            w = write(to, chunk + done, (size_t)(n - done));
            if (w <= 0) {
                n = -1;
                break;
            }
        }
    }
    int trouble = errno;
    if (fd >= 0)
        close(fd);
    errno = trouble;
    return n == 0 && fsync(to) == 0;
}

/* A log left beside would be played into the new file. First into the old one, so that it is whole until the end. */
static enum err logs_remove(const char *path, const char **why)
{
    sqlite3 *db = NULL;
    if (access(path, F_OK) == 0 && sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(db);
    AUTO_FREE char *wal = sqlite_path_with(path, "-wal");
    AUTO_FREE char *shm = sqlite_path_with(path, "-shm");
    if ((unlink(wal) == 0 || errno == ENOENT) && (unlink(shm) == 0 || errno == ENOENT) && sync_directory_of(path))
        return ERR_OK;
    *why = "the old database's log cannot be removed: check the directory and its permissions";
    return ERR_IO;
}

static enum err restore_locked(const char *from, const char *path, const char **why)
{
    struct store_facts found;
    int fd;
    AUTO_FREE char *temp = temp_beside(path, &fd);
    if (temp == NULL) {
        *why = "no file can be made beside the database: check the directory and its permissions";
        return ERR_IO;
    }
    owner_adopt(fd, path);
    bool copied = copy_bytes(from, fd);
    enum err e = copied ? ERR_OK : errno == ENOSPC ? ERR_FULL : ERR_IO;
    *why = e == ERR_FULL ? "the disk is full: make room for the database" : "the file could not be copied";
    close(fd);
    if (e == ERR_OK)
        e = store_look(temp, STORE_CHECK, &found, why);
    if (e == ERR_OK)
        e = logs_remove(path, why);
    if (e == ERR_OK && (rename(temp, path) != 0 || !sync_directory_of(path))) {
        *why = "the copy cannot be put in place";
        e = ERR_IO;
    }
    if (e != ERR_OK)
        (void)unlink(temp);
    return e;
}

enum err store_restore_path(const char *from, const char *path, bool replace, struct store_facts *facts,
                            const char **why)
{
    struct store_facts found;
    AUTO_FREE char *log = sqlite_path_with(from, "-wal");
    struct stat st;
    int lock;
    if (stat(log, &st) == 0 && st.st_size > 0) {
        *why = "the file has a log beside it, so it is a store in use and no backup: make one by `postrider backup`";
        return ERR_INVALID;
    }
    enum err e = store_look(from, STORE_COUNT, &found, why);
    if (e != ERR_OK)
        return e;
    e = store_lock(path, &lock, why);
    if (e != ERR_OK)
        return e;
    if (!replace && access(path, F_OK) == 0) {
        *why = "there is a database already: name another path, or say --force to replace it";
        e = ERR_CONFLICT;
    }
    if (e == ERR_OK)
        e = restore_locked(from, path, why);
    close(lock);
    if (e == ERR_OK)
        *facts = found;
    return e;
}
