/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to a trigger URL, from its token to its answer (API.md, section 3). Each step either goes on or has
 * answered; a 2xx is only said when what it says is on disk. A run and what keeps a second one from starting are
 * written in one commit.
 */
#include "api/trigger_in.h"

#include <stdlib.h>

#include "api/console.h"
#include "api/routes.h"
#include "api/trigger_define.h"
#include "automation/run.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "incoming/dedupe.h"
#include "incoming/handshake.h"
#include "model/config.h"
#include "sys/clock.h"

#define SEEN_KEEP_MS    (7 * TIME_DAY_MS)
#define CAPTURE_KEEP_MS (30 * TIME_DAY_MS)
#define KEPT_PER_SECOND 20 /* refusals of a trigger */
#define CAPTURE_TRIES   5
#define HEADERS_MAX     128

/* One request on its way. */
struct arrival {
    struct api *api;
    struct api_call *call;
    struct trigger trigger;
    struct app app;
    struct incoming in;
    struct profile *profile;  /* NULL: everybody may; ours to free */
    struct str secret_header; /* to be masked */
    struct str secret;        /* the one that fits */
    enum content kind;
    struct incoming_json json;
    const struct json *tree; /* of json.whole */
    int64_t let_in_us;
    oid_t kept; /* the request as it is kept; 0: it is not */
};

struct trigger_desk *trigger_desk_new(int per_second)
{
    struct trigger_desk *d = mem_zalloc(1, sizeof *d);
    d->accepted = sliding_new();
    d->kept = sliding_new();
    d->rings = request_rings_new();
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
    free(d);
}

/* ---- what is kept --------------------------------------------------------------------------------------------------
 */

static struct request request_of(const struct arrival *ar, int status, enum request_outcome outcome)
{
    struct request r = {.status = status,
                        .outcome = outcome,
                        .method = ar->in.method,
                        .headers = ar->json.headers,
                        .query = ar->json.query,
                        .kind = ar->kind,
                        .type = incoming_header(&ar->in, STR("Content-Type")),
                        .peer = ar->in.peer,
                        .size = (int64_t)ar->in.body.len,
                        .body = ar->in.body};
    return r;
}

static struct doc doc_of(const struct arrival *ar, oid_t id, const struct request *r, int64_t keep_ms)
{
    struct doc d = {.id = id,
                    .kind = DOC_REQUEST,
                    .app = ar->app.id,
                    .ref = ar->trigger.id,
                    .purge_ms = ar->call->now_ms + keep_ms,
                    .created_ms = ar->call->now_ms,
                    .updated_ms = ar->call->now_ms};
    request_encode(ar->call->arena, r, &d);
    return d;
}

/* Into the ring of its trigger. */
static enum err keep_in_ring(struct arrival *ar, oid_t id, const struct request *r)
{
    struct api_call *call = ar->call;
    enum err e = ERR_CONFLICT;
    for (int i = 0; i < CAPTURE_TRIES && (e == ERR_CONFLICT || e == ERR_STALE || e == ERR_NOT_FOUND); i++) {
        struct doc_change changes[2];
        struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = ar->app.id, .changes = changes};
        struct doc d = doc_of(ar, id, r, CAPTURE_KEEP_MS);
        e = request_ring_put(ar->api->triggers->rings, call->reader, call->arena, &d, r->outcome, ar->trigger.sample,
                             changes, &op.count);
        if (e == ERR_OK)
            e = store_run(ar->api->store, &op.op);
    }
    return e == ERR_CONFLICT || e == ERR_STALE || e == ERR_NOT_FOUND ? ERR_BUSY : e;
}

