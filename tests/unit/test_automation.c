/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "automation/automation.h"
#include "automation/wait.h"
#include "base/time.h"

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

static void cron_times(void **state)
{
    (void)state;
    static const struct {
        const char *cron, *after, *next; /* next NULL: never */
    } rows[] = {
            {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00.000Z"},
            {"* * * * *", "2026-01-01T00:00:59.999Z", "2026-01-01T00:01:00.000Z"},
            {"*/15 8-18/2 * * *", "2026-01-01T08:50:00Z", "2026-01-01T10:00:00.000Z"},
            {"0 8 * * 1-5", "2026-01-02T08:00:00Z", "2026-01-05T08:00:00.000Z"}, /* Friday to Monday */
            {"0 8 * * mon,WED", "2026-01-05T08:00:00Z", "2026-01-07T08:00:00.000Z"},
            {"30 0 1 jan *", "2026-01-01T00:30:00Z", "2027-01-01T00:30:00.000Z"},
            {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"},
            {"0 0 13 * 5", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.000Z"}, /* either day */
            {"0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00.000Z"},
            {"59 23 31 12 *", "2025-12-31T23:58:00Z", "2025-12-31T23:59:00.000Z"},
            {"0 0 30 2 *", "2026-01-01T00:00:00Z", NULL},
            {"@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00.000Z"},
            {" @Daily ", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.000Z"},
            {"@midnight", "2026-01-01T23:59:00Z", "2026-01-02T00:00:00.000Z"},
            {"@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00.000Z"}, /* Sunday */
            {"@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00.000Z"},
            {"@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00.000Z"},
            {"@annually", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00.000Z"},
            {"0 0 30 nov-feb 6,7", "2026-02-28T00:00:00Z", "2026-11-01T00:00:00.000Z"}, /* a Sunday */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron c;
        const char *why = "";
        int64_t after;
        char text[TIME_TEXT_SIZE];
        assert_int_equal(time_parse(str_c(rows[i].after), &after), ERR_OK);
        if (cron_parse(str_c(rows[i].cron), &c, &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].cron, why);
        int64_t next = cron_next(&c, after);
        if (rows[i].next == NULL) {
            assert_true(next == TIME_NEVER);
            continue;
        }
        time_format(next, text);
        if (strcmp(text, rows[i].next) != 0)
            fail_msg("%s after %s: %s, not %s", rows[i].cron, rows[i].after, text, rows[i].next);
    }
}

static void cron_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *weekday, *month;
        unsigned weekdays, months; /* bit 0: Sunday, bit 1: January */
    } rows[] = {
            {"*", "*", 0x7f, 0x1ffe},
            {"mon-sun", "jan-dec", 0x7f, 0x1ffe},
            {"sat-sun", "DEC-jan", 0x41, 0x1002},
            {"fri-mon", "nov-feb", 0x63, 0x1806},
            {"5-1", "11-2", 0x63, 0x1806},
            {"sun-sat", "feb-jan", 0x7f, 0x1ffe},
            {"sun-sun", "dec-dec", 0x01, 0x1000},
            {"7-2", "12-11", 0x07, 0x1ffe},
            {"0-7", "1-12", 0x7f, 0x1ffe},
            {"fri-mon/2", "oct-mar/2", 0x21, 0x1404},
            {"sat-mon,wed", "nov-1,jun", 0x4b, 0x1842},
            {"1-sun", "nov-12", 0x7f, 0x1800},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron c;
        const char *why = "";
        char text[64];
        snprintf(text, sizeof text, "0 0 * %s %s", rows[i].month, rows[i].weekday);
        if (cron_parse(str_c(text), &c, &why) != ERR_OK)
            fail_msg("%s: %s", text, why);
        if (c.weekdays != rows[i].weekdays || c.months != rows[i].months)
            fail_msg("%s: weekdays %x, months %x", text, c.weekdays, c.months);
    }
}

static void cron_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "* * * *",
                                      "* * * * * *",
                                      "60 * * * *",
                                      "* 24 * * *",
                                      "* * 0 * *",
                                      "* * 32 * *",
                                      "* * * 13 *",
                                      "* * * * 8",
                                      "*/0 * * * *",
                                      "5-1 * * * *",
                                      "1,,2 * * * *",
                                      "1, * * * *",
                                      "a * * * *",
                                      "-1 * * * *",
                                      "* 22-6 * * *",
                                      "* * 5-1 * *",
                                      "* * * * 8-1",
                                      "* * * * mon-",
                                      "* * * feb-xyz *",
                                      "@",
                                      "@reboot",
                                      "@hourly *",
                                      "@every 5m",
                                      "TZ=UTC 0 0 * * *"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cron c;
        const char *why = NULL;
        if (cron_parse(str_c(bad[i]), &c, &why) == ERR_OK)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_non_null(why);
    }
}

static void conditions(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        int holds; /* -1: refused */
    } rows[] = {
            {"{'value':'{{ t.n }}','eq':9007199254740993}", 1},
            {"{'value':'{{ t.n }}','eq':9007199254740992}", 0},
            {"{'value':'{{ t.n }}','gt':9007199254740992,'lt':9007199254740994}", 1},
            {"{'value':'{{ t.price }}','eq':1.1}", 1},
            {"{'value':'{{ t.price }}','gte':'1.10'}", 1},
            {"{'value':'{{ t.word }}','eq':'Ada'}", 1},
            {"{'value':'{{ t.word }}','ne':'ada'}", 1},
            {"{'value':'{{ t.word }}','contains':'d'}", 1},
            {"{'value':'{{ t.word }}','starts_with':'A'}", 1},
            {"{'value':'{{ t.word }}','lt':'B'}", 1},
            {"{'value':'{{ t.word }}','gt':5}", 0},
            {"{'value':'{{ t.tags }}','contains':'vip'}", 1},
            {"{'value':'{{ t.word }}','in':['Eve','{{ t.word }}']}", 1},
            {"{'value':'{{ t.nothing }}','exists':false}", 1},
            {"{'value':'{{ t.word }}','exists':true}", 1},
            {"{'value':'{{ t.nothing }}','eq':null}", 1},
            {"{'value':'{{ t.yes }}','eq':'true'}", 1},
            {"{'not':{'value':1,'eq':1}}", 0},
            {"{'all':[{'value':1,'eq':1},{'value':1,'eq':2}]}", 0},
            {"{'any':[{'value':1,'eq':2},{'value':1,'eq':1}]}", 1},
            {"{'any':[{'value':1,'eq':2},{'not':{'value':1,'eq':1}}]}", 0},
            {"{'value':1}", -1},
            {"{'value':1,'like':1}", -1},
            {"{'value':1,'exists':1}", -1},
            {"{'value':'{{ t. }}','eq':1}", -1},
            {"{'all':[]}", -1},
            {"{'all':{}}", -1},
            {"[]", -1},
            {"{}", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        const struct condition *c;
        struct condition_error error;
        struct expr_root root = {.name = STR("t"),
                                 .value = parse(a, "{'n':9007199254740993,'price':1.10,'word':'Ada','tags':['new',"
                                                   "'vip'],'yes':true}")};
        struct expr_env env = {.arena = a, .roots = &root, .root_count = 1};
        bool holds = false;
        enum err e = condition_compile(a, parse(a, rows[i].condition), &c, &error);
        if ((e != ERR_OK) != (rows[i].holds < 0))
            fail_msg("%s: %s", rows[i].condition, e == ERR_OK ? "taken" : arena_cstr(a, error.what));
        if (e == ERR_OK && (condition_holds(c, &env, &holds) != ERR_OK || holds != (rows[i].holds == 1)))
            fail_msg("%s: %d", rows[i].condition, holds);
        arena_free(a);
    }
}

/* As much as may be compared, and not one more. */
static void compared(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    const struct condition *c;
    struct condition_error error;
    struct expr_root root = {.name = STR("t"), .value = parse(a, "{'list':[1,2,3,4,5,6,7,8]}")};
    assert_int_equal(condition_compile(a, parse(a, "{'value':'{{ t.list }}','contains':8}"), &c, &error), ERR_OK);
    for (size_t max = 0; max < 40; max++) {
        struct expr_env env = {.arena = a, .roots = &root, .root_count = 1, .compared_max = max};
        bool holds = false;
        enum err e = condition_holds(c, &env, &holds);
        assert_true(env.compared >= 8 || e != ERR_OK);
        assert_int_equal(e, max == 0 || env.compared < max ? ERR_OK : ERR_TOO_LARGE);
        assert_true(e != ERR_OK || holds);
        assert_true(max < 39 || e == ERR_OK);
    }
    arena_free(a);
}

/* Many numbers beside a text of many digits: each would be a look at all of it. */
static void compared_with_a_long_text(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    struct buf text = BUF_INIT(1 << 20);
    const struct condition *c;
    struct condition_error error;
    buf_add_str(&text, STR("{'list':[1"));
    for (int i = 0; i < 8000; i++)
        buf_add_str(&text, STR(",1"));
    buf_add_str(&text, STR("],'digits':'"));
    for (int i = 0; i < 64000; i++)
        buf_add_str(&text, STR("7"));
    buf_add_str(&text, STR("'}"));
    struct expr_root root = {.name = STR("t"), .value = parse(a, arena_cstr(a, buf_str(&text)))};
    assert_int_equal(condition_compile(a, parse(a, "{'value':'{{ t.list }}','contains':'{{ t.digits }}'}"), &c, &error),
                     ERR_OK);
    struct expr_env env = {.arena = a, .roots = &root, .root_count = 1};
    bool holds = false;
    assert_int_equal(condition_holds(c, &env, &holds), ERR_TOO_LARGE);
    assert_true(env.compared < 1002000);
    buf_fini(&text);
    arena_free(a);
}

/* Where each step goes on: "id>next", branches "id>first|else". */
static void layout(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    struct problems problems = PROBLEMS_INIT;
    struct definition d;
    const struct json *steps = parse(
            a, "[{'id':'a','type':'set','set':{}},"
               "{'id':'b','type':'branch','branches':[{'when':{'value':1,'eq':1},'steps':[{'id':'c','type':'set','set':"
               "{}},{'id':'d','type':'branch','branches':[{'when':{'value':1,'eq':1},'steps':[]}],'else':[{'id':'e',"
               "'type':'set','set':{}}]}]}]},"
               "{'id':'f','type':'wait','event':['x','y']}]");
    assert_true(definition_compile(a, steps, &d, &problems));
    int b = definition_find(&d, STR("b")), c = definition_find(&d, STR("c")), in = definition_find(&d, STR("d"));
    int e = definition_find(&d, STR("e")), f = definition_find(&d, STR("f"));
    assert_int_equal(d.count, 6);
    assert_int_equal(d.steps[d.first].next, b);
    assert_int_equal(d.steps[b].arms[0].first, c);
    assert_int_equal(d.steps[b].otherwise, f);
    assert_int_equal(d.steps[c].next, in);
    assert_int_equal(d.steps[in].arms[0].first, f);
    assert_int_equal(d.steps[in].otherwise, e);
    assert_int_equal(d.steps[e].next, f);
    assert_int_equal(d.steps[f].next, -1);
    struct automation m = {0};
    struct start s = {.kind = START_RECORD, .record = STR("contact")};
    automation_hear(a, &m, &s, &d);
    assert_int_equal(m.hear_count, 3);
    problems_fini(&problems);
    arena_free(a);
}

/* What a step reads, as "trigger target steps,by,id" or "*" for all of them. */
static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *step, *reads;
    } rows[] = {
            {"{'type':'set','set':{'a':'trigger steps.b','b':1}}", ""},
            {"{'type':'set','set':{'a':'{{ vars.steps }} {{ run.id }}'}}", ""},
            {"{'type':'set','set':{'a':'{{ trigger.body.steps }}'}}", "trigger"},
            {"{'type':'set','set':{'deep':[{'a':'{{ steps.one.x }}{{ steps.two }}'},'{{ steps.one.y }}']}}", "one,two"},
            {"{'type':'set','set':{'a':'{{ vars.a | default: steps.three.name, trigger.id }}'}}", NULL},
            {"{'type':'set','set':{'a':'{{ vars.a | default: steps.three.name }}'}}", "three"},
            {"{'type':'set','set':{'a':'{{ steps | json }}{{ steps.one }}'}}", "*"},
            {"{'type':'set','set':{'a':'{{ steps[0] }}'}}", "*"},
            {"{'type':'set','set':{'a':'{\\u007b \\u0073teps.x }}'}}", "x"},
            {"{'type':'update_record','target':'{{ contact.id }}','set':{}}", "target"},
            {"{'type':'http_request','url':'http://x/{{ steps.u }}','headers':{'a':'{{ steps.h }}','b':'{{ target.id "
             "}}'},"
             "'body':'{{ steps.b }}'}",
             "target u,h,b"},
            {"{'type':'http_request','url':'x','headers':{'content-type':'application/json'},'body':'[{{ steps.b }}]'}",
             "b"},
            {"{'type':'wait','event':'e','where':{'all':[{'value':'{{ event.x }}','eq':'{{ steps.w }}'},"
             "{'not':{'value':'{{ trigger.a }}','in':['{{ steps.v }}']}}]}}",
             "trigger w,v"},
            {"{'type':'branch','branches':[{'when':{'value':'{{ steps.c "
             "}}','eq':1},'steps':[{'id':'x','type':'set','set':"
             "{'a':'{{ steps.not_this }}'}}]}],'else':[{'id':'y','type':'set','set':{'a':'{{ trigger.nor_this }}'}}]}",
             "c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct problems problems = PROBLEMS_INIT;
        struct definition d;
        struct buf text = BUF_INIT(4096);
        char *step = arena_cstr(a, str_c(rows[i].step));
        char *json = arena_cstr(a, arena_printf(a, "[{'id':'me',%s]", step + 1));
        bool good = definition_compile(a, parse(a, json), &d, &problems);
        if (good != (rows[i].reads != NULL))
            fail_msg("%s: %s", step, good ? "taken" : arena_cstr(a, buf_str(&problems.json)));
        const struct step_reads *r = good ? &d.steps[0].reads : NULL;
        if (good) {
            buf_addf(&text, "%s%s", r->trigger ? "trigger " : "", r->target ? "target " : "");
            if (r->all_steps)
                buf_addf(&text, "*");
            for (size_t k = 0; k < r->step_count && !r->all_steps; k++)
                buf_addf(&text, "%s" STR_FMT, k > 0 ? "," : "", STR_ARG(r->steps[k]));
            if (!str_eq(str_trim(text.len > 0 ? buf_str(&text) : STR("")), str_c(rows[i].reads)))
                fail_msg("%s reads \"" STR_FMT "\"", step, STR_ARG(buf_str(&text)));
        }
        buf_fini(&text);
        problems_fini(&problems);
        arena_free(a);
    }
}

