/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/tree.h"
#include "json/write.h"

/* Rows hold NUL bytes, so lengths come from the literals. */
#define ROW(lit)                                                                                                       \
    {                                                                                                                  \
        lit, sizeof lit - 1                                                                                            \
    }

struct row {
    const char *text;
    size_t len;
};

static void accepts(void **state)
{
    (void)state;
    static const struct row rows[] = {
            ROW("0"),
            ROW("-0"),
            ROW("1.10"),
            ROW("1E400"),
            ROW("-1.5e-3"),
            ROW("1e+2"),
            ROW("18446744073709551616"),
            ROW("123456789012345678901234567890"),
            ROW("0.0"),
            ROW("0e0"),
            ROW("true"),
            ROW("false"),
            ROW("null"),
            ROW(" \t\r\n null \n"),
            ROW("\"\""),
            ROW("\"a\""),
            ROW("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\""),
            ROW("\"\\u0000\""),
            ROW("\"\\ud800\""),
            ROW("\"\\udc00\\ud800\""),
            ROW("\"\\ud83d\\ude00\""),
            ROW("\"\xc3\xa9\""),
            ROW("\"\xe2\x82\xac\""),
            ROW("\"\xf0\x9f\x98\x80\""),
            ROW("\"\xf4\x8f\xbf\xbf\""),
            ROW("\"\xed\x9f\xbf\""),
            ROW("\"\xee\x80\x80\""),
            ROW("\"\x7f\""),
            ROW("\"\xe2\x80\xa8\""),
            ROW("[]"),
            ROW("[ ]"),
            ROW("{}"),
            ROW("{ }"),
            ROW("[1,2]"),
            ROW("[1 , 2 ]"),
            ROW("[[],{},[[]]]"),
            ROW("{\"a\":1}"),
            ROW("{\"a\" : 1 , \"b\":[{\"c\":{}}]}"),
            ROW("{\"a\":1,\"a\":2}"),
            ROW("{\"\":0}"),
            ROW("[null]"),
            ROW("\"\xef\xbb\xbf\""),
            ROW("\"0123456789abcdef0123456789abcdef\xc3\xa9 and more ascii text\""),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_slice v;
        struct json_error e = {0};
        if (json_check(str_of(rows[i].text, rows[i].len), &v, &e) != ERR_OK)
            fail_msg("row %zu refused at %zu: %s", i, e.offset, e.what);
        assert_true(str_eq(v.raw, str_trim(str_of(rows[i].text, rows[i].len))));
    }
}

