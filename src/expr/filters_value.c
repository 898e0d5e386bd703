/* SPDX-License-Identifier: Apache-2.0 */
/* Filters over lists, numbers and whatever is missing; and the table of all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr_impl.h"
#include "json/utf8.h"

/* ---- nothing ---- */

static const struct json *do_default(struct filter_call *c)
{
    return is_nothing(c->in) ? c->args[0] : c->in;
}

static const struct json *do_required(struct filter_call *c)
{
    if (is_nothing(c->in))
        return filter_failed(c, "there is nothing here");
    return c->in;
}

/* ---- lists ---- */

static const struct json *edge(struct filter_call *c, bool last)
{
    const struct json *v = c->in->child;
    if (c->in->type != JSON_ARRAY)
        return c->in->type == JSON_NULL ? c->in : filter_failed(c, "this is not a list");
    if (!spend_steps(c->env, last ? c->in->count : 1))
        return NULL;
    while (last && v != NULL && v->next != NULL)
        v = v->next;
    return v != NULL ? v : &value_missing;
}

static const struct json *do_first(struct filter_call *c)
{
    return edge(c, false);
}

static const struct json *do_last(struct filter_call *c)
{
    return edge(c, true);
}

static const struct json *do_join(struct filter_call *c)
{
    struct str by = STR(", "), text;
    struct buf out = BUF_INIT(EXPR_BYTES);
    if (c->in->type != JSON_ARRAY)
        return c->in->type == JSON_NULL ? c->in : filter_failed(c, "this is not a list");
    if (c->arg_count > 0 && !value_text(c->env, c->args[0], &by))
        return NULL;
    for (const struct json *v = c->in->child; v != NULL; v = v->next) {
        if (!spend_steps(c->env, 1) || !value_text(c->env, v, &text)) {
            buf_fini(&out);
            return NULL;
        }
        buf_add_str(&out, text);
        if (v->next != NULL)
            buf_add_str(&out, by);
    }
    return filter_result(c, &out);
}

static const struct json *do_size(struct filter_call *c)
{
    struct str s = c->in->text;
    int64_t n = 0;
    if (c->in->type == JSON_ARRAY || c->in->type == JSON_OBJECT)
        return value_i64(c->env, (int64_t)c->in->count);
    if (c->in->type != JSON_STRING && !value_text(c->env, c->in, &s))
        return NULL;
    for (size_t step; s.len > 0; s = str_skip(s, step > 0 ? step : 1), n++)
        (void)utf8_step(s.ptr, s.len, &step);
    return spend_steps(c->env, (size_t)n / 64) ? value_i64(c->env, n) : NULL;
}

/* ---- numbers ---- */

/* The text of a number, also one that stands in a string. */
static bool number_text(struct filter_call *c, const struct json *v, struct str *out)
{
    struct json_slice slice;
    struct str s = v->type == JSON_STRING ? str_trim(v->text) : v->raw;
    if ((v->type == JSON_NUMBER || v->type == JSON_STRING) && json_check(s, &slice, NULL) == ERR_OK &&
        slice.type == JSON_NUMBER) {
        *out = s;
        return true;
    }
    (void)filter_failed(c, v->type == JSON_NULL ? "there is nothing here" : "this is not a number");
    return false;
}

static const struct json *do_number(struct filter_call *c)
{
    struct str s;
    if (c->in->type == JSON_NUMBER || is_nothing(c->in))
        return c->in->type == JSON_STRING ? &value_missing : c->in;
    return number_text(c, c->in, &s) ? value_number(c->env, s) : NULL;
}

/* Of a text that was checked. */
static double to_double(struct str s)
{
    char text[400];
    size_t n = s.len < sizeof text - 1 ? s.len : sizeof text - 1;
    memcpy(text, s.ptr, n);
    text[n] = '\0';
    return strtod(text, NULL); /* the program's locale is C */
}

static const struct json *from_double(struct filter_call *c, double v)
{
    char text[64];
    if (!isfinite(v))
        return filter_failed(c, "the result is no number");
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return value_number(c->env, arena_str(c->env->arena, str_c(text)));
}

/* A number without an exponent, rounded half away from zero; its digits are not those of a double. */
static struct str round_text(struct arena *a, struct str s, size_t places)
{
    bool minus = str_starts(s, STR("-")), zero = true;
    struct str fraction = str_skip(s, minus), whole = str_split(&fraction, '.');
    size_t n = whole.len + places;
    bool up = fraction.len > places && fraction.ptr[places] >= '5';
    char *to = arena_alloc(a, n + 1);
    to[0] = '0'; /* for what is carried */
    for (size_t i = 1; i <= n; i++) {
        size_t at = i - 1 - whole.len;
        to[i] = (char)(i <= whole.len ? whole.ptr[i - 1] : at < fraction.len ? fraction.ptr[at] : '0');
    }
    for (size_t i = n; up; i--) {
        up = to[i] == '9';
        to[i] = (char)(up ? '0' : to[i] + 1);
    }
    for (size_t i = 0; i <= n; i++)
        zero = zero && to[i] == '0';
    size_t from = to[0] == '0';
    struct str head = str_of(to + from, whole.len + 1 - from), tail = str_of(to + whole.len + 1, places);
    return arena_printf(a, "%s" STR_FMT "%s" STR_FMT, minus && !zero ? "-" : "", STR_ARG(head), places > 0 ? "." : "",
                        STR_ARG(tail));
}

