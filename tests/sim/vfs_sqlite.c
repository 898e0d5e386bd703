/* SPDX-License-Identifier: Apache-2.0 */
/* The disk as SQLite sees it: its file methods, locks and shared memory, for the connections of one process. */
#include "vfs_priv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_conn.h"

struct handle {
    sqlite3_file base;
    struct sim_file *file;
    int level;
    bool has_shm;
    bool calm;
    bool delete_on_close;
    unsigned shared; /* slots, as bits */
    unsigned exclusive;
};

static struct handle *handle_of(sqlite3_file *f)
{
    return (struct handle *)(void *)f;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

static int sim_read(sqlite3_file *base, void *to, int n, sqlite3_int64 at)
{
    const struct sim_bytes *b = &handle_of(base)->file->seen;
    size_t want = (size_t)n, from = (size_t)at;
    if (!handle_of(base)->calm && sim_fault_read() != SIM_FINE)
        return SQLITE_IOERR_READ;
    size_t have = from >= b->len ? 0 : b->len - from < want ? b->len - from : want;
    if (have > 0)
        memcpy(to, b->ptr + from, have);
    if (have == want)
        return SQLITE_OK;
    memset((char *)to + have, 0, want - have);
    return SQLITE_IOERR_SHORT_READ;
}

static int sim_write(sqlite3_file *base, const void *from, int n, sqlite3_int64 at)
{
    struct sim_file *f = handle_of(base)->file;
    struct sim_change c = {.at = (size_t)at, .len = (size_t)n};
    switch (sim_fault_write(c.at + c.len > f->seen.len)) {
    case SIM_FAILS:
        return SQLITE_IOERR_WRITE;
    case SIM_FULL:
        return SQLITE_FULL;
    case SIM_STOPPED:
        return SQLITE_IOERR_WRITE;
    case SIM_FINE:
        break;
    }
    c.bytes = mem_alloc(c.len);
    memcpy(c.bytes, from, c.len);
    sim_file_note(f, &c);
    return SQLITE_OK;
}

static int sim_truncate(sqlite3_file *base, sqlite3_int64 len)
{
    struct sim_change c = {.at = (size_t)len, .cut = true};
    if (sim_fault_write(false) != SIM_FINE)
        return SQLITE_IOERR_TRUNCATE;
    sim_file_note(handle_of(base)->file, &c);
    return SQLITE_OK;
}

static int sim_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    enum sim_trouble t = sim_fault_sync();
    if (t == SIM_STOPPED)
        return SQLITE_IOERR_FSYNC;
    sim_file_sync(handle_of(base)->file, t != SIM_FINE);
    return t == SIM_FINE ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int sim_size(sqlite3_file *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)handle_of(base)->file->seen.len;
    return sim_disk.stopped && !handle_of(base)->calm ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* ---- locks ----------------------------------------------------------------------------------------------------- */

static int sim_lock(sqlite3_file *base, int level)
{
    struct handle *h = handle_of(base);
    struct sim_file *f = h->file;
    if (h->level >= level)
        return SQLITE_OK;
    if (f->exclusive != NULL && f->exclusive != h)
        return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED && f->reserved != NULL && f->reserved != h)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && f->shared > 1)
        return SQLITE_BUSY;
    f->shared += h->level == SQLITE_LOCK_NONE;
    if (level >= SQLITE_LOCK_RESERVED)
        f->reserved = h;
    if (level == SQLITE_LOCK_EXCLUSIVE)
        f->exclusive = h;
    h->level = level;
    return SQLITE_OK;
}

static int sim_unlock(sqlite3_file *base, int level)
{
    struct handle *h = handle_of(base);
    struct sim_file *f = h->file;
    if (h->level <= level)
        return SQLITE_OK;
    if (f->reserved == h)
        f->reserved = NULL;
    if (f->exclusive == h)
        f->exclusive = NULL;
    f->shared -= level == SQLITE_LOCK_NONE;
    h->level = level;
    return SQLITE_OK;
}

static int sim_check_reserved(sqlite3_file *base, int *out)
{
    *out = handle_of(base)->file->reserved != NULL;
    return SQLITE_OK;
}

/* ---- shared memory --------------------------------------------------------------------------------------------- */

static int sim_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct handle *h = handle_of(base);
    struct sim_file *f = h->file;
    *out = NULL;
    if (sim_disk.stopped && !h->calm)
        return SQLITE_IOERR_SHMMAP;
    CHECK(region < SIM_REGIONS_MAX);
    f->shm_handles += !h->has_shm;
    h->has_shm = true;
    if (f->regions[region] == NULL && extend)
        f->regions[region] = mem_zalloc(1, (size_t)size);
    *out = f->regions[region];
    return SQLITE_OK;
}

static bool slot_is_free(const struct handle *h, int slot, bool exclusive)
{
    const struct sim_file *f = h->file;
    unsigned bit = 1u << slot;
    if (f->slot_exclusive[slot] != NULL && f->slot_exclusive[slot] != h)
        return false;
    return !exclusive || f->slot_shared[slot] == ((h->shared & bit) != 0);
}

