/* SPDX-License-Identifier: Apache-2.0 */
/* Customers' code in its workers: what it may, what it may not, and what becomes of the worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/clock.h"
#include "transform/process.h"
#include "transform/turns.h"
#include "transform/wire.h"

#define W    "function handler(webhook) { "
#define NOW  1795000000123
#define DONE "=" /* the answer is a result that holds the rest; else an error that does */

static const struct transform_limits limits = {
        .workers = 2, .wall_ms = 1000, .cpu_ms = 500, .memory_bytes = 64 << 20, .output_bytes = 1 << 20};
static struct transform_process process;
static bool missing;

static struct transform_call call_of(const char *code)
{
    return (struct transform_call){.code = str_c(code),
                                   .url = STR("https://example.com/hook"),
                                   .event_type = STR("order.paid"),
                                   .message_id = STR("msg_1"),
                                   .channels = STR("[\"a\"]"),
                                   .variables = STR("{\"token\":\"t1\"}"),
                                   .params = STR("{\"p\":7}"),
                                   .payload =
                                           STR("{\"id\":12345678901234567890,\"b\":\"\\u00e9\",\"n\":{\"x\":[1,2]}}"),
                                   .now_ms = NOW,
                                   .seed = 42,
                                   .want_logs = true};
}

static void expect(const char *code, const char *want)
{
    struct arena *a = arena_new(65536);
    struct transform_call call = call_of(code);
    struct transform_result res;
    bool done = want[0] == DONE[0];
    transform_run(&process, &call, a, &res);
    bool fits = (res.status == TRANSFORM_OK) == done &&
                str_find_str(res.text, str_c(want + done)) < res.text.len + (want[done] == '\0');
    if (!fits)
        print_error("code: %.300s\n  wanted: %s\n  got: %d " STR_FMT "\n", code, want, (int)res.status,
                    STR_ARG(res.text));
    assert_true(fits);
    arena_free(a);
}

struct row {
    const char *code;
    const char *want;
};

static void expect_all(const struct row *rows, size_t count)
{
    if (missing)
        skip();
    for (size_t i = 0; i < count; i++)
        expect(rows[i].code, rows[i].want);
}

static void handlers_do_what_they_say(void **state)
{
    (void)state;
    static const struct row rows[] = {
            {W "return webhook; }", "=\"same\":true"},
            {W "webhook.payload.b += '!'; return webhook; }", "=\\\"b\\\":\\\"\xc3\xa9!\\\""},
            {W "webhook.payload = {t: `${webhook.eventType} ${webhook.channels} ${webhook.variables.token} "
               "${webhook.transformationsParams.p} ${webhook.messageId}`}; return webhook; }",
             "=order.paid a t1 7 msg_1"},
            {"const handler = ({payload, ...rest}) => ({...rest, payload: {x: payload?.n?.x ?? 0}});",
             "={\\\"x\\\":[1,2]}"},
            {"class A { #v = 3; static make() { return new A(); } get v() { return this.#v; } }\n"
             "var handler = (w) => { const m = new Map([['k', A.make().v]]); w.payload = Object.fromEntries(m); "
             "return w; }",
             "=\\\"k\\\":3"},
            {"async function handler(w) { w.payload = await Promise.resolve([1]); return w; }", "=\"json\":\"[1]\""},
            {"function handler(w) { return new Promise(() => {}); }", "never fulfilled"},
            {"async function handler(w) { null.x; }", "TypeError"},
            {W "webhook.method = 'PUT'; webhook.url = 'https://x.example/'; webhook.headers['X-A'] = 1; return "
               "webhook; }",
             "=\"method\":\"PUT\",\"url\":\"https://x.example/\",\"headers\":{\"X-A\":\"1\"}"},
            {W "webhook.payload = '<a/>'; return webhook; }", "=\"text\":\"<a/>\""},
            {W "webhook.cancel = true; return webhook; }", "=\"cancel\":true"},
            {W "console.log('a', {b: 1}); return webhook; }", "=\"logs\":[\"a {\\\"b\\\":1}\"]"},
            {W "webhook.payload = [Date.now(), new Date().toISOString(), new Date(0).getTime()]; return webhook; }",
             "=[1795000000123,\\\"2026-11-18T"},
            {W "webhook.payload = [Math.random() < 1, Math.random() === Math.random()]; return webhook; }",
             "=[true,false]"},
    };
    expect_all(rows, ARRAY_LEN(rows));
}

