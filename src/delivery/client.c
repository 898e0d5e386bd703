/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges from client_send to on_done:
 *
 *   client_send -> [waits for the resolver] -> starting -> in a lane's multi -> harvested -> on_done
 *                \______________________________ finished ______________________________/
 *
 * client_send only queues; a kick in the next turn starts a bounded number of exchanges, steps the lanes that curl
 * wants stepped at once, and reports what failed early. Invariants: a transfer is on exactly one of: the resolver's
 * waiters, `starting`, a multi, `finished`, `spare`; on_done is called outside of curl, after the handle has left its
 * multi.
 */
#include <signal.h>
#include <stdlib.h>

#include <ares.h>

#include "base/hash.h"
#include "base/mem.h"
#include "delivery/client_impl.h"
#include "delivery/proxy.h"
#include "sys/clock.h"

#define IDLE_DEFAULT    500
#define STARTS_PER_TURN 64
#define SPARE_MAX       1024

static void kick(struct client *c)
{
    loop_timer_set(c->loop, &c->kick, loop_now_ms(c->loop));
}

/* Ends */

static void recycle(struct client *c, struct transfer *t)
{
    transfer_release(t);
    transfer_clear(t);
    if (c->spare_count >= SPARE_MAX) {
        transfer_free(t);
        return;
    }
    list_push_front(&c->spare, &t->node);
    c->spare_count++;
}

static void leave_lane(struct transfer *t)
{
    if (!t->added)
        return;
    curl_multi_remove_handle(t->lane->multi, t->easy);
    t->lane->active--;
    t->added = false;
}

/* Takes the transfer off whatever it is on. */
static void detach(struct client *c, struct transfer *t)
{
    leave_lane(t);
    list_remove(&t->node);
    list_remove(&t->wait.node);
    loop_timer_cancel(c->loop, &t->deadline);
    t->request->impl = NULL;
    c->in_flight--;
}

static void finish(struct client *c, struct transfer *t)
{
    struct client_request *r = t->request;
    outcome_complete(t);
    detach(c, t);
    r->on_done(r, &t->result);
    recycle(c, t);
}

/* Fails before curl has seen it; reported in the next turn. */
static void finish_later(struct client *c, struct transfer *t)
{
    list_push_back(&c->finished, &t->node);
    kick(c);
}

/* The way to curl */

static struct lane *lane_of(struct client *c, struct str host)
{
    return &c->lanes[hash_sip((struct hash_key){0}, host.ptr, host.len) % LANES];
}

/* Curl counts busy connections too and then closes idle ones, so its maximum follows the number of exchanges. */
static void follow_active(struct lane *l)
{
    long want = l->client->idle_per_lane + (long)((l->active + STARTS_PER_TURN - 1) & ~(size_t)(STARTS_PER_TURN - 1));
    if (want == l->connections_max)
        return;
    l->connections_max = want;
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, want);
}

static void enter_lane(struct transfer *t)
{
    transfer_aim(t);
    CHECK(curl_multi_add_handle(t->lane->multi, t->easy) == CURLM_OK);
    t->added = true;
    t->lane->active++;
    follow_active(t->lane);
}

static void aim_at(struct client *c, struct transfer *t, const struct address *from, size_t count)
{
    unsigned families = c->config.proxy != NULL ? GUARD_V4 | GUARD_V6 : c->families;
    if (!guard_choose(&t->guard, from, count, t->target.port, families)) {
        outcome_blocked(t);
        finish_later(c, t);
        return;
    }
    t->guard.via_proxy = c->config.proxy != NULL && !proxy_is_bypassed(c->no_proxy, &t->target, &t->guard.address[0]);
    t->lane = lane_of(c, t->target.host);
    list_push_back(&c->starting, &t->node);
    kick(c);
}

static void take_answer(struct transfer *t, const struct dns_answer *a)
{
    struct client *c = t->client;
    t->resolved_us = clock_mono_us();
    if (a->status == DNS_OK) {
        aim_at(c, t, a->address, a->count);
        return;
    }
    outcome_set(t, CAUSE_DNS, "DNS: " STR_FMT ": %s", STR_ARG(t->target.host), a->text);
    finish_later(c, t);
}

