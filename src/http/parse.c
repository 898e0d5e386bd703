/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of requests. The only file that includes http-parser, which does the grammar; the checks around it are ours,
 * because that library, as distributions build it, is lenient: it takes bare LF, folded lines and blanks in names, and
 * does not mind several codings. It sees one whole head at a time, so that nothing of its state has to be kept.
 */
#include "http/parse.h"

#include <http_parser.h>

#define REFUSE(code, text) ((struct http_refusal){.status = (code), .detail = (text)})
#define FINE               ((struct http_refusal){.status = 0})

struct http_refusal http_scan_head(struct http_scan *s, const char *bytes, size_t len, size_t max_bytes)
{
    size_t end = len < max_bytes ? len : max_bytes;
    while (s->position < end) {
        const char *lf = memchr(bytes + s->position, '\n', end - s->position);
        size_t at = lf != NULL ? (size_t)(lf - bytes) : end;
        if (s->position == s->line && s->line > s->start && (bytes[s->line] == ' ' || bytes[s->line] == '\t'))
            return REFUSE(400, "folded header line");
        s->position = at;
        if (lf == NULL)
            break;
        if (at == s->line || bytes[at - 1] != '\r')
            return REFUSE(400, "line feed without carriage return");
        bool empty = at == s->line + 1;
        bool leading = s->line == s->start;
        s->line = s->position = at + 1;
        if (empty && !leading) {
            s->done = true;
            return FINE;
        }
        if (empty)
            s->start = s->line;
    }
    return len >= max_bytes ? REFUSE(431, "request header too large") : FINE;
}

struct parse {
    struct http_header *headers;
    struct str target;
    size_t names;
    size_t values;
    bool too_many;
};

static int on_url(http_parser *p, const char *at, size_t n)
{
    ((struct parse *)p->data)->target = str_of(at, n);
    return 0;
}

static int on_name(http_parser *p, const char *at, size_t n)
{
    struct parse *q = p->data;
    if (q->names == HTTP_HEADERS_MAX) {
        q->too_many = true;
        return 1;
    }
    q->headers[q->names++] = (struct http_header){.name = str_of(at, n), .value = str_of(at + n, 0)};
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
    struct parse *q = p->data;
    if (q->names != ++q->values) /* one value per name: the head is whole */
        return 1;
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    q->headers[q->names - 1].value = str_of(at, n);
    return 0;
}

/* 2: stop behind the head, whatever it says about a body. */
static int on_end(http_parser *p)
{
    (void)p;
    return 2;
}

static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_headers_complete = on_end,
};

/* Whether one of the 8 bytes is a control character. */
static bool has_control(const char *bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t x;
    memcpy(&x, bytes, sizeof x);
    uint64_t below_space = (x - ones * 0x20) & ~x;
    uint64_t y = x ^ ones * 0x7f;
    return ((below_space | ((y - ones) & ~y)) & ones * 0x80) != 0;
}

/* No control characters but tabs and the pairs that end lines. The library lets some through where a value starts. */
static bool is_clean(struct str head)
{
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];
        if (head.len - i >= 8 && !has_control(head.ptr + i))
            i += 7;
        else if (c == '\r' && i + 1 < head.len && head.ptr[i + 1] == '\n')
            i++;
        else if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(struct str s)
{
    static const char others[128] = {
            ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
            ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1};
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((unsigned)((c | 0x20) - 'a') > 25 && (unsigned)(c - '0') > 9 && (c >= 128 || !others[c]))
            return false;
    }
    return s.len > 0;
}

/* Exactly `method SP target SP HTTP/d.d`: the library would take more blanks, and a line without version. */
static struct http_refusal check_request_line(struct str head, struct str target, struct http_head *out)
{
    struct str line = str_take(head, str_find(head, '\r'));
    struct str method = str_take(line, str_find(line, ' '));
    size_t version_at = method.len + 1 + target.len + 1;
    if (line.len != version_at + 8 || target.ptr != line.ptr + method.len + 1)
        return REFUSE(400, "malformed request line");
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f || target.ptr[i] == '#')
            return REFUSE(400, "character not allowed in request target");
    out->method = method;
    return FINE;
}

/* Origin form, or absolute form without its scheme and authority (RFC 9112, section 3.2). */
static struct http_refusal split_target(struct str target, struct http_head *out)
{
    if (target.len == 0)
        return REFUSE(400, "empty request target");
    if (target.ptr[0] != '/') {
        size_t scheme = str_starts_nocase(target, STR("http://")) ? 7 : 8;
        if (scheme == 8 && !str_starts_nocase(target, STR("https://")))
            return REFUSE(400, "form of request target not supported");
        target = str_skip(target, scheme);
        size_t authority = 0;
        while (authority < target.len && target.ptr[authority] != '/' && target.ptr[authority] != '?')
            authority++;
        if (authority == 0)
            return REFUSE(400, "request target without host");
        target = str_skip(target, authority);
    }
    out->query = target;
    out->path = str_split(&out->query, '?');
    if (out->path.len == 0)
        out->path = STR("/");
    return FINE;
}

