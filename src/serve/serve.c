/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/console.h"
#include "api/env.h"
#include "api/mail.h"
#include "api/runner.h"
#include "api/task.h"
#include "api/trigger_in.h"
#include "base/mem.h"
#include "serve/canary.h"
#include "serve/keeper.h"
#include "serve/live.h"
#include "serve/ops.h"
#include "serve/pace.h"
#include "serve/preflight.h"
#include "serve/serve_metrics.h"
#include "serve/tokens.h"
#include "sys/clock.h"
#include "transform/transform.h"

#define WORKER_THREADS   4
#define WORKER_QUEUE_MAX 2048
/* SIGTERM: what is in flight may end within this, then the rest is left to the next start. */
#define DRAIN_MS            30000
#define METRICS_CONNECTIONS 32

struct server {
    struct shared shared;
    struct ssrf_policy policy;
    struct ssrf_subnet *own;
    struct arena *rows_arena;
    int listen_fd;
    int metrics_fd;
    void *tls;
    struct http_server *metrics;
    struct keeper *keeper;
    struct reactor reactors[REACTORS_MAX];
};

NORETURN static void die(int status, const char *what, const char *why)
{
    fprintf(stderr, "postrider: %s: %s\n", what, why);
    exit(status);
}

/* ---- hooks of the API: what it changed concerns the reactors ---- */

static void config_changed(void *arg, oid_t env, oid_t app)
{
    (void)env; /* profiles: a delivery keeps the version that it was accepted with */
    if (app != 0)
        loader_reload(arg, app);
}

static void token_changed(void *arg)
{
    struct shared *s = arg;
    atomic_fetch_add(&s->auth_epoch, 1);
    live_recheck(s);
}

static void endpoint_changed(void *arg, oid_t env, oid_t app, oid_t ep)
{
    loader_reload(arg, app);
    live_endpoint(arg, env, app, ep);
}

static void request_came(void *arg, oid_t env, oid_t app, oid_t trigger, oid_t request)
{
    live_request(arg, env, app, trigger, request);
}

static void run_moved(void *arg, struct store_reader *r, oid_t env, oid_t app, const struct doc *run)
{
    live_run(arg, r, env, app, run);
}

static void pending(void *arg, oid_t ep)
{
    loader_pending(arg, ep, 0); /* its place is the store's affair */
}

static void by_hand(void *arg, oid_t ep)
{
    loader_by_hand(arg, ep);
}

static void expunged(void *arg, oid_t msg, oid_t ep)
{
    loader_expunged(arg, msg, ep);
}

static void canceled(void *arg, oid_t ep)
{
    loader_reread(arg, ep);
}

static void host_freed(void *arg, unsigned reactor, const char *host);

/* ---- opening ---- */

static bool subnet_of(const struct sockaddr *sa, struct ssrf_subnet *out)
{
    char text[INET6_ADDRSTRLEN];
    const void *addr = NULL;
    if (sa != NULL && sa->sa_family == AF_INET)
        addr = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    else if (sa != NULL && sa->sa_family == AF_INET6)
        addr = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    return addr != NULL && inet_ntop(sa->sa_family, addr, text, sizeof text) != NULL &&
           ssrf_parse_subnet(str_c(text), out) == ERR_OK;
}

/* The machine's own addresses are denied as targets unless an allow-list names them. */
static void find_own_addresses(struct server *v)
{
    struct ifaddrs *list;
    size_t n = 0, cap = 0;
    if (getifaddrs(&list) != 0)
        return;
    for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        struct ssrf_subnet net;
        if (!subnet_of(i->ifa_addr, &net))
            continue;
        if (n == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            v->own = mem_realloc(v->own, cap * sizeof v->own[0]);
        }
        v->own[n++] = net;
    }
    freeifaddrs(list);
    v->policy.own = v->own;
    v->policy.own_count = n;
}

static void preflight(const struct settings *set)
{
    char why[PREFLIGHT_WHY_SIZE];
    const char *what = preflight_check(set, why);
    if (what != NULL)
        die(strcmp(what, "DATABASE") == 0 || strcmp(what, "keys") == 0 ? 3 : 2, what, why);
}

