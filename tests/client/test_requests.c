/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client sends, and over which connections.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>

static void kept_alive_connection_is_reused(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    for (int i = 0; i < 20; i++) {
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_int_equal(x->status, 200);
        assert_int_equal(x->body_len, 2);
        assert_string_equal(x->headers, "Content-Length: 2\n");
        assert_true(x->phases.total_us >= x->phases.first_byte_us && x->phases.first_byte_us > 0);
        assert_true((x->phases.connect_us > 0) == (i == 0));
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    assert_int_equal(atomic_load(&s.requests), 20);
    assert_non_null(strstr(s.request, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(s.request, "\r\nUser-Agent: Postrider/test\r\n"));
    assert_non_null(strstr(s.request, "\r\nwebhook-id: msg_1\r\n"));
    assert_non_null(strstr(s.request, "\r\n\r\n{\"a\":1}"));
    assert_null(strcasestr(s.request, "expect:"));
    assert_null(strcasestr(s.request, "accept-encoding"));
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

static void large_bodies_arrive_whole(void **state)
{
    (void)state;
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
    static char part[3][100000];
    static const size_t sizes[] = {1, 5000, 20000, 65536, 100000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t total = 0;
        for (size_t k = 0; k < 3; k++) {
            memset(part[k], (int)('a' + i + k), sizeof part[k]);
            size_t len = k == 2 && i == 1 ? 0 : sizes[(i + k) % ARRAY_LEN(sizes)];
            x->request.body[k] = str_of(part[k], len);
            total += len;
        }
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        const char *body = s.request + s.request_len - total;
        for (size_t k = 0; k < 3; k++) {
            assert_memory_equal(body, part[k], x->request.body[k].len);
            body += x->request.body[k].len;
        }
        assert_null(strcasestr(s.request, "transfer-encoding"));
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    free(x);
    fixture_close(&f);
    server_stop(&s);
}

/* One after the other through the same handle. */
static void methods_do_not_leak_into_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *body;
        const char *has;
        const char *has_not;
    } rows[] = {
            {"POST", "x", "Content-Length: 1\r\n", "Expect"},
            {"GET", "", "GET /hook HTTP/1.1\r\n", "Content-Length"},
            {"POST", "", "Content-Length: 0\r\n", "GET"},
            {"PUT", "xy", "Content-Length: 2\r\n", "POST"},
            {"DELETE", "", "DELETE /hook HTTP/1.1\r\n", "Content-Length"},
            {"PATCH", "xyz", "Content-Length: 3\r\n", "DELETE"},
            {"POST", "abc", "\r\n\r\nabc", "PATCH"},
            {"HEAD", "", "HEAD /hook", "Content-Length"},
            {"POST", "abcd", "\r\n\r\nabcd", "HEAD"},
    };
    static struct server s;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    static const char *const headers[] = {"X-Empty:", "X-Blank: ", "X-Full: 1"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
        x->request.method = str_c(rows[i].method);
        x->request.headers = headers;
        x->request.header_count = ARRAY_LEN(headers);
        x->request.body[0] = str_c(rows[i].body);
        x->request.body[1] = x->request.body[2] = STR_NULL;
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        assert_true(str_starts(str_c(s.request), str_c(rows[i].method)));
        assert_non_null(strstr(s.request, rows[i].has));
        assert_null(strstr(s.request, rows[i].has_not));
        assert_null(strstr(s.request, "Content-Type"));
        assert_non_null(strstr(s.request, "X-Empty:\r\nX-Blank:\r\nX-Full: 1\r\n"));
        free(x);
    }
    assert_int_equal(atomic_load(&s.connections), 1);
    fixture_close(&f);
    server_stop(&s);
}

static void unusable_requests_fail_in_words(void **state)
{
    (void)state;
    static const char *const split[] = {"X: a\r\nY: b"}, *const nameless[] = {"nothing"},
                             *const framing[] = {"transfer-encoding: chunked"};
    static const struct {
        const char *url;
        const char *const *headers;
        enum cause cause;
        const char *words;
    } rows[] = {
            {"ftp://a.test/", NULL, CAUSE_URL, "neither http nor https"},
            {"http://user@a.test/", NULL, CAUSE_URL, "user name"},
            {"http://a.test:0/", NULL, CAUSE_URL, "port"},
            {"http://a.test:65536/", NULL, CAUSE_URL, "port"},
            {"http:///x", NULL, CAUSE_URL, "no host"},
            {"http://a.test/\n", NULL, CAUSE_URL, "characters"},
            {"http://127.0.0.1/", split, CAUSE_INTERNAL, "malformed"},
            {"http://127.0.0.1/", nameless, CAUSE_INTERNAL, "malformed"},
            {"http://127.0.0.1/", framing, CAUSE_INTERNAL, "not to be set"},
            {"http://127.0.0.1:1/", NULL, CAUSE_REFUSED, "connection refused by 127.0.0.1:1"},
            {"http://[::1]/", NULL, CAUSE_BLOCKED, "::1 is not allowed"},
            {"http://10.1.2.3/", NULL, CAUSE_BLOCKED, "10.1.2.3 is not allowed"},
            {"http://169.254.169.254/latest/", NULL, CAUSE_BLOCKED, "169.254.169.254 is not allowed"},
    };
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = exchange_new(&f, "127.0.0.1", 1);
        x->request.url = str_c(rows[i].url);
        x->request.headers = rows[i].headers;
        x->request.header_count = rows[i].headers != NULL;
        run_exchange(x);
        if (x->cause != rows[i].cause || strstr(x->error, rows[i].words) == NULL || x->status != 0 ||
            x->peer[0] != '\0')
            fail_msg("%s: %s \"%s\" %s", rows[i].url, cause_name(x->cause), x->error, x->peer);
        free(x);
    }
    f.policy.https_only = true;
    struct exchange *x = exchange_new(&f, "127.0.0.1", 1);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_URL);
    free(x);
    fixture_close(&f);
}

