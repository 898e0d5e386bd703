/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source is where the tokens of one endpoint come from:
 *
 *   idle ──ask──▶ queued ──▶ fetching ──▶ idle, with a token or with a failure
 *
 * It holds the workspace's snapshot, which its configuration is part of, while it is queued or fetching.
 */
#include "serve/tokens.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/table.h"
#include "crypto/crypto.h"
#include "signing/oauth.h"
#include "sys/clock.h"

#define SOURCES_MAX      2048
#define FETCHES_MAX      64
#define FETCHES_PER_HOST 8
#define FETCH_TIMEOUT_MS 30000
#define LIFE_DEFAULT_MS  300000 /* where the server does not say */
#define MARGIN_MAX_MS    60000  /* a token is given up this long before its end, or a tenth of its life */
#define FAILURE_WAIT_MS  1000   /* doubles … */
#define FAILURE_WAIT_MAX 10000  /* … up to this */
#define RETRY_AFTER_MAX  60000
#define WORDS_MAX        400
#define EVICT_LOOKS_MAX  16

struct source {
    struct table_node node;
    struct list used; /* tokens.used */
    struct list busy; /* tokens.queued or .fetching */
    struct list waiters;
    struct tokens *owner;
    oid_t ep;
    int64_t config; /* its id */
    char *token;    /* NULL: none */
    int64_t until_ms;
    char *refresh; /* newer than the configuration's; NULL: that one */
    char *trouble; /* of the last failure; NULL: none */
    int failures;
    int64_t not_before_ms;

    /* while queued or fetching */
    const struct workspace *ws; /* a reference */
    const struct oauth *oauth;  /* inside ws */
    bool fetching;
    struct oauth_request text;
    const char **lines; /* into text.headers */
    struct client_request request;
};

struct tokens {
    struct reactor *reactor;
    struct table by_ep;
    struct list used; /* least recently used first */
    struct list queued;
    struct list fetching;
    size_t fetch_count;
    struct loop_timer kick;
    bool cut;
};

static int64_t now_ms(const struct tokens *t)
{
    return loop_now_ms(t->reactor->loop);
}

static void drop_text(char **text)
{
    if (*text != NULL)
        mem_free_secret(*text, strlen(*text));
    *text = NULL;
}

static void keep_text(char **text, struct str s)
{
    char *copy = mem_strndup(s.ptr, s.len); /* s may lie in the old one */
    drop_text(text);
    *text = copy;
}

/* ---- sources ------------------------------------------------------------------------------------------------------
 */

static struct source *find(const struct tokens *t, oid_t ep)
{
    for (struct table_node *n = table_find(&t->by_ep, hash_u64((uint64_t)ep)); n != NULL; n = table_next(n)) {
        struct source *s = CONTAINER_OF(n, struct source, node);
        if (s->ep == ep)
            return s;
    }
    return NULL;
}

/* No longer queued or fetching. */
static void leave_busy(struct source *s)
{
    struct tokens *t = s->owner;
    if (!list_on(&s->busy))
        return;
    list_remove(&s->busy);
    if (s->fetching) {
        t->fetch_count--;
        client_cancel(t->reactor->client, &s->request);
        oauth_request_fini(&s->text);
        free(s->lines);
        s->lines = NULL;
        s->fetching = false;
    }
    catalog_unref(s->ws);
    s->ws = NULL;
    s->oauth = NULL;
}

static void free_source(struct source *s)
{
    CHECK(list_empty(&s->waiters));
    leave_busy(s);
    table_remove(&s->owner->by_ep, &s->node);
    list_remove(&s->used);
    drop_text(&s->token);
    drop_text(&s->refresh);
    drop_text(&s->trouble);
    free(s);
}

static void evict_one(struct tokens *t)
{
    int looks = 0;
    for (LIST_EACH_SAFE(pos, tmp, &t->used)) {
        struct source *s = CONTAINER_OF(pos, struct source, used);
        if (!list_on(&s->busy) && list_empty(&s->waiters)) {
            free_source(s);
            return;
        }
        if (++looks == EVICT_LOOKS_MAX)
            return;
    }
}

static struct source *new_source(struct tokens *t, oid_t ep)
{
    if (t->by_ep.len >= SOURCES_MAX)
        evict_one(t);
    struct source *s = mem_zalloc(1, sizeof *s);
    s->owner = t;
    s->ep = ep;
    list_init(&s->used);
    list_init(&s->busy);
    list_init(&s->waiters);
    table_insert(&t->by_ep, &s->node, hash_u64((uint64_t)ep));
    return s;
}

/* Another configuration: nothing of the old one is of use. Who waits, waits for the new one's token. */
static void renew_config(struct source *s, int64_t config)
{
    leave_busy(s);
    drop_text(&s->token);
    drop_text(&s->refresh);
    drop_text(&s->trouble);
    s->config = config;
    s->failures = 0;
    s->not_before_ms = 0;
}

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
    keep_text(&s->token, got->access);
    s->until_ms = now_ms(t) + life_ms - margin_ms;
    s->failures = 0;
    s->not_before_ms = 0;
    drop_text(&s->trouble);
    if (got->refresh.ptr != NULL) {
        keep_text(&s->refresh, got->refresh);
        token_keep(t->reactor->shared, s->ep, s->config, got->refresh);
    }
    tell_waiters(s, str_c(s->token), STR_NULL);
}

