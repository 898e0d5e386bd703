/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of `listen`: what is printed of a delivery. */
#ifndef PR_CLI_LISTEN_H
#define PR_CLI_LISTEN_H

#include "http/server.h"

struct listen_seen {
    const struct http_request *rq;
    int64_t at_ms;
    int status;         /* that it is answered with */
    const char *reason; /* why the signature does not fit; NULL: it does, or was not looked at */
    bool checked;
    const char *forward_trouble; /* NULL: none */
};

/* One delivery; control characters never reach the terminal. */
void listen_print(const struct listen_seen *seen, bool json);

#endif
