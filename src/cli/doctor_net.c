/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` asks of the network: the listener, the way out, names, the mail relay. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/speak.h"
#include "delivery/address.h"
#include "delivery/client.h"
#include "delivery/dns.h"
#include "delivery/simple.h"
#include "delivery/smtp.h"
#include "http/server.h"
#include "mail/letter.h"

#define HEALTH_TIMEOUT_MS 5000
#define DNS_TIMEOUT_MS    8000

/* ---- the listener ------------------------------------------------------------------------------------------------ */

static enum verdict check_free(struct doctor *d)
{
    int fd;
    if (http_listen(str_c(d->set.listen), &fd) == ERR_OK) {
        close(fd);
        buf_addf(&d->text, "no server runs; %s is free", d->set.listen);
        return VERDICT_OK;
    }
    buf_addf(&d->text, "%s cannot be listened on (%s): set POSTRIDER_LISTEN to another address", d->set.listen,
             strerror(errno));
    return VERDICT_FAIL;
}

enum verdict doctor_check_listen(struct doctor *d)
{
    struct arena *a = arena_new(4096);
    const char *why = NULL, *url = speak_local_url(a, &d->set);
    struct simple_answer got;
    struct simple_request r = {.method = "GET",
                               .url = arena_printf(a, "%s/api/v1/health", url).ptr,
                               .timeout_ms = HEALTH_TIMEOUT_MS,
                               .pinned_cert = d->set.tls_cert};
    enum verdict v = VERDICT_FAIL;
    enum err e = client_global_init() == ERR_OK ? simple_send(&r, &got, &why) : ERR_INTERNAL;
    if (e == ERR_OK) {
        v = got.status == 200 ? VERDICT_OK : VERDICT_FAIL;
        buf_addf(&d->text, "the server at %s answers %d%s", url, got.status,
                 v == VERDICT_OK ? "" : ": look at its log, or another program listens there");
        simple_answer_fini(&got);
    } else if (e == ERR_UNAVAILABLE && d->lock_held) {
        buf_addf(&d->text,
                 "a process has the database open, but nobody answers at %s: set POSTRIDER_LISTEN as that "
                 "process has it, or restart it",
                 url);
    } else if (e == ERR_UNAVAILABLE) {
        v = check_free(d);
    } else {
        buf_addf(&d->text, "%s does not answer as it should: %s", url, why != NULL ? why : err_text(e));
    }
    arena_free(a);
    return v;
}

/* ---- the way out ------------------------------------------------------------------------------------------------- */

static bool may_bind(const char *text)
{
    struct address at;
    if (!address_parse(str_c(text), 0, &at))
        return false;
    int fd = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, &at.sa, address_len(&at)) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

enum verdict doctor_check_egress(struct doctor *d)
{
    const char *const *bind_to = d->set.egress_bind;
    for (size_t i = 0; bind_to != NULL && bind_to[i] != NULL; i++)
        if (!may_bind(bind_to[i])) {
            buf_addf(&d->text, "%s is no address of this machine: change POSTRIDER_EGRESS_BIND", bind_to[i]);
            return VERDICT_FAIL;
        }
    if (!d->set.https_only || d->set.allow_subnet_count > 0) {
        buf_addf(&d->text, "%s%s%s: not for production unless you mean it",
                 d->set.https_only ? "" : "plain HTTP is allowed (HTTPS_ONLY=false)",
                 !d->set.https_only && d->set.allow_subnet_count > 0 ? ", " : "",
                 d->set.allow_subnet_count > 0 ? "private networks may be delivered to (ALLOW_SUBNETS)" : "");
        return VERDICT_WARN;
    }
    buf_addf(&d->text, "HTTPS only, public addresses only%s",
             bind_to != NULL ? ", from the addresses that are set" : "");
    return VERDICT_OK;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

struct lookup {
    struct loop *loop;
    struct loop_timer timer;
    bool late;
    bool answered;
    struct dns_answer answer;
};

static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct lookup *l = arg;
    if (l->late)
        return;
    l->answer = *answer;
    l->answered = true;
    loop_stop(l->loop);
}

static void on_late(struct loop_timer *t)
{
    struct lookup *l = CONTAINER_OF(t, struct lookup, timer);
    l->late = true;
    loop_stop(l->loop);
}

static const char *look_up(struct lookup *l, const char *server, const char *host)
{
    const char *why = NULL;
    struct dns *dns = dns_new(l->loop, server, &why);
    if (dns == NULL)
        return why;
    l->timer.on_fire = on_late;
    loop_timer_set(l->loop, &l->timer, loop_now_ms(l->loop) + DNS_TIMEOUT_MS);
    dns_query(dns, host, on_answer, l);
    if (!l->answered)
        loop_run(l->loop);
    loop_timer_cancel(l->loop, &l->timer);
    l->late = !l->answered;
    dns_free(dns);
    if (l->late)
        return "no answer in 8 s";
    return l->answer.status == DNS_OK ? NULL : l->answer.text;
}

enum verdict doctor_check_dns(struct doctor *d)
{
    const char *host = args_text(d->args, "name");
    struct lookup l = {.loop = loop_new()};
    if (l.loop == NULL) {
        buf_add_str(&d->text, STR("the system gives no epoll descriptor"));
        return VERDICT_FAIL;
    }
    const char *why = look_up(&l, d->set.resolver, host);
    bool absent = l.answered && l.answer.status == DNS_NO_NAME;
    loop_free(l.loop);
    if (why == NULL) {
        buf_addf(&d->text, "%s has %zu address%s", host, l.answer.count, l.answer.count == 1 ? "" : "es");
        return VERDICT_OK;
    }
    buf_addf(&d->text, "%s: %s: look at %s%s", host, why,
             d->set.resolver != NULL ? "POSTRIDER_RESOLVER" : "/etc/resolv.conf, or set POSTRIDER_RESOLVER",
             absent ? ", or name a host that exists by --name" : "");
    return absent ? VERDICT_WARN : VERDICT_FAIL;
}

/* ---- mail -------------------------------------------------------------------------------------------------------- */

static bool may_be_sender(const char *text)
{
    struct mail_address from;
    struct arena *a = arena_new(1024);
    bool good = mail_address_parse(a, str_c(text), &from) == ERR_OK;
    arena_free(a);
    return good;
}

enum verdict doctor_check_mail(struct doctor *d)
{
    struct smtp_relay relay = {.url = d->set.smtp_url, .ca_file = d->set.ca_file};
    struct smtp_outcome out = {.fate = SMTP_DOWN, .why = "out of memory"};
    struct smtp *smtp;
    if (relay.url == NULL || relay.url[0] == '\0') {
        buf_add_str(&d->text,
                    STR("no POSTRIDER_SMTP_URL: invitations, forgotten passwords and warnings about endpoints "
                        "are not mailed"));
        return VERDICT_OK;
    }
    if (!may_be_sender(d->set.smtp_from)) {
        buf_add_str(&d->text, STR("set POSTRIDER_SMTP_FROM to a sender, such as Hooks <hooks@example.com>"));
        return VERDICT_FAIL;
    }
    if (client_global_init() == ERR_OK && smtp_open(&relay, &smtp) == ERR_OK) {
        smtp_check(smtp, &out);
        smtp_close(smtp);
    }
    if (out.fate == SMTP_SENT) {
        buf_addf(&d->text, "the relay takes mail from %s", d->set.smtp_from);
        return VERDICT_OK;
    }
    buf_addf(&d->text, "the relay does not answer as it should: %s: look at POSTRIDER_SMTP_URL, or at the relay",
             out.why);
    return VERDICT_FAIL;
}
