/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to a trigger URL, from its token to its answer (API.md, section 3). Each step either goes on or has
 * answered; a 2xx is only said when what it says is on disk. A run, or a message, and what keeps a second one from
 * following are written in one commit.
 */
#include "api/trigger_in.h"

#include <stdlib.h>

#include "api/plan.h"
#include "api/routes.h"
#include "api/trigger_arrival.h"
#include "api/trigger_define.h"
#include "api/trigger_known.h"
#include "automation/run.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "sys/clock.h"

#define CAPTURE_KEEP_MS (30 * TIME_DAY_MS)
#define KEPT_PER_SECOND 20 /* refusals of a trigger */
#define CAPTURE_TRIES   5

struct trigger_desk *trigger_desk_new(int per_second)
{
    struct trigger_desk *d = mem_zalloc(1, sizeof *d);
    d->accepted = sliding_new();
    d->kept = sliding_new();
    d->rings = request_rings_new();
    d->known = known_triggers_new();
    d->per_second = per_second;
    return d;
}

void trigger_desk_free(struct trigger_desk *d)
{
    if (d == NULL)
        return;
    sliding_free(d->accepted);
    sliding_free(d->kept);
    request_rings_free(d->rings);
    known_triggers_free(d->known);
    free(d);
}

/* ---- what is kept --------------------------------------------------------------------------------------------------
 */

/* Into the ring of its trigger. */
static enum err keep_in_ring(struct arrival *ar, oid_t id, const struct request *r)
{
    struct api_call *call = ar->call;
    enum err e = ERR_CONFLICT;
    for (int i = 0; i < CAPTURE_TRIES && (e == ERR_CONFLICT || e == ERR_STALE || e == ERR_NOT_FOUND); i++) {
        struct doc_change changes[2];
        struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = ar->app.id, .changes = changes};
        struct doc d = arrival_doc(ar, id, r, CAPTURE_KEEP_MS);
        e = request_ring_put(ar->api->triggers->rings, call->reader, call->arena, &d, r->outcome, ar->trigger.sample,
                             changes, &op.count);
        if (e == ERR_OK)
            e = store_run(ar->api->store, &op.op);
    }
    return e == ERR_CONFLICT || e == ERR_STALE || e == ERR_NOT_FOUND ? ERR_BUSY : e;
}

/* Headers and query of what is kept without its body having been read; nothing where nobody can say any longer which
 * of them are secrets. */
static void describe(struct arrival *ar)
{
    struct incoming bare = ar->in;
    struct str why;
    bool lost = ar->profile == NULL && (ar->trigger.profile.ptr != NULL || ar->trigger.row.ptr != NULL);
    bare.body = STR("");
    if (lost)
        bare.header_count = bare.query.len = 0;
    if (ar->json.headers.ptr == NULL &&
        content_json(ar->call->arena, &bare, CONTENT_NONE, ar->secret_header, &ar->json, &why) != ERR_OK)
        ar->json = (struct incoming_json){.headers = STR("{}"), .query = STR("{}")};
}

/* A refusal, or a duplicate; a stranger cannot make us write more than a little. Whether it could be kept is no matter
 * to the sender. */
static void keep_refusal(struct arrival *ar, const struct request *r)
{
    int64_t at_us;
    if (!sliding_take(ar->api->triggers->kept, ar->trigger.id, KEPT_PER_SECOND, clock_mono_us(), &at_us))
        return;
    oid_t id = oid_next(ar->api->oids, ar->call->now_ms);
    enum err e = keep_in_ring(ar, id, r);
    if (e == ERR_OK)
        ar->kept = id;
    else
        log_debug("a refused request is not kept", LOG_STR("error", str_c(err_text(e))));
}

/* Answers and keeps it; always false. */
static bool refuse(struct arrival *ar, enum err e, const char *why)
{
    struct api_call *call = ar->call;
    bool quiet = arrival_is_quiet(ar) && e == ERR_UNAUTHORIZED;
    answer_error(call, e, why);
    if (quiet)
        buf_clear(&call->out);
    describe(ar);
    struct request r = arrival_request(ar, call->status, REQUEST_REFUSED);
    r.why = str_c(why != NULL ? why : err_text(e));
    r.body = str_take(ar->in.body, TRIGGER_REFUSED_BODY);
    const char *unread;
    if (r.body.len < ar->in.body.len || content_kind(&ar->in, &r.kind, &unread) != ERR_OK)
        r.kind = CONTENT_TEXT;
    keep_refusal(ar, &r);
    return false;
}

/* ---- who is meant --------------------------------------------------------------------------------------------------
 */

static bool answer_unknown(struct arrival *ar)
{
    answer_error(ar->call, ERR_NOT_FOUND, "no such trigger URL");
    return false;
}

