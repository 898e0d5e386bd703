/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The egress proxy.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>

#include "delivery/proxy.h"

static void proxy_exceptions_match(void **state)
{
    (void)state;
    static const struct {
        const char *no_proxy, *host, *ip;
        bool bypassed;
    } rows[] = {
            {"", "a.test", "192.0.2.1", false},
            {"*", "a.test", "192.0.2.1", true},
            {"a.test", "a.test", "192.0.2.1", true},
            {"A.Test", "b.a.test", "192.0.2.1", true},
            {".a.test", "a.test", "192.0.2.1", true},
            {"a.test", "ba.test", "192.0.2.1", false},
            {"x, 192.0.2.0/24", "b", "192.0.2.1", true},
            {"192.0.2.0/25", "b", "192.0.2.129", false},
            {"192.0.2.1", "192.0.2.1", "192.0.2.1", true},
            {"2001:db8::/32", "b", "2001:db8::1", true},
            {",,", "b", "192.0.2.1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address a;
        struct target t = {.host = str_c(rows[i].host), .port = 80};
        assert_true(address_parse(str_c(rows[i].ip), 80, &a));
        assert_int_equal(proxy_is_bypassed(str_c(rows[i].no_proxy), &t, &a), rows[i].bypassed);
    }
}

/* Host literals go to the proxy in absolute form, and what the proxy does is told apart from what the endpoint does. */
static void proxy_is_used(void **state)
{
    (void)state;
    static struct server good, bad;
    char url[64];
    server_start(&good, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    server_start(&bad, "127.0.0.1", STR("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), AFTER_KEEP);
    snprintf(url, sizeof url, "http://user:pw@127.0.0.1:%u", good.port);
    struct fixture f = {.config = {.proxy = url, .no_proxy = "127.0.0.1"}};
    fixture_open(&f, "127.0.0.1/32");
    struct exchange *x = exchange_new(&f, "198.41.0.4", 80);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    assert_true(str_starts(str_c(good.request), STR("POST http://198.41.0.4:80/hook HTTP/1.1\r\n")) ||
                str_starts(str_c(good.request), STR("POST http://198.41.0.4/hook HTTP/1.1\r\n")));
    assert_non_null(strstr(good.request, "Proxy-Authorization: Basic "));
    exchange_aim(x, "http://10.0.0.1/");
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    exchange_aim(x, "http://127.0.0.1:%u/", bad.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_STATUS);
    assert_true(str_starts(str_c(bad.request), STR("POST / HTTP/1.1\r\n")));
    assert_null(strstr(bad.request, "Proxy-Authorization"));
    assert_int_equal(atomic_load(&good.requests), 1);
    free(x);
    fixture_close(&f);

    snprintf(url, sizeof url, "http://127.0.0.1:%u", bad.port);
    struct fixture g = {.config.proxy = url};
    fixture_open(&g, NULL);
    x = exchange_new(&g, "198.41.0.4", 80);
    exchange_aim(x, "https://198.41.0.4/");
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_PROXY);
    assert_string_equal(x->error, "the egress proxy answered 403");
    assert_true(str_starts(str_c(bad.request), STR("CONNECT 198.41.0.4:443 HTTP/1.1\r\n")));
    fixture_close(&g);
    server_stop(&bad);

    struct fixture h = {.config.proxy = url};
    fixture_open(&h, NULL);
    x->fixture = &h;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_PROXY);
    assert_string_equal(x->error, "the egress proxy cannot be reached");
    free(x);
    fixture_close(&h);
    server_stop(&good);
}

/* A name goes to the proxy as the address that was checked. */
static void proxy_is_told_the_checked_address(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "out.test", .ip = {"198.41.0.4"}}, {.name = "in.test", .ip = {"10.0.0.1"}}};
    static struct server s;
    struct dns_server d;
    char url[64];
    server_start(&s, "127.0.0.1", STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), AFTER_KEEP);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", s.port);
    dns_start(&d, names, ARRAY_LEN(names));
    struct fixture f = {.config = {.proxy = url, .resolver = d.address}};
    fixture_open(&f, NULL);
    struct exchange *x = exchange_new(&f, "in.test", 80);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    assert_int_equal(atomic_load(&s.connections), 0);
    exchange_aim(x, "http://out.test/hook");
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    assert_string_equal(x->headers, "Content-Length: 0\n");
    assert_true(str_starts(str_c(s.first), STR("CONNECT 198.41.0.4:80 HTTP/1.1\r\n")));
    assert_true(str_starts(str_c(s.request), STR("POST /hook HTTP/1.1\r\nHost: out.test\r\n")));
    free(x);
    fixture_close(&f);
    server_stop(&s);
    dns_stop(&d);
}

int run_proxy_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(proxy_exceptions_match),
            cmocka_unit_test(proxy_is_used),
            cmocka_unit_test(proxy_is_told_the_checked_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