/* A wait at 10:00 of a run that began an hour before: until when, or why not. */
static void waits(void **state)
{
    (void)state;
    static const struct {
        const char *step, *until, *why;
    } rows[] = {
            {"{'for':'90s'}", "2026-01-01T10:01:30.000Z", NULL},
            {"{'for':' 2h '}", "2026-01-01T12:00:00.000Z", NULL},
            {"{'for':'364.5d'}", "2026-12-31T22:00:00.000Z", NULL},
            {"{'for':'365d'}", NULL, "for: \"365d\" is later than 2027-01-01T09:00:00.000Z, when the run ends"},
            {"{'for':'366d'}", NULL, "for: \"366d\" is no duration of up to a year"},
            {"{'for':''}", NULL, "for: \"\" is no duration"},
            {"{'until':'2027-01-01T09:00:00Z'}", "2027-01-01T09:00:00.000Z", NULL},
            {"{'until':'2027-01-01T09:00:00.001Z'}", NULL, "until: \"2027-01-01T09:00:00.001Z\" is later than"},
            {"{'until':'2020-01-01T00:00:00Z'}", "2020-01-01T00:00:00.000Z", NULL},
            {"{'until':'9999-01-01T00:00:00Z'}", NULL, "it lives a year at most"},
            {"{'until':'soon'}", NULL, "until: \"soon\" is no time"},
            {"{'event':'e'}", "2027-01-01T09:00:00.001Z", NULL},
            {"{'event':'e','timeout':'1h'}", "2026-01-01T11:00:00.000Z", NULL},
            {"{'event':'e','timeout':'365d'}", "2027-01-01T09:00:00.001Z", NULL},
            {"{'event':'e','timeout':'x'}", NULL, "timeout: \"x\" is no duration"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct problems problems = PROBLEMS_INIT;
        struct definition d;
        /* The texts are given as values: what a template became. */
        struct json *input = parse(a, rows[i].step);
        const char *step = input->child->name.ptr[0] == 'f'   ? "[{'id':'w','type':'wait','for':'{{ x }}'}]"
                           : input->child->name.ptr[0] == 'u' ? "[{'id':'w','type':'wait','until':'{{ x }}'}]"
                           : input->count == 1                ? "[{'id':'w','type':'wait','event':'e'}]"
                                               : "[{'id':'w','type':'wait','event':'e','timeout':'{{ x }}'}]";
        struct wait_facts f = {.input = input};
        struct str why = STR("");
        int64_t due_ms = 0;
        char text[TIME_TEXT_SIZE];
        assert_int_equal(time_parse(STR("2026-01-01T10:00:00Z"), &f.now_ms), ERR_OK);
        assert_int_equal(time_parse(STR("2026-01-01T09:00:00Z"), &f.began_ms), ERR_OK);
        assert_true(definition_compile(a, parse(a, step), &d, &problems));
        enum err e = wait_read(a, &d.steps[0], &f, &due_ms, &why);
        time_format(due_ms, text);
        if (e == ERR_OK ? rows[i].until == NULL || strcmp(text, rows[i].until) != 0
                        : rows[i].why == NULL || str_find_str(why, str_c(rows[i].why)) == why.len)
            fail_msg("%s: %s " STR_FMT, rows[i].step, text, STR_ARG(why));
        problems_fini(&problems);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(cron_times), cmocka_unit_test(cron_ranges), cmocka_unit_test(cron_refused),
            cmocka_unit_test(conditions), cmocka_unit_test(compared),    cmocka_unit_test(compared_with_a_long_text),
            cmocka_unit_test(layout),     cmocka_unit_test(reads),       cmocka_unit_test(waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
