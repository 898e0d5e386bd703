/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/letter.h"

static void reads_addresses(void **state)
{
    static const struct {
        const char *text, *name, *address; /* address NULL: refused */
    } rows[] = {
            {"ada@example.com", NULL, "ada@example.com"},
            {"  ada@example.com ", NULL, "ada@example.com"},
            {"<ada@example.com>", NULL, "ada@example.com"},
            {"Ada Lovelace <ada@example.com>", "Ada Lovelace", "ada@example.com"},
            {"\"Lovelace, \\\"A\\\"\" <a.d+a@x.example>", "Lovelace, \"A\"", "a.d+a@x.example"},
            {"Żaneta <z@example.com>", "Żaneta", "z@example.com"},
            {"a@localhost", NULL, "a@localhost"},
            {"", NULL, NULL},
            {"ada", NULL, NULL},
            {"@example.com", NULL, NULL},
            {"ada@", NULL, NULL},
            {"ada@example.com.", NULL, NULL},
            {"ada@-x.example", NULL, NULL},
            {"ada@exa mple.com", NULL, NULL},
            {"a..b@example.com", NULL, NULL},
            {".a@example.com", NULL, NULL},
            {"a@b@c.example", NULL, NULL},
            {"a@x.example, b@x.example", NULL, NULL},
            {"a@x.example> SIZE=1 <b@x.example", NULL, NULL},
            {"a@x.example\r\nRCPT TO:<b@x.example>", NULL, NULL},
            {"Ada\r\nBcc: b@x.example <a@x.example>", NULL, NULL},
            {"Ada\n <a@x.example>", NULL, NULL},
            {"a\x01@x.example", NULL, NULL},
            {"\"a b\"@x.example", NULL, NULL},
            {"ä@x.example", NULL, NULL},
            {"\xff <a@x.example>", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(1024);
        struct mail_address m = {.address = STR_NULL};
        enum err e = mail_address_parse(a, str_c(rows[i].text), &m);
        if (rows[i].address == NULL) {
            if (e != ERR_INVALID)
                fail_msg("%s was taken", rows[i].text);
        } else {
            assert_int_equal(e, ERR_OK);
            assert_true(str_eq(m.address, str_c(rows[i].address)));
            assert_true(str_eq(m.name, str_c(rows[i].name)));
        }
        arena_free(a);
    }
}

static struct letter plain(void)
{
    return (struct letter){.from = {STR("Hooks"), STR("hooks@example.com")},
                           .to = {STR_NULL, STR("ada@example.com")},
                           .subject = STR("Hello"),
                           .text = STR("Hi.\n"),
                           .message_id = STR("mail_1@example.com"),
                           .date_ms = 1795311587000};
}

static void writes_plain_text(void **state)
{
    struct letter l = plain();
    struct buf out = BUF_INIT(65536);
    (void)state;
    letter_write(&l, &out);
    buf_add_c(&out, '\0');
    assert_string_equal(out.ptr, "From: Hooks\r\n <hooks@example.com>\r\n"
                                 "To: <ada@example.com>\r\n"
                                 "Subject: Hello\r\n"
                                 "Date: Sun, 22 Nov 2026 01:39:47 +0000\r\n"
                                 "Message-ID: <mail_1@example.com>\r\n"
                                 "Auto-Submitted: auto-generated\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                                 "Hi.\r\n\r\n");
    buf_fini(&out);
}

static void expect(const struct letter *l, const char *part, bool there)
{
    struct buf out = BUF_INIT(1 << 20);
    letter_write(l, &out);
    if ((str_find_str(buf_str(&out), str_c(part)) < out.len) != there)
        fail_msg("%s %s in:\n" STR_FMT, part, there ? "is not" : "is", STR_ARG(buf_str(&out)));
    buf_fini(&out);
}

static void encodes_the_body(void **state)
{
    static const struct {
        const char *text, *encoded;
    } rows[] = {
            {"a=b", "\r\n\r\na=3Db\r\n"},
            {"\xc3\xa4", "\r\n\r\n=C3=A4\r\n"},
            {"a\r\nb\rc\nd", "\r\n\r\na\r\nb\r\nc\r\nd\r\n"},
            {"a \nb\t", "\r\n\r\na=20\r\nb=09\r\n"},
            {"a\tb c", "\r\n\r\na\tb c\r\n"},
            {".\n..", "\r\n\r\n=2E\r\n=2E.\r\n"},
            {"\x01", "\r\n\r\n=01\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct letter l = plain();
        l.text = str_c(rows[i].text);
        expect(&l, rows[i].encoded, true);
    }
}

/* Whatever the text and the headers: no line is longer than 78, none but CRLF ends one, all is ASCII. */
static void keeps_lines_short(void **state)
{
    char text[4096];
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        unsigned x = seed * 2654435761u;
        for (size_t i = 0; i < sizeof text; i++) {
            x = x * 1664525u + 1013904223u;
            static const char some[] = "abc =.F\t\xc3\xa4zz\n\r";
            text[i] = seed % 2 == 0 ? 'a' : some[(x >> 16) % (sizeof some - 1)];
        }
        struct letter l = plain();
        struct buf out = BUF_INIT(1 << 20);
        l.text = str_of(text, sizeof text - seed);
        l.html = l.text;
        l.subject = str_of(text, 100 + seed);
        l.to.name = str_of(text, 100);
        letter_write(&l, &out);
        size_t column = 0;
        for (size_t i = 0; i < out.len; i++) {
            unsigned char c = (unsigned char)out.ptr[i];
            assert_true(c < 0x7f && (c >= ' ' || c == '\t' || c == '\r' || c == '\n'));
            assert_true((c == '\r') == (i + 1 < out.len && out.ptr[i + 1] == '\n'));
            column = c == '\n' ? 0 : column + 1;
            assert_true(column <= 78 + 1); /* with its CR */
        }
        buf_fini(&out);
    }
}

static void encodes_headers(void **state)
{
    struct letter l = plain();
    (void)state;
    l.subject = STR("Gr\xc3\xbc\xc3\x9f"
                    "e");
    expect(&l, "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n", true);
    l.subject = STR("a\r\nBcc: eve@example.com\r\n\r\nbody");
    expect(&l, "\r\nBcc", false);
    expect(&l, "Subject: =?UTF-8?B?", true);
    l.subject = STR("=?UTF-8?B?SGk=?="); /* what looks encoded is no code */
    expect(&l, "Subject: =?UTF-8?B?PT9VVEYt", true);
    l.subject = STR("a\nX: y");
    expect(&l, "\nX: y", false);
    l.to.name = STR("Lovelace, Ada");
    expect(&l, "To: \"Lovelace, Ada\"\r\n <ada@example.com>", true);
    l.to.name = STR("a\" <eve@example.com>, \"b");
    expect(&l, "eve@example.com", false);
}

static void has_two_parts(void **state)
{
    struct letter l = plain();
    (void)state;
    l.html = STR("<p>Hi</p>");
    expect(&l,
           "Content-Type: multipart/alternative; boundary=\"=_mail_1\"\r\n\r\n--=_mail_1\r\nContent-Type: text/plain",
           true);
    expect(&l, "\r\n--=_mail_1\r\nContent-Type: text/html", true);
    expect(&l, "<p>Hi</p>\r\n\r\n--=_mail_1--\r\n", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(reads_addresses),  cmocka_unit_test(writes_plain_text),
            cmocka_unit_test(encodes_the_body), cmocka_unit_test(keeps_lines_short),
            cmocka_unit_test(encodes_headers),  cmocka_unit_test(has_two_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
