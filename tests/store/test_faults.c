/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite store when the world is unkind: the process is killed at any moment, the disk is full. What was
 * acknowledged is there afterwards.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "fixture.h"

/* ---- kill -9 ------------------------------------------------------------------------------------------------------
 */

enum { KILLS = 20, IN_FLIGHT = 64 };

struct flight {
    struct store_append append;
    struct store_record record;
    struct attempt attempt;
    char type[16];
    bool appended; /* and the outcome is next */
    struct message message;
    struct store_target target;
    struct flight *next_free;
};

/* The child: appends for ever, and writes the id of each acknowledged message to `ack`; or records an outcome for each,
 * and writes when that is acknowledged. */
struct child {
    bool records;
    struct store *store;
    oid_t app, ep, last_id, env;
    uint64_t app_version;
    int ack;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct flight *free;
    struct flight all[IN_FLIGHT];
};

static struct child child;

static void on_acknowledged(struct store_op *op)
{
    struct flight *x = op->kind == STORE_APPEND ? CONTAINER_OF(op, struct flight, append.op)
                                                : CONTAINER_OF(op, struct flight, record.op);
    x->appended = op->kind == STORE_APPEND && child.records;
    if (op->result != ERR_OK || (!x->appended && write(child.ack, &x->message.id, sizeof(oid_t)) != sizeof(oid_t)))
        _exit(3);
    pthread_mutex_lock(&child.lock);
    x->next_free = child.free;
    child.free = x;
    pthread_cond_signal(&child.freed);
    pthread_mutex_unlock(&child.lock);
}

static struct flight *flight_take(void)
{
    pthread_mutex_lock(&child.lock);
    while (child.free == NULL)
        pthread_cond_wait(&child.freed, &child.lock);
    struct flight *x = child.free;
    child.free = x->next_free;
    pthread_mutex_unlock(&child.lock);
    return x;
}

/* Of one of many types, so that there is much to count. */
static void flight_record(struct flight *x)
{
    (void)snprintf(x->type, sizeof x->type, "t%d", (int)(x->message.id % 4000));
    x->attempt = (struct attempt){.id = ++child.last_id,
                                  .msg = x->message.id,
                                  .ep = child.ep,
                                  .app = child.app,
                                  .number = 1,
                                  .status = x->message.id % 3 == 0 ? DELIVERY_FAIL : DELIVERY_SUCCESS,
                                  .started_ms = TEST_START_MS,
                                  .phases = {.total_us = 1000},
                                  .url = STR("http://a"),
                                  .event_type = str_c(x->type)};
    x->record = (struct store_record){.op = {.kind = STORE_RECORD, .done = on_acknowledged}, .attempt = &x->attempt};
    store_submit(child.store, &x->record.op);
}

NORETURN static void child_run(const char *path, int ack, const struct fixture *f, oid_t app, oid_t ep,
                               uint64_t version, bool records)
{
    static char payload[2000];
    const char *why = "";
    struct store_config c = {.path = path, .ballast_bytes = 1 << 16, .wal_cap_bytes = 1 << 20};
    child = (struct child){.app = app, .ep = ep, .env = f->env, .app_version = version, .ack = ack, .records = records};
    pthread_mutex_init(&child.lock, NULL);
    pthread_cond_init(&child.freed, NULL);
    if (store_open(&c, &child.store, &why) != ERR_OK)
        _exit(4);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        child.all[i].next_free = child.free;
        child.free = &child.all[i];
    }
    memset(payload, 'p', sizeof payload);
    child.last_id = store_identity(child.store)->highest_oid;
    if (child.last_id < f->last_id)
        child.last_id = f->last_id;
    for (;;) {
        struct flight *x = flight_take();
        if (x->appended) {
            flight_record(x);
            continue;
        }
        x->message = (struct message){.id = ++child.last_id,
                                      .env = child.env,
                                      .app = app,
                                      .event_type = STR("x"),
                                      .occurred_ms = TEST_START_MS,
                                      .expires_ms = TEST_START_MS + TIME_DAY_MS,
                                      .payload = str_of(payload, sizeof payload)};
        x->target = (struct store_target){.ep = ep, .profile_version = 1, .due_ms = TEST_START_MS};
        x->append = (struct store_append){.op = {.kind = STORE_APPEND, .done = on_acknowledged},
                                          .message = &x->message,
                                          .app_version = version,
                                          .targets = &x->target,
                                          .target_count = 1};
        store_submit(child.store, &x->append.op);
    }
}

