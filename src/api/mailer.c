/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that sends mail. It owns its reader and the connection to the relay; others only wake it or put errands
 * into its inbox. One letter at a time: sent, then its document written; between the two a crash sends it again. When
 * the relay itself is in trouble everything waits, longer each time, and only the letter that met it counts an attempt.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/due.h"
#include "api/mail.h"
#include "base/log.h"
#include "base/mem.h"
#include "delivery/smtp.h"
#include "sys/clock.h"

#define LOOK_MS      TIME_MINUTE_MS /* at the latest, whatever the clock does */
#define STORE_MS     1000           /* after trouble with the store */
#define PAUSE_MIN_MS (2 * TIME_SECOND_MS)
#define PAUSE_MAX_MS (5 * TIME_MINUTE_MS)
#define OLD_MS       (3 * TIME_DAY_MS)
#define ERRANDS_MAX  64

/* After the first failure, the second, …; the one after the last ends it. */
static const int64_t again_ms[] = {2 * TIME_SECOND_MS,  30 * TIME_SECOND_MS, 2 * TIME_MINUTE_MS, 10 * TIME_MINUTE_MS,
                                   30 * TIME_MINUTE_MS, TIME_HOUR_MS,        2 * TIME_HOUR_MS,   4 * TIME_HOUR_MS,
                                   8 * TIME_HOUR_MS,    8 * TIME_HOUR_MS,    12 * TIME_HOUR_MS};

struct errand {
    mail_errand_fn *run;
    char *text;
};

struct mailer {
    struct api *api;
    struct mail_config config;
    struct arena *arena; /* of `from` */
    struct mail_address from;
    struct store_reader *reader;
    struct due_turns turns;
    struct smtp *smtp; /* NULL: no connection is kept */
    int64_t pause_ms;  /* 0: the relay is well */
    int64_t not_before_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool news;
    struct errand errands[ERRANDS_MAX];
    size_t errand_count;
    atomic_bool stop;
};

bool mail_on(const struct api *api)
{
    return api->mailer != NULL;
}

struct str mail_domain(const struct api *api)
{
    struct str address = api->mailer->from.address;
    return str_skip(address, str_find(address, '@') + 1);
}

void mail_wake(struct api *api)
{
    struct mailer *m = api->mailer;
    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    m->news = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

void mail_errand(struct api *api, mail_errand_fn *run, struct str text)
{
    struct mailer *m = api->mailer;
    bool full = true;
    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    if (m->errand_count < ERRANDS_MAX) {
        m->errands[m->errand_count++] = (struct errand){.run = run, .text = mem_strndup(text.ptr, text.len)};
        pthread_cond_signal(&m->wake);
        full = false;
    }
    pthread_mutex_unlock(&m->lock);
    if (full)
        log_warn("mail_errand_lost", LOG_CSTR("note", "too much at once"));
}

/* Until then (monotonic), the end, an errand, or, with `news`, a wake. */
static void wait_until(struct mailer *m, int64_t at_ms, bool news)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    pthread_mutex_lock(&m->lock);
    while (!atomic_load(&m->stop) && m->errand_count == 0 && !(news && m->news) && clock_mono_ms() < at_ms)
        pthread_cond_clockwait(&m->wake, &m->lock, CLOCK_MONOTONIC, &at);
    pthread_mutex_unlock(&m->lock);
}

/* ---- one letter -------------------------------------------------------------------------------------------------- */

static void transmit(struct mailer *m, struct arena *a, const struct mail_doc *d, struct smtp_outcome *out)
{
    struct smtp_relay relay = {.url = m->config.url, .ca_file = m->config.ca_file};
    struct letter l = {.from = m->from,
                       .subject = d->subject,
                       .text = d->text,
                       .html = d->html,
                       .message_id = d->message_id,
                       .date_ms = d->created_ms};
    struct buf text = BUF_INIT(16 * MAIL_BODY_MAX);
    *out = (struct smtp_outcome){.fate = SMTP_REFUSED, .why = "the letter cannot be read any longer"};
    if (d->text.ptr == NULL || mail_address_parse(a, d->to, &l.to) != ERR_OK)
        return;
    letter_write(&l, &text);
    CHECK(!text.overflow);
    *out = (struct smtp_outcome){.fate = SMTP_DOWN, .why = "no memory"};
    if (m->smtp != NULL || smtp_open(&relay, &m->smtp) == ERR_OK)
        smtp_send(m->smtp, m->from.address.ptr, l.to.address.ptr, buf_str(&text), &m->stop, out);
    mem_free_secret(text.ptr, text.len);
}

