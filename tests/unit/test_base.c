/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/oid.h"
#include "base/time.h"

static void times_read_and_write(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out; /* NULL: refused */
    } rows[] = {
            {"2026-11-21T09:30:00Z", "2026-11-21T09:30:00.000Z"},
            {"2026-11-21 09:30:00.5Z", "2026-11-21T09:30:00.500Z"},
            {"2026-11-21T09:30:00.123456789Z", "2026-11-21T09:30:00.123Z"},
            {"2026-11-21 09:30:00 UTC", "2026-11-21T09:30:00.000Z"},
            {"2026-11-21T09:30:00+02:00", "2026-11-21T07:30:00.000Z"},
            {"2024-02-29T23:59:60Z", "2024-02-29T23:59:59.000Z"},
            {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
            {"2023-02-29T00:00:00Z", NULL},
            {"2026-11-21", NULL},
            {"2026-11-21T09:30:00", NULL},
            {"2026-11-21T09:30:00.Z", NULL},
            {"2026-13-21T09:30:00Z", NULL},
            {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms;
        char text[TIME_TEXT_SIZE];
        enum err e = time_parse(str_c(rows[i].in), &ms);
        assert_int_equal(e == ERR_OK, rows[i].out != NULL);
        if (e != ERR_OK)
            continue;
        time_format(ms, text);
        assert_string_equal(text, rows[i].out);
    }
}

static void durations_read(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int64_t ms; /* -1: refused */
    } rows[] = {{"1ms", 1}, {"5s", 5000}, {"1.5h", 5400000}, {"90d", 7776000000}, {"0", 0},    {"0.25s", 250},
                {"5", -1},  {"", -1},     {"s", -1},         {"1w", -1},          {"-1s", -1}, {"1.s", -1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;
        enum err e = time_parse_duration(str_c(rows[i].in), &ms);
        assert_int_equal(e == ERR_OK, rows[i].ms >= 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void ids_round_trip_and_sort(void **state)
{
    (void)state;
    struct oid_source source;
    struct hash_key key = {1, 2}, other = {1, 3};
    char last[OID_TEXT_SIZE] = "";
    oid_source_init(&source, 7, 0);
    for (int i = 0; i < 10000; i++) {
        char text[OID_TEXT_SIZE];
        oid_t id = oid_next(&source, 1795000000000 + i / 100), back = 0;
        oid_format(id, "msg_", key, text);
        assert_int_equal(strlen(text), 31);
        assert_true(strcmp(text, last) > 0);
        assert_int_equal(oid_parse(str_c(text), "msg_", key, &back), ERR_OK);
        assert_true(back == id);
        assert_int_equal(oid_parse(str_c(text), "msg_", other, &back), ERR_NOT_FOUND);
        assert_int_equal(oid_parse(str_c(text), "app_", key, &back), ERR_NOT_FOUND);
        memcpy(last, text, sizeof last);
    }
    oid_t id = oid_next(&source, 1795000001000);
    assert_true(oid_time_ms(id) == 1795000001000);
    assert_true(oid_at_ms(1795000001000) <= id && id < oid_at_ms(1795000001001));
    char uuid[OID_UUID_SIZE];
    oid_uuid(id, key, uuid);
    assert_true(oid_is_uuid(str_c(uuid)));
    assert_int_equal(uuid[14], '7');
    oid_t first = 0, end = 0;
    assert_true(oid_uuid_range(str_c(uuid), &first, &end));
    assert_true(first == oid_at_ms(1795000001000) && end == oid_at_ms(1795000001001));
    assert_false(oid_uuid_range(STR("01a200f5-7e5b-4375-9254-d4f778951f75"), &first, &end));
    assert_false(oid_uuid_range(STR("00000000-0000-7375-9254-d4f778951f75"), &first, &end));
    assert_false(oid_uuid_range(STR("ffffffff-ffff-7375-9254-d4f778951f75"), &first, &end));
    assert_false(oid_uuid_range(STR("msg_"), &first, &end));
}

static void heap_orders_and_rekeys(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node n[200] = {0};
    heap_init(&h);
    for (int i = 0; i < 200; i++)
        heap_set(&h, &n[i], (i * 7919) % 101);
    for (int i = 0; i < 200; i += 3)
        heap_set(&h, &n[i], 500 - i);
    for (int i = 1; i < 200; i += 3)
        heap_remove(&h, &n[i]);
    int64_t last = -1;
    size_t count = 0;
    for (struct heap_node *m; (m = heap_pop_until(&h, 1000)) != NULL; count++) {
        assert_true(m->key >= last);
        last = m->key;
    }
    assert_int_equal(count, 133);
    heap_fini(&h);
}

static void utf8_is_strict(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("plain ascii text, long enough for the fast path")));
    assert_true(str_is_utf8(STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80")));
    assert_false(str_is_utf8(STR("\xc0\xaf")));
    assert_false(str_is_utf8(STR("\xed\xa0\x80")));
    assert_false(str_is_utf8(STR("\xf4\x90\x80\x80")));
    assert_false(str_is_utf8(STR("abc\xc3")));
    assert_false(str_is_utf8(STR("\xe0\x80\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(times_read_and_write),    cmocka_unit_test(durations_read),
            cmocka_unit_test(ids_round_trip_and_sort), cmocka_unit_test(heap_orders_and_rekeys),
            cmocka_unit_test(utf8_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