static void refuses_with_position(void **state)
{
    (void)state;
    static const struct {
        struct row doc;
        size_t offset;
    } rows[] = {
            {ROW(""), 0},
            {ROW(" "), 1},
            {ROW("01"), 1},
            {ROW("-01"), 2},
            {ROW("-"), 1},
            {ROW("-a"), 1},
            {ROW("+1"), 0},
            {ROW("1."), 2},
            {ROW("1.e1"), 2},
            {ROW(".5"), 0},
            {ROW("1e"), 2},
            {ROW("1e+"), 3},
            {ROW("0x1"), 1},
            {ROW("NaN"), 0},
            {ROW("Infinity"), 0},
            {ROW("-Infinity"), 1},
            {ROW("1 2"), 2},
            {ROW("1\0"), 1},
            {ROW("tru"), 3},
            {ROW("trux"), 3},
            {ROW("True"), 0},
            {ROW("nul"), 3},
            {ROW("truee"), 4},
            {ROW("\""), 1},
            {ROW("\"abc"), 4},
            {ROW("\"a\nb\""), 2},
            {ROW("\"a\tb\""), 2},
            {ROW("\"a\0b\""), 2},
            {ROW("\"\x1f\""), 1},
            {ROW("\"\\x\""), 2},
            {ROW("\"\\"), 2},
            {ROW("\"\\\0\""), 2},
            {ROW("\"\\u12\""), 5},
            {ROW("\"\\u12g4\""), 5},
            {ROW("\"\\U0041\""), 2},
            {ROW("'a'"), 0},
            {ROW("\"\x80\""), 1},
            {ROW("\"\xff\""), 1},
            {ROW("\"\xc0\xaf\""), 1},
            {ROW("\"\xc1\xbf\""), 1},
            {ROW("\"\xe0\x80\xaf\""), 2},
            {ROW("\"\xed\xa0\x80\""), 2},
            {ROW("\"\xf4\x90\x80\x80\""), 2},
            {ROW("\"\xf0\x80\x80\x80\""), 2},
            {ROW("\"\xf5\x80\x80\x80\""), 1},
            {ROW("\"\xe2\x82\""), 3},
            {ROW("\"\xc3"), 2},
            {ROW("\"\xf0\x9f\x98"), 4},
            {ROW("["), 1},
            {ROW("[1"), 2},
            {ROW("[1,"), 3},
            {ROW("[1,]"), 3},
            {ROW("[,1]"), 1},
            {ROW("[1 2]"), 3},
            {ROW("[1}"), 2},
            {ROW("]"), 0},
            {ROW("{"), 1},
            {ROW("{\"a\""), 4},
            {ROW("{\"a\":"), 5},
            {ROW("{\"a\":1"), 6},
            {ROW("{\"a\":1,}"), 7},
            {ROW("{\"a\" 1}"), 5},
            {ROW("{a:1}"), 1},
            {ROW("{1:1}"), 1},
            {ROW("{\"a\":}"), 5},
            {ROW("{\"a\":1]"), 6},
            {ROW("{,}"), 1},
            {ROW("{} x"), 3},
            {ROW("[]]"), 2},
            {ROW("[1]\0"), 3},
            {ROW("\xef\xbb\xbf{}"), 0},
            {ROW("\xff\xfe"), 0},
            {ROW("[\"a\",\n \"b\x01\"]"), 9},
            {ROW("/**/1"), 0},
            {ROW("[1]//"), 3},
            {ROW("\f1"), 0},
            {ROW("\xc2\xa0"
                 "1"),
             0},
            {ROW("{\"a\":1,\"b\" }"), 11},
            {ROW("[\"12345678\\q\"]"), 11},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str doc = str_of(rows[i].doc.text, rows[i].doc.len);
        struct json_slice v;
        struct json_error e = {0};
        if (json_check(doc, &v, &e) != ERR_SYNTAX)
            fail_msg("row %zu accepted", i);
        if (e.offset != rows[i].offset)
            fail_msg("row %zu: offset %zu, wanted %zu (%s)", i, e.offset, rows[i].offset, e.what);
        assert_non_null(e.what);
        assert_int_equal(json_check(doc, &v, NULL), ERR_SYNTAX);
    }
}

static void line_and_column(void **state)
{
    (void)state;
    struct json_slice v;
    struct json_error e;
    assert_int_equal(json_check(STR("{\n  \"a\": 1,\n  \"b\": x\n}"), &v, &e), ERR_SYNTAX);
    assert_int_equal(e.offset, 19);
    assert_int_equal(e.line, 3);
    assert_int_equal(e.column, 8);
    assert_int_equal(json_check(STR("[1,2"), &v, &e), ERR_SYNTAX);
    assert_int_equal(e.line, 1);
    assert_int_equal(e.column, 5);
    assert_string_equal(e.what, "unexpected end");
    assert_int_equal(json_check(STR_NULL, &v, &e), ERR_SYNTAX);
}

/* Every prefix of a good document is refused exactly at its end, whatever the word boundaries are. */
static void prefixes_are_refused_at_their_end(void **state)
{
    (void)state;
    struct str doc =
            STR("{\"name\":\"J\xc3\xb6rg \\u00e9\\n and some more text\",\"n\":[true,false,null,{\"x\":-0.5e+10}]}");
    struct json_slice v;
    struct json_error e;
    assert_int_equal(json_check(doc, &v, NULL), ERR_OK);
    for (size_t n = 0; n < doc.len; n++) {
        assert_int_equal(json_check(str_take(doc, n), &v, &e), ERR_SYNTAX);
        assert_int_equal(e.offset, n);
    }
}

