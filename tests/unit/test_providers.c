/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every sender's row: what its documentation or its library publishes as an answer, else what Python's hmac computed;
 * and for every row that what is missing, wrong, truncated, stale or signed by another is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "signing/form.h"
#include "signing/row.h"
#include "json/tree.h"

#define HEADERS_MAX 8
#define NOW_MS      ((int64_t)1767225600123)

static const char *const unexpected = "";

static const char slack_body[] =
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        "foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%"
        "2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."
        "47445629121.803a0bc887a14d10d2c447fce8b6703c";
static const char sendgrid_body[] =
        "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\",\"sg_event_id\":"
        "\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv"
        "-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid."
        "net>"
        "\",\"timestamp\":1600112492}]\r\n";

static const char paddle_body[] =
        "{\"data\":{\"id\":\"pri_01hsdn96k2hxjzsq5yerecdj9j\",\"name\":null,\"status\":\"active\",\"quantity\":{"
        "\"maximum\":999999,\"minimum\":1},\"tax_mode\":\"account_setting\",\"product_id\":"
        "\"pro_01hsdn8qp7yydry3x1yeg6a9rv\",\"unit_price\":{\"amount\":\"1000\",\"currency_code\":\"USD\"},"
        "\"custom_data\":null,\"description\":\"testing\",\"import_meta\":null,\"trial_period\":null,"
        "\"billing_cycle\":{\"interval\":\"month\",\"frequency\":1},\"unit_price_overrides\":[]},\"event_id\":"
        "\"evt_01hsdn97563968dy0szkmgjwh3\",\"event_type\":\"price.created\",\"occurred_at\":"
        "\"2024-03-20T10:07:35.590857Z\",\"notification_id\":\"ntf_01hsdn977e920kbgzt6r6c9rqc\"}";

