/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters over times. A time is RFC 3339 text, where the colon of its offset may be missing, and the offset too, then
 * it is UTC; or a number of Unix seconds (of milliseconds from 100,000,000,000 on), or "now"; what comes out is RFC
 * 3339 text with the offset that the time was given in.
 */
#include "base/time.h"
#include "expr/expr_impl.h"

#define SECONDS_MAX ((int64_t)100000000000)

struct moment {
    int64_t ms;
    int64_t offset_ms; /* east of UTC */
};

/* "+02:00", "-0530", "Z"; the system's table of time zones is not asked. */
static bool offset_read(struct str s, int64_t *out)
{
    uint64_t h, m = 0;
    bool minus = s.len > 0 && s.ptr[0] == '-';
    if (str_eq_nocase(s, STR("z")) || str_eq_nocase(s, STR("utc"))) {
        *out = 0;
        return true;
    }
    if (s.len < 3 || (s.ptr[0] != '+' && !minus) || str_to_u64(str_take(str_skip(s, 1), 2), &h) != ERR_OK)
        return false;
    struct str rest = str_skip(s, 3);
    if (rest.len > 0 && rest.ptr[0] == ':')
        rest = str_skip(rest, 1);
    if ((rest.len != 0 || s.len != 3) && (rest.len != 2 || str_to_u64(rest, &m) != ERR_OK))
        return false;
    *out = (int64_t)h * TIME_HOUR_MS + (int64_t)m * TIME_MINUTE_MS;
    *out = minus ? -*out : *out;
    return h <= 14 && m < 60;
}

/* Meta, WooCommerce and Xero write offsets without a colon, or none. */
static bool time_read(struct expr_env *env, struct str *s, int64_t *ms)
{
    if (s->len == 10)
        *s = arena_printf(env->arena, STR_FMT "T00:00:00Z", STR_ARG(*s));
    if (time_parse(*s, ms) == ERR_OK)
        return true;
    size_t n = s->len;
    if (n < 19 || n > 40)
        return false;
    if (n >= 24 && (s->ptr[n - 5] == '+' || s->ptr[n - 5] == '-'))
        *s = arena_printf(env->arena, STR_FMT ":" STR_FMT, STR_ARG(str_take(*s, n - 2)), STR_ARG(str_skip(*s, n - 2)));
    else
        *s = arena_printf(env->arena, STR_FMT "Z", STR_ARG(*s));
    return time_parse(*s, ms) == ERR_OK;
}

static bool moment_read(struct filter_call *c, const struct json *v, struct moment *out)
{
    struct str s = v->text;
    int64_t n;
    *out = (struct moment){0};
    if (v->type == JSON_NUMBER && json_as_i64(v, &n) && n > -SECONDS_MAX * 1000 && n < SECONDS_MAX * 1000) {
        out->ms = n < SECONDS_MAX && n > -SECONDS_MAX ? n * 1000 : n;
        return true;
    }
    if (v->type == JSON_STRING && str_eq(s, STR("now"))) {
        out->ms = c->env->now_ms;
        return true;
    }
    if (v->type == JSON_STRING && time_read(c->env, &s, &out->ms)) {
        if (s.len > 6 && (s.ptr[s.len - 6] == '+' || s.ptr[s.len - 6] == '-'))
            (void)offset_read(str_skip(s, s.len - 6), &out->offset_ms);
        return true;
    }
    (void)filter_failed(c, is_nothing(v) ? "there is nothing here"
                                         : "this is not a time: 2026-11-21T09:30:00Z, or Unix seconds");
    return false;
}

/* "YYYY-MM-DDTHH:MM:SS.mmm" of the local time. */
static void local_text(const struct moment *m, char out[TIME_TEXT_SIZE])
{
    time_format(m->ms + m->offset_ms, out);
}

static struct str offset_text(struct expr_env *env, int64_t offset_ms, bool colon)
{
    int64_t minutes = (offset_ms < 0 ? -offset_ms : offset_ms) / TIME_MINUTE_MS;
    return arena_printf(env->arena, "%c%02lld%s%02lld", offset_ms < 0 ? '-' : '+', (long long)(minutes / 60),
                        colon ? ":" : "", (long long)(minutes % 60));
}

static const struct json *moment_value(struct expr_env *env, const struct moment *m)
{
    char text[TIME_TEXT_SIZE];
    local_text(m, text);
    if (m->offset_ms == 0)
        return value_string(env, arena_str(env->arena, str_c(text)));
    struct str offset = offset_text(env, m->offset_ms, true);
    return value_string(env, arena_printf(env->arena, "%.23s" STR_FMT, text, STR_ARG(offset)));
}

static const struct json *do_time(struct filter_call *c)
{
    struct moment m;
    return moment_read(c, c->in, &m) ? moment_value(c->env, &m) : NULL;
}

static const struct json *do_unix(struct filter_call *c)
{
    struct moment m;
    if (!moment_read(c, c->in, &m))
        return NULL;
    return value_i64(c->env, m.ms >= 0 ? m.ms / 1000 : -((999 - m.ms) / 1000));
}

