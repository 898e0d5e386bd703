/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process. What the API and the runner write comes here instead of to the writer's thread, and becomes groups on
 * the disk. When a write fails, or the word of a commit is lost, the process is dead: whatever it would still do comes
 * to nothing, and the next one begins with what the disk kept.
 */
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/env.h"
#include "api/trigger_in.h"
#include "api/trigger_quick.h"
#include "auth/auth.h"
#include "base/mem.h"

#define ARENA_BYTES (1 << 16)
#define ENVIRONMENT STR("org_aaaaaaaaaaaaaaaaaaaaaaaaaaa")

struct runs *runs_now;

int64_t runs_now_ms(void)
{
    return runs_now->w.s.f[0].now_ms;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static enum err verb_apply(void *arg, struct store_op *op)
{
    return backend_apply(arg, op);
}

static bool is_trouble(enum err e)
{
    return e == ERR_IO || e == ERR_FULL || e == ERR_UNAVAILABLE;
}

/* Somebody else writes a document that the operation changes, after it was read: nothing new, but another version. */
static void meddle(struct runs *s, const struct store_op *op)
{
    const struct store_docs *docs = CONTAINER_OF(op, struct store_docs, op);
    struct doc_change c = {.change = DOC_UPDATE};
    if (!s->trouble || op->kind != STORE_DOCS || docs->count == 0 || sim_pick(25) > 0)
        return;
    const struct doc_change *at = &docs->changes[sim_pick(docs->count)];
    if (at->change != DOC_UPDATE || (at->doc.kind != DOC_RUN && at->doc.kind != DOC_RECORD) ||
        store_get_doc(s->w.s.f[0].reader, s->w.s.f[0].arena, at->doc.kind, at->doc.id, &c.doc) != ERR_OK)
        return;
    struct store_docs change = {.op.kind = STORE_DOCS, .app = docs->app, .changes = &c, .count = 1};
    s->counts.meddled += backend_apply(s->w.backend[0], &change.op) == ERR_OK;
}

/* The operations' own results; what the whole comes to. */
static enum err write_group(struct runs *s, struct store_op *const *ops, size_t count)
{
    struct backend *b = s->w.backend[0];
    enum err e = b->ops->begin(b, runs_now_ms());
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        meddle(s, ops[i]);
        ops[i]->result = backend_apply_keyed(b, ops[i], verb_apply, b);
        s->trace = hash_u64(s->trace ^ (uint64_t)ops[i]->result ^ ((uint64_t)ops[i]->kind << 8));
        e = is_trouble(ops[i]->result) ? ops[i]->result : ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    e = b->ops->commit(b);
    s->counts.in_doubt += e != ERR_OK && e != ERR_FULL;
    return e;
}

static void group(struct runs *s, struct store_op *const *ops, size_t count)
{
    enum err e = s->dead ? ERR_CLOSED : write_group(s, ops, count);
    if (e == ERR_FULL && !sim_disk_stopped()) {
        sim_disk_arm((struct sim_faults){0});
        s->w.backend[0]->ops->rollback(s->w.backend[0]);
        s->counts.refused++;
    } else if (e != ERR_OK || (s->trouble && sim_pick(80) == 0)) {
        s->counts.in_doubt += e == ERR_OK; /* committed, and nobody was told */
        s->dead = true;
        e = ERR_CLOSED;
    }
    for (size_t i = 0; i < count && e != ERR_OK; i++)
        ops[i]->result = e;
    if (!s->dead && !world_upkeep(&s->w))
        s->dead = true;
}

/* The linker puts these in the place of the store's front door. */
enum err __wrap_store_run(struct store *store, struct store_op *op);
enum err __wrap_store_run(struct store *store, struct store_op *op)
{
    (void)store;
    group(runs_now, &op, 1);
    return op->result;
}

void __wrap_store_run_all(struct store *store, struct store_op *const *ops, size_t count);
void __wrap_store_run_all(struct store *store, struct store_op *const *ops, size_t count)
{
    (void)store;
    for (size_t at = 0, n; at < count; at += n) {
        n = 1 + sim_pick(count - at);
        group(runs_now, ops + at, n);
    }
}

/* And these in the place of what differs from run to run. */
void __wrap_crypto_random(void *out, size_t len);
void __wrap_crypto_random(void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)out)[i] = (unsigned char)sim_pick(256);
}

void __wrap_crypto_random_base62(size_t len, struct buf *out);
void __wrap_crypto_random_base62(size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++)
        buf_add_c(out, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[sim_pick(62)]);
}

