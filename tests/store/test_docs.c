/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: unique in their place, all or none, found when due, forgotten when their time is over. */
#include "topics.h"

#include "api/due.h"

static struct doc doc_of(struct fixture *f, enum doc_kind kind, oid_t app, int64_t ref, const char *key)
{
    oid_t id = fx_id(f);
    return (struct doc){.id = id,
                        .kind = kind,
                        .app = app,
                        .ref = ref,
                        .key = str_c(key),
                        .status = 3,
                        .body = fx_printf(f, "{\"id\":%lld}", (long long)id),
                        .data = STR("\x00\xff bytes"),
                        .created_ms = f->now_ms,
                        .updated_ms = f->now_ms};
}

static enum err run(struct fixture *f, struct doc_change *changes, size_t count, size_t *failed_at)
{
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = 1, .changes = changes, .count = count};
    enum err e = store_run(f->store, &op.op);
    if (failed_at != NULL)
        *failed_at = op.failed_at;
    return e;
}

static enum err change(struct fixture *f, enum doc_change_kind how, struct doc *d, uint64_t expected)
{
    struct doc_change c = {.change = how, .doc = *d, .expected_version = expected};
    enum err e = run(f, &c, 1, NULL);
    if (e == ERR_OK)
        d->version = c.doc.version;
    return e;
}

static void same(const struct doc *a, const struct doc *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->app, b->app);
    assert_int_equal(a->ref, b->ref);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->about, b->about);
    assert_int_equal(a->due_ms, b->due_ms);
    assert_int_equal(a->purge_ms, b->purge_ms);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->updated_ms, b->updated_ms);
    assert_int_equal(a->version, b->version);
    fx_same_str(a->key, b->key, "key");
    fx_same_str(a->body, b->body, "body");
    fx_same_str(a->data, b->data, "data");
}

static void written_and_read(void **state)
{
    struct fixture *f = *state;
    struct doc d = doc_of(f, DOC_RECORD, 7, 8, "ada@example.com"), got;
    OK(change(f, DOC_CREATE, &d, 0));
    assert_int_equal(d.version, 1);
    OK(store_get_doc(f->reader, f->arena, DOC_RECORD, d.id, &got));
    same(&d, &got);
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RUN, d.id, &got), ERR_NOT_FOUND);
    OK(store_find_doc(f->reader, f->arena, DOC_RECORD, 7, 8, STR("ada@example.com"), &got));
    same(&d, &got);
    d.key = STR_NULL;
    d.body = STR("{}");
    d.data = STR_NULL;
    d.status = 4;
    d.about = 77;
    d.due_ms = d.purge_ms = d.updated_ms = f->now_ms + 5;
    assert_int_equal(change(f, DOC_UPDATE, &d, 2), ERR_STALE);
    OK(change(f, DOC_UPDATE, &d, 1));
    assert_int_equal(d.version, 2);
    OK(store_get_doc(f->reader, f->arena, DOC_RECORD, d.id, &got));
    same(&d, &got);
    assert_int_equal(store_find_doc(f->reader, f->arena, DOC_RECORD, 7, 8, STR("ada@example.com"), &got),
                     ERR_NOT_FOUND);
    d.kind = DOC_RUN;
    assert_int_equal(change(f, DOC_UPDATE, &d, 0), ERR_NOT_FOUND);
    assert_int_equal(change(f, DOC_DELETE, &d, 0), ERR_NOT_FOUND);
    d.kind = DOC_RECORD;
    assert_int_equal(change(f, DOC_DELETE, &d, 1), ERR_STALE);
    OK(change(f, DOC_DELETE, &d, 2));
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RECORD, d.id, &got), ERR_NOT_FOUND);
    assert_int_equal(change(f, DOC_DELETE, &d, 0), ERR_NOT_FOUND);
}

