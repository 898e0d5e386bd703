/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the API share: an API over a memory store, and short ways to ask it. */
#ifndef PR_TESTS_API_FIXTURE_H
#define PR_TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/time.h"

#define NOW 1795000000000
#define E   "/api/v1/app/w/endpoint"

struct fixture {
    struct store *store;
    struct store_reader *reader;
    struct keyring *keys;
    struct catalog *catalog;
    struct oid_source oids;
    struct arena *arena;
    struct ssrf_policy urls;
    struct api api;
    _Atomic int config_changes, endpoint_changes;
    _Atomic int pending_calls;
    int expunged_calls;
    struct buf answer; /* the last, NUL-terminated */
    int status;
    struct str headers; /* of the last answer */
    char tokens[4][600];
};

/* Whose token a step uses. */
enum { NONE, ENV_A, ENV_B, ENV_NEW };

int fx_setup(void **state);
int fx_teardown(void **state);
#define FX_TEST(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

/* Asks; the answer is in f->status, f->answer and f->headers. */
void request_as(struct fixture *f, const char *authorization, const char *method, const char *path, const char *body);
void request(struct fixture *f, int who, const char *method, const char *path, const char *body);

struct api_step {
    int who;
    const char *method;
    const char *path;
    const char *body;
    int status;
    const char *has;     /* in the answer, NULL: anything */
    const char *has_not; /* NULL: anything */
};

void run_steps(struct fixture *f, const struct api_step *steps, size_t count);
#define RUN(steps) run_steps(*state, (steps), ARRAY_LEN(steps))

/* The value of the first "name":"value" in the last answer. */
char *pick(struct fixture *f, const char *name);
char *path_of(struct fixture *f, const char *fmt, const char *id);
void expect(struct fixture *f, const char *method, const char *path, const char *body, int status, const char *has);
void wait_for_task(struct fixture *f, const char *id);
int status_as(struct fixture *f, const char *token, const char *method, const char *path, const char *body);

/* Topics: tests/api/test_*.c */
extern const struct CMUnitTest resource_tests[], message_tests[], access_tests[], turn_tests[];
extern const size_t resource_test_count, message_test_count, access_test_count, turn_test_count;

#endif
