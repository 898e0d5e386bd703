/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With TLS 1.3 a server refuses a client without a certificate only after the client thinks the connection is set up,
 * and some servers just close it then. So that people learn why, it is noted that a certificate was asked for. The note
 * outlives whichever of its two holders, the context and the caller, goes first.
 */
#include <pthread.h>
#include <stdlib.h>

#include <openssl/ssl.h>

#include "base/mem.h"
#include "crypto/identity.h"

struct crypto_tls_ask {
    int refs;
    bool happened;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int slot = -1;

void crypto_tls_ask_unref(struct crypto_tls_ask *a)
{
    if (a != NULL && --a->refs == 0)
        free(a);
}

static void on_context_end(void *parent, void *held, CRYPTO_EX_DATA *data, int index, long l, void *p)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)l;
    (void)p;
    crypto_tls_ask_unref(held);
}

static void take_slot(void)
{
    slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_end);
}

/* Called when a certificate is asked for and the context has none. */
static int on_ask(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    (void)cert;
    (void)key;
    struct crypto_tls_ask *a = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot);
    if (a != NULL)
        a->happened = true;
    return 0; /* none to show */
}

struct crypto_tls_ask *crypto_tls_ask_watch(void *ssl_ctx)
{
    pthread_once(&once, take_slot);
    if (slot < 0)
        return NULL;
    struct crypto_tls_ask *a = mem_zalloc(1, sizeof *a);
    if (SSL_CTX_set_ex_data(ssl_ctx, slot, a) != 1) {
        free(a);
        return NULL;
    }
    a->refs = 2;
    SSL_CTX_set_client_cert_cb(ssl_ctx, on_ask);
    return a;
}

bool crypto_tls_ask_happened(const struct crypto_tls_ask *a)
{
    return a != NULL && a->happened;
}
