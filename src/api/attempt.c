/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: every HTTP request that was made, newest first. */
#include "api/message_in.h"
#include "api/message_query.h"
#include "api/routes.h"
#include "crypto/crypto.h"

/* "Name: value\n"… as pairs. *rest moves on. */
static bool next_header(struct str *rest, struct str *name, struct str *value)
{
    while (rest->len > 0) {
        struct str line = str_split(rest, '\n');
        *name = str_split(&line, ':');
        *value = str_trim(line);
        if (name->len > 0)
            return true;
    }
    return false;
}

static void write_header_object(struct str headers, struct json_writer *w)
{
    struct str name, value;
    json_w_object(w);
    while (next_header(&headers, &name, &value)) {
        json_w_name(w, name);
        json_w_str(w, value);
    }
    json_w_object_end(w);
}

static void write_header_list(struct str headers, struct json_writer *w)
{
    struct str name, value;
    json_w_array(w);
    while (next_header(&headers, &name, &value)) {
        json_w_array(w);
        json_w_str(w, name);
        json_w_str(w, value);
        json_w_array_end(w);
    }
    json_w_array_end(w);
}

/* As text when it is text, else base64; what went wrong when there was no answer. */
static void write_response(struct api_call *call, const struct attempt *t, bool with_content, struct json_writer *w)
{
    struct str body = with_content ? t->response_body : STR("");
    bool text = str_is_utf8(body);
    if (with_content && t->http_status == 0 && t->error.ptr != NULL && body.len == 0)
        body = t->error;
    if (!text) {
        struct buf out = BUF_INIT(2 * ATTEMPT_BODY_MAX);
        crypto_base64(body, &out);
        body = arena_str(call->arena, buf_str(&out));
        buf_fini(&out);
    }
    json_w_str_at(w, "response", body.ptr != NULL ? body : STR(""));
    json_w_str_at(w, "responseEncoding", text ? STR("text") : STR("base64"));
    json_w_bool_at(w, "responseTruncated", t->response_truncated);
}

static void write_phases(const struct attempt_phases *p, struct json_writer *w)
{
    json_w_name(w, STR("phases"));
    json_w_object(w);
    json_w_i64_at(w, "dnsUs", p->dns_us);
    json_w_i64_at(w, "connectUs", p->connect_us);
    json_w_i64_at(w, "tlsUs", p->tls_us);
    json_w_i64_at(w, "sentUs", p->sent_us);
    json_w_i64_at(w, "firstByteUs", p->first_byte_us);
    json_w_i64_at(w, "totalUs", p->total_us);
    json_w_object_end(w);
}

struct listed {
    const struct attempt *attempts;
    const struct message *messages; /* NULL: not asked for; id 0: gone */
    bool with_content;
};

static void write_extensions(const struct attempt *t, bool with_content, struct json_writer *w)
{
    static const char *const triggers[] = {
            [TRIGGER_SCHEDULE] = "schedule", [TRIGGER_MANUAL] = "manual", [TRIGGER_RECOVERY] = "recovery"};
    json_w_str_at(w, "trigger", str_c(triggers[t->trigger]));
    json_w_i64_at(w, "attempt", t->number);
    json_w_str_at(w, "eventType", t->event_type);
    json_w_opt_str_at(w, "cause", t->cause != CAUSE_NONE ? str_c(cause_name(t->cause)) : STR_NULL);
    json_w_opt_str_at(w, "error", t->error);
    json_w_opt_str_at(w, "peer", t->peer);
    if (t->next_ms != 0)
        json_w_time_at(w, "nextAttempt", t->next_ms);
    else
        json_w_null_at(w, "nextAttempt");
    write_phases(&t->phases, w);
    if (!with_content)
        return;
    json_w_name(w, STR("requestHeaders"));
    write_header_list(t->request_headers, w);
    json_w_name(w, STR("responseHeaders"));
    write_header_list(t->response_headers, w);
}