static void keys_are_unique_in_their_place(void **state)
{
    struct fixture *f = *state;
    struct doc a = doc_of(f, DOC_RECORD, 7, 8, "k"), same_place = doc_of(f, DOC_RECORD, 7, 8, "k");
    OK(change(f, DOC_CREATE, &a, 0));
    assert_int_equal(change(f, DOC_CREATE, &same_place, 0), ERR_CONFLICT);
    struct doc others[] = {doc_of(f, DOC_SEEN, 7, 8, "k"),    doc_of(f, DOC_RECORD, 6, 8, "k"),
                           doc_of(f, DOC_RECORD, 7, 9, "k"),  doc_of(f, DOC_RECORD, 7, 8, "l"),
                           doc_of(f, DOC_RECORD, 7, 8, NULL), doc_of(f, DOC_RECORD, 7, 8, NULL)};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        OK(change(f, DOC_CREATE, &others[i], 0));
    others[3].key = STR("k");
    assert_int_equal(change(f, DOC_UPDATE, &others[3], 0), ERR_CONFLICT);
    OK(change(f, DOC_DELETE, &a, 0));
    OK(change(f, DOC_UPDATE, &others[3], 0));
}

static void all_or_none(void **state)
{
    struct fixture *f = *state;
    struct doc a = doc_of(f, DOC_RUN, 7, 8, "a"), b = doc_of(f, DOC_STEP, 7, 8, "b"), c = doc_of(f, DOC_RUN, 7, 8, "a"),
               got;
    struct doc_change three[] = {
            {.change = DOC_CREATE, .doc = a}, {.change = DOC_CREATE, .doc = b}, {.change = DOC_CREATE, .doc = c}};
    size_t at;
    assert_int_equal(run(f, three, 3, &at), ERR_CONFLICT);
    assert_int_equal(at, 2);
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RUN, a.id, &got), ERR_NOT_FOUND);
    OK(run(f, three, 2, NULL));
    /* An update may move a key away from under a creation. */
    three[0] = (struct doc_change){.change = DOC_DELETE, .doc = a, .expected_version = 1};
    OK(run(f, (struct doc_change[]){three[0], three[2]}, 2, NULL));
}

static struct store_append append_of(struct fixture *f, struct message *m, struct store_target *t)
{
    return (struct store_append){.op = {.kind = STORE_APPEND},
                                 .message = m,
                                 .app_version = fx_app_version(f, m->app),
                                 .targets = t,
                                 .target_count = 1};
}

static void messages_come_along(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f), ep = fx_id(f);
    struct message m = fx_message(f, app), got;
    struct store_target t = {.ep = ep, .profile_version = 1, .fifo = true, .due_ms = f->now_ms};
    struct store_append append = append_of(f, &m, &t);
    struct doc d = doc_of(f, DOC_RUN, app, 8, "x"), found;
    struct doc_change c = {.change = DOC_CREATE, .doc = d};
    struct store_docs op = {
            .op = {.kind = STORE_DOCS}, .app = app, .changes = &c, .count = 1, .appends = &append, .append_count = 1};
    append.app_version++;
    assert_int_equal(store_run(f->store, &op.op), ERR_STALE);
    assert_int_equal(op.failed_at, 1);
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RUN, d.id, &found), ERR_NOT_FOUND);
    append.app_version--;
    OK(store_run(f->store, &op.op));
    OK(store_get_doc(f->reader, f->arena, DOC_RUN, d.id, &found));
    OK(store_get_message(f->reader, f->arena, app, m.id, true, &got));
    assert_int_equal(fx_delivery(f, m.id, ep).status, DELIVERY_PENDING);
    /* The other way round: a message that starts something. */
    struct message second = fx_message(f, app);
    struct doc_change e = {.change = DOC_CREATE, .doc = doc_of(f, DOC_RUN, app, 8, "x")};
    struct store_append with = append_of(f, &second, &t);
    with.docs = &e;
    with.doc_count = 1;
    assert_int_equal(store_run(f->store, &with.op), ERR_CONFLICT);
    assert_int_equal(store_get_message(f->reader, f->arena, app, second.id, true, &got), ERR_NOT_FOUND);
    e.doc.key = STR("y");
    OK(store_run(f->store, &with.op));
    OK(store_get_message(f->reader, f->arena, app, second.id, true, &got));
    OK(store_find_doc(f->reader, f->arena, DOC_RUN, app, 8, STR("y"), &found));
}

