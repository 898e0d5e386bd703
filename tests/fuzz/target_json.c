/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: the scanner, the picker and the tree agree on what is JSON and on where it is not; what a string decodes to is
 * the same everywhere, and what is written reads as it was.
 */
#include "fuzz.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/tree.h"
#include "json/write.h"

static void write_node(const struct json *j, struct json_writer *w, bool named)
{
    if (named)
        json_w_name(w, j->name);
    if (j->type == JSON_STRING)
        json_w_str(w, j->text);
    else if (j->type == JSON_ARRAY)
        json_w_array(w);
    else if (j->type == JSON_OBJECT)
        json_w_object(w);
    else
        json_w_raw(w, j->raw);
    for (const struct json *c = j->child; c != NULL; c = c->next)
        write_node(c, w, j->type == JSON_OBJECT);
    if (j->type == JSON_ARRAY)
        json_w_array_end(w);
    else if (j->type == JSON_OBJECT)
        json_w_object_end(w);
}

static void look(struct arena *a, const struct json *root, const struct json *j, const struct json_step *way)
{
    double d;
    int64_t n;
    size_t items = 0;
    CHECK(j->raw.len > 0);
    if (j->type == JSON_STRING) {
        CHECK(str_is_utf8(j->text));
    } else if (j->type == JSON_NUMBER) {
        CHECK(json_number_cmp(j->raw, j->raw) == 0);
        (void)json_as_double(j, &d);
        if (json_as_i64(j, &n))
            CHECK(json_number_is_whole(j->raw));
    }
    for (const struct json *c = j->child; c != NULL; c = c->next) {
        struct json_step step = {.up = way, .name = j->type == JSON_OBJECT ? c->name : STR_NULL, .item = items++};
        const struct json *found = json_pointer_follow(a, root, json_pointer_write(a, &step));
        /* Of equal names the last wins, and above the way may already lead elsewhere. */
        if (j->type == JSON_ARRAY && way == NULL)
            CHECK(found == c);
        look(a, root, c, &step);
    }
    CHECK(items == j->count);
}

static void check_tree(struct arena *a, struct json *root)
{
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    struct json *again;
    size_t steps = 100000;
    write_node(root, &w, false);
    CHECK(!out.overflow && json_parse(a, buf_str(&out), &again, NULL) == ERR_OK);
    CHECK(json_equal(root, again, &steps) || steps == 0);
    buf_fini(&out);
}

static void check_numbers(struct str a, struct str b)
{
    struct json_slice x, y;
    struct json_divisor by;
    if (json_check(a, &x, NULL) != ERR_OK || json_check(b, &y, NULL) != ERR_OK || x.type != JSON_NUMBER ||
        y.type != JSON_NUMBER)
        return;
    int cmp = json_number_cmp(x.raw, y.raw), back = json_number_cmp(y.raw, x.raw);
    CHECK((cmp < 0) == (back > 0) && (cmp == 0) == (back == 0));
    if (cmp == 0)
        CHECK(json_number_is_whole(x.raw) == json_number_is_whole(y.raw));
    if (json_divisor_read(y.raw, &by) == ERR_OK && cmp == 0)
        CHECK(json_number_divides(x.raw, &by));
}

static void run(struct str in)
{
    AUTO_FREE char *copy = fuzz_copy(in);
    struct str doc = str_of(copy, in.len), rest = in;
    struct json_slice value;
    struct json_error e1 = {0}, e2 = {0}, e3 = {0};
    struct json *root = NULL;
    struct json_want wants[] = {{.name = STR("a")}, {.name = STR("payload")}};
    struct arena *a = arena_new(4096);
    enum err scanned = json_check(doc, &value, &e1), parsed = json_parse(a, doc, &root, &e2),
             picked = json_pick(doc, wants, ARRAY_LEN(wants), &e3);
    CHECK(scanned == parsed);
    if (scanned == ERR_OK) {
        CHECK(value.type == root->type && str_eq(value.raw, root->raw));
        CHECK(picked == (value.type == JSON_OBJECT ? ERR_OK : ERR_INVALID));
        look(a, root, root, NULL);
        check_tree(a, root);
        for (size_t i = 0; i < ARRAY_LEN(wants) && value.type == JSON_OBJECT; i++) {
            const struct json *m = json_get(root, wants[i].name);
            CHECK((m == NULL) == (wants[i].value.type == JSON_NONE));
            CHECK(m == NULL || (m->type == wants[i].value.type && str_eq(m->raw, wants[i].value.raw)));
            struct buf text = BUF_INIT(1 << 20);
            if (m != NULL && m->type == JSON_STRING) {
                json_unescape(wants[i].value, &text);
                CHECK(str_eq(buf_str(&text), m->text));
            }
            buf_fini(&text);
        }
    } else {
        CHECK(scanned == ERR_SYNTAX && picked == ERR_SYNTAX);
        CHECK(e1.offset == e2.offset && e1.offset == e3.offset && e1.offset <= doc.len && e1.what != NULL);
        CHECK(e1.line == e2.line && e1.column == e2.column && e1.line >= 1 && e1.column >= 1);
    }
    struct str first = fuzz_part(&rest);
    check_numbers(first, fuzz_part(&rest));
    arena_free(a);
}

static const struct str seeds[] = {
        STR("{\"a\":1.10,\"payload\":{\"x\":[1,2,{\"y\":null}],\"z\":1E400},\"a\":\"\\u00e9\\ud83d\\ude00\\n\"}"),
        STR(" [true, false, null, -0, 0.5e-3, \"\\ud800\", \"\xc3\xa9\"] "),
        STR("\"\\\\\\/\\b\\f\\n\\r\\t\\\"\""),
        STR("[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]"),
        STR("9007199254740993\0"
            "9007199254740992.0"),
        STR("1e3\0"
            "1000"),
        STR("-0.000\0"
            "0e99999999999999999999"),
        STR("{\"a\":\"x\",\"b/c\":{\"~\":[0]},\"\":1}"),
        STR("{\"\\u0061\":[],\"pay\\u006coad\":\"\\u0000\"}"),
};
static const char *const words[] = {"\"a\":",
                                    "\"payload\":",
                                    "\\u0061",
                                    "\\ud83d\\ude00",
                                    "null",
                                    "true",
                                    "false",
                                    "1e400",
                                    "-0",
                                    "\\\"",
                                    "[[",
                                    "]]",
                                    "{}",
                                    "\xef\xbf\xbd",
                                    "\xf0\x9f\x98\x80",
                                    NULL};
const struct fuzz_target fuzz_json = {
        .name = "json", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 4096};
