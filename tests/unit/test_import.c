/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/import.h"

/* Quotes are written as ' in rows; cells in what is wanted are divided by ^, rows by ~. */
static struct str quoted(struct arena *a, const char *text)
{
    char *out = arena_cstr(a, str_c(text));
    for (char *p = out; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    return str_c(out);
}

static void rows_of_csv(void **state)
{
    static const struct {
        const char *text;
        char separator;
        const char *want;
        const char *why; /* NULL: none */
        int64_t line;    /* of what is wrong, else behind the end */
    } rows[] = {
            {"", ',', "", NULL, 1},
            {"\n\r\n\r", ',', "", NULL, 4},
            {"a,b\r\nc,d\r\n", ',', "a^b~c^d~", NULL, 3},
            {"a,b\nc,d", ',', "a^b~c^d~", NULL, 3},
            {"a,b\rc,d\r", ',', "a^b~c^d~", NULL, 3},
            {"a;b\n\n\nc", ';', "a^b~c~", NULL, 5},
            {",\n,,\n", ',', "^~^^~", NULL, 3},
            {"'a','b'\n", ',', "a^b~", NULL, 2},
            {"'a''b',''''\n''\n", ',', "a\"b^\"~~", NULL, 3},
            {"'a\r\nb\nc\rd',e\nf", ',', "a\r\nb\nc\rd^e~f~", NULL, 6},
            {" 'a', b \n", ',', " \"a\"^ b ~", NULL, 2},
            {"a'b,c\n", ',', "a\"b^c~", NULL, 2},
            {"'a'", ',', "a~", NULL, 2},
            {"'a',", ',', "a^~", NULL, 2},
            {"x\n'a", ',', "x~", "never closed", 2},
            {"x\n'a\n''", ',', "x~", "never closed", 2},
            {"x\n'a'b\n", ',', "x~", "follows a closing quote", 2},
            {"x\n'a' ,b\n", ',', "x~", "follows a closing quote", 2},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct csv c = {.text = quoted(a, rows[i].text), .line = 1, .separator = rows[i].separator};
        struct csv_row row;
        struct buf got = BUF_INIT(4096);
        const char *why = NULL;
        enum csv_result r;
        while ((r = csv_next(&c, a, &row, &why)) == CSV_ROW) {
            for (size_t k = 0; k < row.count; k++) {
                if (k > 0)
                    buf_add_c(&got, '^');
                buf_add_str(&got, row.cells[k]);
            }
            buf_add_c(&got, '~');
        }
        bool fits = rows[i].why == NULL ? r == CSV_END : r == CSV_BAD && strstr(why, rows[i].why) != NULL;
        if (!fits || !str_eq(buf_str(&got), str_c(rows[i].want)) || row.line != rows[i].line)
            fail_msg("row %zu: \"%.*s\", line %lld, %s", i, STR_ARG(buf_str(&got)), (long long)row.line,
                     why != NULL ? why : "nothing wrong");
        buf_fini(&got);
        arena_free(a);
    }
}

static void rows_are_bounded(void **state)
{
    struct arena *a = arena_new(4096);
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct csv_row row;
    const char *why;
    (void)state;
    buf_add_c(&text, '"');
    for (size_t i = 0; i < CSV_ROW_MAX + 10; i++)
        buf_add_c(&text, i % 100 == 0 ? '\n' : 'x');
    struct csv c = {.text = buf_str(&text), .line = 1, .separator = ','};
    assert_int_equal(csv_next(&c, a, &row, &why), CSV_BAD);
    assert_non_null(strstr(why, "262,144"));
    buf_clear(&text);
    for (size_t i = 0; i < CSV_COLUMNS_MAX; i++)
        buf_add_c(&text, ',');
    c = (struct csv){.text = buf_str(&text), .line = 1, .separator = ','};
    assert_int_equal(csv_next(&c, a, &row, &why), CSV_BAD);
    assert_non_null(strstr(why, "1,000"));
    buf_fini(&text);
    arena_free(a);
}

static void separators(void **state)
{
    (void)state;
    assert_int_equal(csv_separator(STR("a,b;c,d\n;;;;;")), ',');
    assert_int_equal(csv_separator(STR("\"a,b,c\";d;e\n")), ';');
    assert_int_equal(csv_separator(STR("a\tb")), '\t');
    assert_int_equal(csv_separator(STR("a|b")), '|');
    assert_int_equal(csv_separator(STR("alone")), ',');
    assert_int_equal(csv_separator(STR("")), ',');
}

#define MAPS_MAX 3

static const char schema[] = "{\"properties\":{\"n\":{\"type\":\"integer\"},\"list\":{\"type\":\"array\"},"
                             "\"a\":{\"properties\":{\"b\":{\"type\":\"boolean\"}}}}}";
static const struct record_type type = {.name = {"t", 1}, .key = {"email", 5}, .schema = {schema, sizeof schema - 1}};

/* A header, what is told of it (items with | between), a row: what comes of it as a patch and tags. */
static void columns(void **state)
{
    static const struct {
        const char *header, *map, *row, *want, *why;
    } rows[] = {
            {"email,name", "", " x@y ,Ada", "{'email':'x@y','name':'Ada'}", NULL},
            {"email,name", "", "x", "{'email':'x'}", NULL},
            {"email,name", "", "x,,", "{'email':'x'}", NULL},
            {"email,name", "", "x,,,y", NULL, "it has 4 values, the header has 2"},
            {"email,n,a.b,list", "", "x, 12 ,Yes,[1]", "{'email':'x','n':12,'a':{'b':true},'list':[1]}", NULL},
            {"email,n", "n:n:text", "x,012", "{'email':'x','n':'012'}", NULL},
            {"email,n", "", "x,012", NULL, "n: \"012\" is no number such as 12 or 9.50"},
            {"email,n", "n:q.r.s:json", "x,{'z':null}", "{'email':'x','q':{'r':{'s':{'z':null}}}}", NULL},
            {"email,a:b:c", "a:b:c:d", "x,1", "{'email':'x','d':'1'}", NULL},
            {"email,a:b", "a:b:number:number", "x,1", "{'email':'x','number':1}", NULL},
            {"E-Mail,,Co. Name,x.", "E-Mail:email", "x,gone,y,z", "{'email':'x','Co. Name':'y','x.':'z'}", NULL},
            {"email,Tags", "", "x,'b, c;;d'", "{'email':'x'} b c d", NULL},
            {"email,Labels", "Labels::tags", "x,'[1]'", NULL, "tags must be a list of texts"},
            {"email,Labels", "Labels::tags", "x,'[''b, c'']'", "{'email':'x'} b, c", NULL},
            {"email,tags", "tags:words", "x,y", "{'email':'x','words':'y'}", NULL},
            {"email,name", "name:", "x,y", "{'email':'x'}", NULL},
            {"email,name", "name:email", "", NULL, "goes where another one goes"},
            {"email,name", "name::text", "", NULL, "goes to no field"},
            {"email,name", "name:a:tags", "", NULL, "tags go to no field"},
            {"email,name", "name:a.b.c.d.e.f.g.h.i", "", NULL, "is no field"},
            {"email,name", "name:a.", "", NULL, "is no field"},
            {"email,email", "", "", NULL, "two columns are called \"email\""},
            {"E-Mail,name", "", "", NULL,
             "no column goes to \"email\", which names the records: if it has another name"},
            {"email,name", "email:", "", NULL, "as COLUMN:email"},
            {"email.a,name", "", "", NULL, "no column goes to \"email\""},
            {"email,tags,tags", "", "x,'b, c',d", "{'email':'x','tags':'b, c'} d", NULL},
            {"email,Tags,a,tags", "", "x,b,1,d", "{'email':'x','Tags':'b','a':'1'} d", NULL},
            {"email,tags.a,tags", "", "x,b,d", "{'email':'x','tags':{'a':'b'}} d", NULL},
            {"email,tags,tags", "tags:tags:json", "x,[1],d", "{'email':'x','tags':[1]} d", NULL},
            {"email,tags,tags", "tags:q|tags:", "x,b,d", "{'email':'x','q':'b'}", NULL},
            {"email,tags,tags", "tags::tags|tags:q", "x,b,d", "{'email':'x','q':'d'} b", NULL},
            {"email,tags,tags", "tags:q|tags:r|tags:s", "x,b,d", "{'email':'x','s':'b','r':'d'}", NULL},
            {"email,tags,tags,tags", "", "", NULL, "two columns are called \"tags\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct csv c = {.text = quoted(a, rows[i].header), .line = 1, .separator = ','};
        struct csv_row header, row;
        struct import_options o = {.separator = ','}, back;
        struct import_row got;
        struct str map[MAPS_MAX], items = str_c(rows[i].map);
        size_t maps = 0;
        struct buf text = BUF_INIT(65536), stored = BUF_INIT(65536);
        struct json_writer w = json_writer(&stored);
        struct json *tree;
        const char *why;
        assert_int_equal(csv_next(&c, a, &header, &why), CSV_ROW);
        while (items.len > 0)
            map[maps++] = str_split(&items, '|');
        why = import_columns(a, &header, map, maps, &type, &o);
        if (why == NULL) {
            import_options_write(&o, &w);
            assert_int_equal(json_parse(a, buf_str(&stored), &tree, NULL), ERR_OK);
            assert_int_equal(import_options_read(a, tree, &back), ERR_OK);
            c = (struct csv){.text = quoted(a, rows[i].row), .line = 2, .separator = ','};
            assert_int_equal(csv_next(&c, a, &row, &why), CSV_ROW);
            why = import_row_read(a, &back, &type, &row, &got);
        }
        if (why == NULL) {
            buf_add_str(&text, got.data->raw);
            for (size_t k = 0; k < got.tag_count; k++)
                buf_addf(&text, " " STR_FMT, STR_ARG(got.tags[k]));
            assert_true(str_eq(got.key, rows[i].header[0] == 'E' || got.key.len == 1 ? STR("x") : STR("x@y")));
        }
        bool fits = rows[i].why != NULL ? why != NULL && strstr(why, rows[i].why) != NULL
                                        : why == NULL && str_eq(buf_str(&text), quoted(a, rows[i].want));
        if (!fits)
            fail_msg("row %zu: %.*s, %s", i, STR_ARG(buf_str(&text)), why != NULL ? why : "nothing wrong");
        buf_fini(&text);
        buf_fini(&stored);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_of_csv), cmocka_unit_test(rows_are_bounded),
                                       cmocka_unit_test(separators), cmocka_unit_test(columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
