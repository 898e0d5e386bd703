/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: what is accepted is here, and nowhere else, when a 2xx goes out.
 *
 * Writes are operations submitted to one writer, which commits them in groups: what arrives while a commit is under way
 * is the next group. Each operation is a node that its submitter owns and that comes back through `done`; the store
 * never allocates for it and never waits for the submitter. An operation's result is its own: a duplicate does not
 * touch the rest of its group. Reads are synchronous, on a reader that belongs to one thread.
 *
 * Invariants
 *  1. `done` with ERR_OK is called after the commit is on disk (synced).
 *  2. ERR_FULL, ERR_BUSY, ERR_UNAVAILABLE, ERR_CLOSED: nothing of the operation was applied.
 *  3. Any other failure to write or sync ends the process: whether the group is on disk is then unknown, and a restart
 *     finds out.
 *  4. Operations of one submitter thread are applied in the order submitted within one lane (results; commands; appends
 * of one workspace).
 */
#ifndef PR_STORE_STORE_H
#define PR_STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/doc.h"
#include "model/message.h"
#include "model/object.h"
#include "model/transformed.h"
#include "sys/loop.h"

struct store;
struct store_reader;

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

enum store_op_kind {
    STORE_APPEND,  /* struct store_append */
    STORE_RECORD,  /* struct store_record */
    STORE_OBJECTS, /* struct store_objects */
    STORE_RESEND,  /* struct store_resend */
    STORE_EXPUNGE, /* struct store_expunge */
    STORE_DOCS,    /* struct store_docs */
    STORE_SWEEP,   /* struct store_sweep */
    STORE_SETTLE,  /* struct store_settle */
    STORE_OP_KINDS
};

/* What is kept of a request that carried an idempotency key: enough to answer it again, never an answer's text. */
struct store_made {
    oid_t id;   /* what it made; may be 0 */
    int what;   /* the caller's number for the kind of it */
    int status; /* of the answer */
};

/*
 * A key, as a hash over everything that it is tied to (token, URI, key); keyed or cryptographic, so that strangers
 * cannot make two alike. Known keys are forgotten by the hour: at the earliest after STORE_KEY_HOURS, at the latest an
 * hour later.
 */
#define STORE_KEY_HOURS 12
struct store_key {
    uint64_t hash[2];
    struct store_made made; /* in: kept if the key is new; out: what is kept, if it is known */
    bool known;             /* out: the key was there: nothing of the operation was applied */
    bool only_look;         /* see store_find_key */
};

struct store_op {
    enum store_op_kind kind;
    enum err result; /* out */
    /* NULL: none. Looked up before anything else and written with what the operation writes, in one transaction; when
     * the operation is not applied, neither is the key. A known key is ERR_OK with key->known. */
    struct store_key *key;
    struct loop *home; /* `done` runs on this loop's thread; NULL: on the writer thread, must be brief */
    void (*done)(struct store_op *op);
    struct store_op *next; /* the store's, until done; submitters may chain ops for store_submit_chain */
    struct loop_task task; /* the store's */
    int64_t queued_us;     /* the store's */
};

/* A delivery to be created with its message. */
struct store_target {
    oid_t ep;
    oid_t profile_version;
    oid_t transform; /* version of the endpoint's transformation; 0: none */
    bool fifo;
    int64_t due_ms;
    int64_t pos; /* out: set in the commit; rises within a FIFO endpoint */
};

/* A message and its deliveries, in one transaction. ERR_STALE: the workspace is at another version, or `late`: match
 * again, with a new id. ERR_CONFLICT: the workspace has a message with this event_id. */
struct store_append {
    struct store_op op;
    const struct message *message;
    uint64_t app_version; /* the configuration version that was matched */
    struct store_target *targets;
    size_t target_count;
    struct doc_change *docs; /* written with it; a refusal of one refuses the message */
    size_t doc_count;
    bool late; /* out, with ERR_STALE: its id is below what was settled (STORE_SETTLE), or from before this process */
};

/* The outcome of an attempt: the attempt row and the delivery's next state, in one transaction. */
struct store_record {
    struct store_op op;
    const struct attempt *attempt;
    /* The delivery must still be pending (or have the manual request) for its state to move; a 2xx finishes it anyway.
     */
    enum delivery_status status; /* new state of the schedule: SUCCESS, PENDING (again at due_ms) or FAIL */
    enum delivery_reason reason;
    int64_t due_ms; /* with PENDING */
    bool in_order;  /* the endpoint is FIFO: the delivery keeps its place; else it leaves the order for good */
    bool moved;     /* out: whether the delivery's state was moved by this record */
    /* The endpoint's health, when it changes with this outcome (see struct endpoint_health). */
    const struct endpoint_health *health;
    /* What the transformation made for this delivery; NULL: nothing, or it is kept already. The first one
     * stays; none is kept of a message whose payload is gone. */
    const struct transformed *transformed;
};

