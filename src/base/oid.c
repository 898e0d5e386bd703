/* SPDX-License-Identifier: Apache-2.0 */
#include "base/oid.h"

#include <stdio.h>

#define NODE_BITS     8
#define SEQUENCE_BITS 13
#define TIME_SHIFT    (NODE_BITS + SEQUENCE_BITS)
#define KSUID_EPOCH_S ((int64_t)1400000000)
#define KSUID_BYTES   20
#define TAG_BYTES     7

void oid_source_init(struct oid_source *s, unsigned node, oid_t highest_seen)
{
    CHECK(node < (1u << NODE_BITS));
    s->node = node;
    atomic_init(&s->last, highest_seen >> NODE_BITS);
}

oid_t oid_next(struct oid_source *s, int64_t now_ms)
{
    int64_t floor = now_ms > OID_EPOCH_MS ? (now_ms - OID_EPOCH_MS) << SEQUENCE_BITS : 1;
    int64_t last = atomic_load_explicit(&s->last, memory_order_relaxed);
    int64_t next;
    do
        next = last + 1 > floor ? last + 1 : floor;
    while (!atomic_compare_exchange_weak_explicit(&s->last, &last, next, memory_order_relaxed, memory_order_relaxed));
    return (next << NODE_BITS) | (int64_t)s->node;
}

int64_t oid_time_ms(oid_t id)
{
    return (id >> TIME_SHIFT) + OID_EPOCH_MS;
}

oid_t oid_at_ms(int64_t ms)
{
    if (ms <= OID_EPOCH_MS)
        return 0;
    int64_t t = ms - OID_EPOCH_MS;
    return t >= ((int64_t)1 << 42) ? INT64_MAX : t << TIME_SHIFT;
}

static void put_be(unsigned char *to, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        to[i] = (unsigned char)v;
        v >>= 8;
    }
}

static uint64_t get_be(const unsigned char *from, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | from[i];
    return v;
}

/* Two domains of one key: tag 0 in the id, 1 and 2 in the UUID. */
static uint64_t tag_of(oid_t id, struct hash_key key, unsigned char domain)
{
    unsigned char in[9];
    put_be(in, (uint64_t)id, 8);
    in[8] = domain;
    return hash_sip(key, in, sizeof in);
}

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void base62_encode(const unsigned char bytes[KSUID_BYTES], char out[OID_TEXT_LEN])
{
    uint32_t limbs[KSUID_BYTES / 4];
    for (int i = 0; i < KSUID_BYTES / 4; i++)
        limbs[i] = (uint32_t)get_be(bytes + 4 * (size_t)i, 4);
    for (int at = OID_TEXT_LEN - 1; at >= 0; at--) {
        uint64_t rest = 0;
        for (int i = 0; i < KSUID_BYTES / 4; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 62);
            rest %= 62;
        }
        out[at] = base62[rest];
    }
}

static int base62_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 36;
    return -1;
}

static bool base62_decode(struct str s, unsigned char bytes[KSUID_BYTES])
{
    uint32_t limbs[KSUID_BYTES / 4] = {0};
    if (s.len != OID_TEXT_LEN)
        return false;
    for (size_t at = 0; at < s.len; at++) {
        int v = base62_value(s.ptr[at]);
        if (v < 0)
            return false;
        uint64_t carry = (uint64_t)v;
        for (int i = KSUID_BYTES / 4 - 1; i >= 0; i--) {
            carry += (uint64_t)limbs[i] * 62;
            limbs[i] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry != 0)
            return false;
    }
    for (int i = 0; i < KSUID_BYTES / 4; i++)
        put_be(bytes + 4 * (size_t)i, limbs[i], 4);
    return true;
}

void oid_format(oid_t id, const char *prefix, struct hash_key key, char out[OID_TEXT_SIZE])
{
    unsigned char bytes[KSUID_BYTES];
    size_t n = strlen(prefix);
    int64_t ms = oid_time_ms(id);
    CHECK(n <= 8);
    put_be(bytes, (uint64_t)(ms / 1000 - KSUID_EPOCH_S), 4);
    bytes[4] = (unsigned char)(ms % 1000 * 256 / 1000);
    put_be(bytes + 5, (uint64_t)id, 8);
    put_be(bytes + 13, tag_of(id, key, 0), TAG_BYTES);
    memcpy(out, prefix, n);
    base62_encode(bytes, out + n);
    out[n + OID_TEXT_LEN] = '\0';
}

enum err oid_parse(struct str text, const char *prefix, struct hash_key key, oid_t *out)
{
    unsigned char bytes[KSUID_BYTES];
    char again[OID_TEXT_SIZE];
    size_t n = strlen(prefix);
    if (!str_starts(text, str_of(prefix, n)) || !base62_decode(str_skip(text, n), bytes))
        return ERR_NOT_FOUND;
    uint64_t id = get_be(bytes + 5, 8);
    if (id == 0 || id > INT64_MAX)
        return ERR_NOT_FOUND;
    oid_format((oid_t)id, prefix, key, again);
    if (!str_eq(text, str_of(again, n + OID_TEXT_LEN)))
        return ERR_NOT_FOUND;
    *out = (oid_t)id;
    return ERR_OK;
}

void oid_uuid(oid_t id, struct hash_key key, char out[OID_UUID_SIZE])
{
    uint64_t ms = (uint64_t)oid_time_ms(id);
    uint64_t a = tag_of(id, key, 1), b = tag_of(id, key, 2);
    unsigned char u[16];
    put_be(u, ms, 6);
    put_be(u + 6, a, 2);
    put_be(u + 8, b, 8);
    u[6] = (unsigned char)((u[6] & 0x0f) | 0x70);
    u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = hex[u[i] >> 4];
        out[at++] = hex[u[i] & 15];
    }
    out[at] = '\0';
}

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool oid_uuid_range(struct str uuid, oid_t *first, oid_t *end)
{
    int64_t ms = 0;
    if (!oid_is_uuid(uuid) || uuid.ptr[14] != '7')
        return false;
    for (size_t i = 0; i < 13; i++) {
        if (uuid.ptr[i] != '-')
            ms = ms << 4 | hex_value(uuid.ptr[i]);
    }
    *first = oid_at_ms(ms);
    *end = oid_at_ms(ms + 1);
    return *first != 0 && *end != INT64_MAX;
}

bool oid_is_uuid(struct str s)
{
    if (s.len != OID_UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}
