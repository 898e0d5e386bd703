/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request as curl is told: URL, method, headers, body, certificates. Curl only reads the header list, so its nodes
 * lie in one block per transfer and point into the caller's memory; the same block holds the URL and a joined body.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "delivery/client_impl.h"
#include "sys/clock.h"

#define BLOCK_KEEP_BYTES 16384 /* a larger block is given back after its request */

size_t request_on_read(char *to, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t room = size * count, done = 0, skip = t->body_sent;
    for (size_t i = 0; i < ARRAY_LEN(t->request->body) && done < room; i++) {
        struct str part = t->request->body[i];
        size_t passed = skip < part.len ? skip : part.len;
        skip -= passed;
        part = str_take(str_skip(part, passed), room - done);
        if (part.len > 0)
            memcpy(to + done, part.ptr, part.len);
        done += part.len;
    }
    t->body_sent += done;
    t->body_sent_us = clock_mono_us();
    return done;
}

/* Curl starts over when a kept-alive connection turns out to be dead. */
int request_on_seek(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = arg;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > t->body_len)
        return CURL_SEEKFUNC_FAIL;
    t->body_sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t body_length(const struct client_request *r, size_t *parts)
{
    size_t len = 0;
    *parts = 0;
    for (size_t i = 0; i < ARRAY_LEN(r->body); i++) {
        len += r->body[i].len;
        *parts += r->body[i].len > 0;
    }
    return len;
}

/* What frames the request is curl's to say. */
static bool is_reserved(const char *h, size_t name_len)
{
    static const char *const names[] = {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if ((h[0] | 0x20) == (names[i][0] | 0x20) && strlen(names[i]) == name_len &&
            strncasecmp(h, names[i], name_len) == 0)
            return true;
    return false;
}

bool request_header_is_clean(struct str h)
{
    size_t name_len = str_find(h, ':');
    if (h.ptr == NULL || name_len == 0 || name_len == h.len || is_reserved(h.ptr, name_len))
        return false;
    return str_find(h, '\r') == h.len && str_find(h, '\n') == h.len;
}

/* "Name:" would remove a header; curl's way to send an empty one is "Name;". Returns the next free byte. */
static char *copy_if_empty(const char *h, char **data, char *free_bytes)
{
    size_t name = strcspn(h, ":");
    if (h[name + 1 + strspn(h + name + 1, " \t")] != '\0')
        return free_bytes;
    memcpy(free_bytes, h, name);
    memcpy(free_bytes + name, ";", 2);
    *data = free_bytes;
    return free_bytes + name + 2;
}

static struct curl_slist *add_node(struct curl_slist *nodes, size_t *n, const char *text)
{
    nodes[*n] = (struct curl_slist){.data = (char *)(uintptr_t)text, .next = NULL};
    if (*n > 0)
        nodes[*n - 1].next = &nodes[*n];
    (*n)++;
    return nodes;
}

/* The nodes of the header list, then bytes for those that have to be rewritten, the URL and the joined body. */
static char *grow_block(struct transfer *t, size_t node_bytes, bool join)
{
    const struct client_request *r = t->request;
    size_t need = node_bytes + r->url.len + 1 + (join ? t->body_len : 0);
    for (size_t i = 0; i < r->header_count; i++)
        need += strlen(r->headers[i]) + 2;
    if (need > t->block_size) {
        free(t->block);
        t->block_size = need < 2048 ? 2048 : need;
        t->block = mem_alloc(t->block_size);
    }
    return t->block;
}

static bool set_headers(struct transfer *t, char **free_bytes)
{
    const struct client_request *r = t->request;
    struct curl_slist *nodes = (struct curl_slist *)(void *)t->block;
    size_t n = 0;
    bool has_type = false;
    for (size_t i = 0; i < r->header_count; i++) {
        const char *h = r->headers[i];
        if (!request_header_is_clean(str_c(h))) {
            outcome_set(t, CAUSE_INTERNAL, "header %zu is malformed or not to be set", i + 1);
            return false;
        }
        has_type = has_type || ((h[0] | 0x20) == 'c' && strncasecmp(h, "content-type:", 13) == 0);
        add_node(nodes, &n, h);
        *free_bytes = copy_if_empty(h, &nodes[n - 1].data, *free_bytes);
    }
    if (!has_type)
        add_node(nodes, &n, "Content-Type:");
    add_node(nodes, &n, "Expect:");
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, nodes);
    return true;
}

