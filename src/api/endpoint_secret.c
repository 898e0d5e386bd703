/* SPDX-License-Identifier: Apache-2.0 */
/* Reveal and rotate the signing secret; how an endpoint's deliveries stand. */
#include "api/endpoint.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "base/time.h"

#define SECRETS_MAX     8
#define SECRET_TEXT_MAX 512
#define GRACE_MAX_S     604800
#define GRACE_DEFAULT_S 86400
#define STATS_DAYS      28

void endpoint_secret_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    if (!call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "key", ep.secrets[0].text);
    json_w_object_end(&w);
}

struct rotation {
    struct str key;
    int64_t grace_s;
};

static void read_rotation(struct api_call *call, const struct profile *profile, const struct json *body,
                          struct rotation *out)
{
    const struct json *key = json_get(body, STR("key")), *grace = json_get(body, STR("gracePeriodSeconds"));
    const char *why;
    out->grace_s = profile_overlaps(profile) ? GRACE_DEFAULT_S : 0;
    if (key != NULL && !json_is_null(key)) {
        if (!json_as_str(key, &out->key))
            call_problem(call, "key", "type_error.string", "must be a string");
        else if (profile_check_secret(profile, out->key, &why) != ERR_OK)
            call_problem(call, "key", "value_error", "%s", why);
    }
    if (grace != NULL && !json_is_null(grace) &&
        (!json_as_i64(grace, &out->grace_s) || out->grace_s < 0 || out->grace_s > GRACE_MAX_S))
        call_problem(call, "gracePeriodSeconds", "value_error.range", "must be a whole number from 0 to %d",
                     GRACE_MAX_S);
}

/* The new one first; the one before expires with the grace; what has expired is dropped. */
static void rotate(struct api_call *call, struct endpoint *ep, const struct rotation *r)
{
    struct endpoint_secret *secrets = arena_zalloc(call->arena, SECRETS_MAX * sizeof *secrets);
    int64_t end_ms = call->now_ms + r->grace_s * TIME_SECOND_MS;
    size_t n = 0;
    secrets[n++].text = r->key;
    for (size_t i = 0; i < ep->secret_count && n < SECRETS_MAX; i++) {
        struct endpoint_secret old = ep->secrets[i];
        if (old.expires_ms == 0 || old.expires_ms > end_ms)
            old.expires_ms = end_ms;
        if (old.expires_ms > call->now_ms && !str_eq(old.text, r->key))
            secrets[n++] = old;
    }
    ep->secrets = secrets;
    ep->secret_count = n;
}

void endpoint_secret_rotate(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    struct endpoint ep;
    const struct catalog_profile *profile;
    struct rotation r = {0};
    const struct json *body = call_json(call, true);
    if (body == NULL || !call_app(api, call, &app) || !call_endpoint(api, call, &app, 1, &o, &ep) ||
        !answer_ok(call, endpoint_profile(api, call, &app, &ep, &profile)))
        return;
    read_rotation(call, profile->profile, body, &r);
    if (!call_fits(call))
        return;
    if (r.key.ptr == NULL) {
        struct buf text = BUF_INIT(SECRET_TEXT_MAX);
        profile_generate_secret(profile->profile, &text);
        r.key = arena_str(call->arena, buf_str(&text));
        buf_fini(&text);
    }
    rotate(call, &ep, &r);
    call_made(call, MADE_NOTHING, 0, 204);
    if (answer_ok(call, endpoint_save(api, call, &o, &ep, NEWS_UPDATED, NULL)))
        answer_empty(call);
}

void endpoint_stats(struct api *api, struct api_call *call)
{
    struct app app;
    oid_t ep;
    struct delivery_counts counts;
    int64_t since_ms = query_time(call, "since"), until_ms = query_time(call, "until");
    if (!call_fits(call) || !call_app(api, call, &app) || !call_endpoint_id(api, call, &app, call->params[1], &ep))
        return;
    if (until_ms == 0)
        until_ms = call->now_ms + TIME_SECOND_MS;
    if (since_ms == 0)
        since_ms = until_ms - STATS_DAYS * TIME_DAY_MS;
    if (!answer_ok(call, store_count_deliveries(call->reader, ep, since_ms, until_ms, &counts)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_i64_at(&w, "success", (int64_t)counts.success);
    json_w_i64_at(&w, "pending", (int64_t)counts.pending);
    json_w_i64_at(&w, "sending", 0);
    json_w_i64_at(&w, "fail", (int64_t)counts.fail);
    json_w_i64_at(&w, "canceled", (int64_t)counts.canceled);
    json_w_object_end(&w);
}
