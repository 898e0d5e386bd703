/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/reactor.h"

#include <stdlib.h>

#include "base/mem.h"
#include "console/console.h"
#include "serve/live.h"
#include "serve/ops.h"
#include "serve/serve_metrics.h"
#include "serve/tokens.h"
#include "sys/clock.h"

#define SHARDS 256
/* Work due within this stays in memory. */
#define HORIZON_MS   10000
#define RESIDENT_MAX 512
/* Of all reactors: about 1 KB each, with the snapshot they hold. */
#define IDLE_ENDPOINTS_MAX 32768
#define PUBLISH_MS         1000

struct reactor *reactor_of(struct shared *s, oid_t ep)
{
    unsigned shard = (unsigned)(hash_u64((uint64_t)ep) % SHARDS);
    return &s->reactors[shard % s->reactor_count];
}

void reactor_submit(struct reactor *r, struct store_op *op)
{
    op->next = NULL;
    *r->ops_last = op;
    r->ops_last = &op->next;
}

void reactor_send(struct reactor *r, struct reactor *to, struct loop_task *t)
{
    t->next = NULL;
    if (r->out_first[to->index] == NULL)
        r->out_first[to->index] = t;
    else
        r->out_last[to->index]->next = t;
    r->out_last[to->index] = t;
}

static void flush_ops(struct reactor *r)
{
    struct store_op *first = r->ops_first;
    if (first == NULL)
        return;
    struct store_op *last = CONTAINER_OF(r->ops_last, struct store_op, next);
    r->ops_first = NULL;
    r->ops_last = &r->ops_first;
    CHECK(!r->sealed);
    store_submit_chain(r->shared->store, first, last);
}

static void flush_hand_overs(struct reactor *r)
{
    for (unsigned i = 0; i < r->shared->reactor_count; i++) {
        if (r->out_first[i] == NULL)
            continue;
        loop_post_chain(r->shared->reactors[i].loop, r->out_first[i], r->out_last[i]);
        r->out_first[i] = NULL;
    }
}

void reactor_seal(struct reactor *r)
{
    flush_ops(r);
    flush_hand_overs(r);
    r->sealed = true;
}

/* Once a second: what others want to know, and whether outcomes can be recorded at all; if not, nothing new is begun.
 */
static void look_around(struct reactor *r)
{
    struct store_stats st;
    serve_publish(r);
    pump_launch_waiting(r);
    engine_retry_blocked(r->engine);
    store_stats(r->shared->store, &st);
    if (st.full == r->store_full)
        return;
    r->store_full = st.full;
    engine_pause(r->engine, r->store_full || atomic_load(&r->shared->draining));
}

/* After each batch of events: start what may start, submit what has gathered, sleep until the next due time. */
static void turn(void *arg)
{
    struct reactor *r = arg;
    int64_t now_ms = clock_wall_ms();
    if (!r->sealed && now_ms - r->published_at_ms >= PUBLISH_MS) {
        r->published_at_ms = now_ms;
        look_around(r);
    }
    engine_step(r->engine, now_ms);
    flush_ops(r);
    flush_hand_overs(r);
    int64_t next_ms = engine_next_ms(r->engine);
    if ((r->store_full || !list_empty(&r->waiting_alone)) && next_ms > now_ms + PUBLISH_MS)
        next_ms = now_ms + PUBLISH_MS;
    if (next_ms == INT64_MAX) {
        loop_timer_cancel(r->loop, &r->timer);
        return;
    }
    int64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    int64_t at_ms = loop_now_ms(r->loop) + (wait_ms < 60000 ? wait_ms : 60000);
    if (!heap_on(&r->timer.node) || r->timer.node.key != at_ms)
        loop_timer_set(r->loop, &r->timer, at_ms);
}

static void wake(struct loop_timer *t)
{
    (void)t; /* the turn hook does the work */
}

static void on_request(struct http_exchange *x, void *arg)
{
    struct reactor *r = arg;
    const struct http_request *q = http_exchange_request(x);
    struct str app;
    if (r->cut)
        relay_error(x, ERR_CLOSED, NULL);
    else if (ingest_matches(r, q, &app))
        ingest_begin(r, x, app);
    else if (!hook_begin(r, x) && !ops_answer(r->shared, x, false) && !console_answer(&r->shared->console, x))
        relay_request(r, x);
}

