/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/capture.h"

static char body[16384];

static size_t answer(struct capture *c, unsigned n, size_t len, int64_t now_ms)
{
    memset(body, 'x', sizeof body);
    memcpy(body, &n, sizeof n);
    return capture_bytes(c, str_of(body, len), now_ms);
}

static void the_same_is_kept_short(void **state)
{
    (void)state;
    struct capture c = {0};
    for (unsigned n = 0; n < 31; n++) /* nobody repeats himself that often in earnest */
        assert_int_equal(answer(&c, 1, 16384, 1000), 16384);
    for (unsigned n = 0; n < 10; n++)
        (void)answer(&c, 1, 16384, 1000);
    assert_int_equal(answer(&c, 1, 16384, 1001), CAPTURE_SHORT_BYTES);
    assert_int_equal(answer(&c, 2, 16384, 1002), 16384);
    assert_int_equal(answer(&c, 1, 16384, 1003), 16384);
    assert_int_equal(answer(&c, 1, 900, 1004), 900);
    assert_int_equal(answer(&c, 1, 0, 1004), 0);
}

static void a_flood_meets_the_budget(void **state)
{
    (void)state;
    struct capture c = {0};
    size_t kept = 0;
    for (unsigned n = 0; n < 10000; n++) /* ten seconds, all different */
        kept += answer(&c, n, 16384, 1000 + n);
    assert_true(kept <= CAPTURE_BURST_BYTES + 10 * CAPTURE_RATE_BYTES + 10000 * CAPTURE_SHORT_BYTES);
    assert_int_equal(answer(&c, 77777, 16384, 11000), CAPTURE_SHORT_BYTES);
    assert_int_equal(answer(&c, 77778, 16384, 13000), 16384); /* two seconds later there is room for one again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_same_is_kept_short),
            cmocka_unit_test(a_flood_meets_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
