/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the SQLite backend has: plans that walk an index and never a whole table, a log that stays small under
 * readers, and a copy that is made while writes go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"
#include "sys/clock.h"

#define OK(expr) assert_int_equal((expr), ERR_OK)
#define NOW_MS   ((int64_t)1795000000000)

struct place {
    char dir[64];
    char path[96];
    char copy[96];
};

static struct place place_make(void)
{
    struct place p = {.dir = "/tmp/postrider-sqlite-XXXXXX"};
    assert_non_null(mkdtemp(p.dir));
    (void)snprintf(p.path, sizeof p.path, "%s/db", p.dir);
    (void)snprintf(p.copy, sizeof p.copy, "%s/copy", p.dir);
    return p;
}

static void place_remove(const struct place *p)
{
    static const char *const ends[] = {"db",   "db-wal",   "db-shm",   "db.lock",   "db.ballast",
                                       "copy", "copy-wal", "copy-shm", "copy.lock", "copy.ballast"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", p->dir, ends[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(p->dir), 0);
}

/* ---- the filter of keys ------------------------------------------------------------------------------------------ */

static void the_filter_misses_nothing_and_seldom_errs(void **state)
{
    (void)state;
    struct key_filter f = {0};
    size_t wrong = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        const uint64_t have[2] = {hash_u64(2 * i), hash_u64(2 * i + 1)};
        wrong += key_filter_may_have(&f, have);
        key_filter_add(&f, have);
    }
    assert_true(wrong < 2000);
    for (uint64_t i = 0; i < 400000; i++)
        assert_true(key_filter_may_have(&f, (const uint64_t[2]){hash_u64(2 * i), hash_u64(2 * i + 1)}));
    key_filter_fini(&f);
    assert_false(key_filter_may_have(&f, (const uint64_t[2]){hash_u64(0), hash_u64(1)}));
}

static bool index_has(const struct key_index *x, uint64_t n, uint16_t chunk)
{
    struct key_index_at at = {0};
    uint16_t got;
    do
        got = key_index_next(x, (const uint64_t[2]){hash_u64(2 * n), hash_u64(2 * n + 1)}, &at);
    while (got != 0 && got != chunk);
    return got == chunk;
}

/* Adds keys from `first` on until it is full; how many. */
static uint64_t index_fill(struct key_index *x, uint64_t first, uint8_t owner, uint16_t *chunks)
{
    for (uint64_t n = 0;; n++) {
        const uint64_t hash[2] = {hash_u64(2 * (first + n)), hash_u64(2 * (first + n) + 1)};
        if (n % 512 == 0)
            chunks[n / 512] = key_index_begin_chunk(x, owner);
        if (!key_index_add(x, hash, chunks[n / 512]))
            return n;
    }
}

static void the_index_knows_each_chunk_until_it_is_full(void **state)
{
    (void)state;
    static struct key_index x, read;
    static uint16_t chunks[2][2048];
    x.parts_max = 4;
    uint64_t count = index_fill(&x, 0, 1, chunks[0]), wrong = 0;
    assert_true(count > 550000 && count < 700000);
    /* In another order. */
    read = (struct key_index){.parts_max = 0};
    memcpy(read.owner, x.owner, sizeof read.owner);
    for (uint64_t i = count; i-- > 0;)
        assert_true(key_index_add_read(&read, (const uint64_t[2]){hash_u64(2 * i), hash_u64(2 * i + 1)},
                                       chunks[0][i / 512]));
    for (uint64_t i = 0; i < count; i++) {
        struct key_index_at at = {0};
        assert_true(index_has(&x, i, chunks[0][i / 512]));
        assert_true(index_has(&read, i, chunks[0][i / 512]));
        wrong += key_index_next(&x, (const uint64_t[2]){hash_u64(~i), hash_u64(i)}, &at) != 0;
    }
    assert_true(wrong < count / 200);
    /* What is forgotten makes room for as many. */
    key_index_forget(&x, 1);
    assert_false(index_has(&x, 0, chunks[0][0]));
    uint64_t again = index_fill(&x, count, 2, chunks[1]);
    assert_true(again > count / 10 * 9);
    for (uint64_t i = 0; i < again; i++)
        assert_true(index_has(&x, count + i, chunks[1][i / 512]));
    key_index_fini(&x);
    key_index_fini(&read);
    assert_false(index_has(&x, 0, 1));
}

