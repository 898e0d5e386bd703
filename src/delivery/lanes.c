/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curl's multis on the event loop. What curl asks for in its callbacks is only recorded.
 */
#include "base/hash.h"
#include "delivery/client_impl.h"

/* Powers of two: curl's maximum is not set for every exchange. */
#define CONNECTIONS_STEP 64
#define IDLE_STEP        16

struct lane *lane_of(struct client *c, struct str host)
{
    return &c->lanes[hash_sip((struct hash_key){0}, host.ptr, host.len) % LANES];
}

static size_t round_up(size_t n, size_t step)
{
    return (n + step - 1) & ~(step - 1);
}

/* What the connections without curl leave, at least half. */
static size_t idle_per_lane(const struct client *c)
{
    size_t half = c->idle_max / 2, others = round_up(c->pool.idle_count, IDLE_STEP);
    return (c->idle_max - (others < half ? others : half) + LANES - 1) / LANES;
}

/* Connections that curl keeps idle; with HTTP/2 there are more exchanges than connections. */
static size_t count_idle(const struct client *c)
{
    size_t active = 0;
    for (size_t i = 0; i < LANES; i++)
        active += c->lanes[i].active;
    return c->sockets.own_count > active ? c->sockets.own_count - active : 0;
}

/* Curl counts busy connections too and then closes idle ones, so its maximum follows the number of exchanges. */
static void follow_active(struct lane *l)
{
    size_t idle = idle_per_lane(l->client);
    /* In steps, unless there are so few descriptors that each counts. */
    size_t step = idle > CONNECTIONS_STEP / 4 ? CONNECTIONS_STEP : 1;
    long want = (long)(idle + round_up(l->active, step));
    if (want == l->connections_max)
        return;
    l->connections_max = want;
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, want);
}

void lane_enter(struct transfer *t)
{
    transfer_aim(t);
    CHECK(curl_multi_add_handle(t->lane->multi, t->easy) == CURLM_OK);
    t->added = true;
    t->lane->active++;
    follow_active(t->lane);
}

void lane_leave(struct transfer *t)
{
    if (!t->added)
        return;
    curl_multi_remove_handle(t->lane->multi, t->easy);
    t->lane->active--;
    t->added = false;
    h1_pool_share(&t->client->pool, count_idle(t->client));
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
        client_ended(t);
    }
}

void lane_step(struct lane *l, int fd, int curl_events)
{
    int running;
    curl_multi_socket_action(l->multi, fd, curl_events, &running);
    harvest(l);
}

static void on_lane_timer(struct loop_timer *timer)
{
    lane_step(CONTAINER_OF(timer, struct lane, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* What curl asks of the loop; these only record. */

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct lane *l = arg;
    if (timeout_ms == 0) {
        l->due = true;
        client_kick(l->client);
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

bool lane_open(struct client *c, struct lane *l)
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

void lane_close(struct lane *l)
{
    curl_multi_cleanup(l->multi);
    loop_timer_cancel(l->client->loop, &l->timer);
}
