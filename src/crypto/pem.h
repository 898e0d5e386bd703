/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_CRYPTO_PEM_H
#define PR_CRYPTO_PEM_H

#include "base/str.h"

/* How many X.509 certificates a PEM text holds; -1 when one of them cannot be read. Text around them is ignored. */
int crypto_pem_certificates(struct str pem);

#endif
