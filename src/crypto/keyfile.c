/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes the keys file. Its JSON is a fixed shape of one object, one array and strings without escapes, so a
 * cursor reads it; json/ stands above this folder. Losing this file loses every sealed secret: it is never rewritten in
 * place, and a new one never replaces one that appeared meanwhile.
 */
#include "crypto/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "sys/owner.h"

#define KEYFILE_SIZE_MAX 65536
#define FRESH_JWT_BYTES  32

const char *keyfile_why(const char *fmt, ...)
{
    static _Thread_local char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return text;
}

void keyfile_fresh(struct keyfile *f)
{
    unsigned char random[FRESH_JWT_BYTES];
    struct buf text = BUF_INIT(JWT_SECRET_MAX);
    memset(f, 0, sizeof *f);
    crypto_random(random, sizeof random);
    crypto_base64url(str_of((char *)random, sizeof random), &text);
    memcpy(f->jwt_secret, text.ptr, text.len);
    f->jwt_secret_len = text.len;
    f->keys[0].id = f->current = 1;
    f->key_count = 1;
    crypto_random(f->keys[0].key, MASTER_KEY_LEN);
    mem_free_secret(text.ptr, text.cap);
    explicit_bzero(random, sizeof random);
}

struct master_key *keyfile_find(struct keyfile *f, uint32_t id)
{
    for (size_t i = 0; i < f->key_count; i++) {
        if (f->keys[i].id == id)
            return &f->keys[i];
    }
    return NULL;
}

/* --- text ------------------------------------------------------------------------------------------------------- */

static void skip_blanks(struct str *at)
{
    while (at->len > 0 && strchr(" \t\r\n", at->ptr[0]) != NULL && at->ptr[0] != '\0')
        *at = str_skip(*at, 1);
}

static bool take_char(struct str *at, char c)
{
    skip_blanks(at);
    if (at->len == 0 || at->ptr[0] != c)
        return false;
    *at = str_skip(*at, 1);
    return true;
}

static bool take_string(struct str *at, struct str *out)
{
    if (!take_char(at, '"'))
        return false;
    size_t end = str_find(*at, '"');
    if (end == at->len || str_find(str_take(*at, end), '\\') < end)
        return false;
    *out = str_take(*at, end);
    *at = str_skip(*at, end + 1);
    return true;
}

