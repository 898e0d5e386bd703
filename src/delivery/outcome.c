/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of an exchange: curl's result, how far it got and what the guard said, turned into a cause and a
 * sentence.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "delivery/client_impl.h"
#include "sys/clock.h"

void outcome_set(struct transfer *t, enum cause cause, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->words, sizeof t->words, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof t->words ? (size_t)n : sizeof t->words - 1;
    for (size_t i = 0; i < len; i++) /* some words are a stranger's */
        if ((unsigned char)t->words[i] < ' ' || t->words[i] == 0x7f)
            t->words[i] = ' ';
    t->result.cause = cause;
    t->result.error = str_of(t->words, len);
}

static void set_success(struct transfer *t)
{
    t->result.cause = CAUSE_NONE;
    t->result.error = STR_NULL;
}

static void set_status(struct transfer *t)
{
    outcome_set(t, CAUSE_STATUS, "the endpoint answered %d", t->status);
}

void outcome_blocked(struct transfer *t)
{
    char ip[ADDRESS_IP_SIZE];
    address_format_ip(&t->guard.refused, ip);
    outcome_set(t, CAUSE_BLOCKED, "the address %s is not allowed: %s", ip, t->guard.reason);
}

static void set_timeout(struct transfer *t, enum cause cause, const char *verb)
{
    int64_t ms = t->request->timeout_ms;
    char limit[32];
    if (ms % 1000 == 0)
        snprintf(limit, sizeof limit, "%lld s", (long long)(ms / 1000));
    else
        snprintf(limit, sizeof limit, "%lld ms", (long long)ms);
    outcome_set(t, cause, "no answer within %s (%s)", limit, verb);
}

void outcome_dns_timeout(struct transfer *t)
{
    set_timeout(t, CAUSE_TIMEOUT_DNS, "resolving the host name");
}

/* The address in use is the one connected to; the guard saw to that. */
static void set_peer(struct transfer *t)
{
    struct address proxy;
    const struct address *a = &t->guard.address[t->guard.at];
    if (t->guard.via_proxy) {
        const char *ip = NULL;
        long port = 0;
        curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
        curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
        if (ip == NULL || !address_parse(str_c(ip), (unsigned)port, &proxy))
            return;
        a = &proxy;
    }
    t->result.peer = str_of(t->peer, address_format_peer(a, t->peer));
}

/* What was tried, for words about a connection that did not come about. */
static const char *tried_name(struct transfer *t, char out[ADDRESS_PEER_SIZE])
{
    if (t->guard.via_proxy)
        return "the egress proxy";
    address_format_peer(&t->guard.address[t->guard.at], out);
    return out;
}

static bool is_connected(const struct transfer *t)
{
    return t->ready || t->connected_us > 0;
}

static bool is_body_unsent(const struct transfer *t)
{
    curl_off_t sent = 0;
    if (t->lean)
        return t->h1.sent < t->h1.total;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return (size_t)sent < t->body_len;
}

static void of_timeout(struct transfer *t)
{
    char name[ADDRESS_PEER_SIZE], verb[ADDRESS_PEER_SIZE + 32];
    snprintf(verb, sizeof verb, "connecting to %s", tried_name(t, name));
    if (t->status >= 200 && t->headers_done)
        set_timeout(t, CAUSE_TIMEOUT_BODY, "reading the answer");
    else if (t->ready && is_body_unsent(t))
        set_timeout(t, CAUSE_TIMEOUT_SEND, "sending the request");
    else if (t->ready)
        set_timeout(t, CAUSE_TIMEOUT_WAIT, "waiting for the answer");
    else if (t->guard.via_proxy)
        set_timeout(t, CAUSE_PROXY, "connecting through the egress proxy");
    else if (is_connected(t))
        set_timeout(t, CAUSE_TIMEOUT_TLS, "TLS handshake");
    else
        set_timeout(t, CAUSE_TIMEOUT_CONNECT, verb);
}

static void of_no_connection(struct transfer *t, int os_error)
{
    char name[ADDRESS_PEER_SIZE];
    tried_name(t, name);
    if (t->guard.via_proxy)
        outcome_set(t, CAUSE_PROXY, "the egress proxy cannot be reached");
    else if (t->open_errno != 0)
        outcome_set(t, t->open_errno == EADDRNOTAVAIL ? CAUSE_UNREACHABLE : CAUSE_INTERNAL,
                    "no connection to %s can be opened here: %s", name, strerror(t->open_errno));
    else if (os_error == ECONNREFUSED)
        outcome_set(t, CAUSE_REFUSED, "connection refused by %s", name);
    else if (os_error == ETIMEDOUT)
        outcome_set(t, CAUSE_TIMEOUT_CONNECT, "no connection to %s: it does not answer", name);
    else if (os_error == ECONNRESET)
        outcome_set(t, CAUSE_RESET, "connection reset by %s", name);
    else
        outcome_set(t, CAUSE_UNREACHABLE, "%s cannot be reached: %s", name,
                    os_error != 0 ? strerror(os_error) : "no route");
}

