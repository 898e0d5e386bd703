/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint is sent for a message: as it was rendered when the message was accepted, or what the endpoint's
 * transformation made of it.
 */
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

/* The pieces in their order. ERR_NOT_FOUND: a transformation has made nothing of it, yet or at all. */
static enum err find_pieces(struct api_call *call, const struct message *m, const struct delivery *d,
                            struct str pieces[3])
{
    const struct message_render *wrap = find_render(m, d);
    struct transformed made = {.same = true};
    enum err e = d->transform != 0 ? store_get_transformed(call->reader, call->arena, m->id, d->ep, &made) : ERR_OK;
    if (e == ERR_OK && made.cancelled)
        e = ERR_NOT_FOUND;
    if (e != ERR_OK)
        return e;
    if (made.as_is)
        wrap = NULL;
    pieces[0] = wrap != NULL ? wrap->head : STR("");
    pieces[1] = made.same ? m->payload : made.payload;
    pieces[2] = wrap != NULL ? wrap->tail : STR("");
    return ERR_OK;
}

void message_sent_body(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    struct delivery d;
    struct str pieces[3];
    oid_t ep;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, true, &m) ||
        !call_endpoint_id(api, call, &app, call->params[2], &ep))
        return;
    enum err e = store_get_delivery(call->reader, m.id, ep, &d);
    if (e == ERR_OK && m.payload.ptr == NULL)
        e = ERR_GONE;
    if (e == ERR_OK)
        e = find_pieces(call, &m, &d, pieces);
    if (e == ERR_NOT_FOUND || e == ERR_GONE) {
        answer_error(call, e, e == ERR_GONE ? "the payload has expired" : "the message did not go to this endpoint");
        return;
    }
    if (!answer_ok(call, e))
        return;
    struct buf body = BUF_INIT(API_OUT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        buf_add_str(&body, pieces[i]);
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_str_at(&w, "body", buf_str(&body));
    json_w_object_end(&w);
    buf_fini(&body);
}