/* Headers and query of what is kept without its body having been read. */
static void describe(struct arrival *ar)
{
    struct incoming bare = ar->in;
    struct str why;
    bare.body = STR("");
    if (ar->json.whole.ptr == NULL &&
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
    bool quiet = ar->profile != NULL && profile_rules(ar->profile)->quiet && e == ERR_UNAUTHORIZED;
    answer_error(call, e, why);
    if (quiet)
        buf_clear(&call->out);
    describe(ar);
    struct request r = request_of(ar, call->status, REQUEST_REFUSED);
    r.why = str_c(why != NULL ? why : err_text(e));
    r.body = str_take(ar->in.body, TRIGGER_REFUSED_BODY);
    if (r.body.len < ar->in.body.len)
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

/* The workspace, which must be there. */
static enum err load_app(struct arrival *ar, oid_t id)
{
    struct object o, env;
    struct api_call *call = ar->call;
    enum err e = store_get_object(call->reader, call->arena, OBJ_APP, id, &o);
    if (e == ERR_OK && o.deleted_ms == 0)
        e = store_get_object(call->reader, call->arena, OBJ_ENV, o.env, &env);
    if (e == ERR_OK && (o.deleted_ms != 0 || env.deleted_ms != 0))
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? app_decode(call->arena, &o, &ar->app) : e;
}

static bool find_trigger(struct arrival *ar)
{
    struct object o;
    struct trigger_url url;
    struct api_call *call = ar->call;
    struct str token = call->params[0];
    if (ar->api->triggers == NULL || token.len > TRIGGER_TOKEN_MAX)
        return answer_unknown(ar);
    enum err e = store_find_object(call->reader, call->arena, OBJ_TRIGGER_URL, 0, 0,
                                   trigger_url_key(call->arena, token), &o);
    if (e == ERR_OK)
        e = trigger_url_decode(call->arena, ar->api->keys, &o, &url);
    if (e == ERR_OK && url.expires_ms != 0 && url.expires_ms <= call->now_ms)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = load_app(ar, url.app);
    if (e == ERR_NOT_FOUND)
        return answer_unknown(ar);
    if (e == ERR_OK)
        e = store_get_object(call->reader, call->arena, OBJ_TRIGGER, url.trigger, &o);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && o.deleted_ms != 0))
        return answer_gone(ar, "its automation was deleted");
    if (e == ERR_OK)
        e = trigger_decode(call->arena, ar->api->keys, &o, &ar->trigger);
    return answer_ok(call, e);
}

static void read_request(struct arrival *ar)
{
    static const char *const methods[] = {
            [HTTP_M_GET] = "GET", [HTTP_M_HEAD] = "HEAD", [HTTP_M_POST] = "POST", [HTTP_M_PUT] = "PUT"};
    struct api_call *call = ar->call;
    const char *base = ar->api->public_url != NULL ? ar->api->public_url : "";
    ar->in = (struct incoming){.method = str_c(methods[call->method]),
                               .query = call->query,
                               .headers = call->headers,
                               .header_count = call->header_count < HEADERS_MAX ? call->header_count : HEADERS_MAX,
                               .body = call->body,
                               .peer = console_client_ip(ar->api, call)};
    ar->in.url = arena_printf(call->arena, "%s" STR_FMT "%s" STR_FMT, base, STR_ARG(call->path),
                              call->query.len > 0 ? "?" : "", STR_ARG(call->query));
}

/* ---- may it --------------------------------------------------------------------------------------------------------
 */

static bool load_profile(struct arrival *ar)
{
    struct str why = STR_NULL;
    ar->secret_header = ar->trigger.header;
    enum err e = trigger_profile(ar->call->reader, ar->call->arena, &ar->trigger, &ar->profile, &why);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID) /* it was there when the trigger was made: fail closed */
        return refuse(ar, ERR_UNAUTHORIZED, "the profile that verifies requests is gone");
    if (!answer_ok(ar->call, e))
        return false;
    if (ar->profile != NULL)
        ar->secret_header = profile_secret_header(ar->profile, ar->trigger.header);
    return true;
}