/* Curl's words without what our own words say already. */
static const char *curl_words(const struct transfer *t, CURLcode code)
{
    static const char *const prefixes[] = {
            "SSL certificate problem: ", "SSL: ", "OpenSSL SSL_connect: ", "OpenSSL SSL_read: "};
    const char *words = t->error[0] != '\0' ? t->error : curl_easy_strerror(code);
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (strncmp(words, prefixes[i], strlen(prefixes[i])) == 0)
            return words + strlen(prefixes[i]);
    return words;
}

/* A connection that broke: a proxy's refusal and TLS alerts arrive under the same codes. */
static void of_broken(struct transfer *t, CURLcode code)
{
    const char *words = curl_words(t, code);
    long connect_status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (t->guard.via_proxy && !t->ready && connect_status > 0)
        outcome_set(t, CAUSE_PROXY, "the egress proxy answered %ld", connect_status);
    else if (t->guard.via_proxy && !t->ready)
        outcome_set(t, CAUSE_PROXY, "the egress proxy failed: %s", words);
    else if (strstr(words, "SSL routines") != NULL)
        outcome_set(t, CAUSE_TLS, "TLS: %s", words);
    else if (strstr(words, "chunk") != NULL)
        outcome_set(t, CAUSE_PROTOCOL, "the answer is not valid HTTP: %s", words);
    else if (strstr(words, "eaders") != NULL)
        outcome_set(t, CAUSE_PROTOCOL, "the answer is not valid HTTP: %s", words);
    else if (t->status >= 200)
        outcome_set(t, CAUSE_RESET, "the connection was closed before the answer was complete: %s", words);
    else
        outcome_set(t, CAUSE_RESET, "the connection was closed before an answer: %s", words);
}

static const struct {
    CURLcode code;
    enum cause cause;
    const char *prefix;
} code_table[] = {
        {CURLE_UNSUPPORTED_PROTOCOL, CAUSE_PROTOCOL, "the answer is not valid HTTP"}, /* HTTP/0.9 */
        {CURLE_WEIRD_SERVER_REPLY, CAUSE_PROTOCOL, "the answer is not valid HTTP"},
        {CURLE_BAD_CONTENT_ENCODING, CAUSE_PROTOCOL, "the answer is not valid HTTP"},
        {CURLE_OUT_OF_MEMORY, CAUSE_PROTOCOL, "a line of the answer's head is too long"},
        {CURLE_URL_MALFORMAT, CAUSE_URL, "the URL cannot be used"},
        {CURLE_COULDNT_RESOLVE_PROXY, CAUSE_PROXY, "the egress proxy's name cannot be resolved"},
        {CURLE_PROXY, CAUSE_PROXY, "the egress proxy failed"},
        {CURLE_COULDNT_RESOLVE_HOST, CAUSE_DNS, "the host name could not be resolved"},
        {CURLE_HTTP2, CAUSE_RESET, "the HTTP/2 connection failed"},
        {CURLE_HTTP2_STREAM, CAUSE_RESET, "the HTTP/2 stream was closed before the answer was complete"},
        {CURLE_SSL_CONNECT_ERROR, CAUSE_TLS, "TLS"},
        {CURLE_SSL_ENGINE_NOTFOUND, CAUSE_TLS, "TLS"},
        {CURLE_SSL_ENGINE_SETFAILED, CAUSE_TLS, "TLS"},
        {CURLE_SSL_ENGINE_INITFAILED, CAUSE_TLS, "TLS"},
        {CURLE_SSL_CERTPROBLEM, CAUSE_TLS, "TLS"},
        {CURLE_SSL_CIPHER, CAUSE_TLS, "TLS"},
        {CURLE_PEER_FAILED_VERIFICATION, CAUSE_TLS, "TLS"},
        {CURLE_USE_SSL_FAILED, CAUSE_TLS, "TLS"},
        {CURLE_SSL_CACERT_BADFILE, CAUSE_TLS, "TLS"},
        {CURLE_SSL_SHUTDOWN_FAILED, CAUSE_TLS, "TLS"},
        {CURLE_SSL_CRL_BADFILE, CAUSE_TLS, "TLS"},
        {CURLE_SSL_ISSUER_ERROR, CAUSE_TLS, "TLS"},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH, CAUSE_TLS, "TLS"},
        {CURLE_SSL_INVALIDCERTSTATUS, CAUSE_TLS, "TLS"},
        {CURLE_SSL_CLIENTCERT, CAUSE_TLS, "TLS"},
};

static void of_code(struct transfer *t, CURLcode code)
{
    for (size_t i = 0; i < ARRAY_LEN(code_table); i++) {
        if (code_table[i].code == code) {
            outcome_set(t, code_table[i].cause, "%s: %s", code_table[i].prefix, curl_words(t, code));
            return;
        }
    }
    outcome_set(t, CAUSE_INTERNAL, "curl error %d: %s", (int)code, curl_words(t, code));
}

static void of_failure(struct transfer *t, CURLcode code)
{
    long os_error = 0;
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        of_timeout(t);
        break;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error);
        of_no_connection(t, (int)os_error);
        break;
    case CURLE_ABORTED_BY_CALLBACK: /* by on_request, and not because of the guard */
        of_no_connection(t, ECONNRESET);
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        of_broken(t, code);
        break;
    default:
        of_code(t, code);
        break;
    }
}

