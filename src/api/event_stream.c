/* SPDX-License-Identifier: Apache-2.0 */
/* All messages of a workspace, or all operational events of an environment, in order. */
#include "api/message_in.h"
#include "api/operational.h"
#include "api/poll.h"
#include "api/routes.h"

static void answer_stream(const struct api *api, struct api_call *call, const struct poll *p)
{
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < p->count; i++) {
        json_w_object(&w);
        message_out_members(&p->messages[i], api->id_key, true, &w);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_str_at(&w, "iterator", poll_iterator(api, call, p->next));
    json_w_bool_at(&w, "done", p->done);
    json_w_object_end(&w);
}

static void stream(struct api *api, struct api_call *call, oid_t app)
{
    struct poll p = {.app = app};
    p.event_types = query_list(call, "event_types", &p.event_type_count);
    p.channels = query_list(call, "channels", &p.channel_count);
    poll_query(api, call, 1, &p);
    if (call_fits(call) && answer_ok(call, poll_read(api, call, &p)))
        answer_stream(api, call, &p);
}

void message_events(struct api *api, struct api_call *call)
{
    struct app app;
    if (call_app(api, call, &app))
        stream(api, call, app.id);
}

/* Operational events are kept from the first look on: who has no endpoint for them and never looks need not store
 * them. */
void operational_events(struct api *api, struct api_call *call)
{
    struct app app;
    struct object o;
    if (call_app_object(api, call, &o, &app) && answer_ok(call, operational_keep(api, call, &o, &app)))
        stream(api, call, app.id);
}
