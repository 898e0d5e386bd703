/* SPDX-License-Identifier: Apache-2.0 */
#include "api/message_in.h"

struct str message_uuid(const struct message *m, struct hash_key id_key, char own[OID_UUID_SIZE])
{
    if (m->event_id.ptr != NULL && oid_is_uuid(m->event_id))
        return m->event_id;
    oid_uuid(m->id, id_key, own);
    return str_c(own);
}

static void write_payload(const struct message *m, bool with_content, struct json_writer *w)
{
    struct json_slice v;
    json_w_name(w, STR("payload"));
    if (!with_content) {
        json_w_raw(w, STR("{}"));
    } else if (m->payload.ptr == NULL) {
        json_w_raw(w, STR("{\"expired\":true}"));
    } else if (m->content_type.ptr == NULL || (json_check(m->payload, &v, NULL) == ERR_OK && v.type == JSON_OBJECT)) {
        json_w_raw(w, m->payload);
    } else {
        json_w_object(w);
        json_w_str_at(w, "rawPayload", m->payload);
        json_w_object_end(w);
    }
}

static void write_raw_or_null(struct json_writer *w, const char *name, struct str json)
{
    if (json.ptr != NULL)
        json_w_raw_at(w, name, json);
    else
        json_w_null_at(w, name);
}

void message_out_members(const struct message *m, struct hash_key id_key, bool with_content, struct json_writer *w)
{
    char id[OID_TEXT_SIZE], uuid[OID_UUID_SIZE];
    oid_format(m->id, "msg_", id_key, id);
    json_w_str_at(w, "id", str_c(id));
    json_w_opt_str_at(w, "eventId", m->event_id);
    json_w_str_at(w, "eventUuid", message_uuid(m, id_key, uuid));
    json_w_str_at(w, "eventType", m->event_type);
    write_payload(m, with_content, w);
    write_raw_or_null(w, "channels", m->channels);
    write_raw_or_null(w, "tags", m->tags);
    write_raw_or_null(w, "actor", m->actor);
    json_w_time_at(w, "timestamp", oid_time_ms(m->id));
    json_w_time_at(w, "occurredAt", m->occurred_ms);
    if (m->deliver_at_ms != 0)
        json_w_time_at(w, "deliverAt", m->deliver_at_ms);
    else
        json_w_null_at(w, "deliverAt");
}

void message_out(const struct message *m, struct hash_key id_key, bool with_content, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_w_object(&w);
    message_out_members(m, id_key, with_content, &w);
    json_w_object_end(&w);
}
