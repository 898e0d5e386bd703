/* SPDX-License-Identifier: Apache-2.0 */
/* Two stores that were given the same operations, and what is known of them. See test_same.c. */
#ifndef PR_TESTS_STORE_SAME_H
#define PR_TESTS_STORE_SAME_H

#include "fixture.h"

enum { APPS = 3, EPS = 5, FIFO_EPS = 2, OBJECTS = 400, MESSAGES = 400, ATTEMPTS = 400, DOCS = 100, SAME_KEYS = 30 };

struct same_object {
    oid_t id;
    enum object_kind kind;
};

struct same_message {
    oid_t id;
    oid_t app;
};

struct same_doc {
    oid_t id;
    enum doc_kind kind;
};

struct same {
    struct fixture f[2]; /* SQLite, memory; ids, time and arena are those of the first */
    uint64_t random;
    size_t done; /* operations */
    oid_t app[APPS];
    oid_t ep[EPS]; /* the first FIFO_EPS of them keep an order */
    struct same_object objects[OBJECTS];
    size_t object_count;
    struct same_message messages[MESSAGES]; /* the latest, as a ring */
    size_t message_count;
    struct same_message attempts[ATTEMPTS];
    size_t attempt_count;
    struct same_doc docs[DOCS];
    size_t doc_count;
    bool counts_wait; /* attempts were recorded in this group: they count from its commit on, which the memory store
                         does not wait for */
    bool with_keys;   /* some appends carry idempotency keys */
    /* Does the operation to a store. A driver whose disk fails sets `broken`: then the result says nothing, and nothing
     * more is done. */
    enum err (*one)(struct same *s, size_t which, struct store_op *op);
    bool broken;
};

/* A random operation to both; fails when the results differ. */
void same_do_one(struct same *s);

/* 0..n-1 */
size_t same_pick(struct same *s, size_t n);
bool same_chance(struct same *s, size_t percent);
/* One of a few keys. */
const char *same_key(struct same *s);
const struct same_message *same_message(struct same *s);
/* A few random reads of each kind. */
void same_compare_some(struct same *s);
/* Everything that is known. */
void same_compare_all(struct same *s);

#endif
