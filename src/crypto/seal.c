/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyring and what it seals. A key from the environment comes with no number, so its id is taken from its digest
 * with the top bit set: the same in every process, never that of a key in the file, which count from 1.
 */
#include "crypto/seal.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/keyfile.h"

#define SEAL_VERSION  1
#define NONCE_LEN     12
#define TAG_LEN       16
#define HEAD_LEN      (1 + 4)
#define SEAL_OVERHEAD (HEAD_LEN + NONCE_LEN + TAG_LEN)
#define ENV_ID_BIT    0x80000000u

struct keyring {
    struct keyfile file;                    /* what the file holds; key_count 0 when there is none */
    struct master_key env[MASTER_KEYS_MAX]; /* from the environment, the current one first */
    size_t env_count;
    char *jwt_env; /* NULL: the file's */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *aes_256_gcm;

static void fetch_cipher(void)
{
    aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    CHECK(aes_256_gcm != NULL);
}

/* --- the ring --------------------------------------------------------------------------------------------------- */

static void put_u32(unsigned char *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static bool read_env_key(struct str hex, struct master_key *out)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct buf raw = BUF_INIT(MASTER_KEY_LEN);
    bool good = crypto_unhex(hex, &raw) == ERR_OK && raw.len == MASTER_KEY_LEN;
    if (good) {
        memcpy(out->key, raw.ptr, MASTER_KEY_LEN);
        crypto_sha256(buf_str(&raw), digest);
        out->id = get_u32(digest) | ENV_ID_BIT;
    }
    mem_free_secret(raw.ptr, raw.cap);
    return good;
}

static enum err take_env_keys(struct keyring *k, const char *text, const char **why)
{
    struct str rest = str_c(text);
    while (rest.len > 0) {
        struct str hex = str_trim(str_split(&rest, ','));
        if (k->env_count == MASTER_KEYS_MAX || !read_env_key(hex, &k->env[k->env_count])) {
            *why = "the master key must be 64 hexadecimal digits (openssl rand -hex 32), older keys behind it after "
                   "commas";
            return ERR_INVALID;
        }
        k->env_count++;
    }
    return ERR_OK;
}

/* Reads the file, or makes one unless the environment gave everything that would be in it. */
static enum err load_file(struct keyring *k, const char *path, const char **why)
{
    enum err e = keyfile_read(path, &k->file, why);
    if (e != ERR_NOT_FOUND)
        return e;
    if (k->env_count > 0 && k->jwt_env != NULL)
        return ERR_OK;
    keyfile_fresh(&k->file);
    e = keyfile_write(path, &k->file, true, why);
    if (e == ERR_CONFLICT) /* another process was faster: its keys are the keys */
        e = keyfile_read(path, &k->file, why);
    return e == ERR_NOT_FOUND ? ERR_IO : e;
}

enum err keyring_load(const char *path, const char *master_key_hex, const char *jwt_secret, struct keyring **out,
                      const char **why)
{
    struct keyring *k = mem_zalloc(1, sizeof *k);
    enum err e = ERR_OK;
    if (jwt_secret != NULL && jwt_secret[0] == '\0') {
        *why = "the JWT secret is set but empty";
        e = ERR_INVALID;
    } else if (master_key_hex != NULL && master_key_hex[0] == '\0') {
        *why = "the master key is set but empty";
        e = ERR_INVALID;
    }
    if (e == ERR_OK && jwt_secret != NULL)
        k->jwt_env = mem_strndup(jwt_secret, strlen(jwt_secret));
    if (e == ERR_OK && master_key_hex != NULL)
        e = take_env_keys(k, master_key_hex, why);
    if (e == ERR_OK)
        e = load_file(k, path, why);
    if (e != ERR_OK) {
        keyring_free(k);
        return e;
    }
    *out = k;
    return ERR_OK;
}

void keyring_free(struct keyring *k)
{
    if (k == NULL)
        return;
    if (k->jwt_env != NULL)
        mem_free_secret(k->jwt_env, strlen(k->jwt_env));
    mem_free_secret(k, sizeof *k);
}

struct str keyring_jwt_secret(const struct keyring *k)
{
    return k->jwt_env != NULL ? str_c(k->jwt_env) : str_of(k->file.jwt_secret, k->file.jwt_secret_len);
}

uint32_t keyring_current(const struct keyring *k)
{
    return k->env_count > 0 ? k->env[0].id : k->file.current;
}

static const struct master_key *find_key(const struct keyring *k, uint32_t id)
{
    for (size_t i = 0; i < k->env_count; i++) {
        if (k->env[i].id == id)
            return &k->env[i];
    }
    for (size_t i = 0; i < k->file.key_count; i++) {
        if (k->file.keys[i].id == id)
            return &k->file.keys[i];
    }
    return NULL;
}

bool keyring_has(const struct keyring *k, uint32_t id)
{
    return find_key(k, id) != NULL;
}

size_t keyring_count(const struct keyring *k)
{
    return k->env_count + k->file.key_count;
}

/* Whether the file decides which key is current; else *why says where that is decided. */
static enum err check_file_rules(const struct keyring *k, const char **why)
{
    if (k->env_count == 0)
        return ERR_OK;
    *why = "the master key is set in the environment: put a new one in front of it there, separated by a comma, and "
           "drop the old one when everything is sealed again";
    return ERR_INVALID;
}

/* Writes `next` and, only if that went well, makes it the ring's. */
static enum err replace_file(struct keyring *k, struct keyfile *next, const char *path, const char **why)
{
    enum err e = keyfile_write(path, next, false, why);
    if (e == ERR_OK)
        k->file = *next;
    explicit_bzero(next, sizeof *next);
    return e;
}

enum err keyring_rotate(struct keyring *k, const char *path, const char **why)
{
    struct keyfile next;
    enum err e = check_file_rules(k, why);
    if (e != ERR_OK)
        return e;
    if (k->file.key_count == MASTER_KEYS_MAX) {
        *why = "the keys file is full: seal everything again and forget the old keys first";
        return ERR_INVALID;
    }
    next = k->file;
    struct master_key *fresh = &next.keys[next.key_count++];
    fresh->id = 0;
    for (size_t i = 0; i + 1 < next.key_count; i++) {
        if (next.keys[i].id > fresh->id)
            fresh->id = next.keys[i].id;
    }
    if (++fresh->id >= ENV_ID_BIT) {
        *why = "the ids in the keys file are too large";
        explicit_bzero(&next, sizeof next);
        return ERR_INVALID;
    }
    crypto_random(fresh->key, sizeof fresh->key);
    next.current = fresh->id;
    return replace_file(k, &next, path, why);
}

enum err keyring_forget_old(struct keyring *k, const char *path, const char **why)
{
    struct keyfile next;
    enum err e = check_file_rules(k, why);
    if (e != ERR_OK)
        return e;
    next = k->file;
    next.keys[0] = *keyfile_find(&next, next.current);
    explicit_bzero(&next.keys[1], sizeof next.keys - sizeof next.keys[0]);
    next.key_count = 1;
    return replace_file(k, &next, path, why);
}

/* --- sealing ---------------------------------------------------------------------------------------------------- */

void keyring_seal(const struct keyring *k, struct str plain, struct str identity, struct buf *out)
{
    const struct master_key *key = find_key(k, keyring_current(k));
    int len = 0, tail = 0;
    CHECK(key != NULL && plain.len <= INT32_MAX - SEAL_OVERHEAD && identity.len <= INT32_MAX);
    unsigned char *to = (unsigned char *)buf_reserve(out, plain.len + SEAL_OVERHEAD);
    if (to == NULL)
        return;
    pthread_once(&once, fetch_cipher);
    to[0] = SEAL_VERSION;
    put_u32(to + 1, key->id);
    unsigned char *nonce = to + HEAD_LEN, *text = nonce + NONCE_LEN;
    crypto_random(nonce, NONCE_LEN);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK(ctx != NULL);
    CHECK(EVP_EncryptInit_ex2(ctx, aes_256_gcm, key->key, nonce, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)(identity.len > 0 ? identity.ptr : ""),
                            (int)identity.len) == 1);
    len = 0;
    if (plain.len > 0)
        CHECK(EVP_EncryptUpdate(ctx, text, &len, (const unsigned char *)plain.ptr, (int)plain.len) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, text + len, &tail) == 1 && (size_t)(len + tail) == plain.len);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, text + plain.len) == 1);
    EVP_CIPHER_CTX_free(ctx);
    out->len += plain.len + SEAL_OVERHEAD;
}

