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

/* openssl genrsa, and openssl dgst -sha256 -sign of the body and its time. */
static const char rsa_public[] =
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnX6s6umJn5FQl4yo4lNT\nCJ0oUf"
        "DcNx1/50F0uN9nTzQNVIWkYfiJMEcerx7bB7sdYGxiSWSIq03OvU0EStNO\n6Ypx1U3tibKDmlhq9nFkMzBgw22cKdEjLM7XJYPg"
        "6LRPFHAIf6ib2BeQeJT6oXN+\nHpiyoUVO+JaofDLZaRtsWmQgRMwNBJcnfELEZgugLC9+zSuvrFf+qj9CeBJW7AfR\nmLRU1nq7"
        "a0jNF6YrjU7FGnmnjyJHzyC6LFhkQYVBcx/BS57ioP/9Z/4VgR3dDMhc\n1BXVioN0/wL6FwHe3XAcqqQy86d1NxnaLIO/0iy+EW"
        "fxh2wcnJDXYi0CjZStvQZp\nPQIDAQAB\n-----END PUBLIC KEY-----";
static const char rsa_public_pkcs1[] =
        "-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEAnX6s6umJn5FQl4yo4lNTCJ0oUfDcNx1/50F0uN9nTzQNVIWkYfiJ\nME"
        "cerx7bB7sdYGxiSWSIq03OvU0EStNO6Ypx1U3tibKDmlhq9nFkMzBgw22cKdEj\nLM7XJYPg6LRPFHAIf6ib2BeQeJT6oXN+Hpiy"
        "oUVO+JaofDLZaRtsWmQgRMwNBJcn\nfELEZgugLC9+zSuvrFf+qj9CeBJW7AfRmLRU1nq7a0jNF6YrjU7FGnmnjyJHzyC6\nLFhk"
        "QYVBcx/BS57ioP/9Z/4VgR3dDMhc1BXVioN0/wL6FwHe3XAcqqQy86d1Nxna\nLIO/0iy+EWfxh2wcnJDXYi0CjZStvQZpPQIDAQ"
        "AB\n-----END RSA PUBLIC KEY-----";
static const char rsa_signature[] =
        "bVTIVoxRKiYNgBRlusbG4QsoViT3oJ49HJAr8FndLsbsQEfvjI3kLlchuEqdbipPSFFrrPNdJbV5h0k3zbG4F4C5Wh+sdXrgOxaP"
        "ldlUTHiataRDZvIiqKBe/EhU/n7mPst9uIV0q2Es+5Ir6bVwC0hoUPJNL9PMR2YiEQ8gF9MCpfa1HSsUi0drSPgx4v1A0ZHAsNEr"
        "X5j8hlsPDOslJJmG9AW+WAAVR+iDXsbXpk4ZUX4iCaWAqwS6gwd8oFXaGivLHmYT8tnNJXv+g7M5yrQqJHTfl9bg5VXq5WJs4nQV"
        "gsU3p/kS+HxZF4ZgLRzBEgNLaB1LxgyG+w40Woi/uw==";

