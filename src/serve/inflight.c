/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/inflight.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"

#define MAGIC     0x32544c46 /* "FLT2" */
#define EPOCH_MAX 30000

struct slot {
    oid_t msg; /* 0: free */
    oid_t ep;
    int32_t active; /* on its way now */
    int16_t epoch;
    int16_t faults;
};

struct header {
    uint32_t magic;
    uint32_t slots;
    volatile sig_atomic_t faulted; /* the process that wrote this ended by a fault */
    char pad[20];
};

/* For the signal handler. */
static struct header *noted;

/* A delivery that was on its way when a process ended; it keeps its slot until it is recorded. */
struct suspect {
    struct table_node node;
    size_t slot;
};

struct inflight {
    pthread_mutex_t lock;
    int fd;
    size_t bytes;
    struct header *header;
    struct slot *slots;
    size_t count;
    size_t *free; /* a stack of free slots */
    size_t free_count;
    struct table suspects;
    struct suspect **by_slot; /* NULL: not a suspect's */
    bool alone;
};

static uint64_t key_of(oid_t msg, oid_t ep)
{
    return hash_u64((uint64_t)msg ^ hash_u64((uint64_t)ep));
}

static bool map_file(struct inflight *f, const char *path)
{
    struct stat st;
    f->bytes = sizeof(struct header) + f->count * sizeof(struct slot);
    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return false;
    /* Written out, not only sized: a full disk must not end the process at a store into the map. */
    if (st.st_size < (off_t)f->bytes && posix_fallocate(f->fd, 0, (off_t)f->bytes) != 0)
        return false;
    void *p = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
    if (p == MAP_FAILED)
        return false;
    f->header = p;
    f->slots = (struct slot *)(void *)(f->header + 1);
    return true;
}

/* Async-signal-safe: one store into the map, then the fault takes its course. */
static void note_fault(int sig)
{
    noted->faulted = 1;
    raise(sig); /* SA_RESETHAND: by the default action now */
}

static void watch_for_faults(struct inflight *f)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    noted = f->header;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct sigaction old, act = {.sa_handler = note_fault, .sa_flags = (int)SA_RESETHAND};
        if (sigaction(faults[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) /* a sanitizer's handler stays */
            (void)sigaction(faults[i], &act, NULL);
    }
}

static void add_suspect(struct inflight *f, size_t slot)
{
    struct suspect *s = mem_zalloc(1, sizeof *s);
    s->slot = slot;
    f->by_slot[slot] = s;
    table_insert(&f->suspects, &s->node, key_of(f->slots[slot].msg, f->slots[slot].ep));
}

/* What the last process left: one more crash for what the store still waits for, a free slot for everything else. */
static void read_slots(struct inflight *f, struct store_reader *reader)
{
    bool ours = f->header->magic == MAGIC && f->header->slots == f->count;
    bool faulted = ours && f->header->faulted != 0;
    f->header->faulted = 0;
    f->header->magic = MAGIC;
    f->header->slots = (uint32_t)f->count;
    for (size_t i = f->count; i-- > 0;) {
        struct slot *s = &f->slots[i];
        struct delivery d;
        bool open = ours && s->msg > 0 && s->ep > 0 && store_get_delivery(reader, s->msg, s->ep, &d) == ERR_OK &&
                    d.pos != 0;
        if (open) {
            s->epoch = (int16_t)(s->epoch + (s->active != 0 && s->epoch < EPOCH_MAX));
            s->faults = (int16_t)(s->faults + (s->active != 0 && faulted && s->faults < INFLIGHT_PARK_FAULTS));
            s->active = 0;
            add_suspect(f, i);
        } else {
            *s = (struct slot){0};
            f->free[f->free_count++] = i;
        }
    }
}

enum err inflight_open(const char *path, size_t slots, struct store_reader *reader, struct inflight **out, size_t *left)
{
    struct inflight *f = mem_zalloc(1, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    table_init(&f->suspects);
    f->count = slots;
    if (!map_file(f, path)) {
        if (f->fd >= 0)
            close(f->fd);
        free(f);
        return ERR_IO;
    }
    f->free = mem_zalloc(slots, sizeof f->free[0]);
    f->by_slot = mem_zalloc(slots, sizeof(struct suspect *));
    read_slots(f, reader);
    watch_for_faults(f);
    *left = f->suspects.len;
    *out = f;
    return ERR_OK;
}

void inflight_close(struct inflight *f, bool clean)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        free(f->by_slot[i]);
    if (clean)
        memset(f->slots, 0, f->count * sizeof f->slots[0]);
    static struct header nowhere; /* a fault after this is nobody's */
    noted = &nowhere;
    munmap(f->header, f->bytes);
    close(f->fd);
    table_fini(&f->suspects);
    free(f->by_slot);
    free(f->free);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static struct suspect *find_suspect(struct inflight *f, oid_t msg, oid_t ep)
{
    for (struct table_node *n = table_find(&f->suspects, key_of(msg, ep)); n != NULL; n = table_next(n)) {
        struct suspect *s = CONTAINER_OF(n, struct suspect, node);
        if (f->slots[s->slot].msg == msg && f->slots[s->slot].ep == ep)
            return s;
    }
    return NULL;
}

struct inflight_past inflight_look(struct inflight *f, oid_t msg, oid_t ep)
{
    struct inflight_past past = {0};
    pthread_mutex_lock(&f->lock);
    struct suspect *s = f->suspects.len > 0 ? find_suspect(f, msg, ep) : NULL;
    if (s != NULL)
        past = (struct inflight_past){.epoch = f->slots[s->slot].epoch, .faults = f->slots[s->slot].faults};
    pthread_mutex_unlock(&f->lock);
    return past;
}

size_t inflight_begin(struct inflight *f, oid_t msg, oid_t ep)
{
    size_t slot = SIZE_MAX; /* more than expected are on their way: this one goes unlisted */
    pthread_mutex_lock(&f->lock);
    struct suspect *s = f->suspects.len > 0 ? find_suspect(f, msg, ep) : NULL;
    if (s != NULL)
        slot = s->slot;
    else if (f->free_count > 0)
        slot = f->free[--f->free_count];
    if (slot != SIZE_MAX) {
        f->slots[slot].msg = msg;
        f->slots[slot].ep = ep;
        f->slots[slot].active = 1;
    }
    pthread_mutex_unlock(&f->lock);
    return slot;
}

void inflight_end(struct inflight *f, size_t slot)
{
    if (slot == SIZE_MAX)
        return;
    pthread_mutex_lock(&f->lock);
    struct suspect *s = f->by_slot[slot];
    if (s != NULL) {
        table_remove(&f->suspects, &s->node);
        f->by_slot[slot] = NULL;
        free(s);
    }
    f->slots[slot] = (struct slot){0};
    f->free[f->free_count++] = slot;
    pthread_mutex_unlock(&f->lock);
}

bool inflight_enter(struct inflight *f)
{
    pthread_mutex_lock(&f->lock);
    bool entered = !f->alone;
    f->alone = true;
    pthread_mutex_unlock(&f->lock);
    return entered;
}

void inflight_leave(struct inflight *f)
{
    pthread_mutex_lock(&f->lock);
    f->alone = false;
    pthread_mutex_unlock(&f->lock);
}
