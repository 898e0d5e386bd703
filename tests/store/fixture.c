/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

bool fx_use_memory;

void fx_open(struct fixture *f, bool memory)
{
    const char *why = "";
    *f = (struct fixture){.memory = memory, .now_ms = TEST_START_MS, .dir = "/tmp/postrider-store-XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/store.db", f->dir);
    f->arena = arena_new(1 << 16);
    struct store_config c = {.path = memory ? NULL : f->path, .ballast_bytes = 1 << 16};
    enum err e = store_open(&c, &f->store, &why);
    if (e != ERR_OK)
        fail_msg("store_open: %s: %s", err_code(e), why);
    OK(store_reader_open(f->store, &f->reader));
    f->env = fx_id(f);
}

void fx_close(struct fixture *f)
{
    char command[96];
    store_reader_close(f->reader);
    store_close(f->store);
    arena_free(f->arena);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
}

void fx_reopen(struct fixture *f)
{
    const char *why = "";
    store_reader_close(f->reader);
    store_close(f->store);
    struct store_config c = {.path = f->path, .ballast_bytes = 1 << 16};
    enum err e = store_open(&c, &f->store, &why);
    if (e != ERR_OK)
        fail_msg("store_open: %s: %s", err_code(e), why);
    OK(store_reader_open(f->store, &f->reader));
}

int fx_setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    fx_open(f, fx_use_memory);
    *state = f;
    return 0;
}

int fx_teardown(void **state)
{
    struct fixture *f = *state;
    fx_close(f);
    free(f);
    return 0;
}

oid_t fx_id(struct fixture *f)
{
    oid_t id = oid_at_ms(f->now_ms);
    f->last_id = id > f->last_id ? id : f->last_id + 1;
    return f->last_id;
}

struct str fx_printf(struct fixture *f, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return arena_str(f->arena, str_c(text));
}

/* ---- objects ------------------------------------------------------------------------------------------------------
 */

struct object fx_object(struct fixture *f, enum object_kind kind, oid_t app, const char *key)
{
    struct object o = {.id = fx_id(f),
                       .kind = kind,
                       .env = kind == OBJ_ENV ? 0 : f->env,
                       .app = app,
                       .key = str_c(key),
                       .created_ms = f->now_ms,
                       .updated_ms = f->now_ms};
    if (kind == OBJ_APP)
        o.app = o.id;
    o.body = fx_printf(f, "{\"made\":%lld}", (long long)o.id);
    return o;
}

enum err fx_change(struct fixture *f, enum object_change_kind change, const struct object *o, uint64_t expected_version)
{
    struct object_change c = {.change = change, .object = *o, .expected_version = expected_version};
    struct store_objects op = {.op.kind = STORE_OBJECTS, .changes = &c, .count = 1};
    return store_run(f->store, &op.op);
}

oid_t fx_app(struct fixture *f)
{
    struct object o = fx_object(f, OBJ_APP, 0, NULL);
    OK(fx_change(f, OBJECT_CREATE, &o, 0));
    return o.id;
}

uint64_t fx_app_version(struct fixture *f, oid_t app)
{
    uint64_t version = 0;
    OK(store_app_version(f->reader, app, &version));
    return version;
}

/* ---- messages -----------------------------------------------------------------------------------------------------
 */

struct message fx_message(struct fixture *f, oid_t app)
{
    struct message m = {.id = fx_id(f),
                        .env = f->env,
                        .app = app,
                        .event_type = STR("a.b"),
                        .occurred_ms = f->now_ms,
                        .expires_ms = f->now_ms + 90 * TIME_DAY_MS};
    m.payload = fx_printf(f, "{\"n\":%lld}", (long long)m.id);
    return m;
}

enum err fx_append(struct fixture *f, const struct message *m, struct store_target *targets, size_t count)
{
    struct store_append op = {.op.kind = STORE_APPEND,
                              .message = m,
                              .app_version = fx_app_version(f, m->app),
                              .targets = targets,
                              .target_count = count};
    return store_run(f->store, &op.op);
}

