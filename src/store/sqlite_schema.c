/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, as numbered migrations that only expand. Each runs in one transaction together with its number, so that a
 * kill in between leaves the step before. Never change one that was released: add the next.
 */
#include <stdio.h>

#include "base/log.h"
#include "store/sqlite_priv.h"

#define KEY_TABLE(slot)                                                                                                \
    "CREATE TABLE key_" slot                                                                                           \
    "(chunk INTEGER NOT NULL, h INTEGER NOT NULL, h2 INTEGER NOT NULL, made INTEGER NOT NULL, what INTEGER NOT "       \
    "NULL, status INTEGER NOT NULL, PRIMARY KEY(chunk, h, h2)) WITHOUT ROWID;"

static const char *const migrations[SCHEMA_VERSION] = {
        /* 1 */
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"

        /* scope: the app, 0 for objects of an environment and for the workspaces themselves. */
        "CREATE TABLE object(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, env INTEGER NOT NULL, app INTEGER NOT NULL,"
        " scope INTEGER NOT NULL, key TEXT, body TEXT, sealed BLOB, created_ms INTEGER NOT NULL, updated_ms INTEGER "
        "NOT NULL,"
        " deleted_ms INTEGER NOT NULL, version INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX object_key ON object(kind, env, scope, key) WHERE key IS NOT NULL AND deleted_ms = 0;"
        "CREATE INDEX object_alive ON object(kind, env, scope, id) WHERE deleted_ms = 0;"
        "CREATE INDEX object_all ON object(kind, env, scope, id);"

        /* Counters: a workspace's version is its own plus its environment's. */
        "CREATE TABLE app_version(id INTEGER PRIMARY KEY, env INTEGER NOT NULL, version INTEGER NOT NULL);"

        "CREATE TABLE message(id INTEGER PRIMARY KEY, app INTEGER NOT NULL, env INTEGER NOT NULL, type TEXT NOT NULL,"
        " event_id TEXT, occurred_ms INTEGER NOT NULL, actor TEXT, channels TEXT, tags TEXT, deliver_at_ms INTEGER NOT "
        "NULL,"
        " expires_ms INTEGER NOT NULL, content_type TEXT, renders BLOB, payload BLOB);"
        "CREATE INDEX message_app ON message(app);"
        "CREATE UNIQUE INDEX message_event ON message(app, event_id) WHERE event_id IS NOT NULL;"

        /* How long payloads live, in hours, and up to which message those of this age are gone. */
        "CREATE TABLE payload_age(hours INTEGER PRIMARY KEY, done INTEGER NOT NULL);"

        /* pos is NULL without pending work. flags: 1 last attempt failed, 2 FIFO. */
        "CREATE TABLE delivery(msg INTEGER NOT NULL, ep INTEGER NOT NULL, profile_version INTEGER NOT NULL,"
        " status INTEGER NOT NULL, reason INTEGER NOT NULL, tries INTEGER NOT NULL, due_ms INTEGER NOT NULL, pos "
        "INTEGER,"
        " request INTEGER NOT NULL, last_attempt INTEGER NOT NULL, flags INTEGER NOT NULL, PRIMARY KEY(msg, ep)) "
        "WITHOUT ROWID;"
        "CREATE INDEX delivery_pending ON delivery(ep, pos) WHERE pos IS NOT NULL;"
        "CREATE INDEX delivery_ep ON delivery(ep, msg);"

        "CREATE TABLE attempt(id INTEGER PRIMARY KEY, msg INTEGER NOT NULL, ep INTEGER NOT NULL, app INTEGER NOT NULL,"
        " number INTEGER NOT NULL, epoch INTEGER NOT NULL, trigger INTEGER NOT NULL, status INTEGER NOT NULL,"
        " cause INTEGER NOT NULL, http_status INTEGER NOT NULL, started_ms INTEGER NOT NULL, dns_us INTEGER NOT NULL,"
        " connect_us INTEGER NOT NULL, tls_us INTEGER NOT NULL, sent_us INTEGER NOT NULL, first_byte_us INTEGER NOT "
        "NULL,"
        " total_us INTEGER NOT NULL, next_ms INTEGER NOT NULL, truncated INTEGER NOT NULL, type TEXT, error TEXT, peer "
        "TEXT,"
        " url TEXT, request_headers TEXT, response_headers TEXT, response_body BLOB);"
        "CREATE INDEX attempt_ep ON attempt(ep);"
        "CREATE INDEX attempt_msg ON attempt(msg);"

        /* The endpoints that ever had a delivery, so that a workspace's attempts are merged from theirs: one index less
         * on every attempt. */
        "CREATE TABLE app_endpoint(app INTEGER NOT NULL, ep INTEGER NOT NULL, PRIMARY KEY(app, ep)) WITHOUT ROWID;"
        "CREATE TABLE endpoint_health(ep INTEGER PRIMARY KEY, failing_since_ms INTEGER NOT NULL,"
        " exhausted_since_ms INTEGER NOT NULL);",

        /* 2: idempotency keys by the hour (sqlite_keys.c): in chunks; h, h2 the hash, made what answers again. A ring
         * of 14 hours.
         */
        "CREATE TABLE key_slot(slot INTEGER PRIMARY KEY, hour INTEGER NOT NULL);" KEY_TABLE("0") KEY_TABLE("1")
                KEY_TABLE("2") KEY_TABLE("3") KEY_TABLE("4") KEY_TABLE("5") KEY_TABLE("6") KEY_TABLE("7") KEY_TABLE("8")
                        KEY_TABLE("9") KEY_TABLE("10") KEY_TABLE("11") KEY_TABLE("12") KEY_TABLE("13"),

        /* 3: the transformation that a delivery was accepted with, 0 = none; what it made, from the first attempt on.
         * flags: 1 cancelled, 2 without envelope, 4 the payload is the message's. */
        "ALTER TABLE delivery ADD COLUMN transform INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE transformed(msg INTEGER NOT NULL, ep INTEGER NOT NULL, version INTEGER NOT NULL, flags INTEGER "
        "NOT NULL, method TEXT, url TEXT, headers TEXT, content_type TEXT, payload BLOB, PRIMARY KEY(msg, ep)) "
        "WITHOUT ROWID;",

        /* 4: documents (model/doc.h). */
        "CREATE TABLE doc(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, app INTEGER NOT NULL, ref INTEGER NOT NULL,"
        " key TEXT, status INTEGER NOT NULL, due_ms INTEGER NOT NULL, purge_ms INTEGER NOT NULL, body TEXT, data BLOB,"
        " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, version INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX doc_key ON doc(kind, app, ref, key) WHERE key IS NOT NULL;"
        "CREATE INDEX doc_ref ON doc(kind, app, ref, id);"
        "CREATE INDEX doc_due ON doc(kind, due_ms, id) WHERE due_ms > 0;"
        "CREATE INDEX doc_purge ON doc(purge_ms) WHERE purge_ms > 0;",

        /* 5: counts of attempts, for statistics. Written in every commit, so the key begins with the time: the rows of
         * now lie together. What is older than days is folded into hours, by endpoint. */
        "CREATE TABLE tally(start_ms INTEGER NOT NULL, app INTEGER NOT NULL, ep INTEGER NOT NULL, type TEXT NOT NULL,"
        " succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, total_us INTEGER NOT NULL, longest_us INTEGER NOT NULL,"
        " PRIMARY KEY(start_ms, app, ep, type)) WITHOUT ROWID;"
        "CREATE TABLE tally_hour(app INTEGER NOT NULL, ep INTEGER NOT NULL, start_ms INTEGER NOT NULL, type TEXT NOT "
        "NULL,"
        " succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, total_us INTEGER NOT NULL, longest_us INTEGER NOT NULL,"
        " PRIMARY KEY(app, ep, start_ms, type)) WITHOUT ROWID;"
        "CREATE INDEX tally_hour_age ON tally_hour(start_ms);",

        /* 6: what was deleted ages out. */
        "CREATE INDEX object_dead ON object(deleted_ms) WHERE deleted_ms > 0;",

        /* 7: what groups counted and is not in tally yet (tally_code.h); first_ms: the earliest span in it. */
        "CREATE TABLE tally_log(seq INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, body BLOB NOT NULL);",

        /* 8: which record a run is about; NULL: none. */
        ("ALTER TABLE doc ADD COLUMN about INTEGER;"
         "CREATE INDEX doc_about ON doc(about, kind, id) WHERE about IS NOT NULL;"),

        /* 9: what is due of each workspace, so that they can take turns. */
        "CREATE INDEX doc_turn ON doc(kind, app, due_ms, id) WHERE due_ms > 0;",

        /* 10: what ended badly, so that the deliveries of an endpoint are counted without a look at each; only those
         * pay for it. */
        "CREATE INDEX delivery_bad ON delivery(ep, msg, status) WHERE status IN (2, 4);",
};

