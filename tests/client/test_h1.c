/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the client's own HTTP/1.1 has: the answer's bytes in pieces of every size, which connections are kept, and
 * deadlines.
 */
#include "fixture.h"

#include <poll.h>
#include <sys/socket.h>

#include "delivery/client_impl.h"
#include "sys/clock.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define FOUR   "Content-Length: 4\r\n"
#define CODED  OK "Transfer-Encoding: chunked\r\n"
#define FIELDS "X: y\r\nRetry-After: 3\r\n"

static const struct {
    const char *bytes;
    enum h1_step step;
    bool reusable;
    const char *body;
    const char *headers; /* NULL: not compared */
} rows[] = {
        {OK FOUR "\r\nbody", H1_DONE, true, "body", "Content-Length: 4\n"},
        {OK FOUR FIELDS "\r\nbody", H1_DONE, true, "body", "Content-Length: 4\nX: y\nRetry-After: 3\n"},
        {"HTTP/1.1 200\nContent-Length:4\n\nbody", H1_DONE, true, "body", "Content-Length: 4\n"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Length: 9\r\n\r\n" OK FOUR "\r\nbody", H1_DONE,
         true, "body", "Content-Length: 4\n"},
        {OK FOUR "Connection: x , CLOSE\r\n\r\nbody", H1_DONE, false, "body", NULL},
        {"HTTP/1.0 200 OK\r\n" FOUR "\r\nbody", H1_DONE, false, "body", NULL},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" FOUR "\r\nbody", H1_DONE, true, "body", NULL},
        {OK FOUR FOUR "\r\nbody", H1_DONE, true, "body", NULL},
        {OK FOUR "Content-Length: 5\r\n\r\nbody", H1_INVALID, false, "", NULL},
        {OK "Content-Length: 4, 4\r\n\r\nbody", H1_INVALID, false, "", NULL},
        {OK "Content-Length: +4\r\n\r\nbody", H1_INVALID, false, "", NULL},
        {OK "Content-Length: 99999999999999999999\r\n\r\n", H1_INVALID, false, "", NULL},
        {OK "Content-Length: 4\r\n 0\r\n\r\nbody", H1_INVALID, false, "", NULL},
        {OK "nothing\r\n\r\n", H1_INVALID, false, "", NULL},
        {OK ": x\r\n\r\n", H1_INVALID, false, "", NULL},
        {"HTTP/1.1 204 No\r\n\r\n", H1_DONE, true, "", ""},
        {"HTTP/1.1 304 No\r\n" FOUR "\r\n", H1_DONE, true, "", NULL},
        {"HTTP/1.1 2000 OK\r\n\r\n", H1_INVALID, false, "", NULL},
        {"HTTP/1.1 099 OK\r\n\r\n", H1_INVALID, false, "", NULL},
        {"HTTP/2 200 OK\r\n\r\n", H1_INVALID, false, "", NULL},
        {"\r\n" OK "\r\n", H1_INVALID, false, "", NULL},
        {"HTTP/1.1 101 Go\r\n\r\n", H1_STOPPED, false, "", NULL},
        {OK "\r\nto the end", H1_MORE, false, "to the end", NULL},
        {CODED "\r\n2\r\nbo\r\n002;x=y\r\ndy\r\n0\r\nT: u\r\n\r\n", H1_DONE, true, "body",
         "Transfer-Encoding: chunked\n"},
        {CODED "\r\nA\r\n0123456789\r\n0\r\n\r\n", H1_DONE, true, "0123456789", NULL},
        {CODED FOUR "\r\n4\r\nbody\r\n0\r\n\r\n", H1_DONE, false, "body", NULL},
        {CODED "\r\n4\r\nbodyX\r\n0\r\n\r\n", H1_INVALID, false, "body", NULL},
        {CODED "\r\n\r\n", H1_INVALID, false, "", NULL},
        {CODED "\r\nfffffffffffffffffff\r\n", H1_INVALID, false, "", NULL},
        {CODED "\r\n4\r\nbo", H1_MORE, false, "bo", NULL},
        {CODED "Transfer-Encoding: chunked\r\n\r\n", H1_INVALID, false, "", NULL},
        {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", H1_INVALID, false, "", NULL},
        {"HTTP", H1_MORE, false, "", NULL},
        {"HTTP/1.1 200", H1_MORE, false, "", NULL},
        {"\x15\x03\x01", H1_INVALID, false, "", NULL},
};

static void check_row(struct transfer *t, size_t row, size_t piece)
{
    char bytes[512];
    size_t len = strlen(rows[row].bytes);
    memcpy(bytes, rows[row].bytes, len);
    transfer_clear(t);
    h1_answer_begin(&t->h1.answer, false);
    enum h1_step step = H1_MORE;
    for (size_t at = 0; at < len && step == H1_MORE; at += piece)
        step = h1_answer_take(t, bytes + at, piece < len - at ? piece : len - at);
    bool reusable = step == H1_DONE && t->h1.answer.reusable;
    if (step != rows[row].step || reusable != rows[row].reusable ||
        !str_eq(buf_str(&t->answer), str_c(rows[row].body)) ||
        (rows[row].headers != NULL && !str_eq(buf_str(&t->headers), str_c(rows[row].headers))))
        fail_msg("%s in pieces of %zu: step %d reusable %d body \"" STR_FMT "\" headers \"" STR_FMT "\"",
                 rows[row].bytes, piece, (int)step, reusable, STR_ARG(buf_str(&t->answer)),
                 STR_ARG(buf_str(&t->headers)));
}

static void answers_in_pieces_are_the_same(void **state)
{
    (void)state;
    struct fixture f = {0};
    fixture_open(&f, NULL);
    struct transfer *t = transfer_new(f.client);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t piece = 1; piece <= strlen(rows[i].bytes); piece++)
            check_row(t, i, piece);
    transfer_free(t);
    fixture_close(&f);
}

