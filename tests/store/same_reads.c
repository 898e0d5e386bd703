/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of both stores, compared. See test_same.c. */
#include "same.h"

const char *same_key(struct same *s)
{
    static const char *const keys[] = {"alpha", "beta", "Beta", "gamma", "delta.x", "\xc3\xbc"};
    return keys[same_pick(s, ARRAY_LEN(keys))];
}

const struct same_message *same_message(struct same *s)
{
    size_t n = s->message_count < MESSAGES ? s->message_count : MESSAGES;
    return &s->messages[same_pick(s, n)];
}

static bool is_fifo(const struct same *s, oid_t ep)
{
    for (size_t i = 0; i < FIFO_EPS; i++)
        if (s->ep[i] == ep)
            return true;
    return false;
}

/* Runs `read` on both; both must answer alike. Evaluates to whether there is something to compare. */
#define READ(s, what, first, second) same_result((s), (what), (first), (second))

static bool same_result(const struct same *s, const char *what, enum err a, enum err b)
{
    if (a != b || (a != ERR_OK && a != ERR_NOT_FOUND))
        fail_msg("after %zu operations: %s: %s and %s", s->done, what, err_code(a), err_code(b));
    return a == ERR_OK;
}

static void same_count(const struct same *s, const char *what, size_t a, size_t b)
{
    if (a != b)
        fail_msg("after %zu operations: %s: %zu and %zu", s->done, what, a, b);
}

static void same_delivery(const struct delivery *a, const struct delivery *b)
{
    struct delivery x = *a, y = *b;
    if (x.fifo && x.pos != 0 && y.pos != 0)
        x.pos = y.pos = 1;
    fx_same_delivery(&x, &y);
}

/* ---- objects ------------------------------------------------------------------------------------------------------
 */

static void compare_object(struct same *s, enum object_kind kind, oid_t id)
{
    struct object a, b;
    struct arena *arena = s->f[0].arena;
    if (READ(s, "get object", store_get_object(s->f[0].reader, arena, kind, id, &a),
             store_get_object(s->f[1].reader, arena, kind, id, &b)))
        fx_same_object(&a, &b);
}

static void compare_object_lists(struct same *s)
{
    static const enum object_kind kinds[] = {OBJ_ENDPOINT, OBJ_EVENT_TYPE, OBJ_PROFILE, OBJ_TOKEN, OBJ_APP};
    struct arena *arena = s->f[0].arena;
    struct object_query q = {
            .kind = kinds[same_pick(s, ARRAY_LEN(kinds))], .env = s->f[0].env, .limit = 1 + same_pick(s, 50)};
    q.app = q.kind == OBJ_ENDPOINT ? s->app[same_pick(s, APPS)] : 0;
    q.descending = same_chance(s, 50);
    q.by_key = same_chance(s, 40);
    q.include_deleted = !q.by_key && same_chance(s, 30);
    if (q.by_key && same_chance(s, 50))
        q.after_key = str_c(same_key(s));
    if (!q.by_key && s->object_count > 0 && same_chance(s, 50))
        q.after = s->objects[same_pick(s, s->object_count)].id;
    struct object *a, *b, x, y;
    size_t n, k;
    if (READ(s, "list objects", store_list_objects(s->f[0].reader, arena, &q, &a, &n),
             store_list_objects(s->f[1].reader, arena, &q, &b, &k))) {
        same_count(s, "list objects", n, k);
        for (size_t i = 0; i < n; i++)
            fx_same_object(&a[i], &b[i]);
    }
    struct str key = str_c(same_key(s));
    if (READ(s, "find object", store_find_object(s->f[0].reader, arena, q.kind, q.env, q.app, key, &x),
             store_find_object(s->f[1].reader, arena, q.kind, q.env, q.app, key, &y)))
        fx_same_object(&x, &y);
}

/* ---- messages and attempts ------------------------------------------------------------------------------------------
 */