static void end_letter(struct mail_doc *d, enum mail_status status, int64_t now_ms)
{
    d->status = status;
    d->due_ms = 0;
    d->purge_ms = now_ms + MAIL_KEEP_MS;
    if (d->secret)
        d->text = d->html = STR_NULL;
}

static void note_failure(struct mail_doc *d, const struct smtp_outcome *o, int64_t now_ms)
{
    d->error = str_c(o->why);
    d->attempts++;
    if (o->fate == SMTP_REFUSED || (size_t)d->attempts > ARRAY_LEN(again_ms) || now_ms - d->created_ms > OLD_MS)
        end_letter(d, MAIL_FAILED, now_ms);
    else
        d->due_ms = now_ms + again_ms[d->attempts - 1];
}

/* Written until it is, or somebody else (the workspace's deletion) has changed it. */
static void save(struct mailer *m, struct arena *a, const struct mail_doc *d)
{
    struct doc_change c = {.change = DOC_UPDATE, .expected_version = d->version};
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = d->app, .changes = &c, .count = 1};
    mail_encode(a, m->api->keys, d, m->config.now(), &c.doc);
    enum err e = store_run(m->api->store, &op.op);
    while (e != ERR_OK && e != ERR_STALE && e != ERR_NOT_FOUND && !atomic_load(&m->stop)) {
        log_error("mail_not_recorded", LOG_CSTR("error", err_text(e)));
        wait_until(m, clock_mono_ms() + STORE_MS, false);
        e = store_run(m->api->store, &op.op);
    }
}

/* What the outcome says of the relay. */
static void note_relay(struct mailer *m, const struct smtp_outcome *o)
{
    if (o->fate == SMTP_DOWN) {
        if (m->pause_ms == 0)
            log_warn("mail_relay_down", LOG_CSTR("error", o->why));
        m->pause_ms = m->pause_ms == 0 ? PAUSE_MIN_MS : 2 * m->pause_ms;
        m->pause_ms = m->pause_ms < PAUSE_MAX_MS ? m->pause_ms : PAUSE_MAX_MS;
        m->not_before_ms = clock_mono_ms() + m->pause_ms;
        smtp_close(m->smtp);
        m->smtp = NULL;
    } else if (m->pause_ms != 0) {
        log_info("mail_relay_up");
        m->pause_ms = 0;
    }
}

