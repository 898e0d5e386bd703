/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "ssrf/ssrf.h"

static const struct ssrf_policy strict = {.https_only = false};

static const char *check(const struct ssrf_policy *p, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return ssrf_check_address(p, (struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return ssrf_check_address(p, (struct sockaddr *)&in6);
}

/* Every denied range: first and last are refused; before and after are not (NULL: neighbour is denied or not there). */
static void denied_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *first, *last, *before, *after, *words;
    } rows[] = {
            {"0.0.0.0", "0.255.255.255", NULL, "1.0.0.0", "this network"},
            {"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0", "private network"},
            {"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0", "shared address space"},
            {"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0", "loopback"},
            {"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0", "link-local"},
            {"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0", "private network"},
            {"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0", "protocol assignments"},
            {"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0", "documentation"},
            {"192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0", "6to4 relay"},
            {"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0", "private network"},
            {"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0", "benchmarking"},
            {"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0", "documentation"},
            {"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0", "documentation"},
            {"224.0.0.0", "239.255.255.255", "223.255.255.255", NULL, "multicast"},
            {"240.0.0.0", "255.255.255.254", NULL, NULL, "reserved"},
            {"255.255.255.255", "255.255.255.255", NULL, NULL, "broadcast"},
            {"168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17", "cloud metadata"},
            {"169.254.169.254", "169.254.169.254", NULL, NULL, "cloud metadata"},
            {"100.100.100.200", "100.100.100.200", NULL, NULL, "cloud metadata"},
            {"::", "::", NULL, NULL, "unspecified address"},
            {"::1", "::1", NULL, NULL, "loopback"},
            {"::2", "::ffff", NULL, NULL, "not public address space"},
            {"::127.0.0.1", "::8.8.8.8", NULL, NULL, "not public address space"},
            {"::ffff:0:8.8.8.8", "::ffff:0:127.0.0.1", NULL, NULL, "not public address space"},
            {"::ffff:127.0.0.1", "::ffff:127.255.255.255", NULL, "::ffff:8.8.8.8", "loopback"},
            {"::ffff:169.254.169.254", "::ffff:169.254.169.254", NULL, NULL, "cloud metadata"},
            {"64:ff9b::", "64:ff9b::ffff:ffff", NULL, NULL, "IPv4/IPv6 translation"},
            {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "IPv4/IPv6 translation"},
            {"100::", "100::ffff:ffff:ffff:ffff", NULL, NULL, "not public address space"},
            {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1fff::", NULL, "2000::", "not public address space"},
            {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
             "2001:200::", "protocol assignments"},
            {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
             "2001:db9::", "documentation"},
            {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
             "2003::", "6to4"},
            {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
             "3fff:1000::", "documentation"},
            {"4000::", "5f00::1", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, "not public address space"},
            {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "private network"},
            {"fd00:ec2::254", "fd00:ec2::254", NULL, NULL, "cloud metadata"},
            {"fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "not public address space"},
            {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "link-local"},
            {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "not public address space"},
            {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "multicast"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *first = check(&strict, rows[i].first), *last = check(&strict, rows[i].last);
        if (first == NULL || last == NULL)
            fail_msg("%s..%s allowed", rows[i].first, rows[i].last);
        assert_string_equal(first, rows[i].words);
        assert_string_equal(last, rows[i].words);
        if (rows[i].before != NULL && check(&strict, rows[i].before) != NULL)
            fail_msg("%s refused", rows[i].before);
        if (rows[i].after != NULL && check(&strict, rows[i].after) != NULL)
            fail_msg("%s refused", rows[i].after);
    }
    static const char *const public[] = {"1.1.1.1",         "8.8.8.8",      "93.184.216.34",
                                         "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1"};
    for (size_t i = 0; i < ARRAY_LEN(public); i++)
        assert_null(check(&strict, public[i]));
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_non_null(ssrf_check_address(&strict, &other));
}

static void subnets_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int bits; /* -1: refused */
    } rows[] = {
            {"10.0.0.0/8", 104},
            {"127.0.0.1", 128},
            {"0.0.0.0/0", 96},
            {"::1/128", 128},
            {"::1", 128},
            {"::/0", 0},
            {"fd00::/8", 8},
            {"10.0.0.1/8", -1},
            {"10.0.0.0/33", -1},
            {"10.0.0.0/", -1},
            {"/8", -1},
            {"", -1},
            {"10.0.0/8", -1},
            {"010.0.0.0/8", -1},
            {"::1/129", -1},
            {"fd00::1/8", -1},
            {"10.0.0.0/8/8", -1},
            {"10.0.0.0/-1", -1},
            {" 10.0.0.0/8", -1},
            {"localhost", -1},
            {"[::1]/128", -1},
            {"fe80::1%eth0", -1},
            {"10.0.0.0/+8", -1},
            {"::ffff:10.0.0.0/104", 104},
            {"192.168.0.0/16", 112},
            {"255.255.255.255/32", 128},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ssrf_subnet net = {.prefix_bits = 999};
        enum err e = ssrf_parse_subnet(str_c(rows[i].text), &net);
        if ((e == ERR_OK) != (rows[i].bits >= 0) || (e == ERR_OK && (int)net.prefix_bits != rows[i].bits))
            fail_msg("%s: %d", rows[i].text, (int)net.prefix_bits);
    }
}

static void allow_and_own(void **state)
{
    (void)state;
    struct ssrf_subnet allow[3], own[2], wide;
    assert_int_equal(ssrf_parse_subnet(STR("127.0.0.0/8"), &allow[0]), ERR_OK);
    assert_int_equal(ssrf_parse_subnet(STR("::1/128"), &allow[1]), ERR_OK);
    assert_int_equal(ssrf_parse_subnet(STR("10.1.2.0/23"), &allow[2]), ERR_OK);
    assert_int_equal(ssrf_parse_subnet(STR("5.6.7.8"), &own[0]), ERR_OK);
    assert_int_equal(ssrf_parse_subnet(STR("10.1.3.3"), &own[1]), ERR_OK);
    struct ssrf_policy p = {.allow = allow, .allow_count = 3, .own = own, .own_count = 2};
    assert_null(check(&p, "127.0.0.1"));
    assert_null(check(&p, "127.255.255.255"));
    assert_null(check(&p, "::ffff:127.0.0.1"));
    assert_null(check(&p, "::1"));
    assert_non_null(check(&p, "::2"));
    assert_null(check(&p, "10.1.2.0"));
    assert_null(check(&p, "10.1.3.255"));
    assert_non_null(check(&p, "10.1.1.255"));
    assert_non_null(check(&p, "10.1.4.0"));
    assert_non_null(check(&p, "169.254.169.254"));
    assert_string_equal(check(&p, "5.6.7.8"), "this machine");
    assert_null(check(&p, "5.6.7.9"));
    assert_null(check(&p, "10.1.3.3")); /* allowed beats own */
    assert_int_equal(ssrf_parse_subnet(STR("::/0"), &wide), ERR_OK);
    struct ssrf_policy p6 = {.allow = &wide, .allow_count = 1};
    assert_null(check(&p6, "fe80::1"));
    assert_non_null(check(&p6, "127.0.0.1"));
    assert_non_null(check(&p6, "::ffff:127.0.0.1"));
    assert_int_equal(ssrf_parse_subnet(STR("0.0.0.0/0"), &wide), ERR_OK);
    assert_null(check(&p6, "127.0.0.1"));
    assert_non_null(check(&p6, "::1"));
}

struct url_row {
    const char *in;
    const char *normal; /* NULL: refused */
};

static void check_urls(const struct ssrf_policy *p, const struct url_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ssrf_url u = {.normal = NULL};
        const char *why = NULL;
        enum err e = ssrf_parse_url(p, str_c(rows[i].in), &u, &why);
        if ((e == ERR_OK) != (rows[i].normal != NULL))
            fail_msg("%s: %s", rows[i].in, e == ERR_OK ? u.normal : why);
        if (e == ERR_OK && strcmp(u.normal, rows[i].normal) != 0)
            fail_msg("%s: %s", rows[i].in, u.normal);
        if (e != ERR_OK) {
            assert_non_null(why);
            assert_int_equal(why[strlen(why) - 1], '.');
        }
        ssrf_url_fini(&u);
    }
}