static void compare_message(struct same *s, const struct same_message *m)
{
    struct message a, b;
    struct arena *arena = s->f[0].arena;
    bool whole = same_chance(s, 50);
    if (READ(s, "get message", store_get_message(s->f[0].reader, arena, m->app, m->id, whole, &a),
             store_get_message(s->f[1].reader, arena, m->app, m->id, whole, &b)))
        fx_same_message(&a, &b);
    struct delivery *x, *y;
    size_t n, k, limit = 1 + same_pick(s, EPS);
    struct delivery_query q = {.msg = m->id, .ascending = same_chance(s, 50), .limit = limit};
    q.before_ep = same_chance(s, 30) ? s->ep[same_pick(s, EPS)] : 0;
    q.after_ep = same_chance(s, 30) ? s->ep[same_pick(s, EPS)] : 0;
    if (READ(s, "list deliveries", store_list_deliveries(s->f[0].reader, arena, &q, &x, &n),
             store_list_deliveries(s->f[1].reader, arena, &q, &y, &k))) {
        same_count(s, "list deliveries", n, k);
        for (size_t i = 0; i < n; i++)
            same_delivery(&x[i], &y[i]);
    }
}

static void compare_attempt(struct same *s, const struct same_message *t)
{
    struct attempt a, b;
    if (READ(s, "get attempt", store_get_attempt(s->f[0].reader, s->f[0].arena, t->app, t->id, &a),
             store_get_attempt(s->f[1].reader, s->f[0].arena, t->app, t->id, &b)))
        fx_same_attempt(&a, &b);
}

static const struct str types[] = {{"b", 1}, {"c", 1}};
static const char *const labels[] = {"x", "y", "z", "none"};

/* The same list in pieces, each ended by its budget, is the whole list. */
static void compare_message_pieces(struct same *s, const struct message_query *whole, const struct message *all,
                                   size_t count)
{
    for (size_t i = 0; i < 2; i++) {
        struct message_query q = *whole;
        size_t n = 0;
        oid_t stopped = 1;
        q.budget = (struct visit_budget){1 + same_pick(s, 20), &stopped};
        while (stopped != 0 && n < whole->limit) {
            struct message *some;
            size_t got;
            q.limit = whole->limit - n;
            OK(store_list_messages(s->f[i].reader, s->f[0].arena, &q, &some, NULL, &got));
            for (size_t k = 0; k < got; k++, n++)
                assert_int_equal(n < count ? all[n].id : 0, some[k].id);
            *(q.ascending ? &q.after : &q.before) = stopped;
        }
        same_count(s, "messages in pieces", count, n);
    }
}

static void compare_attempt_pieces(struct same *s, const struct attempt_query *whole, const struct attempt *all,
                                   size_t count)
{
    for (size_t i = 0; i < 2; i++) {
        struct attempt_query q = *whole;
        size_t n = 0;
        oid_t stopped = 1;
        q.budget = (struct visit_budget){1 + same_pick(s, 20), &stopped};
        while (stopped != 0 && n < whole->limit) {
            struct attempt *some;
            size_t got;
            q.limit = whole->limit - n;
            OK(store_list_attempts(s->f[i].reader, s->f[0].arena, &q, &some, &got));
            for (size_t k = 0; k < got; k++, n++)
                assert_int_equal(n < count ? all[n].id : 0, some[k].id);
            *(q.ascending ? &q.after : &q.before) = stopped;
        }
        same_count(s, "attempts in pieces", count, n);
    }
}

static void compare_message_lists(struct same *s)
{
    struct arena *arena = s->f[0].arena;
    struct message_query q = {.app = s->app[same_pick(s, APPS)], .status = -1, .limit = 1 + same_pick(s, 30)};
    q.ascending = same_chance(s, 30);
    q.with_payload = same_chance(s, 50);
    q.ep = same_chance(s, 50) ? s->ep[same_pick(s, EPS)] : 0;
    q.before = same_chance(s, 30) ? same_message(s)->id : 0;
    q.after = same_chance(s, 30) ? same_message(s)->id : 0;
    q.event_types = types;
    q.event_type_count = same_chance(s, 40) ? 1 + same_pick(s, 2) : 0;
    q.channel = same_chance(s, 30) ? str_c(labels[same_pick(s, 4)]) : STR_NULL;
    q.tag = same_chance(s, 30) ? str_c(labels[same_pick(s, 4)]) : STR_NULL;
    q.status = q.ep != 0 && same_chance(s, 50) ? (int)same_pick(s, 3) : -1;
    q.failing = same_chance(s, 25);
    struct message *a, *b;
    struct delivery *x = NULL, *y = NULL;
    size_t n, k;
    if (!READ(s, "list messages", store_list_messages(s->f[0].reader, arena, &q, &a, q.ep != 0 ? &x : NULL, &n),
              store_list_messages(s->f[1].reader, arena, &q, &b, q.ep != 0 ? &y : NULL, &k)))
        return;
    same_count(s, "list messages", n, k);
    for (size_t i = 0; i < n; i++) {
        fx_same_message(&a[i], &b[i]);
        if (q.ep != 0)
            same_delivery(&x[i], &y[i]);
    }
    compare_message_pieces(s, &q, a, n);
}