static void canceled_exchanges_are_silent(void **state)
{
    (void)state;
    static struct server hung, good;
    struct fixture f = {0};
    server_start(&hung, "127.0.0.1", STR_NULL, BEFORE_NOTHING);
    server_start(&good, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *at_once = exchange_new(&f, "127.0.0.1", hung.port),
                    *later = exchange_new(&f, "127.0.0.1", hung.port), *early = exchange_new(&f, "10.0.0.1", 1),
                    *x = exchange_new(&f, "127.0.0.1", good.port);
    send_exchange(at_once);
    send_exchange(later);
    send_exchange(early);
    client_cancel(f.client, &at_once->request);
    client_cancel(f.client, &early->request);
    f.pending = 0;
    run_exchange(x);
    assert_int_equal(client_in_flight(f.client), 1);
    client_cancel(f.client, &later->request);
    client_cancel(f.client, &later->request);
    f.pending = 0;
    run_exchange(x);
    assert_false(at_once->done || later->done || early->done);
    free(at_once);
    free(later);
    free(early);
    free(x);
    fixture_close(&f);
    server_stop(&hung);
    server_stop(&good);
}

static void many_at_once_reuse_what_is_open(void **state)
{
    (void)state;
    enum { HOSTS = 40, ROUNDS = 5 };
    static struct server s[HOSTS];
    struct fixture f = {0};
    struct exchange *x[HOSTS];
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < HOSTS; i++) {
        char ip[20];
        snprintf(ip, sizeof ip, "127.0.1.%zu", i + 1);
        server_start(&s[i], ip, STR(OK_ANSWER), AFTER_KEEP);
        x[i] = exchange_new(&f, ip, s[i].port);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < HOSTS; i++)
            send_exchange(x[i]);
        loop_run(f.loop);
        for (size_t i = 0; i < HOSTS; i++)
            assert_int_equal(x[i]->cause, CAUSE_NONE);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(atomic_load(&s[i].connections), 1);
        free(x[i]);
    }
    fixture_close(&f);
    for (size_t i = 0; i < HOSTS; i++)
        server_stop(&s[i]);
}

int run_request_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(kept_alive_connection_is_reused),     cmocka_unit_test(large_bodies_arrive_whole),
            cmocka_unit_test(methods_do_not_leak_into_each_other), cmocka_unit_test(unusable_requests_fail_in_words),
            cmocka_unit_test(canceled_exchanges_are_silent),       cmocka_unit_test(many_at_once_reuse_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
