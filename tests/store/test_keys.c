/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency keys: written with what they stand for, known to whoever comes later, forgotten by the hour. */
#include "topics.h"

#include <stdio.h>

#include "store/sqlite_priv.h"

#define WHAT 7

static struct store_key key_of(uint64_t n, oid_t id)
{
    return (struct store_key){.hash = {hash_u64(n), hash_u64(n + 1000000)},
                              .made = {.id = id, .what = WHAT, .status = 202}};
}

static enum err append_with(struct fixture *f, const struct message *m, struct store_target *targets, size_t count,
                            struct store_key *key)
{
    struct store_append op = {.op = {.kind = STORE_APPEND, .key = key},
                              .message = m,
                              .app_version = fx_app_version(f, m->app),
                              .targets = targets,
                              .target_count = count};
    return store_run(f->store, &op.op);
}

static void expect_known(struct fixture *f, uint64_t n, oid_t id)
{
    struct store_key key = key_of(n, 1);
    OK(store_find_key(f->store, &key));
    assert_true(key.known);
    assert_int_equal(key.made.id, id);
    assert_int_equal(key.made.what, WHAT);
    assert_int_equal(key.made.status, 202);
}

static void expect_new(struct fixture *f, uint64_t n)
{
    struct store_key key = key_of(n, 1);
    assert_int_equal(store_find_key(f->store, &key), ERR_NOT_FOUND);
    assert_false(key.known);
}

static void the_second_append_finds_the_first(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct message one = fx_message(f, app), two = fx_message(f, app), got;
    struct store_target t = {.ep = ep, .profile_version = 1, .due_ms = f->now_ms};
    struct store_key first = key_of(1, one.id), second = key_of(1, two.id);
    expect_new(f, 1);
    OK(append_with(f, &one, &t, 1, &first));
    assert_false(first.known);
    OK(append_with(f, &two, &t, 1, &second));
    assert_true(second.known);
    assert_int_equal(second.made.id, one.id);
    assert_int_equal(second.made.what, WHAT);
    assert_int_equal(second.made.status, 202);
    OK(store_get_message(f->reader, f->arena, app, one.id, true, &got));
    assert_int_equal(store_get_message(f->reader, f->arena, app, two.id, true, &got), ERR_NOT_FOUND);
    struct delivery d;
    assert_int_equal(store_get_delivery(f->reader, two.id, ep, &d), ERR_NOT_FOUND);
    expect_known(f, 1, one.id);
    expect_new(f, 2);
}

/* Neither a newer configuration nor the event id, which both would refuse it, come before the key. */
static void a_known_key_comes_before_every_refusal(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message one = fx_message(f, app), two = fx_message(f, app);
    one.event_id = two.event_id = STR("e1");
    struct store_key first = key_of(1, one.id), second = key_of(1, two.id), other = key_of(2, two.id);
    OK(append_with(f, &one, NULL, 0, &first));
    OK(append_with(f, &two, NULL, 0, &second));
    assert_true(second.known);
    assert_int_equal(append_with(f, &two, NULL, 0, &other), ERR_CONFLICT);
    struct object ep = fx_object(f, OBJ_ENDPOINT, app, NULL);
    uint64_t before = fx_app_version(f, app);
    OK(fx_change(f, OBJECT_CREATE, &ep, 0));
    struct store_key third = key_of(1, two.id);
    struct store_append stale = {.op = {.kind = STORE_APPEND, .key = &third}, .message = &two, .app_version = before};
    OK(store_run(f->store, &stale.op));
    assert_true(third.known);
    assert_int_equal(third.made.id, one.id);
}

/* The key of what was refused is free: the next one with it is the first. */
static void a_refusal_frees_the_key(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message one = fx_message(f, app), two = fx_message(f, app), three = fx_message(f, app);
    struct store_key key = key_of(1, two.id);
    one.event_id = two.event_id = STR("e1");
    OK(fx_append(f, &one, NULL, 0));
    assert_int_equal(append_with(f, &two, NULL, 0, &key), ERR_CONFLICT);
    expect_new(f, 1);
    key = key_of(1, three.id);
    OK(append_with(f, &three, NULL, 0, &key));
    assert_false(key.known);
    expect_known(f, 1, three.id);
}

static void of_many_in_one_group_one_is_made(void **state)
{
    enum { COUNT = 50 };
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    struct message m[COUNT];
    struct store_key keys[COUNT];
    struct store_append ops[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        m[i] = fx_message(f, app);
        keys[i] = key_of(9, m[i].id);
        ops[i] = (struct store_append){
                .op = {.kind = STORE_APPEND, .key = &keys[i]}, .message = &m[i], .app_version = fx_app_version(f, app)};
    }
    fx_run_together(f, &ops[0].op, sizeof ops[0], COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        OK(ops[i].op.result);
        assert_int_equal(keys[i].known, i > 0);
        assert_int_equal(keys[i].made.id, m[0].id);
    }
    struct message_query q = {.app = app, .status = -1, .limit = 10};
    struct message *list;
    size_t count;
    OK(store_list_messages(f->reader, f->arena, &q, &list, NULL, &count));
    assert_int_equal(count, 1);
}