static void what_is_wrong_is_said_with_the_line(void **state)
{
    (void)state;
    static const struct row rows[] = {
            {"function handler(webhook) {\n  return webhook.nothing.there;\n}", "line 2"},
            {"function handler(webhook) {\n  let a = ;\n}", "line 2"},
            {"let x = 1;\nlet y = x.z.q;\nfunction handler() {}", "line 2"},
            {"function handle(webhook) { return webhook; }", "no function named handler"},
            {"var handler = 5; var other = 1;", "no function named handler"},
            {W "}", "not undefined"},
            {W "return [1]; }", "not an array"},
            {W "return 'x'; }", "not string"},
            {W "throw new Error('my words'); }", "my words"},
            {W "throw 'plain'; }", "threw plain"},
            {W "throw {toString() { throw 1; }}; }", "cannot be shown"},
            {W "webhook.payload = undefined; return webhook; }", "webhook.payload must be"},
            {W "webhook.payload = {a: 1n}; return webhook; }", "BigInt"},
            {W "webhook.payload.self = webhook.payload; return webhook; }", "TypeError"},
            {W "webhook.method = 1; return webhook; }", "webhook.method must be a string"},
            {W "webhook.headers = 'x'; return webhook; }", "webhook.headers must be an object"},
            {W "webhook.cancel = 'yes'; return webhook; }", "webhook.cancel must be true or false"},
            {W "webhook.payload = 'x'.repeat(1100000); return webhook; }", "larger than 1048576 bytes"},
            {"function handler(w) { return handler(w); }", "RangeError"},
    };
    expect_all(rows, ARRAY_LEN(rows));
}

static void there_is_nothing_to_reach(void **state)
{
    (void)state;
    static const struct row rows[] = {
            {W "return process.env; }", "ReferenceError"},
            {W "return require('fs'); }", "ReferenceError"},
            {W "return fetch('https://x'); }", "ReferenceError"},
            {W "setTimeout(() => {}, 1); }", "ReferenceError"},
            {"async function handler(w) { w.payload = await import('fs'); return w; }", "rror"},
            {W "webhook.payload = Object.getOwnPropertyNames(Function('return this')()).filter((n) => "
               "/^(process|require|Deno|Bun|print|load|read|readFile|quit|gc|$vm|fetch|XMLHttp|Worker|WebAssembly|"
               "SharedArrayBuffer|Atomics|WeakRef|Temporal)/.test(n)); return webhook; }",
             "=\"json\":\"[]\""},
            {W "webhook.payload = [].constructor.constructor('return typeof process + typeof window')(); "
               "return webhook; }",
             "=undefinedundefined"},
            {W "Object.prototype.cancel = true; Object.prototype.toJSON = () => 'bad'; "
               "JSON.stringify = () => 'bad'; webhook.payload = {a: 1}; return webhook; }",
             "="},
            {"globalThis.leak = (globalThis.leak ?? 0) + 1; Object.prototype.leaked = 1;\n"
             "function handler(w) { w.payload = [leak]; return w; }",
             "=\"json\":\"[1]\""},
            {W "webhook.payload = [typeof leak, typeof ({}).leaked]; return webhook; }",
             "=undefined\\\",\\\"undefined"},
    };
    expect_all(rows, ARRAY_LEN(rows));
}

