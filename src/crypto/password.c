/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/password.h"

#include <argon2.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/crypto.h"

#define PASSES      2
#define MEMORY_KIB  19456
#define LANES       1
#define SALT_LEN    16
#define HASH_LEN    32
#define ENCODED_MAX 256
#define INSIDE_MAX  2 /* one at work, one waiting */

/* Well-formed, of the same cost, and of no known password. */
#define NOBODYS "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int inside;

static bool enter(void)
{
    if (atomic_fetch_add(&inside, 1) < INSIDE_MAX) {
        pthread_mutex_lock(&lock);
        return true;
    }
    atomic_fetch_sub(&inside, 1);
    return false;
}

static void leave(void)
{
    pthread_mutex_unlock(&lock);
    atomic_fetch_sub(&inside, 1);
}

enum err crypto_password_hash(struct str password, struct buf *out)
{
    unsigned char salt[SALT_LEN];
    char encoded[ENCODED_MAX];
    CHECK(password.len <= CRYPTO_PASSWORD_MAX);
    if (!enter())
        return ERR_RATE;
    crypto_random(salt, sizeof salt);
    int r = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.ptr, password.len, salt, sizeof salt, HASH_LEN,
                                  encoded, sizeof encoded);
    leave();
    CHECK(r == ARGON2_OK);
    buf_add_str(out, str_c(encoded));
    return ERR_OK;
}

enum err crypto_password_verify(struct str encoded, struct str password)
{
    char text[ENCODED_MAX];
    bool known = encoded.ptr != NULL && encoded.len < sizeof text;
    struct str against = known ? encoded : STR(NOBODYS);
    if (password.len > CRYPTO_PASSWORD_MAX)
        return ERR_UNAUTHORIZED;
    if (!enter())
        return ERR_RATE;
    memcpy(text, against.ptr, against.len);
    text[against.len] = '\0';
    int r = argon2id_verify(text, password.ptr, password.len);
    leave();
    return r == ARGON2_OK && known ? ERR_OK : ERR_UNAUTHORIZED;
}
