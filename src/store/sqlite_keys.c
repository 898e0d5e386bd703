/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency keys. Random keys in one big index cost up to half the insert rate: each insert changes a page of its
 * own, and each changed page goes to the log. So each hour has a table, which is emptied as a whole when it is over;
 * and in the table keys stand in chunks, in the order in which they came, so that those of a group share a few pages.
 * An index in memory says in which chunk a key may be, and of almost every new key that it is in none.
 *
 * What the index has no room for goes to chunk 0, at random, behind a filter. Before the first key after a
 * start the index is read from the tables; the filters are filled bit by bit, and until then chunk 0 is asked.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "store/sqlite_priv.h"

#define LOAD_ROWS  1000
#define CHUNK_KEYS 512 /* half a dozen pages */
#define CHUNK_REST 0

static struct key_slot *slot_of(struct keys *k, int64_t hour)
{
    return &k->slots[hour % KEY_SLOTS];
}

static size_t slot_number(const struct keys *k, const struct key_slot *s)
{
    return (size_t)(s - k->slots);
}

/* Kept by the slot: there are as many of each as slots. */
static sqlite3_stmt *slot_stmt(struct sqlite_backend *b, struct key_slot *s, sqlite3_stmt **kept, const char *before,
                               const char *behind)
{
    char sql[160];
    if (LIKELY(*kept != NULL))
        return *kept;
    (void)snprintf(sql, sizeof sql, "%s key_%zu %s", before, slot_number(&b->keys, s), behind);
    if (sqlite3_prepare_v3(b->w.db, sql, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL) != SQLITE_OK)
        log_error("store_statement", LOG_CSTR("error", sqlite3_errmsg(b->w.db)), LOG_CSTR("sql", sql));
    return *kept;
}

void keys_init(struct sqlite_backend *b)
{
    memset(&b->keys, 0, sizeof b->keys);
}

void keys_fini(struct sqlite_backend *b)
{
    for (size_t i = 0; i < KEY_SLOTS; i++) {
        struct key_slot *s = &b->keys.slots[i];
        key_filter_fini(&s->filter);
        sqlite3_finalize(s->find);
        sqlite3_finalize(s->put);
    }
    key_index_fini(&b->keys.index);
    keys_init(b);
}

/* A filter that has too many keys is no worse; a slot whose hour differs from the file's is loaded again. */
void keys_forget(struct sqlite_backend *b)
{
    b->keys.hour = 0;
}

/* ---- hours ------------------------------------------------------------------------------------------------------- */

static uint8_t owner_of(const struct keys *k, const struct key_slot *s)
{
    return (uint8_t)(slot_number(k, s) + 1);
}

static void slot_begin(struct keys *k, struct key_slot *s, int64_t hour)
{
    key_filter_fini(&s->filter);
    key_index_forget(&k->index, owner_of(k, s));
    s->hour = hour;
    s->chunk = 0;
    s->chunk_keys = 0;
    s->rest = false;
    s->rest_loaded = true;
}

/* Rows as they are in the table, from behind (chunk, h, h2). */
static enum err rows_open(struct sqlite_backend *b, struct key_slot *s, const char *what, sqlite3_stmt **out)
{
    char sql[160];
    *out = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT chunk,h,h2 FROM key_%zu %s", slot_number(&b->keys, s), what);
    return conn_err(&b->w, sqlite3_prepare_v2(b->w.db, sql, -1, out, NULL));
}

static enum err slot_read(struct sqlite_backend *b, struct key_slot *s, int64_t hour)
{
    sqlite3_stmt *st;
    slot_begin(&b->keys, s, hour);
    enum err e = rows_open(b, s, "WHERE chunk>0 ORDER BY chunk,h,h2", &st);
    size_t lost = 0;
    while (e == ERR_OK && (e = conn_next(&b->w, st)) == ERR_OK) {
        uint16_t chunk = (uint16_t)col_int(st, 0);
        const uint64_t hash[2] = {(uint64_t)col_int(st, 1), (uint64_t)col_int(st, 2)};
        b->keys.index.owner[chunk] = owner_of(&b->keys, s);
        lost += !key_index_add_read(&b->keys.index, hash, chunk);
    }
    sqlite3_finalize(st);
    if (e != ERR_NOT_FOUND)
        return e;
    if (lost > 0)
        log_warn("keys_lost", LOG_INT("keys", (int64_t)lost));
    s->rest = true;
    s->rest_loaded = false;
    s->rest_loaded_to[0] = s->rest_loaded_to[1] = INT64_MIN;
    return ERR_OK;
}