static void write_attempt(const struct api *api, struct api_call *call, const struct attempt *t, bool with_content,
                          struct json_writer *w)
{
    json_w_str_at(w, "id", api_id(api, call, t->id, "atmpt_"));
    json_w_str_at(w, "msgId", api_id(api, call, t->msg, "msg_"));
    json_w_str_at(w, "endpointId", api_id(api, call, t->ep, "ep_"));
    json_w_str_at(w, "url", t->url);
    write_response(call, t, with_content, w);
    json_w_i64_at(w, "responseStatusCode", t->http_status);
    json_w_i64_at(w, "responseDurationMs", (t->phases.total_us + 500) / 1000);
    write_delivery_status(t->status, w);
    json_w_i64_at(w, "triggerType", t->trigger == TRIGGER_SCHEDULE ? 0 : 1);
    json_w_time_at(w, "timestamp", t->started_ms);
    write_extensions(t, with_content, w);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    json_w_object(w);
    write_attempt(api, call, &l->attempts[i], l->with_content, w);
    if (l->messages != NULL && l->messages[i].id != 0) {
        json_w_name(w, STR("msg"));
        json_w_object(w);
        message_out_members(&l->messages[i], api->id_key, false, w);
        json_w_object_end(w);
    } else {
        json_w_null_at(w, "msg");
    }
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->attempts[i].id, "atmpt_");
}

int attempt_class_read(struct api_call *call)
{
    int64_t c = query_int(call, "status_code_class", 0, 500, -1);
    if (c > 0 && c % 100 != 0)
        problem_add(&call->problems, "query", STR("status_code_class"), STR_NULL, "value_error",
                    "must be 0, 100, 200, 300, 400 or 500");
    return (int)c;
}

struct attempt_query attempt_filter_query(const struct app *app, const struct message_filter *f)
{
    return (struct attempt_query){.app = app->id,
                                  .before = f->before,
                                  .after = f->after,
                                  .ascending = f->page.back,
                                  .status = f->status,
                                  .status_class = -1,
                                  .event_types = f->event_types,
                                  .event_type_count = f->event_type_count,
                                  .channel = f->channel.len > 0 ? f->channel : STR_NULL,
                                  .tag = f->tag.len > 0 ? f->tag : STR_NULL,
                                  .with_content = f->with_content,
                                  .limit = f->page.limit + 1};
}

static void list(struct api *api, struct api_call *call, const struct app *app, oid_t ep, oid_t msg)
{
    struct message_filter f;
    struct attempt *attempts;
    size_t count;
    oid_t stopped = 0;
    int status_class = attempt_class_read(call);
    bool with_msg = query_bool(call, "with_msg", false);
    if (!message_filter_read(api, call, "atmpt_", &f))
        return;
    struct attempt_query q = attempt_filter_query(app, &f);
    q.ep = ep;
    q.msg = msg;
    q.status_class = status_class;
    q.budget = (struct visit_budget){LIST_VISITS, &stopped};
    if (!answer_ok(call, store_list_attempts(call->reader, call->arena, &q, &attempts, &count)))
        return;
    struct message *messages = with_msg ? arena_zalloc(call->arena, (count + 1) * sizeof *messages) : NULL;
    for (size_t i = 0; i < count && with_msg; i++) {
        enum err e = store_get_message(call->reader, call->arena, app->id, attempts[i].msg, false, &messages[i]);
        if (e != ERR_NOT_FOUND && !answer_ok(call, e))
            return;
    }
    struct listed l = {attempts, messages, f.with_content};
    if (stopped != 0)
        f.page.stopped = api_id(api, call, stopped, "atmpt_");
    answer_page(api, call, &(struct page_items){&f.page, count, &l, write_item, name_item});
}

void attempts_of_app(struct api *api, struct api_call *call)
{
    struct app app;
    oid_t ep = 0;
    struct str endpoint = query_text(call, "endpoint_id");
    if (!call_app(api, call, &app))
        return;
    if (endpoint.len > 0 && !call_endpoint_id(api, call, &app, endpoint, &ep))
        return;
    list(api, call, &app, ep, 0);
}

void attempts_of_endpoint(struct api *api, struct api_call *call)
{
    struct app app;
    oid_t ep;
    if (call_app(api, call, &app) && call_endpoint_id(api, call, &app, call->params[1], &ep))
        list(api, call, &app, ep, 0);
}