static void good_urls(void **state)
{
    (void)state;
    static const struct url_row rows[] = {
            {"https://example.com", "https://example.com/"},
            {"https://example.com/", "https://example.com/"},
            {"HTTPS://EXAMPLE.Com/Path", "https://example.com/Path"},
            {"http://example.com:80/x", "http://example.com/x"},
            {"https://example.com:443", "https://example.com/"},
            {"https://example.com:80/", "https://example.com:80/"},
            {"http://example.com:00080/", "http://example.com/"},
            {"https://example.com:8443?x=1", "https://example.com:8443/?x=1"},
            {"https://example.com./a", "https://example.com/a"},
            {"https://sub_domain.example.com/a", "https://sub_domain.example.com/a"},
            {"https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"},
            {"https://b\xc3\xbc"
             "cher.example/",
             "https://xn--bcher-kva.example/"},
            {"https://B\xc3\x9c"
             "CHER.example/",
             "https://xn--bcher-kva.example/"},
            {"https://fa\xc3\x9f.example/", "https://xn--fa-hia.example/"}, /* non-transitional keeps sharp s */
            {"https://ex%61mple.com/", "https://example.com/"},
            {"https://b%C3%BCcher.example/", "https://xn--bcher-kva.example/"},
            {"https://example\xe3\x80\x82"
             "com/",
             "https://example.com/"},
            {"https://example.com/a/../b/./c//d", "https://example.com/a/../b/./c//d"},
            {"https://example.com/a%2fb%20c?q=%7B%7d&a[]=1;x='*!$,:@/?",
             "https://example.com/a%2fb%20c?q=%7B%7d&a[]=1;x='*!$,:@/?"},
            {"https://example.com/caf\xc3\xa9?\xe2\x82\xac", "https://example.com/caf%C3%A9?%E2%82%AC"},
            {"https://example.com/u@h:p", "https://example.com/u@h:p"},
            {"https://1.1.1.1/", "https://1.1.1.1/"},
            {"https://16843009/", "https://1.1.1.1/"},
            {"https://0x1.0x1.0x1.0x1/", "https://1.1.1.1/"},
            {"https://01.01.01.01/", "https://1.1.1.1/"},
            {"https://8.8.2056/", "https://8.8.8.8/"},
            {"https://[2606:4700:0:0:0:0:0:1111]/x", "https://[2606:4700::1111]/x"},
            {"https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x"},
            {"https://[::FFFF:1.1.1.1]/", "https://1.1.1.1/"},
            {"https://1.1.1.1.example.com/", "https://1.1.1.1.example.com/"},
            {"https://0x7f000001.example.com/", "https://0x7f000001.example.com/"},
            {"https://localhost.example.com/", "https://localhost.example.com/"},
            {"https://notlocal.com/", "https://notlocal.com/"},
            {"https://my-internal.com/", "https://my-internal.com/"},
    };
    check_urls(&strict, rows, ARRAY_LEN(rows));
}