static void compare_attempt_lists(struct same *s)
{
    static const int classes[] = {0, 200, 400, 500};
    struct arena *arena = s->f[0].arena;
    struct attempt_query q = {
            .app = s->app[same_pick(s, APPS)], .status = -1, .status_class = -1, .limit = 1 + same_pick(s, 30)};
    size_t attempts = s->attempt_count < ATTEMPTS ? s->attempt_count : ATTEMPTS;
    q.ascending = same_chance(s, 30);
    q.with_content = same_chance(s, 50);
    q.ep = same_chance(s, 50) ? s->ep[same_pick(s, EPS)] : 0;
    q.msg = same_chance(s, 30) ? same_message(s)->id : 0;
    q.before = attempts > 0 && same_chance(s, 30) ? s->attempts[same_pick(s, attempts)].id : 0;
    q.after = attempts > 0 && same_chance(s, 30) ? s->attempts[same_pick(s, attempts)].id : 0;
    q.event_types = types;
    q.event_type_count = same_chance(s, 30) ? 1 + same_pick(s, 2) : 0;
    q.channel = same_chance(s, 20) ? str_c(labels[same_pick(s, 4)]) : STR_NULL;
    q.tag = same_chance(s, 20) ? str_c(labels[same_pick(s, 4)]) : STR_NULL;
    q.status = same_chance(s, 30) ? (same_chance(s, 50) ? DELIVERY_SUCCESS : DELIVERY_FAIL) : -1;
    q.status_class = same_chance(s, 30) ? classes[same_pick(s, ARRAY_LEN(classes))] : -1;
    struct attempt *a, *b;
    size_t n, k;
    if (!READ(s, "list attempts", store_list_attempts(s->f[0].reader, arena, &q, &a, &n),
              store_list_attempts(s->f[1].reader, arena, &q, &b, &k)))
        return;
    same_count(s, "list attempts", n, k);
    for (size_t i = 0; i < n; i++)
        fx_same_attempt(&a[i], &b[i]);
    compare_attempt_pieces(s, &q, a, n);
}

/* ---- due work -----------------------------------------------------------------------------------------------------
 */

static void compare_renders(const struct message *a, const struct message *b, oid_t version)
{
    const struct message *both[2] = {a, b};
    const struct message_render *found[2] = {NULL, NULL};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < both[i]->render_count; k++)
            if (both[i]->renders[k].profile_version == version)
                found[i] = &both[i]->renders[k];
    assert_int_equal(found[0] != NULL, found[1] != NULL);
    if (found[0] == NULL)
        return;
    fx_same_str(found[0]->head, found[1]->head, "head");
    fx_same_str(found[0]->tail, found[1]->tail, "tail");
}

/* A row may come in parts. */
struct tally_sum {
    uint64_t mixed, succeeded, failed;
    int64_t total_us, longest_us;
};

static void tally_add(void *arg, const struct tally *t)
{
    struct tally_sum *sum = arg;
    sum->mixed += hash_u64((uint64_t)t->start_ms ^ hash_u64((uint64_t)t->ep) ^ (uint64_t)t->event_type.ptr[0]) *
                  (t->succeeded + 3 * t->failed + (uint64_t)t->total_us);
    sum->succeeded += t->succeeded;
    sum->failed += t->failed;
    sum->total_us += t->total_us;
    if (t->longest_us > sum->longest_us)
        sum->longest_us = t->longest_us;
}