static void slot_drop(struct handle *h, int slot)
{
    unsigned bit = 1u << slot;
    if ((h->shared & bit) != 0)
        h->file->slot_shared[slot]--;
    if ((h->exclusive & bit) != 0)
        h->file->slot_exclusive[slot] = NULL;
    h->shared &= ~bit;
    h->exclusive &= ~bit;
}

static int sim_shm_lock(sqlite3_file *base, int from, int n, int flags)
{
    struct handle *h = handle_of(base);
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = from; (flags & SQLITE_SHM_LOCK) != 0 && i < from + n; i++)
        if (!slot_is_free(h, i, exclusive))
            return SQLITE_BUSY;
    for (int i = from; i < from + n; i++) {
        slot_drop(h, i);
        if ((flags & SQLITE_SHM_UNLOCK) != 0)
            continue;
        if (exclusive) {
            h->file->slot_exclusive[i] = h;
            h->exclusive |= 1u << i;
        } else {
            h->file->slot_shared[i]++;
            h->shared |= 1u << i;
        }
    }
    return SQLITE_OK;
}

static void sim_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int sim_shm_unmap(sqlite3_file *base, int delete_it)
{
    struct handle *h = handle_of(base);
    struct sim_file *f = h->file;
    (void)delete_it;
    if (!h->has_shm)
        return SQLITE_OK;
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
        slot_drop(h, i);
    h->has_shm = false;
    /* Nobody has it open: the next process begins with nothing, as after a restart. */
    if (--f->shm_handles == 0)
        for (int i = 0; i < SIM_REGIONS_MAX; i++) {
            free(f->regions[i]);
            f->regions[i] = NULL;
        }
    return SQLITE_OK;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static void file_remove(struct sim_file *f)
{
    sim_bytes_cut(&f->seen, 0);
    sim_bytes_cut(&f->durable, 0);
    sim_file_sync(f, false);
    sim_bytes_cut(&f->durable, 0);
    f->exists = f->is_durable = false;
}

static int sim_close(sqlite3_file *base)
{
    struct handle *h = handle_of(base);
    sim_unlock(base, SQLITE_LOCK_NONE);
    sim_shm_unmap(base, 0);
    h->file->handles--;
    if (h->delete_on_close)
        file_remove(h->file);
    return SQLITE_OK;
}

static int sim_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int sim_sector(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

/* As SQLite takes for granted of files: a write leaves its neighbours alone. */
static int sim_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = sim_close,
                                           .xRead = sim_read,
                                           .xWrite = sim_write,
                                           .xTruncate = sim_truncate,
                                           .xSync = sim_sync,
                                           .xFileSize = sim_size,
                                           .xLock = sim_lock,
                                           .xUnlock = sim_unlock,
                                           .xCheckReservedLock = sim_check_reserved,
                                           .xFileControl = sim_control,
                                           .xSectorSize = sim_sector,
                                           .xDeviceCharacteristics = sim_device,
                                           .xShmMap = sim_shm_map,
                                           .xShmLock = sim_shm_lock,
                                           .xShmBarrier = sim_shm_barrier,
                                           .xShmUnmap = sim_shm_unmap};

static int sim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
    struct handle *h = handle_of(base);
    (void)vfs;
    *h = (struct handle){.calm = sim_disk.calm,
                         .delete_on_close = name == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0};
    if (sim_disk.stopped)
        return SQLITE_CANTOPEN;
    struct sim_file *f = sim_file_find(name != NULL ? name : "temporary", (flags & SQLITE_OPEN_CREATE) != 0);
    if (f == NULL || (!f->exists && (flags & SQLITE_OPEN_CREATE) == 0))
        return SQLITE_CANTOPEN;
    f->exists = true;
    f->handles++;
    h->file = f;
    h->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int sim_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    (void)sync_dir;
    struct sim_file *f = sim_file_find(name, false);
    if (sim_fault_write(false) != SIM_FINE)
        return SQLITE_IOERR_DELETE;
    if (f == NULL || !f->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    file_remove(f);
    return SQLITE_OK;
}

static int sim_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    (void)flags;
    const struct sim_file *f = sim_file_find(name, false);
    *out = f != NULL && f->exists && (flags != SQLITE_ACCESS_EXISTS || f->seen.len > 0);
    return SQLITE_OK;
}

static int sim_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    (void)vfs;
    sqlite3_snprintf(n, out, "%s", name);
    return SQLITE_OK;
}

static int sim_randomness(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    for (int i = 0; i < n; i++)
        out[i] = (char)sim_random();
    return n;
}

static int sim_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int sim_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = sim_disk.now_ms + 210866760000000;
    return SQLITE_OK;
}

static int sim_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    (void)n;
    (void)out;
    return 0;
}

void sim_vfs_register(void)
{
    static sqlite3_vfs vfs = {.iVersion = 2,
                              .szOsFile = sizeof(struct handle),
                              .mxPathname = SIM_NAME_MAX,
                              .zName = "sim",
                              .xOpen = sim_open,
                              .xDelete = sim_delete,
                              .xAccess = sim_access,
                              .xFullPathname = sim_full_path,
                              .xRandomness = sim_randomness,
                              .xSleep = sim_sleep,
                              .xGetLastError = sim_last_error,
                              .xCurrentTimeInt64 = sim_time};
    static bool done;
    if (!done)
        CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
    done = true;
    sqlite3_randomness(0, NULL); /* begins again from the seed */
}
