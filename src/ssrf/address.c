/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: the deny list, and the two lists of the policy. An IPv4 address is looked at as ::ffff:a.b.c.d, so that
 * the mapped spelling of an address is the address. In IPv6 only 2000::/3 is in use as public space; what the IANA
 * registry (iana-ipv6-special-registry) takes out of it is denied again. Rows stand from the special to the general.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "ssrf/host.h"

struct deny {
    struct ssrf_subnet net;
    const char *words;
    const char *sentence;
};

#define SAY(w) w, "The URL leads to an address that may not be reached (" w ")."
#define V4(a, b, c, d, bits)                                                                                           \
    {                                                                                                                  \
        {[10] = 0xff, 0xff, a, b, c, d}, 96 + (bits)                                                                   \
    }
/* The first bytes of the address; the rest are zero. */
#define V6(bits, ...)                                                                                                  \
    {                                                                                                                  \
        {__VA_ARGS__}, bits                                                                                            \
    }

static const struct deny deny_v4[] = {
        {V4(169, 254, 169, 254, 32), SAY("cloud metadata")},
        {V4(168, 63, 129, 16, 32), SAY("cloud metadata")},
        {V4(100, 100, 100, 200, 32), SAY("cloud metadata")},
        {V4(0, 0, 0, 0, 8), SAY("this network")},
        {V4(10, 0, 0, 0, 8), SAY("private network")},
        {V4(100, 64, 0, 0, 10), SAY("shared address space")},
        {V4(127, 0, 0, 0, 8), SAY("loopback")},
        {V4(169, 254, 0, 0, 16), SAY("link-local")},
        {V4(172, 16, 0, 0, 12), SAY("private network")},
        {V4(192, 0, 0, 0, 24), SAY("protocol assignments")},
        {V4(192, 0, 2, 0, 24), SAY("documentation")},
        {V4(192, 88, 99, 0, 24), SAY("6to4 relay")},
        {V4(192, 168, 0, 0, 16), SAY("private network")},
        {V4(198, 18, 0, 0, 15), SAY("benchmarking")},
        {V4(198, 51, 100, 0, 24), SAY("documentation")},
        {V4(203, 0, 113, 0, 24), SAY("documentation")},
        {V4(224, 0, 0, 0, 4), SAY("multicast")},
        {V4(255, 255, 255, 255, 32), SAY("broadcast")},
        {V4(240, 0, 0, 0, 4), SAY("reserved")},
};

static const struct deny deny_v6[] = {
        {V6(128, 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54), SAY("cloud metadata")},
        {V6(128, 0), SAY("unspecified address")},
        {V6(128, [15] = 1), SAY("loopback")},
        {V6(96, 0x00, 0x64, 0xff, 0x9b), SAY("IPv4/IPv6 translation")},
        {V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), SAY("IPv4/IPv6 translation")},
        {V6(7, 0xfc), SAY("private network")},
        {V6(10, 0xfe, 0x80), SAY("link-local")},
        {V6(8, 0xff), SAY("multicast")},
        {V6(23, 0x20, 0x01), SAY("protocol assignments")},
        {V6(32, 0x20, 0x01, 0x0d, 0xb8), SAY("documentation")},
        {V6(16, 0x20, 0x02), SAY("6to4")},
        {V6(20, 0x3f, 0xff), SAY("documentation")},
};

static const struct deny deny_family = {V6(0, 0), SAY("not an internet address")};
static const struct deny deny_own = {V6(0, 0), SAY("this machine")};
static const struct deny deny_rest = {V6(0, 0), SAY("not public address space")};

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const unsigned char addr[16])
{
    return memcmp(addr, v4_prefix, sizeof v4_prefix) == 0;
}

