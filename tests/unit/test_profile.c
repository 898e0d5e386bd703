/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers were computed with Python's hmac and base64, not with the code under test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "signing/profile.h"
#include "json/scan.h"

#define BODY      STR("{\"test\": 2432232314}")
#define TIME_MS   ((int64_t)1614265330123)
#define KEY_TEXT  "0123456789abcdefghijABCDEFGHIJ42"
#define OTHER_KEY "9999999999abcdefghijABCDEFGHIJ42"

static struct profile *parse(const char *json)
{
    struct arena *a = arena_new(4096);
    struct profile *p = NULL;
    struct str path, why;
    if (profile_parse(a, str_c(json), &p, &path, &why) != ERR_OK)
        fail_msg(STR_FMT ": " STR_FMT, STR_ARG(path), STR_ARG(why));
    arena_free(a);
    return p;
}

static struct profile *builtin(const char *name)
{
    for (size_t i = 0; i < profile_builtin_count; i++) {
        if (strcmp(profile_builtins[i].name, name) == 0)
            return parse(profile_builtins[i].json);
    }
    fail_msg("no profile %s", name);
    return NULL;
}

/* The headers of one attempt, joined by line feeds; free(3). */
static char *headers(const struct profile *p, const struct str *secrets, size_t count, struct str body)
{
    struct buf out = BUF_INIT(8192);
    struct profile_signers *s = profile_signers_new(p, secrets, count);
    assert_non_null(s);
    struct profile_attempt at = {.now_ms = TIME_MS,
                                 .message_id = STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                                 .event_uuid = STR("0190a0b0-1111-7222-8333-444455556666"),
                                 .type = STR("contact.created"),
                                 .number = 3,
                                 .url = STR("https://example.com/x"),
                                 .body = {str_take(body, 7), str_take(str_skip(body, 7), 5), str_skip(body, 12)}};
    size_t first = profile_headers(p, s, &at, &out), len = out.len;
    assert_int_equal(profile_headers(p, s, &at, &out), first); /* the signers may be used again */
    assert_memory_equal(out.ptr, out.ptr + len, len);
    out.len = len;
    for (size_t i = 0; i < out.len; i++) {
        if (out.ptr[i] == '\0') {
            out.ptr[i] = '\n';
            first--;
        }
    }
    assert_int_equal(first, 0);
    profile_signers_free(s);
    return buf_take(&out, NULL);
}

#define STANDARD(sig)                                                                                                  \
    "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\nwebhook-signature: " sig                 \
    "\nsvix-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nsvix-timestamp: 1614265330\nsvix-signature: " sig "\n"
#define SIG_ONE  "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SIG_TWO  "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44="
#define WHSEC    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define HMAC_HEX "c549535cb92630233fb43d6871b2295b7b62d26f91fbc9a4561387aa1eec32e6"