static void bad_addresses(void **state)
{
    (void)state;
    static const struct url_row rows[] = {
            {"http://127.0.0.1/", NULL},
            {"http://127.1/", NULL},
            {"http://127.0.1/", NULL},
            {"http://2130706433/", NULL},
            {"http://0x7f000001/", NULL},
            {"http://0X7F.1/", NULL},
            {"http://0x7f.0x0.0x0.0x1/", NULL},
            {"http://017700000001/", NULL},
            {"http://0177.0.0.1/", NULL},
            {"http://0177.0.0.01/", NULL},
            {"http://127.0.0.1./", NULL},
            {"http://0/", NULL},
            {"http://0.0.0.0/", NULL},
            {"http://00000.0/", NULL},
            {"http://10.0.0.1/", NULL},
            {"http://10.1/", NULL},
            {"http://167772161/", NULL},
            {"http://012.0.0.1/", NULL},
            {"http://192.168.1.1/", NULL},
            {"http://192.168.257/", NULL},
            {"http://169.254.169.254/", NULL},
            {"http://2852039166/", NULL},
            {"http://0xa9fea9fe/", NULL},
            {"http://0251.0376.0251.0376/", NULL},
            {"http://169.254.43518/", NULL},
            {"http://168.63.129.16/", NULL},
            {"http://4294967295/", NULL},
            {"http://4294967296/", NULL},
            {"http://6425673729/", NULL},
            {"http://0x17f000001/", NULL},
            {"http://256.1.1.1/", NULL},
            {"http://1.1.1.256/", NULL},
            {"http://1.1.65536/", NULL},
            {"http://1.16777216/", NULL},
            {"http://383.0.0.1/", NULL},
            {"http://1.2.3.4.5/", NULL},
            {"http://08.1.1.1/", NULL},
            {"http://1.1.1.09/", NULL},
            {"http://0x/", NULL},
            {"http://1.0x/", NULL},
            {"http://0xg.1/", NULL},
            {"http://foo.0x7f/", NULL},
            {"http://foo.1/", NULL},
            {"http://example.123/", NULL},
            {"http://99999999999999999999/", NULL},
            {"http://000000000000000000000000000000000177.1/", NULL},
            {"http://%31%32%37.0.0.1/", NULL},
            {"http://127%2e0%2e0%2e1/", NULL},
            {"http://%30x7f.1/", NULL},
            {"http://%6c%6f%63%61%6c%68%6f%73%74/", NULL},
            {"http://127\xe3\x80\x82"
             "0\xe3\x80\x82"
             "0\xe3\x80\x82"
             "1/",
             NULL},
            {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", NULL},
            {"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.\xe2\x93\xaa.\xe2\x91\xa0/", NULL},
            {"http://\xe2\x93\x9b"
             "ocalhost/",
             NULL},
            {"http://loc\xc2\xad"
             "alhost/",
             NULL},
            {"http://169.254.169\xef\xbc\x8e"
             "254/",
             NULL},
            {"http://169.254.169\xef\xbd\xa1"
             "254/",
             NULL},
            {"http://%E3%80%82"
             "127.0.0.1/",
             NULL},
            {"http://[::1]/", NULL},
            {"http://[::]/", NULL},
            {"http://[0:0:0:0:0:0:0:1]/", NULL},
            {"http://[::ffff:127.0.0.1]/", NULL},
            {"http://[::ffff:7f00:1]/", NULL},
            {"http://[0:0:0:0:0:ffff:a9fe:a9fe]/", NULL},
            {"http://[::127.0.0.1]/", NULL},
            {"http://[64:ff9b::7f00:1]/", NULL},
            {"http://[2002:7f00:1::]/", NULL},
            {"http://[2001::1]/", NULL},
            {"http://[fe80::1]/", NULL},
            {"http://[fe80::1%25eth0]/", NULL},
            {"http://[2606:4700::1111%25eth0]/", NULL},
            {"http://[2606:4700::1111%eth0]/", NULL},
            {"http://[fc00::1]/", NULL},
            {"http://[fd00:ec2::254]/", NULL},
            {"http://[1.1.1.1]/", NULL},
            {"http://[::1/", NULL},
            {"http://::1/", NULL},
            {"http://2606:4700::1111/", NULL},
            {"http://[2606:4700::1111]x/", NULL},
            {"http://[]/", NULL},
            {"http://[v1.x]/", NULL},
            {"http://x[2606:4700::1111]/", NULL},
            {"http://[2606:4700::1111]]/", NULL},
            {"http://[2606:4700::11%31]/", NULL},
    };
    check_urls(&strict, rows, ARRAY_LEN(rows));
}

static void bad_urls(void **state)
{
    (void)state;
    static const struct url_row rows[] = {
            {"", NULL},
            {"example.com", NULL},
            {"//example.com/", NULL},
            {"/path", NULL},
            {"127.0.0.1", NULL},
            {"example.com:80/", NULL},
            {"localhost:8080", NULL},
            {"ftp://example.com/", NULL},
            {"file:///etc/passwd", NULL},
            {"gopher://example.com/", NULL},
            {"javascript:alert(1)", NULL},
            {"https:example.com", NULL},
            {"https:/example.com", NULL},
            {"https:///example.com", NULL},
            {"https:////example.com", NULL},
            {"https://", NULL},
            {"https:", NULL},
            {"https", NULL},
            {"https://?x", NULL},
            {"https:///", NULL},
            {"https://:80/", NULL},
            {"https://user@example.com/", NULL},
            {"https://user:pw@example.com/", NULL},
            {"https://@example.com/", NULL},
            {"https://1.1.1.1@127.0.0.1/", NULL},
            {"https://example.com%40evil.com/", NULL},
            {"https://example.com\\@127.0.0.1/", NULL},
            {"https:\\\\example.com\\", NULL},
            {"https://example.com\\a", NULL},
            {"https://example.com#x", NULL},
            {"https://example.com/#", NULL},
            {"https://1.1.1.1#@127.0.0.1/", NULL},
            {" https://example.com/", NULL},
            {"https://example.com/ ", NULL},
            {"https://exam ple.com/", NULL},
            {"https://example.com/a b", NULL},
            {"https://example.com/a\tb", NULL},
            {"https://example.com/\r\nX: y", NULL},
            {"https://exam\nple.com/", NULL},
            {"https://example.com/\x7f", NULL},
            {"\x01https://example.com/", NULL},
            {"https://example.com/\"", NULL},
            {"https://example.com/<b>", NULL},
            {"https://example.com/{x}", NULL},
            {"https://example.com/a|b", NULL},
            {"https://example.com/a^b", NULL},
            {"https://example.com/a`b", NULL},
            {"https://example.com/%", NULL},
            {"https://example.com/%2", NULL},
            {"https://example.com/%zz", NULL},
            {"https://example.com/?%f", NULL},
            {"https://example.com/\xff", NULL},
            {"https://example.com/\xc0\xaf", NULL},
            {"https://exam%ple.com/", NULL},
            {"https://example%2ecom%2f/", NULL},
            {"https://example.com%00.evil.com/", NULL},
            {"https://example%20.com/", NULL},
            {"https://example.com%0d%0a/", NULL},
            {"https://example%25.com/", NULL},
            {"https://%ff.com/", NULL},
            {"https://example.com:/", NULL},
            {"https://example.com:0/", NULL},
            {"https://example.com:00000/", NULL},
            {"https://example.com:65536/", NULL},
            {"https://example.com:99999/", NULL},
            {"https://example.com:000080/", NULL},
            {"https://example.com:-1/", NULL},
            {"https://example.com:+80/", NULL},
            {"https://example.com:8o/", NULL},
            {"https://example.com:80:80/", NULL},
            {"https://example.com:80 /", NULL},
            {"https://example..com/", NULL},
            {"https://.example.com/", NULL},
            {"https://example.com../", NULL},
            {"https://./", NULL},
            {"https://../", NULL},
            {"https://exa!mple.com/", NULL},
            {"https://a,b.com/", NULL},
            {"https://example.com;x/", NULL},
            {"https://*.example.com/", NULL},
            {"https://example/", NULL},
            {"https://router/", NULL},
            {"https://example./", NULL},
            {"https://localhost/", NULL},
            {"https://LOCALHOST/", NULL},
            {"https://localhost./", NULL},
            {"https://a.localhost/", NULL},
            {"https://localhost.localdomain/", NULL},
            {"https://printer.local/", NULL},
            {"https://metadata.google.internal/", NULL},
            {"https://x.home.arpa/", NULL},
            {"https://home.arpa/", NULL},
            {"https://abc.onion/", NULL},
            {"https://xn--a.com/", NULL},
            {"https://\xe2\x84\x80.com/", NULL},
            {"https://a\xef\xbc\x8f"
             "b.com/",
             NULL},
            {"https://a\xef\xbc\xa0"
             "b.com/",
             NULL},
            {"https://a\xef\xbc\x85"
             "41.com/",
             NULL},
            {"https://abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd.com/", NULL},
    };
    check_urls(&strict, rows, ARRAY_LEN(rows));
}

/* Whatever libc would take for an address is either that address to us or refused, never a name. */
static void numbers_agree_with_libc(void **state)
{
    (void)state;
    static const char letters[] = "0123456789012345670xxaf....";
    struct ssrf_subnet all;
    assert_int_equal(ssrf_parse_subnet(STR("0.0.0.0/0"), &all), ERR_OK);
    struct ssrf_policy p = {.allow = &all, .allow_count = 1};
    uint64_t seed = 7;
    size_t literals = 0;
    for (int round = 0; round < 200000; round++) {
        char url[40] = "http://";
        size_t len = 1 + (size_t)round % 16;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            url[7 + i] = letters[(seed >> 33) % (sizeof letters - 1)];
        }
        struct ssrf_url u;
        const char *why;
        struct in_addr libc;
        bool is_address = inet_aton(url + 7, &libc) != 0;
        if (ssrf_parse_url(&p, str_c(url), &u, &why) != ERR_OK)
            continue;
        if (is_address != u.is_literal && url[6 + len] != '.')
            fail_msg("%s", url);
        if (is_address)
            assert_string_equal(u.host, inet_ntoa(libc));
        literals += u.is_literal;
        ssrf_url_fini(&u);
    }
    assert_true(literals > 1000);
}

