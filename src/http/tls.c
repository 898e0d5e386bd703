/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of the listener: TLS 1.2 or newer, HTTP/1.1 by ALPN, no renegotiation, no compression. The socket is reached
 * through a BIO of our own because OpenSSL's writes with write(2), which raises SIGPIPE. Buffers of idle connections
 * are released.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/conn.h"

struct tls {
    SSL_CTX *ctx;
    BIO_METHOD *method;
};

static int bio_read(BIO *b, char *to, int n)
{
    ssize_t got = recv((int)(intptr_t)BIO_get_data(b), to, (size_t)n, 0);
    BIO_clear_retry_flags(b);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(b);
    return (int)got;
}

static int bio_write(BIO *b, const char *from, int n)
{
    ssize_t put = send((int)(intptr_t)BIO_get_data(b), from, (size_t)n, MSG_NOSIGNAL);
    BIO_clear_retry_flags(b);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(b);
    return (int)put;
}

static long bio_control(BIO *b, int command, long num, void *ptr)
{
    (void)b;
    (void)num;
    (void)ptr;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static const char *last_error(void)
{
    unsigned long e = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(e);
    ERR_clear_error();
    return text != NULL ? text : "unknown TLS error";
}

/* NULL: loaded. Else what is wrong, in words: OpenSSL's own are about its parts, not about the files. */
static const char *load(struct tls *t, const char *cert_path, const char *key_path)
{
    t->ctx = SSL_CTX_new(TLS_server_method());
    t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "listener");
    if (t->ctx == NULL || t->method == NULL)
        return last_error();
    BIO_meth_set_read(t->method, bio_read);
    BIO_meth_set_write(t->method, bio_write);
    BIO_meth_set_ctrl(t->method, bio_control);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(t->ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF); /* tickets resume; nothing is kept here */
    SSL_CTX_set_alpn_select_cb(t->ctx, choose_protocol, NULL);
    if (SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1)
        return last_error();
    if (SSL_CTX_use_certificate_chain_file(t->ctx, cert_path) != 1)
        return "the file of TLS_CERT is not a certificate chain in PEM form (-----BEGIN CERTIFICATE-----)";
    /* A key of the certificate's kind is compared with it here, one of another kind only at the check. */
    int loaded = SSL_CTX_use_PrivateKey_file(t->ctx, key_path, SSL_FILETYPE_PEM);
    if (loaded != 1 && ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
        return "the file of TLS_KEY is not a private key in PEM form without a password (-----BEGIN PRIVATE KEY-----)";
    if (loaded != 1 || SSL_CTX_check_private_key(t->ctx) != 1)
        return "the key in TLS_KEY does not belong to the first certificate in TLS_CERT";
    return NULL;
}

enum err http_tls_load(const char *cert_path, const char *key_path, void **tls_out, const char **why)
{
    struct tls *t = mem_zalloc(1, sizeof *t);
    ERR_clear_error();
    *why = load(t, cert_path, key_path);
    ERR_clear_error();
    if (*why != NULL) {
        http_tls_free(t);
        return ERR_INVALID;
    }
    *tls_out = t;
    return ERR_OK;
}

void http_tls_free(void *tls)
{
    struct tls *t = tls;
    if (t == NULL)
        return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->method);
    free(t);
}

void *http_tls_open(void *tls, int fd)
{
    struct tls *t = tls;
    SSL *ssl = SSL_new(t->ctx);
    BIO *bio = BIO_new(t->method);
    CHECK(ssl != NULL && bio != NULL);
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    return ssl;
}

void http_tls_close(void *ssl)
{
    SSL_free(ssl);
}

/* What a failed call means. The error queue is per thread: whoever fails leaves it empty. */
static int explain(SSL *ssl, int result)
{
    int e = SSL_get_error(ssl, result);
    ERR_clear_error();
    if (e == SSL_ERROR_WANT_READ)
        return HTTP_IO_WANT_READ;
    if (e == SSL_ERROR_WANT_WRITE)
        return HTTP_IO_WANT_WRITE;
    return e == SSL_ERROR_ZERO_RETURN ? 0 : HTTP_IO_ERROR;
}

int http_tls_handshake(void *ssl)
{
    int r = SSL_do_handshake(ssl);
    if (r == 1)
        return 1;
    r = explain(ssl, r);
    return r == 0 ? HTTP_IO_ERROR : r;
}

ssize_t http_tls_read(void *ssl, char *to, size_t n)
{
    int r = SSL_read(ssl, to, n > INT_MAX ? INT_MAX : (int)n);
    return r > 0 ? r : explain(ssl, r);
}

ssize_t http_tls_write(void *ssl, const char *from, size_t n)
{
    int r = SSL_write(ssl, from, n > INT_MAX ? INT_MAX : (int)n);
    if (r > 0)
        return r;
    r = explain(ssl, r);
    return r == 0 ? HTTP_IO_ERROR : r;
}

void http_tls_shutdown(void *ssl)
{
    if (SSL_shutdown(ssl) < 0)
        ERR_clear_error();
}

bool http_tls_pending(const void *ssl)
{
    return SSL_pending(ssl) > 0;
}
