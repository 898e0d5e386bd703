/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of profiles as customers write them: one that is accepted makes secrets that it accepts itself, and an envelope
 * that is JSON with any facts; its signatures can be made.
 */
#include "fuzz.h"
#include "signing/profile.h"
#include "json/scan.h"

static void check_envelope(const struct profile *p)
{
    struct buf head = BUF_INIT(1 << 20), tail = BUF_INIT(1 << 20);
    struct profile_facts facts = {.event_uuid = STR("00000000-0000-7000-8000-000000000000"),
                                  .message_id = STR("msg_\"\\"),
                                  .type = STR("a.\xc3\xa9\n"),
                                  .occurred_ms = FUZZ_NOW_MS,
                                  .workspace = STR("{\"id\":\"app_1\"}")};
    profile_render(p, &facts, &head, &tail);
    if (profile_is_raw(p)) {
        CHECK(head.len == 0 && tail.len == 0);
    } else {
        buf_add_str(&head, STR("{\"n\":1}"));
        buf_add_str(&head, buf_str(&tail));
        CHECK(!head.overflow && fuzz_is_json(buf_str(&head)));
    }
    buf_fini(&head);
    buf_fini(&tail);
}

static void check_secret(const struct profile *p)
{
    struct buf secret = BUF_INIT(4096), public = BUF_INIT(4096), out = BUF_INIT(1 << 18);
    const char *why = NULL;
    profile_generate_secret(p, &secret);
    CHECK(profile_check_secret(p, buf_str(&secret), &why) == ERR_OK);
    CHECK(profile_public_secret(p, buf_str(&secret), &public) == ERR_OK);
    struct str all[] = {buf_str(&secret)};
    struct profile_signers *s = profile_signers_new(p, all, 1);
    CHECK(s != NULL);
    struct profile_attempt at = {.now_ms = FUZZ_NOW_MS,
                                 .message_id = STR("msg_1"),
                                 .event_uuid = STR("u"),
                                 .type = STR("a.b"),
                                 .number = 7,
                                 .url = STR("https://example.com/"),
                                 .body = {STR("{"), STR("}"), STR("")}};
    size_t count = profile_headers(p, s, &at, &out), seen = 0;
    struct str rest = buf_str(&out);
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\0');
        CHECK(str_find(line, ':') > 0 && str_find(line, ':') < line.len);
        CHECK(str_find(line, '\n') == line.len && str_find(line, '\r') == line.len);
        seen++;
    }
    CHECK(out.overflow || seen == count);
    profile_signers_free(s);
    buf_fini(&secret);
    buf_fini(&public);
    buf_fini(&out);
}

static void run(struct str in)
{
    AUTO_FREE char *copy = fuzz_copy(in);
    struct arena *a = arena_new(4096);
    struct profile *p = NULL;
    struct str path = STR_NULL, why = STR_NULL;
    enum err e = profile_parse(a, str_of(copy, in.len), &p, &path, &why);
    if (e == ERR_OK) {
        size_t count;
        (void)profile_retry_schedule(p, &count);
        CHECK(count <= PROFILE_RETRIES_MAX);
        CHECK(profile_timeout_ms(p) >= 1 && profile_timeout_ms(p) <= 60000);
        check_envelope(p);
        check_secret(p);
        profile_free(p);
    } else {
        CHECK(e == ERR_INVALID && why.len > 0);
    }
    arena_free(a);
}

static const struct str seeds[] = {
        STR("{\"name\":\"a\",\"headers\":{\"X-Sig\":\"sha256={signature}\"},\"encoding\":\"hex\"}"),
        STR("{\"name\":\"b\",\"body\":{\"type\":\"envelope\",\"template\":\"{\\\"id\\\":{event_uuid},\\\"t\\\":{type},"
            "\\\"at\\\":{occurred_at},\\\"who\\\":{actor},\\\"w\\\":{workspace},\\\"data\\\":{data}}\"},\"headers\":{"
            "\"X-Sig\":\"t={timestamp},v1={signature}\"},\"signedString\":\"{timestamp}.{body}\"}"),
        STR("{\"name\":\"c\",\"headers\":{\"webhook-signature\":\"{signature}\",\"webhook-id\":\"{message_id}\","
            "\"webhook-timestamp\":\"{timestamp}\"},\"signedString\":\"{message_id}.{timestamp}.{body}\",\"encoding\":"
            "\"base64\",\"signatureFormat\":\"v1,{signature}\",\"signatureSeparator\":\" \",\"secret\":{\"prefix\":"
            "\"whsec_\",\"keyDecoding\":\"base64\",\"minBytes\":24,\"maxBytes\":64,\"generate\":{\"bytes\":24,"
            "\"encoding\":\"base64\"}},\"retrySchedule\":[5,300.5],\"timeoutMs\":15000,\"disableOn410\":true}"),
        STR("{\"name\":\"d\",\"algorithm\":\"ed25519\",\"headers\":{\"S\":\"{signature}\"},\"secret\":{\"prefix\":\"k_"
            "\","
            "\"publicPrefix\":\"p_\",\"keyDecoding\":\"hex\"},\"keys\":[{\"prefix\":\"h_\",\"algorithm\":\"hmac-"
            "sha512\"}],"
            "\"newSecret\":\"h_\",\"eventTypes\":[{\"name\":\"a.b\",\"description\":\"x\",\"example\":{}}]}"),
};
static const char *const words[] = {"{signature}",
                                    "{timestamp}",
                                    "{timestamp_ms}",
                                    "{message_id}",
                                    "{event_uuid}",
                                    "{type}",
                                    "{attempt}",
                                    "{body}",
                                    "{data}",
                                    "{actor}",
                                    "{workspace}",
                                    "{occurred_at}",
                                    "{method}",
                                    "{url}",
                                    "\"headers\":",
                                    "\"signedString\":",
                                    "\"prefixInKey\":true",
                                    "\"minBytes\":",
                                    "\"maxBytes\":",
                                    "\"generate\":",
                                    "\"alphanumeric\"",
                                    "\"hmac-sha1\"",
                                    "\"keyDecoding\":\"raw\"",
                                    NULL};
const struct fuzz_target fuzz_profile = {
        .name = "profile", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 2048};