static const struct answer {
    const char *profile;
    const char *secrets[2]; /* newest first */
    const char *want;
} answers[] = {
        {"standard", {WHSEC}, STANDARD(SIG_ONE)},
        {"standard", {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, STANDARD(SIG_ONE)},
        {"standard", {"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", WHSEC}, STANDARD(SIG_TWO " " SIG_ONE)},
        {"standard", {"not base64, cannot be used!", WHSEC}, STANDARD(SIG_ONE)},
        {"myra", {KEY_TEXT}, "X-PulsePost-Signature: " HMAC_HEX "\n"},
        {"myra", {OTHER_KEY, KEY_TEXT}, "X-PulsePost-Signature: " HMAC_HEX "\n"}, /* the oldest signs */
        {"metapulse",
         {KEY_TEXT},
         "MetaPulse-Request-Timestamp: 1614265330\n"
         "MetaPulse-Signature: 8009b787ff43b405419b0e4921e1dbe1ed8af86c307726ef712d8be4dba6b778\n"},
        {"github",
         {KEY_TEXT},
         "X-GitHub-Event: contact.created\nX-GitHub-Delivery: 0190a0b0-1111-7222-8333-444455556666\n"
         "X-Hub-Signature-256: sha256=" HMAC_HEX "\n"},
        {"stripe",
         {"whsec_" KEY_TEXT},
         "Stripe-Signature: t=1614265330,v1=937e18321895560a5b2ff0ee2254e9065c3a9be77a1e885099124c0c58779b90\n"},
        {"stripe",
         {"whsec_" OTHER_KEY, "whsec_" KEY_TEXT},
         "Stripe-Signature: t=1614265330,v1=9269f775418c3b3ed14ba6bccacc4aca116e5d27264d3d6ddc71e3be9526abbe,"
         "v1=937e18321895560a5b2ff0ee2254e9065c3a9be77a1e885099124c0c58779b90\n"},
        {"slack",
         {KEY_TEXT},
         "X-Slack-Request-Timestamp: 1614265330\n"
         "X-Slack-Signature: v0=fab6c345883fbb0d87f8ff86c99467032c83c542878c1ea63f3ffc107417cbb1\n"},
        {"shopify",
         {KEY_TEXT},
         "X-Shopify-Topic: contact.created\nX-Shopify-Webhook-Id: msg_p5jXN8AQM9LWM0D4loKWxJek\n"
         "X-Shopify-Event-Id: 0190a0b0-1111-7222-8333-444455556666\n"
         "X-Shopify-Hmac-Sha256: xUlTXLkmMCM/tD1ocbIpW3ti0m+R+8mkVhOHqh7sMuY=\n"},
};

static size_t list_secrets(const struct answer *row, struct str secrets[2])
{
    size_t count = 0;
    for (; count < 2 && row->secrets[count] != NULL; count++)
        secrets[count] = str_c(row->secrets[count]);
    return count;
}

static void signatures_are_as_others_compute_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct str secrets[2];
        size_t count = list_secrets(&answers[i], secrets);
        struct profile *p = builtin(answers[i].profile);
        char *got = headers(p, secrets, count, BODY);
        assert_string_equal(got, answers[i].want);
        free(got);
        profile_free(p);
    }
}

/* Splits what headers() gave; the slices point into text. */
static size_t split_headers(const char *text, struct profile_header *out, size_t max)
{
    size_t count = 0;
    for (struct str rest = str_c(text); rest.len > 0 && count < max; count++) {
        struct str line = str_split(&rest, '\n'), value = line;
        out[count].name = str_split(&value, ':');
        out[count].value = str_trim(value);
    }
    return count;
}

static enum err verify(const struct profile *p, struct str secret, const char *text, struct str body, int64_t now_ms,
                       int64_t tolerance_s)
{
    struct profile_header list[16];
    const char *why = NULL;
    struct profile_request rq = {.headers = list,
                                 .body = body,
                                 .now_ms = now_ms,
                                 .tolerance_s = tolerance_s,
                                 .url = STR("https://example.com/x")};
    rq.header_count = split_headers(text, list, ARRAY_LEN(list));
    enum err e = profile_verify(p, &secret, 1, &rq, &why);
    assert_int_equal(why != NULL && e != ERR_OK, e != ERR_OK);
    return e;
}

static void what_is_signed_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct str secrets[2];
        size_t count = list_secrets(&answers[i], secrets);
        struct profile *p = builtin(answers[i].profile);
        const char *text = answers[i].want;
        struct str last = secrets[count - 1];
        bool timed = strstr(text, "1614265330") != NULL;
        assert_int_equal(verify(p, last, text, BODY, TIME_MS, 300), ERR_OK);
        assert_int_equal(verify(p, last, text, BODY, TIME_MS + 299000, 300), ERR_OK);
        assert_int_equal(verify(p, last, text, BODY, TIME_MS + 301000, 300), timed ? ERR_UNAUTHORIZED : ERR_OK);
        assert_int_equal(verify(p, last, text, BODY, TIME_MS - 301000, 300), timed ? ERR_UNAUTHORIZED : ERR_OK);
        assert_int_equal(verify(p, last, text, BODY, TIME_MS + 301000, 0), ERR_OK);
        assert_int_equal(verify(p, last, text, STR("{\"test\": 2432232315}"), TIME_MS, 300), ERR_UNAUTHORIZED);
        assert_int_equal(verify(p, STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), text, BODY, TIME_MS, 300),
                         ERR_UNAUTHORIZED);
        assert_int_equal(verify(p, STR(""), text, BODY, TIME_MS, 300), ERR_UNAUTHORIZED);
        assert_int_equal(verify(p, last, "", BODY, TIME_MS, 300), ERR_UNAUTHORIZED);
        if (strcmp(answers[i].profile, "stripe") == 0)
            assert_int_equal(verify(p, secrets[0], text, BODY, TIME_MS, 300), ERR_OK);
        profile_free(p);
    }
}

