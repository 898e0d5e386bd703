/* SPDX-License-Identifier: Apache-2.0 */
/* The disk from inside: vfs.c keeps the files, vfs_sqlite.c shows them to SQLite. */
#ifndef PR_TESTS_SIM_VFS_PRIV_H
#define PR_TESTS_SIM_VFS_PRIV_H

#include <sqlite3.h>

#include "vfs.h"

enum { SIM_FILES_MAX = 16, SIM_NAME_MAX = 128, SIM_REGIONS_MAX = 64 };

struct sim_bytes {
    char *ptr;
    size_t len;
};

/* A write, or with `cut` a truncation to `at`. */
struct sim_change {
    size_t at;
    size_t len;
    char *bytes;
    bool cut;
};

struct sim_file {
    char name[SIM_NAME_MAX];
    bool exists;
    bool is_durable; /* so is that it exists */
    struct sim_bytes seen;
    struct sim_bytes durable;
    struct sim_change *changes; /* since the last sync */
    size_t change_count;
    size_t change_cap;
    int handles;
    /* Locks of the file: how many hold SHARED, and who more. */
    int shared;
    const void *reserved;
    const void *exclusive;
    /* The shared memory beside it. */
    int shm_handles;
    void *regions[SIM_REGIONS_MAX];
    int slot_shared[SQLITE_SHM_NLOCK];
    const void *slot_exclusive[SQLITE_SHM_NLOCK];
};

struct sim_disk {
    uint64_t random;
    int64_t now_ms;
    struct sim_file files[SIM_FILES_MAX];
    size_t file_count;
    struct sim_faults faults;
    struct sim_disk_stats stats;
    bool stopped;
    bool ghosts;
    bool calm;
};
extern struct sim_disk sim_disk;

enum sim_trouble { SIM_FINE, SIM_FAILS, SIM_FULL, SIM_STOPPED };
enum sim_trouble sim_fault_write(bool grows);
enum sim_trouble sim_fault_sync(void);
enum sim_trouble sim_fault_read(void);

uint64_t sim_random(void);
struct sim_file *sim_file_find(const char *name, bool create);
/* Takes c->bytes. */
void sim_file_note(struct sim_file *f, const struct sim_change *c);
void sim_file_sync(struct sim_file *f, bool fails);
void sim_bytes_write(struct sim_bytes *b, size_t at, const void *from, size_t len);
void sim_bytes_cut(struct sim_bytes *b, size_t len);
void sim_vfs_register(void);

#endif