static void compare_tallies(struct same *s)
{
    struct tally_query q = {.app = s->app[same_pick(s, APPS)],
                            .ep = same_chance(s, 50) ? s->ep[same_pick(s, EPS)] : 0,
                            .since_ms = s->f[0].now_ms - (int64_t)same_pick(s, 6 * TIME_HOUR_MS),
                            .until_ms = s->f[0].now_ms + 1 - (int64_t)same_pick(s, 2 * TIME_HOUR_MS)};
    struct tally_sum sum[2] = {{0}};
    for (size_t i = 0; i < 2; i++)
        OK(store_each_tally(s->f[i].reader, &q, tally_add, &sum[i]));
    if (memcmp(&sum[0], &sum[1], sizeof sum[0]) != 0)
        fail_msg("after %zu operations: tallies: %zu and %zu succeeded, %zu and %zu failed", s->done,
                 (size_t)sum[0].succeeded, (size_t)sum[1].succeeded, (size_t)sum[0].failed, (size_t)sum[1].failed);
}

static void compare_pending(struct same *s, oid_t ep)
{
    struct arena *arena = s->f[0].arena;
    bool fifo = is_fifo(s, ep);
    struct pending_query q = {.ep = ep, .limit = 1 + same_pick(s, 60), .bytes_max = same_chance(s, 20) ? 1 : 1 << 20};
    q.until_pos = fifo || same_chance(s, 50) ? TIME_NEVER : s->f[0].now_ms + (int64_t)same_pick(s, 60000);
    struct pending_delivery *a, *b;
    size_t n, k;
    int64_t next_a, next_b;
    if (!READ(s, "load pending", store_load_pending(s->f[0].reader, arena, &q, &a, &n, &next_a),
              store_load_pending(s->f[1].reader, arena, &q, &b, &k, &next_b)))
        return;
    same_count(s, "load pending", n, k);
    for (size_t i = 0; i < n; i++) {
        same_delivery(&a[i].delivery, &b[i].delivery);
        fx_same_message(&a[i].message, &b[i].message);
        compare_renders(&a[i].message, &b[i].message, a[i].delivery.profile_version);
    }
    assert_int_equal(next_a == TIME_NEVER, next_b == TIME_NEVER);
    if (!fifo)
        assert_int_equal(next_a, next_b);
}

static void compare_transformed(struct same *s, oid_t msg, oid_t ep)
{
    struct arena *arena = s->f[0].arena;
    struct transformed a, b;
    if (!READ(s, "get transformed", store_get_transformed(s->f[0].reader, arena, msg, ep, &a),
              store_get_transformed(s->f[1].reader, arena, msg, ep, &b)))
        return;
    assert_true(a.version == b.version && a.cancelled == b.cancelled && a.as_is == b.as_is && a.same == b.same);
    fx_same_str(a.method, b.method, "method");
    fx_same_str(a.url, b.url, "url");
    fx_same_str(a.headers, b.headers, "headers");
    fx_same_str(a.content_type, b.content_type, "content type");
    fx_same_str(a.payload, b.payload, "payload");
}

static void compare_summary(struct same *s)
{
    struct arena *arena = s->f[0].arena;
    struct pending_summary *a, *b;
    size_t n, k, limit = 1 + same_pick(s, EPS);
    oid_t after = same_chance(s, 40) ? s->ep[same_pick(s, EPS)] : 0;
    if (READ(s, "list pending", store_list_pending(s->f[0].reader, arena, after, limit, &a, &n),
             store_list_pending(s->f[1].reader, arena, after, limit, &b, &k))) {
        same_count(s, "list pending", n, k);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(a[i].ep, b[i].ep);
            if (is_fifo(s, a[i].ep))
                continue;
            assert_int_equal(a[i].pos, b[i].pos);
            assert_int_equal(a[i].due_ms, b[i].due_ms);
        }
    }
    uint64_t x, y;
    OK(store_count_pending(s->f[0].reader, 1 << 20, &x));
    OK(store_count_pending(s->f[1].reader, 1 << 20, &y));
    same_count(s, "count pending", x, y);
}

static void compare_endpoint(struct same *s, oid_t ep)
{
    struct endpoint_health h[2];
    struct delivery_counts c[2];
    int64_t since = s->f[0].now_ms - (int64_t)same_pick(s, 6 * TIME_HOUR_MS);
    int64_t until = since + (int64_t)same_pick(s, 6 * TIME_HOUR_MS);
    for (size_t i = 0; i < 2; i++) {
        OK(store_get_health(s->f[i].reader, ep, &h[i]));
        OK(store_count_deliveries(s->f[i].reader, ep, since, until, &c[i]));
    }
    assert_int_equal(h[0].ep, h[1].ep);
    assert_int_equal(h[0].failing_since_ms, h[1].failing_since_ms);
    assert_int_equal(h[0].exhausted_since_ms, h[1].exhausted_since_ms);
    same_count(s, "delivered", c[0].success, c[1].success);
    same_count(s, "canceled", c[0].canceled, c[1].canceled);
    same_count(s, "pending", c[0].pending, c[1].pending);
    same_count(s, "failed", c[0].fail, c[1].fail);
}

