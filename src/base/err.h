/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of errors for the whole program: name, text for people, HTTP status when an API request meets it, and
 * whether the caller may try the same thing again. A receiver that answers 503 is a result, not an error.
 */
#ifndef PR_BASE_ERR_H
#define PR_BASE_ERR_H

#include <stdbool.h>

/* X(symbol, code in API answers, HTTP status, may retry, text) */
#define ERR_TABLE(X)                                                                                                   \
    X(OK, "ok", 200, false, "ok")                                                                                      \
    X(INVALID, "validation", 422, false, "a value does not fit")                                                       \
    X(SYNTAX, "bad_request", 400, false, "cannot be parsed")                                                           \
    X(UNAUTHORIZED, "authentication_failed", 401, false, "invalid or missing token")                                   \
    X(FORBIDDEN, "forbidden", 403, false, "the token does not allow this")                                             \
    X(NOT_FOUND, "not_found", 404, false, "not found")                                                                 \
    X(METHOD, "method_not_allowed", 405, false, "method not allowed")                                                  \
    X(TIMEOUT, "timeout", 408, true, "took too long")                                                                  \
    X(CONFLICT, "conflict", 409, false, "already exists")                                                              \
    X(GONE, "gone", 410, false, "has expired")                                                                         \
    X(CHANGED, "precondition_failed", 412, false, "somebody else changed it meanwhile")                                \
    X(TOO_LARGE, "payload_too_large", 413, false, "too large")                                                         \
    X(MEDIA_TYPE, "unsupported_media_type", 415, false, "content type not supported")                                  \
    X(RATE, "rate_limited", 429, true, "too many requests")                                                            \
    X(INTERNAL, "internal", 500, false, "internal error")                                                              \
    X(BUSY, "overloaded", 503, true, "overloaded, try again")                                                          \
    X(FULL, "storage_full", 503, true, "storage is full")                                                              \
    X(UNAVAILABLE, "unavailable", 503, true, "the store is not available")                                             \
    X(STALE, "stale", 503, true, "configuration changed meanwhile")                                                    \
    X(IO, "io", 500, false, "input/output error")                                                                      \
    X(CLOSED, "closed", 503, true, "shutting down")

enum err {
#define ERR_ENUM(sym, code, status, retry, text) ERR_##sym,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
            ERR_COUNT
};

/* The code that API answers carry, e.g. "not_found". */
const char *err_code(enum err e);
/* A sentence fragment for people. */
const char *err_text(enum err e);
/* HTTP status, 200..599. */
int err_http_status(enum err e);
/* Whether the same request may succeed later. */
bool err_may_retry(enum err e);

#endif
