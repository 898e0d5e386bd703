/* SPDX-License-Identifier: Apache-2.0 */
/* Many submitters at once: every operation is done once, in the order of its thread, and is in the store. */
#include "topics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { THREADS = 4, EACH = 5000, CHAIN = 25, WINDOW = 500 };

struct sender;

struct sending {
    struct store_append append;
    struct sender *sender;
    struct message message;
    struct store_target target;
    char payload[32];
    int done; /* how often */
};

struct sender {
    pthread_t thread;
    struct fixture *f;
    oid_t app, ep, first_id;
    uint64_t app_version;
    struct sending *all;
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t done;
    bool out_of_order;
};

static void on_done(struct store_op *op)
{
    struct sending *s = CONTAINER_OF(op, struct sending, append.op);
    struct sender *sender = s->sender;
    pthread_mutex_lock(&sender->lock);
    if (s != &sender->all[sender->done])
        sender->out_of_order = true;
    s->done++;
    sender->done++;
    pthread_cond_signal(&sender->room);
    pthread_mutex_unlock(&sender->lock);
}

static void prepare(struct sender *sender, size_t i)
{
    struct sending *s = &sender->all[i];
    s->sender = sender;
    int len = snprintf(s->payload, sizeof s->payload, "{\"i\":%zu}", i);
    s->message = (struct message){.id = sender->first_id + (oid_t)i,
                                  .env = sender->f->env,
                                  .app = sender->app,
                                  .event_type = STR("x"),
                                  .occurred_ms = TEST_START_MS,
                                  .expires_ms = TEST_START_MS + TIME_DAY_MS,
                                  .payload = str_of(s->payload, (size_t)len)};
    s->target = (struct store_target){.ep = sender->ep, .profile_version = 1, .fifo = true, .due_ms = TEST_START_MS};
    s->append = (struct store_append){.op = {.kind = STORE_APPEND, .done = on_done},
                                      .message = &s->message,
                                      .app_version = sender->app_version,
                                      .targets = &s->target,
                                      .target_count = 1};
}

static void *send_all(void *arg)
{
    struct sender *sender = arg;
    for (size_t i = 0; i < EACH; i += CHAIN) {
        for (size_t k = i; k < i + CHAIN; k++) {
            prepare(sender, k);
            if (k > i)
                sender->all[k - 1].append.op.next = &sender->all[k].append.op;
        }
        pthread_mutex_lock(&sender->lock);
        while (i - sender->done > WINDOW)
            pthread_cond_wait(&sender->room, &sender->lock);
        pthread_mutex_unlock(&sender->lock);
        store_submit_chain(sender->f->store, &sender->all[i].append.op, &sender->all[i + CHAIN - 1].append.op);
    }
    pthread_mutex_lock(&sender->lock);
    while (sender->done < EACH)
        pthread_cond_wait(&sender->room, &sender->lock);
    pthread_mutex_unlock(&sender->lock);
    return NULL;
}

/* Reads beside the writer: whole groups only, so a message that is listed has its delivery. */
struct watcher {
    pthread_t thread;
    struct fixture *f;
    oid_t app, ep;
    _Atomic bool stop;
    size_t torn;
};

static void *watch(void *arg)
{
    struct watcher *w = arg;
    struct store_reader *r;
    struct arena *a = arena_new(1 << 14);
    if (store_reader_open(w->f->store, &r) != ERR_OK)
        w->torn++;
    while (w->torn == 0 && !w->stop) {
        struct message_query q = {.app = w->app, .status = -1, .limit = 3};
        struct message *rows;
        struct delivery d;
        size_t count = 0;
        if (store_list_messages(r, a, &q, &rows, NULL, &count) != ERR_OK)
            w->torn++;
        for (size_t i = 0; i < count; i++)
            if (store_get_delivery(r, rows[i].id, w->ep, &d) != ERR_OK)
                w->torn++;
        arena_reset(a);
    }
    store_reader_close(r);
    arena_free(a);
    return NULL;
}