static void foreign_headers_verify_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        const char *headers;
        bool valid;
    } rows[] = {
            {"standard",
             "Webhook-Id: msg_p5jXN8AQM9LWM0D4loKWxJek\nWEBHOOK-TIMESTAMP: 1614265330\nwebhook-signature: v0,x "
             "v1,AAAA v1a,AAAA " SIG_ONE " v2,y\n",
             true},
            {"standard",
             "svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nsvix-timestamp: 1614265330\nsvix-signature: " SIG_ONE "\n", true},
            {"standard", "webhook-timestamp: 1614265330\nwebhook-signature: " SIG_ONE "\n", false},
            {"standard", "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-signature: " SIG_ONE "\n", false},
            {"standard",
             "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 16142653300\nwebhook-signature: " SIG_ONE
             "\n",
             false},
            {"standard", STANDARD(SIG_ONE) "webhook-id: msg_other\n", false},
            {"standard",
             "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: now\nwebhook-signature: " SIG_ONE "\n",
             false},
            {"standard",
             "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\nwebhook-signature: "
             "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n",
             false},
            {"stripe",
             "stripe-signature: t=1614265330,v0=6ffbb59b,"
             "v1=0000000000000000000000000000000000000000000000000000000000000000,"
             "v1=937e18321895560a5b2ff0ee2254e9065c3a9be77a1e885099124c0c58779b90\n",
             true},
            {"stripe", "stripe-signature: v1=937e18321895560a5b2ff0ee2254e9065c3a9be77a1e885099124c0c58779b90\n",
             false},
            {"stripe",
             "stripe-signature: t=1614265330,v0=937e18321895560a5b2ff0ee2254e9065c3a9be77a1e885099124c0c58779b90\n",
             false},
            {"github", "x-hub-signature-256: sha256=" HMAC_HEX "\n", true},
            {"github", "x-hub-signature-256: " HMAC_HEX "\n", false},
            {"github", "x-hub-signature-256: sha256=" HMAC_HEX "00\n", false},
            {"github", "x-hub-signature-256: sha256=\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile *p = builtin(rows[i].profile);
        struct str secret = strcmp(rows[i].profile, "standard") == 0 ? STR(WHSEC)
                            : strcmp(rows[i].profile, "stripe") == 0 ? STR("whsec_" KEY_TEXT)
                                                                     : STR(KEY_TEXT);
        enum err e = verify(p, secret, rows[i].headers, BODY, TIME_MS, 300);
        if ((e == ERR_OK) != rows[i].valid)
            fail_msg("row %zu: %s", i, rows[i].headers);
        profile_free(p);
    }
}