static void objects_and_resends_have_keys_too(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct object o = fx_object(f, OBJ_ENDPOINT, app, "one"), twin = fx_object(f, OBJ_ENDPOINT, app, "one");
    struct store_key keys[3] = {key_of(1, o.id), key_of(1, twin.id), key_of(2, twin.id)};
    struct object_change changes[2] = {{.change = OBJECT_CREATE, .object = o},
                                       {.change = OBJECT_CREATE, .object = twin}};
    struct store_objects op = {.op = {.kind = STORE_OBJECTS, .key = &keys[0]}, .changes = &changes[0], .count = 1};
    OK(store_run(f->store, &op.op));
    op = (struct store_objects){.op = {.kind = STORE_OBJECTS, .key = &keys[1]}, .changes = &changes[1], .count = 1};
    OK(store_run(f->store, &op.op));
    assert_true(keys[1].known);
    assert_int_equal(keys[1].made.id, o.id);
    op.op.key = &keys[2];
    assert_int_equal(store_run(f->store, &op.op), ERR_CONFLICT);
    expect_new(f, 2);
    /* Nothing but the key. */
    keys[2] = key_of(2, 0);
    op = (struct store_objects){.op = {.kind = STORE_OBJECTS, .key = &keys[2]}};
    OK(store_run(f->store, &op.op));
    expect_known(f, 2, 0);

    oid_t msg = fx_send(f, app, ep, f->now_ms);
    struct store_resend resend = {
            .app = app, .msg = msg, .ep = ep, .profile_version = 1, .trigger = TRIGGER_MANUAL, .now_ms = f->now_ms};
    for (int i = 0; i < 2; i++) {
        struct store_key key = key_of(3, 0);
        resend.op = (struct store_op){.kind = STORE_RESEND, .key = &key};
        OK(store_run(f->store, &resend.op));
        assert_int_equal(key.known, i > 0);
    }
}

static void keys_are_known_after_a_restart(void **state)
{
    enum { COUNT = 3000 }; /* more than one step of filling the filter */
    struct fixture *f = *state;
    FX_FILES_ONLY(f);
    for (uint64_t i = 0; i < COUNT; i++) {
        struct store_key key = key_of(i, (oid_t)i + 1);
        struct store_objects op = {.op = {.kind = STORE_OBJECTS, .key = &key}};
        if (i % 50 == 0)
            OK(store_run(f->store, &op.op));
    }
    fx_reopen(f);
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < COUNT; i++) {
            struct store_key key = key_of(i, 1);
            struct store_objects op = {.op = {.kind = STORE_OBJECTS, .key = &key}};
            if (i % 50 == 0) {
                OK(store_run(f->store, &op.op));
                assert_true(key.known);
                assert_int_equal(key.made.id, i + 1);
            }
        }
    }
    expect_known(f, 0, 1);
    expect_new(f, 1);
}

/* ---- hours: the backend itself, so that the time of a group is the test's
 * -------------------------------------------- */

static struct backend *hours_open(struct fixture *f)
{
    const struct backend_ops *ops = f->memory ? &backend_mem : &backend_sqlite;
    char path[128];
    const char *why = "";
    struct backend *b;
    (void)snprintf(path, sizeof path, "%s/hours.db", f->dir);
    struct store_config c = {.path = f->memory ? NULL : path, .ballast_bytes = 1 << 16};
    OK(ops->open(&c, &b, &why));
    return b;
}

static bool put_at(struct backend *b, int64_t now_ms, uint64_t n)
{
    struct store_key key = key_of(n, (oid_t)n);
    OK(b->ops->begin(b, now_ms));
    enum err e = b->ops->key_find(b, &key);
    if (e == ERR_NOT_FOUND)
        OK(b->ops->key_put(b, &key));
    OK(b->ops->commit(b));
    OK(b->ops->between(b));
    return e == ERR_NOT_FOUND;
}

static bool known_at(struct backend *b, int64_t now_ms, uint64_t n)
{
    struct store_key key = key_of(n, 0);
    OK(b->ops->begin(b, now_ms));
    enum err e = b->ops->key_find(b, &key);
    OK(b->ops->commit(b));
    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    assert_true(e != ERR_OK || (key.known && key.made.id == (oid_t)n));
    return e == ERR_OK;
}

