/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trigger_arrival.h"

#include "api/console.h"
#include "api/handler.h"
#include "api/trigger_in.h"
#include "automation/run.h"
#include "base/time.h"
#include "incoming/dedupe.h"
#include "sys/clock.h"

#define SEEN_KEEP_MS (7 * TIME_DAY_MS)

void arrival_read(struct arrival *ar)
{
    static const char *const methods[] = {
            [HTTP_M_GET] = "GET", [HTTP_M_HEAD] = "HEAD", [HTTP_M_POST] = "POST", [HTTP_M_PUT] = "PUT"};
    struct api_call *call = ar->call;
    const char *base = ar->api->public_url != NULL ? ar->api->public_url : "";
    ar->in = (struct incoming){.method = str_c(methods[call->method]),
                               .query = call->query,
                               .headers = call->headers,
                               .header_count = call->header_count < ARRIVAL_HEADERS_MAX ? call->header_count
                                                                                        : ARRIVAL_HEADERS_MAX,
                               .body = call->body,
                               .peer = console_client_ip(ar->api, call),
                               .profile = ar->profile};
    ar->in.url = arena_printf(call->arena, "%s" STR_FMT "%s" STR_FMT, base, STR_ARG(call->path),
                              call->query.len > 0 ? "?" : "", STR_ARG(call->query));
    ar->secret_header = ar->profile != NULL ? profile_secret_header(ar->profile, ar->trigger.header)
                                            : ar->trigger.header;
}

/* ---- may it --------------------------------------------------------------------------------------------------------
 */

static enum err refused(struct arrival *ar, enum err e, const char *why)
{
    ar->why = why;
    return e;
}

enum err arrival_address(struct arrival *ar)
{
    const struct trigger *t = &ar->trigger;
    struct ssrf_subnet net;
    for (size_t i = 0; i < t->address_count; i++) {
        if (ssrf_parse_subnet(t->addresses[i], &net) == ERR_OK && ssrf_subnets_have(&net, 1, ar->in.peer))
            return ERR_OK;
    }
    return t->address_count == 0 ? ERR_OK : refused(ar, ERR_UNAUTHORIZED, "the sender's address is not allowed");
}

enum err arrival_form(struct arrival *ar)
{
    static const unsigned bits[] = {
            [HTTP_M_GET] = TRIGGER_GET, [HTTP_M_HEAD] = 0, [HTTP_M_POST] = TRIGGER_POST, [HTTP_M_PUT] = TRIGGER_PUT};
    const char *why;
    bool taken = (ar->trigger.methods & bits[ar->call->method]) != 0;
    enum handshake asks = ar->profile != NULL ? profile_rules(ar->profile)->handshake : HANDSHAKE_NONE;
    if (!taken && ar->call->method == HTTP_M_GET && (asks == HANDSHAKE_META || asks == HANDSHAKE_OKTA))
        return refused(ar, ERR_UNAUTHORIZED,
                       "this is not how the provider asks whose URL it is, or the token is wrong");
    if (!taken)
        return refused(ar, ERR_METHOD, "this trigger does not take the method");
    if (ar->in.body.len > INCOMING_BODY_MAX)
        return refused(ar, ERR_TOO_LARGE, "the body is over 1 MiB");
    return content_kind(&ar->in, &ar->kind, &why) == ERR_OK ? ERR_OK : refused(ar, ERR_MEDIA_TYPE, why);
}

/* As the verifier sees it, however old. */
static struct profile_request signed_request(const struct arrival *ar,
                                             struct profile_header headers[ARRIVAL_HEADERS_MAX])
{
    for (size_t i = 0; i < ar->in.header_count; i++)
        headers[i] = (struct profile_header){ar->in.headers[i].name, ar->in.headers[i].value};
    return (struct profile_request){.headers = headers,
                                    .header_count = ar->in.header_count,
                                    .body = ar->in.body,
                                    .method = ar->in.method,
                                    .url = ar->in.url,
                                    .signature_header = ar->trigger.header};
}

enum err arrival_verify(struct arrival *ar)
{
    struct profile_header headers[ARRIVAL_HEADERS_MAX];
    const struct trigger *t = &ar->trigger;
    const char *why = NULL;
    size_t which = 0;
    if (ar->profile == NULL)
        return ERR_OK;
    if (t->secret_count == 0)
        return refused(ar, ERR_UNAUTHORIZED, "no secret is set");
    struct profile_request rq = signed_request(ar, headers);
    rq.now_ms = clock_system_ms();
    rq.tolerance_s = t->tolerance_s >= 0 ? t->tolerance_s : profile_rules(ar->profile)->tolerance_s;
    bool keyed = profile_rules_signed(profile_rules(ar->profile));
    unsigned char digest[CRYPTO_SHA256_LEN];
    enum err e =
            profile_verify_which(ar->profile, t->secrets, t->secret_count, &rq, &which, keyed ? digest : NULL, &why);
    if (e != ERR_OK)
        return refused(ar, ERR_UNAUTHORIZED, why);
    ar->secret = t->secrets[which];
    if (keyed)
        ar->signed_key = arena_str(ar->call->arena, str_of((char *)digest, sizeof digest));
    return ERR_OK;
}

