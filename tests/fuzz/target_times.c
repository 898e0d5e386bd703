/* SPDX-License-Identifier: Apache-2.0 */
/* Times, durations, Retry-After and the numbers of requests: what is read is in range and reads the same when written.
 */
#include "base/time.h"
#include "delivery/retry_after.h"
#include "fuzz.h"

#define YEAR_MS (366 * TIME_DAY_MS)

static void check_time(struct str s)
{
    int64_t ms = 0, again = 0;
    char text[TIME_TEXT_SIZE];
    if (time_parse(s, &ms) != ERR_OK)
        return;
    time_format(ms, text);
    CHECK(strlen(text) == TIME_TEXT_SIZE - 1);
    CHECK(time_parse(str_c(text), &again) == ERR_OK);
    /* An offset may lead out of the years that can be written. */
    if (ms >= -INT64_C(62167219200000) && ms <= INT64_C(253402300799999))
        CHECK(again == ms);
}

static void check_numbers(struct str s)
{
    uint64_t u;
    int64_t i, j;
    struct buf out = BUF_INIT(32);
    if (str_to_i64(s, &i) == ERR_OK) {
        buf_add_i64(&out, i);
        CHECK(str_to_i64(buf_str(&out), &j) == ERR_OK && i == j);
    }
    if (str_to_u64(s, &u) == ERR_OK && u <= INT64_MAX)
        CHECK(str_to_i64(s, &i) == ERR_OK && (uint64_t)i == u);
    buf_fini(&out);
}

static void run(struct str in)
{
    AUTO_FREE char *copy = fuzz_copy(in);
    struct str s = str_of(copy, in.len);
    int64_t ms = 0;
    check_time(s);
    check_numbers(s);
    if (time_parse_duration(s, &ms) == ERR_OK)
        CHECK(ms >= 0 && ms <= 100 * YEAR_MS);
    ms = retry_after_parse(s, FUZZ_NOW_MS);
    CHECK(ms >= -1 && ms <= YEAR_MS);
    (void)str_is_utf8(s);
}

static const struct str seeds[] = {
        STR("2026-11-21T09:30:00.123Z"),
        STR("2026-11-21 09:30:60+02:00"),
        STR("0000-01-01t00:00:00z"),
        STR("9999-12-31T23:59:59.999999999-23:59"),
        STR("2024-02-29T00:00:00 UTC"),
        STR("1.5h"),
        STR("36525d"),
        STR("0"),
        STR("120"),
        STR("Fri, 31 Dec 2027 23:59:59 GMT"),
        STR("Friday, 31-Dec-27 23:59:59 GMT"),
        STR("Fri Dec 31 23:59:59 2027"),
        STR("-9223372036854775808"),
        STR("18446744073709551615"),
};
static const char *const words[] = {"T", "Z", "+00:00", " UTC", "ms", "GMT", "Feb", "29", ".999", "9999", NULL};
const struct fuzz_target fuzz_times = {
        .name = "times", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 64};
