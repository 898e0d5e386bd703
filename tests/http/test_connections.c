/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: who leaves, who has to, and what many of them cost. */
#include "fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void client_leaves_before_the_answer(void **state)
{
    (void)state;
    const char *in = "POST /hold HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF "abc";
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        say_z(fds[i], in);
    }
    wait_for(&fx.held_count, 3);
    struct linger reset = {.l_onoff = 1};
    setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fds[0]);             /* by reset */
    close(fds[1]);             /* by an end */
    shutdown(fds[2], SHUT_WR); /* half: it still listens */
    usleep(50000);
    on_loop(answer_held);
    assert_int_equal(hear(fds[2], false), 200);
    assert_string_equal(got.body, "abc");
    assert_true(at_end(fds[2]));
    close(fds[2]);
    wait_for_connections(0);
}

static void busy_connection_does_not_spin(void **state)
{
    (void)state;
    struct rusage before, after;
    int fd = dial();
    say_z(fd, "GET /hold HTTP/1.1" CRLF HOST CRLF);
    wait_for(&fx.held_count, 1);
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    shutdown(fd, SHUT_WR);
    getrusage(RUSAGE_SELF, &before);
    usleep(200000);
    getrusage(RUSAGE_SELF, &after);
    int64_t used_us =
            (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
                    1000000 +
            after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    assert_true(used_us < 50000);
    on_loop(answer_held);
    assert_int_equal(hear(fd, false), 200);
    assert_int_equal(hear(fd, false), 200);
    assert_true(at_end(fd));
    close(fd);
}

static void big_answer_to_a_slow_reader(void **state)
{
    (void)state;
    int fd = dial();
    say_z(fd, "GET /big HTTP/1.1" CRLF HOST CRLF "GET /empty HTTP/1.1" CRLF HOST CRLF);
    usleep(50000);
    assert_int_equal(hear(fd, false), 200);
    assert_int_equal(got.body_len, 4 << 20);
    for (size_t i = 0; i < got.body_len; i++)
        assert_int_equal(got.body[i], 'b');
    assert_int_equal(hear(fd, false), 204);
    close(fd);
}

static int setup_peer(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.connections_per_peer_max = 5;
    fx_start();
    return 0;
}

static void cap_per_peer(void **state)
{
    (void)state;
    int fds[6];
    for (int i = 0; i < 6; i++)
        fds[i] = dial();
    assert_true(at_end(fds[5]));
    say_z(fds[0], "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fds[0], false), 200);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}

/* Three connections are all that it takes. */
static int setup_few(void **state)
{
    (void)state;
    fx.limits = http_limits_default;
    fx.limits.connections_max = 3;
    fx_start();
    return 0;
}

static void longest_idle_makes_room(void **state)
{
    (void)state;
    int fds[4];
    int64_t from = now_ms();
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        say_z(fds[i], i == 0 ? "GET /hold HTTP/1.1" CRLF HOST CRLF : "GET / HTTP/1.1" CRLF HOST CRLF);
        if (i > 0)
            assert_int_equal(hear(fds[i], false), 200);
    }
    fds[3] = dial();
    say_z(fds[3], "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fds[3], false), 200);
    assert_in_range(now_ms() - from, 500, 20000); /* the others were not idle for long */
    assert_true(at_end(fds[1]));
    assert_int_equal(connections(), 3);
    int last = dial();
    say_z(last, "GET / HTTP/1.1" CRLF HOST CRLF);
    close(fds[3]);
    assert_int_equal(hear(last, false), 200); /* or a place becomes free */
    on_loop(answer_held);
    assert_int_equal(hear(fds[0], false), 200);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    close(last);
}

/* Who connects and says nothing, or not enough, is in nobody's way for long. */
static void who_says_nothing_makes_room(void **state)
{
    (void)state;
    int fds[3], last[2];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        if (i == 2)
            say_z(fds[i], "GET / HTTP/1.1" CRLF "Host");
    }
    for (int i = 0; i < 2; i++) {
        int64_t from = now_ms();
        last[i] = dial();
        say_z(last[i], "GET /hold HTTP/1.1" CRLF HOST CRLF);
        assert_true(at_end(fds[i]));
        assert_in_range(now_ms() - from, 0, 2500);
    }
    int64_t from = now_ms();
    int one = dial();
    say_z(one, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(one, false), 200);
    assert_in_range(now_ms() - from, 0, 5000); /* long before the time-out for headers */
    assert_true(at_end(fds[2]));
    on_loop(answer_held);
    for (int i = 0; i < 2; i++) {
        close(last[i]);
        close(fds[i]);
    }
    close(fds[2]);
    close(one);
}

static atomic_int others_requests;

static void on_request_of_other(struct http_exchange *x, void *arg)
{
    others_requests++;
    fx_on_request(x, arg);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

/* Connections that come one by one are shared by the loops: none of them gets all, as long as each gets a processor. */
static void loops_share(void **state)
{
    (void)state;
    enum { FEW = 40, MANY = 400 };
    static int fds[MANY];
    pthread_t thread;
    struct loop *loop = loop_new();
    struct http_server *other = http_server_new(&(struct http_server_config){
            .loop = loop, .listen_fd = fx.listen_fd, .limits = fx.limits, .on_request = on_request_of_other});
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    int n = 0;
    others_requests = 0;
    for (; n < FEW || (n < MANY && (others_requests == 0 || others_requests == n)); n++) {
        if (n >= FEW)
            usleep(1000);
        fds[n] = dial();
        say_z(fds[n], "GET / HTTP/1.1" CRLF HOST CRLF);
        assert_int_equal(hear(fds[n], false), 200);
    }
    loop_stop(loop);
    pthread_join(thread, NULL);
    size_t of_other = http_server_connections(other);
    http_server_free(other);
    loop_free(loop);
    assert_int_equal(of_other, others_requests);
    assert_in_range(of_other, 1, n - 1);
    assert_int_equal(connections(), (size_t)n - of_other);
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void idle_connections_are_cheap(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static int fds[MANY];
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    int many = most.rlim_cur > 2 * MANY + 100 ? MANY : (int)(most.rlim_cur / 2) - 50;
    fds[0] = dial();
    say_z(fds[0], "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fds[0], false), 200);
    long before = resident_kib();
    for (int i = 1; i < many; i++) {
        fds[i] = dial();
        say_z(fds[i], "GET / HTTP/1.1" CRLF HOST CRLF);
        assert_int_equal(hear(fds[i], false), 200);
    }
    assert_int_equal(connections(), many);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(resident_kib() - before < many); /* less than 1 KiB each */
#endif
    (void)before;
    on_loop(drain);
    assert_int_equal(connections(), 0);
    for (int i = 0; i < many; i++)
        close(fds[i]);
}

static void out_of_descriptors(void **state)
{
    (void)state;
    static int taken[70000];
    int n = 0;
    struct rlimit limit, low;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* the last that we get */
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(fx.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &low);
    while (n < 70000 && (taken[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_true(at_end(fd)); /* shed, not left waiting */
    while (n > 0)
        close(taken[--n]);
    setrlimit(RLIMIT_NOFILE, &limit);
    close(fd);
    fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_int_equal(hear(fd, false), 200);
    close(fd);
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum err e;
    } rows[] = {
            {"127.0.0.1:0", ERR_OK},
            {"localhost:0", ERR_OK},
            {":0", ERR_OK},
            {"", ERR_INVALID},
            {"127.0.0.1", ERR_INVALID},
            {"127.0.0.1:", ERR_INVALID},
            {"127.0.0.1:65536", ERR_INVALID},
            {"::1:80", ERR_INVALID},
            {"[::1:80", ERR_INVALID},
            {"1.2.3.4.5:0", ERR_INVALID},
            {"192.0.2.1:0", ERR_IO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = -1;
        if (strstr(rows[i].in, "localhost") != NULL && access("/etc/hosts", R_OK) != 0)
            continue; /* a bare system may not know the name */
        assert_int_equal(http_listen(str_c(rows[i].in), &fd), rows[i].e);
        assert_int_equal(fd >= 0, rows[i].e == ERR_OK);
        if (fd >= 0)
            close(fd);
    }
}

int run_connection_tests(void)
{
    const struct CMUnitTest tests[] = {
            WITH(client_leaves_before_the_answer),
            WITH(busy_connection_does_not_spin),
            WITH(big_answer_to_a_slow_reader),
            WITH_SETUP(cap_per_peer, setup_peer),
            WITH_SETUP(longest_idle_makes_room, setup_few),
            WITH_SETUP(who_says_nothing_makes_room, setup_few),
            WITH(loops_share),
            WITH(idle_connections_are_cheap),
            WITH(out_of_descriptors),
            cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
