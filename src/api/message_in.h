/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message as it comes in and as it is answered. The body is scanned once; the payload stays a slice of it.
 */
#ifndef PR_API_MESSAGE_IN_H
#define PR_API_MESSAGE_IN_H

#include "base/arena.h"
#include "model/field.h"
#include "model/message.h"
#include "json/scan.h"

#define MESSAGE_ACTOR_MAX 4096

struct message_in {
    /*
     * event_type, event_id, occurred_ms, actor, channels, tags, deliver_at_ms, expires_ms, payload, content_type are
     * set; id, env, app and renders are the caller's. content_type is set for raw payloads only: any text, not always
     * JSON.
     */
    struct message message;
    struct str params;      /* transformationsParams without rawPayload, a JSON object; null: nothing else in it */
    struct str application; /* the JSON object of an implicit workspace; null: none given */
};

/*
 * Parses and checks a MessageIn. Slices point into `body`, `actor_header` or the arena. actor_header: the value of
 * Postrider-Actor, null if none; the body's own actor wins. retention_ms: how long payloads are kept unless the body
 * says. ERR_SYNTAX: *error says where; ERR_INVALID: *problems says what.
 */
MUST_USE enum err message_in_parse(struct arena *a, struct str body, struct str actor_header, int64_t now_ms,
                                   int64_t retention_ms, struct message_in *out, struct problems *problems,
                                   struct json_error *error);

/* Appends the MessageOut object. Without content the payload reads {}. */
void message_out(const struct message *m, struct hash_key id_key, bool with_content, struct buf *out);
/* Only its members, into an object that the caller has opened. */
void message_out_members(const struct message *m, struct hash_key id_key, bool with_content, struct json_writer *w);
/* The event's UUID: the event id if it is one, else the message's own. */
struct str message_uuid(const struct message *m, struct hash_key id_key, char own[OID_UUID_SIZE]);

#endif