static void open_store(struct server *v, const struct settings *set)
{
    struct shared *s = &v->shared;
    const char *why = NULL;
    enum err e = keyring_load(set->keys_path, set->master_key, set->jwt_secret, &s->keys, &why);
    if (e != ERR_OK)
        die(3, "keys", why);
    struct store_config c = {.path = set->sqlite_path, .cache_bytes = set->memory_limit_bytes / 4};
    e = store_open(&c, &s->store, &why);
    if (e != ERR_OK)
        die(3, "DATABASE", why);
    const struct store_identity *id = store_identity(s->store);
    clock_init(id->highest_time_ms);
    s->id_key = id->id_key;
    oid_source_init(&s->oids, 0, id->highest_oid);
    s->catalog = catalog_new(s->keys, s->id_key);
    e = canary_check(s, &why);
    if (e != ERR_OK)
        die(3, e == ERR_INVALID ? set->keys_path : "DATABASE", why);
}

static void open_api(struct server *v, const struct settings *set)
{
    struct shared *s = &v->shared;
    v->policy = (struct ssrf_policy){
            .https_only = set->https_only, .allow = set->allow_subnets, .allow_count = set->allow_subnet_count};
    find_own_addresses(v);
    s->api = (struct api){.store = s->store,
                          .catalog = s->catalog,
                          .keys = s->keys,
                          .id_key = s->id_key,
                          .oids = &s->oids,
                          .urls = &v->policy,
                          .default_profile = set->default_profile,
                          .environment = set->environment,
                          .egress_addresses = set->egress_addresses != NULL ? set->egress_addresses : set->egress_bind,
                          .proxy = set->proxy,
                          .body_bytes_max = set->body_limit_bytes,
                          .retention_payload_ms = set->retention_payload_ms,
                          .retention_history_ms = set->retention_history_ms,
                          .triggers = trigger_desk_new(set->incoming_rate_limit),
                          .hook_arg = s,
                          .on_config_changed = config_changed,
                          .on_endpoint_changed = endpoint_changed,
                          .on_request = request_came,
                          .on_run = run_moved,
                          .on_pending = pending,
                          .on_by_hand = by_hand,
                          .on_expunged = expunged,
                          .on_canceled = canceled,
                          .on_token_changed = token_changed};
    struct str why;
    v->rows_arena = arena_new(65536);
    if (env_profile_rows(v->rows_arena, set, &s->api.rows, &s->api.row_count, &why) != ERR_OK)
        die(2, "settings", arena_cstr(v->rows_arena, why));
}

/* Made from LISTEN, it names a port that is not known before it is bound. */
static void know_public_url(struct server *v, const struct settings *set)
{
    struct str url = str_c(set->public_url), listen = str_c(set->listen);
    v->shared.api.public_url = set->public_url;
    if (str_ends(url, STR(":0")) && str_ends(listen, STR(":0")))
        v->shared.api.public_url = arena_printf(v->rows_arena, STR_FMT ":%d", STR_ARG(str_take(url, url.len - 2)),
                                                http_listen_port(v->listen_fd))
                                           .ptr;
    v->shared.console = (struct console_config){
            .frame_ancestors = set->frame_ancestors,
            .https = str_starts(str_c(v->shared.api.public_url), STR("https://")),
    };
}