static enum err slots_read(struct sqlite_backend *b, int64_t hour)
{
    int64_t hours[KEY_SLOTS] = {0};
    sqlite3_stmt *st = conn_stmt(&b->w, W_KEY_SLOTS, "SELECT slot,hour FROM key_slot");
    enum err e;
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        int64_t slot = col_int(st, 0);
        if (slot >= 0 && slot < KEY_SLOTS)
            hours[slot] = col_int(st, 1);
    }
    e = e == ERR_NOT_FOUND ? ERR_OK : e;
    for (size_t i = 0; i < KEY_SLOTS && e == ERR_OK; i++)
        if (hours[i] != 0 && hours[i] < hour - STORE_KEY_HOURS)
            slot_begin(&b->keys, &b->keys.slots[i], KEY_HOUR_OVER);
        else if (b->keys.slots[i].hour != hours[i])
            e = slot_read(b, &b->keys.slots[i], hours[i]);
    return e;
}

/* Empties the table, at once and without a look at its rows, and gives it to another hour (0: to none). */
static enum err slot_turn(struct sqlite_backend *b, struct key_slot *s, int64_t hour)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "DELETE FROM key_%zu", slot_number(&b->keys, s));
    enum err e = s->hour != 0 ? conn_exec(&b->w, sql) : ERR_OK;
    if (e != ERR_OK)
        return e;
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_KEY_SLOT_PUT,
                      "INSERT INTO key_slot(slot,hour) VALUES(?1,?2) ON CONFLICT(slot) DO UPDATE SET hour=?2");
    bind_int(st, 1, (int64_t)slot_number(&b->keys, s));
    bind_int(st, 2, hour);
    e = conn_run(&b->w, st);
    if (e == ERR_OK)
        slot_begin(&b->keys, s, hour);
    return e;
}

enum err keys_turn(struct sqlite_backend *b)
{
    struct keys *k = &b->keys;
    int64_t hour = b->now_ms / TIME_HOUR_MS;
    if (LIKELY(k->hour == hour))
        return ERR_OK;
    enum err e = k->hour == 0 ? slots_read(b, hour) : ERR_OK;
    for (size_t i = 0; i < KEY_SLOTS && e == ERR_OK; i++)
        if (k->slots[i].hour > 0 && k->slots[i].hour < hour - STORE_KEY_HOURS)
            slot_begin(k, &k->slots[i], KEY_HOUR_OVER);
    if (e == ERR_OK && slot_of(k, hour)->hour != hour)
        e = slot_turn(b, slot_of(k, hour), hour);
    if (e == ERR_OK)
        k->hour = hour;
    return e;
}

/* The first rows of a table; all and the slot itself when there are not more than rows_max. */
static enum err slot_drop(struct sqlite_backend *b, struct key_slot *s, size_t rows_max)
{
    char sql[96];
    sqlite3_stmt *st, *drop = NULL;
    enum err e = rows_open(b, s, "ORDER BY chunk,h,h2 LIMIT 1 OFFSET ?", &st);
    if (e != ERR_OK)
        return e;
    bind_int(st, 1, (int64_t)rows_max);
    e = conn_next(&b->w, st);
    if (e == ERR_OK) {
        (void)snprintf(sql, sizeof sql, "DELETE FROM key_%zu WHERE (chunk,h,h2)<(?,?,?)", slot_number(&b->keys, s));
        e = conn_err(&b->w, sqlite3_prepare_v2(b->w.db, sql, -1, &drop, NULL));
        for (int i = 0; i < 3 && e == ERR_OK; i++)
            bind_int(drop, i + 1, col_int(st, i));
        sqlite3_reset(st);
        if (e == ERR_OK)
            e = conn_run(&b->w, drop);
    } else if (e == ERR_NOT_FOUND) {
        sqlite3_reset(st);
        e = slot_turn(b, s, 0);
    }
    sqlite3_finalize(drop);
    sqlite3_finalize(st);
    return e;
}

