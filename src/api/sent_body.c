/* SPDX-License-Identifier: Apache-2.0 */
/* What an endpoint is sent for a message, as it was rendered when the message was accepted. */
#include "api/handler.h"
#include "api/routes.h"

/* What goes around the payload for this endpoint; NULL: nothing. */
static const struct message_render *find_render(const struct message *m, const struct delivery *d)
{
    for (size_t i = 0; i < m->render_count; i++) {
        if (m->renders[i].profile_version == d->profile_version)
            return &m->renders[i];
    }
    return NULL;
}

void message_sent_body(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    struct delivery d;
    oid_t ep;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, true, &m) ||
        !call_endpoint_id(api, call, &app, call->params[2], &ep))
        return;
    enum err e = store_get_delivery(call->reader, m.id, ep, &d);
    if (e == ERR_OK && m.payload.ptr == NULL)
        e = ERR_GONE;
    if (e == ERR_NOT_FOUND || e == ERR_GONE) {
        answer_error(call, e, e == ERR_GONE ? "the payload has expired" : "the message did not go to this endpoint");
        return;
    }
    if (!answer_ok(call, e))
        return;
    const struct message_render *wrap = find_render(&m, &d);
    struct buf body = BUF_INIT(API_OUT_MAX);
    if (wrap != NULL)
        buf_add_str(&body, wrap->head);
    buf_add_str(&body, m.payload);
    if (wrap != NULL)
        buf_add_str(&body, wrap->tail);
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "body", buf_str(&body));
    json_w_object_end(&w);
    buf_fini(&body);
}
