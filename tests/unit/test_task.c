/* SPDX-License-Identifier: Apache-2.0 */
/* Whose step comes next, and how tasks are stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/task.h"
#include "api/task_queue.h"
#include "base/time.h"

static void environments_take_turns(void **state)
{
    (void)state;
    struct task_queue q;
    int64_t at;
    task_queue_init(&q);
    assert_int_equal(task_queue_take(&q, 1000, &at), 0);
    assert_int_equal(at, TIME_NEVER);
    /* Environment 1 has three tasks that never end, 2 has one, 3 comes late. */
    for (oid_t id = 11; id <= 13; id++)
        task_queue_put(&q, 1, id, 0);
    task_queue_put(&q, 2, 21, 0);
    task_queue_put(&q, 1, 11, 0); /* is there already */
    static const oid_t want[] = {11, 21, 12, 21, 13, 21, 11, 21, 12, 31, 21, 13, 31};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        oid_t id = task_queue_take(&q, 1000, &at);
        if (i == 6)
            task_queue_put(&q, 3, 31, 0);
        if (id != want[i])
            fail_msg("turn %zu is of %lld", i, (long long)id);
        task_queue_put(&q, id / 10, id, 0);
    }
    task_queue_fini(&q);
}

static void who_must_wait_holds_nobody_up(void **state)
{
    (void)state;
    struct task_queue q;
    int64_t at;
    task_queue_init(&q);
    task_queue_put(&q, 1, 11, 5000);
    task_queue_put(&q, 1, 12, 3000);
    task_queue_put(&q, 2, 21, 4000);
    assert_int_equal(task_queue_take(&q, 2999, &at), 0);
    assert_int_equal(at, 3000);
    assert_int_equal(task_queue_take(&q, 3000, &at), 12);
    assert_int_equal(task_queue_take(&q, 3000, &at), 0);
    assert_int_equal(at, 4000);
    assert_int_equal(task_queue_take(&q, 9000, &at), 21);
    assert_int_equal(task_queue_take(&q, 9000, &at), 11);
    assert_int_equal(task_queue_take(&q, 9000, &at), 0);
    assert_int_equal(at, TIME_NEVER);
    task_queue_put(&q, 1, 11, 0); /* left behind: freed */
    task_queue_fini(&q);
}

static void tasks_are_stored_whole(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    const struct str types[] = {STR("a.b"), STR("c")};
    struct task t = {.id = 77,
                     .kind = TASK_BULK_REPLAY,
                     .status = TASK_FAILED,
                     .env = 3,
                     .app = 4,
                     .ep = 5,
                     .since_ms = 1700000000123,
                     .until_ms = 1700000001456,
                     .filter = {.status = 0,
                                .status_class = 0,
                                .event_types = types,
                                .event_type_count = 2,
                                .channel = STR("x"),
                                .tag = STR("y")},
                     .cursor = (oid_t)1 << 61,
                     .cursor_pos = 9,
                     .processed = 10,
                     .done = 11,
                     .skipped = 12,
                     .parts = 13,
                     .open = true,
                     .canceled = true,
                     .error = STR("why \"not\""),
                     .version = 2};
    struct task got;
    struct object_change change = task_update(a, &t, 1000);
    assert_int_equal(change.change, OBJECT_UPDATE);
    assert_int_equal(change.expected_version, 2);
    change.object.version = 2;
    assert_int_equal(task_decode(a, &change.object, &got), ERR_OK);
    assert_int_equal(got.kind, t.kind);
    assert_int_equal(got.status, t.status);
    assert_int_equal(got.since_ms, t.since_ms);
    assert_int_equal(got.until_ms, t.until_ms);
    assert_int_equal(got.cursor, t.cursor);
    assert_int_equal(got.cursor_pos, 9);
    assert_int_equal(got.processed, 10);
    assert_int_equal(got.done, 11);
    assert_int_equal(got.skipped, 12);
    assert_int_equal(got.parts, 13);
    assert_true(got.open && got.canceled);
    assert_true(str_eq(got.error, t.error));
    assert_int_equal(got.filter.status, 0);
    assert_int_equal(got.filter.status_class, 0);
    assert_int_equal(got.filter.event_type_count, 2);
    assert_true(str_eq(got.filter.event_types[1], STR("c")));
    assert_true(str_eq(got.filter.channel, STR("x")) && str_eq(got.filter.tag, STR("y")));
    /* Nobody asks for the end of a task that nobody started. */
    t.kind = TASK_FAIL_PENDING;
    t.status = TASK_FINISHED;
    assert_int_equal(task_update(a, &t, 1000).change, OBJECT_DELETE);
    change.object.body = STR("{\"task\":\"endpoint.lost\",\"status\":\"running\"}");
    assert_int_equal(task_decode(a, &change.object, &got), ERR_INVALID);
    arena_free(a);
}

static void how_far_it_is(void **state)
{
    (void)state;
    int64_t from = 1700000000000;
    struct task t = {.kind = TASK_REPLAY, .since_ms = from, .until_ms = from + 1000};
    assert_int_equal(task_percent(&t), 0);
    t.cursor = oid_at_ms(from + 500);
    assert_int_equal(task_percent(&t), 49);
    t.cursor = oid_at_ms(from + 1000);
    assert_int_equal(task_percent(&t), 99);
    t.status = TASK_FINISHED;
    assert_int_equal(task_percent(&t), 100);
    struct task broadcast = {.kind = TASK_BROADCAST, .cursor = 5};
    assert_int_equal(task_percent(&broadcast), -1);
    for (size_t i = 0; i < TASK_KINDS; i++) {
        assert_non_null(task_types[i].name);
        assert_true(task_types[i].step != NULL);
        assert_true(!task_types[i].known || task_types[i].kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(environments_take_turns),
            cmocka_unit_test(who_must_wait_holds_nobody_up),
            cmocka_unit_test(tasks_are_stored_whole),
            cmocka_unit_test(how_far_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
