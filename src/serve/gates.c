/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/gates.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/table.h"

struct gate {
    struct table_node by_name;
    int in_flight;
    int refs;
    uint64_t refused; /* one bit per reactor */
    char name[];
};

struct gates {
    pthread_mutex_t lock;
    struct table by_name;
    int per_host;
    void (*freed)(void *arg, unsigned reactor, const char *host);
    void *arg;
};

struct gates *gates_new(int per_host, void (*freed)(void *arg, unsigned reactor, const char *host), void *arg)
{
    struct gates *g = mem_zalloc(1, sizeof *g);
    pthread_mutex_init(&g->lock, NULL);
    table_init(&g->by_name);
    g->per_host = per_host;
    g->freed = freed;
    g->arg = arg;
    return g;
}

void gates_free(struct gates *g)
{
    if (g == NULL)
        return;
    CHECK(g->by_name.len == 0);
    table_fini(&g->by_name);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static uint64_t hash_host(const char *host)
{
    return hash_sip((struct hash_key){0x67617465, 0x73}, host, strlen(host));
}

struct gate *gate_open(struct gates *g, const char *host)
{
    uint64_t hash = hash_host(host);
    struct gate *gate = NULL;
    pthread_mutex_lock(&g->lock);
    for (struct table_node *n = table_find(&g->by_name, hash); n != NULL; n = table_next(n)) {
        struct gate *found = CONTAINER_OF(n, struct gate, by_name);
        if (strcmp(found->name, host) == 0)
            gate = found;
    }
    if (gate == NULL) {
        size_t len = strlen(host) + 1;
        gate = mem_zalloc(1, sizeof *gate + len);
        memcpy(gate->name, host, len);
        table_insert(&g->by_name, &gate->by_name, hash);
    }
    gate->refs++;
    pthread_mutex_unlock(&g->lock);
    return gate;
}

void gate_close(struct gates *g, struct gate *gate)
{
    pthread_mutex_lock(&g->lock);
    bool last = --gate->refs == 0;
    if (last)
        table_remove(&g->by_name, &gate->by_name);
    pthread_mutex_unlock(&g->lock);
    if (last)
        free(gate);
}

bool gate_acquire(struct gates *g, struct gate *gate, unsigned reactor)
{
    pthread_mutex_lock(&g->lock);
    bool room = gate->in_flight < g->per_host;
    if (room)
        gate->in_flight++;
    else
        gate->refused |= (uint64_t)1 << reactor;
    pthread_mutex_unlock(&g->lock);
    return room;
}

void gate_release(struct gates *g, struct gate *gate, unsigned reactor)
{
    pthread_mutex_lock(&g->lock);
    gate->in_flight--;
    uint64_t tell = gate->refused & ~((uint64_t)1 << reactor); /* its own engine looks by itself */
    gate->refused = 0;
    pthread_mutex_unlock(&g->lock);
    for (unsigned i = 0; tell != 0; i++, tell >>= 1)
        if (tell & 1)
            g->freed(g->arg, i, gate->name);
}
