/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt needs of others before it may go on the wire: an access token. The time this takes is the attempt's.
 * When the endpoint answers 401 the token is thrown away and the request repeated, once, within the same attempt:
 * tokens are revoked and keys rotated in the midst of their life. A token that was had for this very attempt is not
 * worth another try.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "serve/flight.h"

#define WORDS_MAX 512

static void keep_words(struct flight *f, struct str why)
{
    struct buf words = BUF_INIT(WORDS_MAX);
    buf_addf(&words,
             f->renewed ? "the endpoint answered 401, and the token server did not give a new token: " STR_FMT
                        : "the token server did not give a token: " STR_FMT,
             STR_ARG(why));
    free(f->words);
    f->words = words.overflow ? NULL : buf_take(&words, NULL);
    buf_fini(&words);
}

static const char *words_of(const struct flight *f)
{
    return f->words != NULL ? f->words : cause_text(CAUSE_OAUTH);
}

static void on_token(struct token_wait *w, struct str token, struct str why)
{
    struct flight *f = CONTAINER_OF(w, struct flight, token_wait);
    struct reactor *r = f->reactor;
    f->spent_ms += loop_now_ms(r->loop) - f->prepare_from_ms;
    list_remove(&f->sending);
    if (token.ptr != NULL) {
        flight_set_token(f, token);
        f->prepared(f, NULL);
    } else {
        keep_words(f, why);
        f->prepared(f, words_of(f));
    }
}

enum prepared flight_prepare(struct flight *f, const char **why)
{
    struct reactor *r = f->reactor;
    const struct target *t = engine_endpoint_user(f->work->ep);
    struct str text;
    if (t == NULL || t->ep == NULL || t->ep->oauth == NULL || flight_is_elsewhere(f))
        return PREPARE_DONE;
    int64_t now_ms = f->prepare_from_ms = loop_now_ms(r->loop);
    list_init(&f->token_wait.node);
    f->token_wait.on_token = on_token;
    switch (tokens_ask(r->tokens, t->ws, t->ep, &f->token_wait, now_ms + f->request.timeout_ms - f->spent_ms, &text)) {
    case TOKEN_HERE:
        flight_set_token(f, text);
        return PREPARE_DONE;
    case TOKEN_SOON:
        f->waited = true;
        list_push_back(&r->preparing, &f->sending);
        return PREPARE_LATER;
    case TOKEN_NOT:
        break;
    }
    keep_words(f, text);
    *why = words_of(f);
    return PREPARE_FAILED;
}

void flight_unprepare(struct flight *f)
{
    if (f->rewrite != NULL && !f->rewrite->done) {
        rewrite_abandon(f->rewrite);
        f->rewrite = NULL;
    } else {
        tokens_unwait(f->reactor->tokens, &f->token_wait);
    }
}

bool flight_renews(struct flight *f, const struct client_result *res)
{
    struct reactor *r = f->reactor;
    const struct target *t = engine_endpoint_user(f->work->ep);
    if (res->http_status != 401 || f->token_from == 0)
        return false;
    tokens_refused(r->tokens, f->ep->id, flight_token(f));
    f->spent_ms = res->phases.total_us / 1000;
    if (f->renewed || f->waited || t == NULL || t->ep == NULL || t->ep->oauth == NULL ||
        f->spent_ms + 1 >= f->request.timeout_ms)
        return false;
    f->renewed = true;
    return true;
}