/* What was decided by a configuration is not written when there is another. */
static void decided_by_a_version(void **state)
{
    struct fixture *f = *state;
    oid_t app = fx_app(f);
    uint64_t version = fx_app_version(f, app);
    struct object o;
    OK(store_get_object(f->reader, f->arena, OBJ_APP, app, &o));
    for (int i = 0; i < 3; i++) {
        struct doc d = doc_of(f, DOC_REQUEST, app, 8, NULL), got;
        struct doc_change c[2] = {{.change = DOC_CREATE, .doc = d}, {.change = DOC_CREATE, .doc = d}};
        c[1].doc.id = fx_id(f);
        struct store_docs op = {.op = {.kind = STORE_DOCS},
                                .app = app,
                                .env = o.env,
                                .app_version = version,
                                .changes = c,
                                .count = i == 2 ? 1 : 2};
        assert_int_equal(store_run(f->store, &op.op), i == 0 ? ERR_OK : ERR_STALE);
        assert_int_equal(store_get_doc(f->reader, f->arena, DOC_REQUEST, d.id, &got), i == 0 ? ERR_OK : ERR_NOT_FOUND);
        struct object trigger = fx_object(f, OBJ_TRIGGER, app, NULL);
        OK(fx_change(f, OBJECT_CREATE, &trigger, 0));
    }
}

static void lists_go_both_ways(void **state)
{
    struct fixture *f = *state;
    oid_t ids[9];
    struct doc *page;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct doc d = doc_of(f, DOC_REQUEST, 7, 8, NULL), other = doc_of(f, DOC_REQUEST, 7, 9, NULL);
        ids[i] = d.id;
        OK(change(f, DOC_CREATE, &d, 0));
        OK(change(f, DOC_CREATE, &other, 0));
    }
    for (int down = 0; down < 2; down++) {
        struct doc_query q = {.kind = DOC_REQUEST, .app = 7, .ref = 8, .descending = down == 1, .limit = 4};
        size_t n = 0;
        do {
            OK(store_list_docs(f->reader, f->arena, &q, &page, &count));
            for (size_t i = 0; i < count; i++, n++)
                assert_int_equal(page[i].id, ids[down == 1 ? ARRAY_LEN(ids) - 1 - n : n]);
            q.after = count > 0 ? page[count - 1].id : 0;
        } while (count == q.limit);
        assert_int_equal(n, ARRAY_LEN(ids));
    }
    OK(store_count_docs(f->reader, DOC_REQUEST, 7, 8, 100, &count));
    assert_int_equal(count, ARRAY_LEN(ids));
    OK(store_count_docs(f->reader, DOC_REQUEST, 7, 8, 4, &count));
    assert_int_equal(count, 4);
    OK(store_count_docs(f->reader, DOC_REQUEST, 7, 10, 4, &count));
    assert_int_equal(count, 0);
}

static void lists_by_what_they_are_about(void **state)
{
    struct fixture *f = *state;
    oid_t ids[4];
    struct doc *page;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct doc d = doc_of(f, DOC_RUN, 7, (int64_t)i, NULL), other = doc_of(f, DOC_RUN, i % 2 == 0 ? 6 : 7, 1, NULL);
        d.about = 99;
        other.about = i % 2 == 0 ? 99 : 98;
        ids[i] = d.id;
        OK(change(f, DOC_CREATE, &d, 0));
        OK(change(f, DOC_CREATE, &other, 0));
    }
    struct doc_query q = {.kind = DOC_RUN, .app = 7, .about = 99, .descending = true, .limit = 10};
    OK(store_list_docs(f->reader, f->arena, &q, &page, &count));
    assert_int_equal(count, ARRAY_LEN(ids));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page[i].id, ids[ARRAY_LEN(ids) - 1 - i]);
    struct doc moved = page[0];
    moved.about = 0;
    OK(change(f, DOC_UPDATE, &moved, 0));
    OK(store_list_docs(f->reader, f->arena, &q, &page, &count));
    assert_int_equal(count, ARRAY_LEN(ids) - 1);
}