static void fail(struct source *s, struct str why, int64_t retry_after_ms)
{
    struct tokens *t = s->owner;
    struct str words = str_take(why, WORDS_MAX);
    int64_t wait_ms = FAILURE_WAIT_MS;
    for (int i = 0; i < s->failures && wait_ms < FAILURE_WAIT_MAX; i++)
        wait_ms *= 2;
    wait_ms = wait_ms < FAILURE_WAIT_MAX ? wait_ms : FAILURE_WAIT_MAX;
    if (retry_after_ms > wait_ms)
        wait_ms = retry_after_ms < RETRY_AFTER_MAX ? retry_after_ms : RETRY_AFTER_MAX;
    keep_text(&s->trouble, words);
    for (char *c = s->trouble; *c != '\0'; c++) /* a stranger's words */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    s->failures++;
    s->not_before_ms = now_ms(t) + wait_ms;
    tell_waiters(s, STR_NULL, str_c(s->trouble));
}

/* ---- fetching -----------------------------------------------------------------------------------------------------
 */

static void kick(struct tokens *t)
{
    if (!t->cut)
        loop_timer_set(t->reactor->loop, &t->kick, now_ms(t));
}

static struct str refresh_in_force(const struct source *s)
{
    return s->refresh != NULL ? str_c(s->refresh) : s->oauth->refresh_token;
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
    leave_busy(s);
    log_debug("token_fetched", LOG_CSTR("result", good ? "ok" : "failed"), LOG_INT("status", res->http_status));
    if (good)
        succeed(s, &got);
    else
        fail(s, why, res->retry_after_ms);
    arena_free(a);
    kick(t);
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
        leave_busy(s);
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

static void on_kick(struct loop_timer *timer)
{
    struct tokens *t = CONTAINER_OF(timer, struct tokens, kick);
    for (LIST_EACH_SAFE(pos, tmp, &t->queued)) {
        struct source *s = CONTAINER_OF(pos, struct source, busy);
        if (t->fetch_count >= FETCHES_MAX)
            return;
        if (list_empty(&s->waiters)) /* they have run out of time */
            leave_busy(s);
        else if (host_has_room(t, s->oauth->token_url))
            begin(s);
    }
}

/* ---- asking -------------------------------------------------------------------------------------------------------
 */

static void on_deadline(struct loop_timer *timer)
{
    struct token_wait *w = CONTAINER_OF(timer, struct token_wait, deadline);
    list_remove(&w->node);
    w->on_token(w, STR_NULL, STR("it did not answer in time"));
}

/* The newest snapshot is the one that counts. */
static void enqueue(struct source *s, const struct workspace *ws, const struct endpoint *ep)
{
    if (list_on(&s->busy))
        return;
    catalog_ref(ws);
    s->ws = ws;
    s->oauth = ep->oauth;
    list_push_back(&s->owner->queued, &s->busy);
    kick(s->owner);
}

enum token_state tokens_ask(struct tokens *t, const struct workspace *ws, const struct endpoint *ep,
                            struct token_wait *w, int64_t until_ms, struct str *text)
{
    struct source *s = find(t, ep->id);
    if (s == NULL)
        s = new_source(t, ep->id);
    if (s->config != ep->oauth->id)
        renew_config(s, ep->oauth->id);
    list_remove(&s->used);
    list_push_back(&t->used, &s->used);
    if (s->token != NULL && now_ms(t) < s->until_ms) {
        *text = str_c(s->token);
        return TOKEN_HERE;
    }
    if (!list_on(&s->busy) && now_ms(t) < s->not_before_ms && s->trouble != NULL) {
        *text = str_c(s->trouble);
        return TOKEN_NOT;
    }
    enqueue(s, ws, ep);
    list_push_back(&s->waiters, &w->node);
    w->deadline.on_fire = on_deadline;
    loop_timer_set(t->reactor->loop, &w->deadline, until_ms);
    return TOKEN_SOON;
}

void tokens_unwait(struct tokens *t, struct token_wait *w)
{
    list_remove(&w->node);
    loop_timer_cancel(t->reactor->loop, &w->deadline);
}

void tokens_refused(struct tokens *t, oid_t ep, struct str token)
{
    struct source *s = find(t, ep);
    if (s != NULL && s->token != NULL && crypto_equal(str_c(s->token), token))
        drop_text(&s->token);
}

void tokens_forget(struct tokens *t, oid_t ep)
{
    struct source *s = t->by_ep.len > 0 ? find(t, ep) : NULL;
    if (s != NULL && list_empty(&s->waiters)) /* attempts that wait still have the old configuration */
        free_source(s);
}

size_t tokens_open(const struct tokens *t)
{
    return t->fetch_count;
}

/* ---- set-up -------------------------------------------------------------------------------------------------------
 */

struct tokens *tokens_new(struct reactor *r)
{
    struct tokens *t = mem_zalloc(1, sizeof *t);
    t->reactor = r;
    t->kick.on_fire = on_kick;
    table_init(&t->by_ep);
    list_init(&t->used);
    list_init(&t->queued);
    list_init(&t->fetching);
    return t;
}

void tokens_cut(struct tokens *t)
{
    t->cut = true;
    loop_timer_cancel(t->reactor->loop, &t->kick);
    for (LIST_EACH(pos, &t->used))
        leave_busy(CONTAINER_OF(pos, struct source, used));
}

void tokens_free(struct tokens *t)
{
    if (t == NULL)
        return;
    for (LIST_EACH_SAFE(pos, tmp, &t->used))
        free_source(CONTAINER_OF(pos, struct source, used));
    loop_timer_cancel(t->reactor->loop, &t->kick);
    table_fini(&t->by_ep);
    free(t);
}
