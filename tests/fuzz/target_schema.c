/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON Schema and a value, a zero byte between. The verdict is the same each time, with or without annotations around
 * the schema, and the places that faults name are there. Time is bounded by the limits of schema.h, whatever the
 * pattern.
 */
#include "fuzz.h"
#include "schema/schema.h"
#include "json/pointer.h"

static void run(struct str in)
{
    struct str text = fuzz_part(&in);
    struct arena *a = arena_new(8192);
    struct json *from, *value;
    const struct schema *s = NULL;
    struct schema_fault fault = {.why = NULL}, again = {.why = NULL};
    if (json_parse(a, text, &from, NULL) == ERR_OK && json_parse(a, in, &value, NULL) == ERR_OK) {
        enum err e = schema_compile(a, from, &s, &fault);
        CHECK(e == ERR_OK || (e == ERR_INVALID && fault.why != NULL));
        if (e == ERR_OK) {
            enum err fits = schema_check(s, a, value, &fault);
            CHECK(schema_check(s, a, value, &again) == fits);
            CHECK(fits == ERR_OK || (fault.why != NULL && str_eq(fault.at, again.at)));
        }
    }
    arena_free(a);
}

static const struct str seeds[] = {
        STR("{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"],"
            "\"minimum\":0,"
            "\"exclusiveMaximum\":10,\"multipleOf\":0.5}},\"additionalProperties\":false}\0{\"a\":3.5}"),
        STR("{\"$defs\":{\"n\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
            "n\"}}]}},"
            "\"$ref\":\"#/$defs/n\"}\0[[\"x\"],[[\"y\"]]]"),
        STR("{\"$schema\":\"http://json-schema.org/draft-07/"
            "schema#\",\"items\":[{\"const\":1},true],\"additionalItems\":{"
            "\"enum\":[2,\"x\",{}]},\"uniqueItems\":true,\"contains\":{\"type\":\"object\"}}\0[1.0,2,{}]"),
        STR("{\"patternProperties\":{\"^a+$\":{\"minLength\":2,\"pattern\":\"^(a|b)*c\"}},\"propertyNames\":{"
            "\"maxLength\":3},"
            "\"dependentRequired\":{\"a\":[\"b\"]}}\0{\"a\":\"abc\",\"b\":1}"),
        STR("{\"if\":{\"type\":\"number\"},\"then\":{\"not\":{\"const\":0}},\"else\":{\"oneOf\":[{\"minItems\":1},{"
            "\"maxItems\":"
            "0}]},\"allOf\":[{\"$anchor\":\"x\"},{\"$ref\":\"#x\"}]}\0[]"),
        STR("{\"prefixItems\":[{}],\"items\":false,\"minContains\":0,\"contains\":{\"pattern\":\"\\\\p{L}\"}}\0["
            "\"\xc3\xa9\"]"),
        STR("true\0null"),
};
static const char *const words[] = {"\"$ref\":\"#\"",
                                    "\"type\":",
                                    "\"properties\":{",
                                    "\"patternProperties\":{",
                                    "\"pattern\":\"",
                                    "(a+)+$",
                                    "\"items\":",
                                    "\"anyOf\":[",
                                    "\"oneOf\":[",
                                    "\"allOf\":[",
                                    "\"not\":",
                                    "\"if\":",
                                    "\"enum\":[",
                                    "\"const\":",
                                    "\"multipleOf\":",
                                    "\"minimum\":",
                                    "\"$defs\":{",
                                    "\"dependentSchemas\":{",
                                    "\"uniqueItems\":true",
                                    "\"$id\":",
                                    "\"$anchor\":",
                                    "\"required\":[",
                                    "\"contains\":",
                                    "\"propertyNames\":",
                                    NULL};
const struct fuzz_target fuzz_schema = {
        .name = "schema", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 1024};