static void lengths(void **state)
{
    (void)state;
    static char url[5000];
    struct ssrf_url u;
    const char *why;
    memcpy(url, "https://example.com/", 20);
    memset(url + 20, 'a', sizeof url - 20);
    assert_int_equal(ssrf_parse_url(&strict, str_of(url, SSRF_URL_MAX + 1), &u, &why), ERR_INVALID);
    assert_int_equal(ssrf_parse_url(&strict, str_of(url, SSRF_URL_MAX), &u, &why), ERR_OK);
    assert_int_equal(strlen(u.normal), SSRF_URL_MAX);
    ssrf_url_fini(&u);
    for (size_t i = 20; i + 1 < sizeof url; i += 2)
        memcpy(url + i, "\xc3\xa9", 2);
    assert_int_equal(ssrf_parse_url(&strict, str_of(url, SSRF_URL_MAX), &u, &why), ERR_OK);
    ssrf_url_fini(&u);
    for (size_t host = 240; host < 1000; host++) {
        for (size_t i = 0; i < host; i++)
            url[8 + i] = i % 50 == 49 ? '.' : 'a';
        url[8 + host] = '/';
        enum err e = ssrf_parse_url(&strict, str_of(url, 9 + host), &u, &why);
        assert_int_equal(e == ERR_OK, host - (host % 50 == 0) <= 253);
        if (e == ERR_OK)
            ssrf_url_fini(&u);
    }
    assert_int_equal(ssrf_parse_url(&strict, STR_NULL, &u, &why), ERR_INVALID);
    assert_int_equal(ssrf_parse_url(&strict, STR("https://a\0b.com/"), &u, &why), ERR_INVALID);
    ssrf_url_fini(NULL);
}