/* Published answers. */
static const struct vector {
    const char *provider;
    const char *source;
    const char *secret;
    int64_t now_s;
    const char *url;
    const char *headers[HEADERS_MAX][2];
    const char *body;
} vectors[] = {
        {"standard",
         "tests of the Standard Webhooks libraries",
         "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
         1614265330,
         NULL,
         {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
          {"webhook-timestamp", "1614265330"},
          {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
         "{\"test\": 2432232314}"},
        {"standard",
         "tests of the Standard Webhooks libraries",
         "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
         1614265330,
         NULL,
         {{"svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
          {"svix-timestamp", "1614265330"},
          {"svix-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
         "{\"test\": 2432232314}"},
        {"github",
         "docs.github.com, Validating webhook deliveries",
         "It's a Secret to Everybody",
         0,
         NULL,
         {{"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
         "Hello, World!"},
        {"slack",
         "docs.slack.dev, Verifying requests from Slack",
         "8f742231b10e8888abcd99yyyzzz85a5",
         1531420618,
         NULL,
         {{"X-Slack-Request-Timestamp", "1531420618"},
          {"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
         slack_body},
        {"twilio",
         "tests of the Twilio libraries (request validator)",
         "12345",
         0,
         "https://mycompany.com/myapp.php?foo=1&bar=2",
         {{"Content-Type", "application/x-www-form-urlencoded"},
          {"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
         "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"},
        {"twilio",
         "tests of the Twilio libraries (request validator)",
         "12345",
         0,
         "https://mycompany.com:443/myapp.php?foo=1&bar=2",
         {{"Content-Type", "application/x-www-form-urlencoded"},
          {"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
         "To=%2B18005551212&To=%2B18005551212&CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&Caller="
         "%2B14158675309"},
        {"twilio",
         "tests of the Twilio libraries (request validator)",
         "12345",
         0,
         "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256="
         "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
         {{"Content-Type", "application/json"}, {"X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4="}},
         "{\"property\": \"value\", \"boolean\": true}"},
        {"sendgrid",
         "tests of the SendGrid libraries (event webhook)",
         "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpigl"
         "SI8eNEc6wEA3F+g==",
         1600112502,
         NULL,
         {{"X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"},
          {"X-Twilio-Email-Event-Webhook-Signature",
           "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="}},
         sendgrid_body},
        {"square",
         "tests of the Square SDKs (webhooks helper)",
         "asdf1234",
         0,
         "https://example.com/webhook",
         {{"x-square-hmacsha256-signature", "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="}},
         "{\"hello\":\"world\"}"},
        {"checkbook",
         "docs.checkbook.io, Webhooks",
         "335b5728e25b47e88995fce207bff380",
         0,
         NULL,
         {{"Signature", "nonce=1243549809,signature=4ee9758fc0bceb3ca1a2fe397fbd125364cfffdb04296fa118dab9778a4b3ce3"}},
         "{\"status\": \"PAID\", \"id\": \"ed0af5fb335c47dd8eb53199ba50f5c4\", \"type\": \"CHECK\"}"},
        {"merge",
         "docs.merge.dev, form of the header",
         "s3cret",
         0,
         NULL,
         {{"X-Merge-Webhook-Signature", "-v6mQhI5HP6O_Cguvr-1BzBkS9UhNqtk63Spkrg2ygg="}},
         "{\"hook\": 6}"},
        {"pandadoc",
         "developers.pandadoc.com, form of the parameter",
         "s3cret",
         0,
         "https://mycompany.com/hooks/?signature=f987408fef2aaa14d0a659451bb9b2768610d70bd9cfa0ee54b0ca63e07b9b05",
         {{NULL, NULL}},
         "[{\"event\":\"document_state_changed\"}]"},
        {"bearer", "RFC 6750, form of the header", "s3cret", 0, NULL, {{"Authorization", "Bearer s3cret"}}, ""},
        {"basic",
         "RFC 7617, section 2",
         "Aladdin:open sesame",
         0,
         NULL,
         {{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
         "x"},
        {"gitlab",
         "docs.gitlab.com, Webhooks, form of the header",
         "s3cret",
         0,
         NULL,
         {{"x-gitlab-token", "s3cret"}},
         "{}"},
        {"hubspot",
         "tests of HubSpot's Python library (signature)",
         "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
         15000,
         "https://www.example.com/webhook_uri",
         {{"X-HubSpot-Request-Timestamp", "15000000"},
          {"X-HubSpot-Signature-v3", "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw="}},
         "{'example_field':'example_value'}"},
        {"paddle",
         "examples of Paddle's Go library (webhook verifier)",
         "pdl_ntfset_01hsdn8d43dt7mezr1ef2jtbaw_hKkRiCGyyRhbFwIUuqiTBgI7gnWoV0Gr",
         1710929255,
         NULL,
         {{"Paddle-Signature", "ts=1710929255;h1=6c05ef8fa83c44d751be6d259ec955ce5638e2c54095bf128e408e2fce1589c8"}},
         paddle_body},
};

static const char *verify_vector(const struct vector *v, const char *body)
{
    struct profile *p = provider_profile(provider_find(str_c(v->provider)));
    struct profile_header headers[HEADERS_MAX];
    struct str secret = str_c(v->secret);
    const char *why = NULL;
    struct profile_request rq = {.headers = headers,
                                 .body = str_c(body),
                                 .url = str_c(v->url),
                                 .now_ms = v->now_s * 1000,
                                 .tolerance_s = profile_rules(p)->tolerance_s};
    for (; v->headers[rq.header_count][0] != NULL; rq.header_count++)
        headers[rq.header_count] =
                (struct profile_header){str_c(v->headers[rq.header_count][0]), str_c(v->headers[rq.header_count][1])};
    enum err e = profile_verify(p, &secret, 1, &rq, &why);
    profile_free(p);
    return e == ERR_OK ? NULL : why;
}

static void test_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        const char *why = verify_vector(v, v->body);
        if (why != NULL)
            fail_msg("%s, %s: %s", v->provider, v->source, why);
        struct profile *p = provider_profile(provider_find(str_c(v->provider)));
        if (!p->keys[0].token)
            assert_non_null(verify_vector(v, "{\"other\": 1}"));
        profile_free(p);
    }
}

/* ---- every row, signed by profile_headers ------------------------------------------------------------------------ */

#define ECDSA_KEY                                                                                                      \
    "private:MHcCAQEEICRdezCIMcU7tDwuQ5qf6Qv/QD0YgFfl/T46tXSjniOZoAoGCCqGSM49AwEHoUQDQgAEw9TnS1g5uWd1Gg826RSVyuk8ZxR5" \
    "ixaIT/v1UXkGFQaXHQeIxSBqYsFwASOX5i9OaduRyguBvS6z3KCKpPwTOA=="
#define OTHER_ECDSA                                                                                                    \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/"                                                      \
    "7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNE"                                                           \
    "c6wEA3F+g=="
#define SEED  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define OTHER "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

struct sample {
    struct arena *arena;
    struct profile *profile;
    struct str secret; /* of the sender */
    struct str other;  /* somebody else's */
    struct str body;
    struct profile_header headers[HEADERS_MAX];
    size_t count;
    struct profile_request rq;
};

/* By the kind of key, so that a new row has some too. */
static void choose_secrets(struct sample *s)
{
    const struct key_form *f = &s->profile->keys[0];
    s->secret = STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    s->other = STR("whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    if (f->mac == CRYPTO_ECDSA) {
        s->secret = STR(ECDSA_KEY);
        s->other = STR(OTHER_ECDSA);
    } else if (f->mac == CRYPTO_ED25519) {
        bool hex = f->decoding == FORM_HEX;
        s->secret = hex ? STR("private:" SEED) : STR("private:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
        s->other = hex ? STR(OTHER) : STR("PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=");
    }
}

static bool signs_form(const struct profile *p)
{
    return (p->signed_string.fields & FIELD_BIT(FORM)) != 0;
}

static bool is_timed(const struct profile *p)
{
    return (p->signed_string.fields & (FIELD_BIT(TIMESTAMP) | FIELD_BIT(TIMESTAMP_MS))) != 0 ||
           p->rules.body_time.len > 0;
}

/* A request as the provider would send it. */
static struct sample sign(const char *name, int64_t at_ms)
{
    struct sample s = {.arena = arena_new(4096), .profile = provider_profile(provider_find(str_c(name)))};
    struct buf out = BUF_INIT(65536), form = BUF_INIT(4096);
    bool is_form = signs_form(s.profile);
    struct str time = s.profile->rules.body_time.len > 0 ? s.profile->rules.body_time : STR("at");
    choose_secrets(&s);
    s.body = is_form ? STR("b=2&a=1&b=2")
                     : arena_printf(s.arena, "{\"id\":12345678901234567890,\"" STR_FMT "\":%lld}", STR_ARG(time),
                                    (long long)at_ms);
    form_sorted(s.arena, s.body, &form);
    struct str url = STR("https://hooks.example.com/v1/webhooks/in/x?a=b");
    struct profile_signers *signers = profile_signers_new(s.profile, &s.secret, 1);
    assert_non_null(signers);
    struct profile_attempt at = {.now_ms = at_ms,
                                 .message_id = STR("msg_1"),
                                 .event_uuid = STR("0190a0b0-1111-7222-8333-444455556666"),
                                 .type = STR("push"),
                                 .number = 1,
                                 .url = url,
                                 .form = is_form ? buf_str(&form) : STR(""),
                                 .body = {s.body}};
    size_t n = profile_headers(s.profile, signers, &at, &out);
    const char *line = arena_str(s.arena, buf_str(&out)).ptr;
    for (size_t i = 0; i < n; i++, line += strlen(line) + 1) {
        struct str value = str_c(line), header = str_split(&value, ':');
        s.headers[s.count++] = (struct profile_header){header, str_trim(value)};
    }
    if (is_form)
        s.headers[s.count++] =
                (struct profile_header){STR("Content-Type"), STR("application/x-www-form-urlencoded; charset=utf-8")};
    s.rq = (struct profile_request){.header_count = s.count,
                                    .body = s.body,
                                    .url = url,
                                    .now_ms = NOW_MS,
                                    .tolerance_s = profile_rules(s.profile)->tolerance_s};
    profile_signers_free(signers);
    buf_fini(&out);
    buf_fini(&form);
    return s;
}

static void sample_fini(struct sample *s)
{
    profile_free(s->profile);
    arena_free(s->arena);
}

/* Why it is refused; NULL: it is not. */
static const char *verify_with(struct sample *s, const struct str *secrets, size_t count)
{
    const char *why = unexpected;
    s->rq.headers = s->headers;
    return profile_verify(s->profile, secrets, count, &s->rq, &why) == ERR_OK ? NULL : why;
}

static const char *verify(struct sample *s)
{
    return verify_with(s, &s->secret, 1);
}

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < provider_count; i++) {
        struct sample s = sign(providers[i].name, NOW_MS);
        struct str several[] = {s.other, s.secret};
        const char *why = verify(&s);
        if (why != NULL)
            fail_msg("%s: %s", providers[i].name, why);
        assert_null(verify_with(&s, several, 2));
        sample_fini(&s);
    }
}

static void test_without_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < provider_count; i++) {
        struct sample s = sign(providers[i].name, NOW_MS);
        assert_string_equal(verify_with(&s, NULL, 0), "no secret is set");
        assert_non_null(verify_with(&s, &STR(""), 1));
        if (verify_with(&s, &s.other, 1) == NULL)
            fail_msg("%s takes any secret", providers[i].name);
        sample_fini(&s);
    }
}

/* The row's template of a header; NULL: it is none of the row's, or says nothing that is looked at. */
static const struct template *template_of(const struct profile *p, struct str name)
{
    unsigned wanted = p->signed_string.fields | FIELD_BIT(SIGNATURE);
    for (size_t i = 0; i < p->header_count; i++) {
        if (str_eq_nocase(p->headers[i].name, name))
            return (p->headers[i].value.fields & wanted) != 0 ? &p->headers[i].value : NULL;
    }
    return NULL;
}

/* Of headers that say the same under two names only the first stays, as from a sender that knows one. */
static void drop_twins(struct sample *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct template *t = template_of(s->profile, s->headers[i].name);
        bool twin = false;
        for (size_t k = 0; k < kept && t != NULL; k++) {
            const struct template *u = template_of(s->profile, s->headers[k].name);
            twin = twin || (u != NULL && (u->fields & t->fields) == t->fields);
        }
        if (!twin)
            s->headers[kept++] = s->headers[i];
    }
    s->count = s->rq.header_count = kept;
}

static void expect_refused(struct sample *s, const char *provider, struct str header, const char *what)
{
    const char *why = verify(s);
    if (why == NULL || why[0] == '\0')
        fail_msg("%s: " STR_FMT " %s, and %s", provider, STR_ARG(header), what, why == NULL ? "taken" : "no reason");
}

/* Each header of the signature missing; its value cut, empty, changed in one character. */
static void test_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < provider_count; i++) {
        struct sample s = sign(providers[i].name, NOW_MS);
        size_t looked_at = 0;
        drop_twins(&s);
        for (size_t h = 0; h < s.count; h++) {
            struct profile_header kept = s.headers[h];
            if (template_of(s.profile, kept.name) == NULL)
                continue; /* not signed */
            looked_at++;
            s.headers[h].name = STR("x-else");
            expect_refused(&s, providers[i].name, kept.name, "is missing");
            s.headers[h].name = kept.name;
            for (size_t len = 0; len < kept.value.len; len = len < 2 ? len + 1 : 2 * len) {
                s.headers[h].value = str_take(kept.value, len);
                expect_refused(&s, providers[i].name, kept.name, "is truncated");
            }
            size_t end = kept.value.len;
            while (kept.value.ptr[end - 1] == '=') /* base64 is the same without it */
                end--;
            s.headers[h].value = str_take(kept.value, end - 1);
            expect_refused(&s, providers[i].name, kept.name, "lacks its end");
            char *changed = arena_cstr(s.arena, kept.value);
            changed[kept.value.len / 2] = changed[kept.value.len / 2] == '1' ? '2' : '1';
            s.headers[h].value = str_of(changed, kept.value.len);
            expect_refused(&s, providers[i].name, kept.name, "is wrong");
            s.headers[h] = kept;
        }
        assert_true(looked_at > 0);
        assert_null(verify(&s));
        sample_fini(&s);
    }
}

static void test_other_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < provider_count; i++) {
        struct sample s = sign(providers[i].name, NOW_MS);
        if (s.profile->keys[0].token) { /* nothing is signed */
            sample_fini(&s);
            continue;
        }
        s.rq.body = STR("b=2&a=2");
        assert_non_null(verify(&s));
        s.rq.body = STR("");
        assert_non_null(verify(&s));
        sample_fini(&s);
    }
}

/* A form's signature must not let another kind of body in. */
static void test_twilio_json(void **state)
{
    struct sample s = sign("twilio", NOW_MS);
    (void)state;
    s.headers[s.count - 1].value = STR("application/json");
    assert_string_equal(verify(&s), "the body is not the one that the URL has the hash of");
    sample_fini(&s);
}

static void check_window(const char *name, int64_t window_ms, int sign_)
{
    struct sample inside = sign(name, NOW_MS - sign_ * (window_ms - 2000));
    struct sample outside = sign(name, NOW_MS - sign_ * (window_ms + 2000));
    const char *why = verify(&inside);
    if (why != NULL)
        fail_msg("%s: %s", name, why);
    why = verify(&outside);
    if (why == NULL || strcmp(why, sign_ > 0 ? "the timestamp is too old" : "the timestamp lies in the future") != 0)
        fail_msg("%s: %s", name, why == NULL ? "taken, though stale" : why);
    outside.rq.tolerance_s = 0;
    assert_null(verify(&outside));
    sample_fini(&inside);
    sample_fini(&outside);
}

/* Whoever signs a time has a window. */
static void test_stale(void **state)
{
    static const char *const timed[] = {"standard", "stripe", "slack",    "paddle",  "zoom",
                                        "hubspot",  "linear", "sendgrid", "discord", "metapulse"};
    size_t windows = 0;
    (void)state;
    for (size_t i = 0; i < provider_count; i++) {
        struct profile *p = provider_profile(&providers[i]);
        int64_t window_s = profile_rules(p)->tolerance_s;
        bool has = is_timed(p);
        profile_free(p);
        for (int sign_ = -1; has && sign_ <= 1; sign_ += 2)
            check_window(providers[i].name, window_s * 1000, sign_);
        windows += has;
        assert_int_equal(window_s, strcmp(providers[i].name, "linear") == 0 ? 60 : 300);
    }
    assert_true(windows >= ARRAY_LEN(timed));
    for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
        struct profile *p = provider_profile(provider_find(str_c(timed[i])));
        assert_true(is_timed(p));
        profile_free(p);
    }
}

/* The signature under another header's name. */
static void test_header_name(void **state)
{
    struct sample s = sign("hmac", NOW_MS);
    (void)state;
    s.headers[0].name = STR("X-My-Signature");
    assert_non_null(verify(&s));
    s.rq.signature_header = STR("x-my-signature");
    assert_null(verify(&s));
    sample_fini(&s);
}

/* What only receivers may say is refused in profiles of deliveries. */
static void test_only_incoming(void **state)
{
#define ROW(rest) "{\"name\":\"x\",\"headers\":{\"X-A\":\"{signature}\"}," rest "}"
    static const char *const rows[] = {
            ROW("\"algorithm\":\"token\""),
            ROW("\"algorithm\":\"ecdsa-p256-sha256\",\"secret\":{\"prefix\":\"p:\",\"keyDecoding\":\"base64\"}"),
            ROW("\"encoding\":\"raw\""),
            ROW("\"signedString\":\"{form}\",\"verify\":{\"bodyHash\":\"h\"}"),
    };
#undef ROW
    static const char *const never[] = {
            "{\"headers\":{\"X-A\":\"{signature}\"},\"encoding\":\"raw\"}",
            "{\"headers\":{\"X-A\":\"{signature}\"},\"signedString\":\"{form}\"}",
            "{\"headers\":{\"X-A\":\"{signature}\"},\"verify\":{\"handshake\":\"other\"}}",
            "{\"headers\":{\"X-A\":\"{signature}\"},\"verify\":{\"toleranceSeconds\":-1}}",
            "{\"headers\":{\"X-A\":\"{signature}\"},\"verify\":[]}",
            "{\"headers\":{\"X-A\":\"v\"}}",
    };
    struct arena *a = arena_new(4096);
    struct profile *p;
    struct str path, why;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(profile_parse(a, str_c(rows[i]), &p, &path, &why), ERR_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        assert_int_equal(profile_parse_incoming(a, str_c(never[i]), &p, &path, &why), ERR_INVALID);
    arena_free(a);
}

static void test_secrets(void **state)
{
    static const struct {
        const char *name;
        const char *secret;
        bool good;
    } cases[] = {{"github", "x", true},          {"github", "", false},    {"standard", "whsec_!!", false},
                 {"discord", OTHER, true},       {"discord", "zz", false}, {"discord", "00", false},
                 {"sendgrid", OTHER_ECDSA, true}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct profile *p = provider_profile(provider_find(str_c(cases[i].name)));
        const char *why;
        assert_int_equal(profile_check_incoming(p, str_c(cases[i].secret), &why) == ERR_OK, cases[i].good);
        profile_free(p);
    }
    assert_null(provider_find(STR("nobody")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_published), cmocka_unit_test(test_accepted),    cmocka_unit_test(test_without_secret),
            cmocka_unit_test(test_damaged),   cmocka_unit_test(test_other_body),  cmocka_unit_test(test_twilio_json),
            cmocka_unit_test(test_stale),     cmocka_unit_test(test_header_name), cmocka_unit_test(test_only_incoming),
            cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
