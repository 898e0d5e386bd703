/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's file from outside: what another process, or one without a server, does with it. All of these block, work
 * on paths of the embedded store, and open no store; *why is a static text that says what to do.
 */
#ifndef PR_STORE_COPY_H
#define PR_STORE_COPY_H

#include "base/err.h"
#include "base/str.h"

#define STORE_KEY_IDS_MAX 32
#define STORE_CANARY_MAX  128

struct store_facts {
    int schema_version;
    int64_t bytes;           /* of the file, without its log */
    int64_t highest_time_ms; /* of anything in it; 0: empty */
    uint64_t messages, deliveries, attempts, objects;
    uint32_t key_ids[STORE_KEY_IDS_MAX]; /* that the secrets in it are sealed under */
    size_t key_id_count;
    /* The OBJ_CANARY, sealed, and its id: whether a key with the right id is the right key. 0: the store has none yet.
     */
    int64_t canary_id;
    size_t canary_bytes;
    char canary[STORE_CANARY_MAX];
    char sha256[65]; /* over all rows of the four tables, in order of their keys; hex */
};

enum store_depth {
    STORE_LOOK,  /* is it ours, its version, its size, its key ids */
    STORE_CHECK, /* and SQLite's quick_check */
    STORE_COUNT  /* and rows and checksum: reads everything */
};

/* The newest schema that this program knows. */
int store_schema_version(void);

/*
 * Looks at a file, read-only, also while a server writes to it. ERR_NOT_FOUND: no such file; ERR_INVALID: not ours,
 * damaged, or of a newer version; ERR_IO.
 */
MUST_USE enum err store_look(const char *path, enum store_depth depth, struct store_facts *out, const char **why);

/*
 * The lock that keeps a second process away. ERR_CONFLICT: another holds it. *fd is closed by the caller, which frees
 * the lock.
 */
MUST_USE enum err store_lock(const char *path, int *fd, const char **why);

typedef void (*store_progress_fn)(void *arg, int percent);

/*
 * A copy of the state at one moment, while a server writes: reads in one transaction of its own, blocks no commit (the
 * server's log grows until the copy is made). The copy is checked, synced and only then gets its name; it is one file
 * without a log. ERR_CONFLICT: `to` exists. Mode 0600.
 */
MUST_USE enum err store_backup_path(const char *path, const char *to, store_progress_fn progress, void *arg,
                                    struct store_facts *facts, const char **why);

/*
 * Puts a checked copy in the place of the store at `path`, durably: a crash leaves the old or the new. ERR_CONFLICT:
 * a process has it open, or it is there and `replace` is false.
 */
MUST_USE enum err store_restore_path(const char *from, const char *path, bool replace, struct store_facts *facts,
                                     const char **why);

#endif
