/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every test of the store shares: a store of the backend under test in a directory of its own, and short ways to
 * write and read. Everything the helpers return lives until the test ends. A helper that returns nothing fails the test
 * when the store says no.
 */
#ifndef PR_TESTS_STORE_FIXTURE_H
#define PR_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "store/store.h"

#define OK(expr) assert_int_equal((expr), ERR_OK)
/* Long before any real clock: the places of FIFO deliveries come from that one, and stay behind all times of tests. */
#define TEST_START_MS ((int64_t)1610000000000)

struct fixture {
    bool memory; /* which backend; see fx_use_memory */
    char dir[64];
    char path[96];
    struct store *store;
    struct store_reader *reader;
    struct arena *arena;
    int64_t now_ms; /* tests move it themselves */
    oid_t last_id;
    oid_t env;
};

/* Chosen once by main: the backend that fx_setup opens. */
extern bool fx_use_memory;

int fx_setup(void **state);
int fx_teardown(void **state);
#define FX_TEST(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

/* The same without cmocka, for tests that need two stores. */
void fx_open(struct fixture *f, bool memory);
void fx_close(struct fixture *f);
/* Closes the store and opens it again. Not for the memory store, which forgets. */
void fx_reopen(struct fixture *f);

/* A new id at now_ms, greater than all before. */
oid_t fx_id(struct fixture *f);
struct str fx_printf(struct fixture *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- objects ---- */
struct object fx_object(struct fixture *f, enum object_kind kind, oid_t app, const char *key);
enum err fx_change(struct fixture *f, enum object_change_kind change, const struct object *o,
                   uint64_t expected_version);
/* A workspace with its id, alive. */
oid_t fx_app(struct fixture *f);
uint64_t fx_app_version(struct fixture *f, oid_t app);

/* ---- messages ---- */
/* A message with a payload of its own and the type "a.b"; payload ages out in 90 days. */
struct message fx_message(struct fixture *f, oid_t app);
enum err fx_append(struct fixture *f, const struct message *m, struct store_target *targets, size_t count);
/* A message to one endpoint that is due at due_ms. Returns its id. */
oid_t fx_send(struct fixture *f, oid_t app, oid_t ep, int64_t due_ms);
/* As above to a FIFO endpoint; returns the pos. */
oid_t fx_send_fifo(struct fixture *f, oid_t app, oid_t ep, int64_t *pos);

/* ---- outcomes ---- */
struct fx_outcome {
    int number;
    enum attempt_trigger trigger;
    enum delivery_status status; /* the schedule's next state */
    enum delivery_reason reason;
    int64_t due_ms;
    bool not_in_order; /* the endpoint is not FIFO (any more) */
    int http_status;
    const struct endpoint_health *health;
};
struct attempt fx_attempt(struct fixture *f, oid_t app, oid_t msg, oid_t ep, const struct fx_outcome *o);
/* Records; returns `moved`. */
bool fx_record(struct fixture *f, oid_t app, oid_t msg, oid_t ep, struct fx_outcome o);
enum err fx_resend(struct fixture *f, oid_t app, oid_t msg, oid_t ep, enum attempt_trigger trigger);
struct delivery fx_delivery(struct fixture *f, oid_t msg, oid_t ep);
/* Runs the sweep in steps of rows_max until it is done; returns the rows of all steps. */
size_t fx_sweep(struct fixture *f, struct store_sweep sweep, size_t *steps);

/* Submits `count` operations as one chain, so that they share a group, and waits for all. `stride`: size of the array's
 * items, which begin with their op. */
void fx_run_together(struct fixture *f, struct store_op *first, size_t stride, size_t count);

/* The same for operations of several kinds. */
void fx_run_mixed(struct fixture *f, struct store_op **ops, size_t count);

/* ---- comparing ---- */
void fx_same_str(struct str a, struct str b, const char *what);
void fx_same_message(const struct message *a, const struct message *b);
void fx_same_delivery(const struct delivery *a, const struct delivery *b);
void fx_same_attempt(const struct attempt *a, const struct attempt *b);
void fx_same_object(const struct object *a, const struct object *b);

/* ---- skipping ---- */
#define FX_FILES_ONLY(f)                                                                                               \
    if ((f)->memory) {                                                                                                 \
        print_message("skipped: the memory store has no file\n");                                                      \
        skip();                                                                                                        \
    }

#endif