static void send_letter(struct mailer *m, struct arena *a, const struct doc *doc)
{
    struct mail_doc d;
    struct smtp_outcome o;
    char id[OID_TEXT_SIZE];
    if (mail_decode(a, m->api->keys, doc, &d) != ERR_OK)
        d = (struct mail_doc){.id = doc->id,
                              .app = doc->app,
                              .about = doc->ref,
                              .key = doc->key,
                              .created_ms = doc->created_ms,
                              .version = doc->version};
    transmit(m, a, &d, &o);
    if (o.fate == SMTP_STOPPED)
        return;
    note_relay(m, &o);
    oid_format(d.id, doc_prefix(DOC_MAIL), m->api->id_key, id);
    int64_t now_ms = m->config.now();
    if (o.fate == SMTP_SENT) {
        d.error = STR_NULL;
        d.attempts++;
        end_letter(&d, MAIL_SENT, now_ms);
        log_debug("mail_sent", LOG_CSTR("mail", id));
    } else {
        note_failure(&d, &o, now_ms);
        if (d.status == MAIL_FAILED)
            log_warn("mail_failed", LOG_CSTR("mail", id), LOG_STR("error", d.error), LOG_INT("attempts", d.attempts));
    }
    save(m, a, &d);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static bool errands_wait(struct mailer *m)
{
    pthread_mutex_lock(&m->lock);
    bool some = m->errand_count > 0;
    pthread_mutex_unlock(&m->lock);
    return some;
}

static enum err send_one(struct mailer *m, const struct doc_due *due)
{
    struct arena *a = arena_new(65536);
    struct doc d;
    enum err e = store_get_doc(m->reader, a, DOC_MAIL, due->id, &d);
    if (e == ERR_OK && d.due_ms == due->due_ms)
        send_letter(m, a, &d);
    arena_free(a);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What is due; *wait_ms: how long there is nothing to do. */
static enum err send_due(struct mailer *m, int64_t *wait_ms)
{
    struct doc_due due[DUE_PAGE];
    size_t n = 0, i = 0;
    int64_t next_ms = TIME_NEVER, now_ms = m->config.now();
    enum err e = due_take(&m->turns, m->reader, now_ms, 1, due, &n, &next_ms);
    for (; i < n && e == ERR_OK && !atomic_load(&m->stop) && clock_mono_ms() >= m->not_before_ms; i++) {
        if (errands_wait(m))
            break;
        e = send_one(m, &due[i]);
    }
    *wait_ms = n > 0 ? 0 : next_ms == TIME_NEVER ? LOOK_MS : next_ms - now_ms;
    if (n == 0) { /* relays close idle connections themselves, and not nicely */
        smtp_close(m->smtp);
        m->smtp = NULL;
    }
    return e;
}

static void run_errands(struct mailer *m)
{
    struct errand list[ERRANDS_MAX];
    pthread_mutex_lock(&m->lock);
    size_t n = m->errand_count;
    memcpy(list, m->errands, n * sizeof list[0]);
    m->errand_count = 0;
    m->news = false;
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < n; i++) {
        struct arena *a = arena_new(16384);
        if (!atomic_load(&m->stop))
            list[i].run(m->api, m->reader, a, str_c(list[i].text), m->config.now());
        arena_free(a);
        free(list[i].text);
    }
}

static void *run_thread(void *arg)
{
    struct mailer *m = arg;
    pthread_setname_np(pthread_self(), "mailer");
    while (!atomic_load(&m->stop)) {
        int64_t wait_ms = 0;
        run_errands(m);
        if (clock_mono_ms() < m->not_before_ms) {
            wait_until(m, m->not_before_ms, false);
            continue;
        }
        if (send_due(m, &wait_ms) != ERR_OK)
            wait_ms = STORE_MS;
        if (wait_ms > 0)
            wait_until(m, clock_mono_ms() + (wait_ms < LOOK_MS ? wait_ms : LOOK_MS), true);
    }
    return NULL;
}

enum err mail_start(struct api *api, const struct mail_config *c)
{
    if (c->url == NULL || c->url[0] == '\0')
        return ERR_OK;
    struct mailer *m = mem_zalloc(1, sizeof *m);
    m->api = api;
    m->config = *c;
    m->turns = (struct due_turns){.kind = DOC_MAIL, .at = -1};
    m->arena = arena_new(1024);
    enum err e = mail_address_parse(m->arena, str_c(c->from), &m->from);
    if (e == ERR_OK)
        e = store_reader_open(api->store, &m->reader);
    if (e == ERR_OK) {
        pthread_mutex_init(&m->lock, NULL);
        pthread_cond_init(&m->wake, NULL);
        api->mailer = m;
        if (pthread_create(&m->thread, NULL, run_thread, m) == 0)
            return ERR_OK;
        e = ERR_IO;
        api->mailer = NULL;
        store_reader_close(m->reader);
    }
    arena_free(m->arena);
    free(m);
    return e;
}

void mail_stop(struct api *api)
{
    struct mailer *m = api->mailer;
    if (m == NULL)
        return;
    atomic_store(&m->stop, true);
    pthread_mutex_lock(&m->lock);
    pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    api->mailer = NULL;
    for (size_t i = 0; i < m->errand_count; i++)
        free(m->errands[i].text);
    smtp_close(m->smtp);
    store_reader_close(m->reader);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    arena_free(m->arena);
    free(m);
}