static bool subnet_has(const struct ssrf_subnet *net, const unsigned char addr[16])
{
    /* A wide IPv6 subnet, such as ::/0, says nothing about IPv4. */
    if (is_v4(addr) && net->prefix_bits < 96)
        return false;
    unsigned whole = net->prefix_bits / 8, rest = net->prefix_bits % 8;
    if (memcmp(net->addr, addr, whole) != 0)
        return false;
    return rest == 0 || ((net->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

static bool any_has(const struct ssrf_subnet *nets, size_t count, const unsigned char addr[16])
{
    for (size_t i = 0; i < count; i++)
        if (subnet_has(&nets[i], addr))
            return true;
    return false;
}

static bool clean_behind_prefix(const struct ssrf_subnet *net)
{
    for (unsigned bit = net->prefix_bits; bit < 128; bit++)
        if (net->addr[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}

enum err ssrf_parse_subnet(struct str text, struct ssrf_subnet *out)
{
    char z[INET6_ADDRSTRLEN];
    struct str bits_text = text;
    struct str address = str_split(&bits_text, '/');
    bool has_bits = address.len < text.len;
    struct ssrf_subnet net = {.prefix_bits = 0};
    if (address.len == 0 || address.len >= sizeof z || memchr(address.ptr, '\0', address.len) != NULL)
        return ERR_INVALID;
    memcpy(z, address.ptr, address.len);
    z[address.len] = '\0';
    uint64_t bits, skip = 0;
    if (inet_pton(AF_INET, z, net.addr + 12) == 1) {
        memcpy(net.addr, v4_prefix, sizeof v4_prefix);
        skip = 96;
    } else if (inet_pton(AF_INET6, z, net.addr) != 1) {
        return ERR_INVALID;
    }
    if (!has_bits)
        bits = 128 - skip;
    else if (str_to_u64(bits_text, &bits) != ERR_OK || bits > 128 - skip)
        return ERR_INVALID;
    net.prefix_bits = (unsigned)(bits + skip);
    if (!clean_behind_prefix(&net))
        return ERR_INVALID;
    *out = net;
    return ERR_OK;
}

bool ssrf_subnets_have(const struct ssrf_subnet *nets, size_t count, struct str address)
{
    struct ssrf_subnet one;
    return str_find(address, '/') == address.len && ssrf_parse_subnet(address, &one) == ERR_OK &&
           any_has(nets, count, one.addr);
}

static const struct deny *find_denied(const struct deny *rows, size_t count, const unsigned char addr[16])
{
    for (size_t i = 0; i < count; i++)
        if (subnet_has(&rows[i].net, addr))
            return &rows[i];
    return NULL;
}

static const struct deny *classify(const struct ssrf_policy *p, const struct sockaddr *sa)
{
    unsigned char addr[16];
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        memcpy(addr, v4_prefix, sizeof v4_prefix);
        memcpy(addr + 12, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        memcpy(addr, &in6.sin6_addr, 16);
    } else {
        return &deny_family;
    }
    if (any_has(p->allow, p->allow_count, addr))
        return NULL;
    if (any_has(p->own, p->own_count, addr))
        return &deny_own;
    if (is_v4(addr))
        return find_denied(deny_v4, ARRAY_LEN(deny_v4), addr);
    const struct deny *row = find_denied(deny_v6, ARRAY_LEN(deny_v6), addr);
    if (row == NULL && (addr[0] & 0xe0) != 0x20)
        return &deny_rest;
    return row;
}

const char *ssrf_check_address(const struct ssrf_policy *p, const struct sockaddr *sa)
{
    const struct deny *row = classify(p, sa);
    return row != NULL ? row->words : NULL;
}

const char *ssrf_address_sentence(const struct ssrf_policy *p, const struct sockaddr *sa)
{
    const struct deny *row = classify(p, sa);
    return row != NULL ? row->sentence : NULL;
}

static const unsigned char loopback_v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
static const unsigned char loopback_v6[16] = {[15] = 1};

bool ssrf_allows_loopback(const struct ssrf_policy *p)
{
    return any_has(p->allow, p->allow_count, loopback_v4) || any_has(p->allow, p->allow_count, loopback_v6);
}

bool ssrf_allows_inside(const struct ssrf_policy *p)
{
    for (size_t i = 0; i < p->allow_count; i++) {
        const struct ssrf_subnet *net = &p->allow[i];
        bool loopback = is_v4(net->addr) ? net->addr[12] == 127 && net->prefix_bits >= 104
                                         : net->prefix_bits == 128 && memcmp(net->addr, loopback_v6, 16) == 0;
        if (!loopback)
            return true;
    }
    return false;
}