/* A special byte at every place of a word. */
static void string_words(void **state)
{
    (void)state;
    for (size_t len = 0; len < 40; len++) {
        for (int c = 0; c < 256; c++) {
            char doc[64];
            memset(doc, 'x', sizeof doc);
            doc[0] = '"';
            doc[1 + len] = (char)c;
            doc[2 + len + 8] = '"';
            struct json_slice v;
            struct json_error e = {0};
            enum err got = json_check(str_of(doc, len + 11), &v, &e);
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            assert_int_equal(got == ERR_OK, plain);
            size_t expect = 1 + len;
            if (c == '"' || c == '\\' || (c >= 0xc2 && c <= 0xf4))
                expect++;
            if (!plain)
                assert_int_equal(e.offset, expect);
        }
    }
}

static void depth(void **state)
{
    (void)state;
    static char doc[600];
    for (size_t n = 126; n <= 130; n++) {
        struct json_slice v;
        struct json_error e;
        memset(doc, '[', n);
        memset(doc + n, ']', n);
        assert_int_equal(json_check(str_of(doc, 2 * n), &v, &e), n <= JSON_DEPTH_MAX ? ERR_OK : ERR_SYNTAX);
        if (n > JSON_DEPTH_MAX)
            assert_int_equal(e.offset, JSON_DEPTH_MAX);
        /* the same depth below a picked object */
        struct json_want want = {.name = STR("a")};
        memcpy(doc, "{\"a\":", 5);
        memset(doc + 5, '[', n - 1);
        memset(doc + 4 + n, ']', n - 1);
        doc[2 * n + 3] = '}';
        assert_int_equal(json_pick(str_of(doc, 2 * n + 4), &want, 1, &e), n <= JSON_DEPTH_MAX ? ERR_OK : ERR_SYNTAX);
        if (n <= JSON_DEPTH_MAX) {
            struct arena *a = arena_new(4096);
            struct json *j;
            assert_int_equal(json_parse(a, str_of(doc, 2 * n + 4), &j, NULL), ERR_OK);
            arena_free(a);
        }
    }
}

static void picks_members(void **state)
{
    (void)state;
    struct json_want w[] = {
            {.name = STR("eventType")}, {.name = STR("payload")}, {.name = STR("none")}, {.name = STR("n")}};
    struct str doc = STR(" {\"eventType\":\"x\", \"deep\":{\"payload\":0}, \"payload\" : { \"a\": [1.10, 1E400] } ,"
                         "\"n\":1,\"\\u0065vent\\u0054ype\":\"a.b\\n\", \"n\":18446744073709551616 } ");
    assert_int_equal(json_pick(doc, w, ARRAY_LEN(w), NULL), ERR_OK);
    assert_true(str_eq(w[0].value.raw, STR("\"a.b\\n\"")));
    assert_true(w[0].value.escaped);
    assert_true(str_eq(w[1].value.raw, STR("{ \"a\": [1.10, 1E400] }")));
    assert_int_equal(w[1].value.type, JSON_OBJECT);
    assert_int_equal(w[2].value.type, JSON_NONE);
    assert_true(str_eq(w[3].value.raw, STR("18446744073709551616")));

    assert_int_equal(json_pick(STR("{}"), w, ARRAY_LEN(w), NULL), ERR_OK);
    assert_int_equal(w[0].value.type, JSON_NONE);
    assert_int_equal(json_pick(STR("[]"), w, ARRAY_LEN(w), NULL), ERR_INVALID);
    assert_int_equal(json_pick(STR("\"x\""), w, ARRAY_LEN(w), NULL), ERR_INVALID);
    assert_int_equal(json_pick(STR("\"x"), w, ARRAY_LEN(w), NULL), ERR_SYNTAX);
    struct json_error e;
    assert_int_equal(json_pick(STR("{\"n\":1} 2"), w, ARRAY_LEN(w), &e), ERR_SYNTAX);
    assert_int_equal(e.offset, 8);
    assert_int_equal(w[3].value.type, JSON_NONE);
    assert_int_equal(json_pick(STR("{\"n\":1,}"), w, ARRAY_LEN(w), &e), ERR_SYNTAX);
    assert_int_equal(e.offset, 7);
}

