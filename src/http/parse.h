/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing of requests, without any I/O: where a head ends, what it says, and chunked bodies (RFC 9112). Strict:
 * what two parsers might read differently is refused. Functions that can refuse return an HTTP status and a text.
 */
#ifndef PR_HTTP_PARSE_H
#define PR_HTTP_PARSE_H

#include "http/header.h"

enum { HTTP_HEADERS_MAX = 100 };

/* A refusal: status 0 means none. `detail` is static text. */
struct http_refusal {
    int status;
    const char *detail;
};

/* Looks for the end of the head as bytes arrive; zero it first. Offsets count from the start of the buffer. */
struct http_scan {
    size_t start;    /* of the request line: empty lines before it are skipped */
    size_t line;     /* start of the line being looked at */
    size_t position; /* bytes looked at */
    bool done;       /* the head is [start, line): the final CRLF included */
};

/* Goes on up to len; looks at each byte once. max_bytes bounds the head, skipped lines included. */
struct http_refusal http_scan_head(struct http_scan *s, const char *bytes, size_t len, size_t max_bytes);

/* What a head says. All slices lie in the head. */
struct http_head {
    struct str method;
    struct str path;
    struct str query;
    size_t header_count;
    uint64_t content_length;
    bool version_11; /* HTTP/1.1 or a later 1.x; else 1.0 */
    bool has_length;
    bool chunked;
    bool keep_alive;
    bool expect_continue;
};

/* Parses a whole head, as http_scan_head found it. `headers` has HTTP_HEADERS_MAX places. */
struct http_refusal http_parse_head(struct str head, struct http_head *out, struct http_header *headers);

enum http_chunk_state {
    HTTP_CHUNK_SIZE_FIRST,
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_EXTENSION,
    HTTP_CHUNK_SIZE_LF,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_CR,
    HTTP_CHUNK_DATA_LF,
    HTTP_CHUNK_TRAILER_FIRST,
    HTTP_CHUNK_TRAILER,
    HTTP_CHUNK_TRAILER_LF,
    HTTP_CHUNK_END_LF,
    HTTP_CHUNK_DONE
};

/*
 * Decodes a chunked body in place: what is decoded moves to [.., out), what follows the consumed input starts at `in`.
 * Zero it, then set in and out to the start of the body. Trailer fields are checked for length and dropped.
 */
struct http_chunks {
    enum http_chunk_state state;
    uint64_t left;  /* of the current chunk */
    size_t framing; /* bytes of the current size line, or of all trailers */
    size_t in;
    size_t out;
    size_t body; /* decoded bytes so far */
};

/* Goes on up to len; done when state is HTTP_CHUNK_DONE. More than body_max decoded bytes is 413. */
struct http_refusal http_chunks_decode(struct http_chunks *k, char *bytes, size_t len, size_t body_max);

#endif
