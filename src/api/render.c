/* SPDX-License-Identifier: Apache-2.0 */
#include "api/render.h"

#include "api/message_in.h"

#define ENVELOPE_MAX 65536

struct str render_workspace(const struct api *api, struct arena *a, const struct app *app)
{
    char id[OID_TEXT_SIZE];
    struct buf out = BUF_INIT(ENVELOPE_MAX);
    struct json_writer w = json_writer(&out);
    oid_format(app->id, "app_", api->id_key, id);
    json_w_object(&w);
    json_w_str_at(&w, "id", str_c(id));
    json_w_opt_str_at(&w, "uid", app->uid);
    json_w_str_at(&w, "name", app->name);
    json_w_object_end(&w);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

bool render_message(const struct api *api, struct arena *a, const struct app *app,
                    const struct catalog_profile *profile, const struct message *m, struct message_render *out)
{
    char id[OID_TEXT_SIZE], uuid[OID_UUID_SIZE];
    if (profile_is_raw(profile->profile) || m->content_type.ptr != NULL)
        return false;
    oid_format(m->id, "msg_", api->id_key, id);
    struct profile_facts facts = {.event_uuid = message_uuid(m, api->id_key, uuid),
                                  .message_id = str_c(id),
                                  .type = m->event_type,
                                  .occurred_ms = m->occurred_ms,
                                  .actor = m->actor,
                                  .workspace = render_workspace(api, a, app)};
    struct buf head = BUF_INIT(ENVELOPE_MAX), tail = BUF_INIT(ENVELOPE_MAX);
    profile_render(profile->profile, &facts, &head, &tail);
    *out = (struct message_render){.profile_version = profile->version,
                                   .head = arena_str(a, head.len > 0 ? buf_str(&head) : STR("")),
                                   .tail = arena_str(a, tail.len > 0 ? buf_str(&tail) : STR(""))};
    buf_fini(&head);
    buf_fini(&tail);
    return true;
}