static void names_match_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *doc, *name;
        bool found;
    } rows[] = {
            {"{\"a\\/b\":1}", "a/b", true},
            {"{\"\\u00e9\":1}", "\xc3\xa9", true},
            {"{\"\\ud83d\\ude00\":1}", "\xf0\x9f\x98\x80", true},
            {"{\"ab\\u0063\":1}", "ab", false},
            {"{\"\\u0061\":1}", "ab", false},
            {"{\"\\u0061b\":1}", "ab", true},
            {"{\"\\ud800\":1}", "\xef\xbf\xbd", true},
            {"{\"A\":1}", "a", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_want w = {.name = str_c(rows[i].name)};
        assert_int_equal(json_pick(str_c(rows[i].doc), &w, 1, NULL), ERR_OK);
        assert_int_equal(w.value.type == JSON_NUMBER, rows[i].found);
    }
}

static void unescapes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        struct row out;
    } rows[] = {
            {"\"plain\"", ROW("plain")},
            {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", ROW("\"\\/\b\f\n\r\t")},
            {"\"\\u0000x\\u007f\\u0080\\u07ff\\u0800\\uffff\"", ROW("\0x\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")},
            {"\"\\uD83D\\uDE00\"", ROW("\xf0\x9f\x98\x80")},
            {"\"\\udbff\\udfff\"", ROW("\xf4\x8f\xbf\xbf")},
            {"\"\\ud83d\"", ROW("\xef\xbf\xbd")},
            {"\"\\ud83dx\"", ROW("\xef\xbf\xbdx")},
            {"\"\\ud83d\\n\"", ROW("\xef\xbf\xbd\n")},
            {"\"\\ud83d\\u0041\"", ROW("\xef\xbf\xbd"
                                       "A")},
            {"\"\\ude00\\ud83d\\ude00\"", ROW("\xef\xbf\xbd\xf0\x9f\x98\x80")},
            {"\"\xc3\xa9\\n\xc3\xa9\"", ROW("\xc3\xa9\n\xc3\xa9")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_slice v;
        struct buf out = BUF_INIT(1000);
        assert_int_equal(json_check(str_c(rows[i].in), &v, NULL), ERR_OK);
        json_unescape(v, &out);
        assert_true(str_eq(buf_str(&out), str_of(rows[i].out.text, rows[i].out.len)));
        buf_fini(&out);
    }
}

static void tree(void **state)
{
    (void)state;
    struct arena *a = arena_new(512);
    struct json *j;
    struct str doc = STR(" {\"url\":\"https:\\/\\/x\",\"n\":-42,\"d\":1.5,\"big\":18446744073709551616,\"inf\":1E400,"
                         "\"on\":true,\"off\":false,\"nil\":null,\"list\":[1,\"two\",[],{\"k\":{}}],\"n\":7} ");
    assert_int_equal(json_parse(a, doc, &j, NULL), ERR_OK);
    struct str s;
    int64_t n;
    double d;
    bool b;
    assert_int_equal(j->count, 10);
    assert_true(str_eq(j->raw, str_trim(doc)));
    assert_true(json_as_str(json_get(j, STR("url")), &s) && str_eq(s, STR("https://x")));
    assert_true(json_as_i64(json_get(j, STR("n")), &n) && n == 7);
    assert_true(json_as_double(json_get(j, STR("d")), &d) && d > 1.4 && d < 1.6);
    assert_false(json_as_i64(json_get(j, STR("d")), &n));
    assert_false(json_as_i64(json_get(j, STR("big")), &n));
    assert_true(str_eq(json_get(j, STR("big"))->raw, STR("18446744073709551616")));
    assert_false(json_as_double(json_get(j, STR("inf")), &d));
    assert_true(json_as_bool(json_get(j, STR("on")), &b) && b);
    assert_true(json_as_bool(json_get(j, STR("off")), &b) && !b);
    assert_true(json_is_null(json_get(j, STR("nil"))));
    assert_false(json_as_str(json_get(j, STR("nil")), &s));
    assert_null(json_get(j, STR("absent")));
    assert_false(json_is_null(NULL));
    assert_null(json_get(NULL, STR("x")));
    const struct json *list = json_get(j, STR("list"));
    assert_int_equal(list->count, 4);
    assert_true(str_eq(list->raw, STR("[1,\"two\",[],{\"k\":{}}]")));
    assert_null(json_get(list, STR("x")));
    assert_true(json_as_str(list->child->next, &s) && str_eq(s, STR("two")));
    assert_int_equal(list->child->next->next->count, 0);
    assert_int_equal(json_get(list->child->next->next->next, STR("k"))->type, JSON_OBJECT);
    assert_null(list->child->next->next->next->next);
    struct json_error e;
    assert_int_equal(json_parse(a, STR("{\"a\":[1,}"), &j, &e), ERR_SYNTAX);
    assert_int_equal(e.offset, 8);
    arena_free(a);
}

