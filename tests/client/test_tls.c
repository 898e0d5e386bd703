/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS: private authorities, expired and foreign certificates, client certificates, HTTP/2 asked of a server without.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

struct tls_server {
    int fd;
    unsigned port;
    pthread_t thread;
    SSL_CTX *ctx;
    atomic_int handshakes;
    atomic_int requests;
    bool close_each;
};

static char dir[] = "/tmp/client-tls-XXXXXX";

/* Two authorities, certificates of the first for 127.0.0.1: good, expired, for another host; one for the client. */
static const char make_certs[] =
        "set -e; cd %s; exec >/dev/null 2>&1;"
        "for c in ca other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $c.key "
        "-out $c.pem"
        " -subj /CN=$c -days 30; done;"
        "sign() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj "
        "/CN=$1;"
        " echo subjectAltName=$2 > $1.ext;"
        " openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -extfile $1.ext -days $3; "
        "};"
        "sign good IP:127.0.0.1,DNS:good.test 30; sign expired IP:127.0.0.1 -1; sign foreign DNS:a.test 30; sign client"
        " DNS:client 30";

static char *read_pem(const char *name)
{
    char path[100];
    char *text = mem_zalloc(1, 10000);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, 9999, f) > 0);
    fclose(f);
    return text;
}

static void serve_tls_connection(struct tls_server *s, int fd)
{
    SSL *ssl = SSL_new(s->ctx);
    SSL_set_fd(ssl, fd);
    char request[4096];
    if (SSL_accept(ssl) == 1) {
        atomic_fetch_add(&s->handshakes, 1);
        while (SSL_read(ssl, request, sizeof request) > 0) {
            atomic_fetch_add(&s->requests, 1);
            if (SSL_write(ssl, OK_ANSWER, sizeof OK_ANSWER - 1) <= 0 || s->close_each)
                break;
        }
    }
    SSL_free(ssl);
    close(fd);
}

static void *serve_tls(void *arg)
{
    struct tls_server *s = arg;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        struct timeval limit = {.tv_sec = 0, .tv_usec = 500000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        serve_tls_connection(s, fd);
    }
    return NULL;
}

static void tls_start(struct tls_server *s, const char *cert, bool ask_client)
{
    char path[100];
    memset(s, 0, sizeof *s);
    s->ctx = SSL_CTX_new(TLS_server_method());
    snprintf(path, sizeof path, "%s/%s.pem", dir, cert);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(s->ctx, path), 1);
    snprintf(path, sizeof path, "%s/%s.key", dir, cert);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(s->ctx, path, SSL_FILETYPE_PEM), 1);
    if (ask_client) {
        snprintf(path, sizeof path, "%s/ca.pem", dir);
        assert_int_equal(SSL_CTX_load_verify_locations(s->ctx, path, NULL), 1);
        SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve_tls, s), 0);
}

static void tls_stop(struct tls_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    SSL_CTX_free(s->ctx);
}

static int make_files(void **state)
{
    (void)state;
    char command[2000];
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(command, sizeof command, make_certs, dir);
    return system(command);
}

static int remove_files(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void certificates_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *cert;
        const char *bundle;
        enum cause cause;
        const char *words;
    } rows[] = {
            {"good", NULL, CAUSE_TLS, "TLS: unable to get local issuer certificate"},
            {"good", "ca.pem", CAUSE_NONE, ""},
            {"good", "other.pem", CAUSE_TLS, "TLS: unable to get local issuer certificate"},
            {"expired", "ca.pem", CAUSE_TLS, "TLS: certificate has expired"},
            {"foreign", "ca.pem", CAUSE_TLS, "TLS: no alternative certificate subject name matches"},
            {"other", "ca.pem", CAUSE_TLS, "TLS: self-signed certificate"},
    };
    struct fixture f = {0};
    fixture_open(&f, "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tls_server s;
        tls_start(&s, rows[i].cert, false);
        char *bundle = rows[i].bundle != NULL ? read_pem(rows[i].bundle) : NULL;
        struct exchange *x = exchange_new(&f, "127.0.0.1", s.port);
        exchange_aim(x, "https://127.0.0.1:%u/", s.port);
        x->request.ca_bundle = str_c(bundle);
        run_exchange(x);
        if (x->cause != rows[i].cause || strstr(x->error, rows[i].words) == NULL)
            fail_msg("%s %s: %s \"%s\"", rows[i].cert, rows[i].bundle, cause_name(x->cause), x->error);
        assert_true(str_starts(str_c(x->peer), STR("127.0.0.1:")));
        assert_true(x->phases.connect_us > 0);
        if (x->cause == CAUSE_NONE)
            assert_true(x->phases.tls_us >= x->phases.connect_us && x->phases.sent_us >= x->phases.tls_us);
        else
            assert_int_equal(atomic_load(&s.requests), 0);
        free(bundle);
        free(x);
        tls_stop(&s);
    }
    fixture_close(&f);
}

/* A connection that one bundle vouched for is not used by a request without it, nor the other way round. */
static void connections_are_not_shared_between_bundles(void **state)
{
    (void)state;
    struct tls_server s;
    struct fixture f = {0};
    char *bundle = read_pem("ca.pem");
    tls_start(&s, "good", false);
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *with = exchange_new(&f, "", 0), *without = exchange_new(&f, "", 0);
    exchange_aim(with, "https://127.0.0.1:%u/", s.port);
    exchange_aim(without, "https://127.0.0.1:%u/", s.port);
    with->request.ca_bundle = str_c(bundle);
    run_exchange(with);
    assert_int_equal(with->cause, CAUSE_NONE);
    run_exchange(with);
    assert_int_equal(atomic_load(&s.handshakes), 1);
    assert_int_equal(with->phases.tls_us, 0);
    run_exchange(without);
    assert_int_equal(without->cause, CAUSE_TLS);
    assert_int_equal(atomic_load(&s.requests), 2);
    with->request.http2 = true; /* the server knows only HTTP/1.1 */
    run_exchange(with);
    assert_int_equal(with->cause, CAUSE_NONE);
    free(with);
    free(without);
    free(bundle);
    fixture_close(&f);
    tls_stop(&s);
}

static void client_certificate_is_shown(void **state)
{
    (void)state;
    struct tls_server s;
    struct fixture f = {0};
    char *bundle = read_pem("ca.pem"), *cert = read_pem("client.pem"), *key = read_pem("client.key"),
         *wrong = read_pem("good.key");
    tls_start(&s, "good", true);
    s.close_each = true;
    fixture_open(&f, "127.0.0.0/8");
    struct exchange *x = exchange_new(&f, "", 0);
    exchange_aim(x, "https://127.0.0.1:%u/", s.port);
    x->request.ca_bundle = str_c(bundle);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TLS);
    assert_non_null(strstr(x->error, "asked for a client certificate"));
    x->request.client_cert = str_c(cert);
    x->request.client_key = str_c(wrong);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TLS);
    assert_int_equal(atomic_load(&s.requests), 0);
    x->request.client_key = str_c(key);
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_NONE);
    x->request.client_cert = x->request.client_key = STR_NULL;
    run_exchange(x);
    assert_int_equal(x->cause, CAUSE_TLS);
    assert_int_equal(atomic_load(&s.requests), 1);
    free(x);
    free(bundle);
    free(cert);
    free(key);
    free(wrong);
    fixture_close(&f);
    tls_stop(&s);
}

int run_tls_tests(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(certificates_are_checked),
            cmocka_unit_test(connections_are_not_shared_between_bundles),
            cmocka_unit_test(client_certificate_is_shown),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