static bool has_address(struct arrival *ar)
{
    const struct trigger *t = &ar->trigger;
    struct ssrf_subnet net;
    for (size_t i = 0; i < t->address_count; i++) {
        if (ssrf_parse_subnet(t->addresses[i], &net) == ERR_OK && ssrf_subnets_have(&net, 1, ar->in.peer))
            return true;
    }
    return t->address_count == 0 || refuse(ar, ERR_UNAUTHORIZED, "the sender's address is not allowed");
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

static bool fits_form(struct arrival *ar)
{
    static const unsigned bits[] = {
            [HTTP_M_GET] = TRIGGER_GET, [HTTP_M_HEAD] = 0, [HTTP_M_POST] = TRIGGER_POST, [HTTP_M_PUT] = TRIGGER_PUT};
    const char *why;
    unsigned m = ar->trigger.methods;
    if ((m & bits[ar->call->method]) == 0) {
        answer_header(ar->call, STR("Allow"),
                      arena_printf(ar->call->arena, "%s%s%sOPTIONS", (m & TRIGGER_GET) != 0 ? "GET, " : "",
                                   (m & TRIGGER_POST) != 0 ? "POST, " : "", (m & TRIGGER_PUT) != 0 ? "PUT, " : ""));
        return refuse(ar, ERR_METHOD, "this trigger does not take the method");
    }
    if (ar->in.body.len > INCOMING_BODY_MAX)
        return refuse(ar, ERR_TOO_LARGE, "the body is over 1 MiB");
    return content_kind(&ar->in, &ar->kind, &why) == ERR_OK || refuse(ar, ERR_MEDIA_TYPE, why);
}

static bool is_verified(struct arrival *ar)
{
    struct profile_header headers[HEADERS_MAX];
    const struct trigger *t = &ar->trigger;
    const char *why = "no secret is set";
    bool good = false;
    if (ar->profile == NULL)
        return true;
    for (size_t i = 0; i < ar->in.header_count; i++)
        headers[i] = (struct profile_header){ar->in.headers[i].name, ar->in.headers[i].value};
    struct profile_request rq = {.headers = headers,
                                 .header_count = ar->in.header_count,
                                 .body = ar->in.body,
                                 .method = ar->in.method,
                                 .url = ar->in.url,
                                 .now_ms = clock_system_ms(),
                                 .tolerance_s = t->tolerance_s >= 0 ? t->tolerance_s
                                                                    : profile_rules(ar->profile)->tolerance_s,
                                 .signature_header = t->header};
    for (size_t i = 0; i < t->secret_count && !good; i++) {
        good = profile_verify(ar->profile, &t->secrets[i], 1, &rq, &why) == ERR_OK;
        ar->secret = t->secrets[i];
    }
    return good || refuse(ar, ERR_UNAUTHORIZED, why);
}

static bool reads(struct arrival *ar)
{
    struct json *tree;
    struct str why = STR_NULL;
    struct api_call *call = ar->call;
    enum err e = content_json(call->arena, &ar->in, ar->kind, ar->secret_header, &ar->json, &why);
    if (e == ERR_OK && json_parse(call->arena, ar->json.whole, &tree, NULL) != ERR_OK) {
        e = ERR_SYNTAX;
        why = STR("the body is nested too deeply");
    }
    if (e != ERR_OK)
        return refuse(ar, e, arena_cstr(call->arena, why));
    ar->tree = tree;
    return true;
}

static bool is_let_in(struct arrival *ar)
{
    const struct trigger_desk *d = ar->api->triggers;
    int per_second = ar->app.incoming_rate_limit > 0 ? ar->app.incoming_rate_limit : d->per_second;
    return sliding_take(d->accepted, ar->app.id, per_second, clock_mono_us(), &ar->let_in_us) ||
           refuse(ar, ERR_RATE, "more requests per second than this workspace takes");
}

/* ---- what follows --------------------------------------------------------------------------------------------------
 */

/* It came to nothing: it does not count. */
static void answer_failed(struct arrival *ar, enum err e)
{
    sliding_give_back(ar->api->triggers->accepted, ar->app.id, ar->let_in_us);
    answer_error(ar->call, err_may_retry(e) ? e : ERR_UNAVAILABLE, NULL);
    ar->call->stale = false;
}

/* Unless the sender insists on another. */
static int good_status(const struct arrival *ar, int status)
{
    int wanted = ar->profile != NULL ? profile_rules(ar->profile)->accepted_status : 0;
    return wanted != 0 ? wanted : status;
}

/* {"id":…}, or {"id":…,"captured":true}. flag: NULL, or what is true. */
static void answer_id(struct arrival *ar, int status, oid_t id, const char *prefix, const char *flag)
{
    struct json_writer w = answer(ar->call, good_status(ar, status));
    if (ar->call->status == 204 || (ar->profile != NULL && profile_rules(ar->profile)->quiet))
        return;
    json_w_object(&w);
    json_w_str_at(&w, "id", api_id(ar->api, ar->call, id, prefix));
    if (flag != NULL)
        json_w_bool_at(&w, flag, true);
    json_w_object_end(&w);
}

static void capture(struct arrival *ar)
{
    oid_t id = oid_next(ar->api->oids, ar->call->now_ms);
    struct request r = request_of(ar, good_status(ar, 202), REQUEST_CAPTURED);
    enum err e = keep_in_ring(ar, id, &r);
    if (e != ERR_OK) {
        answer_failed(ar, e);
        return;
    }
    ar->kept = id;
    answer_id(ar, 202, id, doc_prefix(DOC_REQUEST), "captured");
}

static void answer_duplicate(struct arrival *ar, const struct doc *seen)
{
    struct json *body;
    int64_t run = 0;
    if (json_parse(ar->call->arena, seen->body, &body, NULL) == ERR_OK)
        json_as_i64(json_get(body, STR("run")), &run);
    answer_id(ar, 200, run, doc_prefix(DOC_RUN), "duplicate");
    struct request r = request_of(ar, ar->call->status, REQUEST_DUPLICATE);
    r.run = run;
    r.body = str_take(ar->in.body, TRIGGER_REFUSED_BODY);
    if (r.body.len < ar->in.body.len)
        r.kind = CONTENT_TEXT;
    keep_refusal(ar, &r);
}

/* Under which a second one is known; the null str: it has nothing that tells. */
static struct str seen_key(const struct arrival *ar)
{
    struct arena *a = ar->call->arena;
    struct str by = ar->trigger.dedupe;
    if (by.ptr == NULL && ar->profile != NULL)
        by = profile_rules(ar->profile)->dedupe;
    struct str key = by.ptr != NULL ? dedupe_key(a, by, &ar->in, ar->tree) : STR_NULL;
    return key.ptr != NULL ? trigger_url_key(a, key) : STR_NULL;
}

static enum err start_run(struct arrival *ar, struct str key, oid_t *run)
{
    struct api_call *call = ar->call;
    struct doc_change changes[3];
    struct request r = request_of(ar, good_status(ar, 202), REQUEST_ACCEPTED);
    oid_t request = oid_next(ar->api->oids, call->now_ms);
    struct run_start start = {.app = ar->app.id,
                              .automation = ar->trigger.automation,
                              .version = ar->trigger.version,
                              .request = request,
                              .trigger_json = ar->json.whole,
                              .now_ms = call->now_ms};
    size_t n = 0;
    changes[n] = run_create(ar->api, call->arena, &start);
    *run = r.run = changes[n++].doc.id;
    changes[n++] =
            (struct doc_change){.change = DOC_CREATE, .doc = doc_of(ar, request, &r, ar->api->retention_payload_ms)};
    if (key.ptr != NULL)
        changes[n++] = (struct doc_change){.change = DOC_CREATE,
                                           .doc = {.id = oid_next(ar->api->oids, call->now_ms),
                                                   .kind = DOC_SEEN,
                                                   .app = ar->app.id,
                                                   .ref = ar->trigger.id,
                                                   .key = key,
                                                   .purge_ms = call->now_ms + SEEN_KEEP_MS,
                                                   .body = arena_printf(call->arena, "{\"run\":%lld}", (long long)*run),
                                                   .created_ms = call->now_ms,
                                                   .updated_ms = call->now_ms}};
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = ar->app.id, .changes = changes, .count = n};
    enum err e = store_run(ar->api->store, &op.op);
    if (e == ERR_OK)
        ar->kept = request;
    return e;
}

