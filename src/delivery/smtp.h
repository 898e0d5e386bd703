/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters to the operator's relay, blocking, one after the other over a connection that is kept. The relay is trusted:
 * its address is the operator's alone. smtps:// is TLS from the start and verified; smtp:// becomes TLS when the relay
 * offers it, and must, verified, when the URL has a password and names another machine. After client_global_init.
 */
#ifndef PR_DELIVERY_SMTP_H
#define PR_DELIVERY_SMTP_H

#include <stdatomic.h>

#include "base/str.h"

struct smtp;

struct smtp_relay {
    const char *url;
    const char *ca_file; /* PEM; NULL: the system's */
};

enum smtp_fate {
    SMTP_SENT,    /* the relay has it */
    SMTP_REFUSED, /* 5xx about this letter: for good */
    SMTP_LATER,   /* 4xx about this letter */
    SMTP_DOWN,    /* not about the letter: nobody there, no TLS, wrong password, a connection that broke */
    SMTP_STOPPED  /* *stop */
};

#define SMTP_WHY_SIZE 384
struct smtp_outcome {
    enum smtp_fate fate;
    char why[SMTP_WHY_SIZE]; /* what went wrong, with the relay's answer; printable */
};

/* ERR_INTERNAL: no memory. Everything is borrowed and outlives it. Not thread-safe. */
MUST_USE enum err smtp_open(const struct smtp_relay *relay, struct smtp **out);
/* NULL is fine. */
void smtp_close(struct smtp *s);
/* From and to are plain addresses; `text` is whole, lines end with CRLF. At most two minutes, or a second after *stop.
 */
void smtp_send(struct smtp *s, const char *from, const char *to, struct str text, const atomic_bool *stop,
               struct smtp_outcome *out);
/* Connects, greets, signs in: SMTP_SENT or SMTP_DOWN. */
void smtp_check(struct smtp *s, struct smtp_outcome *out);

#endif
