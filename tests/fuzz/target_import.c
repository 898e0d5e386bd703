/* SPDX-License-Identifier: Apache-2.0 */
/* Files of records: rows come to an end, a row that is taken is a record that is JSON, and stored options stay. */
#include "fuzz.h"
#include "records/import.h"

static void row_try(struct arena *a, const struct import_options *o, const struct record_type *t,
                    const struct csv_row *raw)
{
    struct import_row row;
    struct record r;
    struct record_fault fault;
    struct doc d = {.id = 1};
    bool changed;
    const char *why = import_row_read(a, o, t, raw, &row);
    if (why != NULL) {
        CHECK(why[0] != '\0');
        return;
    }
    struct record_edit edit = {.merge = row.data, .add_tags = row.tags, .add_count = row.tag_count};
    if (record_apply(a, t, NULL, &edit, &r, &changed, &fault) != ERR_OK) {
        CHECK(fault.why != NULL);
        return;
    }
    CHECK(changed && fuzz_is_json(r.data) && str_eq(r.key, row.key));
    record_encode(a, &r, &d);
    CHECK(record_decode(a, &d, &r) == ERR_OK);
}

/* The options as the store gives them back. */
static void options_again(struct arena *a, struct import_options *o)
{
    struct buf text = BUF_INIT((size_t)1 << 22);
    struct json_writer w = json_writer(&text);
    struct json *tree;
    import_options_write(o, &w);
    CHECK(!text.overflow);
    struct str stored = arena_str(a, buf_str(&text));
    buf_fini(&text);
    CHECK(json_parse(a, stored, &tree, NULL) == ERR_OK && import_options_read(a, tree, o) == ERR_OK);
}

/* A byte of options, what is said of a column, the file. */
static void run(struct str in)
{
    unsigned flags = fuzz_byte(&in);
    struct str map = fuzz_part(&in);
    AUTO_FREE char *copy = fuzz_copy(in);
    struct arena *a = arena_new(4096);
    const struct record_type *t = record_type_builtin(STR("myra"), STR("contact"));
    struct import_options o = {.format = flags & 1 ? IMPORT_JSONL : IMPORT_CSV,
                               .clear_empty = (flags & 2) != 0,
                               .mode = flags & 4 ? IMPORT_UPSERT : IMPORT_CREATE};
    struct csv c = {.text = str_of(copy, in.len), .line = 1};
    struct csv_row row;
    const char *why = NULL;
    enum csv_result r = CSV_ROW;
    c.separator = o.separator = csv_separator(c.text);
    if (!str_is_utf8(map)) /* what a query says is */
        map = STR_NULL;
    if (str_is_utf8(c.text) && o.format == IMPORT_CSV) {
        r = csv_next(&c, a, &row, &why);
        if (r == CSV_ROW && import_columns(a, &row, &map, map.len > 0, t, &o) == NULL)
            options_again(a, &o);
        else
            r = CSV_END;
    }
    while (str_is_utf8(c.text) && r == CSV_ROW) {
        size_t at = c.at;
        int64_t line = c.line;
        r = import_next(&c, o.format, a, &row, &why);
        CHECK(r != CSV_BAD || why != NULL);
        CHECK(c.at <= c.text.len && c.line >= line && (r != CSV_ROW || c.at > at));
        if (r == CSV_ROW)
            row_try(a, &o, t, &row);
    }
    arena_free(a);
}

static const struct str seeds[] = {
        STR("\0\0email,name\nada@example.com,\"Ada \"\"C\"\" L\"\n"),
        STR("\0Age:facts.age:number\0email;Age;tags\r\nx;12.50;a,b\r\ny;z;[\"q\"]\r\n"),
        STR("\2a:b:json\0email\ta\rx\t{\"a\":[1]}\ry\t\r"),
        STR("\1\0{\"email\":\"x\",\"tags\":[\"a\"]}\n{\"data\":{\"email\":\"y\"},\"tags\":null}\n{\n"),
};
static const char *const words[] = {"\"\"", "\r\n", ",", ";", "::tags", ":json", "{\"data\":{", "\"tags\":[", NULL};
const struct fuzz_target fuzz_import = {
        .name = "import", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 4096};