static void keys_live_twelve_hours(void **state)
{
    struct fixture *f = *state;
    struct backend *b = hours_open(f);
    int64_t hour = TEST_START_MS / TIME_HOUR_MS * TIME_HOUR_MS, late = hour + TIME_HOUR_MS - 1;
    static const struct {
        int64_t at_ms;
        bool known;
    } rows[] = {{TIME_HOUR_MS, true}, {11 * TIME_HOUR_MS, true}, {12 * TIME_HOUR_MS, true}, {14 * TIME_HOUR_MS, false}};
    for (uint64_t n = 1; n <= 100; n++)
        assert_true(put_at(b, late, n));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (uint64_t n = 1; n <= 100; n++)
            assert_int_equal(known_at(b, late + rows[i].at_ms, n), rows[i].known);
        assert_int_equal(put_at(b, late + rows[i].at_ms, 1), !rows[i].known);
    }
    /* What is put again lives on from then. */
    assert_true(known_at(b, late + 26 * TIME_HOUR_MS, 1));
    assert_false(known_at(b, late + 28 * TIME_HOUR_MS, 1));
    b->ops->close(b);
}

/* Over days each hour finds the keys of the twelve before it, and no others. */
static void hours_follow_each_other(void **state)
{
    struct fixture *f = *state;
    struct backend *b = hours_open(f);
    for (int64_t hour = 1; hour < 60; hour++) {
        int64_t now_ms = TEST_START_MS + hour * TIME_HOUR_MS;
        assert_true(put_at(b, now_ms, (uint64_t)hour));
        for (int64_t before = 1; before < hour; before++)
            assert_int_equal(known_at(b, now_ms, (uint64_t)before), hour - before <= STORE_KEY_HOURS);
        if (hour > STORE_KEY_HOURS)
            assert_false(put_at(b, now_ms, (uint64_t)(hour - STORE_KEY_HOURS)));
        if (hour % 17 == 0 && !f->memory) {
            b->ops->close(b);
            b = hours_open(f);
        }
    }
    /* A clock that is set back by an hour finds what was put in both. */
    int64_t back_ms = TEST_START_MS + 58 * TIME_HOUR_MS;
    assert_false(put_at(b, back_ms, 59));
    assert_true(put_at(b, back_ms, 1000));
    assert_false(put_at(b, back_ms + TIME_HOUR_MS, 1000));
    /* One that jumps by days forgets all. */
    assert_true(put_at(b, back_ms + 5 * TIME_DAY_MS, 59));
    b->ops->close(b);
}

/* So many in one hour that the SQLite backend's index is full and its filter comes in. */
static void a_crowded_hour_loses_no_key(void **state)
{
    enum { COUNT = 300000, STEP = 3001 };
    struct fixture *f = *state;
    FX_FILES_ONLY(f);
    struct backend *b = hours_open(f);
    OK(b->ops->begin(b, TEST_START_MS));
    CONTAINER_OF(b, struct sqlite_backend, base)->keys.index.parts_max = 3;
    for (uint64_t n = 1; n <= COUNT; n++) {
        struct store_key key = key_of(n, (oid_t)n);
        OK(b->ops->key_put(b, &key));
    }
    OK(b->ops->commit(b));
    for (int pass = 0; pass < 4; pass++) {
        for (uint64_t n = 1; n <= COUNT; n += STEP)
            assert_true(known_at(b, TEST_START_MS + TIME_HOUR_MS, n));
        assert_true(known_at(b, TEST_START_MS + TIME_HOUR_MS, COUNT));
        assert_false(known_at(b, TEST_START_MS + TIME_HOUR_MS, COUNT + 1));
        if (pass == 1) {
            b->ops->close(b);
            b = hours_open(f);
        }
        for (int i = 0; i < 150 && pass == 2; i++)
            OK(b->ops->between(b));
    }
    b->ops->close(b);
}

static void a_rollback_takes_keys_and_hours_back(void **state)
{
    struct fixture *f = *state;
    struct backend *b = hours_open(f);
    struct store_key key = key_of(2, 2);
    assert_true(put_at(b, TEST_START_MS, 1));
    /* The next day drops the hour of the first key, but the group fails. */
    OK(b->ops->begin(b, TEST_START_MS + TIME_DAY_MS));
    assert_int_equal(b->ops->key_find(b, &key), ERR_NOT_FOUND);
    OK(b->ops->key_put(b, &key));
    b->ops->rollback(b);
    assert_false(put_at(b, TEST_START_MS, 1));
    assert_true(put_at(b, TEST_START_MS, 2));
    assert_true(put_at(b, TEST_START_MS + TIME_DAY_MS, 2));
    assert_false(put_at(b, TEST_START_MS + TIME_DAY_MS, 2));
    b->ops->close(b);
}

const struct CMUnitTest key_tests[] = {
        FX_TEST(the_second_append_finds_the_first),
        FX_TEST(a_known_key_comes_before_every_refusal),
        FX_TEST(a_refusal_frees_the_key),
        FX_TEST(of_many_in_one_group_one_is_made),
        FX_TEST(objects_and_resends_have_keys_too),
        FX_TEST(keys_are_known_after_a_restart),
        FX_TEST(keys_live_twelve_hours),
        FX_TEST(hours_follow_each_other),
        FX_TEST(a_crowded_hour_loses_no_key),
        FX_TEST(a_rollback_takes_keys_and_hours_back),
};
const size_t key_test_count = ARRAY_LEN(key_tests);
