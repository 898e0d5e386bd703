/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What server and worker say to each other, over a socket: a length of four bytes, least significant first, then as
 * many bytes. The first is what it is:
 *
 *   worker   WIRE_READY                    at its start, once nothing can be reached any more
 *            WIRE_MISSING, words           instead: it cannot work on this machine
 *   server   WIRE_CHECK or WIRE_RUN, numbers, code, input
 *   worker   WIRE_DONE, JSON   or   WIRE_ERROR, words
 */
#ifndef PR_TRANSFORM_WIRE_H
#define PR_TRANSFORM_WIRE_H

#include "base/buf.h"

#define WIRE_FD        3
#define WIRE_HEAD      4
#define WIRE_BYTES_MAX ((size_t)256 << 20)

enum wire_kind {
    WIRE_READY = 'H',
    WIRE_MISSING = 'N',
    WIRE_CHECK = 'C',
    WIRE_RUN = 'R',
    WIRE_DONE = 'K',
    WIRE_ERROR = 'E'
};

struct wire_ask {
    enum wire_kind kind;
    bool want_logs;
    int64_t now_ms;
    uint64_t seed;
    uint64_t output_bytes; /* of a payload */
    struct str code;
    struct str input; /* JSON */
};

/* Appends a whole frame. */
void wire_write_ask(const struct wire_ask *ask, struct buf *out);
/* From a frame without its length; slices of it. False: malformed. */
bool wire_read_ask(struct str frame, struct wire_ask *out);
/* A frame of a kind and text. */
void wire_write_text(enum wire_kind kind, struct str text, struct buf *out);
/* The length that a head tells; SIZE_MAX: too much. */
size_t wire_length(const unsigned char head[WIRE_HEAD]);

#endif
