/* SPDX-License-Identifier: Apache-2.0 */
/* What a database file holds, seen read-only and without a store. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "store/copy.h"
#include "store/sqlite_priv.h"

#define ROW_MAX ((size_t)64 << 20)

static const struct {
    const char *sql;
    size_t at;
} tables[] = {
        {"SELECT * FROM message ORDER BY id", offsetof(struct store_facts, messages)},
        {"SELECT * FROM delivery ORDER BY msg, ep", offsetof(struct store_facts, deliveries)},
        {"SELECT * FROM attempt ORDER BY id", offsetof(struct store_facts, attempts)},
        {"SELECT * FROM object ORDER BY id", offsetof(struct store_facts, objects)},
};

int store_schema_version(void)
{
    return SCHEMA_VERSION;
}

static enum err prepare(sqlite3 *db, const char *sql, sqlite3_stmt **st)
{
    int rc = sqlite3_prepare_v2(db, sql, -1, st, NULL);
    return rc == SQLITE_OK ? ERR_OK : rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? ERR_INVALID : ERR_IO;
}

static enum err ask_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    enum err e = prepare(db, sql, &st);
    int rc = e == ERR_OK ? sqlite3_step(st) : SQLITE_ERROR;
    if (e == ERR_OK && rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else if (e == ERR_OK)
        e = rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? ERR_INVALID : ERR_IO;
    sqlite3_finalize(st);
    return e;
}

/* ---- whose file -------------------------------------------------------------------------------------------------- */

static enum err look_version(sqlite3 *db, struct store_facts *out, const char **why)
{
    int64_t app = 0, version = 0;
    enum err e = ask_number(db, "PRAGMA application_id", &app);
    if (e == ERR_OK)
        e = ask_number(db, "PRAGMA user_version", &version);
    *why = e == ERR_INVALID ? "the file is not a database, or damaged" : "the file cannot be read";
    if (e != ERR_OK)
        return e;
    if (app != SCHEMA_APPLICATION_ID || version < 1) {
        *why = "the file is not a store of Postrider";
        return ERR_INVALID;
    }
    out->schema_version = (int)version;
    if (version > SCHEMA_VERSION) {
        *why = "the store was written by a newer version of Postrider: use that one";
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err look_keys(sqlite3 *db, struct store_facts *out)
{
    sqlite3_stmt *st = NULL;
    enum err e = prepare(db, "SELECT DISTINCT substr(sealed,2,4) FROM object WHERE sealed IS NOT NULL", &st);
    int rc = SQLITE_DONE;
    out->key_id_count = 0;
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const unsigned char *b = sqlite3_column_blob(st, 0);
        if (sqlite3_column_bytes(st, 0) == 4 && out->key_id_count < STORE_KEY_IDS_MAX)
            out->key_ids[out->key_id_count++] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
                                                b[3];
    }
    sqlite3_finalize(st);
    return e == ERR_OK && rc != SQLITE_DONE ? ERR_IO : e;
}

static enum err look_canary(sqlite3 *db, struct store_facts *out)
{
    sqlite3_stmt *st = NULL;
    enum err e = prepare(db, "SELECT id, sealed FROM object WHERE kind = ?1 AND deleted_ms = 0", &st);
    int rc = SQLITE_DONE;
    out->canary_id = 0;
    out->canary_bytes = 0;
    if (e == ERR_OK && sqlite3_bind_int(st, 1, OBJ_CANARY) == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const void *sealed = sqlite3_column_blob(st, 1);
        size_t bytes = (size_t)sqlite3_column_bytes(st, 1);
        if (sealed != NULL && bytes <= STORE_CANARY_MAX) {
            out->canary_id = sqlite3_column_int64(st, 0);
            out->canary_bytes = bytes;
            memcpy(out->canary, sealed, bytes);
        }
    }
    sqlite3_finalize(st);
    return e == ERR_OK && rc != SQLITE_DONE && rc != SQLITE_ROW ? ERR_IO : e;
}

/* ---- is it whole ------------------------------------------------------------------------------------------------- */

static enum err look_whole(sqlite3 *db)
{
    sqlite3_stmt *st = NULL;
    enum err e = prepare(db, "PRAGMA quick_check(1)", &st);
    if (e == ERR_OK) {
        int rc = sqlite3_step(st);
        const unsigned char *said = rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
        e = said != NULL && strcmp((const char *)said, "ok") == 0 ? ERR_OK : ERR_INVALID;
    }
    sqlite3_finalize(st);
    return e;
}

/* ---- rows and their checksum ------------------------------------------------------------------------------------- */

static void add_column(sqlite3_stmt *st, int at, struct buf *row)
{
    unsigned char type = (unsigned char)sqlite3_column_type(st, at);
    uint64_t len = 0;
    buf_add(row, &type, 1);
    if (type == SQLITE_NULL)
        return;
    const void *bytes = sqlite3_column_blob(st, at);
    len = (uint64_t)sqlite3_column_bytes(st, at);
    buf_add(row, &len, sizeof len);
    buf_add(row, bytes, (size_t)len);
}

/* Each row is digested together with the digest before it. */
static enum err count_table(sqlite3 *db, const char *sql, unsigned char digest[CRYPTO_SHA256_LEN], uint64_t *count)
{
    sqlite3_stmt *st = NULL;
    struct buf row = BUF_INIT(ROW_MAX);
    enum err e = prepare(db, sql, &st);
    int rc = SQLITE_DONE;
    *count = 0;
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        buf_clear(&row);
        buf_add(&row, digest, CRYPTO_SHA256_LEN);
        for (int i = 0; i < sqlite3_column_count(st); i++)
            add_column(st, i, &row);
        CHECK(!row.overflow);
        crypto_sha256(buf_str(&row), digest);
        (*count)++;
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = ERR_INVALID;
    sqlite3_finalize(st);
    buf_fini(&row);
    return e;
}

static enum err look_rows(sqlite3 *db, struct store_facts *out)
{
    unsigned char digest[CRYPTO_SHA256_LEN] = {0};
    struct buf hex = BUF_INIT(2 * CRYPTO_SHA256_LEN);
    enum err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(tables) && e == ERR_OK; i++)
        e = count_table(db, tables[i].sql, digest, (uint64_t *)(void *)((char *)out + tables[i].at));
    crypto_hex(str_of((const char *)digest, sizeof digest), &hex);
    memcpy(out->sha256, hex.ptr, 2 * CRYPTO_SHA256_LEN);
    out->sha256[2 * CRYPTO_SHA256_LEN] = '\0';
    buf_fini(&hex);
    return e;
}