static const struct json *do_timezone(struct filter_call *c)
{
    struct moment m;
    struct str offset;
    if (!moment_read(c, c->in, &m) || !value_text(c->env, c->args[0], &offset))
        return NULL;
    if (!offset_read(offset, &m.offset_ms))
        return filter_failed(c, "expected an offset from UTC such as \"+02:00\"");
    return moment_value(c->env, &m);
}

static const struct json *shift(struct filter_call *c, int sign)
{
    struct moment m;
    struct str duration;
    int64_t ms, sum;
    if (!moment_read(c, c->in, &m) || !value_text(c->env, c->args[0], &duration))
        return NULL;
    if (time_parse_duration(duration, &ms) != ERR_OK)
        return filter_failed(c, "expected a duration such as \"90s\", \"36h\" or \"7d\"");
    if (__builtin_add_overflow(m.ms, sign * ms, &sum))
        return filter_failed(c, "the time is out of range");
    m.ms = sum;
    return moment_value(c->env, &m);
}

static const struct json *do_add_time(struct filter_call *c)
{
    return shift(c, 1);
}

static const struct json *do_subtract_time(struct filter_call *c)
{
    return shift(c, -1);
}

static const char *const days[] = {"Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

/* One conversion of strftime(3); false: there is no such. text: the local time. */
static bool add_piece(struct expr_env *env, const struct moment *m, const char *text, char what, struct buf *out)
{
    int64_t local = m->ms + m->offset_ms;
    int64_t day = (local >= 0 ? local : local - TIME_DAY_MS + 1) / TIME_DAY_MS;
    const char *weekday = days[((day % 7) + 7) % 7];
    const char *month = months[((text[5] - '0') * 10 + text[6] - '1') % 12];
    static const struct {
        char what;
        unsigned char from;
        unsigned char len;
    } slices[] = {{'Y', 0, 4},  {'m', 5, 2},  {'d', 8, 2},  {'H', 11, 2}, {'M', 14, 2},
                  {'S', 17, 2}, {'L', 20, 3}, {'F', 0, 10}, {'T', 11, 8}, {'y', 2, 2}};
    for (size_t i = 0; i < ARRAY_LEN(slices); i++) {
        if (slices[i].what == what) {
            buf_add(out, text + slices[i].from, slices[i].len);
            return true;
        }
    }
    int hour = (text[11] - '0') * 10 + text[12] - '0';
    switch (what) {
    case 'A':
    case 'a':
        buf_add(out, weekday, what == 'A' ? strlen(weekday) : 3);
        return true;
    case 'B':
    case 'b':
        buf_add(out, month, what == 'B' ? strlen(month) : 3);
        return true;
    case 'e':
        buf_addf(out, "%d", (text[8] - '0') * 10 + text[9] - '0');
        return true;
    case 'I':
        buf_addf(out, "%d", hour % 12 == 0 ? 12 : hour % 12);
        return true;
    case 'p':
        buf_add_str(out, hour < 12 ? STR("AM") : STR("PM"));
        return true;
    case 'z':
        buf_add_str(out, offset_text(env, m->offset_ms, false));
        return true;
    case '%':
        buf_add_c(out, '%');
        return true;
    default:
        return false;
    }
}

static const struct json *do_date(struct filter_call *c)
{
    struct moment m;
    struct str format = STR("%Y-%m-%d");
    struct buf out = BUF_INIT(EXPR_BYTES);
    char text[TIME_TEXT_SIZE];
    if (!moment_read(c, c->in, &m) || (c->arg_count > 0 && !value_text(c->env, c->args[0], &format)))
        return NULL;
    local_text(&m, text);
    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] != '%') {
            buf_add_c(&out, format.ptr[i]);
        } else if (++i == format.len || !add_piece(c->env, &m, text, format.ptr[i], &out)) {
            buf_fini(&out);
            return filter_failed(c,
                                 "%%%c is none of %%Y %%y %%m %%d %%e %%H %%I %%M %%S %%L %%p %%A %%a %%B %%b %%z %%F "
                                 "%%T %%%%",
                                 i < format.len && format.ptr[i] > ' ' ? format.ptr[i] : '?');
        }
    }
    return filter_result(c, &out);
}

const struct filter_row filters_time[] = {
        {"add_time", 1, 1, do_add_time, "duration", "a time later by \"90s\", \"36h\", \"7d\""},
        {"date", 0, 1, do_date, "format", "a time as text by the letters of strftime, \"%Y-%m-%d\" unless said"},
        {"subtract_time", 1, 1, do_subtract_time, "duration", "a time earlier by so much"},
        {"time", 0, 0, do_time, "", "a time in RFC 3339, from RFC 3339, a date, Unix seconds or \"now\""},
        {"timezone", 1, 1, do_timezone, "offset", "the same time at another offset from UTC, \"+02:00\""},
        {"unix", 0, 0, do_unix, "", "a time in Unix seconds"},
};
const size_t filters_time_count = ARRAY_LEN(filters_time);
