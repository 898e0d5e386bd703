/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as the listener reads it: the first byte says how it is cut into pieces. However it is cut, it reads the
 * same; slices lie in the head.
 */
#include "fuzz.h"
#include "http/parse.h"

#define HEAD_MAX 8192
#define BODY_MAX 16384

struct result {
    int status;
    bool head_done, body_done;
    struct http_head head;
    size_t end; /* of the request */
    char body[BODY_MAX];
    size_t body_len;
};

static struct http_header headers[HTTP_HEADERS_MAX];

static void check_inside(struct str s, const char *from, const char *to)
{
    CHECK(s.len == 0 || (s.ptr >= from && s.ptr + s.len <= to));
}

static void check_head(const struct http_head *h, const char *from, const char *to)
{
    CHECK(h->header_count <= HTTP_HEADERS_MAX);
    CHECK(h->method.len > 0 && !(h->chunked && h->has_length));
    check_inside(h->method, from, to);
    if (!str_eq(h->path, STR("/"))) /* which a target without a path has */
        check_inside(h->path, from, to);
    check_inside(h->query, from, to);
    for (size_t i = 0; i < h->header_count; i++) {
        check_inside(headers[i].name, from, to);
        check_inside(headers[i].value, from, to);
        CHECK(headers[i].name.len > 0 && memchr(headers[i].value.ptr, '\n', headers[i].value.len) == NULL);
        CHECK(memchr(headers[i].value.ptr, '\0', headers[i].value.len) == NULL);
    }
}

/* As http/read.c does it; pieces of `piece` bytes. */
static void parse(char *bytes, size_t len, size_t piece, struct result *r)
{
    struct http_scan scan = {.done = false};
    struct http_chunks k;
    size_t have = 0, given = 0, start = 0;
    *r = (struct result){.status = 0};
    while (given < len && r->status == 0 && !r->body_done) {
        size_t n = piece < len - given ? piece : len - given;
        memmove(bytes + have, bytes + given, n);
        have += n;
        given += n;
        if (!r->head_done) {
            r->status = http_scan_head(&scan, bytes, have, HEAD_MAX).status;
            if (r->status == 0 && scan.done) {
                struct str head = str_of(bytes + scan.start, scan.line - scan.start);
                r->status = http_parse_head(head, &r->head, headers).status;
                if (r->status != 0)
                    return;
                check_head(&r->head, head.ptr, head.ptr + head.len);
                r->head_done = true;
                start = scan.line;
                k = (struct http_chunks){.in = start, .out = start};
            }
        }
        if (!r->head_done || r->status != 0)
            continue;
        if (!r->head.chunked) {
            if (r->head.content_length > BODY_MAX) {
                r->status = 413;
            } else if (have - start >= r->head.content_length) {
                r->body_done = true;
                r->body_len = (size_t)r->head.content_length;
                r->end = given - have + start + r->body_len;
            }
            continue;
        }
        r->status = http_chunks_decode(&k, bytes, have, BODY_MAX).status;
        CHECK(k.out <= k.in && k.in <= have && k.body <= BODY_MAX && k.out - start == k.body);
        r->body_len = k.body;
        if (k.state == HTTP_CHUNK_DONE) {
            r->body_done = true;
            r->end = given - have + k.in;
        } else if (r->status == 0) {
            CHECK(k.in == have);
            have = k.in = k.out;
        }
    }
    if (r->head_done)
        memcpy(r->body, bytes + start, r->body_done ? r->body_len : 0);
}

static void run(struct str in)
{
    static struct result whole, cut;
    size_t piece = fuzz_byte(&in) % 32 + 1;
    AUTO_FREE char *a = fuzz_copy(in), *b = fuzz_copy(in);
    parse(a, in.len, in.len, &whole);
    parse(b, in.len, piece, &cut);
    CHECK(whole.status == cut.status && whole.head_done == cut.head_done && whole.body_done == cut.body_done);
    CHECK(whole.status == 0 || (whole.status >= 400 && whole.status < 600));
    if (!whole.body_done)
        return;
    CHECK(whole.body_len == cut.body_len && memcmp(whole.body, cut.body, cut.body_len) == 0);
    CHECK(whole.end == cut.end && whole.end <= in.len);
    CHECK(whole.head.header_count == cut.head.header_count && whole.head.keep_alive == cut.head.keep_alive);
}

#define POST "POST /api/v1/app/a/msg HTTP/1.1\r\nHost: x\r\n"

static const struct str seeds[] = {
        STR("\x05GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        STR("\x01GET /a?b=c%20d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        STR("\x03" POST "Content-Length: 4\r\nContent-Type: application/json\r\n\r\nbodyGET / HTTP/1.1\r\n"),
        STR("\x07" POST "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\nT: u\r\n\r\n"),
        STR("\x07" POST "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\nA\r\n0123456789\r\n0\r\n\r\nGET"),
        STR("\x02\r\n\r\nDELETE http://h/p HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\n\r\n"),
        STR("\x02" POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
        STR("\x02" POST "Content-Length: 4\r\nContent-Length: 5\r\n\r\n"),
};
static const char *const words[] = {"Content-Length: ",
                                    "Transfer-Encoding: ",
                                    "chunked",
                                    "Connection: ",
                                    "close",
                                    "keep-alive",
                                    "Expect: 100-continue",
                                    "HTTP/1.1",
                                    "HTTP/1.0",
                                    "\r\n",
                                    "\r\n\r\n",
                                    "0\r\n\r\n",
                                    "Host: ",
                                    "POST ",
                                    "identity",
                                    " ,",
                                    NULL};
const struct fuzz_target fuzz_http = {
        .name = "http", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 4096};
