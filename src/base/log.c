/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum log_level max_level = LOG_INFO;
static enum log_format line_format = LOG_TEXT;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_init(enum log_level level, enum log_format format)
{
    max_level = level;
    line_format = format;
}

bool log_enabled(enum log_level level)
{
    return level <= max_level;
}

struct line {
    char bytes[4096];
    size_t len;
};

static void put(struct line *l, const char *s, size_t n)
{
    size_t room = sizeof l->bytes - 1 - l->len; /* one kept for the newline */
    if (n > room)
        n = room;
    memcpy(l->bytes + l->len, s, n);
    l->len += n;
}

static void put_c(struct line *l, const char *z)
{
    put(l, z, strlen(z));
}

/* Quoted, with JSON's escapes; bytes outside printable ASCII of malformed UTF-8 become \u00XX. */
static void put_quoted(struct line *l, struct str s)
{
    bool utf8 = str_is_utf8(s);
    size_t left = s.len > 2048 ? 2048 : s.len;
    put_c(l, "\"");
    for (size_t i = 0; i < left; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char esc[8];
        if (c == '"' || c == '\\') {
            esc[0] = '\\';
            esc[1] = (char)c;
            put(l, esc, 2);
        } else if (c < 0x20 || c == 0x7f || (c >= 0x80 && (!utf8 || left < s.len))) {
            int n = snprintf(esc, sizeof esc, "\\u%04x", c);
            put(l, esc, (size_t)n);
        } else {
            put(l, (const char *)&s.ptr[i], 1);
        }
    }
    put_c(l, "\"");
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] == '"' || s.ptr[i] == '\\' || s.ptr[i] == '=' || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0 && s.len < 512;
}

static void put_field(struct line *l, const struct log_field *f)
{
    char num[24];
    bool json = line_format == LOG_JSON;
    put_c(l, json ? ",\"" : " ");
    put_c(l, f->name);
    put_c(l, json ? "\":" : "=");
    if (f->type == LOG_FIELD_INT) {
        int n = snprintf(num, sizeof num, "%lld", (long long)f->num);
        put(l, num, (size_t)n);
    } else if (!json && is_plain(f->str)) {
        put(l, f->str.ptr, f->str.len);
    } else {
        put_quoted(l, f->str);
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    struct line l = {.len = 0};
    struct timespec now;
    struct tm tm;
    char stamp[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);
    if (line_format == LOG_JSON) {
        put_c(&l, "{\"time\":\"");
        put(&l, stamp, n);
        put_c(&l, "\",\"level\":\"");
        put_c(&l, level_names[level]);
        put_c(&l, "\",\"event\":\"");
        put_c(&l, event);
        put_c(&l, "\"");
    } else {
        put(&l, stamp, n);
        put_c(&l, " ");
        put_c(&l, level_names[level]);
        put_c(&l, " ");
        put_c(&l, event);
    }
    for (size_t i = 0; i < count; i++)
        put_field(&l, &fields[i]);
    if (line_format == LOG_JSON) {
        if (l.len > sizeof l.bytes - 4) /* cut: close the last string so that the line still parses */
            l.len = sizeof l.bytes - 4;
        put_c(&l, "}");
    }
    l.bytes[l.len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, l.bytes, l.len);
    (void)ignored;
}