enum err keys_drop(struct sqlite_backend *b, size_t rows_max, bool *more)
{
    enum err e = keys_turn(b);
    for (size_t i = 0; i < KEY_SLOTS && e == ERR_OK; i++) {
        if (b->keys.slots[i].hour != KEY_HOUR_OVER)
            continue;
        if (*more)
            break;
        e = slot_drop(b, &b->keys.slots[i], rows_max);
        *more = true; /* the next step sees whether something is left */
    }
    return e;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static enum err chunk_find(struct sqlite_backend *b, struct key_slot *s, uint16_t chunk, struct store_key *key)
{
    sqlite3_stmt *st = slot_stmt(b, s, &s->find, "SELECT made,what,status FROM", "WHERE chunk=? AND h=? AND h2=?");
    bind_int(st, 1, chunk);
    bind_int(st, 2, (int64_t)key->hash[0]);
    bind_int(st, 3, (int64_t)key->hash[1]);
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK) {
        key->made =
                (struct store_made){.id = col_int(st, 0), .what = (int)col_int(st, 1), .status = (int)col_int(st, 2)};
        key->known = true;
    }
    sqlite3_reset(st);
    return e;
}

enum err sqlite_key_find(struct backend *base, struct store_key *key)
{
    struct sqlite_backend *b = backend_of(base);
    struct keys *k = &b->keys;
    struct key_index_at at = {0};
    uint16_t chunk;
    enum err e = keys_turn(b);
    if (e != ERR_OK)
        return e;
    e = ERR_NOT_FOUND;
    while (e == ERR_NOT_FOUND && (chunk = key_index_next(&k->index, key->hash, &at)) != 0)
        e = chunk_find(b, &k->slots[k->index.owner[chunk] - 1], chunk, key);
    for (size_t i = 0; i < KEY_SLOTS && e == ERR_NOT_FOUND; i++) {
        struct key_slot *s = &k->slots[i];
        if (s->rest && (!s->rest_loaded || key_filter_may_have(&s->filter, key->hash)))
            e = chunk_find(b, s, CHUNK_REST, key);
    }
    return e;
}

/* The chunk that a new key goes to. Noted in memory at once: a key that is then not written costs a look-up. */
static uint16_t slot_place(struct keys *k, struct key_slot *s, const uint64_t hash[2])
{
    if (s->chunk == 0 || s->chunk_keys >= CHUNK_KEYS) {
        s->chunk = key_index_begin_chunk(&k->index, owner_of(k, s));
        s->chunk_keys = 0;
    }
    if (s->chunk != 0 && key_index_add(&k->index, hash, s->chunk)) {
        s->chunk_keys++;
        return s->chunk;
    }
    s->rest = true;
    key_filter_add(&s->filter, hash);
    return CHUNK_REST;
}

enum err sqlite_key_put(struct backend *base, const struct store_key *key)
{
    struct sqlite_backend *b = backend_of(base);
    enum err e = keys_turn(b);
    if (e != ERR_OK)
        return e;
    struct key_slot *s = slot_of(&b->keys, b->keys.hour);
    sqlite3_stmt *st =
            slot_stmt(b, s, &s->put, "INSERT OR REPLACE INTO", "(chunk,h,h2,made,what,status) VALUES(?,?,?,?,?,?)");
    bind_int(st, 1, slot_place(&b->keys, s, key->hash));
    bind_int(st, 2, (int64_t)key->hash[0]);
    bind_int(st, 3, (int64_t)key->hash[1]);
    bind_int(st, 4, key->made.id);
    bind_int(st, 5, key->made.what);
    bind_int(st, 6, key->made.status);
    return conn_run(&b->w, st);
}

/* ---- after a start ------------------------------------------------------------------------------------------------
 */

static enum err rest_load(struct sqlite_backend *b, struct key_slot *s)
{
    sqlite3_stmt *st;
    size_t rows = 0;
    enum err e = rows_open(b, s, "WHERE chunk=0 AND (h,h2)>(?,?) ORDER BY h,h2 LIMIT ?", &st);
    if (e != ERR_OK)
        return e;
    bind_int(st, 1, s->rest_loaded_to[0]);
    bind_int(st, 2, s->rest_loaded_to[1]);
    bind_int(st, 3, LOAD_ROWS);
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        s->rest_loaded_to[0] = col_int(st, 1);
        s->rest_loaded_to[1] = col_int(st, 2);
        key_filter_add(&s->filter, (const uint64_t[2]){(uint64_t)col_int(st, 1), (uint64_t)col_int(st, 2)});
        rows++;
    }
    sqlite3_finalize(st);
    s->rest_loaded = e == ERR_NOT_FOUND && rows < LOAD_ROWS;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err keys_load(struct sqlite_backend *b)
{
    for (size_t i = 0; i < KEY_SLOTS && b->keys.hour != 0; i++)
        if (!b->keys.slots[i].rest_loaded)
            return rest_load(b, &b->keys.slots[i]);
    return ERR_OK;
}
