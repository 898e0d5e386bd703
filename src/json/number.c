/* SPDX-License-Identifier: Apache-2.0 */
/* A number is its digits from the first to the last that is not 0, and the power of ten of either. */
#include "json/number.h"

#define POWER_MAX ((int64_t)1000000000000)

struct number {
    bool negative;
    struct str digits; /* may have a '.' between; empty: zero */
    int64_t top;       /* power of ten of the first digit */
    int64_t low;       /* of the last */
};

static int64_t read_power(struct str s)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    int64_t power = 0;
    for (size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0; i < s.len; i++)
        power = power < POWER_MAX ? power * 10 + (s.ptr[i] - '0') : POWER_MAX;
    power = power < POWER_MAX ? power : POWER_MAX;
    return negative ? -power : power;
}

static struct number read_number(struct str s)
{
    struct number n = {.negative = s.ptr[0] == '-'};
    struct str mantissa = n.negative ? str_skip(s, 1) : s;
    size_t e = 0;
    while (e < mantissa.len && mantissa.ptr[e] != 'e' && mantissa.ptr[e] != 'E')
        e++;
    int64_t power = read_power(str_skip(mantissa, e + 1));
    mantissa = str_take(mantissa, e);
    size_t point = str_find(mantissa, '.'), first = 0, end = mantissa.len;
    while (first < end && (mantissa.ptr[first] == '0' || mantissa.ptr[first] == '.'))
        first++;
    while (end > first && (mantissa.ptr[end - 1] == '0' || mantissa.ptr[end - 1] == '.'))
        end--;
    if (first == end)
        return (struct number){.digits = STR("")};
    n.digits = str_of(mantissa.ptr + first, end - first);
    /* Left of the point the digit before it is 10^0, right of it the digit behind it 10^-1. */
    n.top = power + (first < point ? (int64_t)(point - first) - 1 : -(int64_t)(first - point));
    n.low = power + (end - 1 < point ? (int64_t)(point - end) : -(int64_t)(end - 1 - point));
    return n;
}

/* The next digit, '0' behind the last. */
static char next_digit(struct str *rest)
{
    if (rest->len > 0 && rest->ptr[0] == '.')
        *rest = str_skip(*rest, 1);
    if (rest->len == 0)
        return '0';
    char c = rest->ptr[0];
    *rest = str_skip(*rest, 1);
    return c;
}

static int compare_size(const struct number *a, const struct number *b)
{
    struct str x = a->digits, y = b->digits;
    if (x.len == 0 || y.len == 0)
        return (x.len > 0) - (y.len > 0);
    if (a->top != b->top)
        return a->top < b->top ? -1 : 1;
    while (x.len > 0 || y.len > 0) {
        char c = next_digit(&x), d = next_digit(&y);
        if (c != d)
            return c < d ? -1 : 1;
    }
    return 0;
}

int json_number_cmp(struct str a, struct str b)
{
    struct number x = read_number(a), y = read_number(b);
    if (x.negative != y.negative)
        return x.negative ? -1 : 1;
    int order = compare_size(&x, &y);
    return x.negative ? -order : order;
}

bool json_number_is_whole(struct str text)
{
    struct number n = read_number(text);
    return n.digits.len == 0 || n.low >= 0;
}

enum err json_divisor_read(struct str text, struct json_divisor *out)
{
    struct number n = read_number(text);
    uint64_t digits = 0;
    int count = 0;
    if (n.negative || n.digits.len == 0)
        return ERR_INVALID;
    for (struct str rest = n.digits; rest.len > 0; count++) {
        if (count == 18)
            return ERR_INVALID;
        digits = digits * 10 + (uint64_t)(next_digit(&rest) - '0');
    }
    *out = (struct json_divisor){.digits = digits, .power = n.low};
    return ERR_OK;
}

static uint64_t multiply(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((unsigned __int128)a * b % modulus);
}

bool json_number_divides(struct str text, const struct json_divisor *by)
{
    struct number n = read_number(text);
    uint64_t rest = 0, ten = 10 % by->digits;
    if (n.digits.len == 0)
        return true;
    /* Its last digit is not 0: what is below the divisor's last digit does not divide. */
    if (n.low < by->power)
        return false;
    for (struct str digits = n.digits; digits.len > 0;)
        rest = (multiply(rest, 10, by->digits) + (uint64_t)(next_digit(&digits) - '0')) % by->digits;
    for (uint64_t power = (uint64_t)(n.low - by->power); power > 0; power /= 2) {
        if (power % 2 == 1)
            rest = multiply(rest, ten, by->digits);
        ten = multiply(ten, ten, by->digits);
    }
    return rest == 0;
}

static bool take_step(size_t *steps, size_t count)
{
    if (*steps <= count) {
        *steps = 0;
        return false;
    }
    *steps -= count;
    return true;
}

/* Every member of a that counts is in b, the same; *count: how many they are. */
static bool members_in(const struct json *a, const struct json *b, size_t *count, size_t *steps)
{
    *count = 0;
    for (const struct json *m = a->child; m != NULL; m = m->next) {
        if (!take_step(steps, a->count + (b != NULL ? b->count : 0)))
            return false;
        if (json_get(a, m->name) != m)
            continue;
        ++*count;
        if (b == NULL)
            continue;
        const struct json *other = json_get(b, m->name);
        if (other == NULL || !json_equal(m, other, steps))
            return false;
    }
    return true;
}

static bool objects_equal(const struct json *a, const struct json *b, size_t *steps)
{
    size_t in_a, in_b;
    return members_in(a, b, &in_a, steps) && members_in(b, NULL, &in_b, steps) && in_a == in_b;
}

bool json_equal(const struct json *a, const struct json *b, size_t *steps)
{
    if (a->type != b->type || !take_step(steps, 1 + (a->raw.len + b->raw.len) / 64))
        return false;
    switch (a->type) {
    case JSON_NONE:
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        return true;
    case JSON_NUMBER:
        return json_number_cmp(a->raw, b->raw) == 0;
    case JSON_STRING:
        return str_eq(a->text, b->text);
    case JSON_ARRAY:
        break;
    case JSON_OBJECT:
        return objects_equal(a, b, steps);
    }
    const struct json *x = a->child, *y = b->child;
    if (a->count != b->count)
        return false;
    for (; x != NULL; x = x->next, y = y->next) {
        if (!json_equal(x, y, steps))
            return false;
    }
    return true;
}