/* Of ten documents the first and the last have the status; a budget of four rows stops in between. */
static void lists_by_status_within_a_budget(void **state)
{
    struct fixture *f = *state;
    oid_t ids[10], stopped = 1;
    struct doc *page;
    size_t count, pages = 0, found = 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct doc d = doc_of(f, DOC_RUN, 7, 8, NULL);
        d.status = i == 0 || i == 9 ? 3 : 2;
        ids[i] = d.id;
        OK(change(f, DOC_CREATE, &d, 0));
    }
    struct doc_query q = {.kind = DOC_RUN,
                          .app = 7,
                          .ref = 8,
                          .descending = true,
                          .limit = 5,
                          .statuses = 1U << 3,
                          .data_max = 4,
                          .budget = {.rows_max = 4, .stopped = &stopped}};
    for (; stopped != 0 && pages < 5; pages++) {
        OK(store_list_docs(f->reader, f->arena, &q, &page, &count));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(page[i].id, ids[found++ == 0 ? 9 : 0]);
            assert_null(page[i].data.ptr); /* it is longer than 4 bytes */
        }
        q.after = stopped;
    }
    assert_int_equal(found, 2);
    assert_int_equal(pages, 3);
    q = (struct doc_query){.kind = DOC_RUN, .app = 7, .ref = 8, .limit = 5, .statuses = 1U << 2 | 1U << 3};
    OK(store_list_docs(f->reader, f->arena, &q, &page, &count));
    assert_int_equal(count, 5);
    assert_true(page[4].id == ids[4] && page[4].data.ptr != NULL);
}

static void due_in_order(void **state)
{
    static const int due[] = {50, 10, 40, 0, 10, 30};
    static const int want[] = {1, 4, 5, 2, 0};
    struct fixture *f = *state;
    struct doc d[ARRAY_LEN(due)];
    struct doc_due page[16];
    size_t count;
    int64_t next_ms;
    OK(store_due(f->reader, DOC_RUN, DUE_OF_ALL, INT64_MAX, page, 5, &count, &next_ms));
    assert_true(count == 0 && next_ms == TIME_NEVER);
    for (size_t i = 0; i < ARRAY_LEN(due); i++) {
        struct doc other = doc_of(f, DOC_MAIL, 7, 8, NULL);
        d[i] = doc_of(f, DOC_RUN, 7, 8, NULL);
        d[i].due_ms = due[i];
        other.due_ms = 1;
        OK(change(f, DOC_CREATE, &d[i], 0));
        OK(change(f, DOC_CREATE, &other, 0));
    }
    OK(store_due(f->reader, DOC_RUN, DUE_OF_ALL, 40, page, 10, &count, &next_ms));
    assert_true(count == 4 && next_ms == 50);
    OK(store_due(f->reader, DOC_RUN, DUE_OF_ALL, 40, page, 3, &count, &next_ms));
    assert_true(count == 3 && next_ms == 40);
    OK(store_due(f->reader, DOC_RUN, DUE_OF_ALL, 9, page, 3, &count, &next_ms));
    assert_true(count == 0 && next_ms == 10);
    OK(store_due(f->reader, DOC_RUN, DUE_OF_ALL, INT64_MAX, page, 10, &count, &next_ms));
    assert_true(count == ARRAY_LEN(want) && next_ms == TIME_NEVER);
    for (size_t i = 0; i < count; i++)
        assert_true(page[i].id == d[want[i]].id && page[i].app == 7 && page[i].due_ms == due[want[i]]);
}