static void limits_end_the_worker_and_no_more(void **state)
{
    (void)state;
    static const struct row rows[] = {
            {W "for (;;); }", "took too long"},
            {W "return webhook; }", "=same"},
            {"for (;;); function handler() {}", "took too long"},
            {W "return /^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60)); }", ""},
            {W "let s = 'x'; for (;;) s += s + '1'; }", ""},
            {W "const a = []; for (;;) a.push(new Array(1000).fill(1.5)); }", "memory"},
            {W "const a = []; for (let i = 0;; i++) a.push({['k' + i]: i}); }", ""},
            {W "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1)); }", ""},
            {W "return new ArrayBuffer(4e9); }", ""},
            {W "const o = {}; o.toString = () => { for (;;); }; throw o; }", "took too long"},
            {W "webhook.payload = {toJSON() { for (;;); }}; return webhook; }", "took too long"},
            {"async function handler() { for (;;) await 0; }", "took too long"},
            {W "return webhook; }", "=same"},
    };
    if (missing)
        skip();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t from_ms = clock_mono_ms();
        expect(rows[i].code, rows[i].want);
        assert_in_range(clock_mono_ms() - from_ms, 0, 2500);
    }
}

static void a_worker_that_is_killed_is_replaced(void **state)
{
    (void)state;
    if (missing)
        skip();
    expect(W "return webhook; }", "=same");
    int before = process.pid;
    assert_true(before > 0);
    kill(before, SIGKILL);
    expect(W "return webhook; }", "=same");
    assert_int_not_equal(process.pid, before);
}

static void the_same_message_is_the_same_again(void **state)
{
    (void)state;
    if (missing)
        skip();
    struct arena *a = arena_new(65536);
    struct transform_call call =
            call_of(W "webhook.payload = [Math.random(), Math.random(), Date(), new Date().toLocaleString('de-DE'), "
                      "new Intl.DateTimeFormat('en').format()]; return webhook; }");
    struct transform_result one, two, other;
    transform_run(&process, &call, a, &one);
    process_stop(&process);
    transform_run(&process, &call, a, &two);
    call.seed = 43;
    transform_run(&process, &call, a, &other);
    assert_true(one.status == TRANSFORM_OK && str_eq(one.text, two.text));
    assert_false(str_eq(one.text, other.text));
    arena_free(a);
}

