/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange as curl sees it. What never changes is told to a handle once, in transfer_new; what changes per request
 * in request_prepare, per address in transfer_aim.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "delivery/client_impl.h"
#include "sys/clock.h"

#define RECEIVE_BUFFER_BYTES 16384
#define UPLOAD_BUFFER_BYTES  65536
#define CAPTURE_KEEP_BYTES   4096

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    struct transfer *t = arg;
    if (!guard_permits_connection(&t->guard, &a->addr))
        return CURL_SOCKET_BAD;
    t->opened = true;
    t->ready = false; /* curl may have begun on a kept-alive connection that was dead */
    t->fd = sockets_open(&t->client->sockets, t->lane, a, t->target.https, !t->guard.via_proxy);
    if (t->fd == CURL_SOCKET_BAD)
        t->open_errno = errno;
    return t->fd;
}

/* Curl itself tells the time of the TCP connection only once TLS is set up as well. */
static CURLcode on_tls_begin(CURL *easy, void *tls, void *arg)
{
    (void)easy;
    struct transfer *t = arg;
    t->connected_us = clock_mono_us();
    crypto_tls_ask_unref(t->ask);
    t->ask = crypto_tls_ask_watch(tls);
    return CURLE_OK;
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
    bool is_gone = peer_ip[0] == '\0' && !t->guard.via_proxy; /* reset before curl could ask whom it reached */
    if (is_gone || !guard_permits_request(&t->guard, peer_ip))
        return CURL_PREREQFUNC_ABORT;
    t->ready = true;
    t->ready_us = clock_mono_us();
    return CURL_PREREQFUNC_OK;
}

static void set_callbacks(struct transfer *t)
{
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls_begin);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, t);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, answer_on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, answer_on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, request_on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, t);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, request_on_seek);
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
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_MAX_S);
    curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFETIME_MAX_S);
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
    t->answer = BUF_INIT(CLIENT_ANSWER_MAX);
    t->h1.head = BUF_INIT(H1_HEAD_MAX);
    t->h1.answer.line = BUF_INIT(H1_LINE_MAX);
    list_init(&t->h1.due.node);
    transfer_clear(t);
    return t;
}

void transfer_open_easy(struct transfer *t)
{
    if (t->easy != NULL)
        return;
    t->easy = curl_easy_init();
    CHECK(t->easy != NULL);
    set_callbacks(t);
    set_constants(t);
}

void transfer_free(struct transfer *t)
{
    if (t->easy != NULL)
        curl_easy_cleanup(t->easy);
    crypto_tls_ask_unref(t->ask);
    buf_fini(&t->h1.head);
    buf_fini(&t->h1.answer.line);
    buf_fini(&t->headers);
    buf_fini(&t->answer);
    free(t->block);
    free(t);
}

void transfer_restart(struct transfer *t)
{
    t->open_errno = 0;
    t->fd = -1;
    t->connected_us = t->ready_us = t->body_sent_us = t->first_byte_us = 0;
    t->opened = t->ready = false;
    t->body_sent = 0;
    t->status = 0;
    t->headers_done = false;
    t->stop = STOP_NONE;
    t->headers_seen = t->body_seen = 0;
    t->retry_after_ms = -1;
    t->headers.overflow = t->answer.overflow = false;
    buf_clear(&t->headers);
    buf_clear(&t->answer);
    t->error[0] = '\0';
    crypto_tls_ask_unref(t->ask);
    t->ask = NULL;
}

void transfer_clear(struct transfer *t)
{
    transfer_restart(t);
    t->request = NULL;
    t->lane = NULL;
    t->guard = (struct guard){.policy = t->client->config.policy};
    t->resolved_us = 0;
    t->peer[0] = '\0';
    t->result = (struct client_result){.retry_after_ms = -1};
}

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

static long left_ms(const struct transfer *t)
{
    int64_t left_us = t->deadline_us - clock_mono_us();
    return left_us < 1000 ? 1 : left_us / 1000 > 86400000 ? 86400000 : (long)(left_us / 1000);
}

long transfer_connect_ms(const struct transfer *t)
{
    long left = left_ms(t);
    size_t others = t->guard.via_proxy ? 0 : t->guard.count - t->guard.at - 1;
    return others == 0 ? left : left / (long)(others + 1) + 1;
}

void transfer_aim(struct transfer *t)
{
    transfer_restart(t);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, left_ms(t));
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, transfer_connect_ms(t));
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
    request_release(t);
    shrink(&t->headers);
    shrink(&t->h1.answer.line);
    shrink(&t->answer);
}
