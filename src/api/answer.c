/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: JSON bodies and the shapes of errors. */
#include "api/handler.h"

#include <stdio.h>

void api_error_json(enum err e, const char *detail, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    json_w_str_at(&w, "code", str_c(err_code(e)));
    json_w_str_at(&w, "detail", str_c(detail != NULL ? detail : err_text(e)));
    json_w_object_end(&w);
}

void api_error_body(int status, const char *detail, struct buf *out)
{
    static const enum err by_status[] = {ERR_TIMEOUT,   ERR_TOO_LARGE, ERR_METHOD,
                                         ERR_NOT_FOUND, ERR_BUSY,      ERR_MEDIA_TYPE};
    enum err e = status >= 500 ? ERR_INTERNAL : ERR_SYNTAX;
    for (size_t i = 0; i < ARRAY_LEN(by_status); i++) {
        if (err_http_status(by_status[i]) == status)
            e = by_status[i];
    }
    api_error_json(e, detail, out);
}

void api_problems_json(const struct problems *p, struct buf *out)
{
    buf_add_str(out, STR("{\"detail\":["));
    if (!p->json.overflow)
        buf_add_str(out, buf_str(&p->json));
    buf_add_str(out, STR("]}"));
}

void api_syntax_json(const struct json_error *error, struct buf *out)
{
    char text[200];
    snprintf(text, sizeof text, "invalid JSON at line %zu, column %zu: %s", error->line, error->column, error->what);
    api_error_json(ERR_SYNTAX, text, out);
}

struct json_writer answer(struct api_call *call, int status)
{
    buf_clear(&call->out);
    call->status = status;
    return json_writer(&call->out);
}

void answer_empty(struct api_call *call)
{
    buf_clear(&call->out);
    call->status = 204;
}

void answer_error(struct api_call *call, enum err e, const char *detail)
{
    buf_clear(&call->out);
    call->stale = e == ERR_STALE;
    call->status = err_http_status(e);
    api_error_json(e, detail, &call->out);
    if (err_may_retry(e))
        answer_header(call, STR("Retry-After"), STR("1"));
}

void answer_header(struct api_call *call, struct str name, struct str value)
{
    CHECK(call->out_header_count < API_OUT_HEADERS_MAX);
    call->out_headers[call->out_header_count++] = (struct http_header){.name = name, .value = value};
}

void answer_failure(struct api_call *call, enum err e)
{
    /* What the store holds is not what was asked for: ours, not the caller's. */
    answer_error(call, e == ERR_INVALID || e == ERR_SYNTAX ? ERR_INTERNAL : e, NULL);
}

bool call_fits(struct api_call *call)
{
    if (call->bad_query != NULL) {
        char text[100];
        snprintf(text, sizeof text, "query parameter '%s' cannot be read", call->bad_query);
        answer_error(call, ERR_SYNTAX, text);
        return false;
    }
    if (call->problems.count > 0) {
        buf_clear(&call->out);
        call->status = err_http_status(ERR_INVALID);
        api_problems_json(&call->problems, &call->out);
        return false;
    }
    return true;
}
