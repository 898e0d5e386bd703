/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

int crypto_pem_certificates(struct str pem)
{
    BIO *in = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    X509 *cert;
    int count = 0;
    if (in == NULL)
        return -1;
    ERR_clear_error();
    while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        X509_free(cert);
        count++;
    }
    /* The only good end is that no further BEGIN line was found. */
    bool clean = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(in);
    return clean ? count : -1;
}
