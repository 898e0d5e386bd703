/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API and the runner of automations on the disk that fails: a process that takes requests at a trigger URL and does
 * the steps of their runs, until it ends in the middle of something; and the next one, which knows only what is stored.
 * One thread, one seed, the clock of the simulation, receivers that fail.
 *
 *   runs.c        the process: how its writes reach the disk, how it ends and begins
 *   runs_load.c   automations, those who send requests, servers that are asked
 *   runs_check.c  what must hold
 */
#ifndef PR_TESTS_SIM_RUNS_H
#define PR_TESTS_SIM_RUNS_H

#include "api/runner_priv.h"
#include "sim.h"

enum { REQUESTS_MAX = 240, AUTOMATIONS = 5 };
enum { AUTO_MAIN, AUTO_SEQUENCE, AUTO_HEARD, AUTO_NOTICED, AUTO_MINUTES };
#define RUNS_PLACES 3 /* of the main automation */

/* A request that somebody sends until it is answered. */
struct wanted {
    char email[32];
    int n;         /* some go another way by it */
    oid_t run;     /* answered with it; 0: not yet */
    bool over;     /* it was seen that it has ended well */
    bool refused;  /* its server said no for good: somebody must try it again */
    bool canceled; /* somebody wanted to end it, … */
    bool ended;    /* … and was told that it has */
    int calls;     /* how often the server was asked */
    int crashes;   /* when it was last asked */
    int attempt;   /* then; 0: the next may have any number */
};

/* A request outside that is under way. */
struct parcel {
    struct outside *o;
    int64_t at_ms; /* then it is answered */
};

struct runs_counts {
    uint64_t requests;
    uint64_t runs;
    uint64_t changes; /* of records */
    uint64_t events;
    uint64_t calls, keys;
    uint64_t retried; /* by hand */
    uint64_t canceled;
    uint64_t crashes;    /* and processes that began anew */
    uint64_t restarts;   /* those included that were cut off at once */
    uint64_t power_cuts; /* of them */
    uint64_t in_doubt;   /* groups whose commit nobody was told of */
    uint64_t refused;    /* for want of room */
    uint64_t meddled;    /* documents that others changed between a look and its commit */
};

struct runs {
    struct sim w; /* the disk, the clock, an arena; its model and crew are not used */
    bool trouble; /* the disk fails, people meddle, servers say no; else all is well */
    bool dead;    /* the process has ended: nothing that it says is heard, nothing of it is written */
    struct api api;
    struct oid_source oids;
    struct ssrf_policy urls;
    struct runner runner;
    char token[600];
    char *url; /* path of the main automation's */
    oid_t app;
    oid_t automation[AUTOMATIONS];
    struct wanted wanted[REQUESTS_MAX];
    size_t wanted_count;
    struct parcel parcels[RUNNER_OUTSIDE_MAX];
    size_t parcel_count;
    struct runs_counts counts;
    uint64_t step;
    uint64_t trace;
};

/* runs.c */
/* The one that is running. */
extern struct runs *runs_now;
void runs_open(struct runs *s, uint64_t seed);
/* So many steps of trouble, then everything ends well and is looked at; closes. */
void runs_simulate(struct runs *s, uint64_t steps);
/* Asks the API. body NULL: none. The answer's body lives in the arena; 0: there was none. */
int runs_ask(struct runs *s, const char *method, const char *path, const char *body, struct str *answer);
/* The same at the trigger URL, with a name of the request. *run: that it became, or had become before. */
int runs_knock(struct runs *s, const char *name, const char *body, oid_t *run);
struct plan runs_plan(struct runs *s);
struct run runs_read(struct runs *s, oid_t run);
int64_t runs_now_ms(void);

/* runs_load.c */
void load_open(struct runs *s);
/* What others do: requests, replies, answers of servers. */
void load_step(struct runs *s);
void load_crashed(struct runs *s);

/* runs_check.c */
/* After a crash: nothing that was said is gone. */
void check_recovered(struct runs *s);
/* How much is still to be done. */
size_t check_left(struct runs *s);
void check_say_left(struct runs *s);
void check_end(struct runs *s);
struct wanted *check_whose(struct runs *s, const struct outside *o);
/* A request goes out now. */
void check_sent(struct runs *s, const struct outside *o);

#endif