/* What tells a repeated request; the null str: nothing does. */
static struct str dedupe_of(const struct arrival *ar)
{
    bool own = ar->trigger.dedupe.ptr != NULL || ar->profile == NULL;
    return own ? ar->trigger.dedupe : profile_rules(ar->profile)->dedupe;
}

static bool goes_ahead(const struct arrival *ar)
{
    return ar->ahead != NULL && ar->in.body.len <= RUN_AHEAD_BODY;
}

static bool wants_tree(const struct arrival *ar)
{
    return goes_ahead(ar) || str_starts(dedupe_of(ar), STR("body:")) ||
           (ar->profile != NULL && profile_rules(ar->profile)->handshake != HANDSHAKE_NONE);
}

enum err arrival_body(struct arrival *ar)
{
    struct str why = STR_NULL;
    struct arena *a = ar->call->arena;
    bool tree = wants_tree(ar);
    enum err e = tree ? content_read(a, &ar->in, ar->kind, ar->secret_header, &ar->json, &why)
                      : content_json(a, &ar->in, ar->kind, ar->secret_header, &ar->json, &why);
    if (e != ERR_OK)
        return refused(ar, e, arena_cstr(a, why));
    if (ar->json.depth > RUN_JSON_DEPTH)
        return refused(ar, ERR_SYNTAX, "the body is nested deeper than 100 levels");
    if (tree)
        ar->tree = content_tree(a, ar->in.method, &ar->json);
    return tree && ar->tree == NULL ? ERR_INTERNAL : ERR_OK;
}

enum err arrival_limit(struct arrival *ar)
{
    const struct trigger_desk *d = ar->api->triggers;
    int per_second = ar->app.incoming_rate_limit > 0 ? ar->app.incoming_rate_limit : d->per_second;
    if (sliding_take(d->accepted, ar->app.id, per_second, clock_mono_us(), &ar->let_in_us))
        return ERR_OK;
    return refused(ar, ERR_RATE, "more requests per second than this workspace takes");
}

void arrival_give_back(struct arrival *ar)
{
    sliding_give_back(ar->api->triggers->accepted, ar->app.id, ar->let_in_us);
}

/* ---- what follows --------------------------------------------------------------------------------------------------
 */

int arrival_status(const struct arrival *ar, int status)
{
    int wanted = ar->profile != NULL ? profile_rules(ar->profile)->accepted_status : 0;
    return wanted != 0 ? wanted : status;
}

bool arrival_is_quiet(const struct arrival *ar)
{
    return ar->profile != NULL && profile_rules(ar->profile)->quiet;
}

/* Two requests that differ in their queries alone are not told apart by what is signed of them. */
static bool signed_tells_apart(const struct arrival *ar)
{
    return ar->in.body.len > 0 || ar->in.query.len == 0 || profile_signs_url(ar->profile);
}

/* What is signed, of a request that was found good, and whose row names something that is not in it. The null str:
 * equal requests may be two. */
static struct str key_of_unnamed(const struct arrival *ar, struct str by)
{
    struct profile_header headers[ARRIVAL_HEADERS_MAX];
    unsigned char digest[CRYPTO_SHA256_LEN];
    const char *why;
    bool own = ar->trigger.dedupe.ptr != NULL || ar->profile == NULL;
    if (own || by.ptr == NULL || str_eq(by, STR("none")) || !profile_signs_time(ar->profile) || !signed_tells_apart(ar))
        return STR_NULL;
    struct profile_request rq = signed_request(ar, headers);
    if (profile_verify_digest(ar->profile, &ar->secret, 1, &rq, digest, &why) != ERR_OK)
        return STR_NULL;
    return arena_str(ar->call->arena, str_of((char *)digest, sizeof digest));
}

struct str arrival_seen_key(const struct arrival *ar)
{
    struct arena *a = ar->call->arena;
    struct str by = dedupe_of(ar);
    bool by_signed = ar->signed_key.ptr != NULL && str_eq(by, STR("signed")) && signed_tells_apart(ar);
    struct str key = by_signed ? ar->signed_key : by.ptr != NULL ? dedupe_key(a, by, &ar->in, ar->tree) : STR_NULL;
    if (key.ptr == NULL)
        key = key_of_unnamed(ar, by);
    return key.ptr != NULL ? trigger_url_key(a, key) : STR_NULL;
}

