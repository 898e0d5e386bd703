/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same random operations against the SQLite store and the memory store: every result and every read must be the
 * same. test_same [seed [operations]]; without a seed a few fixed ones. A failure prints its seed.
 *
 * Places in a FIFO order come from the clock, so of those only the order is compared, and whether there is a place.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "same.h"

static enum err one(struct same *s, size_t which, struct store_op *op)
{
    return store_run(s->f[which].store, op);
}

static void run_seed(uint64_t seed, size_t operations)
{
    static struct same s;
    s = (struct same){.random = seed, .one = one};
    print_message("seed %llu\n", (unsigned long long)seed);
    fx_open(&s.f[0], false);
    fx_open(&s.f[1], true);
    for (size_t i = 0; i < APPS; i++) {
        struct object o = fx_object(&s.f[0], OBJ_APP, 0, NULL);
        s.app[i] = o.id;
        OK(fx_change(&s.f[0], OBJECT_CREATE, &o, 0));
        OK(fx_change(&s.f[1], OBJECT_CREATE, &o, 0));
    }
    for (size_t i = 0; i < EPS; i++)
        s.ep[i] = fx_id(&s.f[0]);
    for (size_t i = 0; i < operations; i++) {
        same_do_one(&s);
        if (i % 5 == 0)
            same_compare_some(&s);
        if (i % 200 == 199)
            fx_reopen(&s.f[0]);
    }
    same_compare_all(&s);
    fx_close(&s.f[0]);
    fx_close(&s.f[1]);
}

static uint64_t given_seed;
static size_t operations = 600;

static void backends_agree(void **state)
{
    (void)state;
    if (given_seed != 0) {
        run_seed(given_seed, operations);
        return;
    }
    for (uint64_t seed = 1; seed <= 6; seed++)
        run_seed(seed, operations);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        given_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        operations = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(backends_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
