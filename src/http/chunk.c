/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunked bodies (RFC 9112, section 7.1): every CR and LF is where it must be or the request is refused. A size line
 * or trailer is short; extensions are skipped.
 */
#include "http/parse.h"

enum { SIZE_LINE_MAX = 256, TRAILERS_MAX = 8192 };

#define REFUSE(code, text) ((struct http_refusal){.status = (code), .detail = (text)})
#define FINE               ((struct http_refusal){.status = 0})

static bool add_digit(struct http_chunks *k, char c)
{
    int d = str_hex_digit(c);
    if (d < 0 || k->left > (UINT64_MAX >> 5))
        return false;
    k->left = k->left * 16 + (uint64_t)d;
    return true;
}

/* The size digits are over: at the CR, a blank or an extension. */
static bool end_size(struct http_chunks *k, char c)
{
    if (c == '\r')
        k->state = HTTP_CHUNK_SIZE_LF;
    else if (c == ';' || c == ' ' || c == '\t')
        k->state = HTTP_CHUNK_EXTENSION;
    else
        return false;
    return true;
}

static bool is_text(char c)
{
    return (unsigned char)c >= ' ' ? c != 0x7f : c == '\t';
}

/* One byte of framing; false where it has no place. */
static bool take_byte(struct http_chunks *k, char c)
{
    switch (k->state) {
    case HTTP_CHUNK_SIZE_FIRST:
        k->left = 0;
        k->framing = 0;
        k->state = HTTP_CHUNK_SIZE;
        return add_digit(k, c);
    case HTTP_CHUNK_SIZE:
        return add_digit(k, c) || end_size(k, c);
    case HTTP_CHUNK_EXTENSION:
        if (c == '\r')
            k->state = HTTP_CHUNK_SIZE_LF;
        return c == '\r' || is_text(c);
    case HTTP_CHUNK_SIZE_LF:
        k->framing = 0;
        k->state = k->left > 0 ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER_FIRST;
        return c == '\n';
    case HTTP_CHUNK_DATA_CR:
        k->state = HTTP_CHUNK_DATA_LF;
        return c == '\r';
    case HTTP_CHUNK_DATA_LF:
        k->state = HTTP_CHUNK_SIZE_FIRST;
        return c == '\n';
    case HTTP_CHUNK_TRAILER_FIRST:
        k->state = c == '\r' ? HTTP_CHUNK_END_LF : HTTP_CHUNK_TRAILER;
        return c == '\r' || (is_text(c) && c != ' ' && c != '\t');
    case HTTP_CHUNK_TRAILER:
        if (c == '\r')
            k->state = HTTP_CHUNK_TRAILER_LF;
        return c == '\r' || is_text(c);
    case HTTP_CHUNK_TRAILER_LF:
        k->state = HTTP_CHUNK_TRAILER_FIRST;
        return c == '\n';
    case HTTP_CHUNK_END_LF:
        k->state = HTTP_CHUNK_DONE;
        return c == '\n';
    case HTTP_CHUNK_DATA:
    case HTTP_CHUNK_DONE:
        break;
    }
    return false;
}

static void take_data(struct http_chunks *k, char *bytes, size_t len)
{
    size_t n = len - k->in;
    if (n > k->left)
        n = (size_t)k->left;
    memmove(bytes + k->out, bytes + k->in, n);
    k->in += n;
    k->out += n;
    k->body += n;
    k->left -= n;
    if (k->left == 0)
        k->state = HTTP_CHUNK_DATA_CR;
}

struct http_refusal http_chunks_decode(struct http_chunks *k, char *bytes, size_t len, size_t body_max)
{
    while (k->in < len && k->state != HTTP_CHUNK_DONE) {
        if (k->state == HTTP_CHUNK_DATA) {
            if (k->left > body_max - k->body)
                return REFUSE(413, "request body too large");
            take_data(k, bytes, len);
            continue;
        }
        size_t most = k->state >= HTTP_CHUNK_TRAILER_FIRST ? TRAILERS_MAX : SIZE_LINE_MAX;
        if (!take_byte(k, bytes[k->in++]))
            return REFUSE(400, "malformed chunk");
        if (++k->framing > most)
            return REFUSE(400, "chunk framing too long");
    }
    return FINE;
}
