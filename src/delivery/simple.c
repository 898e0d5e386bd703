/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/simple.h"

#include <curl/curl.h>

#define ANSWER_MAX ((size_t)64 << 20)

static _Thread_local char trouble[CURL_ERROR_SIZE];

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;
    buf_add(body, bytes, size * count);
    return body->overflow ? 0 : size * count;
}

static struct curl_slist *make_headers(const struct simple_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < r->header_count && list != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(list, r->headers[i]);
        if (longer == NULL)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

/* The certificate itself is the trust anchor then, so that its name need not be the one we call. */
static void set_trust(CURL *h, const struct simple_request *r)
{
    if (r->pinned_cert != NULL) {
        curl_easy_setopt(h, CURLOPT_CAINFO, r->pinned_cert);
        curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (r->ca_file != NULL) {
        curl_easy_setopt(h, CURLOPT_CAINFO, r->ca_file);
        curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
    }
}

static void set_request(CURL *h, const struct simple_request *r, struct curl_slist *headers, struct buf *body)
{
    curl_easy_setopt(h, CURLOPT_URL, r->url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, trouble);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, body);
    if (r->body.ptr != NULL) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body.ptr);
    }
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    set_trust(h, r);
}

static enum err meaning_of(CURLcode code, bool overflow)
{
    switch (code) {
    case CURLE_OK:
        return ERR_OK;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return ERR_UNAVAILABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    default:
        return overflow ? ERR_TOO_LARGE : ERR_IO;
    }
}

enum err simple_send(const struct simple_request *r, struct simple_answer *out, const char **why)
{
    CURL *h = curl_easy_init();
    struct curl_slist *headers = make_headers(r);
    struct buf body = BUF_INIT(ANSWER_MAX);
    long status = 0;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    trouble[0] = '\0';
    if (h != NULL && headers != NULL) {
        set_request(h, r, headers, &body);
        code = curl_easy_perform(h);
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    }
    *why = trouble[0] != '\0' ? trouble : curl_easy_strerror(code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(h);
    enum err e = meaning_of(code, body.overflow);
    if (e == ERR_OK)
        *out = (struct simple_answer){.status = (int)status, .body = body};
    else
        buf_fini(&body);
    return e;
}

void simple_answer_fini(struct simple_answer *a)
{
    buf_fini(&a->body);
}
