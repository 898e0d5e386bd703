/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: created, changed, deleted, found by key, listed in every order, and what they do to a workspace's version.
 */
#include "topics.h"

static void created_objects_read_back(void **state)
{
    struct fixture *f = *state;
    struct object o = fx_object(f, OBJ_TOKEN, 0, "name"), got;
    o.sealed = str_of("\x01\0\0\0\x07sealed\0bytes", 17);
    OK(fx_change(f, OBJECT_CREATE, &o, 0));
    o.version = 1;
    OK(store_get_object(f->reader, f->arena, OBJ_TOKEN, o.id, &got));
    fx_same_object(&got, &o);
    OK(store_find_object(f->reader, f->arena, OBJ_TOKEN, f->env, 0, STR("name"), &got));
    fx_same_object(&got, &o);
    assert_int_equal(store_get_object(f->reader, f->arena, OBJ_APP, o.id, &got), ERR_NOT_FOUND);
    assert_int_equal(store_get_object(f->reader, f->arena, OBJ_TOKEN, o.id + 1, &got), ERR_NOT_FOUND);
    assert_int_equal(store_find_object(f->reader, f->arena, OBJ_TOKEN, f->env, 0, STR("nam"), &got), ERR_NOT_FOUND);
    assert_int_equal(store_find_object(f->reader, f->arena, OBJ_TOKEN, f->env + 1, 0, STR("name"), &got),
                     ERR_NOT_FOUND);
    assert_int_equal(store_find_object(f->reader, f->arena, OBJ_APP, f->env, 0, STR("name"), &got), ERR_NOT_FOUND);
}

static void updates_need_the_version(void **state)
{
    struct fixture *f = *state;
    struct object o = fx_object(f, OBJ_TOKEN, 0, "one"), got;
    OK(fx_change(f, OBJECT_CREATE, &o, 0));
    o.key = STR("two");
    o.body = STR("{\"changed\":true}");
    o.sealed = STR("sealed");
    o.updated_ms += 5;
    OK(fx_change(f, OBJECT_UPDATE, &o, 1));
    OK(store_get_object(f->reader, f->arena, OBJ_TOKEN, o.id, &got));
    o.version = 2;
    fx_same_object(&got, &o);
    assert_int_equal(store_find_object(f->reader, f->arena, OBJ_TOKEN, f->env, 0, STR("one"), &got), ERR_NOT_FOUND);
    OK(store_find_object(f->reader, f->arena, OBJ_TOKEN, f->env, 0, STR("two"), &got));
    assert_int_equal(fx_change(f, OBJECT_UPDATE, &o, 1), ERR_STALE);
    assert_int_equal(fx_change(f, OBJECT_DELETE, &o, 1), ERR_STALE);
    OK(fx_change(f, OBJECT_UPDATE, &o, 0));
    OK(fx_change(f, OBJECT_UPDATE, &o, 3));
    struct object none = fx_object(f, OBJ_TOKEN, 0, NULL);
    assert_int_equal(fx_change(f, OBJECT_UPDATE, &none, 0), ERR_NOT_FOUND);
    assert_int_equal(fx_change(f, OBJECT_DELETE, &none, 0), ERR_NOT_FOUND);
}

static void keys_are_unique_among_the_living(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), other_app = fx_app(f);
    struct object a = fx_object(f, OBJ_ENDPOINT, app, "key"), b = fx_object(f, OBJ_ENDPOINT, app, "key"), got;
    OK(fx_change(f, OBJECT_CREATE, &a, 0));
    assert_int_equal(fx_change(f, OBJECT_CREATE, &b, 0), ERR_CONFLICT);
    assert_int_equal(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, b.id, &got), ERR_NOT_FOUND);
    struct object elsewhere = fx_object(f, OBJ_ENDPOINT, other_app, "key");
    OK(fx_change(f, OBJECT_CREATE, &elsewhere, 0));
    struct object kind = fx_object(f, OBJ_TASK, app, "key");
    OK(fx_change(f, OBJECT_CREATE, &kind, 0));
    struct object keyless1 = fx_object(f, OBJ_ENDPOINT, app, NULL), keyless2 = fx_object(f, OBJ_ENDPOINT, app, NULL);
    OK(fx_change(f, OBJECT_CREATE, &keyless1, 0));
    OK(fx_change(f, OBJECT_CREATE, &keyless2, 0));
    keyless2.key = STR("key");
    assert_int_equal(fx_change(f, OBJECT_UPDATE, &keyless2, 0), ERR_CONFLICT);

    a.updated_ms += 7;
    OK(fx_change(f, OBJECT_DELETE, &a, 0));
    OK(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, a.id, &got));
    assert_int_equal(got.deleted_ms, a.updated_ms);
    assert_int_equal(got.version, 2);
    fx_same_str(got.body, a.body, "body");
    assert_int_equal(store_find_object(f->reader, f->arena, OBJ_ENDPOINT, f->env, app, STR("key"), &got),
                     ERR_NOT_FOUND);
    assert_int_equal(fx_change(f, OBJECT_UPDATE, &a, 0), ERR_NOT_FOUND);
    assert_int_equal(fx_change(f, OBJECT_DELETE, &a, 0), ERR_NOT_FOUND);
    OK(fx_change(f, OBJECT_CREATE, &b, 0));
    OK(store_find_object(f->reader, f->arena, OBJ_ENDPOINT, f->env, app, STR("key"), &got));
    assert_int_equal(got.id, b.id);
}