static void open_listeners(struct server *v, const struct settings *set)
{
    char why[256];
    enum err e = http_listen(str_c(set->listen), &v->listen_fd);
    if (e != ERR_OK) {
        snprintf(why, sizeof why, "%s: %s%s", set->listen, e == ERR_IO ? strerror(errno) : "not an address:port",
                 e == ERR_IO && errno == EADDRINUSE ? "; stop what listens there, or name another with --listen" : "");
        die(e == ERR_INVALID ? 2 : 3, "cannot listen", why);
    }
    v->metrics_fd = -1;
    if (set->metrics_listen[0] != '\0' && http_listen(str_c(set->metrics_listen), &v->metrics_fd) != ERR_OK) {
        snprintf(why, sizeof why,
                 "%s: %s; name another with --metrics-listen, or turn it off with --metrics-listen off",
                 set->metrics_listen, strerror(errno));
        die(3, "cannot listen for metrics", why);
    }
    const char *tls_why = NULL;
    if (set->tls_cert != NULL && http_tls_load(set->tls_cert, set->tls_key, &v->tls, &tls_why) != ERR_OK)
        die(2, "TLS_CERT", tls_why);
}

struct freed {
    struct loop_task task;
    struct reactor *reactor;
    char host[];
};

static void apply_freed(struct loop_task *task)
{
    struct freed *f = CONTAINER_OF(task, struct freed, task);
    engine_host_freed(f->reactor->engine, f->host);
    free(f);
}

static void host_freed(void *arg, unsigned reactor, const char *host)
{
    struct shared *s = arg;
    size_t len = strlen(host) + 1;
    struct freed *f = mem_alloc(sizeof *f + len);
    f->task.run = apply_freed;
    f->reactor = &s->reactors[reactor];
    memcpy(f->host, host, len);
    loop_post(f->reactor->loop, &f->task);
}

static void on_metrics_request(struct http_exchange *x, void *arg)
{
    struct shared *s = arg;
    if (s->reactors[0].cut)
        relay_error(x, ERR_CLOSED, NULL);
    else if (!ops_answer(s, x, true))
        relay_error(x, ERR_NOT_FOUND, NULL);
}

static void open_reactors(struct server *v, const struct settings *set)
{
    struct shared *s = &v->shared;
    const char *why = NULL;
    s->reactors = v->reactors;
    s->reactor_count = (unsigned)(set->workers < REACTORS_MAX ? set->workers : REACTORS_MAX);
    if (pool_new(s->store, "api", WORKER_THREADS, WORKER_QUEUE_MAX, &s->workers) != ERR_OK ||
        pool_new(s->store, "loader", 1, SIZE_MAX, &s->loader) != ERR_OK)
        die(3, "cannot start", "no threads");
    struct transform_limits limits = {.workers = set->transform_workers,
                                      .wall_ms = set->transform_timeout_ms,
                                      .cpu_ms = set->transform_timeout_ms / 2,
                                      .memory_bytes = set->transform_memory_bytes,
                                      .output_bytes = set->body_limit_bytes};
    s->transforms = s->api.transforms = transform_pool_new(s->store, &limits);
    int attempts = set->in_flight_total / (int)s->reactor_count;
    s->share = descriptors_share(s->reactor_count, http_limits_default.connections_max, attempts > 0 ? attempts : 1);
    s->pace = pace_new();
    s->gates = gates_new(set->in_flight_per_host, host_freed, s);
    for (unsigned i = 0; i < s->reactor_count; i++)
        if (reactor_open(&v->reactors[i], s, i, v->listen_fd, v->tls, &why) != ERR_OK)
            die(3, "cannot start", why);
    if (v->metrics_fd < 0)
        return;
    struct http_server_config c = {.loop = v->reactors[0].loop,
                                   .listen_fd = v->metrics_fd,
                                   .limits = http_limits_default,
                                   .on_request = on_metrics_request,
                                   .error_body = api_error_body,
                                   .arg = s};
    c.limits.connections_max = s->share.clients < METRICS_CONNECTIONS ? s->share.clients : METRICS_CONNECTIONS;
    v->metrics = http_server_new(&c);
}

/* Who has no user yet is told how to make one: where nobody but the operator looks, once, for a day. */
static enum err open_console(struct shared *s, struct store_reader *reader)
{
    struct buf link = BUF_INIT(4096);
    enum err e = console_open(&s->api, reader, s->settings, clock_wall_ms(), &link);
    if (e == ERR_OK && link.len > 0)
        log_warn("no_user", LOG_STR("link", buf_str(&link)),
                 LOG_CSTR("note", "open this link within a day to make the console's first user, an owner"));
    mem_free_secret(link.ptr, link.len);
    return e;
}