static bool answer_gone(struct arrival *ar, const char *why)
{
    answer_error(ar->call, ERR_GONE, why);
    return false;
}

/* Whether the path names what the trigger belongs to. */
static bool belongs(const struct arrival *ar, const struct trigger_way *way)
{
    oid_t id = 0;
    enum err e = ERR_OK;
    if (ar->trigger.use != way->use)
        return false;
    switch (way->use) {
    case TRIGGER_STARTS:
        return true;
    case TRIGGER_SOURCE:
        e = oid_parse(way->owner, object_prefix(OBJ_SOURCE), ar->api->id_key, &id);
        break;
    case TRIGGER_INBOUND:
        if (ar->app.uid.len > 0 && str_eq(way->owner, ar->app.uid))
            return true;
        e = oid_parse(way->owner, object_prefix(OBJ_APP), ar->api->id_key, &id);
        break;
    }
    return e == ERR_OK && id == ar->trigger.automation;
}

static bool find_trigger(struct arrival *ar, const struct trigger_way *way)
{
    struct trigger_goal goal;
    struct api_call *call = ar->call;
    if (ar->api->triggers == NULL)
        return answer_unknown(ar);
    enum err e = trigger_goal_read(ar->api, call->reader, call->arena, way->token, call->now_ms, &goal);
    if (e == ERR_NOT_FOUND)
        return answer_unknown(ar);
    if (e == ERR_GONE)
        return answer_gone(ar, "its automation was deleted");
    ar->trigger = goal.trigger;
    ar->app = goal.app;
    if (e == ERR_OK && !belongs(ar, way))
        return answer_unknown(ar);
    return answer_ok(call, e);
}

/* ---- may it --------------------------------------------------------------------------------------------------------
 */

static bool load_profile(struct arrival *ar)
{
    struct str why = STR_NULL;
    enum err e = trigger_profile(ar->call->reader, ar->call->arena, &ar->trigger, &ar->profile, &why);
    arrival_read(ar);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID) /* it was there when the trigger was made: fail closed */
        return refuse(ar, ERR_UNAUTHORIZED, "the profile that verifies requests is gone");
    return answer_ok(ar->call, e);
}

/* Goes on, or refuses. */
static bool passes(struct arrival *ar, enum err e)
{
    return e == ERR_OK || refuse(ar, e, ar->why);
}

static bool greet(struct arrival *ar, const struct handshake_answer *h)
{
    struct json_writer w = answer(ar->call, h->status);
    if (h->type.ptr != NULL) {
        buf_add_str(w.out, h->body);
        answer_header(ar->call, STR("Content-Type"), h->type);
    }
    return false;
}

/* Before anything else of the request is looked at. */
static bool greet_unsigned(struct arrival *ar)
{
    struct handshake_answer h;
    return ar->profile == NULL ||
           !handshake_open(ar->call->arena, profile_rules(ar->profile)->handshake, &ar->in, ar->trigger.verify_token,
                           &h) ||
           greet(ar, &h);
}

static bool greet_signed(struct arrival *ar)
{
    struct handshake_answer h;
    return ar->profile == NULL ||
           !handshake_signed(ar->call->arena, profile_rules(ar->profile)->handshake, json_get(ar->tree, STR("body")),
                             ar->secret, &h) ||
           greet(ar, &h);
}

/* What an answer must repeat, whatever it says. */
static bool echo(struct arrival *ar)
{
    struct str name = ar->profile != NULL ? profile_rules(ar->profile)->echo : STR_NULL;
    if (name.len > 0)
        answer_header(ar->call, arena_str(ar->call->arena, name), incoming_header(&ar->in, name));
    return true;
}

static bool fits_form(struct arrival *ar)
{
    unsigned m = ar->trigger.methods;
    enum err e = arrival_form(ar);
    if (e == ERR_METHOD)
        answer_header(ar->call, STR("Allow"),
                      arena_printf(ar->call->arena, "%s%s%sOPTIONS", (m & TRIGGER_GET) != 0 ? "GET, " : "",
                                   (m & TRIGGER_POST) != 0 ? "POST, " : "", (m & TRIGGER_PUT) != 0 ? "PUT, " : ""));
    return passes(ar, e);
}

/* ---- what follows --------------------------------------------------------------------------------------------------
 */

static void capture(struct arrival *ar)
{
    oid_t id = oid_next(ar->api->oids, ar->call->now_ms);
    struct request r = arrival_request(ar, arrival_status(ar, 202), REQUEST_CAPTURED);
    enum err e = keep_in_ring(ar, id, &r);
    if (e != ERR_OK) {
        arrival_fail(ar, e);
        return;
    }
    ar->kept = id;
    arrival_answer(ar, 202, id, doc_prefix(DOC_REQUEST), "captured");
}