static const struct json *do_round(struct filter_call *c)
{
    struct str s;
    int64_t places = 0;
    char text[400];
    if (!number_text(c, c->in, &s))
        return NULL;
    if (c->arg_count > 0 && (!json_as_i64(c->args[0], &places) || places < 0 || places > 15))
        return filter_failed(c, "its argument must be a whole number from 0 to 15");
    if (str_find(s, 'e') == s.len && str_find(s, 'E') == s.len)
        return value_number(c->env, round_text(c->env->arena, s, (size_t)places));
    double v = to_double(s);
    if (!isfinite(v))
        return filter_failed(c, "the number is too large");
    (void)snprintf(text, sizeof text, "%.*f", (int)places, v);
    return value_number(c->env, arena_str(c->env->arena, str_c(text)));
}

enum sum { PLUS, MINUS, TIMES, DIVIDED };

/* Exact where both are whole numbers that fit; else as doubles. */
static const struct json *compute(struct filter_call *c, enum sum how)
{
    struct str a, b;
    int64_t x, y, z = 0;
    if (!number_text(c, c->in, &a) || !number_text(c, c->args[0], &b))
        return NULL;
    if (str_to_i64(a, &x) == ERR_OK && str_to_i64(b, &y) == ERR_OK) {
        bool over = how == PLUS    ? __builtin_add_overflow(x, y, &z)
                    : how == MINUS ? __builtin_sub_overflow(x, y, &z)
                    : how == TIMES ? __builtin_mul_overflow(x, y, &z)
                                   : y == 0 || (x == INT64_MIN && y == -1) || x % y != 0;
        if (!over)
            return value_i64(c->env, how == DIVIDED ? x / y : z);
    }
    double p = to_double(a), q = to_double(b);
    if (how == DIVIDED && q == 0)
        return filter_failed(c, "division by zero");
    return from_double(c, how == PLUS ? p + q : how == MINUS ? p - q : how == TIMES ? p * q : p / q);
}

static const struct json *do_plus(struct filter_call *c)
{
    return compute(c, PLUS);
}

static const struct json *do_minus(struct filter_call *c)
{
    return compute(c, MINUS);
}

static const struct json *do_times(struct filter_call *c)
{
    return compute(c, TIMES);
}

static const struct json *do_divided_by(struct filter_call *c)
{
    return compute(c, DIVIDED);
}

const struct filter_row filters_value[] = {
        {"default", 1, 1, do_default, "value", "the argument where there is nothing: missing, null or empty text"},
        {"divided_by", 1, 1, do_divided_by, "number", "the quotient"},
        {"first", 0, 0, do_first, "", "the first item of a list"},
        {"join", 0, 1, do_join, "with", "the items of a list as one text, with a comma and a blank between them"},
        {"last", 0, 0, do_last, "", "the last item of a list"},
        {"minus", 1, 1, do_minus, "number", "the difference"},
        {"number", 0, 0, do_number, "", "the number that a text is"},
        {"plus", 1, 1, do_plus, "number", "the sum"},
        {"required", 0, 0, do_required, "", "the value; where there is nothing, the step fails"},
        {"round", 0, 1, do_round, "places", "rounded to so many decimal places, 0 unless said; halves away from zero"},
        {"size", 0, 0, do_size, "", "how many characters, items or members"},
        {"times", 1, 1, do_times, "number", "the product"},
};
const size_t filters_value_count = ARRAY_LEN(filters_value);

/* ---- all of them ---- */

static const struct filter_row *row_at(size_t i)
{
    if (i < filters_text_count)
        return &filters_text[i];
    i -= filters_text_count;
    return i < filters_value_count ? &filters_value[i] : &filters_time[i - filters_value_count];
}

size_t expr_filter_count(void)
{
    return filters_text_count + filters_value_count + filters_time_count;
}

struct expr_filter_doc expr_filter_doc(size_t i)
{
    const struct filter_row *r = row_at(i);
    return (struct expr_filter_doc){.name = r->name, .args = r->args, .what = r->what};
}

const struct filter_row *filter_find(struct str name)
{
    for (size_t i = 0; i < expr_filter_count(); i++) {
        if (str_eq(name, str_c(row_at(i)->name)))
            return row_at(i);
    }
    return NULL;
}
