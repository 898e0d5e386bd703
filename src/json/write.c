/* SPDX-License-Identifier: Apache-2.0 */
#include "json/write.h"

#include "base/time.h"
#include "json/lex.h"
#include "json/utf8.h"

static void escape_control(unsigned char c, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
    const char *at = c != 0 ? strchr(from, c) : NULL;
    if (at != NULL) {
        buf_add(out, (char[]){'\\', to[at - from]}, 2);
        return;
    }
    buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* The length of the well-formed text of more than one byte per character at p. */
static size_t wide_run(const char *p, const char *end)
{
    const char *from = p;
    size_t n;
    while (p < end && (unsigned char)*p >= 0x80 && utf8_step(p, (size_t)(end - p), &n))
        p += n;
    return (size_t)(p - from);
}

void json_escape(struct str s, struct buf *out)
{
    const char *p = s.ptr, *end = s.ptr != NULL ? s.ptr + s.len : NULL;
    while (p < end) {
        size_t run = json_plain_run(p, end);
        run += wide_run(p + run, end);
        buf_add(out, p, run);
        p += run;
        if (p == end || run > 0)
            continue;
        if ((unsigned char)*p < 0x80) {
            escape_control((unsigned char)*p++, out);
            continue;
        }
        size_t fits;
        bool good = utf8_step(p, (size_t)(end - p), &fits);
        CHECK(!good);
        p += fits > 0 ? fits : 1;
        buf_add_str(out, STR("\xef\xbf\xbd"));
    }
}

static void begin_value(struct json_writer *w)
{
    if (w->comma)
        buf_add_c(w->out, ',');
    w->comma = true;
}

static void open_level(struct json_writer *w, char bracket)
{
    begin_value(w);
    buf_add_c(w->out, bracket);
    w->comma = false;
}

static void close_level(struct json_writer *w, char bracket)
{
    buf_add_c(w->out, bracket);
    w->comma = true;
}

void json_w_object(struct json_writer *w)
{
    open_level(w, '{');
}

void json_w_object_end(struct json_writer *w)
{
    close_level(w, '}');
}

void json_w_array(struct json_writer *w)
{
    open_level(w, '[');
}

void json_w_array_end(struct json_writer *w)
{
    close_level(w, ']');
}

void json_w_name(struct json_writer *w, struct str name)
{
    json_w_str(w, name);
    buf_add_c(w->out, ':');
    w->comma = false;
}

void json_w_str(struct json_writer *w, struct str s)
{
    begin_value(w);
    buf_add_c(w->out, '"');
    json_escape(s, w->out);
    buf_add_c(w->out, '"');
}

void json_w_i64(struct json_writer *w, int64_t v)
{
    begin_value(w);
    buf_add_i64(w->out, v);
}

void json_w_bool(struct json_writer *w, bool v)
{
    json_w_raw(w, v ? STR("true") : STR("false"));
}

void json_w_null(struct json_writer *w)
{
    json_w_raw(w, STR("null"));
}

void json_w_raw(struct json_writer *w, struct str json)
{
    begin_value(w);
    buf_add_str(w->out, json);
}

void json_w_time(struct json_writer *w, int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    time_format(ms, text);
    json_w_str(w, str_c(text));
}

void json_w_str_at(struct json_writer *w, const char *name, struct str s)
{
    json_w_name(w, str_c(name));
    json_w_str(w, s);
}

void json_w_i64_at(struct json_writer *w, const char *name, int64_t v)
{
    json_w_name(w, str_c(name));
    json_w_i64(w, v);
}

void json_w_bool_at(struct json_writer *w, const char *name, bool v)
{
    json_w_name(w, str_c(name));
    json_w_bool(w, v);
}

void json_w_null_at(struct json_writer *w, const char *name)
{
    json_w_name(w, str_c(name));
    json_w_null(w);
}

void json_w_raw_at(struct json_writer *w, const char *name, struct str json)
{
    json_w_name(w, str_c(name));
    json_w_raw(w, json);
}

void json_w_time_at(struct json_writer *w, const char *name, int64_t ms)
{
    json_w_name(w, str_c(name));
    json_w_time(w, ms);
}

void json_w_opt_str_at(struct json_writer *w, const char *name, struct str s)
{
    if (s.ptr == NULL)
        json_w_null_at(w, name);
    else
        json_w_str_at(w, name, s);
}
