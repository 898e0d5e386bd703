/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for the writer: whose turn it is, and what happens when too much waits. */
#include <stdlib.h>

#include "base/mem.h"
#include "topics.h"

enum { PAYLOAD = 6000 };

struct waiting {
    struct store_append append;
    struct message message;
    struct store_target target;
};

static void prepare(struct fixture *f, struct waiting *w, oid_t app)
{
    static char payload[PAYLOAD];
    w->message = fx_message(f, app);
    w->message.payload = str_of(payload, sizeof payload);
    w->target = (struct store_target){.ep = 7, .profile_version = 1, .fifo = true, .due_ms = f->now_ms};
    w->append = (struct store_append){.op.kind = STORE_APPEND,
                                      .message = &w->message,
                                      .app_version = fx_app_version(f, app),
                                      .targets = &w->target,
                                      .target_count = 1};
}

/* One workspace sends 1,500 messages, more than a group takes; the one behind it does not wait for all of them. The
 * places in the order of an endpoint tell in which order they were applied. */
static void a_workspace_waits_behind_itself(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 1500 };
    oid_t app = fx_app(f), other = fx_app(f);
    AUTO_FREE struct waiting *all = mem_zalloc(MANY + 1, sizeof all[0]);
    for (size_t i = 0; i <= MANY; i++)
        prepare(f, &all[i], i < MANY ? app : other);
    fx_run_together(f, &all[0].append.op, sizeof all[0], MANY + 1);
    for (size_t i = 0; i <= MANY; i++)
        OK(all[i].append.op.result);
    for (size_t i = 1; i < MANY; i++)
        assert_true(all[i].target.pos > all[i - 1].target.pos);
    assert_true(all[MANY].target.pos < all[100].target.pos);
}

static void outcomes_go_first(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    oid_t msg = fx_send(f, app, 9, f->now_ms);
    struct object ep = fx_object(f, OBJ_ENDPOINT, app, NULL);
    struct object_change change = {.change = OBJECT_CREATE, .object = ep};
    struct fx_outcome o = {.number = 1, .http_status = 200};
    struct attempt t = fx_attempt(f, app, msg, 9, &o);
    struct store_record record = {.op.kind = STORE_RECORD, .attempt = &t, .status = DELIVERY_SUCCESS};
    struct store_objects objects = {.op.kind = STORE_OBJECTS, .changes = &change, .count = 1};
    struct store_sweep sweep = {
            .op.kind = STORE_SWEEP, .sweep = SWEEP_FAIL_PENDING, .ep = 9, .reason = REASON_DELETED, .rows_max = 9};
    struct waiting w;
    prepare(f, &w, app);
    fx_run_mixed(f, (struct store_op *[]){&sweep.op, &w.append.op, &objects.op, &record.op}, 4);
    OK(record.op.result);
    OK(objects.op.result);
    OK(sweep.op.result);
    /* The sweep came last though it was first in line: the delivery is not failed, it was delivered before. */
    assert_true(record.moved);
    assert_int_equal(sweep.rows, 0);
    /* And the new endpoint came before the message that had not matched it. */
    assert_int_equal(w.append.op.result, ERR_STALE);
}

static void a_full_queue_refuses(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 300 };
    const char *why;
    store_reader_close(f->reader);
    store_close(f->store);
    struct store_config c = {
            .path = f->memory ? NULL : f->path, .ballast_bytes = 1 << 16, .queue_bytes_max = (size_t)20 * PAYLOAD};
    OK(store_open(&c, &f->store, &why));
    OK(store_reader_open(f->store, &f->reader));
    oid_t app = fx_app(f);
    AUTO_FREE struct waiting *all = mem_zalloc(MANY, sizeof all[0]);
    size_t refused = 0;
    for (size_t i = 0; i < MANY; i++)
        prepare(f, &all[i], app);
    fx_run_together(f, &all[0].append.op, sizeof all[0], MANY);
    for (size_t i = 0; i < MANY; i++) {
        struct message m;
        enum err e = all[i].append.op.result;
        assert_true(e == ERR_OK || e == ERR_BUSY);
        assert_int_equal(store_get_message(f->reader, f->arena, app, all[i].message.id, true, &m),
                         e == ERR_OK ? ERR_OK : ERR_NOT_FOUND);
        refused += e == ERR_BUSY;
    }
    assert_true(refused > 0 && refused < MANY);
    struct store_stats stats;
    store_stats(f->store, &stats);
    assert_int_equal(stats.queued_bytes, 0);
    fx_send(f, app, 7, f->now_ms);
}

const struct CMUnitTest queue_tests[] = {
        FX_TEST(a_workspace_waits_behind_itself),
        FX_TEST(outcomes_go_first),
        FX_TEST(a_full_queue_refuses),
};
const size_t queue_test_count = ARRAY_LEN(queue_tests);
