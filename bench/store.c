/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store costs per event: a message of 1 KB with one target, and the record of its attempt, in groups.
 * usage: bench_store PATH|:memory: GROUP EVENTS ENDPOINTS [keys]. With an idempotency key each if asked. Prints CPU and
 * wall time per event and the bytes per event.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/store.h"
#include "sys/clock.h"

struct event {
    struct store_append append;
    struct store_record record;
    struct store_target target;
    struct message message;
    struct attempt attempt;
    struct store_key key;
    oid_t id;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static size_t waiting;
static char body[1025];
static bool with_keys;

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
    pthread_mutex_lock(&lock);
    waiting = count;
    pthread_mutex_unlock(&lock);
    store_submit_chain(s, first, last);
    pthread_mutex_lock(&lock);
    while (waiting > 0)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
}

static void event_init(struct event *v, struct oid_source *ids, unsigned endpoint, int64_t now)
{
    v->id = oid_next(ids, now);
    v->message = (struct message){.id = v->id,
                                  .env = 1,
                                  .app = 1000 + endpoint % 100,
                                  .event_type = STR("order.created"),
                                  .occurred_ms = now,
                                  .expires_ms = now + 90 * TIME_DAY_MS,
                                  .payload = str_of(body, 1024)};
    v->target = (struct store_target){.ep = 5000 + endpoint, .profile_version = 7, .due_ms = now};
    v->append = (struct store_append){.op = {.kind = STORE_APPEND, .done = op_done},
                                      .message = &v->message,
                                      .targets = &v->target,
                                      .target_count = 1};
    v->key = (struct store_key){.hash = {hash_u64((uint64_t)v->id), hash_u64(~(uint64_t)v->id)},
                                .made = {.id = v->id, .what = 1, .status = 202}};
    v->append.op.key = with_keys ? &v->key : NULL;
}

static void event_record(struct event *v, struct oid_source *ids, int64_t now)
{
    v->attempt = (struct attempt){.id = oid_next(ids, now),
                                  .msg = v->id,
                                  .ep = v->target.ep,
                                  .app = v->message.app,
                                  .number = 1,
                                  .http_status = 200,
                                  .started_ms = now,
                                  .phases = {.sent_us = 100, .first_byte_us = 900, .total_us = 1000},
                                  .url = STR("http://127.0.0.1:9000/hook"),
                                  .response_body = STR("{\"ok\":true,\"received\":\"2024-01-01T00:00:00Z\"}"),
                                  .event_type = v->message.event_type};
    v->record = (struct store_record){.op = {.kind = STORE_RECORD, .done = op_done}, .attempt = &v->attempt};
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void rounds_run(struct store *s, struct oid_source *ids, size_t group, size_t events, unsigned endpoints)
{
    struct event *sets = mem_zalloc(2 * group, sizeof *sets);
    for (size_t round = 0; round <= events / group; round++) {
        struct event *fresh = sets + (round % 2) * group, *old = sets + ((round + 1) % 2) * group;
        struct store_op *first = NULL, *last = NULL;
        size_t count = 0;
        int64_t now = clock_wall_ms();
        for (size_t i = 0; i < group; i++) {
            struct store_op *ops[2] = {NULL, NULL};
            if (round > 0) {
                event_record(&old[i], ids, now);
                ops[0] = &old[i].record.op;
            }
            if (round < events / group) {
                event_init(&fresh[i], ids, (unsigned)hash_u64(round * group + i) % endpoints, now);
                ops[1] = &fresh[i].append.op;
            }
            for (int k = 0; k < 2; k++) {
                if (ops[k] == NULL)
                    continue;
                if (last != NULL)
                    last->next = ops[k];
                else
                    first = ops[k];
                last = ops[k];
                count++;
            }
        }
        chain_run(s, first, last, count);
    }
    free(sets);
}

int main(int argc, char **argv)
{
    with_keys = argc == 6 && strcmp(argv[5], "keys") == 0;
    if (argc != 5 && !with_keys) {
        fprintf(stderr, "usage: bench_store PATH|:memory: GROUP EVENTS ENDPOINTS [keys]\n");
        return 2;
    }
    clock_init(0);
    struct store_config c = {.path = strcmp(argv[1], ":memory:") == 0 ? NULL : argv[1]};
    size_t group = (size_t)atol(argv[2]), events = (size_t)atol(argv[3]);
    const char *why = "";
    struct store *s;
    if (group == 0 || store_open(&c, &s, &why) != ERR_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    struct oid_source ids;
    oid_source_init(&ids, 0, store_identity(s)->highest_oid);
    for (size_t i = 0; i < 1024; i++)
        body[i] = (char)('a' + hash_u64(i) % 26);
    double cpu = cpu_s();
    int64_t wall = clock_mono_us();
    rounds_run(s, &ids, group, events, (unsigned)atol(argv[4]));
    cpu = cpu_s() - cpu;
    wall = clock_mono_us() - wall;
    struct store_stats st;
    store_stats(s, &st);
    printf("group %zu: %.2f us CPU, %.2f us wall per event; %.0f events/s; %llu groups; log %llu KB; %.0f bytes per "
           "event\n",
           group, cpu * 1e6 / (double)events, (double)wall / (double)events, (double)events * 1e6 / (double)wall,
           (unsigned long long)st.groups, (unsigned long long)st.wal_bytes / 1024,
           (double)st.file_bytes / (double)events);
    store_close(s);
    return 0;
}
