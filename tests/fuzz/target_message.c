/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of POST …/msg and the Postrider-Actor header, a zero byte between: what is accepted has a payload that is a
 * slice of the body, and answers as JSON; what is not says why, as JSON too.
 */
#include "api/message_in.h"
#include "base/time.h"
#include "fuzz.h"

static void check_out(const struct message *m)
{
    static const struct hash_key key = {3, 4};
    struct buf out = BUF_INIT(1 << 20);
    message_out(m, key, true, &out);
    CHECK(!out.overflow && fuzz_is_json(buf_str(&out)));
    buf_clear(&out);
    message_out(m, key, false, &out);
    CHECK(fuzz_is_json(buf_str(&out)));
    buf_fini(&out);
}

static void run(struct str in)
{
    struct str part = fuzz_part(&in);
    AUTO_FREE char *copy = fuzz_copy(part);
    struct str body = str_of(copy, part.len);
    struct arena *a = arena_new(4096);
    struct message_in m = {.params = STR_NULL};
    struct problems problems = PROBLEMS_INIT;
    struct json_error error = {.what = NULL};
    enum err e =
            message_in_parse(a, body, in.len > 0 ? in : STR_NULL, FUZZ_NOW_MS, 90 * TIME_DAY_MS, &m, &problems, &error);
    if (e == ERR_OK) {
        m.message.id = oid_at_ms(FUZZ_NOW_MS) + 1;
        CHECK(problems.count == 0 && m.message.event_type.len > 0 && m.message.expires_ms > FUZZ_NOW_MS);
        CHECK(m.message.content_type.ptr != NULL || fuzz_is_json(m.message.payload));
        CHECK(m.params.ptr == NULL || fuzz_is_json(m.params));
        CHECK(m.message.actor.ptr == NULL || fuzz_is_json(m.message.actor));
        CHECK(m.message.deliver_at_ms == 0 || m.message.deliver_at_ms < m.message.expires_ms);
        check_out(&m.message);
    } else if (e == ERR_INVALID) {
        struct buf list = BUF_INIT(1 << 17);
        buf_addf(&list, "[" STR_FMT "]", STR_ARG(buf_str(&problems.json)));
        CHECK(problems.count > 0 && fuzz_is_json(buf_str(&list)));
        buf_fini(&list);
    } else {
        CHECK(e == ERR_SYNTAX && error.what != NULL && error.offset <= body.len);
    }
    problems_fini(&problems);
    arena_free(a);
}

#define START "{\"eventType\":\"a.b\",\"payload\":{\"x\":1.10},"

static const struct str seeds[] = {
        STR("{\"eventType\":\"a.b\",\"payload\":{\"x\":1.10}}\0{\"type\":\"user\"}"),
        STR(START "\"eventId\":\"e-1\",\"channels\":[\"a:b\",\"c+d\"],\"tags\":[\"a/"
                  "b#c\\\\d\"],\"payloadRetentionPeriod\":90}"),
        STR(START "\"deliverAt\":\"2026-11-20 00:00:00 UTC\",\"occurredAt\":\"2026-11-19T00:00:00+02:00\"}"),
        STR(START
            "\"payloadRetentionHours\":2160,\"actor\":{\"id\":1},\"application\":{\"name\":\"x\",\"uid\":\"y\"}}"),
        STR(START "\"transformationsParams\":{\"rawPayload\":\"x\\n\",\"headers\":{\"Content-Type\":\"text/"
                  "plain\"},\"z\":1}}"),
        STR("{\"event\\u0054ype\":\"a\\u002eb\",\"payload\":{},\"payload\":{}}\0me"),
        STR("{\"eventType\":\"a b\",\"payload\":[],\"channels\":[1],\"tags\":{},\"deliverAt\":5}"),
};
static const char *const words[] = {"\"eventType\":",
                                    "\"payload\":{",
                                    "\"eventId\":",
                                    "\"channels\":[",
                                    "\"tags\":[",
                                    "\"deliverAt\":\"",
                                    "\"occurredAt\":\"",
                                    "\"actor\":{",
                                    "\"application\":{",
                                    "\"transformationsParams\":{",
                                    "\"rawPayload\":\"",
                                    "\"headers\":{",
                                    "\"Content-Type\":\"",
                                    "\"payloadRetentionPeriod\":",
                                    "\"payloadRetentionHours\":",
                                    NULL};
const struct fuzz_target fuzz_message = {
        .name = "message", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 2048};