static void writes(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(10000);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_str_at(&w, "s", STR("a\"b"));
    json_w_name(&w, STR("list"));
    json_w_array(&w);
    json_w_i64(&w, 1);
    json_w_bool(&w, true);
    json_w_null(&w);
    json_w_object(&w);
    json_w_object_end(&w);
    json_w_array(&w);
    json_w_array_end(&w);
    json_w_array_end(&w);
    json_w_i64_at(&w, "min", INT64_MIN);
    json_w_bool_at(&w, "f", false);
    json_w_null_at(&w, "n");
    json_w_raw_at(&w, "raw", STR("{\"x\":1.10}"));
    json_w_time_at(&w, "t", 0);
    json_w_opt_str_at(&w, "o", STR_NULL);
    json_w_opt_str_at(&w, "p", STR(""));
    json_w_object_end(&w);
    struct str want = STR("{\"s\":\"a\\\"b\",\"list\":[1,true,null,{},[]],\"min\":-9223372036854775808,\"f\":false,"
                          "\"n\":null,\"raw\":{\"x\":1.10},\"t\":\"1970-01-01T00:00:00.000Z\",\"o\":null,\"p\":\"\"}");
    assert_true(str_eq(buf_str(&out), want));
    buf_fini(&out);
}

static void escapes(void **state)
{
    (void)state;
    static const struct {
        struct row in;
        const char *out;
    } rows[] = {
            {ROW(""), ""},
            {ROW("plain text of more than eight bytes"), "plain text of more than eight bytes"},
            {ROW("\"\\/\b\f\n\r\t"), "\\\"\\\\/\\b\\f\\n\\r\\t"},
            {ROW("\0\x01\x1f\x7f"), "\\u0000\\u0001\\u001f\x7f"},
            {ROW("J\xc3\xb6rg \xf0\x9f\x98\x80!"), "J\xc3\xb6rg \xf0\x9f\x98\x80!"},
            {ROW("a\xff"
                 "b"),
             "a\xef\xbf\xbd"
             "b"},
            {ROW("\xc3"), "\xef\xbf\xbd"},
            {ROW("\xe2\x82"), "\xef\xbf\xbd"},
            {ROW("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
            {ROW("\xc3\xa9\xff\xc3\xa9"), "\xc3\xa9\xef\xbf\xbd\xc3\xa9"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(1000);
        json_escape(str_of(rows[i].in.text, rows[i].in.len), &out);
        if (!str_eq(buf_str(&out), str_c(rows[i].out)))
            fail_msg("row %zu: " STR_FMT, i, STR_ARG(buf_str(&out)));
        buf_fini(&out);
    }
    /* whatever goes in, a valid string comes out */
    uint64_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        char in[64];
        struct buf out = BUF_INIT(1000);
        struct json_writer w = json_writer(&out);
        struct json_slice v;
        for (size_t i = 0; i < sizeof in; i++)
            in[i] = (char)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
        json_w_str(&w, str_of(in, (size_t)(round % 64)));
        assert_int_equal(json_check(buf_str(&out), &v, NULL), ERR_OK);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(accepts),      cmocka_unit_test(refuses_with_position),
            cmocka_unit_test(depth),        cmocka_unit_test(line_and_column),
            cmocka_unit_test(string_words), cmocka_unit_test(prefixes_are_refused_at_their_end),
            cmocka_unit_test(unescapes),    cmocka_unit_test(picks_members),
            cmocka_unit_test(tree),         cmocka_unit_test(names_match_decoded),
            cmocka_unit_test(writes),       cmocka_unit_test(escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