static void changes_are_all_or_none(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    uint64_t before = fx_app_version(f, app);
    struct object_change c[3] = {
            {.change = OBJECT_CREATE, .object = fx_object(f, OBJ_ENDPOINT, app, "x")},
            {.change = OBJECT_CREATE, .object = fx_object(f, OBJ_ENDPOINT, app, "y")},
            {.change = OBJECT_CREATE, .object = fx_object(f, OBJ_ENDPOINT, app, "x")},
    };
    struct store_objects op = {.op.kind = STORE_OBJECTS, .changes = c, .count = 3};
    struct object got;
    assert_int_equal(store_run(f->store, &op.op), ERR_CONFLICT);
    assert_int_equal(op.failed_at, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(store_get_object(f->reader, f->arena, OBJ_ENDPOINT, c[i].object.id, &got), ERR_NOT_FOUND);
    assert_int_equal(store_find_object(f->reader, f->arena, OBJ_ENDPOINT, f->env, app, STR("x"), &got), ERR_NOT_FOUND);
    assert_int_equal(fx_app_version(f, app), before);
    c[2].object.key = STR("z");
    OK(store_run(f->store, &op.op));
    assert_true(fx_app_version(f, app) > before);
    /* The key moves within one operation: first its holder goes, then the next takes it. */
    struct object_change swap[2] = {{.change = OBJECT_DELETE, .object = c[0].object},
                                    {.change = OBJECT_UPDATE, .object = c[1].object, .expected_version = 1}};
    swap[1].object.key = STR("x");
    op = (struct store_objects){.op.kind = STORE_OBJECTS, .changes = swap, .count = 2};
    OK(store_run(f->store, &op.op));
    OK(store_find_object(f->reader, f->arena, OBJ_ENDPOINT, f->env, app, STR("x"), &got));
    assert_int_equal(got.id, c[1].object.id);
}

static void versions_rise_with_what_concerns_them(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fx_app_version(f, 12345), 0);
    oid_t app = fx_app(f), bystander = fx_app(f);
    static const struct {
        const char *name;
        enum object_kind kind;
        bool in_app;
        bool raises;
        bool raises_all;
    } rows[] = {
            {"endpoint", OBJ_ENDPOINT, true, true, false},
            {"task of the app", OBJ_TASK, true, true, false},
            {"profile", OBJ_PROFILE, false, true, true},
            {"event type", OBJ_EVENT_TYPE, false, true, true},
            {"token", OBJ_TOKEN, false, false, false},
            {"profile version", OBJ_PROFILE_VERSION, false, false, false},
            {"task of the env", OBJ_TASK, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct object o = fx_object(f, rows[i].kind, rows[i].in_app ? app : 0, rows[i].name);
        for (int change = OBJECT_CREATE; change <= OBJECT_DELETE; change++) {
            uint64_t before = fx_app_version(f, app), other = fx_app_version(f, bystander);
            OK(fx_change(f, (enum object_change_kind)change, &o, 0));
            if ((fx_app_version(f, app) > before) != rows[i].raises ||
                (fx_app_version(f, bystander) > other) != rows[i].raises_all)
                fail_msg("%s, change %d", rows[i].name, change);
        }
    }
    uint64_t before = fx_app_version(f, app);
    struct object self;
    OK(store_get_object(f->reader, f->arena, OBJ_APP, app, &self));
    OK(fx_change(f, OBJECT_UPDATE, &self, 0));
    assert_true(fx_app_version(f, app) > before);
}

/* Reads a whole list in pages, by id or key, and compares it with ids[]. */
static void list_in_pages(struct fixture *f, struct object_query q, const oid_t *ids, size_t n)
{
    for (size_t limit = 1; limit <= n + 1; limit++) {
        q.limit = limit;
        q.after = 0;
        q.after_key = STR_NULL;
        size_t at = 0, count;
        do {
            struct object *page;
            OK(store_list_objects(f->reader, f->arena, &q, &page, &count));
            assert_true(count <= limit && at + count <= n);
            for (size_t i = 0; i < count; i++)
                assert_int_equal(page[i].id, ids[at++]);
            if (count > 0) {
                q.after = page[count - 1].id;
                q.after_key = page[count - 1].key;
                if (q.by_key)
                    q.after = 0;
            }
        } while (count == limit);
        assert_int_equal(at, n);
    }
}

static void lists_run_both_ways(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), other = fx_app(f);
    static const char *const keys[] = {"mike", "alpha", "zulu", "Mike", "alpha.b"};
    oid_t ids[5], deleted = 0;
    for (size_t i = 0; i < 5; i++) {
        struct object o = fx_object(f, OBJ_ENDPOINT, app, keys[i]);
        struct object stranger = fx_object(f, OBJ_ENDPOINT, other, keys[i]);
        OK(fx_change(f, OBJECT_CREATE, &o, 0));
        OK(fx_change(f, OBJECT_CREATE, &stranger, 0));
        ids[i] = o.id;
        if (i == 3) {
            struct object dead = fx_object(f, OBJ_ENDPOINT, app, "dead");
            OK(fx_change(f, OBJECT_CREATE, &dead, 0));
            OK(fx_change(f, OBJECT_DELETE, &dead, 0));
            deleted = dead.id;
        }
    }
    struct object_query q = {.kind = OBJ_ENDPOINT, .env = f->env, .app = app};
    list_in_pages(f, q, ids, 5);
    q.include_deleted = true;
    list_in_pages(f, q, (oid_t[]){ids[0], ids[1], ids[2], ids[3], deleted, ids[4]}, 6);
    q.descending = true;
    list_in_pages(f, q, (oid_t[]){ids[4], deleted, ids[3], ids[2], ids[1], ids[0]}, 6);
    q.include_deleted = false;
    list_in_pages(f, q, (oid_t[]){ids[4], ids[3], ids[2], ids[1], ids[0]}, 5);
    q.by_key = true;
    list_in_pages(f, q, (oid_t[]){ids[2], ids[0], ids[4], ids[1], ids[3]}, 5);
    q.descending = false;
    list_in_pages(f, q, (oid_t[]){ids[3], ids[1], ids[4], ids[0], ids[2]}, 5);
    q.app = 0;
    list_in_pages(f, q, NULL, 0);
}