static void take_in(struct arrival *ar)
{
    struct api_call *call = ar->call;
    struct str key = seen_key(ar);
    struct doc seen;
    oid_t run = 0;
    enum err e = ERR_CONFLICT;
    for (int i = 0; i < 2 && e == ERR_CONFLICT; i++) { /* two at once: the second finds what the first wrote */
        enum err found = key.ptr != NULL ? store_find_doc(call->reader, call->arena, DOC_SEEN, ar->app.id,
                                                          ar->trigger.id, key, &seen)
                                         : ERR_NOT_FOUND;
        if (found == ERR_OK) {
            answer_duplicate(ar, &seen);
            return;
        }
        e = found == ERR_NOT_FOUND ? i == 0 ? start_run(ar, key, &run) : ERR_BUSY : found;
    }
    if (e != ERR_OK) {
        answer_failed(ar, e);
        return;
    }
    runner_wake(ar->api);
    answer_id(ar, 202, run, doc_prefix(DOC_RUN), NULL);
}

static bool is_open(struct arrival *ar)
{
    const struct trigger *t = &ar->trigger;
    if (t->state == TRIGGER_PAUSED || (t->state == TRIGGER_PUBLISHED && t->version == 0))
        return refuse(ar, ERR_GONE, "the automation is paused");
    return true;
}

void trigger_receive(struct api *api, struct api_call *call)
{
    struct arrival ar = {.api = api, .call = call};
    if (!find_trigger(&ar))
        return;
    read_request(&ar);
    if (load_profile(&ar) && is_open(&ar) && has_address(&ar) && greet_unsigned(&ar) && fits_form(&ar) &&
        is_verified(&ar) && reads(&ar) && greet_signed(&ar) && is_let_in(&ar)) {
        if (ar.trigger.state == TRIGGER_DRAFT)
            capture(&ar);
        else
            take_in(&ar);
    }
    profile_free(ar.profile);
    if (ar.kept != 0 && api->on_request != NULL)
        api->on_request(api->hook_arg, ar.app.env, ar.app.id, ar.trigger.id, ar.kept);
}