static void compare_doc(struct same *s, const struct same_doc *d)
{
    struct doc a, b;
    if (!READ(s, "get doc", store_get_doc(s->f[0].reader, s->f[0].arena, d->kind, d->id, &a),
              store_get_doc(s->f[1].reader, s->f[0].arena, d->kind, d->id, &b)))
        return;
    assert_true(a.app == b.app && a.ref == b.ref && a.about == b.about && a.status == b.status && a.due_ms == b.due_ms);
    assert_true(a.purge_ms == b.purge_ms && a.version == b.version && a.updated_ms == b.updated_ms);
    fx_same_str(a.key, b.key, "key");
    fx_same_str(a.body, b.body, "body");
}

static void compare_doc_lists(struct same *s)
{
    struct doc *list[2];
    size_t n[2];
    oid_t stopped[2] = {0, 0};
    struct doc_query q = {.kind = same_chance(s, 50) ? DOC_RECORD : DOC_RUN,
                          .app = s->app[same_pick(s, APPS)],
                          .ref = (int64_t)same_pick(s, 2),
                          .about = (oid_t)same_pick(s, 3),
                          .descending = same_chance(s, 50),
                          .limit = 1 + same_pick(s, 6),
                          .statuses = same_chance(s, 30) ? 0 : 1 + (unsigned)same_pick(s, 31),
                          .budget.rows_max = same_chance(s, 50) ? 0 : 1 + same_pick(s, 8)};
    if (s->doc_count > 0 && same_chance(s, 50))
        q.after = s->docs[same_pick(s, s->doc_count < DOCS ? s->doc_count : DOCS)].id;
    for (size_t i = 0; i < 2; i++) {
        q.budget.stopped = &stopped[i];
        assert_int_equal(store_list_docs(s->f[i].reader, s->f[0].arena, &q, &list[i], &n[i]), ERR_OK);
    }
    same_count(s, "documents", n[0], n[1]);
    assert_int_equal(stopped[0], stopped[1]);
    for (size_t i = 0; i < n[0]; i++)
        assert_int_equal(list[0][i].id, list[1][i].id);
}

void same_compare_some(struct same *s)
{
    compare_doc_lists(s);
    for (size_t i = 0; i < APPS; i++)
        same_count(s, "version", fx_app_version(&s->f[0], s->app[i]), fx_app_version(&s->f[1], s->app[i]));
    compare_object_lists(s);
    compare_summary(s);
    compare_tallies(s);
    compare_pending(s, s->ep[same_pick(s, EPS)]);
    compare_endpoint(s, s->ep[same_pick(s, EPS)]);
    if (s->message_count == 0)
        return;
    const struct same_message *m = same_message(s);
    compare_message(s, m);
    compare_transformed(s, m->id, s->ep[same_pick(s, EPS)]);
    compare_message_lists(s);
    compare_attempt_lists(s);
}

void same_compare_all(struct same *s)
{
    for (size_t i = 0; i < s->object_count; i++)
        compare_object(s, s->objects[i].kind, s->objects[i].id);
    for (size_t i = 0; i < s->message_count && i < MESSAGES; i++) {
        compare_message(s, &s->messages[i]);
        for (size_t k = 0; k < EPS; k++)
            compare_transformed(s, s->messages[i].id, s->ep[k]);
    }
    for (size_t i = 0; i < s->attempt_count && i < ATTEMPTS; i++)
        compare_attempt(s, &s->attempts[i]);
    for (size_t i = 0; i < s->doc_count && i < DOCS; i++)
        compare_doc(s, &s->docs[i]);
    for (size_t i = 0; i < EPS; i++) {
        compare_pending(s, s->ep[i]);
        compare_endpoint(s, s->ep[i]);
    }
    for (int i = 0; i < 50; i++)
        same_compare_some(s);
}
