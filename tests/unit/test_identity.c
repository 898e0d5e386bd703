/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys with their certificates, as they are given. What is not a matter of time is tested at the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "crypto/identity.h"

#define HOUR_S 3600

/* A key and a certificate of its own, valid for an hour. */
static struct str make(struct buf *pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    assert_true(key != NULL && cert != NULL && out != NULL);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), HOUR_S);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"käse", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    PEM_write_bio_X509(out, cert);
    PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(out, &text);
    buf_add(pem, text, (size_t)len);
    BIO_free(out);
    X509_free(cert);
    EVP_PKEY_free(key);
    return buf_str(pem);
}

static void it_is_taken_apart(void **state)
{
    (void)state;
    struct buf pem = BUF_INIT(10000), subject = BUF_INIT(1000);
    struct crypto_identity i;
    const char *why;
    int64_t until_ms, now_ms = (int64_t)time(NULL) * 1000;
    struct str text = make(&pem);
    assert_int_equal(crypto_identity_read(text, now_ms, &i, &why), ERR_OK);
    assert_true(str_starts(buf_str(&i.key), STR("-----BEGIN PRIVATE KEY-----")));
    assert_true(str_starts(buf_str(&i.certificates), STR("-----BEGIN CERTIFICATE-----")));
    assert_int_equal(crypto_certificate_describe(buf_str(&i.certificates), &subject, &until_ms), ERR_OK);
    assert_true(str_eq(buf_str(&subject), STR("CN = käse")));
    assert_in_range(until_ms, now_ms + (HOUR_S - 60) * 1000, now_ms + (HOUR_S + 60) * 1000);
    crypto_identity_fini(&i);
    /* What it was made of comes apart again. */
    struct crypto_identity again;
    struct buf both = BUF_INIT(10000);
    assert_int_equal(crypto_identity_read(text, now_ms, &i, &why), ERR_OK);
    buf_add_str(&both, buf_str(&i.key));
    buf_add_str(&both, buf_str(&i.certificates));
    assert_int_equal(crypto_identity_read(buf_str(&both), now_ms, &again, &why), ERR_OK);
    assert_true(str_eq(buf_str(&i.key), buf_str(&again.key)));
    crypto_identity_fini(&again);
    crypto_identity_fini(&i);
    buf_fini(&both);
    buf_fini(&subject);
    buf_fini(&pem);
}

static void its_time_counts(void **state)
{
    (void)state;
    struct buf pem = BUF_INIT(10000);
    struct crypto_identity i;
    const char *why = NULL;
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    struct str text = make(&pem);
    assert_int_equal(crypto_identity_read(text, now_ms + (HOUR_S - 60) * 1000, &i, &why), ERR_OK);
    crypto_identity_fini(&i);
    assert_int_equal(crypto_identity_read(text, now_ms + (HOUR_S + 60) * 1000, &i, &why), ERR_INVALID);
    assert_non_null(strstr(why, "the certificate expired at 20"));
    buf_fini(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(it_is_taken_apart),
            cmocka_unit_test(its_time_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
