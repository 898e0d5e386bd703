/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/identity.h"

#include <stdio.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/time.h"

#define KEY_BYTES_MAX          65536
#define CERTIFICATES_BYTES_MAX 262144

static _Thread_local char trouble[160];

static BIO *open_text(struct str pem)
{
    BIO *in = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    CHECK(in != NULL);
    return in;
}

static int on_password(char *to, int size, int writing, void *asked)
{
    (void)to;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static EVP_PKEY *read_key(struct str pem, const char **why)
{
    bool is_encrypted = false;
    BIO *in = open_text(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, on_password, &is_encrypted);
    if (key == NULL)
        *why = is_encrypted ? "the private key must not be encrypted" : "there is no private key that can be read";
    BIO_free(in);
    ERR_clear_error();
    return key;
}

static STACK_OF(X509) * read_certificates(struct str pem, const char **why)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *in = open_text(pem);
    X509 *one;
    CHECK(all != NULL);
    ERR_clear_error();
    while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
        CHECK(sk_X509_push(all, one) > 0);
    /* The only good end is that no further BEGIN line was found. */
    bool clean = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!clean || sk_X509_num(all) == 0) {
        *why = clean ? "there is no certificate" : "a certificate cannot be read";
        sk_X509_pop_free(all, X509_free);
        all = NULL;
    }
    ERR_clear_error();
    BIO_free(in);
    return all;
}

/* The key's own certificate comes to the front. */
static bool bring_to_front(STACK_OF(X509) * all, EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_num(all); i++) {
        if (X509_check_private_key(sk_X509_value(all, i), key) == 1) {
            X509 *own = sk_X509_delete(all, i);
            return sk_X509_unshift(all, own) > 0;
        }
    }
    ERR_clear_error();
    return false;
}

static bool time_of(const ASN1_TIME *t, int64_t *ms)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static const char *check_time(const X509 *cert, int64_t now_ms)
{
    int64_t until_ms;
    char text[TIME_TEXT_SIZE];
    if (!time_of(X509_get0_notAfter(cert), &until_ms))
        return "the certificate has no end that can be read";
    if (until_ms > now_ms)
        return NULL;
    time_format(until_ms, text);
    snprintf(trouble, sizeof trouble, "the certificate expired at %s", text);
    return trouble;
}

static void take_text(BIO *from, struct buf *to)
{
    char *text;
    long len = BIO_get_mem_data(from, &text);
    buf_add(to, text, (size_t)len);
    OPENSSL_cleanse(text, (size_t)len);
    BIO_free(from);
}

static void write_out(EVP_PKEY *key, STACK_OF(X509) * all, struct crypto_identity *out)
{
    *out = (struct crypto_identity){.key = BUF_INIT(KEY_BYTES_MAX), .certificates = BUF_INIT(CERTIFICATES_BYTES_MAX)};
    BIO *keys = BIO_new(BIO_s_mem()), *certs = BIO_new(BIO_s_mem());
    CHECK(keys != NULL && certs != NULL);
    CHECK(PEM_write_bio_PKCS8PrivateKey(keys, key, NULL, NULL, 0, NULL, NULL) == 1);
    for (int i = 0; i < sk_X509_num(all); i++)
        CHECK(PEM_write_bio_X509(certs, sk_X509_value(all, i)) == 1);
    take_text(keys, &out->key);
    take_text(certs, &out->certificates);
}

enum err crypto_identity_read(struct str pem, int64_t now_ms, struct crypto_identity *out, const char **why)
{
    enum err e = ERR_INVALID;
    EVP_PKEY *key = read_key(pem, why);
    STACK_OF(X509) *all = key != NULL ? read_certificates(pem, why) : NULL;
    const char *when;
    if (all == NULL)
        goto end;
    if (!bring_to_front(all, key)) {
        *why = "the private key does not belong to the certificate";
    } else if ((when = check_time(sk_X509_value(all, 0), now_ms)) != NULL) {
        *why = when;
    } else {
        write_out(key, all, out);
        e = ERR_OK;
    }
end:
    sk_X509_pop_free(all, X509_free);
    EVP_PKEY_free(key);
    return e;
}

void crypto_identity_fini(struct crypto_identity *i)
{
    mem_free_secret(i->key.ptr, i->key.len);
    i->key = BUF_INIT(KEY_BYTES_MAX);
    buf_fini(&i->certificates);
}

enum err crypto_certificate_describe(struct str pem, struct buf *subject, int64_t *until_ms)
{
    BIO *in = open_text(pem), *name = BIO_new(BIO_s_mem());
    X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
    enum err e = ERR_INVALID;
    CHECK(name != NULL);
    if (cert != NULL && time_of(X509_get0_notAfter(cert), until_ms) &&
        X509_NAME_print_ex(name, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        e = ERR_OK;
        take_text(name, subject);
        name = NULL;
    }
    BIO_free(name);
    BIO_free(in);
    X509_free(cert);
    ERR_clear_error();
    return e;
}