static void on_resolved(struct resolve_wait *w, const struct dns_answer *a)
{
    struct transfer *t = CONTAINER_OF(w, struct transfer, wait);
    loop_timer_cancel(t->client->loop, &t->deadline);
    take_answer(t, a);
}

static void on_deadline(struct loop_timer *timer)
{
    struct transfer *t = CONTAINER_OF(timer, struct transfer, deadline);
    list_remove(&t->wait.node);
    outcome_dns_timeout(t);
    finish_later(t->client, t);
}

static void resolve(struct client *c, struct transfer *t)
{
    struct address literal;
    if (address_parse(t->target.host, 0, &literal)) {
        aim_at(c, t, &literal, 1);
        return;
    }
    const struct dns_answer *a = resolver_lookup(c->resolver, t->target.host, &t->wait);
    if (a != NULL)
        take_answer(t, a);
    else
        loop_timer_set(c->loop, &t->deadline, loop_now_ms(c->loop) + t->request->timeout_ms);
}

static struct transfer *take_transfer(struct client *c)
{
    struct list *n = list_pop_front(&c->spare);
    struct transfer *t;
    if (n != NULL) {
        c->spare_count--;
        t = CONTAINER_OF(n, struct transfer, node);
    } else {
        t = transfer_new(c);
        t->wait.on_resolved = on_resolved;
        t->deadline.on_fire = on_deadline;
    }
    return t;
}

void client_send(struct client *c, struct client_request *r)
{
    struct transfer *t = take_transfer(c);
    t->request = r;
    r->impl = t;
    c->in_flight++;
    t->started_us = clock_mono_us();
    t->deadline_us = t->started_us + r->timeout_ms * 1000;
    const char *why = target_parse(r->url, &t->target);
    if (why == NULL && c->config.policy->https_only && !t->target.https)
        why = "only https is allowed";
    if (why != NULL) {
        outcome_set(t, CAUSE_URL, "%s", why);
        finish_later(c, t);
    } else if (!request_prepare(t)) {
        finish_later(c, t);
    } else {
        resolve(c, t);
    }
}

void client_cancel(struct client *c, struct client_request *r)
{
    struct transfer *t = r->impl;
    if (t == NULL)
        return;
    detach(c, t);
    recycle(c, t);
}

/* The way back */

/* A connection that did not come about may be tried with the host's next address while there is time. */
static bool try_next(struct transfer *t)
{
    enum cause cause = t->result.cause;
    bool is_unconnected = cause == CAUSE_REFUSED || cause == CAUSE_UNREACHABLE || cause == CAUSE_TIMEOUT_CONNECT ||
                          (!t->ready && (cause == CAUSE_RESET || cause == CAUSE_TIMEOUT_TLS));
    if (!is_unconnected || clock_mono_us() + 1000 >= t->deadline_us || !guard_next(&t->guard))
        return false;
    leave_lane(t);
    enter_lane(t);
    return true;
}

static void harvest(struct lane *l)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *t = (struct transfer *)(void *)private;
        outcome_of_curl(t, code);
        if (try_next(t))
            continue;
        if (t->guard.at > 0 && t->ready)
            resolver_prefer(l->client->resolver, t->target.host, &t->guard.address[t->guard.at]);
        finish(l->client, t);
    }
}

static void step_lane(struct lane *l, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(l->multi, fd, events, &running);
    harvest(l);
}

static void on_socket_ready(struct lane *l, int fd, int events)
{
    step_lane(l, fd, events);
}

static void on_lane_timer(struct loop_timer *timer)
{
    step_lane(CONTAINER_OF(timer, struct lane, timer), CURL_SOCKET_TIMEOUT, 0);
}

static void start_some(struct client *c)
{
    struct list *n;
    for (int i = 0; i < STARTS_PER_TURN && (n = list_pop_front(&c->starting)) != NULL; i++)
        enter_lane(CONTAINER_OF(n, struct transfer, node));
}