uint32_t keyring_sealed_by(struct str sealed)
{
    if (sealed.len < SEAL_OVERHEAD || sealed.ptr[0] != SEAL_VERSION)
        return 0;
    return get_u32((const unsigned char *)sealed.ptr + 1);
}

/* Writes text_len bytes to `to` if the tag fits. */
static bool decrypt(const struct master_key *key, const unsigned char *nonce, size_t text_len, struct str identity,
                    unsigned char *to)
{
    const unsigned char *text = nonce + NONCE_LEN;
    unsigned char tag[TAG_LEN];
    int len = 0, tail = 0;
    pthread_once(&once, fetch_cipher);
    memcpy(tag, text + text_len, TAG_LEN);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK(ctx != NULL);
    bool good = EVP_DecryptInit_ex2(ctx, aes_256_gcm, key->key, nonce, NULL) == 1 &&
                EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)(identity.len > 0 ? identity.ptr : ""),
                                  (int)identity.len) == 1;
    len = 0;
    if (good && text_len > 0)
        good = EVP_DecryptUpdate(ctx, to, &len, text, (int)text_len) == 1;
    good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, to + len, &tail) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

enum err keyring_open(const struct keyring *k, struct str sealed, struct str identity, struct buf *out)
{
    uint32_t id = keyring_sealed_by(sealed);
    const struct master_key *key = id != 0 ? find_key(k, id) : NULL;
    if (key == NULL || sealed.len > INT32_MAX || identity.len > INT32_MAX)
        return ERR_INVALID;
    size_t len = sealed.len - SEAL_OVERHEAD;
    unsigned char *to = (unsigned char *)buf_reserve(out, len);
    if (to == NULL)
        return ERR_INVALID;
    if (!decrypt(key, (const unsigned char *)sealed.ptr + HEAD_LEN, len, identity, to)) {
        explicit_bzero(to, len); /* what a wrong tag would have shown */
        return ERR_INVALID;
    }
    out->len += len;
    return ERR_OK;
}
