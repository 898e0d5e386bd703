/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints that a message went to, with the state of each delivery; deleted ones included. */
#include "api/message_query.h"
#include "api/routes.h"

struct listed {
    const struct delivery *deliveries;
    const struct endpoint *endpoints; /* in parallel; id 0: forgotten */
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    const struct endpoint *ep = &l->endpoints[i];
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, l->deliveries[i].ep, "ep_"));
    fields_write_answer(endpoint_fields, endpoint_field_count, ep, w);
    write_delivery(&l->deliveries[i], true, w);
    json_w_time_at(w, "createdAt", ep->created_ms);
    json_w_time_at(w, "updatedAt", ep->updated_ms);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->deliveries[i].ep, "ep_");
}

void message_endpoints(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    struct page page;
    struct delivery *deliveries;
    size_t count;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, false, &m) ||
        !page_read(api, call, "ep_", PAGE_ASCENDING, &page))
        return;
    struct delivery_query q = {.msg = m.id, .ascending = !page_asks_descending(&page), .limit = page.limit + 1};
    *(q.ascending ? &q.after_ep : &q.before_ep) = page.at;
    if (!answer_ok(call, store_list_deliveries(call->reader, call->arena, &q, &deliveries, &count)))
        return;
    struct endpoint *endpoints = arena_zalloc(call->arena, (count + 1) * sizeof *endpoints);
    for (size_t i = 0; i < count; i++) {
        struct object o;
        enum err e = store_get_object(call->reader, call->arena, OBJ_ENDPOINT, deliveries[i].ep, &o);
        if (e == ERR_OK)
            e = endpoint_decode(call->arena, api->keys, &o, &endpoints[i]);
        if (e == ERR_NOT_FOUND)
            endpoints[i] = (struct endpoint){.description = STR(""), .url = STR(""), .metadata = STR("{}")};
        else if (!answer_ok(call, e))
            return;
    }
    struct listed l = {deliveries, endpoints};
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
}
