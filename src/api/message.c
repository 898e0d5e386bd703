/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as they are read: lists, one, its payload, its destinations. Creating them is the hot route's, in serve/. */
#include "api/message_in.h"

#include "api/message_query.h"
#include "api/routes.h"
#include "crypto/crypto.h"

#define DELIVERIES_PAGE 250

const char *delivery_status_text(enum delivery_status s)
{
    static const char *const texts[] = {[DELIVERY_SUCCESS] = "success",
                                        [DELIVERY_PENDING] = "pending",
                                        [DELIVERY_FAIL] = "fail",
                                        [DELIVERY_SENDING] = "sending",
                                        [DELIVERY_CANCELED] = "canceled"};
    return texts[s];
}

void write_delivery_status(enum delivery_status s, struct json_writer *w)
{
    json_w_i64_at(w, "status", (int64_t)s);
    json_w_str_at(w, "statusText", str_c(delivery_status_text(s)));
}

void write_delivery(const struct delivery *d, bool expanded, struct json_writer *w)
{
    static const char *const reasons[] = {[REASON_NONE] = NULL,
                                          [REASON_EXHAUSTED] = "exhausted",
                                          [REASON_DISABLED] = "endpoint disabled",
                                          [REASON_DELETED] = "endpoint deleted",
                                          [REASON_EXPIRED] = "payload expired",
                                          [REASON_PARKED] = "parked"};
    /* Older clients know no status 4: for them it is a success, as in Svix. */
    bool canceled = d->status == DELIVERY_CANCELED && !expanded;
    json_w_i64_at(w, "status", (int64_t)(canceled ? DELIVERY_SUCCESS : d->status));
    json_w_str_at(w, "statusText", str_c(delivery_status_text(d->status)));
    json_w_opt_str_at(w, "statusReason", str_c(reasons[d->reason]));
    json_w_bool_at(w, "lastAttemptFailed", d->last_failed);
    json_w_bool_at(w, "attempted", d->last_attempt != 0);
    if (d->due_ms != 0)
        json_w_time_at(w, "nextAttempt", d->due_ms);
    else
        json_w_null_at(w, "nextAttempt");
}

void message_filter_check(struct api_call *call, const char *where, const struct message_filter *f)
{
    if (f->channel.len > 128 || !chars_fit(CHARS_CHANNEL, f->channel))
        problem_add(&call->problems, where, STR("channel"), STR_NULL, "value_error.pattern", "is not a channel");
    if (f->tag.len > 128 || !chars_fit(CHARS_TAG, f->tag))
        problem_add(&call->problems, where, STR("tag"), STR_NULL, "value_error.pattern", "is not a tag");
    for (size_t i = 0; i < f->event_type_count; i++) {
        if (f->event_types[i].len == 0 || f->event_types[i].len > 256 || !chars_fit(CHARS_ID, f->event_types[i])) {
            problem_add(&call->problems, where, STR("event_types"), STR_NULL, "value_error.pattern",
                        "holds what is not an event type");
            break;
        }
    }
}

bool message_filter_read(const struct api *api, struct api_call *call, const char *prefix, struct message_filter *out)
{
    struct message_filter f = {0};
    f.channel = query_text(call, "channel");
    f.tag = query_text(call, "tag");
    f.event_types = query_list(call, "event_types", &f.event_type_count);
    f.status = (int)query_int(call, "status", 0, 4, -1);
    f.failing = query_bool(call, "failing", false);
    f.with_content = query_bool(call, "with_content", true);
    f.expanded = query_bool(call, "expanded_statuses", false);
    int64_t before_ms = query_time(call, "before"), after_ms = query_time(call, "after");
    message_filter_check(call, "query", &f);
    if (!page_read(api, call, prefix, PAGE_NEWEST, &f.page))
        return false;
    page_bounds(&f.page, before_ms, after_ms, call->now_ms, &f.before, &f.after);
    *out = f;
    return true;
}

struct listed {
    const struct message *messages;
    const struct delivery *deliveries; /* NULL: none */
    bool with_content;
    bool expanded;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    (void)call;
    json_w_object(w);
    message_out_members(&l->messages[i], api->id_key, l->with_content, w);
    if (l->deliveries != NULL)
        write_delivery(&l->deliveries[i], l->expanded, w);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->messages[i].id, "msg_");
}

void message_page(struct api *api, struct api_call *call, const struct app *app, oid_t ep, struct message_filter f)
{
    struct message *messages;
    struct delivery *deliveries = NULL;
    size_t count;
    oid_t stopped = 0;
    struct message_query q = {.app = app->id,
                              .ep = ep,
                              .before = f.before,
                              .after = f.after,
                              .ascending = f.page.back,
                              .event_types = f.event_types,
                              .event_type_count = f.event_type_count,
                              .channel = f.channel.len > 0 ? f.channel : STR_NULL,
                              .tag = f.tag.len > 0 ? f.tag : STR_NULL,
                              .status = ep != 0 ? f.status : -1,
                              .failing = f.failing,
                              .with_payload = f.with_content,
                              .limit = f.page.limit + 1,
                              .budget = {LIST_VISITS, &stopped}};
    if (!answer_ok(call,
                   store_list_messages(call->reader, call->arena, &q, &messages, ep != 0 ? &deliveries : NULL, &count)))
        return;
    struct listed l = {messages, deliveries, f.with_content, f.expanded};
    if (stopped != 0)
        f.page.stopped = api_id(api, call, stopped, "msg_");
    answer_page(api, call, &(struct page_items){&f.page, count, &l, write_item, name_item});
}

void message_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct message_filter f;
    if (call_app(api, call, &app) && message_filter_read(api, call, "msg_", &f))
        message_page(api, call, &app, 0, f);
}

void endpoint_messages(struct api *api, struct api_call *call)
{
    struct app app;
    oid_t ep;
    struct message_filter f;
    if (call_app(api, call, &app) && call_endpoint_id(api, call, &app, call->params[1], &ep) &&
        message_filter_read(api, call, "msg_", &f))
        message_page(api, call, &app, ep, f);
}

void message_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    bool content = query_bool(call, "with_content", true);
    if (!call_fits(call) || !call_app(api, call, &app) || !call_message(api, call, &app, 1, content, &m))
        return;
    answer(call, 200);
    message_out(&m, api->id_key, content, &call->out);
}

void message_raw(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, true, &m))
        return;
    if (m.payload.ptr == NULL) {
        answer_error(call, ERR_GONE, "the payload has expired");
        return;
    }
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "payload", m.payload);
    json_w_object_end(&w);
}

enum err message_tell_expunged(const struct api *api, struct store_reader *r, struct arena *a, oid_t msg)
{
    struct delivery *list;
    size_t count = DELIVERIES_PAGE;
    struct delivery_query q = {.msg = msg, .limit = DELIVERIES_PAGE};
    while (count == DELIVERIES_PAGE && api->on_expunged != NULL) {
        enum err e = store_list_deliveries(r, a, &q, &list, &count);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < count; i++)
            api->on_expunged(api->hook_arg, msg, q.before_ep = list[i].ep);
    }
    return ERR_OK;
}

void message_expunge(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, false, &m))
        return;
    struct store_expunge op = {.op = {.kind = STORE_EXPUNGE}, .app = app.id, .msg = m.id};
    if (answer_ok(call, store_run(api->store, &op.op)) &&
        answer_ok(call, message_tell_expunged(api, call->reader, call->arena, m.id)))
        answer_empty(call);
}
