/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blocking HTTP exchange with an address that the operator chose: for commands, never for what a customer can
 * influence (client.h is for that). Follows no redirect, uses no proxy.
 */
#ifndef PR_DELIVERY_SIMPLE_H
#define PR_DELIVERY_SIMPLE_H

#include "base/buf.h"

struct simple_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    struct str body; /* null: none */
    int64_t timeout_ms;
    const char *ca_file;     /* PEM; NULL: the system's */
    const char *pinned_cert; /* PEM: the server must show this certificate, under whatever name; NULL: by name */
};

/* simple_answer_fini frees it. */
struct simple_answer {
    int status;
    struct buf body; /* at most 64 MiB */
};

/*
 * ERR_UNAVAILABLE: nobody answers there (refused, no such name); ERR_TIMEOUT; ERR_TOO_LARGE; ERR_IO: anything else.
 * *why, thread-local text, says what. After client_global_init.
 */
MUST_USE enum err simple_send(const struct simple_request *r, struct simple_answer *out, const char **why);
void simple_answer_fini(struct simple_answer *a);

#endif