static void ed25519_signs_with_its_prefix(void **state)
{
    (void)state;
    struct profile *p = builtin("standard");
    struct buf private = BUF_INIT(256), public = BUF_INIT(256), other = BUF_INIT(256);
    const char *why = NULL;
    assert_int_equal(profile_generate_secret_as(p, STR("whsk_"), &private), ERR_OK);
    assert_int_equal(profile_generate_secret_as(p, STR("whsk_"), &other), ERR_OK);
    assert_int_equal(profile_generate_secret_as(p, STR("nope_"), &other), ERR_NOT_FOUND);
    assert_int_equal(private.len, 5 + 88);
    assert_int_equal(profile_check_secret(p, buf_str(&private), &why), ERR_OK);
    assert_int_equal(profile_public_secret(p, buf_str(&private), &public), ERR_OK);
    assert_true(str_starts(buf_str(&public), STR("whpk_")) && public.len == 5 + 44);
    assert_int_equal(profile_check_secret(p, buf_str(&public), &why), ERR_INVALID);
    struct str secrets[] = {buf_str(&private), STR(WHSEC)};
    char *text = headers(p, secrets, 2, BODY);
    assert_non_null(strstr(text, "webhook-signature: v1a,"));
    assert_non_null(strstr(text, "== " SIG_ONE)); /* a change of kind overlaps too */
    assert_int_equal(verify(p, buf_str(&private), text, BODY, TIME_MS, 300), ERR_OK);
    assert_int_equal(verify(p, buf_str(&public), text, BODY, TIME_MS, 300), ERR_OK);
    assert_int_equal(verify(p, STR(WHSEC), text, BODY, TIME_MS, 300), ERR_OK);
    assert_int_equal(verify(p, buf_str(&other), text, BODY, TIME_MS, 300), ERR_UNAUTHORIZED);
    assert_int_equal(verify(p, buf_str(&public), text, STR("{}"), TIME_MS, 300), ERR_UNAUTHORIZED);
    struct str only_public[] = {buf_str(&public)};
    assert_null(profile_signers_new(p, only_public, 1));
    free(text);
    buf_fini(&private), buf_fini(&public), buf_fini(&other);
    profile_free(p);
}

static void builtin_rows_say_what_the_products_say(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool raw, overlaps, on_410;
        int64_t timeout_ms, first_ms, last_ms, sum_ms;
        size_t retries, types;
    } rows[] = {
            {"standard", true, true, true, 15000, 5000, 36000000, 99305000, 7, 0},
            {"myra", false, false, false, 10000, 21099, 43210549, 86400000, 12, 9},
            {"metapulse", false, false, false, 10000, 60000, 20776000, 259196000, 20, 24},
            {"github", true, false, false, 10000, 0, 0, 0, 0, 0},
            {"stripe", true, true, false, 20000, 300000, 36000000, 243300000, 10, 0},
            {"slack", true, false, false, 3000, 1000, 300000, 361000, 3, 0},
            {"shopify", true, false, false, 5000, 56471, 7228235, 14400000, 8, 0},
    };
    assert_int_equal(profile_builtin_count, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile *p = builtin(rows[i].name);
        size_t count, types;
        const int64_t *ms = profile_retry_schedule(p, &count);
        const struct profile_event_type *catalogue = profile_event_types(p, &types);
        int64_t sum = 0;
        for (size_t r = 0; r < count; r++)
            sum += ms[r];
        assert_true(str_eq(profile_name(p), str_c(rows[i].name)));
        assert_true(profile_description(p).len > 0);
        assert_int_equal(profile_is_raw(p), rows[i].raw);
        assert_int_equal(profile_overlaps(p), rows[i].overlaps);
        assert_int_equal(profile_disables_on_410(p), rows[i].on_410);
        assert_int_equal(profile_timeout_ms(p), rows[i].timeout_ms);
        assert_int_equal(count, rows[i].retries);
        assert_int_equal(count > 0 ? ms[0] : 0, rows[i].first_ms);
        assert_int_equal(count > 0 ? ms[count - 1] : 0, rows[i].last_ms);
        assert_int_equal(sum, rows[i].sum_ms);
        assert_int_equal(types, rows[i].types);
        for (size_t t = 0; t < types; t++) {
            assert_true(catalogue[t].name.len > 0 && catalogue[t].description.len > 0);
            struct json_slice whole;
            assert_int_equal(json_check(catalogue[t].example, &whole, NULL), ERR_OK);
        }
        profile_free(p);
    }
    struct profile *p = builtin("metapulse");
    assert_true(profile_owns_header(p, STR("metapulse-signature")));
    assert_false(profile_owns_header(p, STR("X-Custom")));
    profile_free(p);
}

