/* SPDX-License-Identifier: Apache-2.0 */
/* The same over TLS. */
#include "fixture.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

static char tls_dir[40], cert_path[64], key_path[64];

static void PRINTF_LIKE(1, 2) run(const char *fmt, ...)
{
    char command[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

/* A key and its certificate for all tests. */
static int make_files(void **state)
{
    (void)state;
    snprintf(tls_dir, sizeof tls_dir, "/tmp/test_http_XXXXXX");
    assert_non_null(mkdtemp(tls_dir));
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", tls_dir);
    snprintf(key_path, sizeof key_path, "%s/key.pem", tls_dir);
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 "
        "-keyout %s -out %s 2>/dev/null",
        key_path, cert_path);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    rmdir(tls_dir);
    return 0;
}

static void begin(int64_t header_timeout_ms)
{
    const char *why = NULL;
    assert_int_equal(http_tls_load(cert_path, key_path, &fx.tls, &why), ERR_OK);
    fx.limits = http_limits_default;
    fx.limits.header_timeout_ms = header_timeout_ms;
    fx_start();
}

static int teardown_tls(void **state)
{
    fx_teardown(state);
    http_tls_free(fx.tls);
    fx.tls = NULL;
    return 0;
}

static void files_that_do_not_fit(void **state)
{
    (void)state;
    const char *why = NULL;
    void *tls = NULL;
    assert_int_equal(http_tls_load(cert_path, cert_path, &tls, &why), ERR_INVALID);
    assert_non_null(strstr(why, "TLS_KEY is not a private key"));
    assert_int_equal(http_tls_load(key_path, key_path, &tls, &why), ERR_INVALID);
    assert_non_null(strstr(why, "TLS_CERT is not a certificate"));
    static const char *const others[] = {"EC -pkeyopt ec_paramgen_curve:P-256", "ED25519"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char other[64];
        snprintf(other, sizeof other, "%s/other.pem", tls_dir);
        run("openssl genpkey -algorithm %s -out %s 2>/dev/null", others[i], other);
        assert_int_equal(http_tls_load(cert_path, other, &tls, &why), ERR_INVALID);
        assert_non_null(strstr(why, "does not belong"));
        unlink(other);
    }
    assert_null(tls);
}

/* A client that has shaken hands; version: the newest that it speaks, 0: any. */
struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    bool connected;
};

static struct tls_client tls_dial(int version)
{
    struct tls_client c = {.ctx = SSL_CTX_new(TLS_client_method()), .fd = dial()};
    c.ssl = SSL_new(c.ctx);
    SSL_set_fd(c.ssl, c.fd);
    SSL_set_max_proto_version(c.ssl, version);
    c.connected = SSL_connect(c.ssl) == 1;
    return c;
}

static void tls_hang_up(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

static bool tls_say(SSL *ssl, const char *bytes, size_t len)
{
    return SSL_write(ssl, bytes, (int)len) == (int)len;
}

static bool tls_say_z(SSL *ssl, const char *text)
{
    return tls_say(ssl, text, strlen(text));
}

/* Up to the end, or n bytes. */
static size_t read_all(SSL *ssl, char *to, size_t n)
{
    size_t at = 0;
    int k;
    while (at < n && (k = SSL_read(ssl, to + at, (int)(n - at))) > 0)
        at += (size_t)k;
    return at;
}

static bool was_told_the_end(const SSL *ssl)
{
    return (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

static char answer[5 << 20];

static void over_tls(void **state)
{
    (void)state;
    static char big[60000];
    begin(10000);
    struct tls_client c = tls_dial(0);
    assert_true(c.connected);
    /* both in one record */
    tls_say_z(c.ssl, "GET /defer HTTP/1.1" CRLF HOST CRLF "GET /empty HTTP/1.1" CRLF HOST CRLF);
    size_t n = 0;
    memset(answer, 0, sizeof answer);
    while (n < 40 || strstr(answer, "204 No Content") == NULL) {
        int k = SSL_read(c.ssl, answer + n, 4096);
        assert_true(k > 0);
        n += (size_t)k;
    }
    assert_non_null(strstr(answer, "202 Accepted"));
    memset(big, 'z', sizeof big);
    tls_say_z(c.ssl, "POST / HTTP/1.1" CRLF HOST "Content-Length: 60000" CRLF CRLF);
    tls_say(c.ssl, big, sizeof big);
    memset(answer, 0, sizeof answer);
    n = 0;
    while (n < 60000 || strstr(answer, "\r\n\r\n") + 4 + 60000 > answer + n) {
        int k = SSL_read(c.ssl, answer + n, 65536);
        assert_true(k > 0);
        n += (size_t)k;
    }
    tls_say_z(c.ssl, "GET /big HTTP/1.1" CRLF HOST "Connection: close" CRLF CRLF);
    usleep(50000); /* it does not read at first */
    n = read_all(c.ssl, answer, sizeof answer);
    assert_true(n > 4 << 20);
    assert_int_equal(answer[n - 1], 'b');
    assert_true(was_told_the_end(c.ssl));
    tls_hang_up(&c);
    wait_for_connections(0);
}

/* Plain HTTP to a TLS port, silence, and a version that is too old. */
static void what_is_no_tls(void **state)
{
    (void)state;
    char rest[100];
    begin(300);
    int fd = dial();
    say_z(fd, "GET / HTTP/1.1" CRLF HOST CRLF);
    while (recv(fd, rest, sizeof rest, 0) > 0)
        ;
    close(fd);
    fd = dial();
    assert_true(at_end(fd));
    close(fd);
    struct tls_client old = tls_dial(TLS1_1_VERSION);
    assert_false(old.connected);
    tls_hang_up(&old);
    wait_for_connections(0);
}

/* The client sends all of a body that is refused before it listens: it reads the answer, and that it is the last. */
static void refused_while_it_sends(void **state)
{
    (void)state;
    static char part[1 << 20];
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    begin(10000);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct tls_client c = tls_dial(versions[i]);
        assert_true(c.connected);
        assert_true(tls_say_z(c.ssl, "POST / HTTP/1.1" CRLF HOST "Content-Length: 12582912" CRLF CRLF));
        for (int k = 0; k < 12; k++)
            assert_true(tls_say(c.ssl, part, sizeof part));
        size_t n = read_all(c.ssl, answer, sizeof answer - 1);
        answer[n] = '\0';
        assert_non_null(strstr(answer, "HTTP/1.1 413 "));
        assert_non_null(strstr(answer, "Connection: close\r\n"));
        assert_true(was_told_the_end(c.ssl));
        tls_hang_up(&c);
        wait_for_connections(0);
    }
}

#define TLS_TEST(test) cmocka_unit_test_teardown(test, teardown_tls)

int run_tls_tests(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(files_that_do_not_fit),
            TLS_TEST(over_tls),
            TLS_TEST(what_is_no_tls),
            TLS_TEST(refused_while_it_sends),
    };
    return cmocka_run_group_tests_name("tls", tests, make_files, remove_files);
}
