/* SPDX-License-Identifier: Apache-2.0 */
/* What signing in to the console is made of: passwords, codes, limits on guessing, the ends of sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/session.h"
#include "auth/throttle.h"
#include "auth/totp.h"
#include "auth/user.h"
#include "auth/weak.h"
#include "crypto/password.h"

static void passwords_are_hashed_and_recognised(void **state)
{
    (void)state;
    struct buf one = BUF_INIT(512), two = BUF_INIT(512);
    assert_int_equal(crypto_password_hash(STR("correct horse"), &one), ERR_OK);
    assert_int_equal(crypto_password_hash(STR("correct horse"), &two), ERR_OK);
    assert_true(str_starts(buf_str(&one), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_false(str_eq(buf_str(&one), buf_str(&two)));
    assert_int_equal(crypto_password_verify(buf_str(&one), STR("correct horse")), ERR_OK);
    assert_int_equal(crypto_password_verify(buf_str(&one), STR("correct horsf")), ERR_UNAUTHORIZED);
    assert_int_equal(crypto_password_verify(buf_str(&one), STR("")), ERR_UNAUTHORIZED);
    assert_int_equal(crypto_password_verify(STR_NULL, STR("")), ERR_UNAUTHORIZED);
    assert_int_equal(crypto_password_verify(STR("$argon2id$damaged"), STR("x")), ERR_UNAUTHORIZED);
    /* Made by the reference program: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 */
    assert_int_equal(
            crypto_password_verify(
                    STR("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
                    STR("password")),
            ERR_OK);
    buf_fini(&one);
    buf_fini(&two);
}

/* RFC 6238, appendix B, SHA-1. */
static void codes_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        uint32_t digits8;
    } rows[] = {{59, 94287082},         {1111111109, 7081804},  {1111111111, 14050471},
                {1234567890, 89005924}, {2000000000, 69279037}, {20000000000, 65353130}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(totp_value(STR("12345678901234567890"), rows[i].seconds / 30) % 100000000, rows[i].digits8);
}

static void a_code_is_good_for_a_step_around_and_once(void **state)
{
    (void)state;
    struct str key = STR("12345678901234567890");
    int64_t at = (int64_t)1111111109 * 1000, step = at / TOTP_STEP_MS;
    assert_int_equal(totp_check(key, STR("081804"), at, 0), step);
    assert_int_equal(totp_check(key, STR("081804"), at + TOTP_STEP_MS, 0), step);
    assert_int_equal(totp_check(key, STR("081804"), at - TOTP_STEP_MS, 0), step);
    assert_int_equal(totp_check(key, STR("081804"), at + 2 * TOTP_STEP_MS, 0), 0);
    assert_int_equal(totp_check(key, STR("081804"), at - 2 * TOTP_STEP_MS, 0), 0);
    assert_int_equal(totp_check(key, STR("081804"), at, step), 0);
    assert_int_equal(totp_check(key, STR("081804"), at, step - 1), step);
    assert_int_equal(totp_check(key, STR("81804"), at, 0), 0);
    assert_int_equal(totp_check(key, STR("081805"), at, 0), 0);
    assert_int_equal(totp_check(STR(""), STR("081804"), at, 0), 0);
}

/* RFC 4648, section 10, without padding. */
static void base32_is_that_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text;
    } rows[] = {{"", ""},
                {"f", "MY"},
                {"fo", "MZXQ"},
                {"foo", "MZXW6"},
                {"foob", "MZXW6YQ"},
                {"fooba", "MZXW6YTB"},
                {"foobar", "MZXW6YTBOI"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = BUF_INIT(64), plain = BUF_INIT(64);
        totp_base32(str_c(rows[i].plain), &text);
        assert_true(str_eq(buf_str(&text), str_c(rows[i].text)));
        assert_int_equal(totp_unbase32(buf_str(&text), &plain), ERR_OK);
        assert_true(str_eq(buf_str(&plain), str_c(rows[i].plain)));
        buf_fini(&text);
        buf_fini(&plain);
    }
    struct buf out = BUF_INIT(64);
    assert_int_equal(totp_unbase32(STR("MZ1W6"), &out), ERR_INVALID);
    buf_fini(&out);
}