static void workspaces_take_turns(void **state)
{
    (void)state;
    struct turns t;
    struct transform_job jobs[6] = {{.app = 1, .ep = 1}, {.app = 1, .ep = 1}, {.app = 1, .ep = 2},
                                    {.app = 2, .ep = 3}, {.app = 1, .ep = 1}, {.app = 2, .ep = 3}};
    static const size_t order[] = {0, 3, 2, 5, 1, 4};
    turns_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        list_init(&jobs[i].node);
        assert_true(turns_add(&t, &jobs[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_ptr_equal(turns_take(&t), &jobs[order[i]]);
    assert_null(turns_take(&t));
    struct transform_job *many = calloc(TURNS_PER_APP_MAX + 1, sizeof *many);
    for (size_t i = 0; i <= TURNS_PER_APP_MAX; i++) {
        list_init(&many[i].node);
        assert_int_equal(turns_add(&t, &many[i]), i < TURNS_PER_APP_MAX);
    }
    for (size_t i = 0; i < TURNS_PER_APP_MAX; i++)
        assert_non_null(turns_take(&t));
    free(many);
}

static void results_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why; /* NULL: fits */
    } rows[] = {
            {"{\"cancel\":true}", NULL},
            {"{\"method\":\"PATCH\",\"url\":\"https://example.com/hook\",\"headers\":{},\"same\":true}", NULL},
            {"{\"method\":\"POST\",\"url\":\"https://other.example\",\"headers\":{\"content-type\":\"a/"
             "b\",\"X-A\":\"1\"},"
             "\"text\":\"x\"}",
             NULL},
            {"{\"method\":\"GET\",\"url\":\"https://example.com/hook\",\"headers\":{},\"same\":true}", "POST, PUT or"},
            {"{\"method\":\"POST\",\"url\":\"https://127.0.0.1/\",\"headers\":{},\"same\":true}", "webhook.url"},
            {"{\"method\":\"POST\",\"url\":\"http://x.example/\",\"headers\":{},\"same\":true}", "webhook.url"},
            {"{\"method\":\"POST\",\"url\":\"ftp://x.example/\",\"headers\":{},\"same\":true}", "webhook.url"},
            {"{\"method\":\"POST\",\"url\":\"https://example.com/hook\",\"headers\":{\"Host\":\"x\"},\"same\":true}",
             "cannot be set"},
            {"{\"method\":\"POST\",\"url\":\"https://example.com/"
             "hook\",\"headers\":{\"webhook-id\":\"x\"},\"same\":true}",
             "cannot be set"},
            {"{\"method\":\"POST\",\"url\":\"https://example.com/hook\",\"headers\":{\"X-A\":\"a\\nb\"},\"same\":true}",
             "control"},
            {"{\"method\":\"POST\",\"url\":\"https://example.com/hook\",\"headers\":{\"X-A\":\"1\",\"x-a\":\"1\"},"
             "\"same\":true}",
             "twice"},
            {"{\"method\":\"POST\",\"url\":\"https://example.com/hook\",\"headers\":{},\"json\":\"{]\"}", "no JSON"},
            {"{\"method\":\"POST\",\"url\":\"https://example.com/hook\",\"headers\":{}}", "webhook.payload"},
            {"nonsense", "no JSON"},
    };
    struct ssrf_policy policy = {0}; /* the endpoint is on https: that holds for what the code makes of it */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct transform_call call = call_of("");
        struct transformed t;
        const char *why = transform_read(&limits, &policy, NULL, &call, str_c(rows[i].text), a, &t, NULL);
        if (rows[i].why == NULL ? why != NULL : why == NULL || strstr(why, rows[i].why) == NULL)
            fail_msg("row %zu: %s", i, why);
        arena_free(a);
    }
}

static void frames_are_checked(void **state)
{
    (void)state;
    struct wire_ask ask = {.kind = WIRE_RUN, .now_ms = NOW, .seed = 9, .code = STR("abc"), .input = STR("{}")}, got;
    struct buf out = BUF_INIT(4096);
    wire_write_ask(&ask, &out);
    struct str frame = str_skip(buf_str(&out), WIRE_HEAD);
    assert_int_equal(wire_length((const unsigned char *)out.ptr), frame.len);
    assert_true(wire_read_ask(frame, &got));
    assert_true(str_eq(got.code, ask.code) && str_eq(got.input, ask.input) && got.now_ms == NOW && got.seed == 9);
    for (size_t n = 0; n < frame.len - 2; n++)
        assert_false(wire_read_ask(str_take(frame, n), &got) && got.input.len == 2);
    buf_fini(&out);
}

static int open_process(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    struct transform_call call = call_of(W "return webhook; }");
    struct transform_result res;
    process_init(&process, &limits);
    transform_run(&process, &call, a, &res);
    missing = res.status == TRANSFORM_MISSING;
    if (missing)
        print_message("no engine here: " STR_FMT "\n", STR_ARG(res.text));
    arena_free(a);
    return 0;
}

static int close_process(void **state)
{
    (void)state;
    process_stop(&process);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], TRANSFORM_WORKER_COMMAND) == 0)
        return transform_worker_main();
    clock_init(0);
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(handlers_do_what_they_say),
            cmocka_unit_test(what_is_wrong_is_said_with_the_line),
            cmocka_unit_test(there_is_nothing_to_reach),
            cmocka_unit_test(limits_end_the_worker_and_no_more),
            cmocka_unit_test(a_worker_that_is_killed_is_replaced),
            cmocka_unit_test(the_same_message_is_the_same_again),
            cmocka_unit_test(workspaces_take_turns),
            cmocka_unit_test(results_are_checked),
            cmocka_unit_test(frames_are_checked),
    };
    return cmocka_run_group_tests(tests, open_process, close_process);
}
