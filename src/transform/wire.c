/* SPDX-License-Identifier: Apache-2.0 */
#include "transform/wire.h"

#define ASK_NUMBERS 4

static void number_write(struct buf *out, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_c(out, (char)(v >> (8 * i)));
}

static uint64_t number_read(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

void wire_write_text(enum wire_kind kind, struct str text, struct buf *out)
{
    number_write(out, text.len + 1, WIRE_HEAD);
    buf_add_c(out, (char)kind);
    buf_add_str(out, text);
}

void wire_write_ask(const struct wire_ask *ask, struct buf *out)
{
    number_write(out, 2 + 8 * ASK_NUMBERS + ask->code.len + ask->input.len, WIRE_HEAD);
    buf_add_c(out, (char)ask->kind);
    buf_add_c(out, ask->want_logs ? 1 : 0);
    number_write(out, (uint64_t)ask->now_ms, 8);
    number_write(out, ask->seed, 8);
    number_write(out, ask->output_bytes, 8);
    number_write(out, ask->code.len, 8);
    buf_add_str(out, ask->code);
    buf_add_str(out, ask->input);
}

bool wire_read_ask(struct str frame, struct wire_ask *out)
{
    if (frame.len < 2 + 8 * ASK_NUMBERS || (frame.ptr[0] != WIRE_CHECK && frame.ptr[0] != WIRE_RUN))
        return false;
    struct wire_ask ask = {.kind = (enum wire_kind)frame.ptr[0], .want_logs = frame.ptr[1] != 0};
    struct str rest = str_skip(frame, 2 + 8 * ASK_NUMBERS);
    uint64_t code_len = number_read(frame.ptr + 26, 8);
    ask.now_ms = (int64_t)number_read(frame.ptr + 2, 8);
    ask.seed = number_read(frame.ptr + 10, 8);
    ask.output_bytes = number_read(frame.ptr + 18, 8);
    if (code_len > rest.len)
        return false;
    ask.code = str_take(rest, (size_t)code_len);
    ask.input = str_skip(rest, (size_t)code_len);
    *out = ask;
    return true;
}

size_t wire_length(const unsigned char head[WIRE_HEAD])
{
    size_t n = (size_t)number_read((const char *)head, WIRE_HEAD);
    return n <= WIRE_BYTES_MAX ? n : SIZE_MAX;
}