static void weak_passwords_are_refused(void **state)
{
    (void)state;
    static const char *const weak[] = {"short7!",
                                       "password",
                                       "Password1",
                                       "P@ssw0rd2024",
                                       "passw0rd",
                                       "qwertyuiop",
                                       "12345678",
                                       "123456789",
                                       "87654321",
                                       "aaaaaaaaaa",
                                       "abababab",
                                       "abcabcabc",
                                       "abcdefgh",
                                       "letmein!!!",
                                       "welcome123",
                                       "admin12345",
                                       "iloveyou2",
                                       "postrider1",
                                       "1postrider!",
                                       "webhooks99",
                                       "jane.doe99",
                                       "example2024",
                                       "Jane.Doe@example.com",
                                       "qazwsx123",
                                       "changeme1",
                                       "1q2w3e",
                                       "asdfghjkl",
                                       "11111111",
                                       "trustno1!",
                                       "secretsecret",
                                       "default2000",
                                       "ü",
                                       "üüüüüüüüü"};
    static const char *const good[] = {
            "orange-tractor-7", "correct horse battery staple", "green-bicycle-11", "Tr0ub4dor&3", "kamel im regen",
            "8471-9302-5517",   "pässwörter sind schön",        "xkV9!pQz2"};
    for (size_t i = 0; i < ARRAY_LEN(weak); i++)
        if (password_weakness(str_c(weak[i]), STR("jane.doe@example.com")) == NULL)
            fail_msg("taken: %s", weak[i]);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (password_weakness(str_c(good[i]), STR("jane.doe@example.com")) != NULL)
            fail_msg("refused: %s: %s", good[i], password_weakness(str_c(good[i]), STR("jane.doe@example.com")));
    char longest[CRYPTO_PASSWORD_MAX + 1];
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (char)('!' + i * 7 % 90);
    assert_null(password_weakness(str_of(longest, 64), STR("a@b.c")));
    assert_null(password_weakness(str_of(longest, CRYPTO_PASSWORD_MAX), STR("a@b.c")));
    assert_non_null(password_weakness(str_of(longest, CRYPTO_PASSWORD_MAX + 1), STR("a@b.c")));
    assert_non_null(password_weakness(STR("\xff\xfe bytes, no text"), STR("a@b.c")));
}

