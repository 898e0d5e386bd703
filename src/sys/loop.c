/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop over epoll. One turn: sleep, descriptors, timers, posted tasks, turn hook.
 *
 * 1. The event descriptor is written only when the loop sleeps or is about to (`asleep`, under the lock together with
 *    the queue): while it works it looks at the queue before it sleeps anyway. It is edge-triggered and never read.
 * 2. A watcher that is removed while a batch is handled is also taken out of what is left of the batch.
 * 3. A turn runs each timer and each task at most once: what callbacks add waits for the next turn.
 */
#include "sys/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/clock.h"

enum { BATCH_MAX = 256 };

struct loop {
    int epoll_fd;
    int wake_fd;
    atomic_bool stop;
    int64_t now_ms;
    struct heap timers;
    size_t watched;
    void (*hook)(void *arg);
    void *hook_arg;

    struct epoll_event batch[BATCH_MAX];
    int batch_len;
    int batch_at;

    pthread_mutex_t lock;
    struct loop_task *first; /* guarded by lock, as the two below */
    struct loop_task *last;
    bool asleep;
};

struct loop *loop_new(void)
{
    struct loop *l = mem_zalloc(1, sizeof *l);
    heap_init(&l->timers);
    pthread_mutex_init(&l->lock, NULL);
    l->now_ms = clock_mono_ms();
    l->wake_fd = -1;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0)
        goto fail;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wake_fd < 0)
        goto fail;
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &e) == 0)
        return l;
fail:
    loop_free(l);
    return NULL;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    CHECK(l->watched == 0);
    CHECK(heap_min(&l->timers) == NULL);
    CHECK(l->first == NULL);
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    heap_fini(&l->timers);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    ssize_t ignored = write(l->wake_fd, &one, sizeof one);
    (void)ignored; /* fails only when the counter is full: then the edge is there already */
}

void loop_stop(struct loop *l)
{
    int saved = errno;
    atomic_store(&l->stop, true);
    wake(l);
    errno = saved;
}

void loop_set_turn_hook(struct loop *l, void (*hook)(void *arg), void *arg)
{
    l->hook = hook;
    l->hook_arg = arg;
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

void loop_post_chain(struct loop *l, struct loop_task *first, struct loop_task *last)
{
    last->next = NULL;
    pthread_mutex_lock(&l->lock);
    if (l->first == NULL)
        l->first = first;
    else
        l->last->next = first;
    l->last = last;
    bool sleeps = l->asleep;
    l->asleep = false;
    pthread_mutex_unlock(&l->lock);
    if (sleeps)
        wake(l);
}

void loop_post(struct loop *l, struct loop_task *t)
{
    loop_post_chain(l, t, t);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms)
{
    heap_set(&l->timers, &t->node, at_ms);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
    heap_remove(&l->timers, &t->node);
}

static void forget_in_batch(struct loop *l, const struct loop_io *io)
{
    for (int i = l->batch_at; i < l->batch_len; i++)
        if (l->batch[i].data.ptr == io)
            l->batch[i].data.ptr = NULL;
}

/*
 * A library may close a descriptor before it tells us, and the number may be in use again: the kernel's view decides,
 * so "is not there" and "is there already" are tried the other way.
 */
static void control(struct loop *l, int op, struct loop_io *io, unsigned interest)
{
    struct epoll_event e = {.data.ptr = io};
    e.events = (interest & LOOP_READ ? EPOLLIN : 0u) | (interest & LOOP_WRITE ? EPOLLOUT : 0u) |
               (interest & LOOP_EXCLUSIVE ? EPOLLEXCLUSIVE : 0u);
    if (epoll_ctl(l->epoll_fd, op, io->fd, &e) == 0)
        return;
    if (op == EPOLL_CTL_DEL && (errno == ENOENT || errno == EBADF))
        return;
    if (op == EPOLL_CTL_MOD && errno == ENOENT && epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, io->fd, &e) == 0)
        return;
    if (op == EPOLL_CTL_ADD && errno == EEXIST && epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, io->fd, &e) == 0)
        return;
    log_error("epoll_ctl", LOG_INT("errno", errno), LOG_INT("fd", io->fd), LOG_INT("op", op));
    check_failed("epoll_ctl", __FILE__, __LINE__);
}

void loop_io_set(struct loop *l, struct loop_io *io, unsigned interest)
{
    unsigned before = io->interest;
    if (before == interest)
        return;
    io->interest = interest;
    if (interest == 0) {
        control(l, EPOLL_CTL_DEL, io, 0);
        forget_in_batch(l, io);
        l->watched--;
    } else if (before == 0) {
        control(l, EPOLL_CTL_ADD, io, interest);
        l->watched++;
    } else if ((before | interest) & LOOP_EXCLUSIVE) { /* the kernel does not modify exclusive watches */
        control(l, EPOLL_CTL_DEL, io, 0);
        control(l, EPOLL_CTL_ADD, io, interest);
    } else {
        control(l, EPOLL_CTL_MOD, io, interest);
    }
}

/* How long epoll may sleep; -1 for ever. Marks the loop asleep if it may at all. */
static int prepare_sleep(struct loop *l)
{
    int64_t wait_ms = -1;
    struct heap_node *first = heap_min(&l->timers);
    if (first != NULL) {
        wait_ms = first->key - clock_mono_ms();
        wait_ms = wait_ms < 0 ? 0 : wait_ms > 3600 * 1000 ? 3600 * 1000 : wait_ms;
    }
    if (wait_ms == 0)
        return 0;
    pthread_mutex_lock(&l->lock);
    l->asleep = l->first == NULL;
    if (!l->asleep)
        wait_ms = 0;
    pthread_mutex_unlock(&l->lock);
    return (int)wait_ms;
}

static void handle_events(struct loop *l)
{
    for (l->batch_at = 0; l->batch_at < l->batch_len;) {
        struct epoll_event *e = &l->batch[l->batch_at++];
        struct loop_io *io = e->data.ptr;
        if (io == NULL)
            continue;
        unsigned events = (e->events & EPOLLIN ? LOOP_READ : 0u) | (e->events & EPOLLOUT ? LOOP_WRITE : 0u);
        events &= io->interest; /* it may have changed earlier in this batch */
        if (e->events & (EPOLLHUP | EPOLLERR))
            events |= LOOP_HANGUP;
        if (events != 0)
            io->on_ready(io, events);
    }
    l->batch_len = l->batch_at = 0;
}

static void fire_timers(struct loop *l)
{
    struct heap_node *n;
    for (size_t left = l->timers.len; left > 0 && (n = heap_pop_until(&l->timers, l->now_ms)) != NULL; left--) {
        struct loop_timer *t = CONTAINER_OF(n, struct loop_timer, node);
        t->on_fire(t);
    }
}

static void run_tasks(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct loop_task *t = l->first;
    l->first = l->last = NULL;
    l->asleep = false;
    pthread_mutex_unlock(&l->lock);
    while (t != NULL) {
        struct loop_task *next = t->next;
        t->run(t);
        t = next;
    }
}

void loop_run(struct loop *l)
{
    do {
        int n = epoll_wait(l->epoll_fd, l->batch, BATCH_MAX, prepare_sleep(l));
        CHECK(n >= 0 || errno == EINTR);
        l->now_ms = clock_mono_ms();
        l->batch_len = n > 0 ? n : 0;
        handle_events(l);
        fire_timers(l);
        run_tasks(l);
        if (l->hook != NULL)
            l->hook(l->hook_arg);
    } while (!atomic_load(&l->stop));
    atomic_store(&l->stop, false);
}