/* What came through the pipe, until its end. Adds to ids. */
static size_t read_acknowledged(int fd, oid_t **ids, size_t count)
{
    oid_t id;
    ssize_t got;
    while ((got = read(fd, &id, sizeof id)) == (ssize_t)sizeof id) {
        if (count % 1024 == 0)
            *ids = mem_realloc(*ids, (count + 1024) * sizeof id);
        (*ids)[count++] = id;
    }
    assert_int_equal(got, 0);
    return count;
}

/* Lets a child work on the fixture's store, kills it, opens the store again. Adds to ids. */
static size_t kill_once(struct fixture *f, oid_t app, oid_t ep, bool records, unsigned after_us, oid_t **ids,
                        size_t count)
{
    int ack[2], status;
    uint64_t version = fx_app_version(f, app);
    store_reader_close(f->reader);
    store_close(f->store);
    assert_int_equal(pipe(ack), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ack[0]);
        child_run(f->path, ack[1], f, app, ep, version, records);
    }
    close(ack[1]);
    usleep(after_us);
    kill(pid, SIGKILL);
    count = read_acknowledged(ack[0], ids, count);
    close(ack[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    const char *why = "";
    struct store_config c = {.path = f->path, .ballast_bytes = 1 << 16};
    OK(store_open(&c, &f->store, &why));
    OK(store_reader_open(f->store, &f->reader));
    assert_true(count == 0 || store_identity(f->store)->highest_oid >= (*ids)[count - 1]);
    return count;
}

static void a_kill_loses_nothing_acknowledged(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE oid_t *ids = NULL;
    size_t count = 0;
    oid_t app = fx_app(f), ep = fx_id(f);
    unsigned random = 12345;
    for (int round = 0; round < KILLS; round++) {
        random = random * 1103515245 + 12345;
        /* From before it has opened the file to many groups later. */
        count = kill_once(f, app, ep, false, round % 5 == 0 ? random % 8000 : 20000 + random % 80000, &ids, count);
        for (size_t i = 0; i < count; i++) {
            struct message m;
            struct delivery d = fx_delivery(f, ids[i], ep);
            OK(store_get_message(f->reader, f->arena, app, ids[i], true, &m));
            assert_int_equal(m.payload.len, 2000);
            assert_int_equal(d.status, DELIVERY_PENDING);
            if (i % 256 == 0)
                arena_reset(f->arena);
        }
    }
    print_message("%d kills, %zu acknowledged messages\n", KILLS, count);
    assert_true(count > 0);
}

struct counts {
    uint64_t succeeded, failed;
    int64_t total_us;
};

static void add_tally(void *arg, const struct tally *t)
{
    struct counts *c = arg;
    c->succeeded += t->succeeded;
    c->failed += t->failed;
    c->total_us += t->total_us;
}

/* What the statistics say, and what is there. */
static void same_counts(struct fixture *f, oid_t app, oid_t ep)
{
    struct counts told = {0}, there = {0};
    struct tally_query q = {.app = app, .ep = ep, .until_ms = TIME_NEVER};
    struct attempt_query a = {.app = app, .ep = ep, .status = -1, .status_class = -1, .limit = 1000};
    struct attempt *list;
    size_t n;
    do {
        arena_reset(f->arena);
        OK(store_list_attempts(f->reader, f->arena, &a, &list, &n));
        for (size_t i = 0; i < n; i++) {
            there.succeeded += list[i].status == DELIVERY_SUCCESS;
            there.failed += list[i].status != DELIVERY_SUCCESS;
            there.total_us += list[i].phases.total_us;
            a.before = list[i].id;
        }
    } while (n == a.limit);
    OK(store_each_tally(f->reader, &q, add_tally, &told));
    assert_int_equal(told.succeeded, there.succeeded);
    assert_int_equal(told.failed, there.failed);
    assert_int_equal(told.total_us, there.total_us);
}

/* The counts are in the commit of what they count: in the log, in the table, or on the way from one to the other. */
static void a_kill_loses_no_count(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE oid_t *ids = NULL;
    size_t count = 0;
    oid_t app = fx_app(f), ep = fx_id(f);
    unsigned random = 54321;
    for (int round = 0; round < KILLS; round++) {
        random = random * 1103515245 + 12345;
        count = kill_once(f, app, ep, true, 20000 + random % 200000, &ids, count);
        same_counts(f, app, ep);
        if (round % 4 != 0)
            continue;
        /* The first commit adds the log to the table. */
        oid_t msg = store_identity(f->store)->highest_oid + 1;
        f->last_id = msg > f->last_id ? msg : f->last_id;
        msg = fx_send(f, app, ep, TEST_START_MS);
        fx_record(f, app, msg, ep, (struct fx_outcome){.number = 1, .status = DELIVERY_SUCCESS, .http_status = 200});
        same_counts(f, app, ep);
    }
    print_message("%d kills, %zu acknowledged attempts\n", KILLS, count);
    assert_true(count > 0);
}

/* ---- disk full ----------------------------------------------------------------------------------------------------
 */

#define DISK_BYTES   "size=24m"
#define FILLER_BYTES (8 << 20)

/* Mounts a small file system on f->dir, visible to this process alone. Why not, or NULL. */
static const char *disk_mount(const char *dir)
{
    if (unshare(CLONE_NEWNS) != 0)
        return "a mount namespace needs root";
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", dir, "tmpfs", 0, DISK_BYTES) != 0)
        return "mounting a tmpfs is not allowed here";
    return NULL;
}

static void filler_write(const char *path)
{
    static char block[1 << 16];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t n = 0; n < FILLER_BYTES; n += sizeof block)
        assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
    assert_int_equal(fclose(file), 0);
}

