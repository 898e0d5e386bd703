/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are connected to, and from which.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* What curl asks once it is connected; a peer that has reset the connection has no address any more. */
static bool peer_is_gone;

int getpeername(int fd, struct sockaddr *restrict sa, socklen_t *restrict len);
int getpeername(int fd, struct sockaddr *restrict sa, socklen_t *restrict len)
{
    if (peer_is_gone) {
        errno = ENOTCONN;
        return -1;
    }
    return (int)syscall(SYS_getpeername, fd, sa, len);
}

static void connection_reset_at_once_is_no_blocked_address(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    x->request.http2 = true; /* through curl */
    peer_is_gone = true;
    run_exchange(x);
    peer_is_gone = false;
    assert_int_equal(x->cause, CAUSE_RESET);
    assert_true(str_starts(str_c(x->error), STR("connection reset by 127.0.0.1:")));
    assert_int_equal(atomic_load(&s.requests), 0);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
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
            cmocka_unit_test(connection_reset_at_once_is_no_blocked_address),
            cmocka_unit_test(source_address_is_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
