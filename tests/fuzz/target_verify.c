/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of received requests: headers that nobody signed are never valid; what we sign is, and no longer once a
 * bit of the body is another. Parts: a byte for the profile, the name of a header, its value, the body.
 */
#include "fuzz.h"
#include "signing/profile.h"

enum { PROFILES_MAX = 64, HEADERS_MAX = 8 };

static struct profile *profiles[PROFILES_MAX];
static struct buf secrets[PROFILES_MAX];

static void prepare(void)
{
    struct str path, why;
    struct arena *a = arena_new(4096);
    CHECK(profile_builtin_count <= PROFILES_MAX);
    for (size_t i = 0; i < profile_builtin_count; i++) {
        CHECK(profile_parse(a, str_c(profile_builtins[i].json), &profiles[i], &path, &why) == ERR_OK);
        secrets[i] = BUF_INIT(1024);
        profile_generate_secret(profiles[i], &secrets[i]);
    }
    arena_free(a);
}

static size_t split_headers(struct str text, struct profile_header *out)
{
    size_t count = 0;
    while (text.len > 0 && count < HEADERS_MAX) {
        struct str value = str_split(&text, '\0'), name = str_split(&value, ':');
        out[count++] = (struct profile_header){.name = name, .value = str_trim(value)};
    }
    return count;
}

static void check_own(const struct profile *p, const struct str *secret, struct str body)
{
    struct buf out = BUF_INIT(65536);
    struct profile_signers *s = profile_signers_new(p, secret, 1);
    struct profile_header headers[HEADERS_MAX];
    const char *why = NULL;
    CHECK(s != NULL);
    struct profile_attempt at = {.now_ms = FUZZ_NOW_MS,
                                 .message_id = STR("msg_1"),
                                 .event_uuid = STR("00000000-0000-7000-8000-000000000000"),
                                 .type = STR("a.b"),
                                 .number = 1,
                                 .url = STR("https://example.com/"),
                                 .body = {body}};
    CHECK(profile_headers(p, s, &at, &out) <= HEADERS_MAX);
    struct profile_request rq = {.headers = headers,
                                 .header_count = split_headers(buf_str(&out), headers),
                                 .body = body,
                                 .url = at.url,
                                 .now_ms = FUZZ_NOW_MS,
                                 .tolerance_s = 300};
    CHECK(profile_verify(p, secret, 1, &rq, &why) == ERR_OK);
    if (body.len > 0) {
        AUTO_FREE char *bent = fuzz_copy(body);
        bent[body.len / 2] = (char)(bent[body.len / 2] ^ 1);
        rq.body = str_of(bent, body.len);
        CHECK(profile_verify(p, secret, 1, &rq, &why) == ERR_UNAUTHORIZED && why != NULL);
    }
    profile_signers_free(s);
    buf_fini(&out);
}

static void run(struct str in)
{
    if (profiles[0] == NULL)
        prepare();
    size_t which = fuzz_byte(&in) % profile_builtin_count;
    const struct profile *p = profiles[which];
    struct str secret = buf_str(&secrets[which]), all[2] = {secret, STR_NULL};
    struct profile_header headers[4];
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        headers[i].name = fuzz_part(&in);
        headers[i].value = fuzz_part(&in);
    }
    all[1] = headers[3].value; /* a stranger's secret, next to ours */
    struct profile_request rq = {
            .headers = headers, .header_count = 3, .body = in, .url = STR("https://x/"), .now_ms = FUZZ_NOW_MS};
    const char *why = NULL;
    CHECK(profile_verify(p, all, 1, &rq, &why) == ERR_UNAUTHORIZED && why != NULL);
    (void)!profile_verify(p, all, 2, &rq, &why);
    (void)!profile_check_secret(p, all[1], &why);
    check_own(p, &secret, in);
}

static const struct str seeds[] = {
        STR("\0webhook-id\0msg_1\0webhook-timestamp\0001795000000\0webhook-signature\0v1,AAAA v1a,BBBB\0x\0whsec_"
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD\0{\"a\":1}"),
        STR("\1X-Myra-Signature\0sha256=00\0a\0b\0c\0d\0e\0f\0body"),
        STR("\2X-Signature\0t=1795000000,v1=00\0a\0b\0c\0d\0e\0f\0body"),
        STR("\3X-Hub-Signature-256\0sha256="
            "0000000000000000000000000000000000000000000000000000000000000000\0a\0b\0c\0d\0e\0f\0body"),
        STR("\4Stripe-Signature\0t=1795000000,v1=00,v0=11\0a\0b\0c\0d\0e\0f\0body"),
        STR("\5X-Slack-Signature\0v0=00\0X-Slack-Request-Timestamp\0001795000000\0c\0d\0e\0f\0body"),
        STR("\6X-Shopify-Hmac-Sha256\0AAAA\0a\0b\0c\0d\0e\0f\0body"),
};
static const char *const words[] = {"webhook-id",
                                    "webhook-timestamp",
                                    "webhook-signature",
                                    "v1,",
                                    "v1a,",
                                    "t=1795000000,v1=",
                                    "sha256=",
                                    "v0=",
                                    "whsec_",
                                    "whsk_",
                                    "whpk_",
                                    "1795000000",
                                    NULL};
const struct fuzz_target fuzz_verify = {
        .name = "verify", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 1024};
