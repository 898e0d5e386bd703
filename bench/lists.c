/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page of each list costs, with each filter, over many attempts. usage: bench_lists PATH ATTEMPTS [keep]: makes
 * the store at PATH with so many messages, a delivery and an attempt each, unless `keep` says that it is there; then
 * reads pages from the newest down to the oldest. Prints a line per list: the time in the store of a page as median and
 * highest, in us, the items found, the pages, its name.
 *
 * One workspace; its first endpoint has half of the messages. Of every kind that is "rare" there are three in all.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/store.h"
#include "sys/clock.h"

#define ENV       1
#define APP       1000
#define FIRST_EP  5000
#define ENDPOINTS 20
#define GROUP     2048
#define SPAN_MS   (60 * TIME_DAY_MS)
#define VISITS    1000 /* as LIST_VISITS of the API */
#define PAGE      250
#define DEPTHS    21

/* ---- making it ------------------------------------------------------------------------------------------------- */

struct event {
    struct store_append append;
    struct store_record record;
    struct store_target target;
    struct message message;
    struct attempt attempt;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static size_t waiting;

static void op_done(struct store_op *op)
{
    CHECK(op->result == ERR_OK);
    pthread_mutex_lock(&lock);
    if (--waiting == 0)
        pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
}

static void chain_run(struct store *s, struct store_op *first, struct store_op *last, size_t count)
{
    waiting = count;
    store_submit_chain(s, first, last);
    pthread_mutex_lock(&lock);
    while (waiting > 0)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
}

static const struct str types[] = {{"order.created", 13}, {"order.updated", 13}, {"user.created", 12},
                                   {"user.deleted", 12},  {"invoice.paid", 12},  {"invoice.failed", 14}};

/* One in fifty fails with a 500; the three rare ones lie at the tenth, the middle and the last tenth. */
static void event_make(struct event *v, size_t i, size_t events, int64_t at_ms, struct oid_source *ids)
{
    uint64_t chance = hash_u64(i);
    bool rare = i == events / 10 || i == events / 2 || i == events / 10 * 9, fails = (chance >> 40) % 50 == 7;
    oid_t ep = FIRST_EP + (chance % 2 == 0 ? 0 : (oid_t)(chance / 2 % ENDPOINTS));
    ep = rare ? FIRST_EP : ep;
    v->message = (struct message){.id = oid_next(ids, at_ms),
                                  .env = ENV,
                                  .app = APP,
                                  .event_type = rare ? STR("rare.type") : types[(chance >> 16) % ARRAY_LEN(types)],
                                  .occurred_ms = at_ms,
                                  .expires_ms = at_ms + 90 * TIME_DAY_MS,
                                  .channels = rare ? STR("[\"rare\"]") : STR("[\"project_1\",\"all\"]"),
                                  .tags = rare ? STR("[\"rare\"]") : STR("[\"blue\"]"),
                                  .payload = STR("{\"id\":\"o_1234567890\",\"amount\":1299,\"currency\":\"EUR\"}")};
    v->target = (struct store_target){.ep = ep, .profile_version = 7, .due_ms = at_ms};
    v->append = (struct store_append){.op = {.kind = STORE_APPEND, .done = op_done},
                                      .message = &v->message,
                                      .targets = &v->target,
                                      .target_count = 1};
    v->attempt = (struct attempt){.id = oid_next(ids, at_ms),
                                  .msg = v->message.id,
                                  .ep = ep,
                                  .app = APP,
                                  .number = 1,
                                  .status = fails || rare ? DELIVERY_FAIL : DELIVERY_SUCCESS,
                                  .http_status = rare    ? 302
                                                 : fails ? 500
                                                         : 200,
                                  .started_ms = at_ms,
                                  .phases = {.sent_us = 100, .first_byte_us = 900, .total_us = 1000},
                                  .url = STR("https://hooks.example.com/in"),
                                  .response_headers = STR("content-type: application/json\n"),
                                  .response_body = STR("{\"ok\":true,\"received\":\"2024-01-01T00:00:00Z\"}"),
                                  .event_type = v->message.event_type};
    v->record = (struct store_record){.op = {.kind = STORE_RECORD, .done = op_done},
                                      .attempt = &v->attempt,
                                      .status = v->attempt.status,
                                      .reason = fails || rare ? REASON_EXHAUSTED : REASON_NONE};
}

static void store_fill(struct store *s, size_t events, int64_t now_ms)
{
    struct event *all = mem_zalloc(GROUP, sizeof *all);
    struct oid_source ids;
    oid_source_init(&ids, 0, store_identity(s)->highest_oid);
    for (size_t done = 0; done < events; done += GROUP) {
        size_t n = events - done < GROUP ? events - done : GROUP;
        for (size_t i = 0; i < n; i++) {
            int64_t at_ms = now_ms - SPAN_MS + (int64_t)((double)SPAN_MS * (double)(done + i) / (double)events);
            event_make(&all[i], done + i, events, at_ms, &ids);
            all[i].append.op.next = i + 1 < n ? &all[i + 1].append.op : NULL;
            all[i].record.op.next = i + 1 < n ? &all[i + 1].record.op : NULL;
        }
        chain_run(s, &all[0].append.op, &all[n - 1].append.op, n);
        chain_run(s, &all[0].record.op, &all[n - 1].record.op, n);
    }
    free(all);
}

/* ---- reading it ------------------------------------------------------------------------------------------------ */

struct list {
    const char *name;
    struct message_query *messages; /* one of the two */
    struct attempt_query *attempts;
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t page_read(struct store_reader *r, const struct list *l, oid_t at, bool up, oid_t *stopped)
{
    struct arena *a = arena_new(1 << 20);
    struct visit_budget budget = {VISITS, stopped};
    size_t n = 0;
    *stopped = 0;
    if (l->messages != NULL) {
        struct message_query q = *l->messages;
        struct message *m;
        struct delivery *d;
        q.app = APP;
        q.limit = PAGE + 1;
        q.budget = budget;
        q.ascending = up;
        *(up ? &q.after : &q.before) = at;
        CHECK(store_list_messages(r, a, &q, &m, q.ep != 0 ? &d : NULL, &n) == ERR_OK);
    } else {
        struct attempt_query q = *l->attempts;
        struct attempt *t;
        q.app = APP;
        q.limit = PAGE + 1;
        q.budget = budget;
        q.ascending = up;
        *(up ? &q.after : &q.before) = at;
        CHECK(store_list_attempts(r, a, &q, &t, &n) == ERR_OK);
    }
    arena_free(a);
    return n;
}

static void list_measure(struct store_reader *r, const struct list *l, int64_t now_ms)
{
    int64_t us[2 * DEPTHS];
    size_t found = 0, count = 0;
    for (int up = 0; up < 2; up++)
        for (size_t i = 0; i < DEPTHS; i++) {
            oid_t stopped, at = oid_at_ms(now_ms - SPAN_MS / (DEPTHS - 1) * (int64_t)i);
            int64_t from = clock_mono_us();
            found += page_read(r, l, at, up == 1, &stopped);
            us[count++] = clock_mono_us() - from;
        }
    qsort(us, count, sizeof us[0], compare);
    printf("%lld\t%lld\t%zu\t%zu\t%s\n", (long long)us[count / 2], (long long)us[count - 1], found, count, l->name);
}

#define ANY_M .status = -1
#define ANY_A .status = -1, .status_class = -1
#define M(...)                                                                                                         \
    &(struct message_query)                                                                                            \
    {                                                                                                                  \
        ANY_M, __VA_ARGS__                                                                                             \
    }
#define T(...)                                                                                                         \
    &(struct attempt_query)                                                                                            \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static void lists_measure(struct store_reader *r, int64_t now_ms)
{
    static const struct str rare = {"rare.type", 9}, none = {"none", 4}, often = {"user.created", 12};
    const oid_t ep = FIRST_EP, other = FIRST_EP + 7;
    const struct str label = STR("rare");
    const struct list lists[] = {
            {"messages", M(.with_payload = true), NULL},
            {"messages, event type that one in six has", M(.event_types = &often, .event_type_count = 1), NULL},
            {"messages, event type that three have", M(.event_types = &rare, .event_type_count = 1), NULL},
            {"messages, event type that none has", M(.event_types = &none, .event_type_count = 1), NULL},
            {"messages, channel that three have", M(.channel = label), NULL},
            {"messages, tag that three have", M(.tag = label), NULL},
            {"messages of an endpoint", M(.ep = ep, .with_payload = true), NULL},
            {"messages of a quiet endpoint", M(.ep = other, .with_payload = true), NULL},
            {"messages of an endpoint, succeeded", &(struct message_query){.ep = ep, .status = DELIVERY_SUCCESS}, NULL},
            {"messages of an endpoint, failed", &(struct message_query){.ep = ep, .status = DELIVERY_FAIL}, NULL},
            {"messages of an endpoint, pending", &(struct message_query){.ep = ep, .status = DELIVERY_PENDING}, NULL},
            {"messages of an endpoint, event type that three have",
             M(.ep = ep, .event_types = &rare, .event_type_count = 1), NULL},
            {"messages of an endpoint, tag that three have", M(.ep = ep, .tag = label), NULL},
            {"attempts of an endpoint", NULL, T(ANY_A, .ep = ep, .with_content = true)},
            {"attempts of an endpoint, succeeded", NULL, T(.ep = ep, .status = 0, .status_class = -1)},
            {"attempts of an endpoint, failed", NULL, T(.ep = ep, .status = DELIVERY_FAIL, .status_class = -1)},
            {"attempts of an endpoint, 5xx", NULL, T(.ep = ep, .status = -1, .status_class = 500)},
            {"attempts of an endpoint, 3xx: three", NULL, T(.ep = ep, .status = -1, .status_class = 300)},
            {"attempts of an endpoint, no answer: none", NULL, T(.ep = ep, .status = -1, .status_class = 0)},
            {"attempts of an endpoint, pending: none", NULL, T(.ep = ep, .status = 1, .status_class = -1)},
            {"attempts of an endpoint, event type that three have", NULL,
             T(ANY_A, .ep = ep, .event_types = &rare, .event_type_count = 1)},
            {"attempts of an endpoint, channel that three have", NULL, T(ANY_A, .ep = ep, .channel = label)},
            {"attempts of an endpoint, tag that three have", NULL, T(ANY_A, .ep = ep, .tag = label)},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        list_measure(r, &lists[i], now_ms);
}

int main(int argc, char **argv)
{
    bool keep = argc == 4 && strcmp(argv[3], "keep") == 0;
    size_t events = argc >= 3 ? (size_t)atol(argv[2]) : 0;
    if ((argc != 3 && !keep) || events == 0) {
        fprintf(stderr, "usage: bench_lists PATH ATTEMPTS [keep]\n");
        return 2;
    }
    clock_init(0);
    struct store_config c = {.path = argv[1]};
    const char *why = "";
    struct store *s;
    struct store_reader *r;
    if (store_open(&c, &s, &why) != ERR_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    int64_t now_ms = keep ? oid_time_ms(store_identity(s)->highest_oid) : clock_wall_ms();
    if (!keep)
        store_fill(s, events, now_ms);
    CHECK(store_reader_open(s, &r) == ERR_OK);
    lists_measure(r, now_ms);
    store_reader_close(r);
    store_close(s);
    return 0;
}