static enum err open_inflight(struct shared *s, struct store_reader *reader)
{
    char path[4096];
    size_t left = 0;
    snprintf(path, sizeof path, "%s.inflight", s->settings->sqlite_path);
    enum err e = inflight_open(path, (size_t)s->settings->in_flight_total * 2, reader, &s->inflight, &left);
    if (left > 0)
        log_warn("were_on_their_way", LOG_INT("deliveries", left),
                 LOG_CSTR("note", "the last process ended without a stop: these may arrive twice"));
    return e;
}

static void start_mail(struct shared *s)
{
    struct mail_config c = {.url = s->settings->smtp_url,
                            .from = s->settings->smtp_from,
                            .ca_file = s->settings->ca_file,
                            .now = clock_wall_ms};
    if (mail_start(&s->api, &c) != ERR_OK)
        die(3, "cannot start", "no thread for mail");
    if (!mail_on(&s->api))
        log_info("mail_off", LOG_CSTR("note", "no SMTP_URL is set: no mail is sent, nor kept to be sent"));
}

static void start_runner(struct shared *s)
{
    const struct settings *set = s->settings;
    const char *why = NULL;
    struct client_config c = {.policy = s->api.urls,
                              .ca_file = set->ca_file,
                              .proxy = set->proxy,
                              .no_proxy = set->no_proxy,
                              .bind = set->egress_bind,
                              .idle_connections_max = RUNNER_OUTSIDE_MAX,
                              .user_agent = "Postrider/" POSTRIDER_VERSION,
                              .resolver = set->resolver};
    if (runner_start(&s->api, clock_wall_ms, &c, &why) != ERR_OK)
        die(3, "cannot start what runs automations", why);
}

static void start(struct server *v)
{
    struct shared *s = &v->shared;
    struct store_reader *reader;
    size_t endpoints = 0;
    bool known = true;
    enum err e = store_reader_open(s->store, &reader);
    if (e == ERR_OK) {
        e = env_upgrade_all(&s->api, reader, clock_wall_ms());
        if (e == ERR_OK)
            e = env_default_profile_known(&s->api, reader, &known);
        if (e == ERR_OK && known)
            e = open_console(s, reader);
        if (e == ERR_OK && known)
            e = open_inflight(s, reader);
        if (e == ERR_OK && known)
            e = loader_start(s, reader, &endpoints);
        store_reader_close(reader);
    }
    if (e != ERR_OK)
        die(3, "cannot read the store", err_text(e));
    if (!known)
        die(2, "DEFAULT_PROFILE",
            "there is no such profile: write standard, myra, metapulse, or the name of one that was made with "
            "POST /api/v1/profile");
    v->keeper = keeper_start(s);
    if (v->keeper == NULL || api_tasks_start(&s->api, clock_wall_ms) != ERR_OK) /* before requests may ask for tasks */
        die(3, "cannot start", "no threads");
    start_mail(s);
    start_runner(s);
    for (unsigned i = 0; i < s->reactor_count; i++)
        reactor_start(&v->reactors[i]);
    log_info("listening", LOG_CSTR("address", s->settings->listen), LOG_CSTR("url", s->api.public_url),
             LOG_INT("workers", s->reactor_count), LOG_INT("endpoints_with_pending_work", endpoints));
}

/* ---- ending ---- */

/*
 * DRAIN: nothing new starts. CUT: what is still on its way is left to the next start, requests are refused. SEAL: what
 * other threads posted before has run and is with the store or the other reactors, and nothing more goes to the store.
 * STOP: the loop ends; completions that the store posted before have run by then.
 */
enum drain { DRAIN, CUT, SEAL, STOP };

struct drain_task {
    struct loop_task task;
    struct reactor *reactor;
    enum drain how;
    size_t open;
    atomic_bool done;
};