static int64_t count_rows(struct backend *b, const char *sql)
{
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_prepare_v2(CONTAINER_OF(b, struct sqlite_backend, base)->w.db, sql, -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

static void an_hour_that_is_over_goes_in_steps(void **state)
{
    (void)state;
    struct place p = place_make();
    struct store_config c = {.path = p.path};
    struct backend *b;
    const char *why;
    char sql[64];
    OK(backend_sqlite.open(&c, &b, &why));
    OK(b->ops->begin(b, NOW_MS));
    for (uint64_t n = 0; n < 20000; n++) {
        struct store_key key = {.hash = {hash_u64(2 * n), hash_u64(2 * n + 1)}};
        OK(b->ops->key_put(b, &key));
    }
    OK(b->ops->commit(b));
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM key_%d", (int)(NOW_MS / TIME_HOUR_MS % KEY_SLOTS));
    struct store_sweep op = {.op.kind = STORE_SWEEP, .sweep = SWEEP_MESSAGES, .rows_max = 999};
    for (int64_t later_h = 12; later_h < 14; later_h++) {
        int64_t had = 20000;
        size_t steps = 0;
        do {
            OK(b->ops->begin(b, NOW_MS + later_h * TIME_HOUR_MS));
            OK(b->ops->sweep(b, &op));
            OK(b->ops->commit(b));
            int64_t have = count_rows(b, sql);
            assert_true(had - have <= 999);
            had = have;
            steps++;
        } while (op.more);
        assert_int_equal(had, later_h == 12 ? 20000 : 0);
        assert_int_equal(steps, later_h == 12 ? 1 : 22);
    }
    b->ops->close(b);
    place_remove(&p);
}

/* ---- plans
 * ----------------------------------------------------------------------------------------------------------- */

/* What may be walked from end to end: it is small, or the walk is limited. */
static bool scan_allowed(const char *detail)
{
    static const char *const rows[] = {"SCAN payload_age",  "SCAN key_slot",
                                       "SCAN CONSTANT ROW", "SCAN tally",
                                       "SCAN (subquery",    "SCAN delivery USING COVERING INDEX delivery_pending"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strncmp(detail, rows[i], strlen(rows[i])) == 0)
            return true;
    return false;
}

static void plan_check(struct conn *c, const char *sql)
{
    char explain[4096];
    sqlite3_stmt *st = NULL;
    (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(c->db, explain, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);
        bool bad = (strncmp(detail, "SCAN", 4) == 0 && !scan_allowed(detail)) || strstr(detail, "TEMP B-TREE") != NULL;
        if (bad)
            fail_msg("%s\n  in %s", detail, sql);
    }
    sqlite3_finalize(st);
}

static void plans_check(struct conn *c, enum stmt first, enum stmt last)
{
    for (enum stmt i = first; i <= last; i++) {
        if (c->st[i] == NULL)
            fail_msg("statement %d was not used", (int)i);
        plan_check(c, sqlite3_sql(c->st[i]));
    }
}

static struct message message_make(oid_t id)
{
    return (struct message){.id = id,
                            .env = 1,
                            .app = 2,
                            .event_type = STR("a.b"),
                            .occurred_ms = NOW_MS,
                            .expires_ms = NOW_MS + TIME_DAY_MS,
                            .payload = STR("{}")};
}

static void sweeps_run(struct backend *b)
{
    static const struct replay_filter filter = {.status = -1, .status_class = 500};
    for (int kind = SWEEP_FAIL_PENDING; kind <= SWEEP_CANCEL; kind++) {
        if (kind == SWEEP_RESEAL)
            continue;
        struct store_sweep op = {.op.kind = STORE_SWEEP,
                                 .sweep = (enum store_sweep_kind)kind,
                                 .replay = &filter,
                                 .ep = 5,
                                 .until_ms = NOW_MS + 90 * TIME_DAY_MS,
                                 .now_ms = NOW_MS,
                                 .rows_max = 10};
        OK(b->ops->sweep(b, &op));
    }
}

static void writes_run(struct backend *b)
{
    struct object_change create = {.change = OBJECT_CREATE,
                                   .object = {.id = 9, .kind = OBJ_ENDPOINT, .env = 1, .app = 3}};
    struct object_change changes[] = {create, create, create};
    changes[1].change = OBJECT_UPDATE;
    changes[2].change = OBJECT_DELETE;
    struct store_objects objects = {.op.kind = STORE_OBJECTS, .changes = changes, .count = 3};
    oid_t id = oid_at_ms(NOW_MS);
    struct message m = message_make(id);
    struct message_render render = {.profile_version = 7, .head = STR("<"), .tail = STR(">")};
    struct store_target targets[] = {{.ep = 5, .due_ms = NOW_MS}, {.ep = 6, .fifo = true}};
    struct store_append append = {.op.kind = STORE_APPEND, .message = &m, .targets = targets, .target_count = 2};
    struct store_resend resend = {
            .op.kind = STORE_RESEND, .app = 2, .msg = id, .ep = 8, .render = &render, .trigger = TRIGGER_MANUAL};
    struct endpoint_health ill = {.ep = 5, .failing_since_ms = 1}, well = {.ep = 5};
    struct attempt at[] = {{.id = id + 1, .msg = id, .ep = 5, .app = 2, .number = 1, .status = DELIVERY_FAIL},
                           {.id = id + 2, .msg = id, .ep = 5, .app = 2, .number = 2, .status = DELIVERY_FAIL}};
    struct store_record again = {.attempt = &at[0], .status = DELIVERY_PENDING, .due_ms = NOW_MS, .health = &ill};
    struct store_record last = {.attempt = &at[1], .status = DELIVERY_FAIL, .health = &well};
    OK(b->ops->begin(b, NOW_MS));
    OK(b->ops->objects(b, &objects));
    OK(b->ops->append(b, &append));
    OK(b->ops->resend(b, &resend));
    OK(b->ops->record(b, &again));
    OK(b->ops->record(b, &last));
    struct store_key key = {.hash = {1, 2}};
    assert_int_equal(b->ops->key_find(b, &key), ERR_NOT_FOUND);
    OK(b->ops->key_put(b, &key));
    OK(b->ops->commit(b));
}

static void lists_run(struct store_reader *r, struct arena *a, bool up)
{
    const struct backend_ops *ops = r->ops;
    size_t n;
    struct object *objects;
    struct message *messages;
    struct attempt *attempts;
    for (int form = 0; form < 3; form++) {
        struct object_query q = {.kind = OBJ_ENDPOINT,
                                 .env = 1,
                                 .app = 3,
                                 .descending = !up,
                                 .by_key = form == 1,
                                 .include_deleted = form == 2,
                                 .limit = 10};
        OK(ops->list_objects(r, a, &q, &objects, &n));
        assert_int_equal(n, form == 2);
        struct message_query mq = {.app = 2,
                                   .ep = form == 1 ? 5 : 0,
                                   .ascending = up,
                                   .status = -1,
                                   .with_payload = form == 2,
                                   .limit = 10};
        OK(ops->list_messages(r, a, &mq, &messages, NULL, &n));
        assert_int_equal(n, 1);
        struct attempt_query aq = {.app = 2,
                                   .ep = form == 1 ? 5 : 0,
                                   .msg = form == 2 ? oid_at_ms(NOW_MS) : 0,
                                   .ascending = up,
                                   .status = -1,
                                   .status_class = -1,
                                   .with_content = form == 1,
                                   .limit = 10};
        OK(ops->list_attempts(r, a, &aq, &attempts, &n));
        assert_int_equal(n, 2);
        aq.tag = STR("none");
        OK(ops->list_attempts(r, a, &aq, &attempts, &n));
        assert_int_equal(n, 0);
    }
}

static void tally_none(void *arg, const struct tally *t)
{
    *(uint64_t *)arg += t->succeeded + t->failed;
}

static void tallies_run(struct store_reader *r)
{
    for (oid_t ep = 0; ep <= 5; ep += 5) {
        struct tally_query q = {.app = 2, .ep = ep, .until_ms = TIME_NEVER};
        uint64_t sum = 0;
        OK(r->ops->each_tally(r, &q, tally_none, &sum));
        assert_int_equal(sum, 2);
    }
}

static void reads_run(struct store_reader *r, struct arena *a)
{
    const struct backend_ops *ops = r->ops;
    struct object o;
    struct message m;
    struct delivery d, *deliveries;
    struct pending_summary *summaries;
    struct pending_delivery *pending;
    struct endpoint_health h;
    struct delivery_counts counts;
    struct pending_query pq = {.ep = 6, .until_pos = TIME_NEVER, .limit = 10, .bytes_max = 1000};
    uint64_t version;
    size_t n;
    int64_t next;
    OK(ops->get_object(r, a, OBJ_ENDPOINT, 9, &o));
    assert_int_equal(ops->find_object(r, a, OBJ_ENDPOINT, 1, 3, STR("none"), &o), ERR_NOT_FOUND);
    OK(ops->app_version(r, 3, &version));
    assert_int_equal(ops->find_message(r, a, 2, STR("none"), true, &m), ERR_NOT_FOUND);
    OK(ops->get_delivery(r, oid_at_ms(NOW_MS), 5, &d));
    struct delivery_query dq = {.msg = oid_at_ms(NOW_MS), .limit = 10};
    for (int up = 0; up < 2; up++) {
        dq.ascending = up == 1;
        OK(ops->list_deliveries(r, a, &dq, &deliveries, &n));
        assert_int_equal(n, 3);
    }
    OK(ops->count_deliveries(r, 5, 0, TIME_NEVER, &counts));
    assert_int_equal(counts.fail, 1);
    OK(ops->list_pending(r, a, 0, 10, &summaries, &n));
    assert_int_equal(n, 2);
    OK(ops->load_pending(r, a, &pq, &pending, &n, &next));
    assert_int_equal(n, 1);
    OK(ops->get_health(r, 5, &h));
    OK(ops->count_pending(r, 100, &version));
    assert_int_equal(version, 2);
}

static void no_statement_walks_a_table(void **state)
{
    (void)state;
    struct place p = place_make();
    struct store_config c = {.path = p.path};
    struct backend *b;
    struct store_reader *r;
    struct arena *a = arena_new(4096);
    const char *why;
    OK(backend_sqlite.open(&c, &b, &why));
    writes_run(b);
    OK(b->ops->reader_open(b, &r));
    lists_run(r, a, false);
    lists_run(r, a, true);
    reads_run(r, a);
    tallies_run(r);
    plans_check(&CONTAINER_OF(r, struct sqlite_reader, base)->c, R_OBJECT, R_COUNT_PENDING);
    OK(b->ops->begin(b, NOW_MS));
    sweeps_run(b);
    OK(b->ops->commit(b));
    struct conn *w = &CONTAINER_OF(b, struct sqlite_backend, base)->w;
    for (enum stmt i = W_BEGIN; i < R_OBJECT; i++)
        if (w->st[i] != NULL && i != W_FREELIST)
            plan_check(w, sqlite3_sql(w->st[i]));
    b->ops->reader_close(r);
    b->ops->close(b);
    arena_free(a);
    place_remove(&p);
}

/* ---- log and copy
 * ---------------------------------------------------------------------------------------------------- */

#define CAP_BYTES ((size_t)2 << 20)
#define EVENTS    12000

struct load {
    struct store *store;
    oid_t first;
    _Atomic size_t sent;
    uint64_t wal_max;
};

#define BATCH 50

static _Atomic size_t batch_left;

static void batch_done(struct store_op *op)
{
    CHECK(op->result == ERR_OK);
    batch_left--;
}

static void batch_send(struct load *l, size_t from)
{
    static const char filler[1024] = {'x'};
    static struct store_append ops[BATCH];
    static struct message messages[BATCH];
    static struct store_target targets[BATCH];
    for (size_t k = 0; k < BATCH; k++) {
        messages[k] = message_make(l->first + (oid_t)(from + k));
        messages[k].payload = str_of(filler, sizeof filler);
        targets[k] = (struct store_target){.ep = 5 + (oid_t)(k % 7), .due_ms = NOW_MS};
        ops[k] = (struct store_append){.op = {.kind = STORE_APPEND, .done = batch_done},
                                       .message = &messages[k],
                                       .targets = &targets[k],
                                       .target_count = 1};
        if (k > 0)
            ops[k - 1].op.next = &ops[k].op;
    }
    batch_left = BATCH;
    store_submit_chain(l->store, &ops[0].op, &ops[BATCH - 1].op);
    while (batch_left > 0)
        usleep(100);
}

static void *load_run(void *arg)
{
    struct load *l = arg;
    for (size_t i = 0; i < EVENTS; i += BATCH) {
        struct store_stats st;
        batch_send(l, i);
        l->sent = i + BATCH;
        store_stats(l->store, &st);
        l->wal_max = st.wal_bytes > l->wal_max ? st.wal_bytes : l->wal_max;
    }
    return NULL;
}

/* The same message list over and over: a reader that is always in a transaction. */
static void *reader_run(void *arg)
{
    struct load *l = arg;
    struct store_reader *r;
    OK(store_reader_open(l->store, &r));
    while (l->sent < EVENTS) {
        struct arena *a = arena_new(65536);
        struct message *list;
        size_t n;
        struct message_query q = {.app = 2, .status = -1, .with_payload = true, .limit = 100};
        OK(store_list_messages(r, a, &q, &list, NULL, &n));
        arena_free(a);
    }
    store_reader_close(r);
    return NULL;
}

static int64_t copy_count(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static void copies_and_readers_do_not_hold_the_log(void **state)
{
    (void)state;
    struct place p = place_make();
    struct store_config c = {.path = p.path, .wal_cap_bytes = CAP_BYTES};
    struct load l = {.first = oid_at_ms(NOW_MS)};
    const char *why = "";
    OK(store_open(&c, &l.store, &why));
    pthread_t writer, reader;
    pthread_create(&writer, NULL, load_run, &l);
    pthread_create(&reader, NULL, reader_run, &l);
    while (l.sent < EVENTS / 4)
        usleep(1000);
    size_t before = l.sent;
    OK(store_backup(l.store, p.copy, NULL, NULL, &why));
    size_t after = l.sent;
    assert_int_equal(store_backup(l.store, p.copy, NULL, NULL, &why), ERR_CONFLICT);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    store_close(l.store);
    /* Many times its cap was written. How far it passes the cap depends on when the reader's thread gets to run. */
    assert_true(l.wal_max < 8 * CAP_BYTES);
    int64_t have = copy_count(p.copy, "SELECT count(*) FROM message");
    assert_in_range(have, before, after + BATCH);
    assert_int_equal(copy_count(p.copy, "SELECT count(*) FROM delivery"), have);
    assert_int_equal(copy_count(p.copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"), 1);
    place_remove(&p);
}

int main(void)
{
    clock_init(0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_filter_misses_nothing_and_seldom_errs),
                                       cmocka_unit_test(the_index_knows_each_chunk_until_it_is_full),
                                       cmocka_unit_test(an_hour_that_is_over_goes_in_steps),
                                       cmocka_unit_test(no_statement_walks_a_table),
                                       cmocka_unit_test(copies_and_readers_do_not_hold_the_log)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