static enum err look_in(sqlite3 *db, enum store_depth depth, struct store_facts *out, const char **why)
{
    int64_t highest = 0;
    enum err e = look_version(db, out, why);
    if (e != ERR_OK)
        return e;
    *why = "the database is damaged: restore a backup";
    if (depth >= STORE_CHECK)
        e = look_whole(db);
    if (e == ERR_OK)
        e = look_keys(db, out);
    if (e == ERR_OK)
        e = look_canary(db, out);
    if (e == ERR_OK)
        e = ask_number(db, "SELECT " HIGHEST_SQL, &highest);
    if (e == ERR_OK)
        out->highest_time_ms = highest > 0 ? oid_time_ms(highest) : 0;
    if (e == ERR_OK && depth >= STORE_COUNT)
        e = look_rows(db, out);
    return e;
}

enum err store_look(const char *path, enum store_depth depth, struct store_facts *out, const char **why)
{
    struct store_facts facts = {.schema_version = 0};
    struct stat st;
    sqlite3 *db = NULL;
    if (stat(path, &st) != 0) {
        *why = "there is no such file, or it cannot be reached";
        return ERR_NOT_FOUND;
    }
    facts.bytes = st.st_size;
    *why = "the file cannot be opened: check its permissions and those of its directory";
    enum err e = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK ? ERR_OK
                                                                                                           : ERR_IO;
    if (e == ERR_OK) {
        sqlite3_busy_timeout(db, 5000);
        e = look_in(db, depth, &facts, why);
    }
    sqlite3_close(db);
    if (e == ERR_OK || facts.schema_version > SCHEMA_VERSION)
        *out = facts;
    return e;
}