/* Published answers, and what Python's hmac and the openssl program computed from a published recipe. */
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
        {"hubspot",
         "developers.hubspot.com, Validating requests: the table of what is decoded",
         "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
         15000,
         "https://www.example.com/webhook_uri?u=https%3A%2F%2fa.b/c%3Fd&n=%20x%26y%3Dz%40e%21%24%27%28%29%2A%2c%3B",
         {{"X-HubSpot-Request-Timestamp", "15000000"},
          {"X-HubSpot-Signature-v3", "SbxwK+5+DQi7AHsql58ijpORX6jIG4iWRMw4+aRJm14="}},
         "{'example_field':'example_value'}"},
        {"orum",
         "docs.orum.io, Secure webhooks",
         rsa_public,
         0,
         NULL,
         {{"Signature", rsa_signature}},
         "{\"event_id\":\"2d5lde32-3973-5297-vb32-be24f559ef81\",\"event_type\":\"external_account_created\","
         "\"created_at\":\"2022-07-26T18:45:17.441Z\",\"event_data\":{}}"},
        {"orum",
         "docs.orum.io, Secure webhooks",
         rsa_public_pkcs1,
         0,
         NULL,
         {{"Signature", rsa_signature}},
         "{\"event_id\":\"2d5lde32-3973-5297-vb32-be24f559ef81\",\"event_type\":\"external_account_created\","
         "\"created_at\":\"2022-07-26T18:45:17.441Z\",\"event_data\":{}}"},
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
#define RSA_KEY                                                                                                        \
    "private:"                                                                                                         \
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCdfqzq6YmfkVCXjKjiU1MInShR8Nw3HX/nQXS432dPNA1UhaRh"             \
    "+IkwRx6vHtsHux1gbGJJZIirTc69TQRK007pinHVTe2JsoOaWGr2cWQzMGDDbZwp0SMsztclg+DotE8UcAh/qJvYF5B4lPqhc34e"             \
    "mLKhRU74lqh8MtlpG2xaZCBEzA0Elyd8QsRmC6AsL37NK6+sV/6qP0J4ElbsB9GYtFTWertrSM0XpiuNTsUaeaePIkfPILosWGRB"             \
    "hUFzH8FLnuKg//1n/hWBHd0MyFzUFdWKg3T/AvoXAd7dcByqpDLzp3U3Gdosg7/SLL4RZ/GHbByckNdiLQKNlK29Bmk9AgMBAAEC"             \
    "ggEAFyJEzwq3yucC8gfYxMndf/3prsOU7UmZgIQGW6OBHsq0DI7G2xcxO5SuxqVfIe8TvRaeh05LnvICZJ77+uu4AyjxWJYmRpwg"             \
    "pZrIN2PnhndcN0iR8DiGlK3bP2j0L+pQVV2xeeLv5VlswLGNcQqwY1kln/e4xl4G6JtlgQFktJAWVka48lhj3024t3610O5fq/g8"             \
    "zqEeaPqZeAbjUusct+N8uSfmv92h6aMbhIKMU1xE1rugTKVdJqZFhL3GGnhm/hM0Sesv5+zkJiT5FLfOlzE2Oz1pQ/aJGFwkP9sa"             \
    "xx1w6bgUsosN/ZryhMth3MIsuyqk+/wRs9cm+7qaW7sYlwKBgQDaI2W3jhWXrZctQ/bXOz0bRuMMuqgzOHIvuhufPMhN79TsFzPW"             \
    "Q+MbX3gW3IMchoSodEdgUmmLqVtwbVaMThOr7G1AFLTg+RsQ9vu7idy4/7g04F5078XnxkAF9/zyborbbE5cIWfD9NwLID7K0nc6"             \
    "fDPp8AkcMaDyeEo6IP+RIwKBgQC41LCdvdjLjqT+pEHTXKvLUnuD7TUsEYvoZve7ZkO9LkyEsWDutQJtbyC2rik7M8sUif0/ovcy"             \
    "cnZi15C4nzdrDlGM7KebabhEYDFIdyfrLeWuRLNkyOsA0eNFpkSmWls2cUMzXm9Pak25aK5Vvlj8yfMeMZaQtZVxDwM0uIkyHwKB"             \
    "gQDTBntYXzO0UFJ3j9Az1zL+OE1d+xTMuEZ+tWQTYBHGk8U/wBJ9rZ7+1BSwyRJtfhTHgfWq0Q8Z9PRoht27TazqHQZzf5ScL2Bn"             \
    "wQc2HeBRd9EUFhpKtcqWtcsp+wXQ4e+i5dvIdOiVQUO936vfOkvtYEo4feXSSJCTAJuOMG4MUQKBgHZ2O0yepRiyMCXU+SuStbj3"             \
    "AJspqW65QEaP2C+P99KEnh5d4ZadBRVGqFztexeqtnpPhrUGqhD3M9FeAC+UPFytLK957mK5e5S3Yl7jn/4nyJHNDn2GGLjJzTSS"             \
    "wGUufE+EgGGoIQdxRqeS5EmoWjiK5vtvJOVSvJld2dwseiJZAoGALnx6lD7c+AucuLFHIU1uTBC/DgO6Zx80af0u15rA/xbh4xcG"             \
    "gCuhttD/fgUV13m6Nnxa6JqrFvTr8I5hpKcdVXNOAfEBN8jCHbfl+XdYKAQ8XXnCm/QzzvXGcP6SaXUzO3/cMyBieKR1rZKFBXzU"             \
    "6AUyANGO4Kapc2QpJYAFQmk="
