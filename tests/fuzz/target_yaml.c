/* SPDX-License-Identifier: Apache-2.0 */
/* YAML of an OpenAPI import: whatever is accepted has become JSON, within its bound. */
#include "fuzz.h"
#include "json/scan.h"
#include "json/yaml.h"

#define OUT_MAX ((size_t)1 << 16)

static void run(struct str in)
{
    AUTO_FREE char *copy = fuzz_copy(in);
    struct buf out = BUF_INIT(OUT_MAX);
    struct yaml_error error = {.why = NULL};
    enum err e = yaml_to_json(str_of(copy, in.len), &out, &error);
    CHECK(out.len <= OUT_MAX);
    if (e == ERR_OK) {
        CHECK(!out.overflow);
        /* YAML may nest deeper than our JSON. */
        CHECK(fuzz_is_json(buf_str(&out)) || out.len > JSON_DEPTH_MAX);
    } else {
        CHECK(e == ERR_SYNTAX && error.why != NULL && error.line >= 1 && error.column >= 1);
    }
    buf_fini(&out);
}

static const struct str seeds[] = {
        STR("openapi: 3.1.0\ninfo:\n  title: x\n  version: \"1\"\nwebhooks:\n  user.created:\n    post:\n      "
            "requestBody: {}\n"),
        STR("- 1\n- 0x1F\n- 0o17\n- 1_000\n- .inf\n- ~\n- yes\n- 'it''s'\n- \"\\u263a\\x41\"\n- 2001-12-14\n"),
        STR("a: &x {b: [1, 2]}\nc: *x\nd:\n  <<: *x\n"),
        STR("a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\ne: [*d,*d]\n"),
        STR("--- |\n  literal\n  text\n..."),
        STR("--- >-\n folded\n text\n"),
        STR("? complex\n: value\n!!str 1: !!int \"2\"\n"),
        STR("{a: 1, b: [x, {y: z}], \"q\": null}"),
        STR("a: &a\n  b: *a\n"),
        STR("%YAML 1.1\n---\nx: 1e3\n---\ny: 2\n"),
};
static const char *const words[] = {"&a ", "*a",   "<<: ", "!!str ", "!!int ",  "---\n",        "...\n",
                                    "|\n", ">-\n", "? ",   "- ",     ": ",      ".inf",         ".nan",
                                    "0o7", "0x1f", "~",    "\\x00",  "\\ud800", "\xef\xbb\xbf", NULL};
const struct fuzz_target fuzz_yaml = {
        .name = "yaml", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 2048};
