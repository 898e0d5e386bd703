/* SPDX-License-Identifier: Apache-2.0 */
/* The store's file from outside: looking at it, copies under load, putting one in place. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "store/copy.h"

#define BEFORE     300
#define COPIES_MAX 50

static char *path_in(struct fixture *f, const char *name)
{
    return arena_cstr(f->arena, fx_printf(f, "%s/%s", f->dir, name));
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void a_look_counts(void **state)
{
    struct fixture *f = *state;
    struct store_facts facts, again;
    const char *why = NULL;
    oid_t app = fx_app(f), ep = fx_id(f);
    oid_t msg = fx_send(f, app, ep, f->now_ms);
    fx_record(f, app, msg, ep, (struct fx_outcome){.number = 1, .status = DELIVERY_SUCCESS, .http_status = 200});
    fx_send(f, app, ep, f->now_ms);
    OK(store_look(f->path, STORE_COUNT, &facts, &why));
    assert_int_equal(facts.schema_version, store_schema_version());
    assert_int_equal(facts.messages, 2);
    assert_int_equal(facts.deliveries, 2);
    assert_int_equal(facts.attempts, 1);
    assert_int_equal(facts.objects, 1);
    assert_int_equal(facts.key_id_count, 0);
    assert_true(facts.highest_time_ms >= TEST_START_MS);
    OK(store_look(f->path, STORE_COUNT, &again, &why));
    assert_string_equal(again.sha256, facts.sha256);
    fx_send(f, app, ep, f->now_ms);
    OK(store_look(f->path, STORE_COUNT, &again, &why));
    assert_string_not_equal(again.sha256, facts.sha256);
}

/* ---- copies under load ------------------------------------------------------------------------------------------- */

struct load {
    struct fixture *f;
    oid_t app, ep;
    atomic_bool stop;
    atomic_uint sent;
};

static void *send_on(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->stop)) {
        fx_send(l->f, l->app, l->ep, l->f->now_ms);
        atomic_fetch_add(&l->sent, 1);
    }
    return NULL;
}

