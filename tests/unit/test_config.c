/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/config.h"

static struct keyring *keys;

static int setup(void **state)
{
    (void)state;
    char path[] = "/tmp/postrider-config-XXXXXX";
    char file[64];
    const char *why;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/keys", path);
    assert_int_equal(keyring_load(file, NULL, NULL, &keys, &why), ERR_OK);
    unlink(file);
    return rmdir(path);
}

static int teardown(void **state)
{
    (void)state;
    keyring_free(keys);
    return 0;
}

static void read_endpoint(struct arena *a, enum field_mode mode, const char *json, struct endpoint *ep,
                          struct problems *problems)
{
    struct json *body;
    assert_int_equal(json_parse(a, str_c(json), &body, NULL), ERR_OK);
    fields_read(a, endpoint_fields, endpoint_field_count, mode, body, ep, problems);
}

static char *write_endpoint(const struct endpoint *ep)
{
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_answer(endpoint_fields, endpoint_field_count, ep, &w);
    json_w_object_end(&w);
    return buf_take(&out, NULL);
}

static void bodies_are_checked(void **state)
{
    (void)state;
    static const struct {
        enum field_mode mode;
        const char *body;
        const char *problem; /* NULL: fits */
    } rows[] = {
            {FIELD_CREATE, "{\"url\":\"https://a.b\"}", NULL},
            {FIELD_CREATE, "{}", "[\"body\",\"url\"]"},
            {FIELD_CREATE, "{\"url\":null}", "must not be null"},
            {FIELD_PATCH, "{}", NULL},
            {FIELD_PATCH, "{\"url\":null}", "must not be null"},
            {FIELD_REPLACE, "{}", "[\"body\",\"url\"]"},
            {FIELD_CREATE, "{\"url\":1}", "type_error.string"},
            {FIELD_PATCH, "{\"uid\":\"a b\"}", "\"uid\""},
            {FIELD_PATCH, "{\"uid\":\"ep_x\"}", "must not begin"},
            {FIELD_PATCH, "{\"uid\":\"\"}", "min_length"},
            {FIELD_PATCH, "{\"uid\":null,\"eventTypes\":[],\"throttleRate\":0}", NULL},
            {FIELD_CREATE, "{\"url\":\"x\",\"eventTypes\":[]}", "min_items"},
            {FIELD_CREATE, "{\"url\":\"x\",\"throttleRate\":0}", "range"},
            {FIELD_PATCH, "{\"throttleRate\":65536}", "range"},
            {FIELD_PATCH, "{\"rateLimit\":\"1\"}", "type_error.integer"},
            {FIELD_PATCH, "{\"filterTypes\":[\"a\",\"a\"]}", "unique"},
            {FIELD_PATCH, "{\"channels\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"a\",\"b\"]}",
             "at most 10"},
            {FIELD_PATCH, "{\"channels\":[\"a:b+c\"]}", NULL},
            {FIELD_PATCH, "{\"metadata\":{\"a\":1}}", "[\"body\",\"metadata\",\"a\"]"},
            {FIELD_PATCH, "{\"metadata\":[]}", "type_error.dict"},
            {FIELD_PATCH, "{\"disabled\":\"yes\"}", "type_error.bool"},
            {FIELD_PATCH, "{\"retrySchedule\":[1,-1]}", "retrySchedule"},
            {FIELD_PATCH, "{\"retrySchedule\":[0.5,1e3]}", NULL},
            {FIELD_PATCH, "{\"timeoutMs\":60001}", "timeoutMs"},
            {FIELD_PATCH, "{\"filter\":\"x\"}", "filter"},
            {FIELD_PATCH, "{\"headers\":{\"A\":1}}", "[\"body\",\"headers\",\"A\"]"},
            {FIELD_PATCH, "{\"disabledReason\":7,\"nothing\":[]}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct problems problems = PROBLEMS_INIT;
        struct endpoint ep = {0};
        read_endpoint(a, rows[i].mode, rows[i].body, &ep, &problems);
        buf_add_c(&problems.json, '\0');
        if ((problems.count > 0) != (rows[i].problem != NULL) ||
            (rows[i].problem != NULL && strstr(problems.json.ptr, rows[i].problem) == NULL))
            fail_msg("%s: %s", rows[i].body, problems.json.ptr);
        problems_fini(&problems);
        arena_free(a);
    }
}

/* What PUT, PATCH and POST make of a field that is there, absent, or null. */
static void modes_keep_and_reset(void **state)
{
    (void)state;
    static const char full[] =
            "{\"url\":\"u\",\"uid\":\"i\",\"description\":\"d\",\"eventTypes\":[\"t\"],\"rateLimit\":5,"
            "\"metadata\":{\"k\":\"v\"},\"name\":\"n\",\"retrySchedule\":[1.5,60],\"timeoutMs\":7,"
            "\"fifo\":true,\"filter\":{\"x\":1}}";
    static const struct {
        enum field_mode mode;
        const char *body;
        const char *has;
        const char *has_too;
    } rows[] = {
            {FIELD_REPLACE, "{\"url\":\"w\"}", "\"uid\":null", "\"name\":\"n\""},
            {FIELD_REPLACE, "{\"url\":\"w\"}", "\"metadata\":{}", "\"retrySchedule\":[1.5,60]"},
            {FIELD_REPLACE, "{\"url\":\"w\"}", "\"eventTypes\":null,\"filterTypes\":null", "\"fifo\":true"},
            {FIELD_REPLACE, "{\"url\":\"w\",\"name\":null,\"retrySchedule\":null,\"fifo\":null}", "\"name\":null",
             "\"retrySchedule\":null"},
            {FIELD_REPLACE, "{\"url\":\"w\",\"retrySchedule\":[]}", "\"retrySchedule\":[]", "\"url\":\"w\""},
            {FIELD_PATCH, "{}", "\"uid\":\"i\"", "\"throttleRate\":5,\"rateLimit\":5"},
            {FIELD_PATCH, "{\"uid\":null,\"description\":null}", "\"uid\":null", "\"description\":\"\""},
            {FIELD_PATCH, "{\"throttleRate\":null,\"filter\":null}", "\"throttleRate\":null", "\"filter\":null"},
            {FIELD_PATCH, "{\"timeoutMs\":null}", "\"timeoutMs\":null", "\"filter\":{\"x\":1}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(4096);
        struct problems problems = PROBLEMS_INIT;
        struct endpoint ep = {0};
        read_endpoint(a, FIELD_CREATE, full, &ep, &problems);
        read_endpoint(a, rows[i].mode, rows[i].body, &ep, &problems);
        assert_int_equal(problems.count, 0);
        char *text = write_endpoint(&ep);
        if (strstr(text, rows[i].has) == NULL || strstr(text, rows[i].has_too) == NULL)
            fail_msg("%s: %s", rows[i].body, text);
        assert_null(strstr(text, "disabledReason"));
        free(text);
        arena_free(a);
    }
}

static void endpoints_survive_the_store(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    struct problems problems = PROBLEMS_INIT;
    struct endpoint ep = {0}, back;
    struct object o;
    struct endpoint_secret secrets[] = {{STR("whsec_new"), 0}, {STR("whsec_old"), 99}};
    read_endpoint(a, FIELD_CREATE,
                  "{\"url\":\"https://a.b/\\u00e9\",\"uid\":\"i\",\"headers\":{\"Authorization\":\"Bearer s3cret\"},"
                  "\"retrySchedule\":[],\"channels\":[\"c\"],\"http2\":true,\"caBundle\":\"x\"}",
                  &ep, &problems);
    ep.id = 42;
    ep.app = 7;
    ep.env = 3;
    ep.secrets = secrets;
    ep.secret_count = 2;
    ep.disabled_reason = STR("gone");
    ep.disabled_at_ms = 1795000000000;
    endpoint_encode(a, keys, &ep, &o);
    assert_int_equal(str_find_str(o.body, STR("s3cret")), o.body.len);
    assert_int_equal(str_find_str(o.sealed, STR("whsec_")), o.sealed.len);
    struct arena *scratch = arena_new(4096);
    assert_int_equal(endpoint_decode(scratch, keys, &o, &back), ERR_OK);
    endpoint_own(a, &back);
    arena_free(scratch);
    assert_true(back.channel_count == 1 && str_eq(back.channels[0], STR("c")) && str_eq(back.metadata, STR("{}")));
    assert_true(str_eq(back.url, STR("https://a.b/\xc3\xa9")) && str_eq(back.uid, STR("i")));
    assert_true(back.secret_count == 2 && str_eq(back.secrets[1].text, STR("whsec_old")));
    assert_int_equal(back.secrets[1].expires_ms, 99);
    assert_true(back.header_count == 1 && str_eq(back.headers[0].value, STR("Bearer s3cret")));
    assert_non_null(back.retry_schedule_ms);
    assert_int_equal(back.retry_count, 0);
    assert_true(back.http2 && str_eq(back.disabled_reason, STR("gone")));
    assert_int_equal(back.disabled_at_ms, 1795000000000);
    o.id = 43; /* moved to another row */
    assert_int_equal(endpoint_decode(a, keys, &o, &back), ERR_INVALID);
    arena_free(a);
}

static void metadata_has_a_limit(void **state)
{
    (void)state;
    for (size_t len = 4080; len < 4100; len += 5) {
        struct arena *a = arena_new(16384);
        struct problems problems = PROBLEMS_INIT;
        struct endpoint ep = {0};
        char *value = mem_alloc(len + 1);
        memset(value, 'x', len);
        value[len] = '\0';
        struct str json = arena_printf(a, "{\"metadata\":{\"k\":\"%s\"}}", value);
        read_endpoint(a, FIELD_PATCH, json.ptr, &ep, &problems);
        assert_int_equal(problems.count > 0, len + 8 > 4096);
        problems_fini(&problems);
        free(value);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(bodies_are_checked),
            cmocka_unit_test(modes_keep_and_reset),
            cmocka_unit_test(endpoints_survive_the_store),
            cmocka_unit_test(metadata_has_a_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
