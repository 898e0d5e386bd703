/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_HTTP_HEADER_H
#define PR_HTTP_HEADER_H

#include "base/str.h"

/* A header field: borrowed slices, the value without blanks at its ends. */
struct http_header {
    struct str name;
    struct str value;
};

#endif