static void drain_step(struct loop_task *task)
{
    struct drain_task *d = CONTAINER_OF(task, struct drain_task, task);
    struct engine_stats st;
    engine_pause(d->reactor->engine, true);
    http_server_drain(d->reactor->http);
    engine_stats(d->reactor->engine, &st);
    d->open = st.running + st.recording + http_server_connections(d->reactor->http) + tokens_open(d->reactor->tokens);
    if (d->how == CUT)
        pump_cut(d->reactor);
    if (d->how == CUT)
        relay_cut(d->reactor);
    if (d->how == SEAL)
        reactor_seal(d->reactor);
    if (d->how == STOP)
        loop_stop(d->reactor->loop);
    atomic_store(&d->done, true);
}

/* Runs drain_step on each reactor; what is still open. */
static size_t drain_all(struct server *v, enum drain how)
{
    size_t open = 0;
    for (unsigned i = 0; i < v->shared.reactor_count; i++) {
        struct drain_task d = {.task = {.run = drain_step}, .reactor = &v->reactors[i], .how = how};
        loop_post(v->reactors[i].loop, &d.task);
        while (!atomic_load(&d.done))
            usleep(1000);
        open += d.open;
    }
    return open;
}

static void stop(struct server *v, sigset_t *signals)
{
    struct shared *s = &v->shared;
    int64_t until_ms = clock_mono_ms() + DRAIN_MS;
    struct timespec tick = {.tv_nsec = 20 * 1000000};
    log_info("draining");
    atomic_store(&s->draining, true);
    while (drain_all(v, DRAIN) + runner_drain(&s->api) > 0 && clock_mono_ms() < until_ms)
        if (sigtimedwait(signals, NULL, &tick) > 0)
            break; /* asked twice */
    /* Each step ends those who may still call what the next one ends: reactors the pools, workers the tasks, both the
     * loader, all of them the store. */
    drain_all(v, CUT);
    keeper_stop(v->keeper);
    pool_free(s->workers);
    transform_pool_free(s->transforms);
    api_tasks_stop(&s->api);
    runner_stop(&s->api);
    mail_stop(&s->api);
    pool_free(s->loader);
    drain_all(v, SEAL);
    store_close(s->store);
    drain_all(v, SEAL); /* hand-overs between reactors, of what was committed last */
    drain_all(v, STOP);
    for (unsigned i = 0; i < s->reactor_count; i++)
        pthread_join(v->reactors[i].thread, NULL);
    if (v->metrics != NULL)
        http_server_free(v->metrics);
    for (unsigned i = 0; i < s->reactor_count; i++)
        reactor_close(&v->reactors[i]);
    gates_free(s->gates);
    pace_free(s->pace);
    inflight_close(s->inflight, true);
    runner_free(&s->api);
    console_close(&s->api);
    trigger_desk_free(s->api.triggers);
    catalog_free(s->catalog);
    keyring_free(s->keys);
    http_tls_free(v->tls);
    close(v->listen_fd);
    if (v->metrics_fd >= 0)
        close(v->metrics_fd);
    free(v->own);
    arena_free(v->rows_arena);
    log_info("stopped");
}

int serve_run(const struct settings *set)
{
    static struct server v;
    sigset_t signals;
    int got;
    umask(077); /* the store, its log and its copies hold customers' data */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_init(set->log_level, set->log_format);
    v.shared.settings = set;
    if (set->dev)
        log_warn("dev_mode", LOG_CSTR("note", "--dev: endpoints may be plain HTTP and on this machine; for development "
                                              "only, never in production"));
    if (client_global_init() != ERR_OK)
        die(3, "cannot start", "the HTTP client library could not be set up");
    preflight(set);
    open_listeners(&v, set); /* before anything is made: a port in use leaves nothing behind */
    open_store(&v, set);
    open_api(&v, set);
    know_public_url(&v, set);
    serve_metrics_init(&v.shared);
    open_reactors(&v, set);
    start(&v);
    while (sigwait(&signals, &got) != 0)
        ;
    stop(&v, &signals);
    client_global_fini();
    return 0;
}
