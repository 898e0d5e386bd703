/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail: letters wait as documents (DOC_MAIL), written with the change that asks for them, and one thread hands them to
 * the operator's relay (SMTP_URL). At least once, with a Message-ID that stays the same. A 4xx, or a relay that is not
 * there, is tried again for about a day and a half; a 5xx is for good. MAIL_KEEP_MS after its end a letter is
 * forgotten.
 */
#ifndef PR_API_MAIL_H
#define PR_API_MAIL_H

#include "api/api.h"
#include "base/time.h"
#include "mail/letter.h"

/* The status of a DOC_MAIL. */
enum mail_status { MAIL_QUEUED = 1, MAIL_SENT, MAIL_FAILED };
#define MAIL_KEEP_MS (7 * TIME_DAY_MS)

/* One letter to one mailbox, UTF-8. */
struct mail {
    struct str to;      /* "ada@example.com" or "Ada Lovelace <ada@example.com>" */
    struct str subject; /* control characters become blanks */
    struct str text;
    struct str html; /* null: only text */
    oid_t app;       /* the workspace, 0: none; its deletion takes the letter with it */
    int64_t about;   /* doc.ref: what it is about, 0: nothing */
    struct str key;  /* unique in (app, about), null: none: the commit is ERR_CONFLICT while there is such a letter */
    bool secret;     /* holds what gives access: sealed while it waits, erased after */
};

/* Whether mail is sent at all. */
bool mail_on(const struct api *api);
/* What is wrong with it, for people; NULL: nothing. */
const char *mail_problem(struct arena *a, const struct mail *m);
/* Goes into a STORE_DOCS of m->app; then mail_wake. Only when mail_on, and mail_problem has none. In the arena. */
struct doc_change mail_create(struct api *api, struct arena *a, const struct mail *m, int64_t now_ms);
/* Commits letters alone, all or none (of one workspace), and wakes. Blocks. ERR_CONFLICT: see mail.key. */
MUST_USE enum err mail_send(struct api *api, struct arena *a, const struct mail *mails, size_t count, int64_t now_ms);
/* There is something to send. Any thread. */
void mail_wake(struct api *api);
/*
 * Does something on the mailer's thread, soon, once, or never (a crash, a full queue): for what must not be seen from
 * how long an answer takes. `text` is copied.
 */
typedef void mail_errand_fn(struct api *api, struct store_reader *r, struct arena *a, struct str text, int64_t now_ms);
void mail_errand(struct api *api, mail_errand_fn *run, struct str text);

/* What is stored. */
struct mail_doc {
    oid_t id;
    oid_t app;
    int64_t about;
    struct str key;
    enum mail_status status;
    struct str to, subject, text, html, message_id; /* text, html null: erased, or sealed */
    bool secret;
    int64_t attempts;
    struct str error; /* the last one; null: none */
    int64_t due_ms, purge_ms, created_ms;
    uint64_t version;
};
/* ERR_INVALID: damage. Opens what is sealed; of a secret that cannot be opened text is null. */
MUST_USE enum err mail_decode(struct arena *a, const struct keyring *keys, const struct doc *d, struct mail_doc *out);
void mail_encode(struct arena *a, const struct keyring *keys, const struct mail_doc *m, int64_t now_ms,
                 struct doc *out);

struct mail_config {
    const char *url; /* NULL: no mail */
    const char *from;
    const char *ca_file;
    int64_t (*now)(void);
};
/* Starts the thread; sets api->mailer. Without a URL nothing. Strings are borrowed. ERR_INVALID: `from` is no address.
 * ERR_IO: no thread or reader. */
MUST_USE enum err mail_start(struct api *api, const struct mail_config *c);
/* Ends after at most a second or two; what is on its way is sent again by the next start. NULL api->mailer is fine. */
void mail_stop(struct api *api);
/* The domain of the sender, for Message-IDs. Mail is on. */
struct str mail_domain(const struct api *api);

#endif
