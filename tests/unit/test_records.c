/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/match.h"

/* Quotes are written as ' in rows. */
static struct str quoted(struct arena *a, const char *text)
{
    char *json = arena_cstr(a, str_c(text));
    for (char *p = json; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    return str_c(json);
}

static const struct json *parse(struct arena *a, const char *text)
{
    struct json *tree;
    assert_int_equal(json_parse(a, quoted(a, text), &tree, NULL), ERR_OK);
    return tree;
}

static void same_text(struct arena *a, struct str got, const char *want)
{
    if (!str_eq(got, quoted(a, want)))
        fail_msg("got  %.*s\n  not %s", STR_ARG(got), want);
}

static const struct record_type *contact(void)
{
    return record_type_builtin(STR("myra"), STR("contact"));
}

static void merges(void **state)
{
    /* The cases of RFC 7396, appendix A, whose target and patch are objects; and numbers keep their digits. */
    static const struct {
        const char *was, *patch, *want;
    } rows[] = {
            {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
            {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
            {"{'a':'b'}", "{'a':null}", "{}"},
            {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
            {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
            {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
            {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
            {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
            {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
            {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
            {"{'n':9007199254740993}", "{'p':1.10}", "{'n':9007199254740993,'p':1.10}"},
            {"{'a':1,'a':2}", "{'b':3}", "{'a':2,'b':3}"},
    };
    struct arena *a = arena_new(4096);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record was = {.data = quoted(a, rows[i].was)}, is;
        struct record_edit edit = {.merge = parse(a, rows[i].patch)};
        bool changed;
        struct record_fault fault;
        assert_int_equal(record_apply(a, contact(), &was, &edit, &is, &changed, &fault), ERR_OK);
        same_text(a, is.data, rows[i].want);
    }
    arena_free(a);
}

static void edits(void **state)
{
    struct arena *a = arena_new(4096);
    struct record r, again;
    bool changed;
    struct record_fault fault;
    struct str tags[] = {STR("one"), STR("two"), STR("one")}, bad[] = {STR("")};
    struct record_edit edit = {.merge = parse(a, "{'email':'ada@example.com'}"), .add_tags = tags, .add_count = 3};
    (void)state;
    assert_int_equal(record_apply(a, contact(), NULL, &edit, &r, &changed, &fault), ERR_OK);
    assert_true(changed && str_eq(r.key, STR("ada@example.com")) && r.tag_count == 2);
    /* The same once more changes nothing. */
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_OK);
    assert_false(changed);
    edit = (struct record_edit){.remove_tags = tags, .remove_count = 1};
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_OK);
    assert_true(changed && again.tag_count == 1 && str_eq(again.tags[0], STR("two")));
    edit = (struct record_edit){.set_tags = true, .add_tags = tags, .add_count = 1};
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_OK);
    assert_true(changed && again.tag_count == 1 && str_eq(again.tags[0], STR("one")));
    edit = (struct record_edit){.replace = parse(a, "{'name':'x'}")};
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_OK);
    assert_true(changed && again.key.ptr == NULL && again.tag_count == 2);
    edit = (struct record_edit){.add_tags = bad, .add_count = 1};
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_INVALID);
    edit = (struct record_edit){.replace = parse(a, "[1]")};
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_INVALID);
    edit = (struct record_edit){.merge = parse(a, "{'email':{'a':1}}")};
    assert_int_equal(record_apply(a, contact(), &r, &edit, &again, &changed, &fault), ERR_INVALID);
    arena_free(a);
}

static void stored_and_read(void **state)
{
    struct arena *a = arena_new(4096);
    struct str tags[] = {STR("a \"quoted\" one"), STR("é")};
    struct record r = {.id = 5, .key = STR("k"), .data = STR("{\"n\":1.10}"), .tags = tags, .tag_count = 2}, got;
    struct doc d = {.id = 5};
    (void)state;
    record_encode(a, &r, &d);
    assert_int_equal(record_decode(a, &d, &got), ERR_OK);
    assert_true(str_eq(got.data, r.data) && str_eq(got.key, r.key) && got.tag_count == 2);
    assert_true(str_eq(got.tags[0], tags[0]) && str_eq(got.tags[1], tags[1]));
    d.body = STR("{\"data\":[]}");
    assert_int_equal(record_decode(a, &d, &got), ERR_INVALID);
    arena_free(a);
}

static void events(void **state)
{
    static const struct {
        const char *profile, *type, *was, *is, *want;
    } rows[] = {
            {"myra", "contact", NULL, "{}", "contact.created"},
            {"myra", "contact", "{}", "{'a':1}", "contact.updated"},
            {"myra", "contact", "{}", NULL, "contact.deleted"},
            {"myra", "deal", NULL, "{'stage':'new'}", ""},
            {"myra", "deal", "{'stage':'new'}", "{'stage':'won'}", "deal.stage_changed"},
            {"myra", "deal", "{'stage':'new'}", "{'stage':'new','a':1}", ""},
            {"myra", "deal", "{'stage':1}", "{'stage':1.0}", ""},
            {"myra", "deal", "{}", "{'stage':'new'}", "deal.stage_changed"},
            {"myra", "deal", "{}", "{'stage':null}", ""},
            {"myra", "deal", "{'stage':'new'}", NULL, ""},
            {"myra", "booking", NULL, "{'status':'confirmed'}", "booking.confirmed"},
            {"myra", "booking", "{'status':'confirmed'}", "{'status':'cancelled'}", "booking.cancelled"},
            {"myra", "booking", "{'status':'confirmed'}", "{'status':'confirmed','x':1}", ""},
            {"myra", "form_submission", NULL, "{}", "form.submitted"},
            {"myra", "form_submission", "{}", "{'a':1}", ""},
            {"myra", "call", "{'status':'ringing'}", "{'status':'completed'}", "call.completed"},
            {"myra", "esignature", "{}", "{'status':'signed'}", "esignature.signed"},
            {"metapulse", "graph", "{}", "{'a':1}", "graph.updated"},
            {"metapulse", "data_point", NULL, "{}", "data_point.created"},
            {"metapulse", "knowledge_item", "{}", NULL, "knowledge_item.deleted"},
    };
    struct arena *a = arena_new(4096);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct record_type *t = record_type_builtin(str_c(rows[i].profile), str_c(rows[i].type));
        const struct record_rule *rules[RECORD_RULES_MAX];
        struct record was, is;
        assert_non_null(t);
        if (rows[i].was != NULL)
            was = (struct record){.data = quoted(a, rows[i].was)};
        if (rows[i].is != NULL)
            is = (struct record){.data = quoted(a, rows[i].is)};
        size_t n = record_events(a, t, rows[i].was != NULL ? &was : NULL, rows[i].is != NULL ? &is : NULL, rules);
        if (n != (rows[i].want[0] != '\0' ? 1u : 0u) || (n == 1 && !str_eq(rules[0]->event, str_c(rows[i].want))))
            fail_msg("row %zu: %zu events, wanted %s", i, n, rows[i].want);
    }
    assert_null(record_type_builtin(STR("myra"), STR("team")));
    arena_free(a);
}

static void payloads(void **state)
{
    struct arena *a = arena_new(4096);
    const struct record_type *deal = record_type_builtin(STR("myra"), STR("deal"));
    struct str tags[] = {STR("hot")};
    struct record was = {.data = quoted(a, "{'stage':'new','id':'mine'}"), .tags = tags, .tag_count = 1}, is = was;
    (void)state;
    is.data = quoted(a, "{'stage':'won','id':'mine','value':12.50}");
    same_text(a, record_payload(a, deal, &deal->rules[0], &was, &is, STR("rec_1")),
              "{'id':'rec_1','object':'deal','stage':'won','value':12.50,'previous_stage':'new','tags':['hot'],"
              "'created_at':'1970-01-01T00:00:00.000Z','updated_at':'1970-01-01T00:00:00.000Z'}");
    same_text(a, record_payload(a, contact(), &contact()->rules[2], &was, NULL, STR("rec_1")),
              "{'id':'rec_1','object':'contact','stage':'new','tags':['hot'],"
              "'created_at':'1970-01-01T00:00:00.000Z','updated_at':'1970-01-01T00:00:00.000Z'}");
    same_text(a, record_differences(a, &was, &is),
              "[{'path':'stage','from':'new','to':'won'},{'path':'value','from':null,'to':12.50}]");
    is.tag_count = 0;
    same_text(a, record_differences(a, NULL, &is),
              "[{'path':'stage','from':null,'to':'won'},{'path':'id','from':null,'to':'mine'},"
              "{'path':'value','from':null,'to':12.50}]");
    is = was;
    is.tag_count = 0;
    same_text(a, record_differences(a, &was, &is), "[{'path':'tags','from':['hot'],'to':[]}]");
    arena_free(a);
}

static void matches(void **state)
{
    static const struct {
        const char *search, *field, *tag;
        bool fits;
    } rows[] = {
            {"", NULL, NULL, true},
            {"ADA", NULL, NULL, true},
            {"lovelace", NULL, NULL, true},
            {"\u0141UK\u00c0SZ", NULL, NULL, true},
            {"\u0434\u0451", NULL, NULL, true},
            {"\u03c9", NULL, NULL, true},
            {"12.5", NULL, NULL, true},
            {"true", NULL, NULL, false},
            {"name", NULL, NULL, false},
            {"vip", NULL, NULL, true},
            {"", "name:Ada Lovelace", NULL, true},
            {"", "name:ada lovelace", NULL, false},
            {"", "a.b:12.50", NULL, true},
            {"", "a.b:12.5", NULL, false},
            {"", "ok:true", NULL, true},
            {"", "a:x", NULL, false},
            {"", "a.b.c:x", NULL, false},
            {"", "x.y:dotted", NULL, true},
            {"ada", "ok:true", "VIP", true},
            {"ada", "ok:true", "vip", false},
            {"nobody", "ok:true", "VIP", false},
    };
    struct str tags[] = {STR("new"), STR("VIP")};
    struct arena *a = arena_new(4096);
    const struct record r = {
            .key = STR("ada@example.com"),
            .data = quoted(a, "{'name':'Ada Lovelace','a':{'b':12.50,'q':[null,'\u0142uk\u00e0sz']},'ok':true,"
                              "'x.y':'dotted','s':'\u0414\u0401 \u03a9'}"),
            .tags = tags,
            .tag_count = 2};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record_match m = {.search = record_fold(a, str_c(rows[i].search)), .tag = str_c(rows[i].tag)};
        assert_true(rows[i].field == NULL || record_match_field(&m, str_c(rows[i].field)));
        if (record_fits(a, &m, &r) != rows[i].fits)
            fail_msg("row %zu", i);
    }
    struct record_match m = {0};
    assert_true(record_match_is_empty(&m) && record_fits(a, &m, &r));
    assert_false(record_match_field(&m, STR("name")) || record_match_field(&m, STR(":x")));
    for (size_t i = 0; i < RECORD_MATCH_FIELDS_MAX; i++)
        assert_true(record_match_field(&m, STR("a:b:c")));
    assert_false(record_match_field(&m, STR("a:b")) || record_match_is_empty(&m));
    assert_true(str_eq(m.fields[0].value, STR("b:c")));
    /* What is no text folds to itself. */
    assert_true(str_eq(record_fold(a, STR("\xc3")), STR("\xc3")));
    arena_free(a);
}

static void types_as_rows(void **state)
{
    static const struct {
        const char *body, *want; /* a part of the problems; NULL: none */
    } rows[] = {
            {"{'name':'ticket','key':'number','rules':[{'when':'becomes','field':'status','value':'open','event':'"
             "ticket.opened'}]}",
             NULL},
            {"{'name':'ticket'}", NULL},
            {"{'name':'Ticket'}", "must be a small letter"},
            {"{}", "name"},
            {"{'name':'t','rules':{}}", "at most 16 rules"},
            {"{'name':'t','rules':[{'when':'sometimes','event':'a'}]}",
             "created, updated, deleted, changed or becomes"},
            {"{'name':'t','rules':[{'when':'created','event':'not a name'}]}", "event must be"},
            {"{'name':'t','rules':[{'when':'changed','event':'a'}]}", "field must be"},
            {"{'name':'t','rules':[{'when':'becomes','field':'f','event':'a'}]}", "value must be"},
    };
    struct arena *a = arena_new(4096);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record_type t = {0};
        struct problems problems = PROBLEMS_INIT;
        record_type_read(a, parse(a, rows[i].body), FIELD_CREATE, &t, &problems);
        struct str got = buf_str(&problems.json);
        if ((rows[i].want == NULL) != (problems.count == 0) ||
            (rows[i].want != NULL && str_find_str(got, str_c(rows[i].want)) == got.len))
            fail_msg("row %zu: %.*s", i, STR_ARG(got));
        problems_fini(&problems);
    }
    struct record_type t = {0}, back;
    struct buf text = BUF_INIT(65536);
    struct json_writer w = json_writer(&text);
    record_type_read(a, parse(a, rows[0].body), FIELD_CREATE, &t, NULL);
    json_w_object(&w);
    record_type_write(&t, &w);
    json_w_object_end(&w);
    struct object o = {.id = 99, .body = buf_str(&text)};
    assert_int_equal(record_type_decode(a, &o, &back), ERR_OK);
    assert_true(back.ref == 99 && str_eq(back.name, STR("ticket")) && str_eq(back.key, STR("number")));
    assert_true(back.rule_count == 1 && back.rules[0].when == RECORD_BECOMES);
    buf_fini(&text);
    size_t count;
    const struct record_type *all = record_types_builtin(&count);
    assert_int_equal(count, 14);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_true(all[i].ref != all[k].ref);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(merges),        cmocka_unit_test(edits),    cmocka_unit_test(stored_and_read),
            cmocka_unit_test(events),        cmocka_unit_test(payloads), cmocka_unit_test(matches),
            cmocka_unit_test(types_as_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