oid_t fx_send(struct fixture *f, oid_t app, oid_t ep, int64_t due_ms)
{
    struct message m = fx_message(f, app);
    struct store_target t = {.ep = ep, .profile_version = 1, .due_ms = due_ms};
    OK(fx_append(f, &m, &t, 1));
    assert_int_equal(t.pos, due_ms);
    return m.id;
}

oid_t fx_send_fifo(struct fixture *f, oid_t app, oid_t ep, int64_t *pos)
{
    struct message m = fx_message(f, app);
    struct store_target t = {.ep = ep, .profile_version = 1, .due_ms = f->now_ms, .fifo = true};
    OK(fx_append(f, &m, &t, 1));
    *pos = t.pos;
    return m.id;
}

/* ---- outcomes -----------------------------------------------------------------------------------------------------
 */

struct attempt fx_attempt(struct fixture *f, oid_t app, oid_t msg, oid_t ep, const struct fx_outcome *o)
{
    bool good = o->http_status >= 200 && o->http_status < 300;
    return (struct attempt){.id = fx_id(f),
                            .msg = msg,
                            .ep = ep,
                            .app = app,
                            .number = o->number,
                            .trigger = o->trigger,
                            .status = good ? DELIVERY_SUCCESS : DELIVERY_FAIL,
                            .cause = good                  ? CAUSE_NONE
                                     : o->http_status == 0 ? CAUSE_REFUSED
                                                           : CAUSE_STATUS,
                            .error = good ? STR_NULL : STR("it said no"),
                            .http_status = o->http_status,
                            .started_ms = f->now_ms,
                            .phases = {.dns_us = 1, .connect_us = 2, .total_us = 30},
                            .url = STR("https://example.com/hook"),
                            .request_headers = STR("a: b\n"),
                            .response_headers = STR("c: d\n"),
                            .response_body = STR("body\0with a nul"),
                            .peer = STR("192.0.2.1:443"),
                            .next_ms = o->status == DELIVERY_PENDING ? o->due_ms : 0,
                            .event_type = STR("a.b")};
}

bool fx_record(struct fixture *f, oid_t app, oid_t msg, oid_t ep, struct fx_outcome o)
{
    struct attempt at = fx_attempt(f, app, msg, ep, &o);
    struct store_record op = {.op.kind = STORE_RECORD,
                              .attempt = &at,
                              .status = o.status,
                              .reason = o.reason,
                              .due_ms = o.due_ms,
                              .in_order = !o.not_in_order,
                              .health = o.health};
    OK(store_run(f->store, &op.op));
    return op.moved;
}

enum err fx_resend(struct fixture *f, oid_t app, oid_t msg, oid_t ep, enum attempt_trigger trigger)
{
    struct store_resend op = {.op.kind = STORE_RESEND,
                              .app = app,
                              .msg = msg,
                              .ep = ep,
                              .profile_version = 1,
                              .trigger = trigger,
                              .now_ms = f->now_ms};
    return store_run(f->store, &op.op);
}

struct delivery fx_delivery(struct fixture *f, oid_t msg, oid_t ep)
{
    struct delivery d = {0};
    OK(store_get_delivery(f->reader, msg, ep, &d));
    return d;
}

size_t fx_sweep(struct fixture *f, struct store_sweep sweep, size_t *steps)
{
    size_t rows = 0, count = 0;
    sweep.op.kind = STORE_SWEEP;
    sweep.cursor = sweep.cursor_pos = 0;
    do {
        OK(store_run(f->store, &sweep.op));
        assert_true(sweep.rows <= sweep.rows_max);
        rows += sweep.rows;
        count++;
        assert_true(count < 10000);
    } while (sweep.more);
    if (steps != NULL)
        *steps = count;
    return rows;
}

static pthread_mutex_t together_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t together_changed = PTHREAD_COND_INITIALIZER;
static size_t together_left;

