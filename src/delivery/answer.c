/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer as it arrives: status and headers line by line, the body in pieces, each within its bounds. Returning less
 * than was given ends the transfer and closes the connection; `stop` says why.
 */
#include "delivery/client_impl.h"
#include "delivery/retry_after.h"
#include "sys/clock.h"

static void begin_answer(struct transfer *t, struct str line)
{
    buf_clear(&t->headers);
    t->headers.overflow = false;
    t->retry_after_ms = -1;
    t->headers_done = false;
    if (t->first_byte_us == 0)
        t->first_byte_us = clock_mono_us();
    struct str rest = line;
    (void)str_split(&rest, ' ');
    uint64_t status;
    t->status = str_to_u64(str_take(rest, 3), &status) == ERR_OK ? (int)status : 0;
}

static void keep_header(struct transfer *t, struct str line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        if (t->headers.len > 0 && !t->headers.overflow) { /* a folded line goes on */
            t->headers.ptr[t->headers.len - 1] = ' ';
            buf_add_str(&t->headers, str_trim(line));
            buf_add_c(&t->headers, '\n');
        }
        return;
    }
    struct str value = line, name = str_split(&value, ':');
    value = str_trim(value);
    if (t->headers.len + name.len + value.len + 3 > ANSWER_HEADERS_KEEP)
        t->headers.overflow = true;
    if (!t->headers.overflow) {
        buf_add_str(&t->headers, name);
        buf_add(&t->headers, ": ", 2);
        buf_add_str(&t->headers, value);
        buf_add_c(&t->headers, '\n');
    }
    if (name.len == 11 && str_eq_nocase(name, STR("retry-after")))
        t->retry_after_ms = retry_after_parse(value, clock_wall_ms());
}

size_t answer_on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;
    t->headers_seen += len;
    if (t->headers_seen > ANSWER_HEADERS_MAX) {
        t->stop = STOP_HEADERS;
        return 0;
    }
    struct str line = str_of(bytes, len);
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (t->headers_done && t->status >= 200)
        return len; /* trailers */
    if (t->status == 0 || t->headers_done) {
        begin_answer(t, line);
    } else if (line.len > 0) {
        keep_header(t, line);
    } else {
        t->headers_done = true;
        if (t->status == 101) {
            t->stop = STOP_UPGRADE;
            return 0;
        }
    }
    return len;
}

/* How much of the body is kept. */
static size_t body_max(const struct transfer *t)
{
    return t->request != NULL && t->request->answer_max > 0 ? t->request->answer_max : ATTEMPT_BODY_MAX;
}

size_t answer_on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;
    t->body_seen += len;
    size_t room = body_max(t) - t->answer.len;
    buf_add(&t->answer, bytes, len < room ? len : room);
    if (t->body_seen <= ANSWER_BODY_MAX)
        return len;
    t->stop = STOP_ENOUGH;
    return 0;
}