/*
 * What the guard or the answer itself says, `ended` or not; false: neither does. A final status that is not 2xx says
 * enough, however its body ended: a 410 or a Retry-After still counts.
 */
static bool of_answer(struct transfer *t, bool ended)
{
    bool is_final = t->headers_done && t->status >= 200;
    bool is_success = t->status >= 200 && t->status <= 299;
    if (t->guard.reason != NULL)
        outcome_blocked(t);
    else if (t->stop == STOP_HEADERS)
        outcome_set(t, CAUSE_PROTOCOL, "the answer's headers do not end");
    else if (t->stop == STOP_UPGRADE || (is_final && !is_success))
        set_status(t);
    else if (is_final && (ended || t->stop == STOP_ENOUGH))
        set_success(t);
    else
        return false;
    return true;
}

/* A server that misses a certificate says so by an alert, by closing, or by a status: 495 and 496 are nginx's. */
static void add_certificate_words(struct transfer *t)
{
    static const int statuses[] = {400, 401, 403, 495, 496};
    char words[sizeof t->words];
    bool of_status = false;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        of_status = of_status || (t->result.cause == CAUSE_STATUS && t->status == statuses[i]);
    bool unanswered = t->result.cause == CAUSE_TLS || (t->result.cause == CAUSE_RESET && t->status == 0);
    if (!crypto_tls_ask_happened(t->ask) || (!of_status && !unanswered))
        return;
    snprintf(words, sizeof words, STR_FMT, STR_ARG(t->result.error));
    outcome_set(t, of_status ? CAUSE_STATUS : CAUSE_TLS,
                "%.*s; the server asked for a client certificate, and the endpoint has none", 400, words);
}

void outcome_of_curl(struct transfer *t, CURLcode code)
{
    if (of_answer(t, code == CURLE_OK)) {
        add_certificate_words(t);
        return;
    }
    if (code == CURLE_OK)
        outcome_set(t, CAUSE_RESET, "the connection was closed in the head of the answer");
    else
        of_failure(t, code);
    add_certificate_words(t);
}

static void of_closed(struct transfer *t, int os_error)
{
    const char *words = os_error != 0 ? strerror(os_error) : "end of the stream";
    if (t->headers_done && t->status >= 200)
        outcome_set(t, CAUSE_RESET, "the connection was closed before the answer was complete: %s", words);
    else if (t->status > 0)
        outcome_set(t, CAUSE_RESET, "the connection was closed in the head of the answer: %s", words);
    else
        outcome_set(t, CAUSE_RESET, "the connection was closed before an answer: %s", words);
}

void outcome_of_h1(struct transfer *t, enum h1_end how, int os_error)
{
    if (of_answer(t, how == H1_ENDED_WELL))
        return;
    switch (how) {
    case H1_ENDED_INVALID:
        outcome_set(t, CAUSE_PROTOCOL, "the answer is not valid HTTP: %s", t->h1.answer.why);
        break;
    case H1_ENDED_TOO_LONG:
        outcome_set(t, CAUSE_PROTOCOL, "a line of the answer's head is too long");
        break;
    case H1_ENDED_UNCONNECTED:
        of_no_connection(t, os_error);
        break;
    case H1_ENDED_TIMEOUT:
        of_timeout(t);
        break;
    case H1_ENDED_WELL:
    case H1_ENDED_EARLY:
    case H1_ENDED_CLOSED:
        of_closed(t, os_error);
        break;
    }
}

/* Since the start; 0 for what did not happen. */
static int32_t elapsed_us(const struct transfer *t, int64_t at_us)
{
    int64_t us = at_us == 0 ? 0 : at_us - t->started_us;
    return us < 0 ? 0 : us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

/* Our own times: curl's count from the start of its last try, and on a shared connection some are another request's. */
static void set_phases(struct transfer *t)
{
    struct attempt_phases *p = &t->result.phases;
    p->dns_us = elapsed_us(t, t->resolved_us);
    if (t->opened)
        p->connect_us = elapsed_us(t, t->connected_us > 0 ? t->connected_us : t->ready_us);
    if (t->opened && t->target.https)
        p->tls_us = elapsed_us(t, t->ready_us);
    p->sent_us = elapsed_us(t, t->body_sent_us > t->ready_us ? t->body_sent_us : t->ready_us);
    p->first_byte_us = elapsed_us(t, t->first_byte_us);
}

void outcome_complete(struct transfer *t)
{
    struct client_result *r = &t->result;
    set_phases(t);
    if (is_connected(t))
        set_peer(t);
    r->phases.total_us = elapsed_us(t, clock_mono_us());
    r->http_status = t->status == 101 || t->status >= 200 ? t->status : 0;
    if (r->http_status == 0)
        return;
    r->headers = buf_str(&t->headers);
    r->body = buf_str(&t->answer);
    r->body_truncated = t->body_seen > t->answer.len;
    r->retry_after_ms = t->retry_after_ms;
}
