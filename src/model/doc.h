/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: what comes in from outside and what is done with it. One shape for records, requests, runs and their
 * steps: a place (kind, workspace, what it belongs to), an optional unique key there, a status, a time at which
 * something is due, and a JSON body whose meaning is that of whoever wrote it. Unlike configuration objects
 * (model/object.h) they are many, they change often, they age out, and none of them changes what a message matches.
 */
#ifndef PR_MODEL_DOC_H
#define PR_MODEL_DOC_H

#include "base/oid.h"

/* X(symbol, number on disk, id prefix, what `ref` names). Numbers are never reused. */
#define DOC_TABLE(X)                                                                                                   \
    X(RECORD, 1, "rec_", "its type, an OBJ_RECORD_TYPE")                                                               \
    X(CHANGE, 2, "chg_", "the record whose history it is of")                                                          \
    X(REQUEST, 3, "req_", "the trigger that received it")                                                              \
    X(SEEN, 4, "seen_", "the trigger that must not start twice for one key")                                           \
    X(RUN, 5, "run_", "the automation")                                                                                \
    X(STEP, 6, "step_", "the run")                                                                                     \
    X(MAIL, 7, "mail_", "whom it is about, 0 = nobody")                                                                \
    X(CUE, 8, "cue_", "the automation whose schedule it is; 0 = something happened that may start or wake runs")       \
    X(WAIT, 9, "wait_", "a hash of the event type that a run waits for")                                               \
    X(CONSUMER, 10, "cons_", "the polling endpoint that it reads")                                                     \
    X(IMPORT, 11, "imp_", "the task that it is of; 0 = what an import that is under way is to do")                     \
    X(PLACE, 12, "place_", "the automation that has only so many places for runs; its key is the place's number")      \
    X(CHAIN, 13, "chain_", "the run that began by itself and that other runs come from: how many")

enum doc_kind {
#define DOC_ENUM(sym, num, prefix, ref) DOC_##sym = (num),
    DOC_TABLE(DOC_ENUM)
#undef DOC_ENUM
};

const char *doc_prefix(enum doc_kind kind);

struct doc {
    oid_t id;
    enum doc_kind kind;
    oid_t app;        /* the workspace, 0 = none */
    int64_t ref;      /* see DOC_TABLE */
    oid_t about;      /* of a run: the record that it is about; 0 = none */
    struct str key;   /* unique in (kind, app, ref); null: none */
    int status;       /* the kind's own */
    int64_t due_ms;   /* when something is to be done with it; 0 = never */
    int64_t purge_ms; /* when it may be forgotten; 0 = never */
    struct str body;  /* JSON */
    struct str data;  /* bytes that are not JSON; null: none */
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t version; /* 1 at creation, +1 with each change */
};

enum doc_change_kind { DOC_CREATE, DOC_UPDATE, DOC_DELETE };

/* UPDATE replaces about, key, status, due_ms, purge_ms, body, data and updated_ms; DELETE needs kind and id and is for
 * good.
 */
struct doc_change {
    enum doc_change_kind change;
    struct doc doc;            /* out: version */
    uint64_t expected_version; /* UPDATE, DELETE: ERR_STALE when it is at another; 0 = whatever it is at */
};

#endif