/* Whether it is the path of an import of records, which may be large. */
static bool is_import(enum http_method method, struct str path)
{
    return method == HTTP_M_POST && str_starts(path, STR("/api/v1/app/")) &&
           (str_ends(path, STR("/import")) || str_ends(path, STR("/import/"))) &&
           str_find_str(path, STR("/record/")) < path.len;
}

static enum err open_http(struct reactor *r, int listen_fd, void *tls)
{
    struct http_server_config c = {.loop = r->loop,
                                   .listen_fd = listen_fd,
                                   .tls = tls,
                                   .limits = http_limits_default,
                                   .large_path = is_import,
                                   .on_request = on_request,
                                   .error_body = api_error_body,
                                   .arg = r};
    c.limits.body_bytes_max = r->shared->settings->body_limit_bytes;
    c.limits.large_bytes_max = r->shared->settings->import_limit_bytes;
    c.limits.connections_max = r->shared->share.clients;
    r->http = http_server_new(&c);
    return r->http != NULL ? ERR_OK : ERR_IO;
}

static enum err open_client(struct reactor *r, const char **why)
{
    const struct settings *set = r->shared->settings;
    struct client_config c = {.loop = r->loop,
                              .policy = r->shared->api.urls,
                              .ca_file = set->ca_file,
                              .proxy = set->proxy,
                              .no_proxy = set->no_proxy,
                              .bind = set->egress_bind,
                              .idle_connections_max = r->shared->share.idle,
                              .user_agent = "Postrider/" POSTRIDER_VERSION,
                              .resolver = set->resolver};
    r->client = client_new(&c, why);
    return r->client != NULL ? ERR_OK : ERR_IO;
}

enum err reactor_open(struct reactor *r, struct shared *s, unsigned index, int listen_fd, void *tls, const char **why)
{
    const struct settings *set = s->settings;
    struct engine_limits limits = {.per_endpoint = set->in_flight_per_endpoint,
                                   .total = s->share.attempts,
                                   .resident_max = RESIDENT_MAX,
                                   .bytes_max = set->memory_limit_bytes / 4 / s->reactor_count,
                                   .idle_max = IDLE_ENDPOINTS_MAX / s->reactor_count,
                                   .horizon_ms = HORIZON_MS,
                                   .disable_after_ms = set->disable_after_ms};
    struct engine_env env = pump_engine_env;
    *r = (struct reactor){.shared = s, .index = index, .scratch = BUF_INIT((size_t)256 << 20)};
    r->ops_last = &r->ops_first;
    r->timer.on_fire = wake;
    list_init(&r->preparing);
    list_init(&r->sending);
    list_init(&r->waiting_alone);
    list_init(&r->signing);
    list_init(&r->live);
    list_init(&r->later);
    r->live_timer.on_fire = live_beat;
    crypto_random(r->random_state, sizeof r->random_state);
    r->auth = auth_cache_new(s->id_key);
    r->loop = loop_new();
    *why = "no event loop could be made: too many open files?";
    if (r->loop == NULL)
        return ERR_IO;
    env.arg = r;
    r->tokens = tokens_new(r);
    r->engine = engine_new(&limits, &env);
    enum err e = open_client(r, why);
    if (e == ERR_OK)
        e = open_http(r, listen_fd, tls);
    if (e == ERR_OK)
        loop_set_turn_hook(r->loop, turn, r);
    return e;
}

static void *run(void *arg)
{
    struct reactor *r = arg;
    loop_run(r->loop);
    return NULL;
}

void reactor_start(struct reactor *r)
{
    char name[16] = "reactor";
    CHECK(pthread_create(&r->thread, NULL, run, r) == 0);
    pthread_setname_np(r->thread, name);
}

void reactor_close(struct reactor *r)
{
    loop_set_turn_hook(r->loop, NULL, NULL);
    loop_timer_cancel(r->loop, &r->timer);
    if (r->http != NULL)
        http_server_free(r->http);
    loop_timer_cancel(r->loop, &r->live_timer);
    if (r->engine != NULL)
        engine_free(r->engine);
    tokens_free(r->tokens);
    if (r->client != NULL)
        client_free(r->client);
    pump_free_all(r);
    ingest_free_all(r);
    hook_free_all(r);
    auth_cache_free(r->auth);
    buf_fini(&r->scratch);
    loop_free(r->loop);
}