#define OTHER_RSA                                                                                                      \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1uHNRxVet5WHv4RPe1Voh7ItRPPjADa3znAVm8k4DkM4cZQcqy4oxgwN"             \
    "HLpySxTRsq7aIKSZY5cEw4WFEafT3rDa9xOPrZvupTVEnZphJcHMBGshVsUUmUHMwA0pJYjAA/3rgS0DK0HwEDFAfLdxTYP/2oJq"             \
    "TqPjW0u02gBARWaZCUvT8VMr99wGAyTGA8jGSyujviybiot6n9q70FnG/JOw0SuAo45KI5hatcPiruvscTIj0ELFhRJmFXwiiWqp"             \
    "xuVQaybrqJJk5n1420mpcMCJFzuLbEi0tzEpVGtQ/zfbKDZF1kT6ZwfAlof/cWHFdxsh6Xhzigd479k8rRUG7wIDAQAB"
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
    } else if (f->mac == CRYPTO_RSA) {
        s->secret = STR(RSA_KEY);
        s->other = STR(OTHER_RSA);
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
                                 .body_time = profile_body_time(s.profile, s.arena, s.body),
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
        bool has = is_timed(p) && window_s > 0;
        profile_free(p);
        for (int sign_ = -1; has && sign_ <= 1; sign_ += 2)
            check_window(providers[i].name, window_s * 1000, sign_);
        windows += has;
        assert_int_equal(window_s, strcmp(providers[i].name, "linear") == 0 ? 60
                                   : strcmp(providers[i].name, "orum") == 0 ? 0
                                                                            : 300);
    }
    assert_true(windows >= ARRAY_LEN(timed));
    for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
        struct profile *p = provider_profile(provider_find(str_c(timed[i])));
        assert_true(is_timed(p));
        profile_free(p);
    }
}

/* A time, in the unit of the row, of a request that is otherwise right: {hubspot, milliseconds}, {zoom, seconds}. */
static const char *verify_time(const char *name, const char *header, const char *text)
{
    struct sample s = sign(name, NOW_MS);
    struct str signed_ =
            arena_printf(s.arena, strcmp(name, "zoom") == 0 ? "v0:%s:" STR_FMT : "%s" STR_FMT, text, STR_ARG(s.body));
    if (strcmp(name, "hubspot") == 0)
        signed_ = arena_printf(s.arena, "POST" STR_FMT STR_FMT "%s", STR_ARG(s.rq.url), STR_ARG(s.body), text);
    unsigned char mac[CRYPTO_MAC_MAX];
    struct buf out = BUF_INIT(256);
    struct crypto_signer *signer = crypto_signer_new(CRYPTO_HMAC_SHA256, s.secret);
    struct str bytes = str_of((char *)mac, crypto_sign(signer, &signed_, 1, mac));
    if (strcmp(name, "zoom") == 0) {
        buf_add_str(&out, STR("v0="));
        crypto_hex(bytes, &out);
    } else {
        crypto_base64(bytes, &out);
    }
    for (size_t i = 0; i < s.count; i++)
        s.headers[i].value = str_eq_nocase(s.headers[i].name, str_c(header)) ? str_c(text) : buf_str(&out);
    const char *why = verify(&s);
    crypto_signer_free(signer);
    buf_fini(&out);
    sample_fini(&s);
    return why;
}

