/* SPDX-License-Identifier: Apache-2.0 */
/* Counts as the log of a group holds them: what is written comes back, and what is cut off or changed is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/tally_code.h"

static const struct tally_entry entries[] = {
        {.start_ms = 1700000000000,
         .app = 7,
         .ep = 9,
         .type = {"a.b", 3},
         .succeeded = 1,
         .total_us = 5,
         .longest_us = 5},
        {.start_ms = 1700000000000,
         .app = 7,
         .ep = 8,
         .type = {"a.b", 3},
         .failed = 300,
         .total_us = 70000,
         .longest_us = 400},
        {.start_ms = 1699999700000, .app = INT64_MAX, .ep = 1, .type = {"", 0}, .succeeded = INT64_MAX},
        {.start_ms = 0,
         .app = 1,
         .ep = INT64_MAX,
         .type = {"", 0},
         .failed = 2,
         .total_us = INT64_MAX,
         .longest_us = 0},
        {.start_ms = INT64_MAX, .app = INT64_MIN, .ep = 1, .type = {"a.b.c", 5}, .total_us = -3, .longest_us = -3},
};

static void encode(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        tally_encode(i > 0 ? &entries[i - 1] : NULL, &entries[i], out);
    assert_false(out->overflow);
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    struct tally_entry t = {.type = STR_NULL};
    encode(&out);
    struct str rest = buf_str(&out);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        assert_true(tally_decode(&rest, &t));
        assert_int_equal(tally_compare(&t, &entries[i]), 0);
        assert_int_equal(t.succeeded, entries[i].succeeded);
        assert_int_equal(t.failed, entries[i].failed);
        assert_int_equal(t.total_us, entries[i].total_us);
        assert_int_equal(t.longest_us, entries[i].longest_us);
    }
    assert_int_equal(rest.len, 0);
    assert_false(tally_decode(&rest, &t));
    buf_fini(&out);
}

/* Every text that is cut off, and every one with a byte that is another: no read past its end, no endless walk. */
static void damage_ends_the_walk(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    encode(&out);
    for (size_t len = 0; len <= out.len; len++) {
        AUTO_FREE char *copy = mem_strndup(out.ptr, len);
        for (int flip = 0; flip < (len > 0 ? 256 : 1); flip++) {
            struct str rest = str_of(copy, len);
            struct tally_entry t = {.type = STR_NULL};
            size_t n = 0;
            if (len > 0)
                copy[len * 5 / 7] = (char)flip;
            while (tally_decode(&rest, &t))
                n++;
            assert_true(n <= len);
        }
    }
    struct str none = STR("\x00\x00\x00\x00"); /* the type of the one before, at the beginning */
    struct tally_entry t = {.type = STR_NULL};
    assert_false(tally_decode(&none, &t));
    assert_int_equal(none.len, 4);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_is_written_comes_back),
            cmocka_unit_test(damage_ends_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