/* What the framing fields said so far. */
struct framing {
    struct http_head *out;
    int hosts;
    int codings;
    bool close;
    bool keep;
};

static struct http_refusal read_length(struct framing *f, struct str value)
{
    uint64_t n;
    if (f->out->has_length)
        return REFUSE(400, "more than one Content-Length");
    if (str_to_u64(value, &n) != ERR_OK || n > INT64_MAX)
        return REFUSE(400, "malformed Content-Length");
    f->out->has_length = true;
    f->out->content_length = n;
    return FINE;
}

static struct http_refusal read_coding(struct framing *f, struct str value)
{
    if (f->codings++ > 0 || !str_eq_nocase(value, STR("chunked")))
        return REFUSE(501, "transfer coding not supported");
    f->out->chunked = true;
    return FINE;
}

static struct http_refusal read_host(struct framing *f, struct str value)
{
    if (f->hosts++ > 0)
        return REFUSE(400, "more than one Host");
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f || strchr("/\\@?#,<>\"{}|^`", value.ptr[i]) != NULL)
            return REFUSE(400, "malformed Host");
    return FINE;
}

static struct http_refusal read_connection(struct framing *f, struct str value)
{
    while (value.len > 0) {
        struct str option = str_trim(str_split(&value, ','));
        f->close = f->close || str_eq_nocase(option, STR("close"));
        f->keep = f->keep || str_eq_nocase(option, STR("keep-alive"));
    }
    return FINE;
}

static struct http_refusal read_expect(struct framing *f, struct str value)
{
    if (!str_eq_nocase(value, STR("100-continue")))
        return REFUSE(417, "expectation not supported");
    f->out->expect_continue = true;
    return FINE;
}

static const struct {
    struct str name;
    struct http_refusal (*read)(struct framing *f, struct str value);
} framing_fields[] = {
        {{"host", 4}, read_host},
        {{"expect", 6}, read_expect},
        {{"connection", 10}, read_connection},
        {{"content-length", 14}, read_length},
        {{"transfer-encoding", 17}, read_coding},
};

static struct http_refusal read_framing(struct framing *f, const struct http_header *headers)
{
    for (size_t i = 0; i < f->out->header_count; i++) {
        const struct http_header *h = &headers[i];
        if (!is_token(h->name))
            return REFUSE(400, "malformed header name");
        for (size_t k = 0; k < sizeof framing_fields / sizeof framing_fields[0]; k++) {
            if (framing_fields[k].name.len != h->name.len || !str_eq_nocase(framing_fields[k].name, h->name))
                continue;
            struct http_refusal r = framing_fields[k].read(f, h->value);
            if (r.status != 0)
                return r;
        }
    }
    struct http_head *out = f->out;
    if (out->chunked && out->has_length)
        return REFUSE(400, "both Content-Length and Transfer-Encoding");
    if (out->chunked && !out->version_11)
        return REFUSE(400, "Transfer-Encoding in HTTP/1.0");
    if (out->version_11 && f->hosts == 0)
        return REFUSE(400, "Host is missing");
    out->keep_alive = !f->close && (out->version_11 || f->keep);
    out->expect_continue = out->expect_continue && out->version_11;
    return FINE;
}

static struct http_refusal explain(const http_parser *p, const struct parse *q)
{
    if (q->too_many)
        return REFUSE(431, "too many header fields");
    switch ((int)HTTP_PARSER_ERRNO(p)) {
    case HPE_INVALID_METHOD:
        return REFUSE(405, "method not known");
    case HPE_INVALID_VERSION:
        return REFUSE(505, "HTTP version not supported");
    case HPE_INVALID_URL:
        return REFUSE(400, "malformed request target");
    case HPE_INVALID_TRANSFER_ENCODING:
        return REFUSE(501, "transfer coding not supported");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return REFUSE(400, "Content-Length is not allowed twice or with Transfer-Encoding");
    case HPE_INVALID_CONTENT_LENGTH:
        return REFUSE(400, "malformed Content-Length");
    case HPE_HEADER_OVERFLOW:
        return REFUSE(431, "request header too large");
    default:
        return REFUSE(400, "malformed request header");
    }
}

struct http_refusal http_parse_head(struct str head, struct http_head *out, struct http_header *headers)
{
    http_parser p;
    struct parse q = {.headers = headers};
    *out = (struct http_head){.header_count = 0};
    if (!is_clean(head))
        return REFUSE(400, "control character in request header");
    http_parser_init(&p, HTTP_REQUEST);
    p.data = &q;
    size_t used = http_parser_execute(&p, &settings, head.ptr, head.len);
    if (HTTP_PARSER_ERRNO(&p) != HPE_OK)
        return explain(&p, &q);
    if (used != head.len || q.names != q.values)
        return REFUSE(400, "malformed request header");
    if (p.http_major != 1)
        return REFUSE(505, "HTTP version not supported");
    out->version_11 = p.http_minor >= 1;
    out->header_count = q.names;
    struct http_refusal r = check_request_line(head, q.target, out);
    if (r.status == 0)
        r = split_target(q.target, out);
    if (r.status == 0)
        r = read_framing(&(struct framing){.out = out}, headers);
    return r;
}
