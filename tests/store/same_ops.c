/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations, each done to both stores with the same result. See same.h. */
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

static void same_results(struct same *s, const char *what, const struct store_op *a, const struct store_op *b)
{
    if (a->result != b->result)
        fail_msg("operation %zu, kind %d: %s: %s is not %s", s->done, a->kind, what, err_code(a->result),
                 err_code(b->result));
}

/* Whether it was done; else the world has ended in the middle of it, see same.h. */
static bool both(struct same *s, struct store_op *a, struct store_op *b)
{
    a->result = s->one(s, 0, a);
    if (s->broken)
        return false;
    b->result = s->one(s, 1, b);
    same_results(s, "result", a, b);
    return a->result == ERR_OK;
}

/* The keys of a few requests, tied to an append or not. */
static void give_key(struct same *s, struct store_key key[2], struct store_append *a, struct store_append *b)
{
    if (!s->with_keys || !same_chance(s, 40))
        return;
    key[0] = (struct store_key){.hash = {7, same_pick(s, SAME_KEYS)},
                                .made = {.id = a->message->id, .what = 3, .status = 202}};
    key[1] = key[0];
    a->op.key = &key[0];
    b->op.key = &key[1];
}

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
    bool good = both(s, &a.op, &b.op);
    if (s->broken)
        return;
    if (!good)
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
    struct store_key key[2];
    give_key(s, key, &a, &b);
    if (!both(s, &a.op, &b.op))
        return;
    if (a.op.key != NULL) {
        assert_int_equal(key[0].known, key[1].known);
        assert_int_equal(key[0].made.id, key[1].made.id);
        if (key[0].known)
            return;
    }
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
    h.merge = h.failing_since_ms != 0 && same_chance(s, 50);
    h.enabled_ms = (int64_t)same_pick(s, 3);
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
    if (!both(s, &a.op, &b.op))
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
    a.fifo = a.ep == s->ep[0] || a.ep == s->ep[1];
    if (same_chance(s, 40)) {
        a.if_missing = true;
        a.trigger = TRIGGER_SCHEDULE;
    }
    struct store_resend b = a;
    if (both(s, &a.op, &b.op))
        assert_int_equal(a.changed, b.changed);
}

static void do_expunge(struct same *s)
{
    const struct same_message *m = same_message(s);
    struct store_expunge a = {
            .op.kind = STORE_EXPUNGE, .app = same_chance(s, 95) ? m->app : s->app[same_pick(s, APPS)], .msg = m->id};
    a.only_look = same_chance(s, 10);
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
    if (both(s, &a.op, &b.op))
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

static size_t sweep_all(struct same *s, size_t which, struct store_sweep op)
{
    size_t rows = 0, steps = 0;
    op.op.kind = STORE_SWEEP;
    do {
        op.op.result = s->one(s, which, &op.op);
        if (s->broken)
            return rows;
        assert_int_equal(op.op.result, ERR_OK);
        assert_true(op.rows <= op.rows_max && ++steps < 10000);
        rows += op.rows;
    } while (op.more);
    return rows;
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
    if (s->counts_wait && (op.sweep == SWEEP_FOLD || op.sweep == SWEEP_TALLIES))
        return;
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
    size_t a = sweep_all(s, 0, op), b = s->broken ? a : sweep_all(s, 1, op);
    if (a != b)
        fail_msg("operation %zu: sweep %d changed %zu rows, and %zu", s->done, op.sweep, a, b);
}

static void do_docs(struct same *s)
{
    static const enum doc_kind kinds[] = {DOC_RECORD, DOC_RUN, DOC_SEEN};
    struct doc_change c[2][3];
    size_t count = same_chance(s, 70) ? 1 : 3;
    for (size_t i = 0; i < count; i++) {
        struct doc_change *x = &c[0][i];
        oid_t app = s->app[same_pick(s, APPS)];
        *x = (struct doc_change){.change = DOC_CREATE,
                                 .doc = {.id = fx_id(&s->f[0]),
                                         .kind = kinds[same_pick(s, ARRAY_LEN(kinds))],
                                         .app = app,
                                         .ref = (int64_t)same_pick(s, 2),
                                         .about = (oid_t)same_pick(s, 3),
                                         .key = same_chance(s, 40) ? STR_NULL : str_c(same_key(s)),
                                         .status = (int)same_pick(s, 5),
                                         .due_ms = same_chance(s, 50) ? 0 : s->f[0].now_ms,
                                         .purge_ms = same_chance(s, 70) ? 0 : s->f[0].now_ms + TIME_HOUR_MS,
                                         .body = fx_printf(&s->f[0], "{\"n\":%zu}", s->done),
                                         .created_ms = s->f[0].now_ms,
                                         .updated_ms = s->f[0].now_ms}};
        if (s->doc_count > 0 && same_chance(s, 50)) {
            const struct same_doc *d = &s->docs[same_pick(s, s->doc_count < DOCS ? s->doc_count : DOCS)];
            x->change = same_chance(s, 70) ? DOC_UPDATE : DOC_DELETE;
            x->doc.id = d->id;
            x->doc.kind = d->kind;
            x->expected_version = same_chance(s, 60) ? 0 : 1 + same_pick(s, 3);
        } else {
            s->docs[s->doc_count++ % DOCS] = (struct same_doc){.id = x->doc.id, .kind = x->doc.kind};
        }
        c[1][i] = *x;
    }
    struct store_docs a = {.op.kind = STORE_DOCS, .app = s->app[0], .changes = c[0], .count = count};
    struct store_docs b = a;
    b.changes = c[1];
    bool good = both(s, &a.op, &b.op);
    if (s->broken)
        return;
    if (!good)
        assert_int_equal(a.failed_at, b.failed_at);
    for (size_t i = 0; good && i < count; i++)
        assert_int_equal(c[0][i].doc.version, c[1][i].doc.version);
}

void same_do_one(struct same *s)
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
    else if (which < 91)
        do_docs(s);
    else
        do_objects(s);
    s->done++;
}
