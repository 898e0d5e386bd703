/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "serve/tokens_priv.h"

#define SOURCES_MAX     2048
#define EVICT_LOOKS_MAX 16

void source_keep_text(char **text, struct str s)
{
    char *copy = s.ptr != NULL ? mem_strndup(s.ptr, s.len) : NULL; /* s may lie in the old one */
    if (*text != NULL)
        mem_free_secret(*text, strlen(*text));
    *text = copy;
}

static void drop_text(char **text)
{
    source_keep_text(text, STR_NULL);
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

void source_leave_busy(struct source *s)
{
    if (!list_on(&s->busy))
        return;
    list_remove(&s->busy);
    if (s->fetching)
        token_fetch_cancel(s);
    catalog_unref(s->ws);
    s->ws = NULL;
    s->oauth = NULL;
}

static void free_source(struct source *s)
{
    CHECK(list_empty(&s->waiters));
    source_leave_busy(s);
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
    source_leave_busy(s);
    drop_text(&s->token);
    drop_text(&s->refresh);
    drop_text(&s->trouble);
    s->config = config;
    s->failures = 0;
    s->not_before_ms = 0;
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
    token_fetch_kick(s->owner);
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
    if (s->token != NULL && tokens_now_ms(t) < s->until_ms) {
        *text = str_c(s->token);
        return TOKEN_HERE;
    }
    if (!list_on(&s->busy) && tokens_now_ms(t) < s->not_before_ms && s->trouble != NULL) {
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
    t->kick.on_fire = token_fetch_on_kick;
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
        source_leave_busy(CONTAINER_OF(pos, struct source, used));
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
