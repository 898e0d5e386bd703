/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/message_in.h"
#include "base/time.h"

#define NOW      1795000000000
#define OK_START "{\"eventType\":\"a.b\",\"payload\":{},"

static void bodies_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *actor; /* header */
        enum err err;
        const char *problem; /* part of the problems */
    } rows[] = {
            {"{\"eventType\":\"a.b\",\"payload\":{\"x\":1.10}}", NULL, ERR_OK, NULL},
            {OK_START "\"eventId\":null,\"channels\":null,\"tags\":[],\"deliverAt\":null}", NULL, ERR_OK, NULL},
            {OK_START "\"unknown\":[1,2]}", NULL, ERR_OK, NULL},
            {OK_START "\"channels\":[\"a:b\",\"c+d\"]}", NULL, ERR_OK, NULL},
            {OK_START "\"tags\":[\"a/b#c\\\\d\"]}", NULL, ERR_OK, NULL},
            {OK_START "\"payloadRetentionPeriod\":90,\"payloadRetentionHours\":2160}", NULL, ERR_OK, NULL},
            {OK_START "\"deliverAt\":\"2020-01-01 00:00:00 UTC\"}", NULL, ERR_OK, NULL},
            {"{\"eventType\":\"a.b\",\"payload\":{}}", "{\"type\":\"user\"}", ERR_OK, NULL},
            {"{\"eventType\":\"a.b\",\"payload\":{}", NULL, ERR_SYNTAX, NULL},
            {"", NULL, ERR_SYNTAX, NULL},
            {"[]", NULL, ERR_INVALID, "\"loc\":[\"body\"]"},
            {"{}", NULL, ERR_INVALID, "\"loc\":[\"body\",\"eventType\"]"},
            {"{\"eventType\":\"a.b\"}", NULL, ERR_INVALID, "\"loc\":[\"body\",\"payload\"]"},
            {"{\"eventType\":\"a.b\",\"payload\":[]}", NULL, ERR_INVALID, "\"payload\""},
            {"{\"eventType\":\"a.b\",\"payload\":null}", NULL, ERR_INVALID, "\"payload\""},
            {"{\"eventType\":\"a b\",\"payload\":{}}", NULL, ERR_INVALID, "\"eventType\""},
            {"{\"eventType\":\"\",\"payload\":{}}", NULL, ERR_INVALID, "\"eventType\""},
            {"{\"eventType\":7,\"payload\":{}}", NULL, ERR_INVALID, "type_error.string"},
            {OK_START "\"eventId\":\"a/b\"}", NULL, ERR_INVALID, "\"eventId\""},
            {OK_START "\"channels\":[]}", NULL, ERR_INVALID, "\"channels\""},
            {OK_START "\"channels\":[\"a\",\"a\"]}", NULL, ERR_INVALID, "unique"},
            {OK_START "\"channels\":[\"a\",1]}", NULL, ERR_INVALID, "\"channels\""},
            {OK_START "\"channels\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}", NULL,
             ERR_INVALID, "1 to 10"},
            {OK_START "\"tags\":\"x\"}", NULL, ERR_INVALID, "\"tags\""},
            {OK_START "\"payloadRetentionPeriod\":91}", NULL, ERR_INVALID, "payloadRetentionPeriod"},
            {OK_START "\"payloadRetentionPeriod\":1.5}", NULL, ERR_INVALID, "payloadRetentionPeriod"},
            {OK_START "\"payloadRetentionHours\":0}", NULL, ERR_INVALID, "payloadRetentionHours"},
            {OK_START "\"occurredAt\":\"yesterday\"}", NULL, ERR_INVALID, "occurredAt"},
            {OK_START "\"deliverAt\":\"2099-01-01T00:00:00Z\"}", NULL, ERR_INVALID, "deliverAt"},
            {OK_START "\"actor\":\"me\"}", NULL, ERR_INVALID, "\"actor\""},
            {"{\"eventType\":\"a.b\",\"payload\":{}}", "me", ERR_INVALID, "Postrider-Actor"},
            {OK_START "\"application\":3}", NULL, ERR_INVALID, "application"},
            {OK_START "\"transformationsParams\":{\"rawPayload\":\"x\",\"headers\":{\"Content-Type\":\"a\\nb/c\"}}}",
             NULL, ERR_INVALID, "content-type"},
            {OK_START "\"transformationsParams\":{\"rawPayload\":5}}", NULL, ERR_INVALID, "\"rawPayload\""},
            {OK_START "\"transformationsParams\":{\"rawPayload\":{\"x\":1}}}", NULL, ERR_INVALID, "\"rawPayload\""},
            {OK_START "\"transformationsParams\":{\"rawPayload\":null}}", NULL, ERR_OK, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct problems problems = PROBLEMS_INIT;
        struct json_error error;
        struct message_in in;
        enum err e = message_in_parse(a, str_c(rows[i].body), str_c(rows[i].actor), NOW, TIME_DAY_MS, &in, &problems,
                                      &error);
        if (e != rows[i].err)
            fail_msg("%s: %s", rows[i].body, err_code(e));
        assert_int_equal(problems.count > 0, e == ERR_INVALID);
        buf_add_c(&problems.json, '\0');
        if (rows[i].problem != NULL && strstr(problems.json.ptr, rows[i].problem) == NULL)
            fail_msg("%s: %s", rows[i].body, problems.json.ptr);
        problems_fini(&problems);
        arena_free(a);
    }
}