/* Times that are none, though they are signed. */
static void test_times(void **state)
{
    static const struct {
        const char *text;
        const char *why; /* NULL: good */
    } cases[] = {{"1767225600", NULL},
                 {"01767225600", NULL},
                 {"1767225600.5", "the timestamp is not a number"},
                 {"1767225600.0", "the timestamp is not a number"},
                 {"1.7672256e9", "the timestamp is not a number"},
                 {"+1767225600", "the timestamp is not a number"},
                 {"-1767225600", "the timestamp is not a number"},
                 {"-0", "the timestamp is too old"},
                 {"0x6955b800", "the timestamp is not a number"},
                 {"", "the timestamp is not a number"},
                 {"9223372036854775807", "the timestamp is not a number"},
                 {"9223372036854775808", "the timestamp is not a number"},
                 {"18446744073709551615", "the timestamp is not a number"},
                 {"99999999999999999999999999", "the timestamp is not a number"},
                 {"9223372036854775", "the timestamp lies in the future"},
                 {"1767225600123", "the timestamp lies in the future"}, /* milliseconds for seconds */
                 {"0", "the timestamp is too old"},
                 {"1767225901", "the timestamp lies in the future"},
                 {"1767225299", "the timestamp is too old"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = verify_time("zoom", "x-zm-request-timestamp", cases[i].text);
        if (cases[i].why == NULL ? why != NULL : why == NULL || strcmp(why, cases[i].why) != 0)
            fail_msg("\"%s\": %s", cases[i].text, why != NULL ? why : "taken");
    }
    assert_null(verify_time("hubspot", "X-HubSpot-Request-Timestamp", "1767225600123"));
    assert_non_null(verify_time("hubspot", "X-HubSpot-Request-Timestamp", "1767225600"));
    assert_string_equal(verify_time("hubspot", "X-HubSpot-Request-Timestamp", "9223372036854775807"),
                        "the timestamp lies in the future");
}

/* What is signed is one thing, however the signature is written down; another request is another. */
static void test_digest(void **state)
{
    static const char *const names[] = {"zoom", "xero", "discord", "pandadoc"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unsigned char first[CRYPTO_SHA256_LEN], again[CRYPTO_SHA256_LEN], later[CRYPTO_SHA256_LEN];
        const char *why = unexpected;
        struct sample s = sign(names[i], NOW_MS), other = sign(names[i], NOW_MS + 1000);
        s.rq.headers = s.headers;
        other.rq.headers = other.headers;
        assert_true(profile_rules_signed(profile_rules(s.profile)));
        assert_int_equal(profile_verify_digest(s.profile, &s.secret, 1, &s.rq, first, &why), ERR_OK);
        for (size_t h = 0; h < s.count; h++) {
            struct str v = s.headers[h].value, head = str_starts(v, STR("v0=")) ? STR("v0=") : STR("");
            char *upper = arena_cstr(s.arena, v);
            for (size_t c = head.len; c < v.len && s.profile->encoding == FORM_HEX; c++)
                upper[c] = (char)(upper[c] >= 'a' && upper[c] <= 'f' ? upper[c] - 32 : upper[c]);
            s.headers[h].value = arena_printf(s.arena, " %s ", upper);
        }
        s.headers[s.count] = (struct profile_header){profile_signature_header(s.profile), STR("v0=00")};
        s.rq.header_count = s.count + 1;
        assert_int_equal(profile_verify_digest(s.profile, &s.secret, 1, &s.rq, again, &why), ERR_OK);
        assert_memory_equal(first, again, sizeof first);
        assert_int_equal(profile_verify_digest(other.profile, &other.secret, 1, &other.rq, later, &why), ERR_OK);
        assert_memory_not_equal(first, later, sizeof first);
        sample_fini(&s);
        sample_fini(&other);
    }
}

/* What tells a repeated request of a row that says nothing of it: only where its time is signed, what is signed. */
static void test_default_dedupe(void **state)
{
#define ROW(rest) "{\"headers\":{\"X-At\":\"{timestamp}\",\"X-Sig\":\"{signature}\"}" rest "}"
    static const struct {
        const char *row;
        const char *dedupe;
        bool time;
    } cases[] = {
            {ROW(""), NULL, false},
            {ROW(",\"signedString\":\"{timestamp}{body}\""), "signed", true},
            {ROW(",\"signedString\":\"{timestamp}{body}\",\"verify\":{\"dedupe\":\"none\"}"), "none", true},
            {ROW(",\"signedString\":\"{timestamp}{body}\",\"verify\":{\"dedupe\":\"body:id\"}"), "body:id", true},
            {ROW(",\"verify\":{\"timestampInBody\":\"at\"}"), "signed", true},
            {ROW(",\"algorithm\":\"token\",\"signedString\":\"{timestamp}{body}\""), NULL, false},
    };
#undef ROW
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *a = arena_new(4096);
        struct profile *p;
        struct str path, why;
        assert_int_equal(profile_parse_incoming(a, str_c(cases[i].row), &p, &path, &why), ERR_OK);
        struct str dedupe = profile_rules(p)->dedupe;
        if (!str_eq(dedupe, cases[i].dedupe != NULL ? str_c(cases[i].dedupe) : STR("")))
            fail_msg("%s: " STR_FMT, cases[i].row, STR_ARG(dedupe));
        assert_int_equal(profile_signs_time(p), cases[i].time);
        profile_free(p);
        arena_free(a);
    }
}

