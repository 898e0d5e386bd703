/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency keys. Random keys in one big index would cost up to half the insert rate; so each hour has a small table
 * of its own, which is emptied as a whole when it is over, and a filter in memory that says of almost every new key
 * that it is in none. The filters of hours from before the start are filled bit by bit; until then their tables are
 * asked.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"

#define LOAD_ROWS 1000

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
    b->keys = (struct keys){.hour = 0};
}

void keys_fini(struct sqlite_backend *b)
{
    for (size_t i = 0; i < KEY_SLOTS; i++) {
        struct key_slot *s = &b->keys.slots[i];
        key_filter_fini(&s->filter);
        sqlite3_finalize(s->find);
        sqlite3_finalize(s->put);
    }
    keys_init(b);
}

/* A filter that has too many keys is no worse; a slot whose hour differs from the file's is loaded again. */
void keys_forget(struct sqlite_backend *b)
{
    b->keys.hour = 0;
}

/* ---- hours ------------------------------------------------------------------------------------------------------- */

static void slot_begin(struct key_slot *s, int64_t hour, bool empty)
{
    key_filter_fini(&s->filter);
    s->hour = hour;
    s->loaded = empty;
    s->loaded_to[0] = s->loaded_to[1] = INT64_MIN;
}

static enum err slots_read(struct sqlite_backend *b)
{
    int64_t hours[KEY_SLOTS] = {0};
    sqlite3_stmt *st = conn_stmt(&b->w, W_KEY_SLOTS, "SELECT slot,hour FROM key_slot");
    enum err e;
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        int64_t slot = col_int(st, 0);
        if (slot >= 0 && slot < KEY_SLOTS)
            hours[slot] = col_int(st, 1);
    }
    for (size_t i = 0; i < KEY_SLOTS && e == ERR_NOT_FOUND; i++)
        if (b->keys.slots[i].hour != hours[i])
            slot_begin(&b->keys.slots[i], hours[i], false);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
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
        slot_begin(s, hour, true);
    return e;
}

enum err keys_turn(struct sqlite_backend *b)
{
    struct keys *k = &b->keys;
    int64_t hour = b->now_ms / TIME_HOUR_MS;
    if (LIKELY(k->hour == hour))
        return ERR_OK;
    enum err e = k->hour == 0 ? slots_read(b) : ERR_OK;
    for (size_t i = 0; i < KEY_SLOTS && e == ERR_OK; i++)
        if (k->slots[i].hour != 0 && k->slots[i].hour < hour - STORE_KEY_HOURS)
            e = slot_turn(b, &k->slots[i], 0);
    if (e == ERR_OK && slot_of(k, hour)->hour != hour)
        e = slot_turn(b, slot_of(k, hour), hour);
    if (e == ERR_OK)
        k->hour = hour;
    return e;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static enum err slot_find(struct sqlite_backend *b, struct key_slot *s, struct store_key *key)
{
    sqlite3_stmt *st = slot_stmt(b, s, &s->find, "SELECT made,what,status FROM", "WHERE h=? AND h2=?");
    bind_int(st, 1, (int64_t)key->hash[0]);
    bind_int(st, 2, (int64_t)key->hash[1]);
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
    enum err e = keys_turn(b);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < KEY_SLOTS; i++) {
        struct key_slot *s = &b->keys.slots[i];
        if (s->hour == 0 || (s->loaded && !key_filter_may_have(&s->filter, key->hash)))
            continue;
        e = slot_find(b, s, key);
        if (e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_NOT_FOUND;
}

enum err sqlite_key_put(struct backend *base, const struct store_key *key)
{
    struct sqlite_backend *b = backend_of(base);
    enum err e = keys_turn(b);
    if (e != ERR_OK)
        return e;
    struct key_slot *s = slot_of(&b->keys, b->keys.hour);
    sqlite3_stmt *st = slot_stmt(b, s, &s->put, "INSERT OR REPLACE INTO", "(h,h2,made,what,status) VALUES(?,?,?,?,?)");
    bind_int(st, 1, (int64_t)key->hash[0]);
    bind_int(st, 2, (int64_t)key->hash[1]);
    bind_int(st, 3, key->made.id);
    bind_int(st, 4, key->made.what);
    bind_int(st, 5, key->made.status);
    e = conn_run(&b->w, st);
    if (e == ERR_OK)
        key_filter_add(&s->filter, key->hash);
    return e;
}

/* ---- after a start ------------------------------------------------------------------------------------------------
 */

static enum err slot_load(struct sqlite_backend *b, struct key_slot *s)
{
    char sql[128];
    sqlite3_stmt *st = NULL;
    size_t rows = 0;
    (void)snprintf(sql, sizeof sql, "SELECT h,h2 FROM key_%zu WHERE (h,h2)>(?,?) ORDER BY h,h2 LIMIT ?",
                   slot_number(&b->keys, s));
    enum err e = conn_err(&b->w, sqlite3_prepare_v2(b->w.db, sql, -1, &st, NULL));
    if (e != ERR_OK)
        return e;
    bind_int(st, 1, s->loaded_to[0]);
    bind_int(st, 2, s->loaded_to[1]);
    bind_int(st, 3, LOAD_ROWS);
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        s->loaded_to[0] = col_int(st, 0);
        s->loaded_to[1] = col_int(st, 1);
        key_filter_add(&s->filter, (const uint64_t[2]){(uint64_t)s->loaded_to[0], (uint64_t)s->loaded_to[1]});
        rows++;
    }
    sqlite3_finalize(st);
    s->loaded = e == ERR_NOT_FOUND && rows < LOAD_ROWS;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err keys_load(struct sqlite_backend *b)
{
    for (size_t i = 0; i < KEY_SLOTS && b->keys.hour != 0; i++)
        if (!b->keys.slots[i].loaded)
            return slot_load(b, &b->keys.slots[i]);
    return ERR_OK;
}

/* ---- readers ------------------------------------------------------------------------------------------------------
 */

#define KEY_IN(slot)                                                                                                   \
    "SELECT made,what,status FROM key_" slot " WHERE h=?1 AND h2=?2 AND (SELECT hour FROM key_slot WHERE slot=" slot   \
    ")>=?3"
#define OR " UNION ALL "

enum err sqlite_get_key(struct store_reader *base, int64_t now_ms, struct store_key *key)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_KEY,
                                 KEY_IN("0") OR KEY_IN("1") OR KEY_IN("2") OR KEY_IN("3") OR KEY_IN("4") OR KEY_IN("5")
                                         OR KEY_IN("6") OR KEY_IN("7") OR KEY_IN("8") OR KEY_IN("9") OR KEY_IN("10")
                                                 OR KEY_IN("11") OR KEY_IN("12") OR KEY_IN("13") " LIMIT 1");
    bind_int(st, 1, (int64_t)key->hash[0]);
    bind_int(st, 2, (int64_t)key->hash[1]);
    bind_int(st, 3, now_ms / TIME_HOUR_MS - STORE_KEY_HOURS);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK) {
        key->made =
                (struct store_made){.id = col_int(st, 0), .what = (int)col_int(st, 1), .status = (int)col_int(st, 2)};
        key->known = true;
    }
    sqlite3_reset(st);
    return e;
}
