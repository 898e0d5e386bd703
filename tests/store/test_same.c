/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same random operations against the SQLite store and the memory store: every result and every read must be the
 * same. test_same [seed [operations]]; without a seed a few fixed ones. A failure prints its seed.
 *
 * Places in a FIFO order come from the clock, so of those only the order is compared, and whether there is a place.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "same.h"

static uint64_t next_random(struct same *s)
{
    s->random += 0x9e3779b97f4a7c15u;
    return hash_u64(s->random);
}

size_t same_pick(struct same *s, size_t n)
{
    return (size_t)(next_random(s) % n);
}

bool same_chance(struct same *s, size_t percent)
{
    return same_pick(s, 100) < percent;
}

/* ---- operations: each is done to both stores, and has the same result
 * --------------------------------------------------- */

#define BOTH(s, a, b)                                                                                                  \
    do {                                                                                                               \
        enum err first = store_run((s)->f[0].store, &(a).op), second = store_run((s)->f[1].store, &(b).op);            \
        if (first != second)                                                                                           \
            fail_msg("operation %zu, kind %d: %s is not %s", (s)->done, (a).op.kind, err_code(first),                  \
                     err_code(second));                                                                                \
    } while (0)

static void do_objects(struct same *s)
{
    static const enum object_kind kinds[] = {OBJ_ENDPOINT, OBJ_ENDPOINT, OBJ_EVENT_TYPE,
                                             OBJ_PROFILE,  OBJ_TOKEN,    OBJ_APP};
    struct object_change c[2][3];
    size_t count = same_chance(s, 80) ? 1 : 3;
    for (size_t i = 0; i < count; i++) {
        struct object_change *x = &c[0][i];
        enum object_kind kind = kinds[same_pick(s, ARRAY_LEN(kinds))];
        x->change = OBJECT_CREATE;
        x->object = fx_object(&s->f[0], kind, kind == OBJ_ENDPOINT ? s->app[same_pick(s, APPS)] : 0,
                              same_chance(s, 30) ? NULL : same_key(s));
        x->expected_version = 0;
        if (s->object_count > 0 && same_chance(s, 60)) {
            const struct same_object *o = &s->objects[same_pick(s, s->object_count)];
            x->change = same_chance(s, 75) ? OBJECT_UPDATE : OBJECT_DELETE;
            x->object.id = o->id;
            x->object.kind = same_chance(s, 95) ? o->kind : OBJ_TASK;
            x->expected_version = same_chance(s, 50) ? 0 : 1 + same_pick(s, 3);
        }
        if (same_chance(s, 30))
            x->object.sealed = str_of("\x01\0\0\0\x05 sealed ...................................", 40);
        c[1][i] = *x;
        if (x->change == OBJECT_CREATE && s->object_count < OBJECTS)
            s->objects[s->object_count++] = (struct same_object){.id = x->object.id, .kind = kind};
    }
    struct store_objects a = {.op.kind = STORE_OBJECTS, .changes = c[0], .count = count};
    struct store_objects b = {.op.kind = STORE_OBJECTS, .changes = c[1], .count = count};
    BOTH(s, a, b);
    if (a.op.result != ERR_OK)
        assert_int_equal(a.failed_at, b.failed_at);
    else
        for (size_t i = 0; i < count; i++)
            assert_int_equal(c[0][i].object.version, c[1][i].object.version);
}

static void do_append(struct same *s)
{
    static const char *const types[] = {"a", "b", "c"}, *const labels[] = {NULL, "[\"x\"]", "[\"x\",\"y\"]", "[\"z\"]"};
    static const int64_t lives[] = {TIME_HOUR_MS, 2 * TIME_HOUR_MS, 48 * TIME_HOUR_MS};
    struct message m = fx_message(&s->f[0], s->app[same_pick(s, APPS)]);
    struct message_render render = {.profile_version = 2, .head = STR("h"), .tail = STR("")};
    struct store_target t[2][EPS];
    size_t count = 0;
    m.event_type = str_c(types[same_pick(s, 3)]);
    m.event_id = same_chance(s, 40) ? fx_printf(&s->f[0], "event %zu", same_pick(s, 30)) : STR_NULL;
    m.channels = str_c(labels[same_pick(s, 4)]);
    m.tags = str_c(labels[same_pick(s, 4)]);
    m.expires_ms = m.occurred_ms + lives[same_pick(s, 3)];
    if (same_chance(s, 5))
        m.payload = STR("");
    if (same_chance(s, 50)) {
        m.renders = &render;
        m.render_count = 1;
    }
    for (size_t i = 0; i < EPS; i++)
        if (same_chance(s, 60)) {
            int64_t late = same_chance(s, 30) ? (int64_t)same_pick(s, 100000) : 0;
            t[0][count] = (struct store_target){.ep = s->ep[i],
                                                .profile_version = 1 + (oid_t)same_pick(s, 2),
                                                .transform = (oid_t)same_pick(s, 3),
                                                .fifo = i < FIFO_EPS,
                                                .due_ms = s->f[0].now_ms + late};
            t[1][count] = t[0][count];
            count++;
        }
    struct store_append a = {.op.kind = STORE_APPEND, .message = &m, .targets = t[0], .target_count = count};
    struct store_append b = {.op.kind = STORE_APPEND, .message = &m, .targets = t[1], .target_count = count};
    a.app_version = fx_app_version(&s->f[0], m.app) + (same_chance(s, 5) ? 1 : 0);
    b.app_version = a.app_version;
    BOTH(s, a, b);
    if (a.op.result != ERR_OK)
        return;
    s->messages[s->message_count++ % MESSAGES] = (struct same_message){.id = m.id, .app = m.app};
    for (size_t i = 0; i < count; i++)
        if (!t[0][i].fifo)
            assert_int_equal(t[0][i].pos, t[1][i].pos);
}

