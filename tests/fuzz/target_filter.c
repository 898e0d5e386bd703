/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A content filter and a payload, a zero byte between: $not is the opposite, and $and and $or of one are that one.
 * Payloads are small enough that every filter is decided.
 */
#include "filter/filter.h"
#include "fuzz.h"
#include "json/pointer.h"

static const struct filter *compile(struct arena *a, const char *before, struct str text, const char *behind)
{
    struct str doc = arena_printf(a, "%s" STR_FMT "%s", before, STR_ARG(text), behind);
    struct json *from;
    const struct filter *f = NULL;
    struct filter_fault fault = {.why = NULL};
    CHECK(json_parse(a, doc, &from, NULL) == ERR_OK);
    enum err e = filter_compile(a, from, &f, &fault);
    if (e != ERR_OK) {
        CHECK(e == ERR_INVALID && fault.why != NULL);
        CHECK(json_pointer_follow(a, from, fault.at) != NULL);
    }
    return e == ERR_OK ? f : NULL;
}

static void run(struct str in)
{
    struct str text = fuzz_part(&in);
    struct arena *a = arena_new(8192);
    struct json *payload, *ignored;
    if (json_parse(a, text, &ignored, NULL) == ERR_OK && json_parse(a, in, &payload, NULL) == ERR_OK) {
        const struct filter *f = compile(a, "", text, ""), *not = compile(a, "{\"$not\":", text, "}"),
                            *and = compile(a, "{\"$and\":[", text, "]}"), * or = compile(a, "{\"$or\":[", text, "]}");
        /* Wrapped it may be too deep or too long. */
        if (f != NULL) {
            bool fits = filter_matches(f, payload);
            CHECK(filter_matches(f, payload) == fits);
            CHECK(not == NULL || filter_matches(not, payload) != fits);
            CHECK(and == NULL || filter_matches(and, payload) == fits);
            CHECK(or == NULL || filter_matches(or, payload) == fits);
        }
    }
    arena_free(a);
}

#define PAYLOAD "{\"a\":{\"b\":[1,2,{\"c\":\"xyz\"}]},\"n\":1.0,\"s\":\"text\",\"t\":null,\"$x\":true}"

static const struct str seeds[] = {
        STR("{\"a.b\":1,\"n\":1}\0" PAYLOAD),
        STR("{\"a.b.c\":{\"$startsWith\":\"x\",\"$ne\":\"y\"}}\0" PAYLOAD),
        STR("{\"n\":{\"$gt\":0,\"$lte\":1e0},\"s\":{\"$in\":[\"text\",\"x\"],\"$nin\":[1]}}\0" PAYLOAD),
        STR("{\"$or\":[{\"a.b.0\":1},{\"$and\":[{\"s\":{\"$contains\":\"ex\"}},{\"z\":{\"$exists\":false}}]}]}"
            "\0" PAYLOAD),
        STR("{\"$not\":{\"t\":null,\"\\\\$x\":true},\"a\\\\.b\":{\"$eq\":{}}}\0" PAYLOAD),
        STR("{\"\":{\"$lt\":\"b\"},\"a\":{\"$gte\":\"A\"}}\0{\"\":\"a\",\"a\":[\"B\",[\"C\"]]}"),
};
static const char *const words[] = {
        "\"$eq\":",   "\"$ne\":",   "\"$gt\":",         "\"$gte\":",      "\"$lt\":",       "\"$lte\":",
        "\"$in\":[",  "\"$nin\":[", "\"$startsWith\":", "\"$endsWith\":", "\"$contains\":", "\"$exists\":true",
        "\"$and\":[", "\"$or\":[",  "\"$not\":{",       "a.b.0",          "\\\\.",          NULL};
const struct fuzz_target fuzz_filter = {
        .name = "filter", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 1024};