static struct message parse(struct arena *a, const char *body)
{
    struct problems problems = PROBLEMS_INIT;
    struct message_in in;
    assert_int_equal(message_in_parse(a, str_c(body), STR("{\"id\":\"h\"}"), NOW, TIME_DAY_MS, &in, &problems, NULL),
                     ERR_OK);
    in.message.id = oid_at_ms(NOW) + 7;
    return in.message;
}

static void answers_read(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *has;
    } rows[] = {
            {"{\"eventType\":\"a.b\",\"payload\": {\"x\": 1.10, \"y\":1E400} }",
             "\"payload\":{\"x\": 1.10, \"y\":1E400},"},
            {OK_START "\"channels\":[ \"a\" , \"\\u0062\" ]}", "\"channels\":[\"a\",\"b\"],\"tags\":null"},
            {OK_START "\"eventId\":\"9f6b3c1e-0000-7000-8000-0123456789AB\"}",
             "\"eventUuid\":\"9f6b3c1e-0000-7000-8000-0123456789AB\""},
            {OK_START "\"occurredAt\":\"2026-01-02 03:04:05.6 UTC\"}", "\"occurredAt\":\"2026-01-02T03:04:05.600Z\""},
            {OK_START "\"actor\":{\"type\":\"user\",\"id\":\"1\"}}", "\"actor\":{\"type\":\"user\",\"id\":\"1\"}"},
            {"{\"eventType\":\"a.b\",\"payload\":{}}", "\"actor\":{\"id\":\"h\"}"},
            {"{\"eventType\":\"a.b\",\"payload\":{}}", "\"deliverAt\":null"},
            {OK_START "\"transformationsParams\":{\"rawPayload\":\"a\\n\\\"b\"}}",
             "\"payload\":{\"rawPayload\":\"a\\n\\\"b\"}"},
            {OK_START "\"transformationsParams\":{\"rawPayload\":\"{\\\"k\\\":1}\"}}", "\"payload\":{\"k\":1}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct buf out = BUF_INIT(65536);
        struct message m = parse(a, rows[i].body);
        message_out(&m, (struct hash_key){1, 2}, true, &out);
        struct json_slice v;
        assert_int_equal(json_check(buf_str(&out), &v, NULL), ERR_OK);
        buf_add_c(&out, '\0');
        if (strstr(out.ptr, rows[i].has) == NULL)
            fail_msg("%s: %s", rows[i].body, out.ptr);
        buf_clear(&out);
        m.payload = STR_NULL;
        message_out(&m, (struct hash_key){1, 2}, true, &out);
        message_out(&m, (struct hash_key){1, 2}, false, &out);
        buf_add_c(&out, '\0');
        assert_non_null(strstr(out.ptr, "\"payload\":{\"expired\":true}"));
        assert_non_null(strstr(out.ptr, "\"payload\":{},"));
        buf_fini(&out);
        arena_free(a);
    }
}

static void times_and_raw_payloads_are_set(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    struct message m = parse(a, OK_START "\"payloadRetentionHours\":2,\"payloadRetentionPeriod\":3}");
    assert_int_equal(m.expires_ms, NOW + 2 * TIME_HOUR_MS);
    assert_int_equal(m.occurred_ms, NOW);
    assert_null(m.content_type.ptr);
    m = parse(a, OK_START "\"payloadRetentionPeriod\":3}");
    assert_int_equal(m.expires_ms, NOW + 3 * TIME_DAY_MS);
    m = parse(a, OK_START
              "\"transformationsParams\":{\"rawPayload\":\"<a/>\",\"headers\":{\"content-type\":\"text/xml\"}}}");
    assert_true(str_eq(m.payload, STR("<a/>")));
    assert_true(str_eq(m.content_type, STR("text/xml")));
    assert_int_equal(m.expires_ms, NOW + TIME_DAY_MS);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(bodies_are_checked),
            cmocka_unit_test(answers_read),
            cmocka_unit_test(times_and_raw_payloads_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