static enum err number_get(struct conn *c, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    enum err e = conn_err(c, sqlite3_prepare_v2(c->db, sql, -1, &st, NULL));
    if (e == ERR_OK)
        e = conn_next(c, st);
    if (e == ERR_OK)
        *out = col_int(st, 0);
    sqlite3_finalize(st);
    return e;
}

/* Much may change at once, and no savepoint is rolled back: only here pages may go to the log before the commit. */
static enum err migration_run(struct conn *c, int number)
{
    char stamp[128];
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                   SCHEMA_APPLICATION_ID, number);
    enum err e = conn_exec(c, "PRAGMA cache_spill=ON; BEGIN IMMEDIATE");
    if (e == ERR_OK)
        e = conn_exec(c, migrations[number - 1]);
    if (e == ERR_OK)
        e = conn_exec(c, stamp);
    if (e != ERR_OK && !sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return e == ERR_OK ? conn_exec(c, "PRAGMA cache_spill=OFF") : e;
}

enum err schema_migrate(struct conn *c, bool may_change, int *version, const char **why)
{
    int64_t have = 0, app = 0, tables = 0;
    *why = "the database cannot be read";
    enum err e = number_get(c, "PRAGMA user_version", &have);
    if (e == ERR_OK)
        e = number_get(c, "PRAGMA application_id", &app);
    if (e == ERR_OK)
        e = number_get(c, "SELECT count(*) FROM sqlite_schema", &tables);
    if (e != ERR_OK)
        return e == ERR_FULL || e == ERR_INVALID ? e : ERR_IO;
    if (app != SCHEMA_APPLICATION_ID && (app != 0 || have != 0 || tables != 0)) {
        *why = "the file is a database of another program: name another path";
        return ERR_INVALID;
    }
    if (have > SCHEMA_VERSION) {
        *why = "the database was written by a newer version: run that version, or restore a backup made before it";
        return ERR_INVALID;
    }
    if (have < SCHEMA_VERSION && !may_change) {
        *why = "the database was written by an older version: start the server once, it brings it up to date";
        return ERR_INVALID;
    }
    if (have > 0 && have < SCHEMA_VERSION) /* a large file takes a while */
        log_info("migrating", LOG_INT("from", have), LOG_INT("to", SCHEMA_VERSION));
    for (int n = (int)have + 1; n <= SCHEMA_VERSION && e == ERR_OK; n++)
        e = migration_run(c, n);
    *version = SCHEMA_VERSION;
    *why = e == ERR_FULL ? "the disk is full: make room and start again"
                         : "the database could not be brought up to date";
    return e == ERR_OK || e == ERR_FULL ? e : ERR_IO;
}