/* Whether a second exchange opens a second connection, by how the first was answered. */
static void connections_are_kept_only_when_clean(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int connections;
    } answers[] = {
            {OK_ANSWER, 1},
            {OK_ANSWER "x", 2},
            {OK_ANSWER OK_ANSWER, 2},
            {CODED "\r\n1\r\nx\r\n0\r\nTrailer: x\r\n\r\n", 1},
            {OK "Connection: close\r\n" FOUR "\r\nbody", 2},
            {"HTTP/1.0 200 OK\r\n" FOUR "\r\nbody", 2},
            {"HTTP/1.1 500 No\r\n" FOUR "\r\nbody", 1},
    };
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct server *s = mem_zalloc(1, sizeof *s);
        server_start(s, "127.0.0.1", str_c(answers[i].answer), AFTER_KEEP);
        struct exchange *x = exchange_new(&f, "127.0.0.1", s->port);
        run_exchange(x);
        run_exchange(x);
        if (atomic_load(&s->connections) != answers[i].connections)
            fail_msg("%s: %d connections", answers[i].answer, atomic_load(&s->connections));
        free(x);
        server_stop(s);
        free(s);
    }
    fixture_close(&f);
}

/* A server that reads nothing but answers, and keeps what it accepted: enough for answers that come too early. */
static void early_answer_ends_the_exchange(void **state)
{
    (void)state;
    struct address a;
    socklen_t len = sizeof a;
    assert_true(address_parse(STR("127.0.0.1"), 0, &a));
    int listener = socket(AF_INET, SOCK_STREAM, 0), peer[2];
    assert_int_equal(bind(listener, &a.sa, address_len(&a)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, &a.sa, &len), 0);
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "127.0.0.1", address_port(&a));
    size_t big_len = 16u << 20;
    char *big = mem_zalloc(1, big_len);
    x->request.body[1] = str_of(big, big_len);
    for (size_t i = 0; i < 2; i++) {
        static const char answer[] = "HTTP/1.1 413 No\r\nContent-Length: 4\r\n\r\nbody";
        send_exchange(x);
        pause_loop(&f, 50);
        peer[i] = accept(listener, NULL, NULL); /* a second connection, or this would wait for ever */
        assert_int_equal(send(peer[i], answer, sizeof answer - 1, 0), sizeof answer - 1);
        loop_run(f.loop);
        assert_true(x->done);
        assert_int_equal(x->cause, CAUSE_STATUS);
        assert_int_equal(x->status, 413);
        assert_int_equal(x->body_len, 4);
    }
    for (size_t i = 0; i < 2; i++)
        close(peer[i]);
    close(listener);
    free(big);
    free(x);
    fixture_close(&f);
}

