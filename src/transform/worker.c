/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker process: load the engine, lock the door, say so, then one run after the other until the server closes.
 * It has no descriptor but the socket, and its environment is what the server chose for the engine.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "transform/jsc.h"
#include "transform/sandbox.h"
#include "transform/transform.h"

static bool read_all(char *to, size_t len)
{
    while (len > 0) {
        ssize_t n = read(WIRE_FD, to, len);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        if (n > 0) {
            to += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool write_all(struct str s)
{
    while (s.len > 0) {
        ssize_t n = write(WIRE_FD, s.ptr, s.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            s = str_skip(s, (size_t)n);
    }
    return true;
}

static bool say(enum wire_kind kind, struct str text)
{
    struct buf out = BUF_INIT(WIRE_BYTES_MAX + 8);
    wire_write_text(kind, text, &out);
    bool ok = !out.overflow && write_all(buf_str(&out));
    buf_fini(&out);
    return ok;
}

static bool serve_one(void)
{
    unsigned char head[WIRE_HEAD];
    struct wire_ask ask;
    if (!read_all((char *)head, sizeof head))
        return false;
    size_t len = wire_length(head);
    if (len == SIZE_MAX)
        return false;
    AUTO_FREE char *frame = mem_alloc(len);
    if (!read_all(frame, len) || !wire_read_ask(str_of(frame, len), &ask))
        return false;
    struct buf out = BUF_INIT(WIRE_BYTES_MAX + 8);
    jsc_run(&ask, &out);
    bool ok = out.overflow ? say(WIRE_ERROR, STR("the result is too large")) : write_all(buf_str(&out));
    buf_fini(&out);
    return ok;
}

int transform_worker_main(void)
{
    const char *room = getenv("POSTRIDER_WORKER_BYTES");
    uint64_t memory_bytes = 0;
    sandbox_enter(WIRE_FD);
    if (room == NULL || str_to_u64(str_c(room), &memory_bytes) != ERR_OK)
        return 2; /* not started by the server */
    const char *why = jsc_open();
    if (why == NULL)
        why = sandbox_lock((size_t)memory_bytes);
    if (why != NULL) {
        (void)say(WIRE_MISSING, str_c(why));
        return 1;
    }
    if (say(WIRE_READY, STR("")))
        while (serve_one())
            ;
    _exit(0); /* the engine's own ends need more than it may do */
}
