/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's insides, for its own files and its tests.
 */
#ifndef PR_ENGINE_ENGINE_PRIV_H
#define PR_ENGINE_ENGINE_PRIV_H

#include "base/heap.h"
#include "base/list.h"
#include "base/table.h"
#include "base/time.h"
#include "engine/engine.h"
#include "engine/rate.h"

enum work_state { WORK_WAITING, WORK_READY, WORK_RUNNING, WORK_RECORDING, WORK_TOMBSTONE };

struct piece {
    struct work work; /* first: what the driver sees */
    enum work_state state;
    struct table_node by_key; /* engine.pieces, by (msg, ep) */
    struct heap_node due;     /* endpoint.waiting, unless FIFO */
    struct list link;         /* endpoint.ready (FIFO: all of its pieces by pos), or endpoint.tombstones */
    bool recheck;             /* the store has news of this delivery: look again once it is recorded */
    bool suspect;             /* counted in engine.suspects_running */
    unsigned reread;          /* endpoint.reread when it began */
    struct engine_host *host; /* while RUNNING: whose gate it passed */
};

struct engine_host {
    struct table_node by_name;
    char *name;
    void *gate;
    size_t refs;
    struct list blocked; /* engine_endpoint.blocked */
};

struct engine_workspace {
    struct table_node by_id;
    oid_t app;
    struct list endpoints;  /* engine_endpoint.of_workspace */
    struct list active;     /* engine_endpoint.turn */
    struct list turn;       /* engine.active, while it has active endpoints and is not paced */
    int per_second;         /* 0 = unlimited */
    struct heap_node paced; /* engine.paced: it has sent as much as it may until then */
};

struct engine_endpoint {
    oid_t id;
    void *user;
    struct table_node by_id;
    struct engine_workspace *ws; /* NULL until configured */
    struct list of_workspace;
    struct list turn;    /* workspace.active */
    struct list blocked; /* host.blocked or engine.suspects_blocked */
    struct list *let_in; /* in its turn because of a free place: the list of those that wait for such */
    struct engine_host *host;
    bool configured;
    bool closing; /* goes as soon as nothing of it is under way */
    bool fifo;
    struct rate rate;
    struct breaker breaker;
    struct endpoint_health health;
    bool health_known; /* what is stored is in it, or a success has made that void */
    int64_t enabled_ms;

    struct list ready;   /* pieces in order; FIFO: all pieces by pos */
    struct heap waiting; /* pieces by due time */
    struct list tombstones;
    size_t in_memory; /* pieces but tombstones */
    int running;      /* RUNNING */
    int busy;         /* RUNNING or RECORDING */

    int64_t stored_pos;  /* every pending row before this pos is in memory; TIME_NEVER: all are */
    int64_t by_hand_pos; /* places up to PLACE_BY_HAND_MAX, from here on, may not be in memory; TIME_NEVER: all are */
    bool refilling;
    bool refilling_by_hand; /* only those */
    bool refill_stale;      /* what the refill under way reads may be out of date */
    unsigned reread;        /* how often engine_reread was called */
    int64_t refill_mark;    /* smallest pos marked since the refill began */
    int64_t refill_not_before_ms;
    int64_t blocked_until_ms; /* rate or breaker: nothing may start before */
    struct heap_node timer;   /* engine.timers */
    struct list idle;         /* engine.idle, while it has nothing to do */
};

struct engine {
    struct engine_limits limits;
    struct engine_env env;
    struct table endpoints;
    struct table workspaces;
    struct table hosts;
    struct table pieces;
    struct heap timers;
    struct heap paced;            /* engine_workspace.paced */
    struct list active;           /* engine_workspace.turn */
    struct list suspects_blocked; /* engine_endpoint.blocked */
    struct list idle;             /* engine_endpoint.idle, longest idle first */
    size_t idle_count;
    struct piece *free_pieces;
    int busy; /* RUNNING or RECORDING */
    int running;
    int suspects_running;
    size_t in_memory;
    size_t bytes;
    bool paused;
};

/* engine_queue.c: pieces and their order within an endpoint */
struct piece *piece_find(struct engine *e, oid_t msg, oid_t ep);
struct piece *piece_add(struct engine *e, struct engine_endpoint *ep, const struct work *w, int64_t now_ms);
/* Leaves memory: a tombstone while a refill is out. */
void piece_drop(struct engine *e, struct piece *p);
/* To WAITING or READY by its due time. */
void piece_schedule(struct engine *e, struct piece *p, int64_t now_ms);
/* READY -> RUNNING; RECORDING -> anything is piece_schedule or piece_drop. */
void piece_begin(struct engine *e, struct piece *p);
/* The next piece that is due, or NULL; *due_ms: when there will be one (TIME_NEVER). */
struct piece *queue_head(struct engine_endpoint *ep, int64_t now_ms, int64_t *due_ms);
void queue_free_tombstones(struct engine *e, struct engine_endpoint *ep);
/* Drops what waits. */
void queue_clear(struct engine *e, struct engine_endpoint *ep);
/* Drops what waits and changes the order of what comes. */
void queue_set_fifo(struct engine *e, struct engine_endpoint *ep, bool fifo);

/* engine_endpoint.c */
/* The store may have unknown work at pos. */
void endpoint_mark(struct engine_endpoint *ep, int64_t pos);
/* Puts it in its workspace's turn if it has work, and sets its timer. */
void endpoint_arm(struct engine *e, struct engine_endpoint *ep, int64_t now_ms);
void endpoint_deactivate(struct engine_endpoint *ep);
void endpoint_activate(struct engine *e, struct engine_endpoint *ep);
/* The workspace waits until then for its turn (0: no longer). */
void workspace_wait(struct engine *e, struct engine_workspace *ws, int64_t until_ms);
/* A place is free for which endpoints wait: lets the first of them in. */
void endpoint_let_in(struct engine *e, struct list *blocked);
void endpoint_free(struct engine *e, struct engine_endpoint *ep);
void engine_host_unref(struct engine *e, struct engine_host *h);
/* Frees a closing endpoint of which nothing is under way. */
void endpoint_settle(struct engine *e, struct engine_endpoint *ep);
/* Asks for a refill if one is due and there is room. */
void endpoint_want_refill(struct engine *e, struct engine_endpoint *ep, int64_t now_ms);

#endif