/* Objects written together: all or none. See model/object.h. ERR_CONFLICT, ERR_NOT_FOUND and ERR_STALE say why none. */
struct store_objects {
    struct store_op op;
    struct object_change *changes;
    size_t count;
    size_t failed_at; /* out: the change that did not fit */
};

/*
 * Documents written together, and messages with them: all or none. ERR_CONFLICT (a key is taken, or an event_id),
 * ERR_NOT_FOUND, ERR_STALE (a document is at another version, or a message matched another configuration) say why none.
 * Takes turns with the appends of its workspace.
 */
struct store_docs {
    struct store_op op;
    oid_t app; /* whose turn it takes */
    /* ERR_STALE when the workspace, of this environment, is at another version than what was decided by; 0: any. */
    uint64_t app_version;
    oid_t env;
    struct doc_change *changes;
    size_t count;
    struct store_append *appends; /* their `op` is not used */
    size_t append_count;
    size_t failed_at; /* out: the change that did not fit, or count + the append */
};

/* Asks for one attempt by hand. ERR_NOT_FOUND: no such message in the workspace; ERR_GONE: its payload has expired.
 * A delivery that did not exist (the endpoint did not match then) is created with profile_version, transform and the
 * envelope rendered for it (render may be NULL for raw bodies). */
struct store_resend {
    struct store_op op;
    oid_t app;
    oid_t msg;
    oid_t ep;
    oid_t profile_version;
    oid_t transform;
    const struct message_render *render;
    enum attempt_trigger trigger;
    int64_t now_ms;
    /* Only if there is no delivery: it is made with a schedule of its own (trigger SCHEDULE), due at now_ms, in the
     * endpoint's order when `fifo`. One that is there stays as it is. */
    bool if_missing;
    bool fifo;    /* the endpoint keeps an order: what was over comes last in it */
    bool changed; /* out: false only when if_missing found one */
};

/*
 * Forgets content for good. A message: its payload and what was rendered from it; what is pending of it becomes FAIL,
 * REASON_EXPIRED. An attempt: the answer's body, which then reads STORE_EXPUNGED. Again is as good as once.
 * ERR_NOT_FOUND: no such message in the workspace, or the attempt is not of that message.
 */
struct store_expunge {
    struct store_op op;
    oid_t app;
    oid_t msg;
    oid_t attempt;  /* 0: the message */
    bool only_look; /* nothing is forgotten */
    bool erased;    /* out: there was a payload, or an answer, until now (only_look: there is) */
};
#define STORE_EXPUNGED "EXPUNGED"

/* One bounded step of bulk work; submit again with the cursor while `more`. */
enum store_sweep_kind {
    SWEEP_FAIL_PENDING, /* pending deliveries of ep become FAIL with `reason` */
    SWEEP_REPLAY, /* deliveries of ep with a message in [since_ms, until_ms] that fit `replay` get a RECOVERY attempt at
                     now_ms; those without a payload are skipped */
    SWEEP_PAYLOADS, /* payloads whose expires_ms is before until_ms are forgotten */
    SWEEP_MESSAGES, /* messages older than until_ms, with their deliveries, are deleted unless one is pending */
    SWEEP_ATTEMPTS, /* attempts older than until_ms are deleted */
    SWEEP_DOCS,     /* documents whose purge_ms has passed at now_ms are deleted, runs with their steps */
    SWEEP_APP_DOCS, /* all documents of the workspace `ep` are deleted */
    SWEEP_FOLD,     /* tallies of spans that began before until_ms become tallies of hours */
    SWEEP_TALLIES,  /* tallies that began before until_ms are deleted */
    SWEEP_OBJECTS, /* objects deleted before until_ms are forgotten; environments, whose names do not come back, stay */
    SWEEP_RESEAL,  /* objects sealed under another key than `key_id` are sealed again through `reseal` */
    SWEEP_CANCEL   /* what is pending for ep of messages before until_ms is canceled, first what comes first */
};

/* Which deliveries a SWEEP_REPLAY is for. */
struct replay_filter {
    int status;       /* SUCCESS, FAIL or CANCELED; -1: SUCCESS and FAIL */
    int status_class; /* of the last attempt's answer: 0 = none, 100..500; -1: any, also of what was never tried */
    const struct str *event_types; /* NULL: all */
    size_t event_type_count;
    struct str channel; /* null: any */
    struct str tag;     /* null: any */
};