/* Appends until the store says no; adds the acknowledged ids. */
static enum err fill(struct fixture *f, oid_t app, oid_t *ids, size_t max, size_t *count)
{
    static char payload[50000];
    memset(payload, 'x', sizeof payload);
    while (*count < max) {
        struct message m = fx_message(f, app);
        struct store_target t = {.ep = 7, .profile_version = 1, .due_ms = f->now_ms};
        m.payload = str_of(payload, sizeof payload);
        enum err e = fx_append(f, &m, &t, 1);
        if (e != ERR_OK)
            return e;
        ids[(*count)++] = m.id;
    }
    return ERR_OK;
}

static void check_all(struct fixture *f, oid_t app, const oid_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct message m;
        OK(store_get_message(f->reader, f->arena, app, ids[i], true, &m));
        assert_int_equal(m.payload.len, 50000);
        assert_int_equal(fx_delivery(f, ids[i], 7).status, DELIVERY_PENDING);
    }
}

static void reopen(struct fixture *f)
{
    const char *why = "";
    struct store_config c = {.path = f->path, .wal_cap_bytes = 1 << 20, .ballast_bytes = 2 << 20};
    if (f->store != NULL) {
        store_reader_close(f->reader);
        store_close(f->store);
    }
    OK(store_open(&c, &f->store, &why));
    OK(store_reader_open(f->store, &f->reader));
}

static bool is_full(struct fixture *f)
{
    struct store_stats stats;
    store_stats(f->store, &stats);
    return stats.full;
}

/* Its threads must see the mount, so this test opens a store of its own. */
static void a_full_disk_loses_nothing_acknowledged(void **state)
{
    (void)state;
    struct fixture f = {.now_ms = TEST_START_MS, .dir = "/tmp/postrider-full-XXXXXX"};
    char filler[128];
    oid_t ids[600];
    size_t count = 0, before;
    assert_non_null(mkdtemp(f.dir));
    const char *why = disk_mount(f.dir);
    if (why != NULL) {
        rmdir(f.dir);
        print_message("skipped: %s\n", why);
        skip();
    }
    f.arena = arena_new(1 << 16);
    f.env = fx_id(&f);
    snprintf(f.path, sizeof f.path, "%s/store.db", f.dir);
    snprintf(filler, sizeof filler, "%s/filler", f.dir);
    filler_write(filler);
    reopen(&f);
    oid_t app = fx_app(&f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fill(&f, app, ids, ARRAY_LEN(ids), &count), ERR_FULL);
    assert_true(count > 10);
    assert_true(is_full(&f));
    check_all(&f, app, ids, count);
    /* The outcome of what is under way still finds room. */
    fx_record(&f, app, ids[0], 7,
              (struct fx_outcome){.number = 1, .status = DELIVERY_PENDING, .due_ms = 1, .http_status = 500});
    assert_int_equal(fx_delivery(&f, ids[0], 7).tries, 1);

    assert_int_equal(unlink(filler), 0);
    before = count;
    for (int i = 0; i < 100 && count == before; i++) {
        usleep(100000);
        enum err e = fill(&f, app, ids, count + 1, &count);
        assert_true(e == ERR_OK || e == ERR_FULL);
    }
    assert_true(count > before);
    assert_false(is_full(&f));
    check_all(&f, app, ids, count);
    reopen(&f);
    check_all(&f, app, ids, count);
    store_reader_close(f.reader);
    store_close(f.store);
    arena_free(f.arena);
    assert_int_equal(umount(f.dir), 0);
    rmdir(f.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            FX_TEST(a_kill_loses_nothing_acknowledged),
            FX_TEST(a_kill_loses_no_count),
            cmocka_unit_test(a_full_disk_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
