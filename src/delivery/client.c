/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges from client_send to on_done:
 *
 *   client_send -> [waits for the resolver] -> starting -> in a lane's multi, or h1 -> ended -> on_done
 *                \_______________________________ finished _______________________________/
 *
 * client_send only queues; a kick in the next turn starts a bounded number of exchanges, steps the lanes that curl
 * wants stepped at once, and reports what failed early. Invariants: a transfer is on exactly one of: the resolver's
 * waiters, `starting`, a multi, h1, `finished`, `spare`; on_done is called outside of curl, after the handle has left
 * its multi.
 */
#include <signal.h>
#include <stdlib.h>

#include <ares.h>

#include "base/mem.h"
#include "delivery/client_impl.h"
#include "delivery/proxy.h"
#include "sys/clock.h"

#define IDLE_DEFAULT    500
#define STARTS_PER_TURN 64
#define SPARE_MAX       1024

void client_kick(struct client *c)
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

static void leave(struct transfer *t)
{
    if (t->lean)
        h1_leave(t);
    else
        lane_leave(t);
}

/* Takes the transfer off whatever it is on. */
static void detach(struct client *c, struct transfer *t)
{
    leave(t);
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
    client_kick(c);
}

/* The way out */

static void start(struct transfer *t)
{
    if (t->lean)
        h1_start(t);
    else
        lane_enter(t);
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
    t->lane = t->lean ? NULL : lane_of(c, t->target.host);
    list_push_back(&c->starting, &t->node);
    client_kick(c);
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
        loop_timer_set(c->loop, &t->deadline, loop_now_ms(c->loop) + t->request->timeout_ms - t->request->spent_ms);
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

static bool prepare(struct transfer *t)
{
    t->lean = h1_suits(t);
    t->h1.fresh = false;
    return t->lean ? h1_prepare(t) : request_prepare(t);
}

void client_send(struct client *c, struct client_request *r)
{
    struct transfer *t = take_transfer(c);
    t->request = r;
    r->impl = t;
    c->in_flight++;
    t->started_us = clock_mono_us() - r->spent_ms * 1000;
    t->deadline_us = t->started_us + r->timeout_ms * 1000;
    const char *why = target_parse(r->url, &t->target);
    if (why == NULL && c->config.policy->https_only && !t->target.https)
        why = "only https is allowed";
    if (why != NULL) {
        outcome_set(t, CAUSE_URL, "%s", why);
        finish_later(c, t);
    } else if (!prepare(t)) {
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
    leave(t);
    start(t);
    return true;
}

void client_ended(struct transfer *t)
{
    if (try_next(t))
        return;
    if (t->guard.at > 0 && t->ready)
        resolver_prefer(t->client->resolver, t->target.host, &t->guard.address[t->guard.at]);
    finish(t->client, t);
}

static void start_some(struct client *c)
{
    struct list *n;
    for (int i = 0; i < STARTS_PER_TURN && (n = list_pop_front(&c->starting)) != NULL; i++)
        start(CONTAINER_OF(n, struct transfer, node));
}

static void on_kick(struct loop_timer *timer)
{
    struct client *c = CONTAINER_OF(timer, struct client, kick);
    start_some(c);
    for (size_t i = 0; i < LANES; i++) {
        if (c->lanes[i].due) {
            c->lanes[i].due = false;
            lane_step(&c->lanes[i], CURL_SOCKET_TIMEOUT, 0);
        }
    }
    struct list finished;
    list_init(&finished);
    list_append_all(&finished, &c->finished);
    for (struct list *n; (n = list_pop_front(&finished)) != NULL;)
        finish(c, CONTAINER_OF(n, struct transfer, node));
    if (!list_empty(&c->starting))
        client_kick(c);
}

/* Set-up */

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
    c->idle_max = config->idle_connections_max > 0 ? config->idle_connections_max : IDLE_DEFAULT;
    h1_pool_init(&c->pool, c->loop, &c->sockets, c->idle_max);
    h1_wheel_init(&c->wheel, c->loop, h1_on_due);
    c->sockets.on_ready = lane_step;
    if (!sockets_init(&c->sockets, c->loop, config->bind, why))
        goto fail;
    c->families = usable_families(&c->sockets);
    c->resolver = resolver_new(c->loop, config->resolver, why);
    if (c->resolver == NULL)
        goto fail;
    for (size_t i = 0; i < LANES; i++) {
        if (!lane_open(c, &c->lanes[i])) {
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
    for (size_t i = 0; i < LANES; i++)
        if (c->lanes[i].multi != NULL)
            lane_close(&c->lanes[i]);
    h1_pool_fini(&c->pool);
    h1_wheel_fini(&c->wheel);
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
