/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "crypto/crypto.h"
#include "expr/expr.h"

static const char body[] =
        "{\"id\":820982911946154508,\"total\":\"120.50\",\"price\":1.10,\"big\":9007199254740993,\"paid\":true,"
        "\"note\":null,\"empty\":\"\",\"email\":\" Ada@Example.COM \",\"customer\":{\"name\":\"Åsa Öberg\",\"odd "
        "name\":1,"
        "\"a.b\":\"dots\",\"0\":\"zero\"},\"tags\":[\"new\",\"vip\",\"old\"],\"none\":[],\"items\":[{\"sku\":\"A-1\","
        "\"qty\":2},{\"sku\":\"B\",\"qty\":5}],\"html\":\"<b>&'\\\"\",\"line\":\"a\\r\\nX-Evil: 1\",\"braces\":\"{{ "
        "trigger.body.id "
        "}}\",\"at\":\"2026-11-21T09:30:05.250Z\",\"local\":\"2026-11-21T23:30:00+02:00\",\"unix\":1763717400,"
        "\"query\":\"a "
        "b&c=d/é\"}";

struct fixture {
    struct arena *arena;
    struct json *trigger;
    struct expr_root roots[2];
};

static void setup_roots(struct fixture *f)
{
    f->arena = arena_new(65536);
    struct str doc = arena_printf(f->arena, "{\"body\":%s,\"headers\":{\"x-request-id\":\"r-1\"}}", body);
    assert_int_equal(json_parse(f->arena, doc, &f->trigger, NULL), ERR_OK);
    f->roots[0] = (struct expr_root){STR("trigger"), f->trigger};
    f->roots[1] = (struct expr_root){STR("steps"), NULL};
}

static struct expr_env env_of(struct fixture *f)
{
    return (struct expr_env){.arena = f->arena, .roots = f->roots, .root_count = 2, .now_ms = 1763717400123};
}

/* The text in `dest`, or "! why". */
static struct str render(struct fixture *f, const char *text, enum expr_dest dest, struct expr_env *env)
{
    const struct expr_template *t;
    struct expr_error error;
    struct buf out = BUF_INIT(1u << 22);
    if (expr_compile(f->arena, str_c(text), &t, &error) != ERR_OK)
        return arena_printf(f->arena, "syntax %zu: " STR_FMT, error.at, STR_ARG(error.what));
    enum err e = expr_text(t, dest, env, &out);
    struct str s = e == ERR_OK ? arena_str(f->arena, out.len > 0 ? buf_str(&out) : STR(""))
                               : arena_printf(f->arena, "! " STR_FMT, STR_ARG(env->why));
    buf_fini(&out);
    return s;
}

static void check_text(const char *text, enum expr_dest dest, const char *want)
{
    struct fixture f;
    setup_roots(&f);
    struct expr_env env = env_of(&f);
    struct str got = render(&f, text, dest, &env);
    if (!str_eq(got, str_c(want)))
        fail_msg("%s\n  gives %.*s\n  not   %s", text, STR_ARG(got), want);
    arena_free(f.arena);
}

