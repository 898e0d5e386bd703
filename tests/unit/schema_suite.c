/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the cases of the official JSON-Schema-Test-Suite: schema_suite FILE… A file is a list of groups
 * {"description", "schema", "tests": [{"description", "data", "valid"}]}. The sdist of PyPI's jsonschema 4.17.3 has
 * them in json/tests/draft2020-12 and json/tests/draft7. Groups whose schema is refused as not supported are counted
 * apart.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "schema/schema.h"

struct counts {
    int right, wrong, refused;
};

static void run_group(const char *file, const struct json *group, struct counts *n)
{
    struct arena *a = arena_new(65536);
    struct schema_fault fault;
    const struct schema *s;
    struct str name = STR(""), test = STR("");
    bool valid;
    json_as_str(json_get(group, STR("description")), &name);
    if (schema_compile(a, json_get(group, STR("schema")), &s, &fault) != ERR_OK) {
        printf("refused %s: " STR_FMT ": " STR_FMT " %s\n", file, STR_ARG(name), STR_ARG(fault.at), fault.why);
        n->refused++;
        arena_free(a);
        return;
    }
    for (const struct json *t = json_get(group, STR("tests"))->child; t != NULL; t = t->next) {
        json_as_str(json_get(t, STR("description")), &test);
        json_as_bool(json_get(t, STR("valid")), &valid);
        if ((schema_check(s, a, json_get(t, STR("data")), &fault) == ERR_OK) == valid) {
            n->right++;
            continue;
        }
        printf("WRONG %s: " STR_FMT ": " STR_FMT " (%s)\n", file, STR_ARG(name), STR_ARG(test), valid ? fault.why : "");
        n->wrong++;
    }
    arena_free(a);
}

static bool read_file(const char *path, struct buf *out)
{
    char chunk[65536];
    size_t got;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(out, chunk, got);
    fclose(f);
    return !out->overflow;
}

int main(int argc, char **argv)
{
    struct counts n = {0};
    for (int i = 1; i < argc; i++) {
        struct arena *a = arena_new(65536);
        struct buf text = BUF_INIT(16 << 20);
        struct json *groups;
        if (!read_file(argv[i], &text) || json_parse(a, buf_str(&text), &groups, NULL) != ERR_OK) {
            printf("cannot be read: %s\n", argv[i]);
            n.wrong++;
        } else {
            for (const struct json *g = groups->child; g != NULL; g = g->next)
                run_group(argv[i], g, &n);
        }
        buf_fini(&text);
        arena_free(a);
    }
    printf("%d right, %d wrong, %d schemas refused\n", n.right, n.wrong, n.refused);
    return n.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
