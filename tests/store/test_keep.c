/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives a process, and who may open what. The memory store forgets: most of this is for files. */
#include "topics.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct written {
    oid_t app, ep, msg[3];
    struct message message;
    struct object endpoint;
};

static struct written write_some(struct fixture *f)
{
    struct written w = {.app = fx_app(f)};
    w.endpoint = fx_object(f, OBJ_ENDPOINT, w.app, "uid");
    w.endpoint.sealed = str_of("\x01\0sealed", 8);
    OK(fx_change(f, OBJECT_CREATE, &w.endpoint, 0));
    w.endpoint.version = 1;
    w.ep = w.endpoint.id;
    w.message = fx_message(f, w.app);
    w.message.event_id = STR("event");
    w.message.payload = str_of("\0\1\2 bytes \xff", 11);
    struct store_target t = {.ep = w.ep, .profile_version = 3, .due_ms = f->now_ms, .fifo = true};
    OK(fx_append(f, &w.message, &t, 1));
    w.msg[0] = w.message.id;
    for (size_t i = 1; i < 3; i++) {
        int64_t pos;
        w.msg[i] = fx_send_fifo(f, w.app, w.ep, &pos);
    }
    struct endpoint_health h = {.ep = w.ep, .failing_since_ms = 5, .exhausted_since_ms = 6};
    fx_record(f, w.app, w.msg[1], w.ep,
              (struct fx_outcome){.number = 1,
                                  .status = DELIVERY_PENDING,
                                  .due_ms = f->now_ms + 77,
                                  .http_status = 500,
                                  .health = &h});
    fx_record(f, w.app, w.msg[2], w.ep,
              (struct fx_outcome){.number = 1, .status = DELIVERY_FAIL, .reason = REASON_EXHAUSTED});
    OK(fx_resend(f, w.app, w.msg[2], w.ep, TRIGGER_MANUAL));
    return w;
}

static void check_written(struct fixture *f, const struct written *w, const struct delivery *expected)
{
    struct message m;
    struct object o;
    struct endpoint_health h;
    OK(store_find_message(f->reader, f->arena, w->app, STR("event"), true, &m));
    fx_same_message(&m, &w->message);
    OK(store_find_object(f->reader, f->arena, OBJ_ENDPOINT, f->env, w->app, STR("uid"), &o));
    fx_same_object(&o, &w->endpoint);
    for (size_t i = 0; i < 3; i++) {
        struct delivery d = fx_delivery(f, w->msg[i], w->ep);
        fx_same_delivery(&d, &expected[i]);
    }
    OK(store_get_health(f->reader, w->ep, &h));
    assert_int_equal(h.failing_since_ms, 5);
    assert_int_equal(h.exhausted_since_ms, 6);
    struct pending_query q = {.ep = w->ep, .until_pos = TIME_NEVER, .limit = 10, .bytes_max = 1 << 20};
    struct pending_delivery *rows;
    size_t count;
    int64_t next;
    OK(store_load_pending(f->reader, f->arena, &q, &rows, &count, &next));
    assert_int_equal(count, 3);
    struct attempt_query aq = {.app = w->app, .status = -1, .status_class = -1, .limit = 10};
    struct attempt *attempts;
    OK(store_list_attempts(f->reader, f->arena, &aq, &attempts, &count));
    assert_int_equal(count, 2);
}

static void everything_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    FX_FILES_ONLY(f);
    struct written w = write_some(f);
    struct delivery d[3];
    for (size_t i = 0; i < 3; i++)
        d[i] = fx_delivery(f, w.msg[i], w.ep);
    uint64_t version = fx_app_version(f, w.app);
    struct hash_key key = store_identity(f->store)->id_key;
    assert_true(key.k0 != 0 || key.k1 != 0);
    for (int round = 0; round < 2; round++) {
        fx_reopen(f);
        const struct store_identity *id = store_identity(f->store);
        assert_int_equal(id->id_key.k0, key.k0);
        assert_int_equal(id->id_key.k1, key.k1);
        assert_true(id->highest_oid >= f->last_id);
        assert_int_equal(fx_app_version(f, w.app), version);
        check_written(f, &w, d);
    }
    /* The order goes on where it was, and so does the memory of event ids. */
    int64_t pos;
    fx_send_fifo(f, w.app, w.ep, &pos);
    for (size_t i = 0; i < 3; i++)
        assert_true(pos > d[i].pos);
    w.message.id = fx_id(f);
    assert_int_equal(fx_append(f, &w.message, NULL, 0), ERR_CONFLICT);
}