static bool take_id(struct str *at, uint32_t *out)
{
    size_t len = 0;
    uint64_t v;
    skip_blanks(at);
    while (len < at->len && at->ptr[len] >= '0' && at->ptr[len] <= '9')
        len++;
    if (str_to_u64(str_take(*at, len), &v) != ERR_OK || v == 0 || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    *at = str_skip(*at, len);
    return true;
}

static bool take_key_bytes(struct str *at, unsigned char out[MASTER_KEY_LEN])
{
    struct str hex;
    struct buf raw = BUF_INIT(MASTER_KEY_LEN);
    bool good = take_string(at, &hex) && crypto_unhex(hex, &raw) == ERR_OK && raw.len == MASTER_KEY_LEN;
    if (good)
        memcpy(out, raw.ptr, MASTER_KEY_LEN);
    mem_free_secret(raw.ptr, raw.cap);
    return good;
}

static bool take_master_key(struct str *at, struct master_key *out)
{
    bool has_id = false, has_key = false;
    if (!take_char(at, '{'))
        return false;
    do {
        struct str name;
        if (!take_string(at, &name) || !take_char(at, ':'))
            return false;
        if (str_eq(name, STR("id")) && !has_id)
            has_id = take_id(at, &out->id);
        else if (str_eq(name, STR("key")) && !has_key)
            has_key = take_key_bytes(at, out->key);
        else
            return false;
    } while (take_char(at, ','));
    return has_id && has_key && take_char(at, '}');
}

static bool take_master_keys(struct str *at, struct keyfile *f)
{
    if (!take_char(at, '['))
        return false;
    do {
        struct master_key key;
        if (f->key_count == MASTER_KEYS_MAX || !take_master_key(at, &key) || keyfile_find(f, key.id) != NULL)
            return false;
        f->keys[f->key_count++] = key;
        explicit_bzero(&key, sizeof key);
    } while (take_char(at, ','));
    return take_char(at, ']');
}

static bool take_jwt_secret(struct str *at, struct keyfile *f)
{
    struct str text;
    if (!take_string(at, &text) || text.len == 0 || text.len > JWT_SECRET_MAX)
        return false;
    memcpy(f->jwt_secret, text.ptr, text.len);
    f->jwt_secret_len = text.len;
    return true;
}

enum err keyfile_parse(struct str text, struct keyfile *out, const char **why)
{
    struct str at = text, name = STR_NULL;
    bool good = take_char(&at, '{');
    memset(out, 0, sizeof *out);
    do {
        good = good && take_string(&at, &name) && take_char(&at, ':');
        if (good && str_eq(name, STR("jwtSecret")) && out->jwt_secret_len == 0)
            good = take_jwt_secret(&at, out);
        else if (good && str_eq(name, STR("masterKeys")) && out->key_count == 0)
            good = take_master_keys(&at, out);
        else if (good && str_eq(name, STR("current")) && out->current == 0)
            good = take_id(&at, &out->current);
        else
            good = false;
    } while (good && take_char(&at, ','));
    good = good && take_char(&at, '}');
    skip_blanks(&at);
    if (good && at.len == 0 && out->jwt_secret_len > 0 && keyfile_find(out, out->current) != NULL)
        return ERR_OK;
    if (good && at.len == 0)
        *why = out->jwt_secret_len == 0 ? "jwtSecret is missing" : "current does not name one of masterKeys";
    else
        *why = keyfile_why(
                "byte %zu does not fit; the file reads {\"jwtSecret\":\"…\",\"masterKeys\":[{\"id\":1,\"key\":"
                "\"64 hex digits\"}],\"current\":1}, no escapes",
                text.len - at.len);
    explicit_bzero(out, sizeof *out);
    return ERR_INVALID;
}

void keyfile_format(const struct keyfile *f, struct buf *out)
{
    buf_add_str(out, STR("{\"jwtSecret\":\""));
    buf_add(out, f->jwt_secret, f->jwt_secret_len);
    buf_add_str(out, STR("\",\"masterKeys\":["));
    for (size_t i = 0; i < f->key_count; i++) {
        buf_addf(out, "%s\n{\"id\":%u,\"key\":\"", i > 0 ? "," : "", f->keys[i].id);
        crypto_hex(str_of((const char *)f->keys[i].key, MASTER_KEY_LEN), out);
        buf_add_str(out, STR("\"}"));
    }
    buf_addf(out, "\n],\"current\":%u}\n", f->current);
}

/* --- disk ------------------------------------------------------------------------------------------------------- */

static enum err check_mode(int fd, const char *path, const char **why)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        *why = keyfile_why("%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    if (!S_ISREG(st.st_mode)) {
        *why = keyfile_why("%s is not a regular file", path);
        return ERR_INVALID;
    }
    if ((st.st_mode & 077) != 0) {
        *why = keyfile_why("%s holds secrets but others may read it (mode %03o): chmod 600 %s", path,
                           (unsigned)st.st_mode & 0777, path);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* Reads to the end or to the limit; the length, or -1 with errno. */
static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, to + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

enum err keyfile_read(const char *path, struct keyfile *out, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (fd < 0) {
        *why = keyfile_why("%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    enum err e = check_mode(fd, path, why);
    if (e != ERR_OK) {
        close(fd);
        return e;
    }
    char *text = mem_alloc(KEYFILE_SIZE_MAX);
    ssize_t len = read_all(fd, text, KEYFILE_SIZE_MAX);
    if (len < 0) {
        *why = keyfile_why("%s: %s", path, strerror(errno));
        e = ERR_IO;
    } else {
        const char *trouble = NULL;
        e = keyfile_parse(str_of(text, (size_t)len), out, &trouble);
        if (e != ERR_OK) {
            AUTO_FREE char *copy = mem_strndup(trouble, strlen(trouble));
            *why = keyfile_why("%s: %s", path, copy);
        }
    }
    mem_free_secret(text, KEYFILE_SIZE_MAX);
    close(fd);
    return e;
}

static bool write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = str_skip(text, (size_t)n);
    }
    return fsync(fd) == 0;
}

static bool sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *dir = slash == NULL ? mem_strndup(".", 1) : mem_strndup(path, (size_t)(slash - path) + 1);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

/* Gives the file its name. Without `create` it replaces; with it, an existing name is EEXIST. */
static bool place(const char *temp, const char *path, bool create)
{
    if (!create)
        return rename(temp, path) == 0;
    if (link(temp, path) == 0)
        return unlink(temp) == 0;
    /* Not every file system has links. */
    return errno != EEXIST && renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
}

enum err keyfile_write(const char *path, const struct keyfile *f, bool create, const char **why)
{
    struct buf text = BUF_INIT(KEYFILE_SIZE_MAX), name = BUF_INIT(PATH_MAX);
    buf_add_str(&name, str_c(path));
    buf_add_str(&name, STR(".XXXXXX"));
    AUTO_FREE char *temp = buf_take(&name, NULL);     /* cut when too long: mkostemp then refuses it */
    if (buf_reserve(&text, KEYFILE_SIZE_MAX) == NULL) /* in one piece: growing would leave copies of keys behind */
        return ERR_IO;
    keyfile_format(f, &text);
    CHECK(!text.overflow);
    int fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
    if (fd >= 0)
        owner_adopt(fd, path);
    bool good = fd >= 0 && write_all(fd, buf_str(&text)) && place(temp, path, create) && sync_directory(path);
    int trouble = errno;
    mem_free_secret(text.ptr, text.cap);
    if (fd >= 0)
        close(fd);
    if (good)
        return ERR_OK;
    if (fd >= 0)
        unlink(temp);
    *why = keyfile_why("%s: cannot be written: %s", path, strerror(trouble));
    return create && trouble == EEXIST ? ERR_CONFLICT : ERR_IO;
}
