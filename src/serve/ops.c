/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ops.h"

#include "serve/serve_metrics.h"

static void answer_text(struct http_exchange *x, int status, const char *type, struct str body)
{
    struct http_header header = {STR("Content-Type"), str_c(type)};
    http_respond(x, status, &header, 1, body);
}

/* Ready: takes messages. NULL, or why not. */
static const char *why_not_ready(struct shared *s)
{
    struct store_stats st;
    if (atomic_load(&s->draining))
        return "draining\n";
    store_stats(s->store, &st);
    return st.full ? "the disk is full\n" : NULL;
}

static void answer_metrics(struct http_exchange *x)
{
    struct buf out = BUF_INIT(4u << 20);
    metrics_write(&out);
    answer_text(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&out));
    buf_fini(&out);
}

bool ops_answer(struct shared *s, struct http_exchange *x, bool metrics)
{
    const struct http_request *q = http_exchange_request(x);
    bool live = str_eq(q->path, STR("/livez")), ready = str_eq(q->path, STR("/readyz"));
    bool wants_metrics = metrics && str_eq(q->path, STR("/metrics"));
    if (!live && !ready && !wants_metrics)
        return false;
    if (q->method != HTTP_M_GET && q->method != HTTP_M_HEAD) {
        relay_error(x, ERR_METHOD, NULL);
    } else if (wants_metrics) {
        answer_metrics(x);
    } else {
        const char *why = ready ? why_not_ready(s) : NULL;
        answer_text(x, why == NULL ? 200 : 503, "text/plain; charset=utf-8", why == NULL ? STR("ok\n") : str_c(why));
    }
    return true;
}
