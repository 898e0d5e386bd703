/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange as curl sees it. What never changes is told to a handle once, in transfer_new; what changes per request
 * or per address, in transfer_prepare and transfer_aim. Curl only reads the header list and the "connect to" list, so
 * their nodes lie in the transfer and point into the caller's memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"
#include "delivery/client_impl.h"
#include "delivery/retry_after.h"
#include "sys/clock.h"

#define RECEIVE_BUFFER_BYTES 16384
#define UPLOAD_BUFFER_BYTES  65536
#define IDLE_MAX_S           50 /* below the usual 60 and 75 s of servers */
#define LIFETIME_MAX_S       600
#define BLOCK_KEEP_BYTES     16384 /* a larger block is given back after its request */
#define CAPTURE_KEEP_BYTES   4096

/* Callbacks */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    struct transfer *t = arg;
    if (!guard_permits_connection(&t->guard, &a->addr))
        return CURL_SOCKET_BAD;
    t->opened = true;
    t->fd = sockets_open(&t->client->sockets, t->lane, a, t->target.https);
    if (t->fd == CURL_SOCKET_BAD)
        t->bind_errno = errno;
    return t->fd;
}

static int on_close_socket(void *lane, curl_socket_t fd)
{
    return sockets_close(&((struct lane *)lane)->client->sockets, fd);
}

static int on_request(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    struct transfer *t = arg;
    if (t->opened && t->target.https)
        sockets_handshake_done(&t->client->sockets, t->fd);
    if (!guard_permits_request(&t->guard, peer_ip))
        return CURL_PREREQFUNC_ABORT;
    t->ready = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_read(char *to, size_t size, size_t count, void *arg)
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
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = arg;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > t->body_len)
        return CURL_SEEKFUNC_FAIL;
    t->body_sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void begin_answer(struct transfer *t, struct str line)
{
    buf_clear(&t->headers);
    t->headers.overflow = false;
    t->retry_after_ms = -1;
    t->headers_done = false;
    struct str rest = line;
    (void)str_split(&rest, ' ');
    uint64_t status;
    t->status = str_to_u64(str_take(rest, 3), &status) == ERR_OK ? (int)status : 0;
}

static void keep_header(struct transfer *t, struct str line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        if (t->headers.len > 0 && !t->headers.overflow) { /* a folded line goes on */
            t->headers.ptr[t->headers.len - 1] = ' ';
            buf_add_str(&t->headers, str_trim(line));
            buf_add_c(&t->headers, '\n');
        }
        return;
    }
    struct str value = line, name = str_split(&value, ':');
    value = str_trim(value);
    if (t->headers.len + name.len + value.len + 3 > ANSWER_HEADERS_KEEP)
        t->headers.overflow = true;
    if (!t->headers.overflow) {
        buf_add_str(&t->headers, name);
        buf_add(&t->headers, ": ", 2);
        buf_add_str(&t->headers, value);
        buf_add_c(&t->headers, '\n');
    }
    if (name.len == 11 && str_eq_nocase(name, STR("retry-after")))
        t->retry_after_ms = retry_after_parse(value, clock_wall_ms());
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;
    t->headers_seen += len;
    if (t->headers_seen > ANSWER_HEADERS_MAX) {
        t->stop = STOP_HEADERS;
        return 0;
    }
    struct str line = str_of(bytes, len);
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (t->headers_done && t->status >= 200)
        return len; /* trailers */
    if (t->status == 0 || t->headers_done) {
        begin_answer(t, line);
    } else if (line.len > 0) {
        keep_header(t, line);
    } else {
        t->headers_done = true;
        if (t->status == 101) {
            t->stop = STOP_UPGRADE;
            return 0;
        }
    }
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;
    t->body_seen += len;
    size_t room = ATTEMPT_BODY_MAX - t->answer.len;
    buf_add(&t->answer, bytes, len < room ? len : room);
    if (t->body_seen <= ANSWER_BODY_MAX)
        return len;
    t->stop = STOP_ENOUGH;
    return 0;
}

/* Set-up */

static void set_callbacks(struct transfer *t)
{
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, t);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
}

/* Strings that the environment would otherwise supply (proxies, their exceptions, a netrc) are set to nothing. */
static void set_constants(struct transfer *t)
{
    const struct client_config *c = &t->client->config;
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOPROXY, "");
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    /* Curl's own cache is of no use (it sees addresses) and is walked after every transfer; a proxy's name stays in it.
     */
    curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, c->proxy != NULL ? 60L : 0L);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
    curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)LIFETIME_MAX_S);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    /* With a directory of certificates, even an empty one, curl parses the bundle anew for every handshake. */
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    if (c->ca_file != NULL)
        curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
}