static void guesses_come_in_a_burst_and_then_one_by_one(void **state)
{
    (void)state;
    struct throttle *t = throttle_new((struct hash_key){1, 2});
    const struct throttle_rate rate = {.burst = 3, .interval_ms = 1000};
    int64_t now = 1000000;
    for (int i = 0; i < 3; i++)
        assert_int_equal(throttle_try(t, rate, STR("a"), now), 0);
    assert_int_equal(throttle_try(t, rate, STR("a"), now), 1000);
    assert_int_equal(throttle_try(t, rate, STR("a"), now + 400), 600);
    assert_int_equal(throttle_try(t, rate, STR("b"), now), 0);
    assert_int_equal(throttle_try(t, rate, STR("a"), now + 1000), 0);
    assert_int_equal(throttle_try(t, rate, STR("a"), now + 1000), 1000);
    throttle_forgive(t, rate, STR("a"));
    assert_int_equal(throttle_try(t, rate, STR("a"), now + 1000), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(throttle_try(t, rate, STR("a"), now + 60000), 0);
    assert_int_not_equal(throttle_try(t, rate, STR("a"), now + 60000), 0);
    throttle_free(t);
}

static void a_session_ends_when_idle_and_when_old(void **state)
{
    (void)state;
    int64_t born = 1795000000000;
    struct session s = {.created_ms = born, .used_ms = born};
    assert_false(session_is_over(&s, born + SESSION_IDLE_MS - 1));
    assert_true(session_is_over(&s, born + SESSION_IDLE_MS));
    s.used_ms = born + 5 * TIME_DAY_MS;
    assert_false(session_is_over(&s, s.used_ms + SESSION_IDLE_MS - 1));
    assert_true(session_is_over(&s, s.used_ms + SESSION_IDLE_MS));
    s.used_ms = born + SESSION_LIFE_MS - 1;
    assert_false(session_is_over(&s, born + SESSION_LIFE_MS - 1));
    assert_true(session_is_over(&s, born + SESSION_LIFE_MS));
    assert_int_equal(session_idle_ends_ms(&s), born + SESSION_LIFE_MS);
}

/* Makes a store's session and looks for it as time goes by. */
static void a_session_is_found_until_its_end(void **state)
{
    (void)state;
    struct store *st;
    struct store_reader *r;
    const char *why;
    struct oid_source oids;
    struct arena *a = arena_new(4096);
    struct buf text = BUF_INIT(256), csrf = BUF_INIT(256), other = BUF_INIT(256);
    struct session s = {.ip = STR("192.0.2.1")}, got;
    int64_t born = 1795000000000;
    assert_int_equal(store_open(&(struct store_config){.path = NULL}, &st, &why), ERR_OK);
    assert_int_equal(store_reader_open(st, &r), ERR_OK);
    oid_source_init(&oids, 0, 0);
    struct hash_key key = store_identity(st)->id_key;
    s.user = oid_next(&oids, born);
    struct object_change change = session_make(a, &oids, key, born, &s, &text);
    struct store_objects op = {.op = {.kind = STORE_OBJECTS}, .changes = &change, .count = 1};
    assert_int_equal(store_run(st, &op.op), ERR_OK);
    assert_int_equal(session_find(r, a, key, buf_str(&text), born + 1, &got), ERR_OK);
    assert_true(got.id == s.id && got.user == s.user && str_eq(got.ip, s.ip));
    session_touch(st, a, &got, born + TIME_MINUTE_MS);
    assert_int_equal(session_find(r, a, key, buf_str(&text), born + SESSION_IDLE_MS, &got), ERR_OK);
    assert_int_equal(session_find(r, a, key, buf_str(&text), born + TIME_MINUTE_MS + SESSION_IDLE_MS, &got),
                     ERR_UNAUTHORIZED);
    struct str wrong = arena_str(a, buf_str(&text));
    ((char *)(uintptr_t)wrong.ptr)[wrong.len - 1] ^= 1;
    assert_int_equal(session_find(r, a, key, wrong, born + 1, &got), ERR_UNAUTHORIZED);
    assert_int_equal(session_find(r, a, key, STR("prs_"), born + 1, &got), ERR_UNAUTHORIZED);
    session_csrf(buf_str(&text), &csrf);
    session_csrf(wrong, &other);
    assert_false(str_eq(buf_str(&csrf), buf_str(&other)));
    assert_int_equal(session_end_all(st, r, a, s.user, 0, born + 2), ERR_OK);
    assert_int_equal(session_find(r, a, key, buf_str(&text), born + 3, &got), ERR_UNAUTHORIZED);
    buf_fini(&text);
    buf_fini(&csrf);
    buf_fini(&other);
    arena_free(a);
    store_reader_close(r);
    store_close(st);
}

static void addresses_are_read(void **state)
{
    (void)state;
    struct arena *a = arena_new(1024);
    struct str out;
    assert_int_equal(user_email(a, STR("  Jane.Doe+x@Example.COM "), &out), ERR_OK);
    assert_true(str_eq(out, STR("jane.doe+x@example.com")));
    static const char *const bad[] = {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "<a@b>", "a@b,c@d", "a@\x01"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (strcmp(bad[i], "a@b\n") != 0) /* blanks around are dropped */
            assert_int_equal(user_email(a, str_c(bad[i]), &out), ERR_INVALID);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(passwords_are_hashed_and_recognised),
            cmocka_unit_test(codes_are_those_of_the_standard),
            cmocka_unit_test(a_code_is_good_for_a_step_around_and_once),
            cmocka_unit_test(base32_is_that_of_the_standard),
            cmocka_unit_test(weak_passwords_are_refused),
            cmocka_unit_test(guesses_come_in_a_burst_and_then_one_by_one),
            cmocka_unit_test(a_session_ends_when_idle_and_when_old),
            cmocka_unit_test(a_session_is_found_until_its_end),
            cmocka_unit_test(addresses_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
