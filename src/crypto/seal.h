/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest: AES-256-GCM with a random nonce; the row's identity is associated data, so that a sealed value moved
 * to another row does not open. Format: 1 byte version (1), 4 bytes key id (big-endian), 12 bytes nonce, ciphertext,
 * 16 bytes tag. The keys are not in the database.
 */
#ifndef PR_CRYPTO_SEAL_H
#define PR_CRYPTO_SEAL_H

#include "base/buf.h"

struct keyring; /* immutable after loading, shared by threads */

/*
 * The keys file, JSON, 0600:
 *   {"jwtSecret":"…","masterKeys":[{"id":1,"key":"<64 hex>"}],"current":1}
 * Strings hold no escapes. Reads it, or makes it with fresh random keys when it does not exist. The environment may
 * override, each NULL if not set: jwt_secret, and master_key_hex (64 hex digits, the current key; older ones may follow
 * behind commas). With both from the environment no file is needed, and none is made. A file that others may read is
 * refused.
 * ERR_IO or ERR_INVALID: *why (arena-free, thread-local) says what and which file.
 */
MUST_USE enum err keyring_load(const char *path, const char *master_key_hex, const char *jwt_secret,
                               struct keyring **out, const char **why);
void keyring_free(struct keyring *k);
struct str keyring_jwt_secret(const struct keyring *k);
uint32_t keyring_current(const struct keyring *k);
/* Whether what was sealed under this key can be opened. */
bool keyring_has(const struct keyring *k, uint32_t id);
/* Keys in it: 1 unless a rotation is under way. */
size_t keyring_count(const struct keyring *k);
/*
 * Adds a fresh key, makes it current and writes the file durably (temporary file, fsync, rename). While no other thread
 * uses the ring. ERR_INVALID: the current key comes from the environment, which is where it must be changed.
 */
MUST_USE enum err keyring_rotate(struct keyring *k, const char *path, const char **why);
/* Forgets every key but the current one, in memory and in the file; conditions as above. */
MUST_USE enum err keyring_forget_old(struct keyring *k, const char *path, const char **why);

/* Appends the sealed form of plain. `identity` must be given again to open. */
void keyring_seal(const struct keyring *k, struct str plain, struct str identity, struct buf *out);
/* Appends the plain text. ERR_INVALID: damaged, moved, or sealed under a key that is not in the ring. */
MUST_USE enum err keyring_open(const struct keyring *k, struct str sealed, struct str identity, struct buf *out);
/* The key id a sealed value was made with, 0 if it is not one. */
uint32_t keyring_sealed_by(struct str sealed);

#endif