static void due_by_workspace(void **state)
{
    static const int apps[] = {0, 5, 5, 9, 9, 9, 12};
    static const int due[] = {70, 60, 20, 30, 10, 0, 0};
    struct fixture *f = *state;
    struct doc d[ARRAY_LEN(due)];
    struct doc_due page[16], first;
    size_t count;
    int64_t next_ms;
    for (size_t i = 0; i < ARRAY_LEN(due); i++) {
        d[i] = doc_of(f, DOC_MAIL, apps[i], 8, NULL);
        d[i].due_ms = due[i];
        OK(change(f, DOC_CREATE, &d[i], 0));
    }
    OK(store_due(f->reader, DOC_MAIL, 9, 100, page, 5, &count, &next_ms));
    assert_true(count == 2 && page[0].id == d[4].id && page[1].id == d[3].id && next_ms == TIME_NEVER);
    OK(store_due(f->reader, DOC_MAIL, 5, 30, page, 5, &count, &next_ms));
    assert_true(count == 1 && page[0].id == d[2].id && next_ms == 60);
    OK(store_due(f->reader, DOC_MAIL, 0, 100, page, 5, &count, &next_ms));
    assert_true(count == 1 && page[0].id == d[0].id);
    static const int want[] = {0, 2, 4};
    oid_t after = -1;
    for (size_t i = 0; i < ARRAY_LEN(want); i++, after = first.app) {
        OK(store_due_app(f->reader, DOC_MAIL, after, &first));
        assert_true(first.id == d[want[i]].id && first.app == apps[want[i]] && first.due_ms == due[want[i]]);
    }
    assert_int_equal(store_due_app(f->reader, DOC_MAIL, after, &first), ERR_NOT_FOUND);
}

static void make_due(struct fixture *f, oid_t app, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct doc d = doc_of(f, DOC_RUN, app, 8, NULL);
        d.due_ms = app;
        OK(change(f, DOC_CREATE, &d, 0));
    }
}

/* One with very much is not alone in a page, and nobody is left out. */
static void workspaces_take_turns(void **state)
{
    struct fixture *f = *state;
    struct doc_due page[DUE_PAGE];
    struct due_turns turns = {.kind = DOC_RUN, .at = -1};
    size_t count, seen[50] = {0};
    int64_t next_ms;
    make_due(f, 1, 20);
    for (oid_t app = 2; app < 42; app++)
        make_due(f, app, 2);
    make_due(f, 49, 1); /* not yet */
    OK(due_take(&turns, f->reader, 45, 4, page, &count, &next_ms));
    assert_true(count == 100 && next_ms == 49);
    for (oid_t app = 1; app < 42; app++)
        assert_int_equal(page[app - 1].app, app);
    make_due(f, 1, DUE_PAGE);
    for (int i = 0; i < 2; i++) {
        OK(due_take(&turns, f->reader, 45, 4, page, &count, &next_ms));
        assert_true(count <= DUE_PAGE && next_ms == 45);
        for (size_t k = 0; k < count; k++)
            seen[page[k].app] += 1;
        assert_int_not_equal(page[0].app, page[1].app);
    }
    for (oid_t app = 2; app < 42; app++)
        assert_in_range(seen[app], 2, 4);
    assert_in_range(seen[1], 4, 32);
    assert_int_equal(seen[49], 0);
}

static void found_by_the_beginning_of_their_keys(void **state)
{
    static const char *const keys[] = {"t:12;", "t:1;b", "t:1;", "t:1;a", "t:1", NULL, "t:2;"};
    static const int want[] = {2, 3, 1};
    struct fixture *f = *state;
    struct doc d[ARRAY_LEN(keys)], *page, elsewhere = doc_of(f, DOC_RUN, 7, 9, "t:1;");
    struct doc_query q = {.kind = DOC_RUN, .app = 7, .ref = 8, .limit = 10};
    size_t count;
    OK(change(f, DOC_CREATE, &elsewhere, 0));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        d[i] = doc_of(f, DOC_RUN, 7, 8, keys[i]);
        OK(change(f, DOC_CREATE, &d[i], 0));
    }
    OK(store_list_docs_by_key(f->reader, f->arena, &q, STR("t:1;"), &page, &count));
    assert_int_equal(count, ARRAY_LEN(want));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page[i].id, d[want[i]].id);
    q.limit = 2;
    OK(store_list_docs_by_key(f->reader, f->arena, &q, STR("t:1;"), &page, &count));
    assert_int_equal(count, 2);
}

