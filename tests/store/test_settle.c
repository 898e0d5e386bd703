/* SPDX-License-Identifier: Apache-2.0 */
/* Up to where the messages of a workspace are settled: what waits is not passed, what comes too late gets another id.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include <pthread.h>
#include <time.h>

#include "base/mem.h"
#include "topics.h"

static oid_t settle(struct fixture *f, oid_t app, oid_t until)
{
    struct store_settle op = {.op.kind = STORE_SETTLE, .app = app, .until = until};
    OK(store_run(f->store, &op.op));
    return op.until;
}

static enum err append(struct fixture *f, const struct message *m, bool *late)
{
    struct store_append op = {.op.kind = STORE_APPEND, .message = m, .app_version = fx_app_version(f, m->app)};
    enum err e = store_run(f->store, &op.op);
    *late = op.late;
    return e;
}

static void what_is_settled_stays(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), other = fx_app(f);
    struct message early = fx_message(f, app), elsewhere = fx_message(f, other), later = fx_message(f, app);
    bool late;
    assert_int_equal(settle(f, app, elsewhere.id), elsewhere.id);
    assert_int_equal(append(f, &early, &late), ERR_STALE);
    assert_true(late);
    OK(append(f, &elsewhere, &late)); /* another workspace is not concerned */
    OK(append(f, &later, &late));
    assert_false(late);
    assert_int_equal(settle(f, app, early.id), elsewhere.id); /* never back */
    early.id = fx_id(f);
    OK(append(f, &early, &late));
}

static void documents_bring_no_late_message(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message early = fx_message(f, app);
    struct store_append a = {.message = &early, .app_version = fx_app_version(f, app)};
    struct doc_change change = {.change = DOC_CREATE,
                                .doc = {.id = fx_id(f), .kind = DOC_RECORD, .app = app, .body = STR("{}")}};
    struct store_docs op = {
            .op.kind = STORE_DOCS, .app = app, .changes = &change, .count = 1, .appends = &a, .append_count = 1};
    struct doc d;
    settle(f, app, change.doc.id);
    assert_int_equal(store_run(f->store, &op.op), ERR_STALE);
    assert_true(a.late);
    assert_int_equal(op.failed_at, 1);
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RECORD, change.doc.id, &d), ERR_NOT_FOUND);
}

/* Appends that are in line when it is asked keep their ids, and the mark stays below them until they are committed. */
static void what_waits_is_not_passed(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 200 };
    oid_t app = fx_app(f);
    uint64_t version = fx_app_version(f, app);
    AUTO_FREE struct message *m = mem_zalloc(MANY, sizeof *m);
    AUTO_FREE struct store_append *a = mem_zalloc(MANY, sizeof *a);
    AUTO_FREE struct store_op **ops = mem_zalloc(MANY + 1, sizeof *ops);
    struct store_settle s = {.op.kind = STORE_SETTLE, .app = app};
    for (size_t i = 0; i < MANY; i++) {
        m[i] = fx_message(f, app);
        a[i] = (struct store_append){.op.kind = STORE_APPEND, .message = &m[i], .app_version = version};
        ops[i] = &a[i].op;
    }
    s.until = fx_id(f);
    ops[MANY] = &s.op; /* a command: it goes before them */
    fx_run_mixed(f, ops, MANY + 1);
    OK(s.op.result);
    assert_true(s.until < m[0].id);
    for (size_t i = 0; i < MANY; i++)
        OK(a[i].op.result);
    assert_true(settle(f, app, fx_id(f)) > m[MANY - 1].id);
}

/* What an earlier process gave an id and did not commit comes too late. */
static void ids_of_an_earlier_process(void **state)
{
    struct fixture *f = *state;
    bool late;
    if (f->memory)
        return;
    oid_t app = fx_app(f);
    struct message early = fx_message(f, app), last = fx_message(f, app), next;
    OK(append(f, &last, &late));
    fx_reopen(f);
    assert_int_equal(append(f, &early, &late), ERR_STALE);
    assert_true(late);
    next = fx_message(f, app);
    OK(append(f, &next, &late));
}

/* ---- many at once ---- */

enum { WRITERS = 3, EACH = 400 };

struct crowd {
    struct fixture *f;
    struct oid_source ids;
    oid_t app;
    uint64_t version;
    atomic_int running;
};

static void *write_many(void *arg)
{
    struct crowd *c = arg;
    for (int i = 0; i < EACH; i++) {
        struct message m = {.app = c->app,
                            .env = c->f->env,
                            .event_type = STR("a.b"),
                            .expires_ms = TEST_START_MS * 2,
                            .payload = STR("{}")};
        struct store_append op = {.op.kind = STORE_APPEND, .message = &m, .app_version = c->version};
        enum err e = ERR_STALE;
        while (e == ERR_STALE) {
            m.id = oid_next(&c->ids, c->f->now_ms);
            if (i % 8 == 0) /* between the id and the queue */
                nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
            e = store_run(c->f->store, &op.op);
        }
        CHECK(e == ERR_OK);
    }
    atomic_fetch_sub(&c->running, 1);
    return NULL;
}

static size_t read_more(struct crowd *c, oid_t *at)
{
    struct message *page;
    size_t count;
    oid_t until = settle(c->f, c->app, oid_next(&c->ids, c->f->now_ms));
    struct message_query q = {.app = c->app,
                              .after = *at,
                              .before = until + 1,
                              .ascending = true,
                              .status = -1,
                              .limit = (size_t)WRITERS * EACH};
    struct arena *a = arena_new(65536);
    OK(store_list_messages(c->f->reader, a, &q, &page, NULL, &count));
    if (count > 0)
        *at = page[count - 1].id;
    arena_free(a);
    return count;
}

/* The reader leaves no room behind the newest id: every message that it counts is new, and in the end it has all. */
static void a_reader_misses_none(void **state)
{
    struct fixture *f = *state;
    struct crowd c = {.f = f, .app = fx_app(f), .running = WRITERS};
    pthread_t threads[WRITERS];
    size_t seen = 0;
    oid_t at = 0;
    c.version = fx_app_version(f, c.app);
    oid_source_init(&c.ids, 1, fx_id(f));
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &c), 0);
    while (atomic_load(&c.running) > 0)
        seen += read_more(&c, &at);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    seen += read_more(&c, &at);
    assert_int_equal(seen, WRITERS * EACH);
}

const struct CMUnitTest settle_tests[] = {
        FX_TEST(what_is_settled_stays),    FX_TEST(documents_bring_no_late_message),
        FX_TEST(what_waits_is_not_passed), FX_TEST(ids_of_an_earlier_process),
        FX_TEST(a_reader_misses_none),
};
const size_t settle_test_count = ARRAY_LEN(settle_tests);
