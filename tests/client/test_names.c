/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names: resolved, guarded, rebound.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>

static void names_are_resolved_and_guarded(void **state)
{
    (void)state;
    static struct name names[] = {
            {.name = "plain.test", .ip = {"127.0.0.1"}},
            {.name = "mixed.test", .ip = {"127.0.0.2", "10.0.0.1", "127.0.0.1"}},
            {.name = "inside.test", .ip = {"10.0.0.1", "127.0.0.2"}},
            {.name = "none.test", .rcode = 3},
            {.name = "broken.test", .rcode = 2},
            {.name = "silent.test", .rcode = -1},
    };
    static const struct {
        const char *host;
        enum cause cause;
        const char *words;
    } rows[] = {
            {"plain.test", CAUSE_NONE, ""},
            {"mixed.test", CAUSE_NONE, ""},
            {"inside.test", CAUSE_BLOCKED, " is not allowed: "},
            {"none.test", CAUSE_DNS, "DNS: none.test: no such name"},
            {"none.test", CAUSE_DNS, "DNS: none.test: no such name"},
            {"broken.test", CAUSE_DNS, "the DNS servers failed"},
            {"unlisted.test", CAUSE_DNS, "the DNS servers failed"},
            {"silent.test", CAUSE_TIMEOUT_DNS, "no answer within 700 ms (resolving the host name)"},
    };
    static struct server s, forbidden;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    forbidden.port = s.port;
    server_start(&forbidden, "127.0.0.2", STR(OK_ANSWER), AFTER_KEEP);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.1/32");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = exchange_new(&f, rows[i].host, s.port);
        x->request.timeout_ms = 700;
        run_exchange(x);
        if (x->cause != rows[i].cause || strstr(x->error, rows[i].words) == NULL)
            fail_msg("%s: %s \"%s\"", rows[i].host, cause_name(x->cause), x->error);
        if (x->cause == CAUSE_NONE) {
            char host[64];
            snprintf(host, sizeof host, "\r\nHost: %s:%u\r\n", rows[i].host, s.port);
            assert_non_null(strstr(s.request, host));
            assert_true(str_starts(str_c(x->peer), STR("127.0.0.1:")));
            assert_true(x->phases.dns_us > 0 && x->phases.connect_us >= x->phases.dns_us);
        }
        free(x);
    }
    struct exchange *x[10];
    for (size_t i = 0; i < ARRAY_LEN(x); i++)
        send_exchange(x[i] = exchange_new(&f, "plain.test", s.port));
    loop_run(f.loop);
    for (size_t i = 0; i < ARRAY_LEN(x); i++) {
        assert_int_equal(x[i]->cause, CAUSE_NONE);
        free(x[i]);
    }
    assert_in_range(atomic_load(&names[0].asked), 1, 2);
    assert_int_equal(atomic_load(&forbidden.connections), 0);
    fixture_close(&f);
    server_stop(&s);
    server_stop(&forbidden);
    dns_stop(&d);
}

/* The name's owner changes its address to one inside, with a TTL of 0, while a connection is kept alive. */
static void rebinding_reaches_nothing(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "flip.test", .ip = {"127.0.0.1"}, .then = "127.0.0.2"}};
    static struct server s, forbidden;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    forbidden.port = s.port;
    server_start(&forbidden, "127.0.0.2", STR(OK_ANSWER), AFTER_KEEP);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.1/32");
    struct exchange *x = exchange_new(&f, "flip.test", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    pause_loop(&f, 1100);
    for (int i = 0; i < 3; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_BLOCKED);
    }
    assert_int_equal(atomic_load(&names[0].asked), 2);
    assert_int_equal(atomic_load(&s.requests), 1);
    assert_int_equal(atomic_load(&forbidden.connections), 0);
    free(x);
    fixture_close(&f);
    server_stop(&s);
    server_stop(&forbidden);
    dns_stop(&d);
}

/* The first addresses refuse; the third answers, and is remembered. */
static void next_address_is_tried(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "three.test", .ip = {"127.0.0.3", "127.0.0.4", "127.0.0.1"}}};
    static struct server s;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_CLOSE);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "three.test", s.port);
    for (int i = 0; i < 2; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_true(str_starts(str_c(x->peer), STR("127.0.0.1:")));
    }
    server_stop(&s);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_REFUSED);
    free(x);
    fixture_close(&f);
    dns_stop(&d);
}

/* The servers fail once the answer has expired: the last good one goes on. */
static void stale_answer_serves_while_servers_fail(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "once.test", .ip = {"127.0.0.1"}, .then_fails = true}};
    static struct server s;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "once.test", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    pause_loop(&f, 1100);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    assert_int_equal(atomic_load(&names[0].asked), 1);
    free(x);
    fixture_close(&f);
    server_stop(&s);
    dns_stop(&d);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool yes = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return yes;
}

static void ipv6_address_is_pinned(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    static struct name names[] = {{.name = "six.test", .ip = {"fd00::1", "::1"}}};
    static struct server s;
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    server_start(&s, "::1", STR(OK_ANSWER), AFTER_KEEP);
    f.config.resolver = d.address;
    fixture_open(&f, "::1");
    struct exchange *x = exchange_new(&f, "six.test", s.port);
    for (int i = 0; i < 2; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_true(str_starts(str_c(x->peer), STR("[::1]:")));
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    free(x);
    fixture_close(&f);
    server_stop(&s);
    dns_stop(&d);
}

static void waiting_for_a_name_can_be_canceled(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "silent.test", .rcode = -1}};
    struct dns_server d;
    struct fixture f = {0};
    dns_start(&d, names, ARRAY_LEN(names));
    f.config.resolver = d.address;
    fixture_open(&f, NULL);
    struct exchange *x = exchange_new(&f, "silent.test", 80), *y = exchange_new(&f, "silent.test", 80);
    y->request.timeout_ms = 200;
    send_exchange(x);
    f.pending = 0;
    run_exchange(y);
    assert_int_equal(y->cause, CAUSE_TIMEOUT_DNS);
    client_cancel(f.client, &x->request);
    assert_int_equal(client_in_flight(f.client), 0);
    assert_false(x->done);
    free(x);
    free(y);
    fixture_close(&f);
    dns_stop(&d);
}

int run_name_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(names_are_resolved_and_guarded), cmocka_unit_test(rebinding_reaches_nothing),
            cmocka_unit_test(next_address_is_tried),          cmocka_unit_test(stale_answer_serves_while_servers_fail),
            cmocka_unit_test(ipv6_address_is_pinned),         cmocka_unit_test(waiting_for_a_name_can_be_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