/* A workspace belongs to itself, and is listed among those of its environment. */
static void workspaces_are_listed_by_environment(void **state)
{
    struct fixture *f = *state;
    oid_t a = fx_app(f), b = fx_app(f);
    struct object_query q = {.kind = OBJ_APP, .env = f->env};
    list_in_pages(f, q, (oid_t[]){a, b}, 2);
    struct object named = fx_object(f, OBJ_APP, 0, "uid"), twin = fx_object(f, OBJ_APP, 0, "uid"), got;
    OK(fx_change(f, OBJECT_CREATE, &named, 0));
    assert_int_equal(fx_change(f, OBJECT_CREATE, &twin, 0), ERR_CONFLICT);
    OK(store_find_object(f->reader, f->arena, OBJ_APP, f->env, 0, STR("uid"), &got));
    assert_int_equal(got.id, named.id);
    assert_int_equal(got.app, named.id);
    q.env++;
    list_in_pages(f, q, NULL, 0);
}

const struct CMUnitTest object_tests[] = {
        FX_TEST(created_objects_read_back),
        FX_TEST(updates_need_the_version),
        FX_TEST(keys_are_unique_among_the_living),
        FX_TEST(changes_are_all_or_none),
        FX_TEST(versions_rise_with_what_concerns_them),
        FX_TEST(lists_run_both_ways),
        FX_TEST(workspaces_are_listed_by_environment),
};
const size_t object_test_count = ARRAY_LEN(object_tests);