static void check_sender(struct fixture *f, struct sender *s)
{
    struct message_query q = {.app = s->app, .status = -1, .limit = EACH + 1, .ascending = true, .with_payload = true};
    struct message *rows;
    size_t count;
    int64_t last = 0;
    assert_false(s->out_of_order);
    OK(store_list_messages(f->reader, f->arena, &q, &rows, NULL, &count));
    assert_int_equal(count, EACH);
    for (size_t i = 0; i < EACH; i++) {
        assert_int_equal(s->all[i].append.op.result, ERR_OK);
        assert_int_equal(s->all[i].done, 1);
        assert_true(s->all[i].target.pos > last);
        last = s->all[i].target.pos;
        fx_same_message(&rows[i], &s->all[i].message);
    }
    struct delivery_counts c;
    OK(store_count_deliveries(f->reader, s->ep, 0, TIME_NEVER, &c));
    assert_int_equal(c.pending, EACH);
}

static void threads_share_the_writer(void **state)
{
    struct fixture *f = *state;
    static struct sender senders[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        struct sender *s = &senders[i];
        *s = (struct sender){.f = f, .app = fx_app(f), .ep = fx_id(f), .all = mem_zalloc(EACH, sizeof s->all[0])};
        s->app_version = fx_app_version(f, s->app);
        s->first_id = oid_at_ms(f->now_ms + 10 * (int64_t)(i + 1));
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->room, NULL);
    }
    struct watcher w = {.f = f, .app = senders[0].app, .ep = senders[0].ep};
    assert_int_equal(pthread_create(&w.thread, NULL, watch, &w), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(senders[i].thread, NULL);
    w.stop = true;
    pthread_join(w.thread, NULL);
    assert_int_equal(w.torn, 0);
    uint64_t pending;
    OK(store_count_pending(f->reader, THREADS * EACH + 1, &pending));
    assert_int_equal(pending, THREADS * EACH);
    struct store_stats stats;
    store_stats(f->store, &stats);
    assert_true(stats.ops >= THREADS * EACH);
    assert_true(stats.groups > 0 && stats.groups < THREADS * EACH);
    assert_int_equal(stats.queued_ops, 0);
    for (size_t i = 0; i < THREADS; i++) {
        check_sender(f, &senders[i]);
        free(senders[i].all);
    }
}

/* What was submitted before store_close is finished by it; nobody waits for ever. */
static void closing_finishes_what_was_submitted(void **state)
{
    struct fixture *f = *state;
    static struct sender s;
    s = (struct sender){.f = f, .app = fx_app(f), .ep = fx_id(f), .all = mem_zalloc(EACH, sizeof s.all[0])};
    s.app_version = fx_app_version(f, s.app);
    s.first_id = oid_at_ms(f->now_ms + 10);
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.room, NULL);
    for (size_t i = 0; i < 1000; i++) {
        prepare(&s, i);
        store_submit(f->store, &s.all[i].append.op);
    }
    store_reader_close(f->reader);
    store_close(f->store);
    assert_int_equal(s.done, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(s.all[i].append.op.result, ERR_OK);
    const char *why;
    struct store_config c = {.path = f->memory ? NULL : f->path, .ballast_bytes = 1 << 16};
    OK(store_open(&c, &f->store, &why));
    OK(store_reader_open(f->store, &f->reader));
    struct message m;
    if (!f->memory)
        for (size_t i = 0; i < 1000; i++)
            OK(store_get_message(f->reader, f->arena, s.app, s.all[i].message.id, true, &m));
    free(s.all);
}

const struct CMUnitTest thread_tests[] = {
        FX_TEST(threads_share_the_writer),
        FX_TEST(closing_finishes_what_was_submitted),
};
const size_t thread_test_count = ARRAY_LEN(thread_tests);