static void do_record(struct same *s)
{
    const struct same_message *m = same_message(s);
    struct delivery d = {0};
    oid_t ep = s->ep[same_pick(s, EPS)];
    enum err found = store_get_delivery(s->f[0].reader, m->id, ep, &d);
    if (found != ERR_OK && same_chance(s, 90))
        return;
    static const int statuses[] = {200, 500, 0, 204, 404};
    struct fx_outcome o = {.number = d.tries + (same_chance(s, 85) ? 1 : (int)same_pick(s, 4)),
                           .http_status = statuses[same_pick(s, ARRAY_LEN(statuses))],
                           .trigger = same_chance(s, 70) ? d.request : (enum attempt_trigger)same_pick(s, 3)};
    struct attempt t = fx_attempt(&s->f[0], m->app, m->id, ep, &o);
    struct endpoint_health h = {
            .ep = ep, .failing_since_ms = (int64_t)same_pick(s, 3), .exhausted_since_ms = (int64_t)same_pick(s, 2)};
    if (s->attempt_count > 0 && same_chance(s, 3))
        t.id = s->attempts[same_pick(s, s->attempt_count < ATTEMPTS ? s->attempt_count : ATTEMPTS)].id;
    struct store_record a = {.op.kind = STORE_RECORD, .attempt = &t, .health = same_chance(s, 20) ? &h : NULL};
    a.status = t.status == DELIVERY_SUCCESS ? DELIVERY_SUCCESS : same_chance(s, 70) ? DELIVERY_PENDING : DELIVERY_FAIL;
    a.reason = a.status == DELIVERY_FAIL ? REASON_EXHAUSTED : REASON_NONE;
    struct transformed made = {.version = 1 + (oid_t)same_pick(s, 9),
                               .cancelled = same_chance(s, 20),
                               .as_is = same_chance(s, 20),
                               .same = same_chance(s, 20),
                               .method = STR("PUT"),
                               .url = same_chance(s, 50) ? STR("https://x.example/") : STR_NULL,
                               .headers = same_chance(s, 50) ? STR("A: b\n") : STR_NULL,
                               .payload = same_chance(s, 80) ? STR("{}") : STR("")};
    a.transformed = same_chance(s, 40) ? &made : NULL;
    a.due_ms = a.status == DELIVERY_PENDING ? s->f[0].now_ms + (int64_t)same_pick(s, 100000) : 0;
    struct store_record b = a;
    BOTH(s, a, b);
    if (a.op.result != ERR_OK)
        return;
    assert_int_equal(a.moved, b.moved);
    s->attempts[s->attempt_count++ % ATTEMPTS] = (struct same_message){.id = t.id, .app = m->app};
}

static void do_resend(struct same *s)
{
    const struct same_message *m = same_message(s);
    struct message_render render = {.profile_version = 2, .head = STR("late"), .tail = STR("!")};
    struct store_resend a = {.op.kind = STORE_RESEND,
                             .app = same_chance(s, 95) ? m->app : s->app[same_pick(s, APPS)],
                             .msg = m->id,
                             .ep = s->ep[same_pick(s, EPS)],
                             .profile_version = 1 + (oid_t)same_pick(s, 2),
                             .transform = (oid_t)same_pick(s, 3),
                             .trigger = same_chance(s, 60) ? TRIGGER_MANUAL : TRIGGER_RECOVERY,
                             .now_ms = s->f[0].now_ms};
    a.render = a.profile_version == 2 ? &render : NULL;
    if (same_chance(s, 40)) {
        a.if_missing = true;
        a.trigger = TRIGGER_SCHEDULE;
        a.fifo = a.ep == s->ep[0] || a.ep == s->ep[1];
    }
    struct store_resend b = a;
    BOTH(s, a, b);
    if (a.op.result == ERR_OK)
        assert_int_equal(a.changed, b.changed);
}

