/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of one reactor thread: descriptors (epoll, level-triggered), timers, and tasks posted by other
 * threads. All functions belong to the loop's own thread, except loop_post, loop_post_chain and loop_stop.
 *
 * Callbacks record a fact and return; work is done in steps. A watcher or timer may be removed inside its own callback.
 * After each batch of events the turn hook runs once: that is where a reactor steps its engine and submits in batches.
 */
#ifndef PR_SYS_LOOP_H
#define PR_SYS_LOOP_H

#include "base/heap.h"
#include "base/str.h"

struct loop;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };

/* A watched descriptor, embedded in its owner. Zero it, set fd and on_ready. */
struct loop_io {
    int fd;
    unsigned interest; /* set by the loop: LOOP_READ | LOOP_WRITE, 0 = not watched */
    void (*on_ready)(struct loop_io *io, unsigned events);
};

/* A timer, embedded in its owner. Zero it, set on_fire. */
struct loop_timer {
    struct heap_node node;
    void (*on_fire)(struct loop_timer *t);
};

/* Work handed to the loop's thread, embedded in its owner; free to be reused once `run` has been called. */
struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *t);
};

/* NULL only if the system refuses an epoll or event descriptor. */
struct loop *loop_new(void);
/* No watcher, timer or task may be left. NULL is fine. */
void loop_free(struct loop *l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
/* Ends loop_run after the current turn. Any thread, also signal handlers. */
void loop_stop(struct loop *l);
/* Runs after each batch of events, on the loop's thread. One hook; NULL removes it. */
void loop_set_turn_hook(struct loop *l, void (*hook)(void *arg), void *arg);

/* Watches for LOOP_READ | LOOP_WRITE; 0 stops watching (do so before closing fd). LOOP_EXCLUSIVE for shared listeners.
 */
enum { LOOP_EXCLUSIVE = 8 };
void loop_io_set(struct loop *l, struct loop_io *io, unsigned interest);

/* Fires once when loop_now_ms reaches at_ms; setting again moves it. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);
/* Monotonic milliseconds, read once per turn. */
int64_t loop_now_ms(const struct loop *l);

/* Queues a task, first in first out, and wakes the loop if it sleeps. Any thread. */
void loop_post(struct loop *l, struct loop_task *t);
/* Queues a chain linked by `next`, with one wake-up. */
void loop_post_chain(struct loop *l, struct loop_task *first, struct loop_task *last);

#endif