static void envelopes_wrap_the_payload(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        const char *actor; /* NULL: none */
        const char *want;
    } rows[] = {
            {"standard", NULL, "<DATA>"},
            {"myra", NULL,
             "{\"event_id\":\"0190a0b0-1111-7222-8333-444455556666\",\"event_type\":\"a\\\"b\","
             "\"timestamp\":\"2021-02-25T15:02:10.123Z\",\"data\":<DATA>}"},
            {"metapulse", "{\"type\":\"user\"}",
             "{\"id\":\"0190a0b0-1111-7222-8333-444455556666\",\"type\":\"a\\\"b\","
             "\"created_at\":\"2021-02-25T15:02:10.123Z\",\"actor\":{\"type\":\"user\"},\"data\":<DATA>}"},
            {"metapulse", NULL,
             "{\"id\":\"0190a0b0-1111-7222-8333-444455556666\",\"type\":\"a\\\"b\","
             "\"created_at\":\"2021-02-25T15:02:10.123Z\",\"actor\":null,\"data\":<DATA>}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile *p = builtin(rows[i].profile);
        struct buf head = BUF_INIT(4096), tail = BUF_INIT(4096);
        struct profile_facts facts = {.event_uuid = STR("0190a0b0-1111-7222-8333-444455556666"),
                                      .message_id = STR("msg_1"),
                                      .type = STR("a\"b"),
                                      .occurred_ms = TIME_MS,
                                      .actor = str_c(rows[i].actor)};
        profile_render(p, &facts, &head, &tail);
        buf_add_str(&head, STR("<DATA>"));
        buf_add_str(&head, buf_str(&tail));
        char *text = buf_take(&head, NULL);
        assert_string_equal(text, rows[i].want);
        free(text);
        buf_fini(&tail);
        profile_free(p);
    }
}