static void runs_go_with_their_steps(void **state)
{
    struct fixture *f = *state;
    struct doc runs[2] = {doc_of(f, DOC_RUN, 7, 8, NULL), doc_of(f, DOC_RUN, 7, 8, NULL)}, steps[6], got;
    runs[0].purge_ms = 10;
    OK(change(f, DOC_CREATE, &runs[0], 0));
    OK(change(f, DOC_CREATE, &runs[1], 0));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        steps[i] = doc_of(f, i == 5 ? DOC_CHANGE : DOC_STEP, 7, runs[i % 2 == 0 || i == 5 ? 0 : 1].id, NULL);
        steps[i].purge_ms = 1000;
        OK(change(f, DOC_CREATE, &steps[i], 0));
    }
    fx_sweep(f, (struct store_sweep){.sweep = SWEEP_DOCS, .now_ms = 50, .rows_max = 2}, NULL);
    assert_int_equal(store_get_doc(f->reader, f->arena, DOC_RUN, runs[0].id, &got), ERR_NOT_FOUND);
    OK(store_get_doc(f->reader, f->arena, DOC_RUN, runs[1].id, &got));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        assert_int_equal(store_get_doc(f->reader, f->arena, steps[i].kind, steps[i].id, &got),
                         i % 2 == 0 ? ERR_NOT_FOUND : ERR_OK);
}

static void sweeps_forget(void **state)
{
    struct fixture *f = *state;
    struct doc d[12], got;
    for (size_t i = 0; i < ARRAY_LEN(d); i++) {
        d[i] = doc_of(f, i % 2 == 0 ? DOC_RUN : DOC_RECORD, i < 6 ? 7 : 9, 8, NULL);
        d[i].purge_ms = i % 3 == 0 ? 0 : (int64_t)i * 10;
        OK(change(f, DOC_CREATE, &d[i], 0));
    }
    size_t steps;
    assert_int_equal(fx_sweep(f, (struct store_sweep){.sweep = SWEEP_DOCS, .now_ms = 50, .rows_max = 2}, &steps), 4);
    assert_true(steps >= 2);
    for (size_t i = 0; i < ARRAY_LEN(d); i++)
        assert_int_equal(store_get_doc(f->reader, f->arena, d[i].kind, d[i].id, &got),
                         d[i].purge_ms > 0 && d[i].purge_ms <= 50 ? ERR_NOT_FOUND : ERR_OK);
    assert_int_equal(fx_sweep(f, (struct store_sweep){.sweep = SWEEP_APP_DOCS, .ep = 9, .rows_max = 2}, NULL), 6);
    for (size_t i = 6; i < ARRAY_LEN(d); i++)
        assert_int_equal(store_get_doc(f->reader, f->arena, d[i].kind, d[i].id, &got), ERR_NOT_FOUND);
    OK(store_get_doc(f->reader, f->arena, d[0].kind, d[0].id, &got));
}

const struct CMUnitTest doc_tests[] = {
        FX_TEST(written_and_read),
        FX_TEST(keys_are_unique_in_their_place),
        FX_TEST(all_or_none),
        FX_TEST(messages_come_along),
        FX_TEST(decided_by_a_version),
        FX_TEST(lists_go_both_ways),
        FX_TEST(due_in_order),
        FX_TEST(due_by_workspace),
        FX_TEST(workspaces_take_turns),
        FX_TEST(found_by_the_beginning_of_their_keys),
        FX_TEST(runs_go_with_their_steps),
        FX_TEST(sweeps_forget),
        FX_TEST(lists_by_what_they_are_about),
        FX_TEST(lists_by_status_within_a_budget),
};
const size_t doc_test_count = ARRAY_LEN(doc_tests);