/* Whether one good signature behind so many bad ones is found, by the last of so many secrets. */
static bool is_found_behind(const char *row, const char *prefix, const char *bad, size_t before, size_t secret_count)
{
    static const char pad[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct arena *a = arena_new(4096);
    struct buf headers = BUF_INIT(65536), value = BUF_INIT(65536);
    struct profile *p;
    struct str path, why, secrets[8];
    const char *reason = NULL;
    size_t which = 99;
    assert_int_equal(profile_parse_incoming(a, str_c(row), &p, &path, &why), ERR_OK);
    for (size_t i = 0; i < secret_count; i++)
        secrets[i] = arena_printf(a, "%s%.63s%zu", prefix, pad, i);
    struct profile_signers *signers = profile_signers_new(p, &secrets[secret_count - 1], 1);
    struct profile_attempt at = {.now_ms = NOW_MS, .body = {STR("{}")}};
    assert_non_null(signers);
    assert_int_equal(profile_headers(p, signers, &at, &headers), 1);
    for (size_t i = 0; i < before; i++)
        buf_addf(&value, "%s ", bad);
    struct str line = str_c(headers.ptr);
    buf_add_str(&value, str_trim(str_skip(line, str_find(line, ':') + 1)));
    struct profile_header h = {STR("X-Sig"), buf_str(&value)};
    struct profile_request rq = {.headers = &h, .header_count = 1, .body = STR("{}"), .now_ms = NOW_MS};
    bool found = profile_verify_which(p, secrets, secret_count, &rq, &which, NULL, &reason) == ERR_OK;
    assert_true(found ? which == secret_count - 1 : reason != NULL);
    profile_signers_free(signers);
    profile_free(p);
    buf_fini(&headers);
    buf_fini(&value);
    arena_free(a);
    return found;
}

/* A request with many signatures, of one with many secrets, costs few verifications where each takes long. */
static void test_many_signatures(void **state)
{
#define ROW(more) "{\"headers\":{\"X-Sig\":\"{signature}\"},\"signatureSeparator\":\" \",\"encoding\":\"hex\"," more "}"
#define ZEROS     "00000000000000000000000000000000"
    static const char pair[] = ROW("\"algorithm\":\"ed25519\",\"signatureFormat\":\"v={signature}\",\"secret\":{"
                                   "\"prefix\":\"private:\",\"keyDecoding\":\"hex\"}");
    static const char mac[] = ROW("\"secret\":{\"keyDecoding\":\"raw\"}");
    static const char bad[] = "v=" ZEROS ZEROS ZEROS ZEROS, other[] = "x=" ZEROS ZEROS ZEROS ZEROS;
#undef ROW
#undef ZEROS
    static const struct {
        size_t secrets, signatures;
    } cases[] = {{1, 16}, {2, 8}, {3, 5}, {8, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(is_found_behind(pair, "private:", bad, cases[i].signatures - 1, cases[i].secrets));
        assert_false(is_found_behind(pair, "private:", bad, cases[i].signatures, cases[i].secrets));
        assert_true(is_found_behind(pair, "private:", other, 31, cases[i].secrets));
        assert_true(is_found_behind(mac, "", "00", 31, cases[i].secrets));
        assert_false(is_found_behind(mac, "", "00", 32, cases[i].secrets));
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
            ROW("\"algorithm\":\"rsa-sha256\",\"secret\":{\"prefix\":\"p:\",\"keyDecoding\":\"base64\"}"),
            ROW("\"signedString\":\"{body}{body_time}\",\"verify\":{\"timestampInBody\":\"t\"}"),
            ROW("\"encoding\":\"raw\""),
            ROW("\"signedString\":\"{form}\",\"verify\":{\"bodyHash\":\"h\"}"),
    };
#undef ROW
    static const char *const never[] = {
            "{\"headers\":{\"X-A\":\"{signature}\"},\"encoding\":\"raw\"}",
            "{\"headers\":{\"X-A\":\"{signature}\"},\"signedString\":\"{form}\"}",
            "{\"headers\":{\"X-A\":\"{signature}\"},\"signedString\":\"{body}{body_time}\"}",
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
    } cases[] = {{"github", "x", true},
                 {"github", "", false},
                 {"standard", "whsec_!!", false},
                 {"discord", OTHER, true},
                 {"discord", "zz", false},
                 {"discord", "00", false},
                 {"sendgrid", OTHER_ECDSA, true},
                 {"sendgrid", OTHER_RSA, false},
                 {"sendgrid", "AAAA", false},
                 {"orum", rsa_public, true},
                 {"orum", rsa_public_pkcs1, true},
                 {"orum", OTHER_RSA, true},
                 {"orum", OTHER_ECDSA, false},
                 {"orum", "-----BEGIN PUBLIC KEY-----", false},
                 {"orum", "-----BEGIN PUBLIC KEY-----\n", false},
                 {"standard", "whsec_", false},
                 {"standard", "whsec_ MfKQ9r8GKYqrTwjU\n", false},
                 {"discord", "", false}};
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
            cmocka_unit_test(test_published),      cmocka_unit_test(test_accepted),
            cmocka_unit_test(test_without_secret), cmocka_unit_test(test_damaged),
            cmocka_unit_test(test_other_body),     cmocka_unit_test(test_twilio_json),
            cmocka_unit_test(test_stale),          cmocka_unit_test(test_header_name),
            cmocka_unit_test(test_only_incoming),  cmocka_unit_test(test_secrets),
            cmocka_unit_test(test_times),          cmocka_unit_test(test_digest),
            cmocka_unit_test(test_default_dedupe), cmocka_unit_test(test_many_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
