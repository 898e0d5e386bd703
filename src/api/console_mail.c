/* SPDX-License-Identifier: Apache-2.0 */
/* What people of the console get by mail: invitations, and links for those who forgot their password. */
#include "api/console.h"
#include "api/mail.h"
#include "base/log.h"
#include "base/mem.h"

#define RESET_LIFE_MS TIME_HOUR_MS

/* How often a new password may be asked for: by whoever, for one address. */
static const struct throttle_rate of_client = {.burst = 20, .interval_ms = TIME_MINUTE_MS};
static const struct throttle_rate of_mailbox = {.burst = 3, .interval_ms = 15 * TIME_MINUTE_MS};

static void note_lost(const char *what, const char *why)
{
    log_warn("mail_not_sent", LOG_CSTR("what", what), LOG_CSTR("why", why));
}

static void queue(struct api *api, struct arena *a, const char *what, const struct mail *m, int64_t now_ms)
{
    const char *wrong = mail_problem(a, m);
    enum err e = wrong == NULL ? mail_send(api, a, m, 1, now_ms) : ERR_INVALID;
    if (e != ERR_OK)
        note_lost(what, wrong != NULL ? wrong : err_text(e));
}

void console_mail_invitation(struct api *api, struct api_call *call, const struct member *m, struct str link)
{
    struct mail mail = {.to = m->email, .subject = STR("You are invited"), .about = m->user, .secret = true};
    if (!mail_on(api)) {
        note_lost("invitation", "no SMTP_URL is set: whoever invited has the link");
        return;
    }
    mail.text = arena_printf(call->arena,
                             "You are invited to manage webhooks at %s, as " STR_FMT ".\n\n"
                             "To accept, open this link within seven days. It works once:\n\n" STR_FMT "\n\n"
                             "If you did not expect this, ignore this message: nothing happens then.\n",
                             api->public_url != NULL ? api->public_url : "", STR_ARG(m->role), STR_ARG(link));
    queue(api, call->arena, "invitation", &mail, call->now_ms);
}

/* ---- a forgotten password ---------------------------------------------------------------------------------------- */

static enum err make_link(struct api *api, struct store_reader *r, struct arena *a, const struct user *u,
                          int64_t now_ms, struct str *url)
{
    struct link l = {.kind = LINK_RESET, .user = u->id, .expires_ms = now_ms + RESET_LIFE_MS};
    struct buf text = BUF_INIT(256);
    struct object_change change = link_make(a, api->oids, api->id_key, now_ms, &l, &text);
    enum err e = link_end_all(api->store, r, a, u->id, LINK_RESET, 0, now_ms);
    if (e == ERR_OK)
        e = api_commit(api, &change, 1, 0, 0);
    if (e == ERR_OK)
        *url = console_link_url(api, a, buf_str(&text));
    mem_free_secret(text.ptr, text.len);
    return e;
}

/* Nobody hears whether there is such a user. */
static void send_reset(struct api *api, struct store_reader *r, struct arena *a, struct str email, int64_t now_ms)
{
    struct user u;
    struct str url;
    enum err e = user_find(r, a, api->keys, email, &u);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && (u.disabled || u.password.ptr == NULL)))
        return;
    if (e == ERR_OK)
        e = make_link(api, r, a, &u, now_ms, &url);
    if (e != ERR_OK) {
        note_lost("password reset", err_text(e));
        return;
    }
    struct mail mail = {.to = u.email, .subject = STR("Choose a new password"), .about = u.id, .secret = true};
    mail.text = arena_printf(a,
                             "Somebody, probably you, asked for a new password at %s.\n\n"
                             "To choose one, open this link within an hour. It works once:\n\n" STR_FMT "\n\n"
                             "If that was not you, ignore this message: your password stays as it is.\n",
                             api->public_url != NULL ? api->public_url : "", STR_ARG(url));
    queue(api, a, "password reset", &mail, now_ms);
}

bool console_mail_reset(struct api *api, struct api_call *call, struct str email)
{
    struct str address;
    if (api->console == NULL || user_email(call->arena, email, &address) != ERR_OK)
        return true;
    struct str client = arena_printf(call->arena, "forgot from " STR_FMT, STR_ARG(console_client_ip(api, call)));
    struct str mailbox = arena_printf(call->arena, "forgot of " STR_FMT, STR_ARG(address));
    if (!answer_unthrottled(call, throttle_try(api->console->throttle, of_client, client, call->now_ms)))
        return false;
    if (throttle_try(api->console->throttle, of_mailbox, mailbox, call->now_ms) > 0)
        return true; /* the one who gets the mail has enough of it */
    if (mail_on(api))
        mail_errand(api, send_reset, address);
    else
        note_lost("password reset", "no SMTP_URL is set: an owner can make a link for the user, or the operator");
    return true;
}
