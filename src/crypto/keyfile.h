/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys file that seal.h describes: its text and its place on disk. Of use to the keyring only.
 */
#ifndef PR_CRYPTO_KEYFILE_H
#define PR_CRYPTO_KEYFILE_H

#include "base/buf.h"

#define MASTER_KEY_LEN  32
#define MASTER_KEYS_MAX 32
#define JWT_SECRET_MAX  4096

struct master_key {
    uint32_t id; /* never 0 */
    unsigned char key[MASTER_KEY_LEN];
};

struct keyfile {
    char jwt_secret[JWT_SECRET_MAX];
    size_t jwt_secret_len;
    struct master_key keys[MASTER_KEYS_MAX];
    size_t key_count;
    uint32_t current; /* the id of one of the keys */
};

/* Fills a new file's content: a fresh token secret, one fresh key with id 1. */
void keyfile_fresh(struct keyfile *f);
struct master_key *keyfile_find(struct keyfile *f, uint32_t id);

/* The text form. ERR_INVALID: *why says what is wrong with it. */
MUST_USE enum err keyfile_parse(struct str text, struct keyfile *out, const char **why);
void keyfile_format(const struct keyfile *f, struct buf *out);

/* ERR_NOT_FOUND: no such file. ERR_IO, ERR_INVALID: *why, a static or thread-local text, names file and trouble. */
MUST_USE enum err keyfile_read(const char *path, struct keyfile *out, const char **why);
/*
 * Writes durably: temporary file, fsync, rename, fsync of the directory; mode 0600. With `create`, an existing file is
 * not replaced: ERR_CONFLICT.
 */
MUST_USE enum err keyfile_write(const char *path, const struct keyfile *f, bool create, const char **why);

/* Formats into a thread-local text that lives until the next call. */
const char *keyfile_why(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
