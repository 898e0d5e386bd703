/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver's answer as our own HTTP/1.1 client reads it: in one piece and in pieces it says the same. */
#include "delivery/client_impl.h"
#include "fuzz.h"

struct result {
    enum h1_step step;
    int status;
    bool ends, reusable;
};

/* Answers are read from a client, of which nothing else is needed. */
static struct client client;

static struct result take(struct transfer *t, struct str in, size_t piece, bool no_body)
{
    AUTO_FREE char *bytes = fuzz_copy(in);
    struct result r = {.step = H1_MORE};
    transfer_clear(t);
    buf_clear(&t->headers);
    buf_clear(&t->answer);
    h1_answer_begin(&t->h1.answer, no_body);
    for (size_t at = 0; at < in.len && r.step == H1_MORE; at += piece)
        r.step = h1_answer_take(t, bytes + at, piece < in.len - at ? piece : in.len - at);
    r.status = t->status;
    r.reusable = r.step == H1_DONE && t->h1.answer.reusable;
    r.ends = r.step == H1_MORE && h1_answer_ends(&t->h1.answer);
    CHECK(t->answer.len <= ATTEMPT_BODY_MAX && t->headers.len <= ANSWER_HEADERS_KEEP);
    CHECK(r.step != H1_INVALID || t->h1.answer.why != NULL);
    CHECK(r.step != H1_DONE || (r.status >= 200 && r.status <= 999));
    return r;
}

static void run(struct str in)
{
    unsigned how = fuzz_byte(&in);
    bool no_body = (how & 0x40) != 0;
    struct transfer *t = transfer_new(&client), *u = transfer_new(&client);
    struct result whole = take(t, in, in.len, no_body), cut = take(u, in, how % 32 + 1, no_body);
    CHECK(whole.step == cut.step);
    /* Of what is refused only the verdict counts. */
    if (whole.step == H1_DONE || whole.step == H1_MORE) {
        CHECK(whole.status == cut.status && whole.ends == cut.ends);
        /* Bytes behind the answer, when they come with it, end the connection at once. */
        CHECK(cut.reusable || !whole.reusable);
        CHECK(str_eq(buf_str(&t->answer), buf_str(&u->answer)) && str_eq(buf_str(&t->headers), buf_str(&u->headers)));
    }
    transfer_free(t);
    transfer_free(u);
}

#define OK    "HTTP/1.1 200 OK\r\n"
#define FOUR  "Content-Length: 4\r\n"
#define CODED OK "Transfer-Encoding: chunked\r\n"

static const struct str seeds[] = {
        STR("\x03" OK FOUR "X: y\r\nRetry-After: 3\r\n\r\nbody"),
        STR("\x01HTTP/1.1 200\nContent-Length:4\n\nbody"),
        STR("\x08HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK FOUR "\r\nbody"),
        STR("\x08HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" FOUR "\r\nbody"),
        STR("\x05" CODED "\r\n2\r\nbo\r\n002;x=y\r\ndy\r\n0\r\nT: u\r\n\r\n"),
        STR("\x05" CODED FOUR "\r\n4\r\nbody\r\n0\r\n\r\n"),
        STR("\x45HTTP/1.1 304 No\r\n" FOUR "\r\n"),
        STR("\x02" OK "A: b\r\n c\r\n\td\r\nConnection: x , CLOSE\r\n\r\nto the end"),
        STR("\x02HTTP/1.1 101 Go\r\n\r\n"),
        STR("\x02" OK "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\nmore"),
};
static const char *const words[] = {"HTTP/1.1 ",
                                    "Content-Length: ",
                                    "Transfer-Encoding: ",
                                    "chunked",
                                    "identity",
                                    "Connection: ",
                                    "close",
                                    "keep-alive",
                                    "Retry-After: ",
                                    "\r\n",
                                    "\r\n\r\n",
                                    "0\r\n\r\n",
                                    " 204 ",
                                    " 100 ",
                                    "\r\n ",
                                    NULL};
const struct fuzz_target fuzz_answer = {
        .name = "answer", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 4096};