static void set_body(struct transfer *t, size_t parts, char *free_bytes)
{
    const struct client_request *r = t->request;
    t->body = str_of(free_bytes, 0);
    if (parts == 1) {
        for (size_t i = 0; i < ARRAY_LEN(r->body); i++)
            if (r->body[i].len > 0)
                t->body = r->body[i];
    } else if (parts > 1 && t->body_len <= JOIN_MAX_BYTES) {
        for (size_t i = 0; i < ARRAY_LEN(r->body); i++) {
            if (r->body[i].len > 0)
                memcpy(free_bytes, r->body[i].ptr, r->body[i].len);
            free_bytes += r->body[i].len;
        }
        t->body.len = t->body_len;
    } else if (parts > 1) {
        t->body = STR_NULL;
    }
}

/* Each kind of method sets what curl derives from it, so the order matters: the verb last. */
static void set_method(struct transfer *t)
{
    struct str method = t->request->method;
    bool with_body = t->body_len > 0 || str_eq(method, STR("POST"));
    CURL *e = t->easy;
    if (with_body) {
        bool reader = t->body.ptr == NULL;
        if (reader != t->had_reader || !str_eq(method, str_c(t->method)))
            curl_easy_setopt(e, CURLOPT_POST, 1L);
        t->had_reader = reader;
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->body.ptr);
    }
    if (with_body && str_eq(method, str_c(t->method)))
        return;
    if (!with_body) {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
        if (str_eq(method, STR("HEAD")))
            curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    }
    snprintf(t->method, sizeof t->method, STR_FMT, STR_ARG(method));
    bool implied = str_eq(method, with_body ? STR("POST") : STR("GET")) || (!with_body && str_eq(method, STR("HEAD")));
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, implied ? NULL : t->method);
    if (!with_body)
        t->method[0] = '\0'; /* the next request sets everything again */
}

static void set_blob(CURL *e, CURLoption option, struct str pem)
{
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem.ptr, .len = pem.len, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(e, option, pem.len > 0 ? &blob : NULL);
}

/* Connections are shared only among requests with the same bundle and certificates: curl compares their bytes. The key
 * is not compared, but a certificate has only one. */
static void set_tls(struct transfer *t)
{
    const struct client_request *r = t->request;
    bool has = r->ca_bundle.len > 0 || r->client_cert.len > 0;
    if (!has && !t->had_tls)
        return;
    set_blob(t->easy, CURLOPT_CAINFO_BLOB, r->ca_bundle);
    set_blob(t->easy, CURLOPT_SSLCERT_BLOB, r->client_cert);
    set_blob(t->easy, CURLOPT_SSLKEY_BLOB, r->client_key);
    t->had_tls = has;
}

static void set_version(struct transfer *t)
{
    bool http2 = t->request->http2;
    if (http2 == t->was_http2)
        return;
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, http2 ? 1L : 0L);
    t->was_http2 = http2;
}

bool request_prepare(struct transfer *t)
{
    const struct client_request *r = t->request;
    size_t parts;
    t->body_len = body_length(r, &parts);
    bool join = parts > 1 && t->body_len <= JOIN_MAX_BYTES;
    transfer_open_easy(t);
    if (r->method.len == 0 || r->method.len >= sizeof t->method) {
        outcome_set(t, CAUSE_INTERNAL, "the request has no usable method");
        return false;
    }
    size_t node_bytes = (r->header_count + 2) * sizeof(struct curl_slist);
    char *free_bytes = grow_block(t, node_bytes, join) + node_bytes;
    memcpy(free_bytes, r->url.ptr, r->url.len);
    free_bytes[r->url.len] = '\0';
    if (curl_easy_setopt(t->easy, CURLOPT_URL, free_bytes) != CURLE_OK) {
        outcome_set(t, CAUSE_URL, "the URL is too long");
        return false;
    }
    free_bytes += r->url.len + 1;
    if (!set_headers(t, &free_bytes))
        return false;
    set_body(t, parts, free_bytes);
    set_method(t);
    set_tls(t);
    set_version(t);
    return true;
}

void request_release(struct transfer *t)
{
    if (t->had_tls) {
        set_blob(t->easy, CURLOPT_CAINFO_BLOB, STR_NULL);
        set_blob(t->easy, CURLOPT_SSLCERT_BLOB, STR_NULL);
        set_blob(t->easy, CURLOPT_SSLKEY_BLOB, STR_NULL);
        t->had_tls = false;
    }
    if (t->block_size > BLOCK_KEEP_BYTES) {
        free(t->block);
        t->block = NULL;
        t->block_size = 0;
    }
}