/* In a child: whether the file can be opened now. */
static enum err open_elsewhere(const char *path)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *s;
        const char *why = NULL;
        struct store_config c = {.path = path, .ballast_bytes = 1 << 16};
        enum err e = store_open(&c, &s, &why);
        _exit(e != ERR_OK && (why == NULL || why[0] == '\0') ? 99 : (int)e);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (enum err)WEXITSTATUS(status);
}

static void a_second_process_is_refused(void **state)
{
    struct fixture *f = *state;
    FX_FILES_ONLY(f);
    oid_t app = fx_app(f);
    for (int i = 0; i < 2; i++)
        assert_int_equal(open_elsewhere(f->path), ERR_CONFLICT);
    fx_send(f, app, 7, f->now_ms); /* the owner does not notice */
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void strange_files_are_refused(void **state)
{
    struct fixture *f = *state;
    FX_FILES_ONLY(f);
    struct store *s;
    const char *why = NULL;
    char other[128];
    snprintf(other, sizeof other, "%s/other.db", f->dir);
    run_sql(other, "CREATE TABLE somebody_elses(x); INSERT INTO somebody_elses VALUES(1)");
    struct store_config c = {.path = other, .ballast_bytes = 1 << 16};
    assert_int_equal(store_open(&c, &s, &why), ERR_INVALID);
    assert_non_null(why);

    snprintf(other, sizeof other, "%s/text.db", f->dir);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("this is not a database at all\n", file);
    fclose(file);
    why = NULL;
    assert_int_equal(store_open(&c, &s, &why), ERR_INVALID);
    assert_non_null(why);

    snprintf(other, sizeof other, "%s/nowhere/store.db", f->dir);
    assert_int_not_equal(store_open(&c, &s, &why), ERR_OK);
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    FX_FILES_ONLY(f);
    struct written w = write_some(f);
    char sql[64];
    int version = store_identity(f->store)->schema_version;
    store_reader_close(f->reader);
    store_close(f->store);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version + 1);
    run_sql(f->path, sql);
    assert_int_equal(open_elsewhere(f->path), ERR_INVALID);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version);
    run_sql(f->path, sql);
    const char *why;
    struct store_config c = {.path = f->path, .ballast_bytes = 1 << 16};
    OK(store_open(&c, &f->store, &why));
    OK(store_reader_open(f->store, &f->reader));
    fx_delivery(f, w.msg[0], w.ep);
}

static void a_backup_equals_the_store(void **state)
{
    struct fixture *f = *state;
    struct written w = write_some(f);
    const char *why = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    if (f->memory) {
        assert_int_equal(store_backup(f->store, path, NULL, NULL, &why), ERR_INVALID);
        assert_non_null(why);
        return;
    }
    struct delivery d[3];
    for (size_t i = 0; i < 3; i++)
        d[i] = fx_delivery(f, w.msg[i], w.ep);
    OK(store_backup(f->store, path, NULL, NULL, &why));
    struct fixture copy = *f;
    struct store_config c = {.path = path, .ballast_bytes = 1 << 16};
    OK(store_open(&c, &copy.store, &why));
    OK(store_reader_open(copy.store, &copy.reader));
    check_written(&copy, &w, d);
    assert_int_equal(fx_app_version(&copy, w.app), fx_app_version(f, w.app));
    assert_int_equal(store_identity(copy.store)->id_key.k0, store_identity(f->store)->id_key.k0);
    store_reader_close(copy.reader);
    store_close(copy.store);
    /* A file that is there is not overwritten. */
    assert_int_not_equal(store_backup(f->store, path, NULL, NULL, &why), ERR_OK);
}

const struct CMUnitTest keep_tests[] = {
        FX_TEST(everything_survives_a_restart), FX_TEST(a_second_process_is_refused),
        FX_TEST(strange_files_are_refused),     FX_TEST(a_newer_schema_is_refused),
        FX_TEST(a_backup_equals_the_store),
};
const size_t keep_test_count = ARRAY_LEN(keep_tests);
