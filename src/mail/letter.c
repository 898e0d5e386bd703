/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/letter.h"

#include <time.h>

#include "crypto/crypto.h"

#define WORD_BYTES 39 /* of text in an encoded word: 64 characters, which fit behind "Subject: " */
#define LINE_MAX   76 /* characters of a line of the body, the '=' of a soft break among them */
#define PLAIN_MAX  64 /* bytes of a header's value that is left as it is */

/* ---- headers ----------------------------------------------------------------------------------------------------- */

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* Whether every character may stand in a header as it is. */
static bool is_plain(struct str s, const char *special)
{
    for (size_t i = 0; i < s.len; i++)
        if (is_control(s.ptr[i]) || (unsigned char)s.ptr[i] > '~' || strchr(special, s.ptr[i]) != NULL)
            return false;
    return s.len <= PLAIN_MAX && str_find_str(s, STR("=?")) == s.len;
}

static size_t word_len(struct str s)
{
    size_t n = s.len < WORD_BYTES ? s.len : WORD_BYTES;
    while (n < s.len && n > 1 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* RFC 2047: base64 words, none of which ends inside a character. Control characters become blanks. */
static void add_words(struct str s, struct buf *out)
{
    for (bool first = true; s.len > 0; first = false) {
        char word[WORD_BYTES];
        size_t n = word_len(s);
        for (size_t i = 0; i < n; i++)
            word[i] = is_control(s.ptr[i]) ? ' ' : s.ptr[i];
        buf_add_str(out, first ? STR("=?UTF-8?B?") : STR("\r\n =?UTF-8?B?"));
        crypto_base64(str_of(word, n), out);
        buf_add_str(out, STR("?="));
        s = str_skip(s, n);
    }
}

static void add_mailbox(const char *header, const struct mail_address *m, struct buf *out)
{
    buf_addf(out, "%s: ", header);
    if (m->name.len > 0) {
        if (is_plain(m->name, "\"\\()<>[]:;@,."))
            buf_add_str(out, m->name);
        else if (is_plain(m->name, "\"\\"))
            buf_addf(out, "\"" STR_FMT "\"", STR_ARG(m->name));
        else
            add_words(m->name, out);
        buf_add_str(out, STR("\r\n "));
    }
    buf_addf(out, "<" STR_FMT ">\r\n", STR_ARG(m->address));
}

static void add_date(int64_t ms, struct buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = {.tm_mday = 1};
    time_t s = (time_t)(ms / 1000);
    (void)gmtime_r(&s, &tm);
    buf_addf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- the body ---------------------------------------------------------------------------------------------------- */

static bool ends_line(struct str s, size_t i)
{
    return i == s.len || s.ptr[i] == '\n' || s.ptr[i] == '\r';
}

/* RFC 2045, 6.7. A dot at the start of a line is encoded too. */
static void add_quoted(struct str s, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t column = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (ends_line(s, i)) {
            if (c == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n')
                i++;
            buf_add_str(out, STR("\r\n"));
            column = 0;
            continue;
        }
        bool blank = c == ' ' || c == '\t';
        if (column >= LINE_MAX - 4 && !(column == LINE_MAX - 4 && ends_line(s, i + 1))) {
            buf_add_str(out, STR("=\r\n"));
            column = 0;
        }
        if ((c >= ' ' && c <= '~' && c != '=' && !(blank && ends_line(s, i + 1)) && !(column == 0 && c == '.')) ||
            (c == '\t' && !ends_line(s, i + 1))) {
            buf_add_c(out, (char)c);
            column++;
        } else {
            const char code[3] = {'=', hex[c >> 4], hex[c & 15]};
            buf_add(out, code, sizeof code);
            column += sizeof code;
        }
    }
    buf_add_str(out, STR("\r\n"));
}

static void add_part(const char *type, struct str body, struct buf *out)
{
    buf_addf(out, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", type);
    add_quoted(body, out);
}

void letter_write(const struct letter *l, struct buf *out)
{
    struct str id = str_take(l->message_id, str_find(l->message_id, '@'));
    add_mailbox("From", &l->from, out);
    add_mailbox("To", &l->to, out);
    buf_add_str(out, STR("Subject: "));
    if (is_plain(l->subject, ""))
        buf_add_str(out, l->subject);
    else
        add_words(l->subject, out);
    buf_add_str(out, STR("\r\n"));
    add_date(l->date_ms, out);
    buf_addf(out, "Message-ID: <" STR_FMT ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
             STR_ARG(l->message_id));
    if (l->html.ptr == NULL || l->text.len == 0) { /* an empty part would be what a reader of text sees */
        bool html = l->html.ptr != NULL;
        add_part(html ? "text/html" : "text/plain", html ? l->html : l->text, out);
        return;
    }
    /* "=_" never stands in what is quoted-printable. */
    buf_addf(out, "Content-Type: multipart/alternative; boundary=\"=_" STR_FMT "\"\r\n", STR_ARG(id));
    buf_addf(out, "\r\n--=_" STR_FMT "\r\n", STR_ARG(id));
    add_part("text/plain", l->text, out);
    buf_addf(out, "\r\n--=_" STR_FMT "\r\n", STR_ARG(id));
    add_part("text/html", l->html, out);
    buf_addf(out, "\r\n--=_" STR_FMT "--\r\n", STR_ARG(id));
}
