/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/smtp.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define CONNECT_MS 20000L
#define TOTAL_MS   120000L
#define REPLY_MAX  256

struct smtp {
    struct smtp_relay relay;
    CURL *curl;
    long use_ssl;
    bool verify;
    char trouble[CURL_ERROR_SIZE];
    char reply[REPLY_MAX]; /* the relay's last line that says no */
    struct str left;       /* of the letter */
    bool read;             /* the relay asked for the letter's text */
    const atomic_bool *stop;
};

/* ---- how far the relay is trusted -------------------------------------------------------------------------------- */

static bool is_near(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
}

static void choose_tls(struct smtp *s)
{
    char *host = NULL, *user = NULL, *scheme = NULL;
    CURLU *url = curl_url();
    s->verify = true;
    s->use_ssl = CURLUSESSL_ALL;
    if (url != NULL && curl_url_set(url, CURLUPART_URL, s->relay.url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "smtp") == 0 &&
        (is_near(host) || curl_url_get(url, CURLUPART_USER, &user, 0) != CURLUE_OK)) {
        s->use_ssl = CURLUSESSL_TRY;
        s->verify = false; /* whoever could show a wrong certificate could as well offer no TLS */
    }
    curl_free(host);
    curl_free(user);
    curl_free(scheme);
    curl_url_cleanup(url);
}

/* ---- callbacks --------------------------------------------------------------------------------------------------- */

static size_t give_text(char *into, size_t size, size_t count, void *arg)
{
    struct smtp *s = arg;
    size_t n = size * count < s->left.len ? size * count : s->left.len;
    s->read = true;
    if (n > 0)
        memcpy(into, s->left.ptr, n);
    s->left = str_skip(s->left, n);
    return n;
}

static size_t take_reply(char *line, size_t size, size_t count, void *arg)
{
    struct smtp *s = arg;
    struct str text = str_take(str_trim(str_of(line, size * count)), REPLY_MAX - 1);
    if (text.len == 0 || (text.ptr[0] != '4' && text.ptr[0] != '5'))
        return size * count;
    for (size_t i = 0; i < text.len; i++)
        s->reply[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?';
    s->reply[text.len] = '\0';
    return size * count;
}

static size_t drop_body(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

static int look_whether_to_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct smtp *s = arg;
    (void)a, (void)b, (void)c, (void)d;
    return s->stop != NULL && atomic_load(s->stop);
}

/* ---- an exchange ------------------------------------------------------------------------------------------------- */

static void set_common(struct smtp *s)
{
    curl_easy_reset(s->curl); /* connections stay */
    curl_easy_setopt(s->curl, CURLOPT_URL, s->relay.url);
    curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(s->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->trouble);
    curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, take_reply);
    curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(s->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(s->curl, CURLOPT_XFERINFOFUNCTION, look_whether_to_stop);
    curl_easy_setopt(s->curl, CURLOPT_XFERINFODATA, s);
    curl_easy_setopt(s->curl, CURLOPT_USE_SSL, s->use_ssl);
    curl_easy_setopt(s->curl, CURLOPT_SSL_VERIFYPEER, s->verify ? 1L : 0L);
    curl_easy_setopt(s->curl, CURLOPT_SSL_VERIFYHOST, s->verify ? 2L : 0L);
    if (s->relay.ca_file != NULL) {
        curl_easy_setopt(s->curl, CURLOPT_CAINFO, s->relay.ca_file);
        curl_easy_setopt(s->curl, CURLOPT_CAPATH, NULL);
    }
}

/*
 * An answer is about the letter when it is to MAIL, RCPT or DATA (CURLE_SEND_ERROR) or to the text; 421 says that the
 * relay goes away, 53x that it wants a password.
 */
static enum smtp_fate fate_of(const struct smtp *s, CURLcode code, long status)
{
    if (code == CURLE_OK)
        return SMTP_SENT;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return SMTP_STOPPED;
    bool letter = code == CURLE_SEND_ERROR || (code == CURLE_WEIRD_SERVER_REPLY && s->read);
    if (!letter || status == 421 || (status >= 530 && status <= 538) || status < 400)
        return SMTP_DOWN;
    return status < 500 ? SMTP_LATER : SMTP_REFUSED;
}

static void perform(struct smtp *s, struct smtp_outcome *out)
{
    long status = 0;
    s->trouble[0] = s->reply[0] = '\0';
    CURLcode code = curl_easy_perform(s->curl);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    out->fate = fate_of(s, code, status);
    out->why[0] = '\0';
    if (code == CURLE_OK)
        return;
    const char *what = s->trouble[0] != '\0' ? s->trouble : curl_easy_strerror(code);
    if (status >= 400 && s->reply[0] != '\0')
        snprintf(out->why, sizeof out->why, "the relay said: %.*s", REPLY_MAX, s->reply);
    else
        snprintf(out->why, sizeof out->why, "%.*s", CURL_ERROR_SIZE, what);
}

enum err smtp_open(const struct smtp_relay *relay, struct smtp **out)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return ERR_INTERNAL;
    struct smtp *s = mem_zalloc(1, sizeof *s);
    s->relay = *relay;
    s->curl = curl;
    choose_tls(s);
    *out = s;
    return ERR_OK;
}

void smtp_close(struct smtp *s)
{
    if (s == NULL)
        return;
    curl_easy_cleanup(s->curl);
    free(s);
}

void smtp_send(struct smtp *s, const char *from, const char *to, struct str text, const atomic_bool *stop,
               struct smtp_outcome *out)
{
    struct curl_slist *rcpt = curl_slist_append(NULL, to);
    if (rcpt == NULL) {
        *out = (struct smtp_outcome){.fate = SMTP_DOWN, .why = "no memory"};
        return;
    }
    set_common(s);
    s->left = text;
    s->read = false;
    s->stop = stop;
    curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, rcpt);
    curl_easy_setopt(s->curl, CURLOPT_READFUNCTION, give_text);
    curl_easy_setopt(s->curl, CURLOPT_READDATA, s);
    curl_easy_setopt(s->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(s->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)text.len);
    perform(s, out);
    curl_easy_reset(s->curl); /* nothing of the letter is pointed to any longer */
    curl_slist_free_all(rcpt);
}

void smtp_check(struct smtp *s, struct smtp_outcome *out)
{
    set_common(s);
    s->stop = NULL;
    s->read = false;
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(s->curl, CURLOPT_CONNECT_ONLY, 1L);
    perform(s, out);
    if (out->fate != SMTP_SENT)
        out->fate = SMTP_DOWN;
}
