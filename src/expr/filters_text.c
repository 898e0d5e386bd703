/* SPDX-License-Identifier: Apache-2.0 */
/* Filters over text. Characters are Unicode's, not bytes. */
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "crypto/crypto.h"
#include "expr/expr_impl.h"
#include "json/utf8.h"

/* ---- letters ---- */

static locale_t letters;
static pthread_once_t letters_once = PTHREAD_ONCE_INIT;

static void open_letters(void)
{
    letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); /* comes with the C library */
}

/* One character of valid UTF-8 from *s on; anything else is one byte as it is. */
static uint32_t take_char(struct str *s)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n;
    uint32_t c = (unsigned char)s->ptr[0];
    if (!utf8_step(s->ptr, s->len, &n)) {
        *s = str_skip(*s, 1);
        return 0xfffd;
    }
    c &= masks[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)s->ptr[i] & 0x3f);
    *s = str_skip(*s, n);
    return c;
}

static void add_char(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_c(out, (char)c);
        return;
    }
    if (c < 0x800) {
        buf_add_c(out, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_add_c(out, (char)(0xe0 | c >> 12));
        } else {
            buf_add_c(out, (char)(0xf0 | c >> 18));
            buf_add_c(out, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        buf_add_c(out, (char)(0x80 | (c >> 6 & 0x3f)));
    }
    buf_add_c(out, (char)(0x80 | (c & 0x3f)));
}

enum letter_case { TO_LOWER, TO_UPPER, FIRST_UPPER };

static const struct json *change_case(struct filter_call *c, enum letter_case how)
{
    struct str s;
    struct buf out = BUF_INIT(EXPR_BYTES);
    pthread_once(&letters_once, open_letters);
    if (!value_text(c->env, c->in, &s) || !spend_steps(c->env, s.len / 64))
        return NULL;
    for (bool first = true; s.len > 0; first = false) {
        uint32_t ch = take_char(&s);
        if (letters != (locale_t)0 && (how == TO_LOWER))
            ch = (uint32_t)towlower_l((wint_t)ch, letters);
        else if (letters != (locale_t)0 && (how == TO_UPPER || first))
            ch = (uint32_t)towupper_l((wint_t)ch, letters);
        add_char(&out, ch);
    }
    return filter_result(c, &out);
}

static const struct json *do_lower(struct filter_call *c)
{
    return change_case(c, TO_LOWER);
}

static const struct json *do_upper(struct filter_call *c)
{
    return change_case(c, TO_UPPER);
}

static const struct json *do_capitalize(struct filter_call *c)
{
    return change_case(c, FIRST_UPPER);
}

/* ---- pieces ---- */

static const struct json *do_trim(struct filter_call *c)
{
    struct str s;
    return value_text(c->env, c->in, &s) ? value_string(c->env, str_trim(s)) : NULL;
}

static const struct json *glue(struct filter_call *c, bool behind)
{
    struct str s, more;
    struct buf out = BUF_INIT(EXPR_BYTES);
    if (!value_text(c->env, c->in, &s) || !value_text(c->env, c->args[0], &more))
        return NULL;
    buf_add_str(&out, behind ? s : more);
    buf_add_str(&out, behind ? more : s);
    return filter_result(c, &out);
}

static const struct json *do_append(struct filter_call *c)
{
    return glue(c, true);
}

static const struct json *do_prepend(struct filter_call *c)
{
    return glue(c, false);
}

static const struct json *do_replace(struct filter_call *c)
{
    struct str s, what, with = STR("");
    struct buf out = BUF_INIT(EXPR_BYTES);
    if (!value_text(c->env, c->in, &s) || !value_text(c->env, c->args[0], &what))
        return NULL;
    if (c->arg_count > 1 && !value_text(c->env, c->args[1], &with))
        return NULL;
    if (what.len == 0)
        return filter_failed(c, "what to replace is empty");
    while (s.len > 0 && !out.overflow) {
        size_t at = str_find_str(s, what);
        buf_add_str(&out, str_take(s, at));
        if (at < s.len)
            buf_add_str(&out, with);
        s = str_skip(s, at < s.len ? at + what.len : at);
    }
    return filter_result(c, &out);
}

/* A count given as an argument; -1: failed. */
static int64_t count_of(struct filter_call *c, const struct json *arg)
{
    int64_t n;
    if (json_as_i64(arg, &n) && n >= 0)
        return n;
    (void)filter_failed(c, "its argument must be a whole number, 0 or more");
    return -1;
}

static const struct json *do_truncate(struct filter_call *c)
{
    struct str s, tail = STR("…");
    struct buf out = BUF_INIT(EXPR_BYTES);
    int64_t max = count_of(c, c->args[0]);
    if (max < 0 || !value_text(c->env, c->in, &s))
        return NULL;
    if (c->arg_count > 1 && !value_text(c->env, c->args[1], &tail))
        return NULL;
    struct str left = s;
    for (; max > 0 && left.len > 0; max--)
        (void)take_char(&left);
    if (left.len == 0)
        return value_string(c->env, s);
    buf_add_str(&out, str_take(s, s.len - left.len));
    buf_add_str(&out, tail);
    return filter_result(c, &out);
}

static const struct json *do_split(struct filter_call *c)
{
    struct str s, by;
    struct json *array = arena_zalloc(c->env->arena, sizeof *array);
    struct json **end = &array->child;
    array->type = JSON_ARRAY;
    if (!value_text(c->env, c->in, &s) || !value_text(c->env, c->args[0], &by))
        return NULL;
    if (by.len == 0)
        return filter_failed(c, "what to split at is empty");
    for (bool more = s.len > 0; more;) {
        size_t at = str_find_str(s, by);
        struct json *piece = arena_zalloc(c->env->arena, sizeof *piece);
        if (!spend_steps(c->env, 1))
            return NULL;
        piece->type = JSON_STRING;
        piece->text = str_take(s, at);
        *end = piece;
        end = &piece->next;
        array->count++;
        more = at < s.len;
        s = str_skip(s, at + by.len);
    }
    return array;
}

/* ---- encodings ---- */

static const struct json *do_urlencode(struct filter_call *c)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct str s;
    struct buf out = BUF_INIT(EXPR_BYTES);
    if (!value_text(c->env, c->in, &s))
        return NULL;
    for (size_t i = 0; i < s.len && !out.overflow; i++) {
        if (s.ptr[i] != '\0' && strchr(plain, s.ptr[i]) != NULL)
            buf_add_c(&out, s.ptr[i]);
        else
            buf_addf(&out, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
    }
    return filter_result(c, &out);
}

static const struct json *do_base64(struct filter_call *c)
{
    struct str s;
    struct buf out = BUF_INIT(EXPR_BYTES);
    if (!value_text(c->env, c->in, &s))
        return NULL;
    crypto_base64(s, &out);
    return filter_result(c, &out);
}

static const struct json *do_sha256(struct filter_call *c)
{
    struct str s;
    struct buf out = BUF_INIT(EXPR_BYTES);
    unsigned char digest[CRYPTO_SHA256_LEN];
    if (!value_text(c->env, c->in, &s))
        return NULL;
    crypto_sha256(s, digest);
    crypto_hex(str_of((const char *)digest, sizeof digest), &out);
    return filter_result(c, &out);
}

static const struct json *do_hmac(struct filter_call *c)
{
    struct str s, key;
    struct buf out = BUF_INIT(EXPR_BYTES);
    unsigned char mac[CRYPTO_MAC_MAX];
    if (!value_text(c->env, c->in, &s) || !value_text(c->env, c->args[0], &key))
        return NULL;
    struct crypto_signer *signer = key.len > 0 ? crypto_signer_new(CRYPTO_HMAC_SHA256, key) : NULL;
    if (signer == NULL)
        return filter_failed(c, "the key is empty");
    crypto_hex(str_of((const char *)mac, crypto_sign(signer, &s, 1, mac)), &out);
    crypto_signer_free(signer);
    return filter_result(c, &out);
}

static const struct json *do_json(struct filter_call *c)
{
    struct buf out = BUF_INIT(EXPR_BYTES);
    struct json_writer w = json_writer(&out);
    expr_value_write(c->in, &w);
    return filter_result(c, &out);
}

const struct filter_row filters_text[] = {
        {"append", 1, 1, do_append, "text", "the text with another behind it"},
        {"base64", 0, 0, do_base64, "", "base64 of the bytes (RFC 4648)"},
        {"capitalize", 0, 0, do_capitalize, "", "the first letter in upper case"},
        {"hmac", 1, 1, do_hmac, "key", "hex HMAC-SHA256 of the bytes"},
        {"json", 0, 0, do_json, "", "the value as JSON text"},
        {"lower", 0, 0, do_lower, "", "letters in lower case"},
        {"prepend", 1, 1, do_prepend, "text", "the text with another before it"},
        {"replace", 1, 2, do_replace, "what, with", "every occurrence replaced; without the second argument removed"},
        {"sha256", 0, 0, do_sha256, "", "hex SHA-256 of the bytes"},
        {"split", 1, 1, do_split, "at", "a list of the pieces between what it is split at"},
        {"trim", 0, 0, do_trim, "", "without blanks at both ends"},
        {"truncate", 1, 2, do_truncate, "characters, end", "at most so many characters, then … or the second argument"},
        {"upper", 0, 0, do_upper, "", "letters in upper case"},
        {"urlencode", 0, 0, do_urlencode, "", "percent-encoded (RFC 3986)"},
};
const size_t filters_text_count = ARRAY_LEN(filters_text);
