/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to token servers: begun from the queue, a few at a time; their ends told to who waits. */
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "serve/tokens_priv.h"
#include "sys/clock.h"

#define FETCHES_MAX      64
#define FETCHES_PER_HOST 8
#define FETCH_TIMEOUT_MS 30000
#define LIFE_DEFAULT_MS  300000 /* where the server does not say */
#define MARGIN_MAX_MS    60000  /* a token is given up this long before its end, or a tenth of its life */
#define FAILURE_WAIT_MS  1000   /* doubles … */
#define FAILURE_WAIT_MAX 10000  /* … up to this */
#define RETRY_AFTER_MAX  60000
#define WORDS_MAX        400

/* ---- ends ---------------------------------------------------------------------------------------------------------
 */

static void tell_waiters(struct source *s, struct str token, struct str why)
{
    struct list waiters;
    list_init(&waiters);
    list_append_all(&waiters, &s->waiters);
    for (struct list *n; (n = list_pop_front(&waiters)) != NULL;) {
        struct token_wait *w = CONTAINER_OF(n, struct token_wait, node);
        loop_timer_cancel(s->owner->reactor->loop, &w->deadline);
        w->on_token(w, token, why);
    }
}

static void succeed(struct source *s, const struct oauth_token *got)
{
    struct tokens *t = s->owner;
    int64_t life_ms = got->life_ms >= 0 ? got->life_ms : LIFE_DEFAULT_MS;
    int64_t margin_ms = life_ms / 10 < MARGIN_MAX_MS ? life_ms / 10 : MARGIN_MAX_MS;
    source_keep_text(&s->token, got->access);
    s->until_ms = tokens_now_ms(t) + life_ms - margin_ms;
    s->failures = 0;
    s->not_before_ms = 0;
    source_keep_text(&s->trouble, STR_NULL);
    if (got->refresh.ptr != NULL) {
        source_keep_text(&s->refresh, got->refresh);
        token_keep(t->reactor->shared, s->ep, s->config, got->refresh);
    }
    tell_waiters(s, str_c(s->token), STR_NULL);
}

static void fail(struct source *s, struct str why, int64_t retry_after_ms)
{
    struct tokens *t = s->owner;
    CHECK(why.ptr != NULL);
    struct str words = str_take(why, WORDS_MAX);
    int64_t wait_ms = FAILURE_WAIT_MS;
    for (int i = 0; i < s->failures && wait_ms < FAILURE_WAIT_MAX; i++)
        wait_ms *= 2;
    wait_ms = wait_ms < FAILURE_WAIT_MAX ? wait_ms : FAILURE_WAIT_MAX;
    if (retry_after_ms > wait_ms)
        wait_ms = retry_after_ms < RETRY_AFTER_MAX ? retry_after_ms : RETRY_AFTER_MAX;
    source_keep_text(&s->trouble, words);
    for (char *c = s->trouble; *c != '\0'; c++) /* a stranger's words */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    s->failures++;
    s->not_before_ms = tokens_now_ms(t) + wait_ms;
    tell_waiters(s, STR_NULL, str_c(s->trouble));
}

/* ---- fetching -----------------------------------------------------------------------------------------------------
 */

void token_fetch_kick(struct tokens *t)
{
    if (!t->cut)
        loop_timer_set(t->reactor->loop, &t->kick, tokens_now_ms(t));
}

static struct str refresh_in_force(const struct source *s)
{
    return s->refresh != NULL ? str_c(s->refresh) : s->oauth->refresh_token;
}

void token_fetch_cancel(struct source *s)
{
    struct tokens *t = s->owner;
    t->fetch_count--;
    client_cancel(t->reactor->client, &s->request);
    oauth_request_fini(&s->text);
    free(s->lines);
    s->lines = NULL;
    s->fetching = false;
}

static void on_answer(struct client_request *r, const struct client_result *res)
{
    struct source *s = CONTAINER_OF(r, struct source, request);
    struct tokens *t = s->owner;
    struct arena *a = arena_new(32768);
    struct oauth_token got;
    struct str why = res->error;
    bool answered = res->cause == CAUSE_NONE || res->cause == CAUSE_STATUS;
    bool good = answered &&
                oauth_answer_read(a, s->oauth, refresh_in_force(s), res->http_status, res->body, &got, &why);
    source_leave_busy(s);
    log_debug("token_fetched", LOG_CSTR("result", good ? "ok" : "failed"), LOG_INT("status", res->http_status));
    if (good)
        succeed(s, &got);
    else
        fail(s, why, res->retry_after_ms);
    arena_free(a);
    token_fetch_kick(t);
}

static void point_at_lines(struct source *s)
{
    const char *at = s->text.headers.ptr;
    s->lines = mem_alloc(s->text.header_count * sizeof s->lines[0]);
    for (size_t i = 0; i < s->text.header_count; i++) {
        s->lines[i] = at;
        at += strlen(at) + 1;
    }
}

static void begin(struct source *s)
{
    struct tokens *t = s->owner;
    unsigned char nonce[OAUTH_NONCE_BYTES];
    const char *why = NULL;
    crypto_random(nonce, sizeof nonce);
    /* Servers refuse times that are minutes off; ours may be, for as long as it follows a step of the system's. */
    if (oauth_request_write(s->oauth, refresh_in_force(s), clock_system_ms(), nonce, &s->text, &why) != ERR_OK) {
        source_leave_busy(s);
        fail(s, str_c(why), -1);
        return;
    }
    list_remove(&s->busy);
    list_push_back(&t->fetching, &s->busy);
    s->fetching = true;
    t->fetch_count++;
    point_at_lines(s);
    s->request = (struct client_request){.method = STR("POST"),
                                         .url = s->oauth->token_url,
                                         .headers = s->lines,
                                         .header_count = s->text.header_count,
                                         .body = {buf_str(&s->text.body)},
                                         .timeout_ms = FETCH_TIMEOUT_MS,
                                         .on_done = on_answer};
    client_send(t->reactor->client, &s->request);
}

static struct str authority_of(struct str url)
{
    struct str rest = str_skip(url, str_find_str(url, STR("://")) + 3);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    return str_take(rest, end);
}

static bool host_has_room(const struct tokens *t, struct str url)
{
    int same = 0;
    struct str host = authority_of(url);
    for (LIST_EACH(pos, &t->fetching))
        same += str_eq(host, authority_of(CONTAINER_OF(pos, struct source, busy)->oauth->token_url));
    return same < FETCHES_PER_HOST;
}

void token_fetch_on_kick(struct loop_timer *timer)
{
    struct tokens *t = CONTAINER_OF(timer, struct tokens, kick);
    for (LIST_EACH_SAFE(pos, tmp, &t->queued)) {
        struct source *s = CONTAINER_OF(pos, struct source, busy);
        if (t->fetch_count >= FETCHES_MAX)
            return;
        if (list_empty(&s->waiters)) /* they have run out of time */
            source_leave_busy(s);
        else if (host_has_room(t, s->oauth->token_url))
            begin(s);
    }
}