struct store_sweep {
    struct store_op op;
    enum store_sweep_kind sweep;
    oid_t ep;
    enum delivery_reason reason;
    int64_t since_ms;
    int64_t until_ms;
    int64_t now_ms;
    size_t rows_max;    /* of this step */
    oid_t cursor;       /* in: 0 to begin; out: where the next step goes on */
    int64_t cursor_pos; /* the same, of SWEEP_CANCEL: it goes on behind (cursor_pos, cursor) */
    const struct replay_filter *replay;
    bool more; /* out */
    /* out: rows changed in this step. A replay counts also what waits for an attempt by hand already, so that a step
     * that is done again counts the same. */
    size_t rows;
    size_t skipped; /* out, replay: rows that fit and have no payload */
    size_t visited; /* out, replay and cancel: rows looked at */
    uint32_t key_id;
    enum err (*reseal)(void *arg, struct str sealed, struct str identity, struct buf *out);
    void *reseal_arg;
};

/*
 * Settles messages of a workspace: with ERR_OK every message with an id up to `until` that ever will be committed is
 * committed, and readers see it. `until`, in: wanted; out: what could be had: less while older messages wait, never
 * less than before. Who remembers where it was in a list by id reads up to there and misses nothing.
 */
struct store_settle {
    struct store_op op;
    oid_t app;
    oid_t until;
};

void store_submit(struct store *s, struct store_op *op);
/* Ops linked by `next`, with one lock and one wake-up. */
void store_submit_chain(struct store *s, struct store_op *first, struct store_op *last);
/* Submits and waits; `op->home` and `op->done` are ignored. Never on a loop's thread. */
enum err store_run(struct store *s, struct store_op *op);
/* The same for many, which share groups; each has its own result. */
void store_run_all(struct store *s, struct store_op *const *ops, size_t count);

/* What is kept under a key; fills made and known. ERR_NOT_FOUND: nothing. Asks the writer and waits: not on a loop's
 * thread. */
MUST_USE enum err store_find_key(struct store *s, struct store_key *key);

/* ---- opening ------------------------------------------------------------------------------------------------------
 */

struct store_config {
    const char *path;       /* SQLite file; NULL: the memory store */
    size_t cache_bytes;     /* page cache of the writer, 0 = 64 MiB */
    size_t wal_cap_bytes;   /* past it the writer checkpoints between groups, 0 = 64 MiB */
    size_t ballast_bytes;   /* kept to make room when the disk is full, 0 = 1.25 × wal_cap or 5 % of the free space */
    size_t queue_bytes_max; /* waiting appends; over it ERR_BUSY, 0 = 64 MiB */
    bool read_only_ok;      /* for doctor: do not create */
};

/* Facts about the store that outlive a process. */
struct store_identity {
    struct hash_key id_key; /* of all outside ids */
    oid_t highest_oid;
    int64_t highest_time_ms;
    int schema_version;
};

/*
 * Opens, creating and migrating as needed, and completes a synced checkpoint before it returns. *why: a sentence that
 * says what to do. ERR_CONFLICT: another process has it open; ERR_INVALID: a newer schema or not our file; ERR_FULL;
 * ERR_IO.
 */
MUST_USE enum err store_open(const struct store_config *c, struct store **out, const char **why);
const struct store_identity *store_identity(const struct store *s);
/* Finishes what was submitted, checkpoints, closes. New submissions end with ERR_CLOSED. */
void store_close(struct store *s);

struct store_stats {
    uint64_t groups;
    uint64_t ops;
    uint64_t group_us_total; /* time from BEGIN to synced */
    uint64_t queued_ops;
    uint64_t queued_bytes;
    uint64_t wal_bytes;
    uint64_t file_bytes;
    bool full; /* the disk is full: appends are refused */
};
void store_stats(struct store *s, struct store_stats *out);

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

MUST_USE enum err store_reader_open(struct store *s, struct store_reader **out);
void store_reader_close(struct store_reader *r);

/* All reads fill slices from `a`. ERR_NOT_FOUND is an answer; ERR_UNAVAILABLE, ERR_IO are troubles. */
MUST_USE enum err store_get_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t id,
                                   struct object *out);
MUST_USE enum err store_find_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t env,
                                    oid_t app, struct str key, struct object *out);
/* Environments are named by strangers' tokens: found, or created on first write. 0 when it does not exist yet. */