static void do_expunge(struct same *s)
{
    const struct same_message *m = same_message(s);
    struct store_expunge a = {
            .op.kind = STORE_EXPUNGE, .app = same_chance(s, 95) ? m->app : s->app[same_pick(s, APPS)], .msg = m->id};
    if (same_chance(s, 50) && s->attempt_count > 0) {
        const struct same_message *t =
                &s->attempts[same_pick(s, s->attempt_count < ATTEMPTS ? s->attempt_count : ATTEMPTS)];
        struct attempt got;
        a.app = t->app;
        a.attempt = t->id;
        if (store_get_attempt(s->f[0].reader, s->f[0].arena, t->app, t->id, &got) == ERR_OK)
            a.msg = got.msg;
    }
    struct store_expunge b = a;
    BOTH(s, a, b);
    if (a.op.result == ERR_OK)
        assert_int_equal(a.erased, b.erased);
}

static enum err reseal(void *arg, struct str sealed, struct str identity, struct buf *out)
{
    const uint32_t *key = arg;
    buf_add(out, "\x01\0\0\0", 4);
    buf_add_c(out, (char)*key);
    buf_add_str(out, identity);
    buf_add_str(out, str_skip(sealed, 5));
    return ERR_OK;
}

static void do_sweep(struct same *s)
{
    int64_t now = s->f[0].now_ms;
    struct store_sweep op = {.sweep = (enum store_sweep_kind)same_pick(s, SWEEP_CANCEL + 1),
                             .ep = s->ep[same_pick(s, EPS)],
                             .reason = REASON_DISABLED,
                             .rows_max = 1 + same_pick(s, 40),
                             .now_ms = now,
                             .key_id = 1 + (uint32_t)same_pick(s, 5),
                             .reseal = reseal};
    op.reseal_arg = &op.key_id;
    const struct str types[] = {STR("a"), STR("c")};
    static const int classes[] = {-1, -1, 0, 200, 400, 500};
    struct replay_filter filter = {.status = same_chance(s, 50) ? -1 : (int)same_pick(s, 5),
                                   .status_class = classes[same_pick(s, ARRAY_LEN(classes))],
                                   .event_types = types,
                                   .event_type_count = same_pick(s, 3),
                                   .channel = same_chance(s, 70) ? STR_NULL : STR("x"),
                                   .tag = same_chance(s, 70) ? STR_NULL : STR("z")};
    if (op.sweep == SWEEP_REPLAY) {
        op.since_ms = now - (int64_t)same_pick(s, 4 * TIME_HOUR_MS);
        op.until_ms = now - (int64_t)same_pick(s, TIME_HOUR_MS);
        op.replay = &filter;
    } else {
        op.until_ms = op.sweep == SWEEP_PAYLOADS ? now : now - (int64_t)same_pick(s, 4 * TIME_HOUR_MS);
    }
    size_t a = fx_sweep(&s->f[0], op, NULL), b = fx_sweep(&s->f[1], op, NULL);
    if (a != b)
        fail_msg("operation %zu: sweep %d changed %zu rows, and %zu", s->done, op.sweep, a, b);
}

static void do_one(struct same *s)
{
    size_t which = same_pick(s, 100);
    s->f[0].now_ms += same_chance(s, 50) ? 0 : (int64_t)same_pick(s, 3 * TIME_MINUTE_MS);
    s->f[1].now_ms = s->f[0].now_ms;
    if (which < 30 || s->message_count == 0)
        do_append(s);
    else if (which < 70)
        do_record(s);
    else if (which < 78)
        do_resend(s);
    else if (which < 82)
        do_sweep(s);
    else if (which < 85)
        do_expunge(s);
    else
        do_objects(s);
    s->done++;
}

static void run_seed(uint64_t seed, size_t operations)
{
    static struct same s;
    s = (struct same){.random = seed};
    print_message("seed %llu\n", (unsigned long long)seed);
    fx_open(&s.f[0], false);
    fx_open(&s.f[1], true);
    for (size_t i = 0; i < APPS; i++) {
        struct object o = fx_object(&s.f[0], OBJ_APP, 0, NULL);
        s.app[i] = o.id;
        OK(fx_change(&s.f[0], OBJECT_CREATE, &o, 0));
        OK(fx_change(&s.f[1], OBJECT_CREATE, &o, 0));
    }
    for (size_t i = 0; i < EPS; i++)
        s.ep[i] = fx_id(&s.f[0]);
    for (size_t i = 0; i < operations; i++) {
        do_one(&s);
        if (i % 5 == 0)
            same_compare_some(&s);
        if (i % 200 == 199)
            fx_reopen(&s.f[0]);
    }
    same_compare_all(&s);
    fx_close(&s.f[0]);
    fx_close(&s.f[1]);
}

static uint64_t given_seed;
static size_t operations = 600;

static void backends_agree(void **state)
{
    (void)state;
    if (given_seed != 0) {
        run_seed(given_seed, operations);
        return;
    }
    for (uint64_t seed = 1; seed <= 6; seed++)
        run_seed(seed, operations);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        given_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        operations = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(backends_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
