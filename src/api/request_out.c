/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request_out.h"

#include "crypto/crypto.h"

const char *request_outcome_name(enum request_outcome o)
{
    switch (o) {
    case REQUEST_ACCEPTED:
        return "accepted";
    case REQUEST_CAPTURED:
        return "captured";
    case REQUEST_DUPLICATE:
        return "duplicate";
    case REQUEST_REFUSED:
        return "refused";
    }
    return "refused";
}

/* The body as a run would see it; of what cannot be read its text. */
static void write_body(struct api_call *call, const struct request *r, bool whole, struct json_writer *w)
{
    struct str json;
    struct json *tree;
    if (!whole && r->size > REQUEST_SHOWN_BODY)
        json_w_null_at(w, "body");
    else if (request_trigger_json(call->arena, r, &json) == ERR_OK &&
             json_parse(call->arena, json, &tree, NULL) == ERR_OK)
        json_w_raw_at(w, "body", json_get(tree, STR("body"))->raw);
    else
        json_w_str_at(w, "body", r->body);
}

/* The bytes that came: as text when they are text, else base64. */
static void write_raw(struct api_call *call, const struct request *r, struct json_writer *w)
{
    bool text = str_is_utf8(r->body);
    struct str raw = r->body.ptr != NULL ? r->body : STR("");
    if (!text) {
        struct buf out = BUF_INIT(2 * INCOMING_BODY_MAX);
        crypto_base64(raw, &out);
        raw = arena_str(call->arena, buf_str(&out));
        buf_fini(&out);
    }
    json_w_str_at(w, "raw", raw);
    json_w_str_at(w, "rawEncoding", text ? STR("text") : STR("base64"));
}

void request_out_members(const struct api *api, struct api_call *call, const struct request *r, bool whole,
                         bool selected, struct json_writer *w)
{
    bool kept_whole = r->outcome == REQUEST_ACCEPTED || r->outcome == REQUEST_CAPTURED;
    json_w_str_at(w, "id", api_id(api, call, r->id, doc_prefix(DOC_REQUEST)));
    json_w_time_at(w, "receivedAt", r->received_ms);
    json_w_str_at(w, "outcome", str_c(request_outcome_name(r->outcome)));
    json_w_i64_at(w, "status", r->status);
    json_w_opt_str_at(w, "reason", r->why);
    json_w_opt_str_at(w, "runId", r->run != 0 ? api_id(api, call, r->run, doc_prefix(DOC_RUN)) : STR_NULL);
    json_w_str_at(w, "method", r->method);
    json_w_raw_at(w, "headers", r->headers);
    json_w_raw_at(w, "query", r->query);
    json_w_opt_str_at(w, "contentType", r->type);
    json_w_opt_str_at(w, "address", r->peer);
    json_w_i64_at(w, "size", r->size);
    write_body(call, r, whole, w);
    json_w_bool_at(w, "bodyTruncated", !kept_whole && r->size > TRIGGER_REFUSED_BODY);
    json_w_bool_at(w, "selected", selected);
    if (whole)
        write_raw(call, r, w);
}
