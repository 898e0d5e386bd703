/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/time.h"
#include "cli/listen.h"
#include "cli/local.h"
#include "crypto/crypto.h"
#include "json/write.h"

#define OUT_MAX ((size_t)256 << 20)

/* Whoever delivers chooses these bytes: none may speak to the terminal. */
static void add_safe(struct str text, const char *indent, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n' && indent != NULL)
            buf_addf(out, "\n%s", indent);
        else if ((c < ' ' && c != '\t') || c == 0x7f)
            buf_add_c(out, '?');
        else
            buf_add_c(out, (char)c);
    }
}

static const char *verdict_of(const struct listen_seen *seen)
{
    return !seen->checked ? "" : seen->reason == NULL ? ", verified" : ", NOT verified: ";
}

static void print_text(const struct listen_seen *seen, struct buf *out)
{
    const struct http_request *rq = seen->rq;
    char at[TIME_TEXT_SIZE];
    time_format(seen->at_ms, at);
    buf_addf(out, "%s ", at);
    add_safe(rq->method_text, NULL, out);
    buf_add_c(out, ' ');
    add_safe(rq->path, NULL, out);
    buf_add_str(out, rq->query.len > 0 ? STR("?") : STR(""));
    add_safe(rq->query, NULL, out);
    buf_addf(out, " from " STR_FMT ", %zu bytes, answered %d%s%s\n", STR_ARG(rq->peer), rq->body.len, seen->status,
             verdict_of(seen), seen->checked && seen->reason != NULL ? seen->reason : "");
    if (seen->forward_trouble != NULL)
        buf_addf(out, "  not forwarded: %s\n", seen->forward_trouble);
    for (size_t i = 0; i < rq->header_count; i++) {
        buf_add_str(out, STR("  "));
        add_safe(rq->headers[i].name, NULL, out);
        buf_add_str(out, STR(": "));
        add_safe(rq->headers[i].value, NULL, out);
        buf_add_c(out, '\n');
    }
    buf_add_str(out, STR("\n  "));
    if (str_is_utf8(rq->body))
        add_safe(rq->body, "  ", out);
    else
        buf_add_str(out, STR("(no text)"));
    buf_add_c(out, '\n');
}

static void write_body(struct str body, struct json_writer *w)
{
    struct buf text = BUF_INIT(OUT_MAX);
    bool utf8 = str_is_utf8(body);
    if (!utf8)
        crypto_base64(body, &text);
    json_w_str_at(w, "body", utf8 ? body : buf_str(&text));
    json_w_str_at(w, "bodyEncoding", utf8 ? STR("text") : STR("base64"));
    buf_fini(&text);
}

static void print_json(const struct listen_seen *seen, struct buf *out)
{
    const struct http_request *rq = seen->rq;
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    json_w_time_at(&w, "at", seen->at_ms);
    json_w_str_at(&w, "method", rq->method_text);
    json_w_str_at(&w, "path", rq->path);
    json_w_str_at(&w, "query", rq->query);
    json_w_str_at(&w, "peer", rq->peer);
    json_w_name(&w, STR("headers"));
    json_w_array(&w);
    for (size_t i = 0; i < rq->header_count; i++) {
        json_w_array(&w);
        json_w_str(&w, rq->headers[i].name);
        json_w_str(&w, rq->headers[i].value);
        json_w_array_end(&w);
    }
    json_w_array_end(&w);
    write_body(rq->body, &w);
    json_w_i64_at(&w, "status", seen->status);
    if (seen->checked)
        json_w_bool_at(&w, "verified", seen->reason == NULL);
    else
        json_w_null_at(&w, "verified");
    json_w_opt_str_at(&w, "reason", str_c(seen->reason));
    json_w_opt_str_at(&w, "forwardError", str_c(seen->forward_trouble));
    json_w_object_end(&w);
}

void listen_print(const struct listen_seen *seen, bool json)
{
    struct buf out = BUF_INIT(OUT_MAX);
    if (json)
        print_json(seen, &out);
    else
        print_text(seen, &out);
    local_print(&out);
}