/* Many peers end at once while their connections are idle; no more of these are kept than allowed. */
static void idle_connections_end(void **state)
{
    (void)state;
    enum { HOSTS = 12, KEPT = 5 };
    static struct server s[HOSTS];
    struct fixture f = {.config.idle_connections_max = KEPT};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < HOSTS; i++) {
        char ip[20];
        snprintf(ip, sizeof ip, "127.0.2.%zu", i + 1);
        server_start(&s[i], ip, STR(OK_ANSWER), AFTER_KEEP);
        struct exchange *x = exchange_new(&f, ip, s[i].port);
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        free(x);
        assert_int_equal(f.client->pool.idle_count, i + 1 < KEPT ? i + 1 : KEPT);
    }
    h1_pool_share(&f.client->pool, 1);
    assert_int_equal(f.client->pool.idle_count, KEPT - 1);
    h1_pool_share(&f.client->pool, 100);
    assert_int_equal(f.client->pool.idle_count, KEPT / 2);
    for (size_t i = 0; i < HOSTS; i++)
        server_stop(&s[i]);
    pause_loop(&f, 50);
    assert_int_equal(f.client->pool.idle_count, 0);
    fixture_close(&f);
}

/* Names that share an address do not share connections. */
static void names_do_not_share_connections(void **state)
{
    (void)state;
    static struct name names[] = {{.name = "a.test", .ip = {"127.0.0.1"}}, {.name = "b.test", .ip = {"127.0.0.1"}}};
    static struct server s;
    struct dns_server d;
    struct fixture f = {0};
    server_start(&s, "127.0.0.1", STR(OK_ANSWER), AFTER_KEEP);
    dns_start(&d, names, ARRAY_LEN(names));
    f.config.resolver = d.address;
    fixture_open(&f, "127.0.0.0/8");
    for (int i = 0; i < 2; i++) {
        struct exchange *x = exchange_new(&f, names[i].name, s.port);
        run_exchange(x);
        assert_int_equal(x->cause, CAUSE_NONE);
        free(x);
    }
    assert_int_equal(atomic_load(&s.connections), 2);
    fixture_close(&f);
    server_stop(&s);
    dns_stop(&d);
}

/* Deadlines */

struct due {
    struct h1_due due;
    int64_t at_ms;
    int64_t fired_ms;
};

static void on_due(struct h1_due *d)
{
    struct due *x = CONTAINER_OF(d, struct due, due);
    assert_int_equal(x->fired_ms, 0);
    x->fired_ms = clock_mono_ms();
}

/* Never early, never much too late; also those that are set again, removed, or more than a turn of the ring away. */
static void deadlines_fire_in_time(void **state)
{
    (void)state;
    static const int after_ms[] = {0, 1, 63, 64, 65, 127, 128, 300, 301, 420};
    enum { COUNT = ARRAY_LEN(after_ms) };
    static struct due due[COUNT + 3];
    static struct h1_wheel w;
    struct fixture f = {.loop = loop_new()};
    h1_wheel_init(&w, f.loop, on_due);
    int64_t now_ms = clock_mono_ms(), ring_ms = (int64_t)H1_WHEEL_SLOTS * H1_WHEEL_STEP_MS;
    for (size_t i = 0; i < ARRAY_LEN(due); i++) {
        list_init(&due[i].due.node);
        due[i].at_ms = now_ms + (i < COUNT ? after_ms[i] : 200);
        h1_wheel_set(&w, &due[i].due, due[i].at_ms);
    }
    h1_wheel_remove(&w, &due[COUNT].due);
    h1_wheel_set(&w, &due[COUNT + 1].due, due[COUNT + 1].at_ms += 150);
    h1_wheel_set(&w, &due[COUNT + 2].due, due[COUNT + 2].at_ms += ring_ms);
    pause_loop(&f, 700);
    for (size_t i = 0; i < COUNT + 2; i++) {
        if (i == COUNT)
            assert_int_equal(due[i].fired_ms, 0);
        else
            assert_in_range(due[i].fired_ms - due[i].at_ms, 0, 200); /* 64, and a busy machine */
    }
    assert_int_equal(due[COUNT + 2].fired_ms, 0);
    assert_int_equal(w.count, 1);
    h1_wheel_remove(&w, &due[COUNT + 2].due);
    h1_wheel_fini(&w);
    loop_free(f.loop);
}

int run_h1_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(answers_in_pieces_are_the_same), cmocka_unit_test(connections_are_kept_only_when_clean),
            cmocka_unit_test(early_answer_ends_the_exchange), cmocka_unit_test(idle_connections_end),
            cmocka_unit_test(names_do_not_share_connections), cmocka_unit_test(deadlines_fire_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
