/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "json/tree.h"
#include "json/yaml.h"

static void becomes_json(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *json;
    } rows[] = {
            {"a: 1", "{\"a\":1}"},
            {"- 1\n- two\n- [x, {y: z}]", "[1,\"two\",[\"x\",{\"y\":\"z\"}]]"},
            {"{}", "{}"},
            {"'quoted'", "\"quoted\""},
            {"a:\nb: ~\nc: null\nd: ''", "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"\"}"},
            {"[true, False, yes, no, on]", "[true,false,\"yes\",\"no\",\"on\"]"},
            {"[007, +5, -0, 1., .5, -.5e3, 1E+2, 0x1F, 0o17]", "[7,5,-0,1,0.5,-0.5e3,1E+2,31,15]"},
            {"[1.2.3, 1e, -, ., 0x, 0xzz, 1_000, .inf, 12:30]",
             "[\"1.2.3\",\"1e\",\"-\",\".\",\"0x\",\"0xzz\",\"1_000\",\".inf\",\"12:30\"]"},
            {"200: x\ntrue: y", "{\"200\":\"x\",\"true\":\"y\"}"},
            {"[!!str 5, \"6\", !!str true]", "[\"5\",\"6\",\"true\"]"},
            {"a: |\n  one\n  two\nb: >\n  three\n  four\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"three four\\n\"}"},
            {"a: &x {b: 1}\nc: *x\nd: [*x, *x]", "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":[{\"b\":1},{\"b\":1}]}"},
            {"a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}"},
            {"&k key: 1\nb: *k", "{\"key\":1,\"b\":\"key\"}"},
            {"---\na: \"\\u00e9 \\\"\"\n...\n", "{\"a\":\"\xc3\xa9 \\\"\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(4096);
        struct yaml_error error;
        assert_int_equal(yaml_to_json(str_c(rows[i].yaml), &out, &error), ERR_OK);
        buf_add_c(&out, '\0');
        assert_string_equal(out.ptr, rows[i].json);
        buf_fini(&out);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t line;
    } rows[] = {
            {"", 1},
            {"a: [1, 2", 2},
            {"a: 1\nb: *nobody", 2},
            {"a: &x [*x]", 1},
            {"? [a, b]\n: 1", 1},
            {"a: 1\n---\nb: 2", 2},
            {"a: 1\n b: 2", 2},
            {"\xff", 1},
            {"a: \"\x01\"", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(4096);
        struct yaml_error error = {0};
        assert_int_equal(yaml_to_json(str_c(rows[i].yaml), &out, &error), ERR_SYNTAX);
        assert_true(error.line >= 1 && error.line <= rows[i].line);
        assert_non_null(error.why);
        buf_fini(&out);
    }
}

/* Nine levels of ten aliases each would be 10^9 values; and nesting has an end. */
static void stays_within_its_bounds(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20), out = BUF_INIT(65536);
    struct yaml_error error;
    buf_add_str(&text, STR("a0: &a0 [lol, lol]\n"));
    for (int i = 1; i < 10; i++) {
        buf_addf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_addf(&text, "%s*a%d", j > 0 ? ", " : "", i - 1);
        buf_add_str(&text, STR("]\n"));
    }
    assert_int_equal(yaml_to_json(buf_str(&text), &out, &error), ERR_SYNTAX);
    assert_string_equal(error.why, "becomes too large");
    assert_true(out.len <= 65536);
    buf_clear(&text);
    buf_fini(&out);
    out = BUF_INIT(65536);
    for (int i = 0; i < 100000; i++)
        buf_add_c(&text, '[');
    assert_int_equal(yaml_to_json(buf_str(&text), &out, &error), ERR_SYNTAX);
    buf_fini(&text);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(becomes_json),
            cmocka_unit_test(says_what_is_wrong),
            cmocka_unit_test(stays_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