static void on_kick(struct loop_timer *timer)
{
    struct client *c = CONTAINER_OF(timer, struct client, kick);
    start_some(c);
    for (size_t i = 0; i < LANES; i++) {
        if (c->lanes[i].due) {
            c->lanes[i].due = false;
            step_lane(&c->lanes[i], CURL_SOCKET_TIMEOUT, 0);
        }
    }
    struct list finished;
    list_init(&finished);
    list_append_all(&finished, &c->finished);
    for (struct list *n; (n = list_pop_front(&finished)) != NULL;)
        finish(c, CONTAINER_OF(n, struct transfer, node));
    if (!list_empty(&c->starting))
        kick(c);
}

/* What curl asks of the loop; these only record. */

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct lane *l = arg;
    if (timeout_ms == 0) {
        l->due = true;
        kick(l->client);
    } else if (timeout_ms > 0) {
        loop_timer_set(l->client->loop, &l->timer, loop_now_ms(l->client->loop) + timeout_ms);
    } else {
        loop_timer_cancel(l->client->loop, &l->timer);
    }
    return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    (void)easy;
    (void)socket;
    struct lane *l = arg;
    sockets_watch(&l->client->sockets, l, fd, what);
    return 0;
}

/* Set-up */

static bool open_lane(struct client *c, struct lane *l)
{
    l->client = c;
    l->timer.on_fire = on_lane_timer;
    l->multi = curl_multi_init();
    if (l->multi == NULL)
        return false;
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    follow_active(l);
    return true;
}

/* A family without a source address is not used at all: receivers may admit only the addresses that were promised. */
static unsigned usable_families(const struct sockets *s)
{
    unsigned families = s->bind_count == 0 ? GUARD_V4 | GUARD_V6 : 0;
    for (size_t i = 0; i < s->bind_count; i++)
        families |= s->bind[i].sa.sa_family == AF_INET ? GUARD_V4 : GUARD_V6;
    return families;
}

struct client *client_new(const struct client_config *config, const char **why)
{
    struct client *c = mem_zalloc(1, sizeof *c);
    c->loop = config->loop;
    c->config = *config;
    c->no_proxy = str_c(config->no_proxy);
    c->kick.on_fire = on_kick;
    list_init(&c->starting);
    list_init(&c->finished);
    list_init(&c->spare);
    size_t idle = config->idle_connections_max > 0 ? config->idle_connections_max : IDLE_DEFAULT;
    c->idle_per_lane = (long)(idle + LANES - 1) / LANES;
    c->sockets.on_ready = on_socket_ready;
    if (!sockets_init(&c->sockets, c->loop, config->bind, why))
        goto fail;
    c->families = usable_families(&c->sockets);
    c->resolver = resolver_new(c->loop, config->resolver, why);
    if (c->resolver == NULL)
        goto fail;
    for (size_t i = 0; i < LANES; i++) {
        if (!open_lane(c, &c->lanes[i])) {
            *why = "curl cannot be set up";
            goto fail;
        }
    }
    return c;
fail:
    client_free(c);
    return NULL;
}

size_t client_in_flight(const struct client *c)
{
    return c->in_flight;
}

/* The multis close their idle connections, which still reports to the sockets. */
void client_free(struct client *c)
{
    if (c == NULL)
        return;
    CHECK(c->in_flight == 0);
    for (struct list *n; (n = list_pop_front(&c->spare)) != NULL;)
        transfer_free(CONTAINER_OF(n, struct transfer, node));
    for (size_t i = 0; i < LANES; i++) {
        curl_multi_cleanup(c->lanes[i].multi);
        loop_timer_cancel(c->loop, &c->lanes[i].timer);
    }
    sockets_fini(&c->sockets);
    resolver_free(c->resolver);
    loop_timer_cancel(c->loop, &c->kick);
    free(c);
}

/* OpenSSL writes without MSG_NOSIGNAL, so a peer that is gone must not kill the process. */
enum err client_global_init(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_INTERNAL;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        curl_global_cleanup();
        return ERR_INTERNAL;
    }
    return ERR_OK;
}

void client_global_fini(void)
{
    ares_library_cleanup();
    curl_global_cleanup();
}