static void a_copy_under_load_is_one_moment(void **state)
{
    struct fixture *f = *state;
    struct load l = {.f = f, .app = fx_app(f), .ep = fx_id(f)};
    struct store_facts facts, seen;
    const char *why = NULL, *to = path_in(f, "copy");
    pthread_t thread;
    for (int i = 0; i < BEFORE; i++)
        fx_send(f, l.app, l.ep, f->now_ms);
    assert_int_equal(pthread_create(&thread, NULL, send_on, &l), 0);
    while (atomic_load(&l.sent) < 10)
        usleep(1000);
    unsigned before = 0, after = 0;
    /* On a busy machine a copy may be quicker than the next commit; if copies held commits up, all of them would be. */
    for (int i = 0; i < COPIES_MAX && after == before; i++) {
        (void)unlink(to);
        before = atomic_load(&l.sent);
        OK(store_backup_path(f->path, to, NULL, NULL, &facts, &why));
        after = atomic_load(&l.sent);
    }
    atomic_store(&l.stop, true);
    pthread_join(thread, NULL);
    assert_true(after > before); /* commits went on */
    assert_true(facts.messages >= BEFORE + before);
    assert_int_equal(facts.messages, facts.deliveries);
    OK(store_look(to, STORE_COUNT, &seen, &why));
    assert_string_equal(seen.sha256, facts.sha256);
    assert_false(exists(path_in(f, "copy-wal")));
    struct stat st;
    assert_int_equal(stat(to, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_copy_is_never_overwritten(void **state)
{
    struct fixture *f = *state;
    struct store_facts facts = {.schema_version = -1};
    const char *why = NULL, *to = path_in(f, "copy");
    OK(store_backup_path(f->path, to, NULL, NULL, &facts, &why));
    facts.schema_version = -1;
    assert_int_equal(store_backup_path(f->path, to, NULL, NULL, &facts, &why), ERR_CONFLICT);
    assert_int_equal(facts.schema_version, -1);
    assert_int_equal(store_backup_path(f->path, path_in(f, "none/copy"), NULL, NULL, &facts, &why), ERR_IO);
    assert_int_equal(store_backup_path(path_in(f, "none"), path_in(f, "c"), NULL, NULL, &facts, &why), ERR_NOT_FOUND);
    assert_false(exists(path_in(f, "c")));
}

/* ---- restoring --------------------------------------------------------------------------------------------------- */

static void a_restored_store_is_the_copy(void **state)
{
    struct fixture *f = *state;
    struct store_facts copied, restored, now;
    const char *why = NULL, *copy = path_in(f, "copy");
    oid_t app = fx_app(f), ep = fx_id(f);
    oid_t msg = fx_send(f, app, ep, f->now_ms);
    OK(store_backup_path(f->path, copy, NULL, NULL, &copied, &why));
    oid_t later = fx_send(f, app, ep, f->now_ms);
    assert_int_equal(store_restore_path(copy, f->path, true, &restored, &why), ERR_CONFLICT); /* it is open */
    store_reader_close(f->reader);
    store_close(f->store);
    assert_int_equal(store_restore_path(copy, f->path, false, &restored, &why), ERR_CONFLICT);
    OK(store_look(f->path, STORE_COUNT, &now, &why));
    assert_int_equal(now.messages, 2);
    OK(store_restore_path(copy, f->path, true, &restored, &why));
    assert_string_equal(restored.sha256, copied.sha256);
    struct store_config c = {.path = f->path, .ballast_bytes = 1 << 16};
    OK(store_open(&c, &f->store, &why));
    OK(store_reader_open(f->store, &f->reader));
    struct message m;
    OK(store_get_message(f->reader, f->arena, app, msg, false, &m));
    assert_int_equal(store_get_message(f->reader, f->arena, app, later, false, &m), ERR_NOT_FOUND);
    assert_true(exists(copy));
}

/* A log that a killed process left must not be played into the restored file. */
static void an_old_log_is_not_played_into_a_copy(void **state)
{
    struct fixture *f = *state;
    struct store_facts copied, now;
    const char *why = NULL, *copy = path_in(f, "copy"), *other = path_in(f, "other.db");
    oid_t app = fx_app(f), ep = fx_id(f);
    OK(store_backup_path(f->path, copy, NULL, NULL, &copied, &why));
    fx_send(f, app, ep, f->now_ms);
    /* What the disk holds while the process still runs is what a kill leaves. */
    char command[512];
    snprintf(command, sizeof command, "cp %s %s && cp %s-wal %s-wal", f->path, other, f->path, other);
    assert_int_equal(system(command), 0);
    OK(store_restore_path(copy, other, true, &now, &why));
    OK(store_look(other, STORE_COUNT, &now, &why));
    assert_int_equal(now.messages, 0);
    assert_string_equal(now.sha256, copied.sha256);
}

static unsigned owner_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_uid;
}

/* What root puts in place still belongs to the server's user. */
static void root_keeps_the_owner(void **state)
{
    struct fixture *f = *state;
    struct store_facts facts;
    const char *why = NULL, *copy = path_in(f, "copy"), *to = path_in(f, "to.db");
    if (geteuid() != 0)
        skip();
    OK(store_backup_path(f->path, copy, NULL, NULL, &facts, &why));
    assert_int_equal(chown(f->dir, 4711, 4711), 0);
    OK(store_restore_path(copy, to, false, &facts, &why));
    assert_int_equal(owner_of(to), 4711);
    assert_int_equal(owner_of(path_in(f, "to.db.lock")), 4711);
    assert_int_equal(chown(to, 4712, 4712), 0);
    OK(store_restore_path(copy, to, true, &facts, &why));
    assert_int_equal(owner_of(to), 4712);
}

static void what_is_no_backup_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_facts facts;
    const char *why = NULL, *to = path_in(f, "to.db"), *bad = path_in(f, "bad");
    FILE *file = fopen(bad, "we");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "this is no database\n");
    fclose(file);
    assert_int_equal(store_restore_path(bad, to, false, &facts, &why), ERR_INVALID);
    assert_int_equal(store_restore_path(path_in(f, "none"), to, false, &facts, &why), ERR_NOT_FOUND);
    fx_send(f, fx_app(f), fx_id(f), f->now_ms);
    assert_int_equal(store_restore_path(f->path, to, false, &facts, &why), ERR_INVALID); /* a store in use */
    OK(store_backup_path(f->path, path_in(f, "copy"), NULL, NULL, &facts, &why));
    assert_int_equal(truncate(path_in(f, "copy"), 8192), 0);
    assert_int_equal(store_restore_path(path_in(f, "copy"), to, false, &facts, &why), ERR_INVALID);
    assert_false(exists(to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            FX_TEST(a_look_counts),
            FX_TEST(a_copy_under_load_is_one_moment),
            FX_TEST(a_copy_is_never_overwritten),
            FX_TEST(a_restored_store_is_the_copy),
            FX_TEST(an_old_log_is_not_played_into_a_copy),
            FX_TEST(root_keeps_the_owner),
            FX_TEST(what_is_no_backup_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