struct request arrival_request(const struct arrival *ar, int status, enum request_outcome outcome)
{
    return (struct request){.status = status,
                            .outcome = outcome,
                            .method = ar->in.method,
                            .headers = ar->json.headers,
                            .query = ar->json.query,
                            .kind = ar->kind,
                            .type = incoming_header(&ar->in, STR("Content-Type")),
                            .peer = ar->in.peer,
                            .size = (int64_t)ar->in.body.len,
                            .body = ar->in.body};
}

struct doc arrival_doc(const struct arrival *ar, oid_t id, const struct request *r, int64_t keep_ms)
{
    struct doc d = {.id = id,
                    .kind = DOC_REQUEST,
                    .app = ar->app.id,
                    .ref = ar->trigger.id,
                    .status = (int)r->outcome,
                    .purge_ms = ar->call->now_ms + keep_ms,
                    .created_ms = ar->call->now_ms,
                    .updated_ms = ar->call->now_ms};
    request_encode(ar->call->arena, r, &d);
    return d;
}

/* run: what it became, a message if it became one. */
static struct doc seen_doc(const struct arrival *ar, struct str key, oid_t run)
{
    const struct api_call *call = ar->call;
    return (struct doc){.id = oid_next(ar->api->oids, call->now_ms),
                        .kind = DOC_SEEN,
                        .app = ar->app.id,
                        .ref = ar->trigger.id,
                        .key = key,
                        .purge_ms = call->now_ms + SEEN_KEEP_MS,
                        .body = arena_printf(call->arena, "{\"run\":%lld}", (long long)run),
                        .created_ms = call->now_ms,
                        .updated_ms = call->now_ms};
}

void arrival_start(const struct arrival *ar, struct str key, struct arrival_docs *out)
{
    struct api_call *call = ar->call;
    struct request r = arrival_request(ar, arrival_status(ar, 202), REQUEST_ACCEPTED);
    out->request = oid_next(ar->api->oids, call->now_ms);
    struct run_start start = {.app = ar->app.id,
                              .automation = ar->trigger.automation,
                              .version = ar->trigger.version,
                              .request = out->request,
                              .request_until_ms = call->now_ms + ar->api->retention_payload_ms,
                              .now_ms = call->now_ms};
    struct run run = run_begin(ar->api, call->arena, &start);
    struct doc_change steps[RUN_AHEAD_MAX];
    size_t ahead = goes_ahead(ar) ? run_ahead(ar->api, call->arena, ar->ahead, ar->tree, &run, steps) : 0;
    out->run = r.run = run.id;
    out->due = run.due_ms != 0;
    out->changes[0] = (struct doc_change){.change = DOC_CREATE};
    run_encode(call->arena, &run, &out->changes[0].doc);
    out->changes[1] = (struct doc_change){.change = DOC_CREATE,
                                          .doc = arrival_doc(ar, out->request, &r, ar->api->retention_payload_ms)};
    out->count = 2;
    if (key.ptr != NULL)
        out->changes[out->count++] = (struct doc_change){.change = DOC_CREATE, .doc = seen_doc(ar, key, out->run)};
    for (size_t i = 0; i < ahead; i++)
        out->changes[out->count++] = steps[i];
}

void arrival_become(const struct arrival *ar, struct str key, oid_t msg, struct arrival_docs *out)
{
    struct request r = arrival_request(ar, arrival_status(ar, 202), REQUEST_ACCEPTED);
    r.message = msg;
    r.body = STR("");
    out->run = 0;
    out->request = oid_next(ar->api->oids, ar->call->now_ms);
    out->changes[0] = (struct doc_change){.change = DOC_CREATE,
                                          .doc = arrival_doc(ar, out->request, &r, ar->api->retention_payload_ms)};
    out->count = 1;
    if (key.ptr != NULL)
        out->changes[out->count++] = (struct doc_change){.change = DOC_CREATE, .doc = seen_doc(ar, key, msg)};
}

/* ---- answers -------------------------------------------------------------------------------------------------------
 */

void arrival_answer(struct arrival *ar, int status, oid_t id, const char *prefix, const char *flag)
{
    struct json_writer w = answer(ar->call, arrival_status(ar, status));
    if (ar->call->status == 204 || arrival_is_quiet(ar))
        return;
    json_w_object(&w);
    json_w_str_at(&w, "id", api_id(ar->api, ar->call, id, prefix));
    if (flag != NULL)
        json_w_bool_at(&w, flag, true);
    json_w_object_end(&w);
}

void arrival_fail(struct arrival *ar, enum err e)
{
    arrival_give_back(ar);
    answer_error(ar->call, err_may_retry(e) ? e : ERR_UNAVAILABLE, NULL);
    ar->call->stale = false;
}
