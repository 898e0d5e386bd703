/* SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoint_mail.h"

#include "api/mail.h"
#include "api/operational.h"
#include "auth/user.h"
#include "base/log.h"

#define MEMBERS_PAGE   250
#define RECIPIENTS_MAX 20

struct telling {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    int64_t now_ms;
    bool failing; /* else it is disabled */
    struct endpoint ep;
    struct app app;
    int64_t since_ms; /* failing: it must since then; then since when it does */
    struct str key;
    struct mail mails[RECIPIENTS_MAX];
    size_t count;
};

/* ---- what it says ------------------------------------------------------------------------------------------------ */

/* What a URL may be called in a letter: the rest of it may be somebody's secret. */
static struct str host_of(struct str url)
{
    struct str rest = str_skip(url, str_find_str(url, STR("://")) + 3);
    struct str host = str_take(rest, str_find(rest, '/'));
    host = str_take(host, str_find(host, '?'));
    return str_skip(host, str_find(host, '@') < host.len ? str_find(host, '@') + 1 : 0);
}

static struct str write_text(const struct telling *t, bool member)
{
    char ep[OID_TEXT_SIZE], app[OID_TEXT_SIZE], since[TIME_TEXT_SIZE];
    oid_format(t->ep.id, "ep_", t->api->id_key, ep);
    oid_format(t->app.id, "app_", t->api->id_key, app);
    time_format(t->since_ms, since);
    struct buf out = BUF_INIT(65536);
    struct str host = host_of(t->ep.url), why = t->ep.disabled_reason;
    if (t->failing)
        buf_addf(&out, "The webhook endpoint at " STR_FMT " has taken no event since %s.\n", STR_ARG(host), since);
    else
        buf_addf(&out, "The webhook endpoint at " STR_FMT " was disabled: %s.\n", STR_ARG(host),
                 str_eq(why, STR("gone")) ? "it answered 410 Gone" : "it failed for too long");
    buf_addf(&out, "\nWorkspace: " STR_FMT "\nEndpoint: %s" STR_FMT STR_FMT "\n", STR_ARG(t->app.name), ep,
             STR_ARG(t->ep.description.len > 0 ? STR(", ") : STR("")), STR_ARG(t->ep.description));
    buf_add_str(&out, t->failing
                              ? STR("\nEvents are tried again for a while. If nothing gets through, the endpoint will "
                                    "be disabled.\n")
                              : STR("\nNo event is sent to it any longer. Once it works, enable it again and recover "
                                    "what it missed.\n"));
    if (member && t->api->public_url != NULL)
        buf_addf(&out, "\n%s/app/%s/webhooks/%s\n", t->api->public_url, app, ep);
    struct str text = arena_str(t->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* ---- who hears of it --------------------------------------------------------------------------------------------- */

static void add(struct telling *t, struct str to, bool member)
{
    struct mail m = {.to = to,
                     .subject = t->failing ? STR("A webhook endpoint is failing")
                                           : STR("A webhook endpoint was disabled"),
                     .app = t->app.id,
                     .about = t->ep.id};
    for (size_t i = 0; i < t->count; i++)
        if (str_eq_nocase(t->mails[i].to, to))
            return;
    m.text = write_text(t, member);
    if (t->count == 0)
        m.key = t->key;
    if (t->count < RECIPIENTS_MAX && mail_problem(t->arena, &m) == NULL)
        t->mails[t->count++] = m;
}

static enum err add_member(struct telling *t, const struct object *o)
{
    struct member m;
    struct user u;
    enum err e = member_decode(t->arena, o, &m);
    if (e != ERR_OK || m.app != t->app.id || m.invited)
        return e;
    e = user_get(t->reader, t->arena, t->api->keys, m.user, &u);
    if (e == ERR_OK && !u.disabled)
        add(t, m.email, true);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err add_members(struct telling *t)
{
    struct object_query q = {.kind = OBJ_MEMBER, .env = t->app.env, .limit = MEMBERS_PAGE};
    size_t n = 0;
    do {
        struct object *found = NULL;
        enum err e = store_list_objects(t->reader, t->arena, &q, &found, &n);
        for (size_t i = 0; i < n && e == ERR_OK; i++) {
            q.after = found[i].id;
            e = add_member(t, &found[i]);
        }
        if (e != ERR_OK)
            return e;
    } while (n == MEMBERS_PAGE && t->count < RECIPIENTS_MAX);
    return ERR_OK;
}

static void add_customer(struct telling *t)
{
    struct json *metadata;
    struct str email;
    if (json_parse(t->arena, t->app.metadata, &metadata, NULL) == ERR_OK &&
        json_as_str(json_get(metadata, STR("email")), &email))
        add(t, email, false);
}

/* ---- whether anybody does ---------------------------------------------------------------------------------------- */

/* ERR_NOT_FOUND: it is not, or no longer, in this trouble. */
static enum err look(struct telling *t, oid_t ep)
{
    struct object o;
    struct endpoint_health health = {0};
    enum err e = store_get_object(t->reader, t->arena, OBJ_ENDPOINT, ep, &o);
    if (e == ERR_OK)
        e = o.deleted_ms == 0 ? endpoint_decode(t->arena, t->api->keys, &o, &t->ep) : ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = store_get_object(t->reader, t->arena, OBJ_APP, t->ep.app, &o);
    if (e == ERR_OK)
        e = o.deleted_ms == 0 ? app_decode(t->arena, &o, &t->app) : ERR_NOT_FOUND;
    if (e != ERR_OK || operational_hides(t->app.uid) || t->ep.disabled == t->failing)
        return e != ERR_OK ? e : ERR_NOT_FOUND;
    if (!t->failing)
        return ERR_OK;
    e = store_get_health(t->reader, ep, &health);
    endpoint_health_begin(&health, t->ep.enabled_at_ms);
    if (e == ERR_OK && (health.failing_since_ms == 0 || health.failing_since_ms > t->since_ms))
        return ERR_NOT_FOUND;
    t->since_ms = health.failing_since_ms;
    return e;
}

static enum err tell(struct telling *t, oid_t ep)
{
    struct doc told;
    char today[TIME_TEXT_SIZE];
    time_format(t->now_ms, today);
    enum err e = look(t, ep);
    if (e != ERR_OK)
        return e;
    t->key = arena_printf(t->arena, "%s %.10s", t->failing ? "failing" : "disabled", today);
    e = store_find_doc(t->reader, t->arena, DOC_MAIL, t->app.id, ep, t->key, &told);
    if (e != ERR_NOT_FOUND)
        return e;
    add_customer(t);
    e = add_members(t);
    return e == ERR_OK ? mail_send(t->api, t->arena, t->mails, t->count, t->now_ms) : e;
}

static enum err tell_all(const struct telling *like, oid_t ep)
{
    if (!mail_on(like->api))
        return ERR_OK;
    struct arena *a = arena_new(16384);
    struct telling *t = arena_alloc(a, sizeof *t);
    *t = *like;
    t->arena = a;
    enum err e = tell(t, ep);
    if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_CONFLICT)
        log_warn("mail_not_sent", LOG_CSTR("what", "endpoint"), LOG_CSTR("why", err_text(e)));
    arena_free(a);
    return err_may_retry(e) ? e : ERR_OK;
}

void endpoint_mail_failing(struct api *api, struct store_reader *r, oid_t ep, int64_t since_ms, int64_t now_ms)
{
    struct telling t = {.api = api, .reader = r, .now_ms = now_ms, .failing = true, .since_ms = since_ms};
    enum err e = tell_all(&t, ep);
    (void)e; /* the next message that fails says it again */
}

enum err endpoint_mail_disabled(struct api *api, struct store_reader *r, oid_t ep, int64_t now_ms)
{
    return tell_all(&(struct telling){.api = api, .reader = r, .now_ms = now_ms}, ep);
}
