/* SPDX-License-Identifier: Apache-2.0 */
/* Beyond the official suite (schema_suite.c): exact numbers, places, what is refused, limits. Quotes are ' in rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "schema/schema.h"

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

/* NULL: it fits; else "place why". */
static const char *check(struct arena *a, const char *schema, const char *value)
{
    const struct schema *s;
    struct schema_fault fault;
    if (schema_compile(a, parse(a, schema), &s, &fault) != ERR_OK)
        fail_msg("%s: " STR_FMT " %s", schema, STR_ARG(fault.at), fault.why);
    if (schema_check(s, a, parse(a, value), &fault) == ERR_OK)
        return NULL;
    return arena_printf(a, STR_FMT " %s", STR_ARG(fault.at), fault.why).ptr;
}

static void says_what_does_not_fit(void **state)
{
    static const struct {
        const char *schema, *value, *said;
    } rows[] = {
            {"{}", "{'a':1}", NULL},
            {"true", "{}", NULL},
            {"false", "{}", " must not be there"},
            {"{'type':'object','required':['id']}", "{}", "/id is missing"},
            {"{'properties':{'a':{'properties':{'b/c':{'type':'string'}}}}}", "{'a':{'b/c':1}}",
             "/a/b~1c must be of type string"},
            {"{'type':['string','null']}", "1", " must be of one of the types [\"string\",\"null\"]"},
            {"{'properties':{'n':{'type':'integer'}}}", "{'n':1.0}", NULL},
            {"{'properties':{'n':{'type':'integer'}}}", "{'n':1.5}", "/n must be of type integer"},
            {"{'minimum':9007199254740993}", "9007199254740992", " must be at least 9007199254740993"},
            {"{'minimum':9007199254740993}", "9007199254740993", NULL},
            {"{'const':9007199254740993}", "9007199254740992", " must be one fixed value"},
            {"{'enum':['a',1]}", "1.0", NULL},
            {"{'enum':['a',1]}", "2", " must be one of 2 fixed values"},
            {"{'exclusiveMaximum':5}", "5", " must be less than 5"},
            {"{'exclusiveMinimum':5}", "5", " must be more than 5"},
            {"{'maximum':1e400}", "1e401", " must be at most 1e400"},
            {"{'multipleOf':0.01}", "19.99", NULL},
            {"{'multipleOf':0.01}", "19.999", " must be a multiple of 0.01"},
            {"{'minLength':2}", "'Å'", " must have at least 2 characters"},
            {"{'maxLength':1}", "'Å'", NULL},
            {"{'pattern':'^\\\\d+$'}", "'12x'", " must match the pattern ^\\d+$"},
            {"{'pattern':'^\\\\u00c5$'}", "'Å'", NULL},
            {"{'format':'email'}", "'nobody'", NULL},
            {"{'items':{'type':'integer'}}", "[1,2,'3']", "/2 must be of type integer"},
            {"{'items':[{'type':'string'}],'additionalItems':false}", "['a',1]", "/1 must not be there"},
            {"{'prefixItems':[{'type':'string'}],'items':false}", "['a',1]", "/1 must not be there"},
            {"{'uniqueItems':true}", "[1,'1',1.0]", "/2 must differ from the items before it"},
            {"{'contains':{'const':1},'minContains':2}", "[1,2]", " must contain at least 2 items of a kind"},
            {"{'contains':{'const':1},'maxContains':1}", "[1,1]", " must contain at most 1 items of a kind"},
            {"{'additionalProperties':false,'properties':{'a':{}},'patternProperties':{'^x-':{}}}",
             "{'a':1,'x-b':2,'c':3}", "/c must not be there"},
            {"{'propertyNames':{'maxLength':2}}", "{'abc':1}", "/abc must have at most 2 characters"},
            {"{'dependentRequired':{'a':['b']}}", "{'a':1}", "/b is missing"},
            {"{'dependencies':{'a':['b']}}", "{'a':1}", "/b is missing"},
            {"{'anyOf':[{'type':'string'},{'minimum':3}]}", "2", " must fit at least one of 2 schemas"},
            {"{'oneOf':[{'type':'integer'},{'minimum':3}]}", "4", " must fit exactly one of 2 schemas, not several"},
            {"{'oneOf':[{'type':'string'},{'minimum':3}]}", "2", " must fit exactly one of 2 schemas, not none"},
            {"{'not':{'required':['a']}}", "{'a':1}", " must not fit the schema of \"not\""},
            {"{'if':{'required':['a']},'then':{'required':['b']},'else':{'required':['c']}}", "{'a':1}",
             "/b is missing"},
            {"{'if':{'required':['a']},'then':{'required':['b']},'else':{'required':['c']}}", "{}", "/c is missing"},
            {"{'$ref':'#/$defs/n','$defs':{'n':{'properties':{'next':{'$ref':'#/$defs/n'}},'required':['v']}}}",
             "{'v':1,'next':{'v':2,'next':{}}}", "/next/next/v is missing"},
            {"{'$id':'https://example.com/s','$ref':'https://example.com/s#name','$defs':{'n':{'$anchor':'name',"
             "'type':'string'}}}",
             "1", " must be of type string"},
            {"{'$schema':'http://json-schema.org/draft-07/schema#','definitions':{'a':{'type':'array'}},"
             "'properties':{'f':{'$ref':'#/definitions/a','maxItems':1}}}",
             "{'f':[1,2]}", NULL},
            {"{'properties':{'a':{'type':'string'}}}", "{'a':1,'a':'x'}", NULL},
            {"{'x-unknown':{'type':1},'title':5}", "{}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        const char *said = check(a, rows[i].schema, rows[i].value);
        if ((said == NULL) != (rows[i].said == NULL) || (said != NULL && strcmp(said, rows[i].said) != 0))
            fail_msg("%s on %s: %s", rows[i].schema, rows[i].value, said != NULL ? said : "fits");
        arena_free(a);
    }
}

static void refuses_with_the_place(void **state)
{
    static const struct {
        const char *schema, *at;
    } rows[] = {
            {"1", ""},
            {"{'type':'text'}", "/type"},
            {"{'type':[]}", "/type"},
            {"{'properties':{'a':{'minimum':'1'}}}", "/properties/a/minimum"},
            {"{'properties':[]}", "/properties"},
            {"{'properties':{'a':1}}", "/properties/a"},
            {"{'allOf':[{},{'pattern':'('}]}", "/allOf/1/pattern"},
            {"{'allOf':[]}", "/allOf"},
            {"{'patternProperties':{'[':{}}}", "/patternProperties/["},
            {"{'multipleOf':0}", "/multipleOf"},
            {"{'minLength':-1}", "/minLength"},
            {"{'maxItems':1.5}", "/maxItems"},
            {"{'required':'a'}", "/required"},
            {"{'required':[1]}", "/required"},
            {"{'contains':{},'minContains':'x'}", "/minContains"},
            {"{'if':{},'then':3}", "/then"},
            {"{'uniqueItems':1}", "/uniqueItems"},
            {"{'enum':1}", "/enum"},
            {"{'$ref':'#/$defs/a'}", "/$ref"},
            {"{'$ref':'other.json'}", "/$ref"},
            {"{'$ref':'#nowhere'}", "/$ref"},
            {"{'$ref':1}", "/$ref"},
            {"{'unevaluatedProperties':false}", "/unevaluatedProperties"},
            {"{'items':{'unevaluatedItems':false}}", "/items/unevaluatedItems"},
            {"{'$dynamicRef':'#a'}", "/$dynamicRef"},
            {"{'properties':{'a':{'$id':'https://example.com/a'}}}", "/properties/a/$id"},
            {"{'$schema':'https://example.com/mine'}", "/$schema"},
            {"{'pattern':'\\\\C'}", "/pattern"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct schema_fault fault;
        const struct schema *s;
        if (schema_compile(a, parse(a, rows[i].schema), &s, &fault) != ERR_INVALID)
            fail_msg("accepted: %s", rows[i].schema);
        if (!str_eq(fault.at, str_c(rows[i].at)))
            fail_msg("%s: '" STR_FMT "' %s", rows[i].schema, STR_ARG(fault.at), fault.why);
        arena_free(a);
    }
}

/* n times `text`, between the two. */
static const char *repeat(struct buf *out, const char *before, const char *text, int n, const char *after)
{
    buf_clear(out);
    buf_add_str(out, str_c(before));
    for (int i = 0; i < n; i++)
        buf_add_str(out, str_c(text));
    buf_add_str(out, str_c(after));
    buf_add_c(out, '\0');
    return out->ptr;
}

static void ends_whatever_is_asked(void **state)
{
    static const char too_much[] = " is too much to check against the schema";
    struct arena *a = arena_new(4096);
    struct buf out = BUF_INIT(16 << 20);
    (void)state;
    /* What says itself again says nothing more. */
    assert_null(check(a, "{'$ref':'#'}", "1"));
    assert_null(check(a, "{'anyOf':[{'$ref':'#'},{'$ref':'#'}]}", "1"));
    assert_non_null(check(a, "{'not':{'$ref':'#'}}", "1"));
    static const char around[] = "{'type':'object','allOf':[{'$ref':'#/$defs/a'}],'$defs':{'a':{'$ref':'#/$defs/b'},"
                                 "'b':{'anyOf':[{'$ref':'#'}],'properties':{'next':{'$ref':'#'}}}}}";
    assert_null(check(a, around, "{'next':{'next':{}}}"));
    assert_string_equal(check(a, around, "{'next':{'next':1}}"), "/next/next must be of type object");
    static const char tree[] = "{'type':'array','items':{'$ref':'#'}}";
    assert_null(check(a, tree, "[[],[[]]]"));
    assert_string_equal(check(a, tree, "[[],[1]]"), "/1/0 must be of type array");
    buf_clear(&out);
    for (int i = 0; i < 100; i++)
        buf_add_c(&out, '[');
    for (int i = 0; i < 100; i++)
        buf_add_c(&out, ']');
    buf_add_c(&out, '\0');
    assert_null(check(a, tree, out.ptr));
    assert_string_equal(check(a, "{'pattern':'^(a+)+$'}", repeat(&out, "'", "a", 40, "b'")), too_much);
    assert_string_equal(check(a, "{'pattern':'(?:.*a){20}[bc]'}", repeat(&out, "'", "a", 3000, "'")), too_much);
    assert_string_equal(check(a, "{'not':{'pattern':'^(a+)+$'}}", repeat(&out, "'", "a", 40, "b'")), too_much);
    buf_clear(&out);
    for (int i = 0; i < 3000; i++)
        buf_addf(&out, "%c%d", i == 0 ? '[' : ',', i);
    buf_add_str(&out, STR("]"));
    buf_add_c(&out, '\0');
    assert_string_equal(check(a, "{'uniqueItems':true}", out.ptr), too_much);
    assert_null(check(a, "{'pattern':'^[a-z]+$'}", repeat(&out, "'", "a", 30000, "'")));
    assert_null(check(a, "{'items':{'type':'integer'}}", repeat(&out, "[0", ",1", 100000, "]")));
    assert_non_null(check(a, "{'items':{'type':'integer'}}", repeat(&out, "[0", ",1", 1000000, "]")));
    buf_fini(&out);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(says_what_does_not_fit),
            cmocka_unit_test(refuses_with_the_place),
            cmocka_unit_test(ends_whatever_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