struct object_query {
    enum object_kind kind;
    oid_t env;
    oid_t app;   /* 0: objects that belong to the environment */
    bool by_key; /* order by key instead of id */
    bool descending;
    oid_t after;          /* exclusive; 0 = from the end where the order begins */
    struct str after_key; /* with by_key */
    bool include_deleted;
    size_t limit;
};
/* Objects in order, at most limit. */
MUST_USE enum err store_list_objects(struct store_reader *r, struct arena *a, const struct object_query *q,
                                     struct object **out, size_t *count);
/* Version of a workspace's configuration (its objects); 0 = nothing ever written. Of an environment's id: that of what
 * all its workspaces share. */
MUST_USE enum err store_app_version(struct store_reader *r, oid_t app, uint64_t *out);

MUST_USE enum err store_get_message(struct store_reader *r, struct arena *a, oid_t app, oid_t id, bool with_payload,
                                    struct message *out);
MUST_USE enum err store_find_message(struct store_reader *r, struct arena *a, oid_t app, struct str event_id,
                                     bool with_payload, struct message *out);

/*
 * What a list with a filter may cost. A filter that hardly ever fits looks at many rows for one that does: after
 * rows_max of them, or VISIT_MAX_MS, the list ends where it stands, at least one row further on, and says where. Lists
 * without a filter look at what they return and are never cut.
 */
struct visit_budget {
    size_t rows_max; /* 0: no budget; a list that takes longer than 3 s is ERR_UNAVAILABLE */
    oid_t *stopped;  /* out, with rows_max: the last id looked at, to go on behind it; 0: nothing was left out */
};
#define VISIT_MAX_MS 50

struct message_query {
    oid_t app;
    oid_t ep;       /* 0: all messages of the workspace; else those with a delivery to ep */
    oid_t before;   /* exclusive upper bound of ids, 0 = none */
    oid_t after;    /* exclusive lower bound of ids, 0 = none */
    bool ascending; /* for pages backwards: the `limit` nearest above `after`, in ascending order */
    const struct str *event_types;
    size_t event_type_count;
    struct str channel; /* null = any */
    struct str tag;     /* null = any */
    int status;         /* with ep: enum delivery_status, -1 = any */
    bool failing;       /* with ep: only those whose last attempt failed, given up or to be tried again */
    bool with_payload;
    size_t limit;
    struct visit_budget budget;
};
/* Newest first unless `ascending`. deliveries (may be NULL) is filled in parallel when ep is given. */
MUST_USE enum err store_list_messages(struct store_reader *r, struct arena *a, const struct message_query *q,
                                      struct message **out, struct delivery **deliveries, size_t *count);

MUST_USE enum err store_get_delivery(struct store_reader *r, oid_t msg, oid_t ep, struct delivery *out);
/* Deliveries of a message by endpoint id, between the bounds (exclusive, before 0 = none). */
struct delivery_query {
    oid_t msg;
    oid_t before_ep;
    oid_t after_ep;
    bool ascending; /* the `limit` nearest above after_ep; else the nearest below before_ep, descending */
    size_t limit;
};
MUST_USE enum err store_list_deliveries(struct store_reader *r, struct arena *a, const struct delivery_query *q,
                                        struct delivery **out, size_t *count);

struct attempt_query {
    oid_t app;
    oid_t ep;  /* 0 = any (then msg or the whole workspace) */
    oid_t msg; /* 0 = any */
    oid_t before;
    oid_t after;
    bool ascending;
    int status;       /* enum delivery_status, -1 = any */
    int status_class; /* 0 = no answer, 100..500, -1 = any */
    const struct str *event_types;
    size_t event_type_count;
    struct str channel;
    struct str tag;
    bool with_content; /* else without headers and body */
    size_t limit;
    struct visit_budget budget;
};
MUST_USE enum err store_get_attempt(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out);
MUST_USE enum err store_list_attempts(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                                      struct attempt **out, size_t *count);

/*
 * How many attempts of one event type an endpoint had in a span of time: five minutes, or an hour for what has been
 * folded (SWEEP_FOLD). An attempt counts in the span in which it began, from the commit of its record on.
 */
#define TALLY_SPAN_MS ((int64_t)5 * 60 * 1000)
#define TALLY_HOUR_MS ((int64_t)60 * 60 * 1000)
struct tally {
    int64_t start_ms;
    oid_t ep;
    struct str event_type;
    uint64_t succeeded;
    uint64_t failed;
    int64_t total_us; /* how long they took, together */
    int64_t longest_us;
};
/* The spans that begin in [since, until) and the hours that end after since. */
struct tally_query {
    oid_t app;
    oid_t ep; /* 0: all of the workspace */
    int64_t since_ms;
    int64_t until_ms;
};
/* Calls visit for each, in no order; one may come in several parts, which add up. What it is given is borrowed until it
 * returns. Every attempt recorded before the call is counted once. */