/* With what it became. */
static void answer_made(struct arrival *ar, int status, oid_t made, const char *flag)
{
    switch (ar->trigger.use) {
    case TRIGGER_STARTS:
        arrival_answer(ar, status, made, doc_prefix(DOC_RUN), flag);
        break;
    case TRIGGER_SOURCE:
        arrival_answer(ar, status, made, "msg_", flag);
        break;
    case TRIGGER_INBOUND:
        arrival_answer_message(ar, status, made);
        break;
    }
}

static void answer_duplicate(struct arrival *ar, const struct doc *seen)
{
    struct json *body;
    int64_t made = 0;
    if (json_parse(ar->call->arena, seen->body, &body, NULL) == ERR_OK)
        json_as_i64(json_get(body, STR("run")), &made);
    answer_made(ar, 200, made, "duplicate");
    struct request r = arrival_request(ar, ar->call->status, REQUEST_DUPLICATE);
    if (ar->trigger.use == TRIGGER_STARTS)
        r.run = made;
    else
        r.message = made;
    r.body = str_take(ar->in.body, TRIGGER_REFUSED_BODY);
    if (r.body.len < ar->in.body.len)
        r.kind = CONTENT_TEXT;
    keep_refusal(ar, &r);
}

static enum err start_run(struct arrival *ar, struct str key, oid_t *run)
{
    struct arrival_docs docs;
    arrival_start(ar, key, &docs);
    *run = docs.run;
    struct store_docs op = {
            .op = {.kind = STORE_DOCS}, .app = ar->app.id, .changes = docs.changes, .count = docs.count};
    enum err e = store_run(ar->api->store, &op.op);
    if (e != ERR_OK)
        return e;
    ar->kept = docs.request;
    runs_changed(ar->api, ar->call->reader, ar->app.id, docs.changes, docs.count);
    runner_wake(ar->api);
    return ERR_OK;
}

static void take_in(struct arrival *ar)
{
    struct api_call *call = ar->call;
    struct str key = arrival_seen_key(ar);
    struct doc seen;
    oid_t made = 0;
    enum err e = ERR_CONFLICT;
    for (int i = 0; i < 2 && e == ERR_CONFLICT; i++) { /* two at once: the second finds what the first wrote */
        enum err found = key.ptr != NULL ? store_find_doc(call->reader, call->arena, DOC_SEEN, ar->app.id,
                                                          ar->trigger.id, key, &seen)
                                         : ERR_NOT_FOUND;
        if (found == ERR_OK) {
            answer_duplicate(ar, &seen);
            return;
        }
        if (found != ERR_NOT_FOUND)
            e = found;
        else if (i > 0)
            e = ERR_BUSY;
        else
            e = ar->trigger.use == TRIGGER_STARTS ? start_run(ar, key, &made) : arrival_append(ar, key, &made);
    }
    if (e != ERR_OK) {
        arrival_fail(ar, e);
        return;
    }
    if (ar->trigger.use == TRIGGER_STARTS)
        known_trigger_learn(ar->api, call->reader, call->params[0], call->now_ms);
    answer_made(ar, 202, made, NULL);
}

static bool is_open(struct arrival *ar)
{
    const struct trigger *t = &ar->trigger;
    if (t->use != TRIGGER_STARTS)
        return true;
    if (t->state == TRIGGER_PAUSED || (t->state == TRIGGER_PUBLISHED && t->version == 0))
        return refuse(ar, ERR_GONE, "the automation is paused");
    return true;
}

void trigger_receive(struct api *api, struct api_call *call)
{
    trigger_receive_at(api, call, &(struct trigger_way){.use = TRIGGER_STARTS, .token = call->params[0]});
}

void trigger_receive_at(struct api *api, struct api_call *call, const struct trigger_way *way)
{
    struct arrival ar = {.api = api, .call = call, .rest = way->rest};
    if (!find_trigger(&ar, way))
        return;
    if (load_profile(&ar) && is_open(&ar) && passes(&ar, arrival_address(&ar)) && greet_unsigned(&ar) &&
        fits_form(&ar) && passes(&ar, arrival_verify(&ar)) && echo(&ar) && passes(&ar, arrival_body(&ar)) &&
        greet_signed(&ar) && passes(&ar, arrival_limit(&ar))) {
        if (ar.trigger.use == TRIGGER_STARTS && ar.trigger.state == TRIGGER_DRAFT)
            capture(&ar);
        else
            take_in(&ar);
    }
    profile_free(ar.profile);
    if (ar.kept != 0 && api->on_request != NULL)
        api->on_request(api->hook_arg, ar.app.env, ar.app.id, ar.trigger.id, ar.kept);
}