static void secrets_have_their_form(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        const char *secret;
        const char *why; /* NULL: accepted */
    } rows[] = {
            {"standard", WHSEC, NULL},
            {"standard", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL},
            {"standard",
             "whsec_"
             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
             NULL},
            {"standard",
             "whsec_"
             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
             "75"},
            {"standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==", "24"},
            {"standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA", "padding"},
            {"standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "base64"},
            {"standard", "whsec_", "empty"},
            {"standard", "", "empty"},
            {"standard", "whsk_AAAA", "Ed25519"},
            {"standard",
             "whsk_1nDPRWDTxAHsnzEbqjYkKfVxlGKsVd6jtX2kgnDpXzUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "halves"},
            {"myra", KEY_TEXT, NULL},
            {"myra", "a secret with blanks in the middle", "blanks"},
            {"myra", "too-short-for-a-secret", "24"},
            {"stripe", "whsec_" KEY_TEXT, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile *p = builtin(rows[i].profile);
        const char *why = NULL;
        enum err e = profile_check_secret(p, str_c(rows[i].secret), &why);
        if (e != (rows[i].why == NULL ? ERR_OK : ERR_INVALID) || (e != ERR_OK && strstr(why, rows[i].why) == NULL))
            fail_msg("row %zu: %s: %s", i, rows[i].secret, e == ERR_OK ? "accepted" : why);
        profile_free(p);
    }
    for (size_t i = 0; i < profile_builtin_count; i++) {
        struct profile *p = parse(profile_builtins[i].json);
        struct buf one = BUF_INIT(512), two = BUF_INIT(512), shown = BUF_INIT(512);
        const char *why = NULL;
        profile_generate_secret(p, &one);
        profile_generate_secret(p, &two);
        assert_int_equal(profile_check_secret(p, buf_str(&one), &why), ERR_OK);
        assert_false(str_eq(buf_str(&one), buf_str(&two)));
        assert_true(one.len >= 32);
        assert_int_equal(profile_public_secret(p, buf_str(&one), &shown), ERR_OK);
        assert_true(str_eq(buf_str(&one), buf_str(&shown)));
        buf_fini(&one), buf_fini(&two), buf_fini(&shown);
        profile_free(p);
    }
}

#define ROW(more) "{\"name\":\"x\",\"headers\":{\"X-Sig\":\"{signature}\"}" more "}"

static void other_algorithms_and_fields(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        const char *secret;
        const char *want;
    } rows[] = {
            {ROW(",\"algorithm\":\"hmac-sha1\""), KEY_TEXT, "X-Sig: f9ca6eba162b9a7b0455b654089e23f941091f6d\n"},
            {"{\"name\":\"x\",\"headers\":{\"X-Sig\":\"{signature}\",\"X-Time\":\"{timestamp_ms}\",\"X-Try\":\"{"
             "attempt} "
             "{\"},\"algorithm\":\"hmac-sha512\",\"encoding\":\"base64\",\"signedString\":\"{method} {url} "
             "{timestamp_ms} "
             "{body}\",\"secret\":{\"keyDecoding\":\"hex\"}}",
             "000102030405060708090a0b0c0d0e0f1011121314151617",
             "X-Sig: W8t4a7UjFpuDCftqChr9zRWuuL5d2bPur48o5eETqlN+NuLLdN3PJyYWIMGh/7Da5smB1X9sNLeyDt1bp8Fh0A==\n"
             "X-Time: 1614265330123\nX-Try: 3 {\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile *p = parse(rows[i].row);
        struct str secret = str_c(rows[i].secret);
        char *text = headers(p, &secret, 1, BODY);
        assert_string_equal(text, rows[i].want);
        assert_int_equal(verify(p, secret, text, BODY, TIME_MS, 300), ERR_OK);
        assert_int_equal(verify(p, secret, text, STR("{}"), TIME_MS, 300), ERR_UNAUTHORIZED);
        free(text);
        profile_free(p);
    }
}

static void new_secrets_may_have_another_form(void **state)
{
    (void)state;
    struct profile *p = parse(ROW(",\"keys\":[{\"prefix\":\"a_\"},{\"prefix\":\"b_\",\"algorithm\":\"ed25519\"}],"
                                  "\"newSecret\":\"b_\""));
    struct buf text = BUF_INIT(256);
    profile_generate_secret(p, &text);
    assert_true(str_starts(buf_str(&text), STR("b_")));
    assert_int_equal(text.len, 2 + 88);
    buf_fini(&text);
    profile_free(p);
}

static void controls_cannot_begin_a_header(void **state)
{
    (void)state;
    struct profile *p = parse("{\"name\":\"x\",\"headers\":{\"X-Sig\":\"{signature}\",\"X-Type\":\"{type}\"}}");
    struct str secret = STR(KEY_TEXT);
    struct buf out = BUF_INIT(1024);
    struct profile_signers *s = profile_signers_new(p, &secret, 1);
    struct profile_attempt at = {.type = STR("a\r\nEvil: 1"), .now_ms = TIME_MS};
    assert_int_equal(profile_headers(p, s, &at, &out), 2);
    assert_int_equal(str_find(buf_str(&out), '\n'), out.len);
    assert_true(str_ends(buf_str(&out), STR("X-Type: a??Evil: 1\0")));
    profile_signers_free(s);
    buf_fini(&out);
    profile_free(p);
}

#define ENVELOPE(t) ROW(",\"body\":{\"type\":\"envelope\",\"template\":\"" t "\"}")
#define HEADERS(h)  "{\"name\":\"x\",\"headers\":{\"X-Sig\":\"{signature}\"," h "}}"

static const struct {
    const char *row;
    const char *path;
    const char *why; /* part of it */
} bad_rows[] = {
        {"{", "", "line 1"},
        {"[]", "", "object"},
        {"{}", "name", "letters"},
        {"{\"name\":\"Bad\"}", "name", "lower-case"},
        {"{\"name\":\"-x\"}", "name", "begin"},
        {"{\"name\":7}", "name", "string"},
        {"{\"name\":\"x\"}", "headers", "{signature}"},
        {ROW(",\"description\":1"), "description", "string"},
        {ROW(",\"body\":\"raw\""), "body", "object"},
        {ROW(",\"body\":{\"type\":\"xml\"}"), "body.type", "raw, envelope"},
        {ENVELOPE(""), "body.template", "{data}"},
        {ENVELOPE("{data}{data}"), "body.template", "exactly once"},
        {ENVELOPE("{\\\"a\\\":{data},\\\"b\\\":{nope}}"), "body.template", "{nope} is not a placeholder"},
        {ENVELOPE("{\\\"a\\\":{data},\\\"b\\\":{signature}}"), "body.template", "{signature} is not available"},
        {ENVELOPE("{\\\"a\\\":{data}"), "body.template", "JSON"},
        {ENVELOPE("{\\\"a\\\":\\\"{type}\\\",\\\"b\\\":{data}}"), "body.template", "whole value"},
        {ENVELOPE("{{type}:{data}}"), "body.template", "JSON"},
        {ENVELOPE("{\\\"a\\\":{data}} x"), "body.template", "JSON"},
        {HEADERS("\"Bad Name\":\"x\""), "headers.Bad Name", "RFC 9110"},
        {HEADERS("\"\":\"x\""), "headers", "RFC 9110"},
        {HEADERS("\"Host\":\"x\""), "headers.Host", "not a profile's"},
        {HEADERS("\"content-type\":\"x\""), "headers.content-type", "not a profile's"},
        {HEADERS("\"x-sig\":\"{signature}\""), "headers.x-sig", "twice"},
        {HEADERS("\"A\":1"), "headers.A", "string"},
        {HEADERS("\"A\":\"\""), "headers.A", "empty"},
        {HEADERS("\"A\":\"x\\r\\nB: y\""), "headers.A", "line breaks"},
        {HEADERS("\"A\":\"x\\u0000\""), "headers.A", "control"},
        {HEADERS("\"A\":\"{body}\""), "headers.A", "{body} is not available"},
        {ROW(",\"signedString\":\"{timestamp}.{body}\""), "headers", "{timestamp}"},
        {ROW(",\"signedString\":\"{message_id}.{body}\""), "headers", "{message_id}"},
        {ROW(",\"signedString\":\"fixed\""), "signedString", "{body}"},
        {ROW(",\"signedString\":\"{body}{body}\""), "signedString", "once"},
        {ROW(",\"signedString\":\"{type}{body}\""), "signedString", "{type}"},
        {ROW(",\"algorithm\":\"md5\""), "algorithm", "hmac-sha256"},
        {ROW(",\"encoding\":\"utf8\""), "encoding", "hex"},
        {ROW(",\"signatureFormat\":\"v1\""), "signatureFormat", "{signature}"},
        {ROW(",\"signatureFormat\":\"v1\\n{signature}\""), "signatureFormat", "control"},
        {ROW(",\"signatureSeparator\":\"\\n\""), "signatureSeparator", "control"},
        {ROW(",\"secret\":[]"), "secret", "object"},
        {ROW(",\"secret\":{\"keyDecoding\":\"rot13\"}"), "secret.keyDecoding", "base64"},
        {ROW(",\"secret\":{\"minBytes\":8}"), "secret.minBytes", "24"},
        {ROW(",\"secret\":{\"minBytes\":100,\"maxBytes\":50}"), "secret.maxBytes", "100"},
        {ROW(",\"secret\":{\"prefix\":\"a b\"}"), "secret.prefix", "blanks"},
        {ROW(",\"secret\":{\"generate\":{\"bytes\":20}}"), "secret.generate", "minBytes"},
        {ROW(",\"secret\":{\"generate\":{\"bytes\":1}}"), "secret.generate.bytes", "16"},
        {ROW(",\"secret\":{\"keyDecoding\":\"hex\",\"generate\":{\"encoding\":\"base64\"}}"), "secret.generate",
         "keyDecoding"},
        {ROW(",\"secret\":{\"keyDecoding\":\"hex\",\"prefixInKey\":true}"), "secret.prefixInKey", "raw"},
        {ROW(",\"algorithm\":\"ed25519\""), "secret.prefix", "Ed25519"},
        {ROW(",\"algorithm\":\"ed25519\",\"secret\":{\"prefix\":\"k_\",\"publicPrefix\":\"k_pub\"}"),
         "secret.publicPrefix", "begin"},
        {ROW(",\"keys\":{}"), "keys", "array"},
        {ROW(",\"keys\":[1]"), "keys.0", "object"},
        {ROW(",\"keys\":[{\"algorithm\":\"hmac-sha1\"}]"), "keys.0.prefix", "chosen"},
        {ROW(",\"keys\":[{\"prefix\":\"a\"},{\"prefix\":\"b\",\"algorithm\":\"rsa\"}]"), "keys.1.algorithm", "ed25519"},
        {ROW(",\"newSecret\":\"whsk_\""), "newSecret", "prefix"},
        {ROW(",\"newSecret\":1"), "newSecret", "string"},
        {ROW(",\"retrySchedule\":5"), "retrySchedule", "array"},
        {ROW(",\"retrySchedule\":[1,-1]"), "retrySchedule.1", "seconds"},
        {ROW(",\"retrySchedule\":[\"5s\"]"), "retrySchedule.0", "seconds"},
        {ROW(",\"retrySchedule\":[1e9]"), "retrySchedule.0", "seconds"},
        {ROW(",\"timeoutMs\":0"), "timeoutMs", "60000"},
        {ROW(",\"timeoutMs\":1.5"), "timeoutMs", "whole"},
        {ROW(",\"timeoutMs\":60001"), "timeoutMs", "60000"},
        {ROW(",\"disableOn410\":\"yes\""), "disableOn410", "true or false"},
        {ROW(",\"eventTypes\":[{\"name\":\"a b\"}]"), "eventTypes.0.name", "letters"},
        {ROW(",\"eventTypes\":[{\"name\":\"a\",\"example\":1}]"), "eventTypes.0.example", "object"},
        {ROW(",\"verify\":1"), "verify", "object"},
        {ROW(",\"verify\":{\"echo\":\"X-A: b\\r\\n\\r\\n<script>\"}"), "verify.echo", "X-"},
        {ROW(",\"verify\":{\"echo\":\"X A\"}"), "verify.echo", "X-"},
        {ROW(",\"verify\":{\"echo\":\"X-\\u00e9\"}"), "verify.echo", "X-"},
        {ROW(",\"verify\":{\"echo\":\"Content-Length\"}"), "verify.echo", "X-"},
        {ROW(",\"verify\":{\"echo\":\"transfer-encoding\"}"), "verify.echo", "X-"},
        {ROW(",\"verify\":{\"echo\":\"Set-Cookie\"}"), "verify.echo", "X-"},
        {ROW(",\"verify\":{\"echo\":\"x-accel-redirect\"}"), "verify.echo", "own"},
        {ROW(",\"verify\":{\"echo\":\"X-Frame-Options\"}"), "verify.echo", "own"},
};

static void bad_rows_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        struct arena *a = arena_new(4096);
        struct profile *p = NULL;
        struct str path = STR_NULL, why = STR_NULL;
        enum err e = profile_parse(a, str_c(bad_rows[i].row), &p, &path, &why);
        if (e != ERR_INVALID || !str_eq(path, str_c(bad_rows[i].path)) ||
            str_find_str(why, str_c(bad_rows[i].why)) == why.len)
            fail_msg("row %zu: %s gives '" STR_FMT "': " STR_FMT, i, bad_rows[i].row, STR_ARG(path), STR_ARG(why));
        arena_free(a);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    struct profile *p = NULL;
    struct str path, why;
    for (int count = 32; count <= 33; count++) {
        struct buf row = BUF_INIT(65536);
        buf_add_str(&row, STR("{\"name\":\"x\",\"headers\":{\"S\":\"{signature}\""));
        for (int i = 1; i < count; i++)
            buf_addf(&row, ",\"H%d\":\"v\"", i);
        buf_add_str(&row, STR("},\"retrySchedule\":["));
        for (int i = 0; i < count + 32; i++)
            buf_addf(&row, "%s1", i > 0 ? "," : "");
        buf_add_str(&row, STR("]}"));
        assert_int_equal(profile_parse(a, buf_str(&row), &p, &path, &why), count == 32 ? ERR_OK : ERR_INVALID);
        if (count == 32)
            profile_free(p);
        buf_fini(&row);
    }
    assert_true(str_eq(path, STR("headers")));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(signatures_are_as_others_compute_them),
            cmocka_unit_test(what_is_signed_verifies),
            cmocka_unit_test(foreign_headers_verify_or_not),
            cmocka_unit_test(ed25519_signs_with_its_prefix),
            cmocka_unit_test(builtin_rows_say_what_the_products_say),
            cmocka_unit_test(envelopes_wrap_the_payload),
            cmocka_unit_test(secrets_have_their_form),
            cmocka_unit_test(other_algorithms_and_fields),
            cmocka_unit_test(new_secrets_may_have_another_form),
            cmocka_unit_test(controls_cannot_begin_a_header),
            cmocka_unit_test(bad_rows_are_refused),
            cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