struct transfer *transfer_new(struct client *c)
{
    struct transfer *t = mem_zalloc(1, sizeof *t);
    list_init(&t->node);
    list_init(&t->wait.node);
    t->client = c;
    t->headers = BUF_INIT(ANSWER_HEADERS_KEEP);
    t->answer = BUF_INIT(ATTEMPT_BODY_MAX);
    t->easy = curl_easy_init();
    CHECK(t->easy != NULL);
    set_callbacks(t);
    set_constants(t);
    transfer_clear(t);
    return t;
}

void transfer_free(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    buf_fini(&t->headers);
    buf_fini(&t->answer);
    free(t->block);
    free(t);
}

static void clear_answer(struct transfer *t)
{
    t->bind_errno = 0;
    t->fd = -1;
    t->connected_us = 0;
    t->opened = t->ready = false;
    t->body_sent = 0;
    t->body_sent_us = 0;
    t->status = 0;
    t->headers_done = false;
    t->stop = STOP_NONE;
    t->headers_seen = t->body_seen = 0;
    t->retry_after_ms = -1;
    t->headers.overflow = t->answer.overflow = false;
    buf_clear(&t->headers);
    buf_clear(&t->answer);
    t->error[0] = '\0';
}

void transfer_clear(struct transfer *t)
{
    clear_answer(t);
    t->request = NULL;
    t->lane = NULL;
    t->guard = (struct guard){.policy = t->client->config.policy};
    t->resolved_us = t->tried_us = 0;
    t->peer[0] = '\0';
    t->result = (struct client_result){.retry_after_ms = -1};
}

/* Per request */

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

static bool is_header_clean(const char *h)
{
    size_t len = strcspn(h, "\r\n");
    return h[len] == '\0' && strchr(h, ':') != NULL && h[0] != ':';
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
        if (!is_header_clean(h)) {
            outcome_set(t, CAUSE_INTERNAL, "header %zu is malformed", i + 1);
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

/* Connections are shared only among requests with the same bundle and certificate: curl compares their bytes. */
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

bool transfer_prepare(struct transfer *t)
{
    const struct client_request *r = t->request;
    size_t parts;
    t->body_len = body_length(r, &parts);
    bool join = parts > 1 && t->body_len <= JOIN_MAX_BYTES;
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

/* Per try */

static bool aim_connect_to(struct transfer *t)
{
    struct address literal;
    if (address_parse(t->target.host, 0, &literal))
        return false; /* nothing to pin: curl connects to the URL's own address */
    t->connect_to_text[0] = t->connect_to_text[1] = ':';
    address_format_peer(&t->guard.address[t->guard.at], t->connect_to_text + 2);
    t->connect_to = (struct curl_slist){.data = t->connect_to_text};
    return true;
}

/* While there is another address to try, this one gets only its share of the time. */
static long connect_share_ms(const struct transfer *t, long left_ms)
{
    size_t others = t->guard.via_proxy ? 0 : t->guard.count - t->guard.at - 1;
    return others == 0 ? left_ms : left_ms / (long)(others + 1) + 1;
}

void transfer_aim(struct transfer *t)
{
    clear_answer(t);
    t->tried_us = clock_mono_us();
    int64_t left_us = t->deadline_us - t->tried_us;
    long left_ms = left_us < 1000 ? 1 : left_us / 1000 > 86400000 ? 86400000 : (long)(left_us / 1000);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, left_ms);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_share_ms(t, left_ms));
    curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO, aim_connect_to(t) ? &t->connect_to : NULL);
    curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, t->lane);
    if (t->guard.via_proxy != t->had_proxy)
        curl_easy_setopt(t->easy, CURLOPT_PROXY, t->guard.via_proxy ? t->client->config.proxy : "");
    t->had_proxy = t->guard.via_proxy;
}

static void shrink(struct buf *b)
{
    if (b->cap > CAPTURE_KEEP_BYTES)
        buf_fini(b);
}

void transfer_release(struct transfer *t)
{
    if (t->had_tls) {
        set_blob(t->easy, CURLOPT_CAINFO_BLOB, STR_NULL);
        set_blob(t->easy, CURLOPT_SSLCERT_BLOB, STR_NULL);
        set_blob(t->easy, CURLOPT_SSLKEY_BLOB, STR_NULL);
        t->had_tls = false;
    }
    shrink(&t->headers);
    shrink(&t->answer);
    if (t->block_size > BLOCK_KEEP_BYTES) {
        free(t->block);
        t->block = NULL;
        t->block_size = 0;
    }
}
