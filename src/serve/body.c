/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/body.h"

#include <stdlib.h>

#include "base/mem.h"

static struct str copy(char **at, struct str s)
{
    if (s.ptr == NULL)
        return s;
    char *to = *at;
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    *at += s.len;
    return str_of(to, s.len);
}

static size_t text_bytes(const struct message *m)
{
    size_t n = m->event_type.len + m->event_id.len + m->actor.len + m->channels.len + m->tags.len + m->payload.len +
               m->content_type.len;
    for (size_t i = 0; i < m->render_count; i++)
        n += m->renders[i].head.len + m->renders[i].tail.len;
    return n;
}

struct body *body_new(const struct message *m, struct hash_key id_key)
{
    size_t renders = m->render_count * sizeof(struct message_render);
    size_t bytes = sizeof(struct body) + renders + text_bytes(m);
    struct body *b = mem_alloc(bytes);
    struct message_render *r = (struct message_render *)(void *)(b + 1);
    char *at = (char *)(b + 1) + renders;
    atomic_init(&b->refs, 1);
    b->bytes = bytes;
    b->msg = *m;
    b->msg.event_type = copy(&at, m->event_type);
    b->msg.event_id = copy(&at, m->event_id);
    b->msg.actor = copy(&at, m->actor);
    b->msg.channels = copy(&at, m->channels);
    b->msg.tags = copy(&at, m->tags);
    b->msg.payload = copy(&at, m->payload);
    b->msg.content_type = copy(&at, m->content_type);
    for (size_t i = 0; i < m->render_count; i++)
        r[i] = (struct message_render){.profile_version = m->renders[i].profile_version,
                                       .head = copy(&at, m->renders[i].head),
                                       .tail = copy(&at, m->renders[i].tail)};
    b->msg.renders = m->render_count > 0 ? r : NULL;
    if (oid_is_uuid(m->event_id)) {
        memcpy(b->uuid, m->event_id.ptr, OID_UUID_SIZE - 1);
        b->uuid[OID_UUID_SIZE - 1] = '\0';
    } else {
        oid_uuid(m->id, id_key, b->uuid);
    }
    oid_format(m->id, "msg_", id_key, b->id_text);
    return b;
}

struct body *body_ref(struct body *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void body_unref(struct body *b)
{
    if (b != NULL && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}

const struct message_render *body_render(const struct body *b, oid_t profile_version)
{
    for (size_t i = 0; i < b->msg.render_count; i++)
        if (b->msg.renders[i].profile_version == profile_version)
            return &b->msg.renders[i];
    return NULL;
}