MUST_USE enum err store_each_tally(struct store_reader *r, const struct tally_query *q,
                                   void (*visit)(void *arg, const struct tally *t), void *arg);

/* Deliveries of an endpoint by state, messages in [since, until). */
struct delivery_counts {
    uint64_t success;
    uint64_t pending;
    uint64_t fail;
    uint64_t canceled;
};
MUST_USE enum err store_count_deliveries(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                         struct delivery_counts *out);

/* ---- documents -----------------------------------------------------------------------------------------------------
 */

MUST_USE enum err store_get_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out);
MUST_USE enum err store_find_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                                 struct str key, struct doc *out);
struct doc_query {
    enum doc_kind kind;
    oid_t app;
    int64_t ref;
    oid_t about; /* 0: those of `ref`; else those about this, whatever they belong to */
    bool descending;
    oid_t after; /* exclusive; 0 = from the end where the order begins */
    size_t limit;
    unsigned statuses;          /* a bit for each status that is wanted; 0 = all */
    size_t data_max;            /* longer data is left out (null); 0 = none is */
    struct visit_budget budget; /* with statuses */
};
/* By id, at most limit. */
MUST_USE enum err store_list_docs(struct store_reader *r, struct arena *a, const struct doc_query *q, struct doc **out,
                                  size_t *count);
/* How many there are; counting stops at `most`. */
MUST_USE enum err store_count_docs(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t ref, size_t most,
                                   size_t *out);
/* Those of a place whose keys begin with `prefix`, by key, at most limit. */
MUST_USE enum err store_list_docs_by_key(struct store_reader *r, struct arena *a, const struct doc_query *q,
                                         struct str prefix, struct doc **out, size_t *count);

/* What is due, without its content. */
struct doc_due {
    oid_t id;
    oid_t app;
    int64_t due_ms;
};
#define DUE_OF_ALL ((oid_t)-1)
/* Documents of a kind, of one workspace or DUE_OF_ALL, that are due at until_ms, earliest first, at most limit.
 * *next_ms: when the first behind them is due, TIME_NEVER when none is. */
MUST_USE enum err store_due(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t until_ms,
                            struct doc_due *out, size_t limit, size_t *count, int64_t *next_ms);
/* The first workspace behind `after` (-1: of all) that has documents of the kind with a due time, and the earliest of
 * them. ERR_NOT_FOUND: there is none. */
MUST_USE enum err store_due_app(struct store_reader *r, enum doc_kind kind, oid_t after, struct doc_due *out);

/* ---- due work -----------------------------------------------------------------------------------------------------
 */

/* An endpoint that has pending work, and its first piece by `pos`. */
struct pending_summary {
    oid_t ep;
    int64_t pos;
    int64_t due_ms;
};
/* Endpoints with pending work, by id from after_ep (exclusive). Costs a seek per endpoint, not per delivery. */
MUST_USE enum err store_list_pending(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                                     struct pending_summary **out, size_t *count);

struct pending_delivery {
    struct delivery delivery;
    struct message message;
};
struct pending_query {
    oid_t ep;
    int64_t from_pos;  /* only rows with pos >= this */
    int64_t until_pos; /* only rows with pos <= this */
    size_t limit;
    size_t bytes_max; /* stops after the row that passes it */
};
/* An endpoint's pending work in order of pos, with its messages. *next_pos: the pos of the first row behind them, or
 * TIME_NEVER when there is none at all. */
MUST_USE enum err store_load_pending(struct store_reader *r, struct arena *a, const struct pending_query *q,
                                     struct pending_delivery **out, size_t *count, int64_t *next_pos);

/* What a transformation made for a delivery; gone with the payload. ERR_NOT_FOUND: nothing yet. */
MUST_USE enum err store_get_transformed(struct store_reader *r, struct arena *a, oid_t msg, oid_t ep,
                                        struct transformed *out);
MUST_USE enum err store_get_health(struct store_reader *r, oid_t ep, struct endpoint_health *out);
/* Total pending deliveries (approximate beyond limit). */
MUST_USE enum err store_count_pending(struct store_reader *r, uint64_t limit, uint64_t *out);

/* ---- keeping --------------------------------------------------------------------------------------------------------
 */

/* Copies the store into a new file while writes go on; equal to the state at its end. progress may be NULL. */
MUST_USE enum err store_backup(struct store *s, const char *to_path, void (*progress)(void *arg, int percent),
                               void *arg, const char **why);

#endif
