/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are connected to, and from which.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>

static void blocked_address_gets_no_packet(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.2", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.1/32");
    struct exchange *x = exchange_new(&f, "127.0.0.2", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    assert_non_null(strstr(x->error, "127.0.0.2 is not allowed: "));
    assert_int_equal(atomic_load(&s.connections), 0);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* A connection that was permitted when it was opened is not used once its address is no longer. */
static void kept_alive_connection_is_checked_again(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    f.policy.allow_count = 0;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_BLOCKED);
    assert_int_equal(atomic_load(&s.requests), 1);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

static void source_address_is_bound(void **state)
{
    (void)state;
    static struct server s;
    static const char *const sources[] = {"127.0.0.2", "127.0.0.3", NULL}, *const foreign[] = {"192.0.2.1", NULL};
    struct fixture f = {.config.bind = sources};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_CLOSE);
    fixture_open(&f, "127.0.0.0/8");
    for (unsigned i = 0; i < 4; i++) {
        struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_int_equal(s.peer, 0x7f000002u + i % 2);
        free(x);
    }
    fixture_close(&f);
    struct fixture g = {.config.bind = foreign};
    fixture_open(&g, "127.0.0.0/8");
    struct exchange *x = exchange_new(&g, "127.0.0.1", s.port);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_UNREACHABLE);
    assert_non_null(strstr(x->error, "Cannot assign requested address"));
    free(x);
    fixture_close(&g);
    server_stop(&s);
}

int run_guard_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(blocked_address_gets_no_packet),
            cmocka_unit_test(kept_alive_connection_is_checked_again),
            cmocka_unit_test(source_address_is_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