/* ---- asking -------------------------------------------------------------------------------------------------------
 */

int runs_ask(struct runs *s, const char *method, const char *path, const char *body, struct str *answer)
{
    struct http_header header = {STR("authorization"), str_c(s->token)};
    struct str query = str_c(path), only_path = str_split(&query, '?');
    struct api_call call = {.arena = arena_new(16384),
                            .reader = s->w.s.f[0].reader,
                            .method = strcmp(method, "GET") == 0   ? HTTP_M_GET
                                      : strcmp(method, "PUT") == 0 ? HTTP_M_PUT
                                                                   : HTTP_M_POST,
                            .path = only_path,
                            .query = query,
                            .headers = &header,
                            .header_count = 1,
                            .body = body != NULL ? str_c(body) : STR(""),
                            .now_ms = runs_now_ms()};
    api_handle(&s->api, &call);
    *answer = arena_str(s->w.s.f[0].arena, buf_str(&call.out));
    buf_fini(&call.out);
    arena_free(call.arena);
    return s->dead ? 0 : call.status;
}

static int knock_quick(struct runs *s, struct trigger_quick *q, struct str token)
{
    struct store_op *op = &q->op.op;
    if (!trigger_quick_begin(q, token))
        return 0;
    group(s, &op, 1);
    return trigger_quick_end(q) ? q->call.status : 0;
}

int runs_knock(struct runs *s, const char *name, const char *body, oid_t *run)
{
    struct http_header headers[] = {{STR("content-type"), STR("application/json")}, {STR("x-request-id"), str_c(name)}};
    struct trigger_quick q = {.call = {.arena = arena_new(16384),
                                       .out = BUF_INIT(4096),
                                       .problems = PROBLEMS_INIT,
                                       .reader = s->w.s.f[0].reader,
                                       .method = HTTP_M_POST,
                                       .path = str_c(s->url),
                                       .query = STR(""),
                                       .headers = headers,
                                       .header_count = ARRAY_LEN(headers),
                                       .body = str_c(body),
                                       .now_ms = runs_now_ms()},
                              .api = &s->api};
    struct str token;
    struct json *tree = NULL;
    struct str id = STR_NULL;
    struct api_call slow = q.call;
    assert_true(trigger_quick_token(q.call.path, &token));
    struct api_call *call = &q.call;
    if (knock_quick(s, &q, token) == 0) {
        call = &slow;
        api_handle(&s->api, call);
    }
    bool good = !s->dead && (call->status == 202 || call->status == 200) &&
                json_parse(call->arena, buf_str(&call->out), &tree, NULL) == ERR_OK &&
                json_as_str(json_get(tree, STR("id")), &id) &&
                oid_parse(id, doc_prefix(DOC_RUN), s->api.id_key, run) == ERR_OK;
    int status = s->dead ? 0 : call->status;
    if (!good && (status == 200 || status == 202))
        fail_msg("%d " STR_FMT, status, STR_ARG(buf_str(&call->out)));
    if (call == &slow)
        buf_fini(&slow.out);
    buf_fini(&q.call.out);
    arena_free(slow.arena);
    return status;
}

struct plan runs_plan(struct runs *s)
{
    struct fixture *f = &s->w.s.f[0];
    return (struct plan){.api = &s->api, .reader = f->reader, .arena = f->arena, .app = s->app, .now_ms = f->now_ms};
}

struct run runs_read(struct runs *s, oid_t id)
{
    struct fixture *f = &s->w.s.f[0];
    struct run run;
    struct doc d;
    OK(store_get_doc(f->reader, f->arena, DOC_RUN, id, &d));
    OK(run_decode(f->arena, &d, &run));
    return run;
}

/* ---- the process ---------------------------------------------------------------------------------------------------
 */

/* Made once: their key file is a real one. */
static struct keyring *keys(void)
{
    static struct keyring *made;
    char path[] = "/tmp/postrider-sim-XXXXXX", file[64];
    const char *why;
    if (made != NULL)
        return made;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/keys", path);
    OK(keyring_load(file, NULL, NULL, &made, &why));
    unlink(file);
    rmdir(path);
    return made;
}

