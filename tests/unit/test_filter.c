/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "engine/match.h"
#include "filter/filter.h"

/* Quotes are written as ' in rows. */
static struct json *parse(struct arena *a, const char *text)
{
    struct json *tree;
    char *json = arena_cstr(a, str_c(text));
    for (char *p = json; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    if (json_parse(a, str_c(json), &tree, NULL) != ERR_OK)
        fail_msg("not JSON: %s", json);
    return tree;
}

static const char order[] = "{'id':9007199254740993,'total':120.50,'currency':'EUR','paid':true,'note':null,'empty':'',"
                            "'customer':{'name':'Åsa','tier':'gold','a.b':1,'$x':2},"
                            "'tags':['new','vip'],'codes':[1,2,3],'none':[],"
                            "'items':[{'sku':'A','qty':1,'price':{'net':10}},{'sku':'B','qty':5}],"
                            "'matrix':[[1,2],[3,4]],'at':'2026-11-21T09:30:00Z'}";

static void matches(void **state)
{
    static const struct {
        const char *filter;
        bool fits;
    } rows[] = {
            /* scalars */
            {"{'currency':'EUR'}", true},
            {"{'currency':'USD'}", false},
            {"{'currency':{'$eq':'EUR'}}", true},
            {"{'paid':true}", true},
            {"{'paid':false}", false},
            {"{'paid':'true'}", false},
            {"{'note':null}", true},
            {"{'missing':null}", false},
            {"{'total':120.5}", true},
            {"{'total':1205e-1}", true},
            {"{'total':'120.50'}", false},
            {"{'id':9007199254740993}", true},
            {"{'id':9007199254740992}", false},
            {"{'id':{'$gt':9007199254740992}}", true},
            {"{'id':{'$lt':9007199254740994}}", true},
            /* order */
            {"{'total':{'$gt':120.50}}", false},
            {"{'total':{'$gte':120.50}}", true},
            {"{'total':{'$gt':100,'$lt':121}}", true},
            {"{'total':{'$gt':100,'$lt':120}}", false},
            {"{'total':{'$lte':'z'}}", false},
            {"{'at':{'$gte':'2026-11-21','$lt':'2026-11-22'}}", true},
            {"{'currency':{'$gt':1}}", false},
            {"{'missing':{'$lt':1}}", false},
            /* lists and texts */
            {"{'currency':{'$in':['USD','EUR']}}", true},
            {"{'currency':{'$nin':['USD','EUR']}}", false},
            {"{'currency':{'$nin':['USD']}}", true},
            {"{'missing':{'$nin':['USD']}}", true},
            {"{'currency':{'$startsWith':'EU'}}", true},
            {"{'currency':{'$endsWith':'UR'}}", true},
            {"{'customer.name':{'$contains':'s'}}", true},
            {"{'customer.name':{'$contains':'z'}}", false},
            {"{'empty':{'$contains':''}}", true},
            {"{'empty':{'$contains':'z'}}", false},
            {"{'total':{'$contains':'1'}}", false},
            /* there or not */
            {"{'note':{'$exists':true}}", true},
            {"{'note':{'$exist':false}}", false},
            {"{'missing':{'$exists':false}}", true},
            {"{'missing':{'$exists':true}}", false},
            {"{'customer.missing.deeper':{'$exists':false}}", true},
            {"{'currency':{'$ne':'USD'}}", true},
            {"{'currency':{'$neq':'EUR'}}", false},
            {"{'missing':{'$ne':1}}", true},
            {"{'missing':{'$not':{'$gt':1}}}", true},
            {"{'total':{'$not':{'$gt':100}}}", false},
            /* paths */
            {"{'customer.tier':'gold'}", true},
            {"{'customer':{'tier':'gold'}}", true},
            {"{'customer':{'tier':'gold','name':'Åsa'}}", true},
            {"{'customer':{'tier':'gold','name':'x'}}", false},
            {"{'customer':{'tier':{'$ne':'gold'}}}", false},
            {"{'missing':{'tier':{'$ne':'gold'}}}", true},
            {"{'customer.a\\\\.b':1}", true},
            {"{'customer.a.b':1}", false},
            {"{'customer':{'\\\\$x':2}}", true},
            {"{'customer':{'$eq':{'tier':'gold','name':'Åsa','$x':2,'a.b':1}}}", true},
            {"{'customer':{'$exists':true,'tier':'gold'}}", true},
            {"{'currency.x':1}", false},
            /* arrays */
            {"{'tags':'vip'}", true},
            {"{'tags':'old'}", false},
            {"{'tags':['new','vip']}", true},
            {"{'tags':['vip','new']}", false},
            {"{'tags':{'$ne':'vip'}}", false},
            {"{'tags':{'$ne':'old'}}", true},
            {"{'tags':{'$in':['x','vip']}}", true},
            {"{'tags':{'$nin':['x','vip']}}", false},
            {"{'tags.1':'vip'}", true},
            {"{'tags.0':'vip'}", false},
            {"{'tags.2':{'$exists':false}}", true},
            {"{'tags':{'1':'vip'}}", true},
            {"{'codes':{'$gt':2}}", true},
            {"{'codes':{'$gt':1,'$lt':3}}", true},
            {"{'codes':{'$gt':2,'$lt':2}}", false},
            {"{'codes':{'$gt':3}}", false},
            {"{'none':{'$exists':true}}", true},
            {"{'none':{'$eq':[]}}", true},
            {"{'none':1}", false},
            {"{'matrix':[1,2]}", true},
            {"{'matrix.0.1':2}", true},
            {"{'matrix':1}", false},
            {"{'items.sku':'B'}", true},
            {"{'items.qty':{'$gte':5}}", true},
            {"{'items':{'sku':'A','qty':5}}", false},
            {"{'items':{'sku':'B','qty':5}}", true},
            {"{'items.sku':'A','items.qty':5}", true},
            {"{'items.0.sku':'A'}", true},
            {"{'items.0.sku':'B'}", false},
            {"{'items.price.net':10}", true},
            {"{'items.sku':{'$ne':'A'}}", false},
            {"{'items':{'sku':{'$ne':'A'}}}", true},
            {"{'items':{'sku':{'$nin':['A','B']}}}", false},
            {"{'none':{'sku':{'$ne':'A'}}}", false},
            {"{'items.price.gross':{'$exists':false}}", true},
            /* together */
            {"{'$or':[{'currency':'USD'},{'total':{'$gt':100}}]}", true},
            {"{'$or':[{'currency':'USD'},{'total':{'$lt':100}}]}", false},
            {"{'$and':[{'tags':'new'},{'tags':'vip'}]}", true},
            {"{'$and':[{'tags':'new'},{'tags':'old'}]}", false},
            {"{'$not':{'currency':'USD'}}", true},
            {"{'$not':{'currency':'EUR'}}", false},
            {"{'paid':true,'$or':[{'currency':'USD'},{'tags':'vip'}]}", true},
            {"{'paid':false,'$or':[{'currency':'USD'},{'tags':'vip'}]}", false},
            {"{'total':{'$or':[{'$lt':1},{'$gt':100}]}}", true},
            {"{'total':{'$or':[{'$lt':1},{'$gt':200}]}}", false},
            {"{'tags':{'$and':[{'$eq':'new'},{'$eq':'vip'}]}}", true},
            {"{'tags':{'$and':[{'$ne':'new'},{'$eq':'vip'}]}}", false},
            {"{'missing':{'$or':[{'$exists':false},{'$lt':1}]}}", true},
            {"{'customer':{'$or':[{'tier':'gold'},{'tier':'silver'}]}}", true},
            {"{'$or':[{'$and':[{'paid':true},{'$not':{'note':null}}]},{'customer.tier':'lead'}]}", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        const struct filter *f;
        struct filter_fault fault;
        if (filter_compile(a, parse(a, rows[i].filter), &f, &fault) != ERR_OK)
            fail_msg("%s: " STR_FMT " %s", rows[i].filter, STR_ARG(fault.at), fault.why);
        if (filter_matches(f, parse(a, order)) != rows[i].fits)
            fail_msg("%s", rows[i].filter);
        arena_free(a);
    }
}

static void refuses_with_the_place(void **state)
{
    static const struct {
        const char *filter, *at, *why;
    } rows[] = {
            {"[]", "", "must be an object"},
            {"{}", "", "must have at least one condition"},
            {"{'a':{}}", "/a", "must have at least one condition"},
            {"{'a':{'$regex':'x'}}", "/a/$regex", "is not an operator"},
            {"{'$where':'x'}", "/$where", "is not an operator"},
            {"{'a':{'$gt':true}}", "/a/$gt", "must be a number or a string"},
            {"{'a':{'$gt':[1]}}", "/a/$gt", "must be a number or a string"},
            {"{'a':{'$in':'x'}}", "/a/$in", "must be a list of 1 to 1000 values"},
            {"{'a':{'$in':[]}}", "/a/$in", "must be a list of 1 to 1000 values"},
            {"{'a':{'$exists':1}}", "/a/$exists", "must be true or false"},
            {"{'a':{'$startsWith':1}}", "/a/$startsWith", "must be a string"},
            {"{'$or':{}}", "/$or", "must be a list of at least one filter"},
            {"{'$or':[]}", "/$or", "must be a list of at least one filter"},
            {"{'$or':[{'a':1},2]}", "/$or/1", "must be an object"},
            {"{'$or':[{'a':1},{'x.y/z~':{'$lt':null}}]}", "/$or/1/x.y~1z~0/$lt", "must be a number or a string"},
            {"{'$not':{'$and':[{'b':{'$foo':1}}]}}", "/$not/$and/0/b/$foo", "is not an operator"},
            {"{'a..b':1}", "/a..b", "has an empty name in its path"},
            {"{'':1}", "/", "has an empty name in its path"},
            {"{'.a':1}", "/.a", "has an empty name in its path"},
            {"{'a':1,'a':2}", "/a", "is there twice"},
            {"{'a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a':1}",
             "/a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "has too many names in its path"},
            {"{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':1}}}}}}}}}}}}}}}}}",
             "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", "is nested too deeply: at most 16 levels"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        const struct filter *f;
        struct filter_fault fault;
        if (filter_compile(a, parse(a, rows[i].filter), &f, &fault) != ERR_INVALID)
            fail_msg("accepted: %s", rows[i].filter);
        if (strcmp(fault.why, rows[i].why) != 0 || !str_eq(fault.at, str_c(rows[i].at)))
            fail_msg("%s: '" STR_FMT "' %s", rows[i].filter, STR_ARG(fault.at), fault.why);
        arena_free(a);
    }
}

static void has_limits(void **state)
{
    struct arena *a = arena_new(4096);
    struct buf out = BUF_INIT(8 << 20);
    struct filter_fault fault;
    const struct filter *f;
    (void)state;
    for (int i = 0; i <= FILTER_CONDITIONS_MAX; i++)
        buf_addf(&out, "%s'f%d':1", i == 0 ? "{" : ",", i);
    buf_add_str(&out, STR("}"));
    buf_add_c(&out, '\0');
    assert_int_equal(filter_compile(a, parse(a, out.ptr), &f, &fault), ERR_INVALID);
    assert_true(str_eq(fault.at, STR("/f100")));

    /* What cannot be decided within the steps is let through; a little less is decided. */
    for (int items = 1000; items <= FILTER_STEPS_MAX; items *= 500) {
        buf_clear(&out);
        buf_add_str(&out, STR("{'a':[0"));
        for (int i = 1; i < items; i++)
            buf_add_str(&out, STR(",0"));
        buf_add_str(&out, STR("]}"));
        buf_add_c(&out, '\0');
        assert_int_equal(filter_compile(a, parse(a, "{'a':1}"), &f, &fault), ERR_OK);
        assert_int_equal(filter_matches(f, parse(a, out.ptr)), items > 1000);
    }
    buf_fini(&out);
    arena_free(a);
}

static void endpoints_ask_their_filter(void **state)
{
    struct arena *a = arena_new(4096);
    struct endpoint plain = {0}, vip = {.filter = STR("{\"tier\":\"vip\"}")}, bad = {.filter = STR("{\"$x\":1}")};
    struct match_facts fits = {.payload = STR("{\"tier\":\"vip\"}")}, other = {.payload = STR("{\"tier\":1}")},
                       raw = {0};
    (void)state;
    assert_int_equal(endpoint_compile(a, &plain), ERR_OK);
    assert_int_equal(endpoint_compile(a, &vip), ERR_OK);
    assert_int_equal(endpoint_compile(a, &bad), ERR_INVALID);
    assert_true(match_endpoint(&plain, &fits) && fits.tree == NULL); /* nobody asked for the tree */
    assert_true(match_endpoint(&vip, &fits) && fits.tree != NULL);
    const struct json *tree = fits.tree;
    assert_true(match_endpoint(&vip, &fits) && fits.tree == tree);
    assert_false(match_endpoint(&bad, &fits));
    assert_true(match_endpoint(&plain, &other) && !match_endpoint(&vip, &other));
    assert_true(match_endpoint(&plain, &raw) && !match_endpoint(&vip, &raw));
    match_facts_fini(&fits);
    match_facts_fini(&other);
    match_facts_fini(&raw);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(matches),
            cmocka_unit_test(refuses_with_the_place),
            cmocka_unit_test(has_limits),
            cmocka_unit_test(endpoints_ask_their_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