void attempts_of_message(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    oid_t ep = 0;
    struct str endpoint = query_text(call, "endpoint_id");
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, false, &m))
        return;
    if (endpoint.len > 0 && !call_endpoint_id(api, call, &app, endpoint, &ep))
        return;
    list(api, call, &app, ep, m.id);
}

/* How many an answer counts, and how many it looks at for that. */
#define COUNT_MAX    10000
#define COUNT_VISITS 20000
#define COUNT_PAGE   1000

void attempts_count(struct api *api, struct api_call *call)
{
    struct app app;
    struct message_filter f;
    oid_t ep, stopped = 1;
    size_t count = 0, visits = 0, got = COUNT_PAGE;
    int status_class = attempt_class_read(call);
    if (!call_app(api, call, &app) || !call_endpoint_id(api, call, &app, call->params[1], &ep) ||
        !message_filter_read(api, call, "atmpt_", &f))
        return;
    struct attempt_query q = attempt_filter_query(&app, &f);
    q.ep = ep;
    q.status_class = status_class;
    q.with_content = false;
    q.limit = COUNT_PAGE;
    q.budget = (struct visit_budget){COUNT_PAGE, &stopped};
    bool more = true;
    for (; more && count < COUNT_MAX && visits < COUNT_VISITS; visits += COUNT_PAGE) {
        struct attempt *page;
        struct arena *a = arena_new(1 << 16);
        enum err e = store_list_attempts(call->reader, a, &q, &page, &got);
        if (e == ERR_OK && (more = got == COUNT_PAGE || stopped != 0))
            *(q.ascending ? &q.after : &q.before) = stopped != 0 ? stopped : page[got - 1].id;
        arena_free(a);
        if (!answer_ok(call, e))
            return;
        count += got;
    }
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_i64_at(&w, "count", (int64_t)count);
    json_w_bool_at(&w, "approximated", more);
    json_w_object_end(&w);
}

static bool call_attempt(struct api *api, struct api_call *call, struct attempt *out)
{
    struct app app;
    struct message m;
    oid_t id = 0;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, false, &m))
        return false;
    enum err e = oid_parse(call->params[2], "atmpt_", api->id_key, &id);
    if (e == ERR_OK)
        e = store_get_attempt(call->reader, call->arena, app.id, id, out);
    if (e == ERR_OK && out->msg != m.id)
        e = ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such attempt");
        return false;
    }
    return answer_ok(call, e);
}

void attempt_answer(const struct api *api, struct api_call *call, int status, const struct attempt *t,
                    const struct message *m)
{
    struct json_writer w = answer(call, status);
    write_item(api, call, &(struct listed){t, m, true}, 0, &w);
}

void attempt_get(struct api *api, struct api_call *call)
{
    struct attempt t;
    if (!call_attempt(api, call, &t))
        return;
    attempt_answer(api, call, 200, &t, NULL);
}

void attempt_headers(struct api *api, struct api_call *call)
{
    struct attempt t;
    if (!call_attempt(api, call, &t))
        return;
    struct json_writer w = answer(call, 200);
    struct str rest = t.request_headers, name, value;
    json_w_object(&w);
    json_w_name(&w, STR("sentHeaders"));
    write_header_object(t.request_headers, &w);
    json_w_name(&w, STR("responseHeaders"));
    write_header_list(t.response_headers, &w);
    json_w_name(&w, STR("sensitive"));
    json_w_array(&w);
    while (next_header(&rest, &name, &value)) {
        if (str_eq(value, STR(HEADER_MASK)))
            json_w_str(&w, name);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
}

void attempt_expunge(struct api *api, struct api_call *call)
{
    struct attempt t;
    if (!call_attempt(api, call, &t))
        return;
    struct store_expunge op = {.op = {.kind = STORE_EXPUNGE}, .app = t.app, .msg = t.msg, .attempt = t.id};
    if (answer_ok(call, store_run(api->store, &op.op)))
        answer_empty(call);
}