static void process_begin(struct runs *s)
{
    const struct store_identity *id = &s->w.backend[0]->identity;
    static const char *const addresses[] = {"203.0.113.7", NULL};
    static const struct api_profile_row *rows;
    static size_t row_count;
    static struct arena *kept;
    struct str trouble;
    if (kept == NULL) {
        kept = arena_new(ARENA_BYTES);
        OK(env_profile_rows(kept, NULL, &rows, &row_count, &trouble));
    }
    oid_source_init(&s->oids, 0, id->highest_oid);
    s->urls = (struct ssrf_policy){.https_only = true};
    s->api = (struct api){.catalog = catalog_new(keys(), id->id_key),
                          .keys = keys(),
                          .id_key = id->id_key,
                          .oids = &s->oids,
                          .urls = &s->urls,
                          .default_profile = "standard",
                          .egress_addresses = addresses,
                          .public_url = "https://hooks.example.com",
                          .body_bytes_max = 1 << 20,
                          .retention_payload_ms = 90 * TIME_DAY_MS,
                          .retention_history_ms = 90 * TIME_DAY_MS,
                          .triggers = trigger_desk_new(1000000),
                          .rows = rows,
                          .row_count = row_count,
                          .runner = &s->runner};
    runner_init(&s->runner, &s->api, runs_now_ms);
    OK(backend_sqlite.reader_open(s->w.backend[0], &s->runner.reader)); /* its reads fail as well */
    s->dead = false;
}

static void process_end(struct runs *s)
{
    while (s->runner.under_way_count > 0)
        outside_free(s->runner.under_way[--s->runner.under_way_count]);
    known_versions_fini(&s->runner.versions);
    backend_sqlite.reader_close(s->runner.reader);
    pthread_cond_destroy(&s->runner.wake);
    pthread_mutex_destroy(&s->runner.lock);
    trigger_desk_free(s->api.triggers);
    catalog_free(s->api.catalog);
}

static void crash(struct runs *s)
{
    s->dead = true;
    sim_disk_stop();
    process_end(s);
    world_disk_close(&s->w);
    world_disk_reopen(&s->w);
    load_crashed(s);
    process_begin(s);
    s->counts.crashes++;
    check_recovered(s);
}

/* ---- from the beginning to the end --------------------------------------------------------------------------------
 */

static void step(struct runs *s)
{
    sim_disk_time(runs_now_ms());
    if (s->trouble && sim_pick(4) == 0)
        world_disk_arm(&s->w, 80);
    load_step(s);
    if (!s->dead)
        (void)runner_look(&s->runner);
    if (s->dead || sim_disk_stopped() || (s->trouble && sim_pick(100) == 0))
        crash(s);
    sim_disk_arm((struct sim_faults){0});
    bool late = s->trouble && sim_pick(30) == 0; /* then much is due at once */
    s->w.s.f[0].now_ms += (int64_t)sim_pick(late ? 3 * TIME_MINUTE_MS : 200);
    arena_reset(s->w.s.f[0].arena);
}

void runs_open(struct runs *s, uint64_t seed)
{
    *s = (struct runs){.w.s.random = seed};
    runs_now = s;
    (void)keys(); /* takes of the chance */
    sim_disk_reset(~seed);
    s->w.options = world_options();
    struct fixture *f = &s->w.s.f[0];
    *f = (struct fixture){.now_ms = TEST_START_MS, .dir = "/tmp/postrider-sim-XXXXXX", .arena = arena_new(ARENA_BYTES)};
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/sim.db", f->dir);
    OK(world_disk_open(&s->w));
    process_begin(s);
    struct buf token = BUF_INIT(1024);
    auth_jwt_make(ENVIRONMENT, keyring_jwt_secret(s->api.keys), f->now_ms, 0, &token);
    snprintf(s->token, sizeof s->token, "Bearer " STR_FMT, STR_ARG(buf_str(&token)));
    buf_fini(&token);
    load_open(s);
}

static void close_all(struct runs *s)
{
    char command[160];
    process_end(s);
    world_disk_close(&s->w);
    snprintf(command, sizeof command, "rm -rf %s", s->w.s.f[0].dir);
    assert_int_equal(system(command), 0);
    arena_free(s->w.s.f[0].arena);
    free(s->url);
    s->counts.restarts = s->w.counts.crashes;
    s->counts.power_cuts = s->w.counts.power_cuts;
    runs_now = NULL;
}

void runs_simulate(struct runs *s, uint64_t steps)
{
    s->trouble = true;
    for (s->step = 0; s->step < steps; s->step++)
        step(s);
    s->trouble = false;
    s->w.options = (struct sim_options){.cache_bytes = 1 << 20, .log_bytes = 1 << 20};
    crash(s);
    for (int i = 0; check_left(s) > 0; i++) {
        if (i > 5000) {
            check_say_left(s);
            fail_msg("%zu runs and requests are left behind", check_left(s));
        }
        step(s);
        assert_false(s->dead);
    }
    check_end(s);
    close_all(s);
}