static void texts(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
            {"", ""},
            {"plain", "plain"},
            {"a { b } c", "a { b } c"},
            {"{{ \"{{\" }}", "{{"},
            {"{{ 'it\\'s' }} {{ \"a\\n\\\"b\\\\\" }}", "it's a\n\"b\\"},
            {"{{trigger.body.id}}", "820982911946154508"},
            {"{{ trigger.body.price }}", "1.10"},
            {"{{ trigger.body.big }}", "9007199254740993"},
            {"{{ trigger.body.paid }} {{ trigger.body.note }}.", "true ."},
            {"Hello {{ trigger.body.customer.name }}!", "Hello Åsa Öberg!"},
            {"{{ trigger.body.customer[\"odd name\"] }}{{ trigger.body.customer['a.b'] }}", "1dots"},
            {"{{ trigger.body.customer.0 }}", "zero"},
            {"{{ trigger.headers.x-request-id }}", "r-1"},
            {"{{ trigger.body.tags[0] }}{{ trigger.body.tags.1 }}{{ trigger.body.tags[-1] }}", "newvipold"},
            {"{{ trigger.body.tags[3] }}{{ trigger.body.tags[-4] }}{{ trigger.body.tags.x }}.", "."},
            {"{{ trigger.body.items[1].sku }}", "B"},
            {"{{ trigger.body.items[0] }}", "{\"sku\":\"A-1\",\"qty\":2}"},
            {"{{ trigger.body.missing.deeper }}{{ nowhere }}{{ steps.a.b }}.", "."},
            {"{{ trigger.body.email | trim | lower }}", "ada@example.com"},
            {"{{ trigger.body.customer.name | upper }}", "ÅSA ÖBERG"},
            {"{{ trigger.body.customer.name | lower | capitalize }}", "Åsa öberg"},
            {"{{ trigger.body.nobody | default: \"you\" }}", "you"},
            {"{{ trigger.body.empty | default: trigger.body.tags[0] }}", "new"},
            {"{{ trigger.body.paid | default: 1 }}", "true"},
            {"{{ trigger.body.customer.name | truncate: 3 }}", "Åsa…"},
            {"{{ trigger.body.customer.name | truncate: 3, '' }}", "Åsa"},
            {"{{ trigger.body.customer.name | truncate: 9 }}", "Åsa Öberg"},
            {"{{ 'a-b-c' | replace: '-', '+' }} {{ 'a-b' | replace: '-' }}", "a+b+c ab"},
            {"{{ 'x' | append: 'y' | prepend: trigger.body.tags.0 }}", "newxy"},
            {"{{ 'a,b,,c' | split: ',' | join: '|' }}", "a|b||c"},
            {"{{ 'a,b' | split: ',' }}", "[\"a\",\"b\"]"},
            {"{{ '' | split: ',' | size }}", "0"},
            {"{{ trigger.body.tags | join }}", "new, vip, old"},
            {"{{ trigger.body.tags | first }}{{ trigger.body.tags | last }}{{ trigger.body.none | first }}", "newold"},
            {"{{ trigger.body.customer.name | size }} {{ trigger.body.items | size }} {{ trigger.body.customer | size "
             "}}",
             "9 2 4"},
            {"{{ trigger.body.total | number }}", "120.50"},
            {"{{ trigger.body.total | plus: 1 }} {{ 9007199254740993 | plus: 1 }}", "121.5 9007199254740994"},
            {"{{ 9223372036854775807 | plus: 1 }}", "9.223372036854776e+18"},
            {"{{ 7 | minus: 10 | times: 3 }} {{ 7 | divided_by: 2 }} {{ 8 | divided_by: 2 }}", "-9 3.5 4"},
            {"{{ 2.345 | round: 1 }} {{ 5 | round }} {{ '19.999' | round: 2 }} {{ 820982911946154508 | round }}",
             "2.3 5 20.00 820982911946154508"},
            /* halves away from zero, in the digits that are written */
            {"{{ 2.5 | round }} {{ -2.5 | round }} {{ 0.125 | round: 2 }} {{ 1.005 | round: 2 }} {{ 0.5 | round }}",
             "3 -3 0.13 1.01 1"},
            {"{{ -0.4 | round }} {{ 99.995 | round: 2 }} {{ 12345678901234567890.5 | round }} {{ 5 | round: 2 }}",
             "0 100.00 12345678901234567891 5.00"},
            {"{{ 2.34 | round: 4 }} {{ -0.004 | round: 2 }} {{ 25e-1 | round: 1 }} {{ '9.99' | round }}",
             "2.3400 0.00 2.5 10"},
            {"{{ trigger.body.tags | json }} {{ 'a\"b' | json }}", "[\"new\",\"vip\",\"old\"] \"a\\\"b\""},
            {"{{ trigger.body.query | urlencode }}", "a%20b%26c%3Dd%2F%C3%A9"},
            {"{{ 'abc' | sha256 }}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
            {"{{ 'what do ya want for nothing?' | hmac: 'Jefe' }}",
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}, /* RFC 4231, case 2 */
            {"{{ 'foob' | base64 }}", "Zm9vYg=="},                                /* RFC 4648 */
            {"{{ trigger.body.at | date }}", "2026-11-21"},
            {"{{ trigger.body.at | date: '%A %e %B %Y, %H:%M:%S.%L %z' }}",
             "Saturday 21 November 2026, 09:30:05.250 +0000"},
            {"{{ trigger.body.local | date: '%F %T %I%p %a %b %y %%' }}", "2026-11-21 23:30:00 11PM Sat Nov 26 %"},
            {"{{ trigger.body.local | timezone: 'Z' }}", "2026-11-21T21:30:00.000Z"},
            {"{{ trigger.body.at | timezone: '-05:30' | date: '%H:%M %z' }}", "04:00 -0530"},
            {"{{ trigger.body.unix | time }} {{ 1763717400123 | time }}",
             "2025-11-21T09:30:00.000Z 2025-11-21T09:30:00.123Z"},
            {"{{ '2026-11-21T09:30:00+0000' | time }} {{ '2026-11-21T09:30:00.5-0530' | time }}",
             "2026-11-21T09:30:00.000Z 2026-11-21T09:30:00.500-05:30"},
            {"{{ '2026-11-21T09:30:00' | time }} {{ '2026-11-21 09:30:00.1234' | time }}",
             "2026-11-21T09:30:00.000Z 2026-11-21T09:30:00.123Z"},
            {"{{ 'now' | time }}", "2025-11-21T09:30:00.123Z"},
            {"{{ '2024-02-28' | add_time: '36h' | date }}", "2024-02-29"},
            {"{{ trigger.body.local | subtract_time: '1d' }}", "2026-11-20T23:30:00.000+02:00"},
            {"{{ trigger.body.at | unix }} {{ '1969-12-31T23:59:59.500Z' | unix }}", "1795253405 -1"},
            /* what came in is text, never a template */
            {"{{ trigger.body.braces }}", "{{ trigger.body.id }}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_text(rows[i].text, EXPR_TEXT, rows[i].want);
}

static void destinations(void **state)
{
    (void)state;
    check_text("https://x/{{ trigger.body.query }}?q={{ trigger.body.id }}", EXPR_URL,
               "https://x/a%20b%26c%3Dd%2F%C3%A9?q=820982911946154508");
    check_text("{{ 'https://x/?a=b' }}&c={{ '?' }}", EXPR_URL, "https://x/?a=b&c=%3F");
    check_text("<p>{{ trigger.body.html }}</p>", EXPR_HTML, "<p>&lt;b&gt;&amp;&#39;&quot;</p>");
    check_text("Bearer {{ trigger.headers.x-request-id }}", EXPR_HEADER, "Bearer r-1");
    check_text("x{{ trigger.body.line }}", EXPR_HEADER,
               "! trigger.body.line: a header takes no line breaks or other control characters");
    check_text("{{ trigger.body.line }}", EXPR_TEXT, "a\r\nX-Evil: 1");
}

/* What comes in says what it says, where it may; it never says where a request goes, nor what is a header. */
static void injections(void **state)
{
#define HOST " here, in the host of a URL, a value is letters, digits and hyphens"
#define DOTS " a value of dots would lead elsewhere in the URL"
    static const struct {
        enum expr_dest dest;
        const char *text, *want;
    } rows[] = {
            {EXPR_URL, "https://api.example.com{{ '.evil.example' }}/x", "! '.evil.example':" HOST},
            {EXPR_URL, "https://api.example.com{{ ':8080' }}/", "! ':8080':" HOST},
            {EXPR_URL, "https://api.example.com{{ '@evil.example' }}", "! '@evil.example':" HOST},
            {EXPR_URL, "https://{{ 'a' }}{{ '.evil.example' }}/", "! '.evil.example':" HOST},
            {EXPR_URL, "https://{{ 'evil.example/' }}.example.com/", "! 'evil.example/':" HOST},
            {EXPR_URL, "https://{{ 'shop.example' }}/x", "https://shop.example/x"},
            {EXPR_URL, "https://{{ 'eu-1' }}.example.com/", "https://eu-1.example.com/"},
            {EXPR_URL, "{{ 'https://api.example.com' }}{{ '.evil.example/' }}", "! '.evil.example/':" HOST},
            {EXPR_URL, "{{ nothing }}{{ 'https://evil.example/' }}", "https%3A%2F%2Fevil.example%2F"},
            {EXPR_URL, "https:{{ '//evil.example/' }}", "https:%2F%2Fevil.example%2F"},
            {EXPR_URL, "https://x.example/u/{{ '..' }}/profile", "! '..':" DOTS},
            {EXPR_URL, "https://x.example/{{ '.' }}", "! '.':" DOTS},
            {EXPR_URL, "https://x.example/u/{{ '../../admin' }}", "https://x.example/u/..%2F..%2Fadmin"},
            {EXPR_URL, "https://x.example/?a={{ '..' }}&b={{ 'c&d=e#f' }}", "https://x.example/?a=..&b=c%26d%3De%23f"},
            {EXPR_URL, "https://x.example/{{ 'a\\n\\tb' }}", "https://x.example/a%0A%09b"},
            {EXPR_URL, "https://x.example#{{ '.y' }}", "https://x.example#.y"},
            {EXPR_HEADER, "a{{ 'b\\nX-Evil: 1' }}",
             "! 'b\\nX-Evil: 1': a header takes no line breaks or other control characters"},
            {EXPR_HTML, "<a href=\"{{ '\" onclick=\"x' }}\">{{ '</a><script>' }}</a>",
             "<a href=\"&quot; onclick=&quot;x\">&lt;/a&gt;&lt;script&gt;</a>"},
            {EXPR_HTML, "{{ '{{ trigger.body.id }}' }}", "{{ trigger.body.id }}"},
    };
#undef HOST
#undef DOTS
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_text(rows[i].text, rows[i].dest, rows[i].want);
}

/* Of what is sent as JSON, what comes in is a value or a part of one. */
static void json_texts(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
            {"{\"a\":\"{{ 'x' }}\",\"b\":\"y\"}", "{\"a\":\"x\",\"b\":\"y\"}"},
            {"{\"a\":\"{{ 'x\",\"role\":\"admin' }}\"}", "{\"a\":\"x\\\",\\\"role\\\":\\\"admin\"}"},
            {"{\"a\":{{ 'x\"y' }}}", "{\"a\":\"x\\\"y\"}"},
            {"{\"a\":\"\\\"{{ '\"' }}\"}", "{\"a\":\"\\\"\\\"\"}"},
            {"{\"a\":\"\\\\{{ '\"' }}\",\"b\":{{ 1 }}}", "{\"a\":\"\\\\\\\"\",\"b\":1}"},
            {"\"{{ 'a\\\\' }}{{ '\"' }}\"", "\"a\\\\\\\"\""},
            {"\"{{ 'a\\n\\tb' }}\001{{ '\001' }}\"", "\"a\\n\\tb\001\\u0001\""},
            {"\"\\{{ '\"' }}\"", "! '\"': right behind a backslash no value can stand in JSON"},
            {"[{{ trigger.body.price }},\"{{ trigger.body.big }}\"]", "[1.10,\"9007199254740993\"]"},
            {"[{{ trigger.body.items[0] }}]", "[{\"sku\":\"A-1\",\"qty\":2}]"},
            {"\"{{ trigger.body.items[0] }}\"", "\"{\\\"sku\\\":\\\"A-1\\\",\\\"qty\\\":2}\""},
            {"[{{ nope }},\"{{ nope }}\",{{ true }}]", "[null,\"\",true]"},
            {"[{{ 'a\"' | json }},{{ 'a,b' | split: ',' }}]", "[\"a\\\"\",[\"a\",\"b\"]]"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_text(rows[i].text, EXPR_JSON, rows[i].want);
}

/* Of what is sent as a form, what comes in is a value, or a name, and no more fields. */
static void form_texts(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
            {"a={{ 'x&admin=1' }}&b=1", "a=x%26admin%3D1&b=1"},
            {"{{ 'a=1&b' }}={{ 'c d+e%' }}", "a%3D1%26b=c%20d%2Be%25"},
            {"u=http://{{ 'a/b' }}", "u=http://a%2Fb"},
            {"a={{ '..' }}&b={{ nope }}", "a=..&b="},
            {"a={{ 'x&y' | urlencode }}&b={{ 'x&y' | urlencode | append: '&z' }}", "a=x%26y&b=x%2526y%26z"},
            {"a={{ trigger.body.price }}&t={{ '\n' }}", "a=1.10&t=%0A"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_text(rows[i].text, EXPR_FORM, rows[i].want);
}

/* Of what is sent as XML, what comes in is a part of the place where it stands. */
static void xml_texts(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
            {"<a>{{ 'x</a><admin>1</admin>' }}</a>", "<a>x&lt;/a&gt;&lt;admin&gt;1&lt;/admin&gt;</a>"},
            {"<a b=\"{{ 'x\" admin=\"1' }}\"/>", "<a b=\"x&quot; admin=&quot;1\"/>"},
            {"<a b='{{ \"x' c='1\" }}'/>", "<a b='x&#39; c=&#39;1'/>"},
            {"<a>{{ '&evil; &#60;' }}</a>", "<a>&amp;evil; &amp;#60;</a>"},
            {"<a b=\"{{ 'x\n\ty' }}\">{{ 'x\n\ty' }}{{ trigger.body.line }}</a>",
             "<a b=\"x&#10;&#9;y\">x\n\tya&#13;\nX-Evil: 1</a>"},
            {"<a>{{ trigger.body.price }}{{ trigger.body.customer.name }}{{ nope }}</a>", "<a>1.10Åsa Öberg</a>"},
            {"<a>{{ trigger.body.items[1] }}</a>", "<a>{&quot;sku&quot;:&quot;B&quot;,&quot;qty&quot;:5}</a>"},
            {"{{ '<a>' }}{{ '<' }}", "&lt;a&gt;&lt;"},
            /* sections of text as it is */
            {"<![CDATA[{{ '<b> & \"q\"' }}]]>{{ '<' }}", "<![CDATA[<b> & \"q\"]]>&lt;"},
            {"<![CDATA[{{ ']]><admin/>' }}]]>", "<![CDATA[]]]]><![CDATA[><admin/>]]>"},
            {"<![CDATA[{{ ']' }}{{ ']' }}{{ '>' }}]]>", "<![CDATA[]]]><![CDATA[]]]><![CDATA[>]]>"},
            {"<![CDATA[{{ ']]' }}>]]>", "<![CDATA[]]]]><![CDATA[>]]>"},
            {"<![CDATA[{{ 'a]' }}]>{{ '&' }}]]>{{ '&' }}", "<![CDATA[a]]]><![CDATA[]>&]]>&amp;"},
            {"<![CDATA[a]]{{ '>' }}]]>", "<![CDATA[a]]]]><![CDATA[>]]>"},
            {"<![CDATA[a]]{{ nope }}>{{ '<' }}", "<![CDATA[a]]>&lt;"},
            {"<a b=\"<![CDATA[{{ '<' }}\"/>{{ '<' }}", "<a b=\"<![CDATA[&lt;\"/>&lt;"},
            /* what nobody reads */
            {"<!-- {{ '--><admin/>' }} -->{{ '\"' }}", "<!-- &#45;&#45;&gt;&lt;admin/&gt; -->&quot;"},
            {"<!--{{ '-' }}-> ' -->{{ '<' }}", "<!--&#45;-> ' -->&lt;"},
            {"<!-->{{ '<' }}-->{{ '-<' }}", "<!-->&lt;-->-&lt;"},
            {"<?x don't {{ '?><admin/>' }}?>{{ '<' }}", "<?x don't ?&gt;&lt;admin/&gt;?>&lt;"},
            {"<!DOCTYPE a [<!ENTITY x \"{{ '\">' }}\"><!-- ' -->]><a>{{ '<' }}</a>",
             "<!DOCTYPE a [<!ENTITY x \"&quot;&gt;\"><!-- ' -->]><a>&lt;</a>"},
            /* tags */
            {"<{{ 'x:order-1' }}>{{ '<' }}</{{ 'x:order-1' }}>", "<x:order-1>&lt;</x:order-1>"},
            {"<a {{ nope }}/>", "<a />"},
            {"<a>1 > 0 {{ '<' }}</a>", "<a>1 > 0 &lt;</a>"},
            {"<a {{ 'x=y' }}/>", "! 'x=y': in a tag, outside of quotes, only a name can stand"},
            {"<{{ '!--' }}>", "! '!--': in a tag, outside of quotes, only a name can stand"},
            {"<a{{ '/' }}>", "! '/': in a tag, outside of quotes, only a name can stand"},
            {"<a b=\"1\" {{ 'c d' }}>", "! 'c d': in a tag, outside of quotes, only a name can stand"},
            {"<a>{{ '\001' }}</a>", "! '\001': XML cannot hold one of its characters"},
            {"<![CDATA[{{ '\xef\xbf\xbf' }}]]>", "! '\xef\xbf\xbf': XML cannot hold one of its characters"},
            {"<a>\001</a>{{ '\xef\xbf\xbd' }}", "<a>\001</a>\xef\xbf\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_text(rows[i].text, EXPR_XML, rows[i].want);
}

static void errors(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
            {"{{", "syntax 2: expected a path or a value"},
            {"a {{ }}", "syntax 5: expected a path or a value"},
            {"{{ a", "syntax 4: }} is missing"},
            {"{{ a b }}", "syntax 5: expected | or }}"},
            {"{{ a. }}", "syntax 5: expected a name after the dot; odd names go in brackets: [\"odd name\"]"},
            {"{{ a[ }}", "syntax 6: expected a number or a name in quotes in the brackets"},
            {"{{ a[1 }}", "syntax 7: expected ]"},
            {"{{ a['x }}", "syntax 5: the text in quotes does not end"},
            {"{{ 'x\\q' }}", "syntax 5: \\ is followed by none of \" ' \\ n t"},
            {"{{ 01 }}", "syntax 3: this is not a number as JSON writes it"},
            {"{{ a | }}", "syntax 7: expected the name of a filter after |"},
            {"{{ a | lowr }}", "syntax 7: there is no filter lowr; is it lower?"},
            {"{{ a | system: 'ls' }}", "syntax 7: there is no filter system"},
            {"{{ a | default }}", "syntax 7: default needs an argument: default: value"},
            {"{{ a | lower: 1 }}", "syntax 12: lower takes no argument"},
            {"{{ a | default: 1, 2 }}", "syntax 18: default takes at most 1 argument"},
            {"{{ (a) }}", "syntax 3: expected a path or a value, not '('"},
            {"{{ trigger.body.none | required }}", "[]"},
            {"{{ trigger.body.nope | required }}", "! required of trigger.body.nope: there is nothing here"},
            {"{{ trigger.body.empty | required }}", "! required of trigger.body.empty: there is nothing here"},
            {"{{ trigger.body.tags | plus: 1 }}", "! plus of trigger.body.tags: this is not a number"},
            {"{{ trigger.body.nope | plus: 1 }}", "! plus of trigger.body.nope: there is nothing here"},
            {"{{ 1 | divided_by: 0 }}", "! divided_by of 1: division by zero"},
            {"{{ 1e308 | times: 10 }}", "! times of 1e308: the result is no number"},
            {"{{ 'x' | number }}", "! number of 'x': this is not a number"},
            {"{{ 'x' | first }}", "! first of 'x': this is not a list"},
            {"{{ 'x' | date }}", "! date of 'x': this is not a time: 2026-11-21T09:30:00Z, or Unix seconds"},
            {"{{ '2026-11-21T09:30' | date }}",
             "! date of '2026-11-21T09:30': this is not a time: 2026-11-21T09:30:00Z, or Unix seconds"},
            {"{{ '2026-11-21T09:30:00+9900' | date }}",
             "! date of '2026-11-21T09:30:00+9900': this is not a time: 2026-11-21T09:30:00Z, or Unix seconds"},
            {"{{ 'now' | date: '%Q' }}",
             "! date of 'now': %Q is none of %Y %y %m %d %e %H %I %M %S %L %p %A %a %B %b %z %F "
             "%T %%"},
            {"{{ 'now' | date: '%' }}",
             "! date of 'now': %? is none of %Y %y %m %d %e %H %I %M %S %L %p %A %a %B %b %z %F "
             "%T %%"},
            {"{{ 'now' | timezone: 'Europe/Berlin' }}",
             "! timezone of 'now': expected an offset from UTC such as \"+02:00\""},
            {"{{ 'now' | add_time: 'soon' }}",
             "! add_time of 'now': expected a duration such as \"90s\", \"36h\" or \"7d\""},
            {"{{ 'a' | truncate: -1 }}", "! truncate of 'a': its argument must be a whole number, 0 or more"},
            {"{{ 'a' | split: '' }}", "! split of 'a': what to split at is empty"},
            {"{{ 'a' | hmac: '' }}", "! hmac of 'a': the key is empty"},
            {"{{ 'a' | replace: '' }}", "! replace of 'a': what to replace is empty"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_text(rows[i].text, EXPR_TEXT, rows[i].want);
}

static void missing_paths(void **state)
{
    struct fixture f;
    (void)state;
    setup_roots(&f);
    struct expr_env env = env_of(&f);
    (void)render(&f,
                 "{{ trigger.body.a }} {{ trigger.body.id }} {{ trigger.body.a }} {{ steps.x }} {{ y | default: z }} "
                 "{{ q | default: 1 }}",
                 EXPR_TEXT, &env);
    assert_int_equal(env.missing_count, 3);
    assert_true(str_eq(env.missing[0], STR("trigger.body.a")));
    assert_true(str_eq(env.missing[1], STR("steps.x")));
    assert_true(str_eq(env.missing[2], STR("z")));
    arena_free(f.arena);
}

/* A document with templates, filled in; or "at: why". */
static struct str fill(struct fixture *f, const char *json, struct expr_env *env)
{
    struct json *from;
    const struct expr_tree *t;
    struct expr_error error;
    struct str pointer;
    struct buf out = BUF_INIT(1u << 22);
    struct json_writer w = json_writer(&out);
    assert_int_equal(json_parse(f->arena, str_c(json), &from, NULL), ERR_OK);
    if (expr_tree_compile(f->arena, from, &t, &error, &pointer) != ERR_OK)
        return arena_printf(f->arena, "syntax " STR_FMT " %zu: " STR_FMT, STR_ARG(pointer), error.at,
                            STR_ARG(error.what));
    struct str s = expr_tree_fill(t, env, &w) == ERR_OK
                           ? arena_str(f->arena, buf_str(&out))
                           : arena_printf(f->arena, "! " STR_FMT ": " STR_FMT, STR_ARG(env->at), STR_ARG(env->why));
    buf_fini(&out);
    return s;
}

static void trees(void **state)
{
    static const struct {
        const char *json, *want;
    } rows[] = {
            {"{\"a\":\"{{ trigger.body.id }}\",\"b\":\"n {{ trigger.body.id }}\"}",
             "{\"a\":820982911946154508,\"b\":\"n 820982911946154508\"}"},
            {"{\"price\":\"{{ trigger.body.price }}\",\"ok\":\"{{ trigger.body.paid }}\",\"no\":\"{{ trigger.body.nope "
             "}}\"}",
             "{\"price\":1.10,\"ok\":true,\"no\":null}"},
            {"[\"{{ trigger.body.items }}\",1.50,null,\"x\\u00e9\",{}]",
             "[[{\"sku\":\"A-1\",\"qty\":2},{\"sku\":\"B\",\"qty\":5}],1.50,null,\"x\\u00e9\",{}]"},
            {"{\"q\":\"{{ trigger.body.html }}\"}", "{\"q\":\"<b>&'\\\"\"}"},
            {"{\"q\":\"x{{ trigger.body.html }}\"}", "{\"q\":\"x<b>&'\\\"\"}"},
            {"{\"a\":[{\"b/c\":\"{{ x | required }}\"}]}", "! /a/0/b~1c: required of x: there is nothing here"},
            {"{\"a\":[0,\"{{ x\"]}", "syntax /a/1 4: }} is missing"},
            {"{\"{{ not.this }}\":1}", "{\"{{ not.this }}\":1}"},
            {"{\"list\":\"{{ 'a,b' | split: ',' }}\",\"n\":\"{{ '7' | number }}\",\"e\":\"{{ trigger.body.empty }}\"}",
             "{\"list\":[\"a\",\"b\"],\"n\":7,\"e\":\"\"}"},
    };
    struct fixture f;
    (void)state;
    setup_roots(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct expr_env env = env_of(&f);
        struct str got = fill(&f, rows[i].json, &env);
        if (!str_eq(got, str_c(rows[i].want)))
            fail_msg("%s\n  gives %.*s\n  not   %s", rows[i].json, STR_ARG(got), rows[i].want);
    }
    arena_free(f.arena);
}

/* A document of arrays, so deep, around a text. */
static struct str deep(struct fixture *f, int depth)
{
    struct buf text = BUF_INIT(4096);
    for (int i = 0; i < depth; i++)
        buf_add_c(&text, '[');
    buf_add_str(&text, STR("\"{{ trigger.body.id }}\""));
    for (int i = 0; i < depth; i++)
        buf_add_c(&text, ']');
    struct expr_env env = env_of(f);
    struct str got = fill(f, arena_cstr(f->arena, buf_str(&text)), &env);
    buf_fini(&text);
    return got;
}

static void depths(void **state)
{
    struct fixture f;
    (void)state;
    setup_roots(&f);
    assert_true(str_starts(deep(&f, EXPR_DEPTH_MAX), STR("[[[[")));
    struct str got = deep(&f, EXPR_DEPTH_MAX + 1);
    assert_true(str_starts(got, STR("syntax /0/0/0")) && str_ends(got, STR("nested too deeply")));
    arena_free(f.arena);
}

/* Too large, or too deep together with what it is put into: said in words. */
static void tree_values(void **state)
{
    struct arena *a = arena_new(1 << 21);
    char *long_text = arena_alloc(a, 700000);
    struct json big = {.type = JSON_STRING}, *from, *deepest;
    const struct json *value;
    const struct expr_tree *t;
    struct expr_error error;
    struct str pointer;
    (void)state;
    memset(long_text, 'x', 700000);
    big.text = str_of(long_text, 700000);
    struct buf text = BUF_INIT(4096);
    for (int i = 0; i < 2 * 100; i++)
        buf_add_c(&text, i < 100 ? '[' : ']');
    assert_int_equal(json_parse(a, buf_str(&text), &deepest, NULL), ERR_OK);
    assert_int_equal(json_parse(a, STR("{\"a\":\"{{ x }}\",\"b\":\"{{ x }}\"}"), &from, NULL), ERR_OK);
    assert_int_equal(expr_tree_compile(a, from, &t, &error, &pointer), ERR_OK);
    struct expr_root root = {STR("x"), &big};
    struct expr_env env = {.arena = a, .roots = &root, .root_count = 1};
    assert_int_equal(expr_tree_value(t, &env, &value), ERR_TOO_LARGE);
    assert_true(str_ends(env.why, STR("bytes")));
    struct str nested = STR("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"{{ x }}\"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    assert_int_equal(json_parse(a, nested, &from, NULL), ERR_OK);
    assert_int_equal(expr_tree_compile(a, from, &t, &error, &pointer), ERR_OK);
    root.value = deepest;
    env = (struct expr_env){.arena = a, .roots = &root, .root_count = 1};
    assert_int_equal(expr_tree_value(t, &env, &value), ERR_INVALID);
    assert_true(str_ends(env.why, STR("too deeply")));
    buf_fini(&text);
    arena_free(a);
}

static void budgets(void **state)
{
    struct fixture f;
    struct buf text = BUF_INIT(1u << 20);
    (void)state;
    setup_roots(&f);
    /* A megabyte is made twice over: each append doubles. */
    buf_add_str(&text, STR("{{ '"));
    for (int i = 0; i < 4000; i++)
        buf_add_str(&text, STR("0123456789"));
    buf_add_str(&text, STR("'"));
    for (int i = 0; i < 15; i++)
        buf_add_str(&text, STR(" | replace: '0', '0123456789'"));
    buf_add_str(&text, STR(" }}"));
    struct expr_env env = env_of(&f);
    struct str got = render(&f, arena_cstr(f.arena, buf_str(&text)), EXPR_TEXT, &env);
    assert_true(str_eq(got, STR("! this makes more than 1048576 bytes")));
    buf_clear(&text);
    buf_add_str(&text, STR("{{ '"));
    for (int i = 0; i < 30000; i++)
        buf_add_str(&text, STR("a,"));
    buf_add_str(&text, STR("' | split: ',' | join | split: ',' | join | split: ',' | join }}"));
    env = env_of(&f);
    got = render(&f, arena_cstr(f.arena, buf_str(&text)), EXPR_TEXT, &env);
    assert_true(str_eq(got, STR("! this takes more than 100000 steps")));
    /* What only looks at a large value, and makes little of it, is counted too. */
    struct json big = {.type = JSON_STRING, .text = str_of(mem_zalloc(1, 1u << 20), 1u << 20)};
    f.roots[1] = (struct expr_root){STR("big"), &big};
    static const char *const greedy[] = {"{{ big | sha256 }}", "{{ big | truncate: 1 }}",
                                         "{{ big | replace: 'x' | size }}"};
    for (size_t i = 0; i < ARRAY_LEN(greedy); i++) {
        buf_clear(&text);
        for (int k = 0; k < 30; k++)
            buf_add_str(&text, str_c(greedy[i]));
        env = env_of(&f);
        got = render(&f, arena_cstr(f.arena, buf_str(&text)), EXPR_TEXT, &env);
        if (!str_starts(got, STR("! this ")))
            fail_msg("%s: " STR_FMT, greedy[i], STR_ARG(str_take(got, 100)));
    }
    free((char *)big.text.ptr);
    /* Texts in quotes take the memory of their bytes. */
    buf_clear(&text);
    for (int i = 0; i < 400; i++)
        buf_add_str(&text, STR("{{''|default:''|default:''|default:''|default:''|default:''|default:''|default:''}}"));
    arena_free(f.arena);
    setup_roots(&f);
    size_t before = mallinfo2().uordblks;
    env = env_of(&f);
    assert_true(str_eq(render(&f, arena_cstr(f.arena, buf_str(&text)), EXPR_TEXT, &env), STR("")));
    assert_true(mallinfo2().uordblks < before + (8u << 20));
    /* Too many of anything is refused when it is saved. */
    buf_clear(&text);
    for (int i = 0; i < 600; i++)
        buf_add_str(&text, STR("{{ a }} "));
    env = env_of(&f);
    assert_true(str_eq(render(&f, arena_cstr(f.arena, buf_str(&text)), EXPR_TEXT, &env),
                       STR("syntax 0: too many expressions in one text")));
    buf_clear(&text);
    buf_add_str(&text, STR("{{ a"));
    for (int i = 0; i < 40; i++)
        buf_add_str(&text, STR(".a"));
    buf_add_str(&text, STR(" }}"));
    env = env_of(&f);
    assert_true(str_eq(render(&f, arena_cstr(f.arena, buf_str(&text)), EXPR_TEXT, &env),
                       STR("syntax 66: a path has at most 32 names")));
    buf_fini(&text);
    arena_free(f.arena);
}

/* Random texts from the language's own pieces: an error or a result, never anything else. */
static void noise(void **state)
{
    static const char *const pieces[] = {"{{",    "}}",      " | ",    "default", ": ",   "trigger",  ".",   "body",
                                         "[",     "]",       "'",      "\"",      "\\",   "-1",       "0",   "1e9",
                                         "tags",  "size",    ",",      "date",    "now",  "split",    "é",   "\xff",
                                         "{",     "}",       "%Q",     "last",    "\n",   "truncate", "id",  "number",
                                         "round", "replace", "upper ", "items",   "json", "html",     "hmac"};
    struct fixture f;
    uint64_t seed = 1;
    (void)state;
    setup_roots(&f);
    for (int round = 0; round < 200000; round++) {
        char text[256];
        size_t n = 0;
        struct arena *a = arena_new(4096);
        for (int i = 0; i < 14; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const char *piece = pieces[(seed >> 33) % ARRAY_LEN(pieces)];
            if (round % 2 == 0 && i == 0)
                piece = "{{ trigger.body.tags";
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        if (round % 3 != 0) {
            memcpy(text + n, " }}", 3);
            n += 3;
        }
        const struct expr_template *t;
        struct expr_error error;
        struct expr_env env = env_of(&f);
        struct buf out = BUF_INIT(1u << 20);
        env.arena = a;
        if (expr_compile(a, str_of(text, n), &t, &error) == ERR_OK) {
            enum err e = expr_text(t, (enum expr_dest)(round % 7), &env, &out);
            assert_true(e == ERR_OK || env.why.len > 0);
        } else {
            assert_true(error.what.len > 0 && error.at <= n);
        }
        buf_fini(&out);
        arena_free(a);
    }
    arena_free(f.arena);
}

static void filters_are_described(void **state)
{
    (void)state;
    assert_true(expr_filter_count() >= 25);
    for (size_t i = 0; i < expr_filter_count(); i++) {
        struct expr_filter_doc d = expr_filter_doc(i);
        assert_true(strlen(d.name) > 0 && strlen(d.what) > 0);
        for (size_t k = 0; k < i; k++)
            assert_true(strcmp(d.name, expr_filter_doc(k).name) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(texts),
            cmocka_unit_test(destinations),
            cmocka_unit_test(injections),
            cmocka_unit_test(errors),
            cmocka_unit_test(trees),
            cmocka_unit_test(missing_paths),
            cmocka_unit_test(depths),
            cmocka_unit_test(tree_values),
            cmocka_unit_test(budgets),
            cmocka_unit_test(noise),
            cmocka_unit_test(filters_are_described),
            cmocka_unit_test(json_texts),
            cmocka_unit_test(form_texts),
            cmocka_unit_test(xml_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
