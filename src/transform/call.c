/* SPDX-License-Identifier: Apache-2.0 */
#include "transform/call.h"

#include "json/write.h"

static void raw_or(struct json_writer *w, const char *name, struct str json, struct str otherwise)
{
    json_w_raw_at(w, name, json.ptr != NULL ? json : otherwise);
}

void call_write(const struct transform_call *call, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    json_w_str_at(&w, "method", STR("POST"));
    json_w_str_at(&w, "url", call->url);
    json_w_raw_at(&w, "headers", STR("{}"));
    json_w_name(&w, STR("payload"));
    if (call->payload_is_text)
        json_w_str(&w, call->payload);
    else
        json_w_raw(&w, call->payload);
    json_w_bool_at(&w, "cancel", false);
    json_w_str_at(&w, "eventType", call->event_type);
    json_w_opt_str_at(&w, "eventId", call->event_id);
    json_w_str_at(&w, "messageId", call->message_id);
    raw_or(&w, "channels", call->channels, STR("null"));
    raw_or(&w, "transformationsParams", call->params, STR("{}"));
    raw_or(&w, "variables", call->variables, STR("{}"));
    json_w_object_end(&w);
}
