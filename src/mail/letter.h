/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters as they go over the wire: RFC 5322 with MIME, UTF-8 as quoted-printable, names and subjects as encoded words
 * (RFC 2047). Pure. Nothing that a letter is made of can add a header or a recipient: addresses with anything but plain
 * characters are refused, control characters in a subject become blanks, everything in the body is encoded.
 */
#ifndef PR_MAIL_LETTER_H
#define PR_MAIL_LETTER_H

#include "base/arena.h"
#include "base/buf.h"

#define MAIL_ADDRESS_MAX 254               /* bytes of an address */
#define MAIL_NAME_MAX    128               /* bytes of the name before it */
#define MAIL_SUBJECT_MAX 512               /* bytes */
#define MAIL_BODY_MAX    ((size_t)1 << 18) /* bytes of each of text and HTML */

struct mail_address {
    struct str name;    /* UTF-8; null: none */
    struct str address; /* "ada@example.com", ASCII */
};

/*
 * "ada@example.com", "Ada Lovelace <ada@example.com>", "\"Lovelace, Ada\" <ada@example.com>"; one mailbox, which
 * points into the arena. ERR_INVALID: it is none, or holds what does not belong there.
 */
MUST_USE enum err mail_address_parse(struct arena *a, struct str text, struct mail_address *out);

struct letter {
    struct mail_address from, to;
    struct str subject;    /* UTF-8 */
    struct str text, html; /* UTF-8, lines end as they like; html null: only text */
    struct str message_id; /* without angle brackets: letters, digits, '_', '.', '-' and one '@' */
    int64_t date_ms;
};

/* Appends headers and body, lines end with CRLF; about 3.1 times the size of what it holds, at most. */
void letter_write(const struct letter *l, struct buf *out);

#endif
