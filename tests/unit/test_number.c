/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/number.h"

static void compares_exactly(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
            {"1", "1.0", 0},
            {"1", "1e0", 0},
            {"100", "1E2", 0},
            {"100.00", "1e+2", 0},
            {"0.001", "1e-3", 0},
            {"10e-1", "1", 0},
            {"0", "-0", 0},
            {"0.0", "0e99", 0},
            {"-1.50", "-1.5", 0},
            {"9007199254740993", "9007199254740992", 1},
            {"0.1", "0.10000000000000001", -1},
            {"18446744073709551616", "18446744073709551615", 1},
            {"-2", "1", -1},
            {"-2", "-1", -1},
            {"-1", "-2", 1},
            {"0", "1", -1},
            {"-1", "0", -1},
            {"1e400", "1e399", 1},
            {"1e-400", "0", 1},
            {"-1e-400", "0", -1},
            {"99", "100", -1},
            {"0.5", "0.05", 1},
            {"1.05", "1.5", -1},
            {"101", "10.1e1", 0},
            {"123.456", "123.4567", -1},
            {"1e999999999999999999999", "1e999999999999999999999", 0},
            {"1e-999999999999999999999", "1e999999999999999999999", -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int order = json_number_cmp(str_c(rows[i].a), str_c(rows[i].b));
        if (order != rows[i].order || json_number_cmp(str_c(rows[i].b), str_c(rows[i].a)) != -rows[i].order)
            fail_msg("%s and %s: %d", rows[i].a, rows[i].b, order);
    }
}

static void knows_whole_numbers(void **state)
{
    static const char *const whole[] = {"0", "-0.0", "1", "-7", "1.0", "1e3", "10e-1", "1.50e1", "1e400", "120e-1"};
    static const char *const not [] = {"0.5", "1.5", "1e-1", "-0.001", "15e-1", "1e-400", "12.34e1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        assert_true(json_number_is_whole(str_c(whole[i])));
    for (size_t i = 0; i < ARRAY_LEN(not ); i++)
        assert_false(json_number_is_whole(str_c(not [i])));
}

static void divides(void **state)
{
    static const struct {
        const char *value, *by;
        bool fits;
    } rows[] = {
            {"10", "5", true},
            {"10", "3", false},
            {"0", "7", true},
            {"-9", "3", true},
            {"0.0075", "0.0001", true},
            {"0.00751", "0.0001", false},
            {"4.5", "1.5", true},
            {"35", "1.5", false},
            {"19.99", "0.01", true},
            {"19.995", "0.01", false},
            {"1e308", "0.5", true},
            {"12391239123", "1e-8", true},
            {"100", "1e2", true},
            {"150", "1e2", false},
            {"1e30", "7", false},
            {"1", "10", false},
            {"9007199254740993", "2", false},
            {"1e400", "3", false},
            {"3e400", "3", true},
    };
    static const char *const refused[] = {"0", "-1", "0.0", "1234567890123456789"};
    struct json_divisor by;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(json_divisor_read(str_c(rows[i].by), &by), ERR_OK);
        if (json_number_divides(str_c(rows[i].value), &by) != rows[i].fits)
            fail_msg("%s by %s", rows[i].value, rows[i].by);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_equal(json_divisor_read(str_c(refused[i]), &by), ERR_INVALID);
    assert_int_equal(json_divisor_read(STR("123456789012345678000000"), &by), ERR_OK);
}

static void equal_values(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
            {"1", "1.0", true},
            {"1", "\"1\"", false},
            {"0", "false", false},
            {"null", "null", true},
            {"\"a\"", "\"\\u0061\"", true},
            {"[1,2]", "[1.0,2e0]", true},
            {"[1,2]", "[2,1]", false},
            {"[1]", "[1,1]", false},
            {"[]", "{}", false},
            {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
            {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
            {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
            {"{\"a\":0,\"a\":1}", "{\"a\":1}", true},
            {"{\"a\":{\"b\":[null]}}", "{\"a\":{\"b\":[null]}}", true},
            {"{\"a\":{\"b\":[null]}}", "{\"a\":{\"b\":[0]}}", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct json *x, *y;
        size_t steps = 1000, none = 1;
        assert_int_equal(json_parse(a, str_c(rows[i].a), &x, NULL), ERR_OK);
        assert_int_equal(json_parse(a, str_c(rows[i].b), &y, NULL), ERR_OK);
        if (json_equal(x, y, &steps) != rows[i].same || json_equal(y, x, &steps) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        assert_false(json_equal(x, x, &none));
        assert_int_equal(none, 0);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(compares_exactly),
            cmocka_unit_test(knows_whole_numbers),
            cmocka_unit_test(divides),
            cmocka_unit_test(equal_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
