/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "base/check.h"

static const struct {
    const char *code;
    const char *text;
    int http_status;
    bool may_retry;
} errors[ERR_COUNT] = {
#define ERR_ROW(sym, code_, status, retry, text_)                                                                      \
    [ERR_##sym] = {.code = (code_), .text = (text_), .http_status = (status), .may_retry = (retry)},
        ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

const char *err_code(enum err e)
{
    CHECK(e < ERR_COUNT);
    return errors[e].code;
}

const char *err_text(enum err e)
{
    CHECK(e < ERR_COUNT);
    return errors[e].text;
}

int err_http_status(enum err e)
{
    CHECK(e < ERR_COUNT);
    return errors[e].http_status;
}

bool err_may_retry(enum err e)
{
    CHECK(e < ERR_COUNT);
    return errors[e].may_retry;
}