static void parts_and_policy(void **state)
{
    (void)state;
    struct ssrf_subnet loop[2], inside;
    assert_int_equal(ssrf_parse_subnet(STR("127.0.0.0/8"), &loop[0]), ERR_OK);
    assert_int_equal(ssrf_parse_subnet(STR("::1/128"), &loop[1]), ERR_OK);
    assert_int_equal(ssrf_parse_subnet(STR("10.0.0.0/8"), &inside), ERR_OK);
    struct ssrf_policy dev = {.allow = loop, .allow_count = 2};
    static const struct url_row dev_rows[] = {
            {"http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"},
            {"http://127.1:9000/x", "http://127.0.0.1:9000/x"},
            {"http://2130706433", "http://127.0.0.1/"},
            {"http://[::1]:9000/", "http://[::1]:9000/"},
            {"http://[::ffff:127.0.0.1]/", "http://127.0.0.1/"},
            {"http://LocalHost:3000/", "http://localhost:3000/"},
            {"http://localhost./", "http://localhost/"},
            {"http://a.localhost/", "http://a.localhost/"},
            {"http://10.0.0.1/", NULL},
            {"http://[::2]/", NULL},
            {"http://router/", NULL},
            {"http://a.internal/", NULL},
            {"http://a.local/", NULL},
            {"http://169.254.169.254/", NULL},
            {"http://user@127.0.0.1/", NULL},
            {"http://abc.onion/", NULL},
    };
    check_urls(&dev, dev_rows, ARRAY_LEN(dev_rows));
    /* The same spellings that are refused elsewhere: here it shows what they were read as. */
    static const struct url_row odd_rows[] = {
            {"http://0x7f000001/", "http://127.0.0.1/"},
            {"http://017700000001/", "http://127.0.0.1/"},
            {"http://%31%32%37.0.0.1/", "http://127.0.0.1/"},
            {"http://127\xe3\x80\x82"
             "0\xe3\x80\x82"
             "0\xe3\x80\x82"
             "1/",
             "http://127.0.0.1/"},
            {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "http://127.0.0.1/"},
            {"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.\xe2\x93\xaa.\xe2\x91\xa0/",
             "http://127.0.0.1/"},
            {"http://\xe2\x93\x9b"
             "ocalhost/",
             "http://localhost/"},
            {"http://loc\xc2\xad"
             "alhost/",
             "http://localhost/"},
            {"http://%6c%6f%63%61%6c%68%6f%73%74/", "http://localhost/"},
            {"http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"},
            {"http://[::ffff:7f00:1]/", "http://127.0.0.1/"},
    };
    check_urls(&dev, odd_rows, ARRAY_LEN(odd_rows));
    struct ssrf_policy house = {.allow = &inside, .allow_count = 1};
    static const struct url_row house_rows[] = {
            {"http://10.0.0.1/", "http://10.0.0.1/"},
            {"http://svc.cluster.local/", "http://svc.cluster.local/"},
            {"http://a.internal/", "http://a.internal/"},
            {"http://localhost/", NULL},
            {"http://127.0.0.1/", NULL},
            {"http://router/", NULL},
            {"http://abc.onion/", NULL},
    };
    check_urls(&house, house_rows, ARRAY_LEN(house_rows));
    struct ssrf_policy tls = {.https_only = true, .allow = loop, .allow_count = 2};
    static const struct url_row tls_rows[] = {
            {"http://example.com/", NULL},
            {"HTTP://example.com/", NULL},
            {"http://127.0.0.1/", NULL},
            {"https://127.0.0.1/", "https://127.0.0.1/"},
            {"https://example.com/", "https://example.com/"},
    };
    check_urls(&tls, tls_rows, ARRAY_LEN(tls_rows));

    struct ssrf_url u;
    const char *why;
    assert_int_equal(ssrf_parse_url(&dev, STR("HTTPS://[::1]:8443/a?b"), &u, &why), ERR_OK);
    assert_true(u.https && u.is_literal && u.port == 8443);
    assert_string_equal(u.host, "::1");
    ssrf_url_fini(&u);
    assert_int_equal(ssrf_parse_url(&strict, STR("http://Example.com"), &u, &why), ERR_OK);
    assert_true(!u.https && !u.is_literal && u.port == 80);
    assert_string_equal(u.host, "example.com");
    ssrf_url_fini(&u);
    assert_int_equal(ssrf_parse_url(&strict, STR("http://127.0.0.1/"), &u, &why), ERR_INVALID);
    assert_string_equal(why, "The URL leads to an address that may not be reached (loopback).");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(denied_ranges),    cmocka_unit_test(subnets_parse),
            cmocka_unit_test(allow_and_own),    cmocka_unit_test(good_urls),
            cmocka_unit_test(bad_addresses),    cmocka_unit_test(bad_urls),
            cmocka_unit_test(lengths),          cmocka_unit_test(numbers_agree_with_libc),
            cmocka_unit_test(parts_and_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
