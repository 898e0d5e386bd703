/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses may be reached: every 16 bytes, read as an IPv6 address and the last four of them as IPv4, against a
 * second table of what is denied, written another way; and the texts of addresses and subnets.
 */
#include <arpa/inet.h>

#include "delivery/address.h"
#include "fuzz.h"
#include "ssrf/ssrf.h"

static const struct ssrf_policy strict = {.https_only = false};

struct range {
    const char *first, *last;
};

static const struct range denied_v4[] = {
        {"0.0.0.0", "0.255.255.255"},       {"10.0.0.0", "10.255.255.255"},     {"100.64.0.0", "100.127.255.255"},
        {"127.0.0.0", "127.255.255.255"},   {"168.63.129.16", "168.63.129.16"}, {"169.254.0.0", "169.254.255.255"},
        {"172.16.0.0", "172.31.255.255"},   {"192.0.0.0", "192.0.0.255"},       {"192.0.2.0", "192.0.2.255"},
        {"192.88.99.0", "192.88.99.255"},   {"192.168.0.0", "192.168.255.255"}, {"198.18.0.0", "198.19.255.255"},
        {"198.51.100.0", "198.51.100.255"}, {"203.0.113.0", "203.0.113.255"},   {"224.0.0.0", "255.255.255.255"},
};
/* Of 2000::/3, which is all that is allowed. */
static const struct range denied_v6[] = {
        {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

static bool is_within(int family, const struct range *rows, size_t count, const void *addr, size_t len)
{
    unsigned char first[16], last[16];
    for (size_t i = 0; i < count; i++) {
        CHECK(inet_pton(family, rows[i].first, first) == 1 && inet_pton(family, rows[i].last, last) == 1);
        if (memcmp(addr, first, len) >= 0 && memcmp(addr, last, len) <= 0)
            return true;
    }
    return false;
}

static bool v4_is_denied(const unsigned char a[4])
{
    return is_within(AF_INET, denied_v4, ARRAY_LEN(denied_v4), a, 4);
}

static bool v6_is_denied(const unsigned char a[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(a, mapped, 12) == 0)
        return v4_is_denied(a + 12);
    return (a[0] & 0xe0) != 0x20 || is_within(AF_INET6, denied_v6, ARRAY_LEN(denied_v6), a, 16);
}

static void check_bytes(const unsigned char bytes[16])
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    memcpy(&v4.sin_addr, bytes + 12, 4);
    memcpy(&v6.sin6_addr, bytes, 16);
    CHECK((ssrf_check_address(&strict, (struct sockaddr *)&v4) != NULL) == v4_is_denied(bytes + 12));
    CHECK((ssrf_check_address(&strict, (struct sockaddr *)&v6) != NULL) == v6_is_denied(bytes));
    struct address a, b;
    char text[ADDRESS_IP_SIZE];
    CHECK(address_of((struct sockaddr *)&v6, &a));
    address_format_ip(&a, text);
    CHECK(address_parse(str_c(text), 1, &b) && address_same_ip(&a, &b));
}

static void check_text(struct str text)
{
    struct ssrf_subnet net;
    struct address a;
    if (address_parse(text, 80, &a)) {
        char plain[ADDRESS_IP_SIZE];
        address_format_ip(&a, plain);
        CHECK(address_port(&a) == 80);
        CHECK(ssrf_parse_subnet(str_c(plain), &net) == ERR_OK && net.prefix_bits == 128);
        CHECK(ssrf_subnets_have(&net, 1, str_c(plain)) && address_in_subnet(&a, &net));
    }
    if (ssrf_parse_subnet(text, &net) == ERR_OK)
        CHECK(net.prefix_bits <= 128);
    (void)ssrf_subnets_have(&net, 0, text);
}

static void run(struct str in)
{
    AUTO_FREE char *copy = fuzz_copy(in);
    unsigned char bytes[16] = {0};
    memcpy(bytes, in.ptr, in.len < 16 ? in.len : 16);
    check_bytes(bytes);
    check_text(str_of(copy, in.len));
}

static const struct str seeds[] = {
        STR("8.8.8.8"),
        STR("10.0.0.0/8"),
        STR("::ffff:127.0.0.1"),
        STR("2001:db8::/32"),
        STR("fe80::1%eth0"),
        STR("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01"),
        STR("\0\x64\xff\x9b\0\0\0\0\0\0\0\0\x08\x08\x08\x08"),
        STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\xa9\xfe\xa9\xfe"),
        STR("\x26\x06\x47\0\0\0\0\0\0\0\0\0\x11\x11\x11\x11"),
        STR("\x20\x02\x7f\0\0\x01\0\0\0\0\0\0\x64\x64\x64\xc8"),
        STR("\x3f\xff\x0f\xff\0\0\0\0\0\0\0\0\xc0\xa8\0\x01"),
};
static const char *const words[] = {"/8", "/128", "::", "ffff:", "255.255.255.255", "\xff\xff", "0x7f", NULL};
const struct fuzz_target fuzz_address = {
        .name = "address", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 64};