static void count_down(struct store_op *op)
{
    (void)op;
    pthread_mutex_lock(&together_lock);
    together_left--;
    pthread_cond_signal(&together_changed);
    pthread_mutex_unlock(&together_lock);
}

void fx_run_mixed(struct fixture *f, struct store_op **ops, size_t count)
{
    together_left = count;
    for (size_t i = 0; i < count; i++) {
        ops[i]->home = NULL;
        ops[i]->done = count_down;
        ops[i]->next = i + 1 < count ? ops[i + 1] : NULL;
    }
    store_submit_chain(f->store, ops[0], ops[count - 1]);
    pthread_mutex_lock(&together_lock);
    while (together_left > 0)
        pthread_cond_wait(&together_changed, &together_lock);
    pthread_mutex_unlock(&together_lock);
}

void fx_run_together(struct fixture *f, struct store_op *first, size_t stride, size_t count)
{
    AUTO_FREE struct store_op **ops = mem_zalloc(count, sizeof(struct store_op *));
    for (size_t i = 0; i < count; i++)
        ops[i] = (struct store_op *)(void *)((char *)first + i * stride);
    fx_run_mixed(f, ops, count);
}

/* ---- comparing ----------------------------------------------------------------------------------------------------
 */

void fx_same_str(struct str a, struct str b, const char *what)
{
    if (!str_eq(a, b) || (a.ptr == NULL) != (b.ptr == NULL))
        fail_msg("%s: %s\"" STR_FMT "\" (%zu) is not %s\"" STR_FMT "\" (%zu)", what, a.ptr == NULL ? "null " : "",
                 STR_ARG(a), a.len, b.ptr == NULL ? "null " : "", STR_ARG(b), b.len);
}

#define SAME(member)                                                                                                   \
    if (a->member != b->member)                                                                                        \
    fail_msg("%s: %lld is not %lld", #member, (long long)a->member, (long long)b->member)
#define SAME_STR(member) fx_same_str(a->member, b->member, #member)

void fx_same_message(const struct message *a, const struct message *b)
{
    SAME(id);
    SAME(env);
    SAME(app);
    SAME_STR(event_type);
    SAME_STR(event_id);
    SAME(occurred_ms);
    SAME_STR(actor);
    SAME_STR(channels);
    SAME_STR(tags);
    SAME(deliver_at_ms);
    SAME(expires_ms);
    SAME_STR(payload);
    SAME_STR(content_type);
}

void fx_same_delivery(const struct delivery *a, const struct delivery *b)
{
    SAME(msg);
    SAME(ep);
    SAME(profile_version);
    SAME(transform);
    SAME(status);
    SAME(reason);
    SAME(tries);
    SAME(due_ms);
    SAME(pos);
    SAME(request);
    SAME(last_attempt);
    SAME(last_failed);
    SAME(fifo);
}

void fx_same_attempt(const struct attempt *a, const struct attempt *b)
{
    SAME(id);
    SAME(msg);
    SAME(ep);
    SAME(app);
    SAME(number);
    SAME(epoch);
    SAME(trigger);
    SAME(status);
    SAME(cause);
    SAME_STR(error);
    SAME(http_status);
    SAME(started_ms);
    SAME(phases.dns_us);
    SAME(phases.connect_us);
    SAME(phases.tls_us);
    SAME(phases.sent_us);
    SAME(phases.first_byte_us);
    SAME(phases.total_us);
    SAME_STR(url);
    SAME_STR(request_headers);
    SAME_STR(response_headers);
    SAME_STR(response_body);
    SAME(response_truncated);
    SAME_STR(peer);
    SAME(next_ms);
    SAME_STR(event_type);
}

void fx_same_object(const struct object *a, const struct object *b)
{
    SAME(id);
    SAME(kind);
    SAME(env);
    SAME(app);
    SAME_STR(key);
    SAME_STR(body);
    SAME_STR(sealed);
    SAME(created_ms);
    SAME(updated_ms);
    SAME(deleted_ms);
    SAME(version);
}
