/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "console/console.h"

static void pages_are_told_from_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool page;
    } rows[] = {
            {"/", true},
            {"/login", true},
            {"/link", true},
            {"/app/acme/webhooks", true},
            {"/portal", true},
            {"/portal/webhooks/new", true},
            {"/settings", true},
            {"/system", true},
            {"/application", false},
            {"/portals", false},
            {"/login.html", false},
            {"", false},
            {"//", false},
            {"/api/v1/app", false},
            {"/docs", false},
            {"/health", false},
            {"/v1/webhooks/in/x", false},
            {"/assets/app.js", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(console_is_page(str_c(rows[i].path)), rows[i].page);
}

static void entity_tags_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        bool fits;
    } rows[] = {
            {"\"a\"", true}, {"W/\"a\"", true},       {"\"b\", \"a\"", true}, {" \"b\" ,W/\"a\" ", true}, {"*", true},
            {"", false},     {"\"b\", \"c\"", false}, {"a", false},           {"\"A\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(console_etag_fits(str_c(rows[i].list), STR("\"a\"")), rows[i].fits);
}

static void gzip_is_taken_unless_refused(void **state)
{
    (void)state;
    static const struct {
        const char *accepted; /* NULL: no header */
        bool takes;
    } rows[] = {
            {NULL, true},
            {"gzip", true},
            {"br, GZIP;q=0.5", true},
            {"deflate, gzip ; q=1.0, *;q=0", true},
            {"*", true},
            {"*;q=0.1", true},
            {"", false},
            {"br", false},
            {"gzip;q=0", false},
            {"gzip; q=0.000, *", false},
            {"identity, *;q=0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str accepted = rows[i].accepted != NULL ? str_c(rows[i].accepted) : STR_NULL;
        assert_int_equal(console_takes_gzip(accepted), rows[i].takes);
    }
}

static void assets_are_what_the_document_names(void **state)
{
    (void)state;
    if (console_asset_count == 0)
        skip(); /* built without the console */
    size_t documents = 0;
    for (size_t i = 0; i < console_asset_count; i++) {
        const struct console_asset *a = &console_assets[i];
        bool document = str_eq(a->path, STR("/"));
        documents += document;
        assert_true(document || str_starts(a->path, STR("/assets/")));
        assert_true(a->gzip != document);
        assert_true(a->body.len > 0 && a->type.len > 0);
        assert_true(a->etag.len > 2 && a->etag.ptr[0] == '"' && a->etag.ptr[a->etag.len - 1] == '"');
    }
    assert_int_equal(documents, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(pages_are_told_from_the_rest),
            cmocka_unit_test(entity_tags_are_compared),
            cmocka_unit_test(gzip_is_taken_unless_refused),
            cmocka_unit_test(assets_are_what_the_document_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
