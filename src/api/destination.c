/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints that a message went to, with the state of each delivery; deleted ones included. */
#include "api/message_query.h"
#include "api/routes.h"

#define STEP 500

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
    write_delivery(&l->deliveries[i], w);
    json_w_time_at(w, "createdAt", ep->created_ms);
    json_w_time_at(w, "updatedAt", ep->updated_ms);
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->deliveries[i].ep, "ep_");
}

/* Pages go from the newest endpoint down; a page backwards is read upwards and turned. */
static enum err read_page(struct api_call *call, oid_t msg, const struct page *p, struct delivery **out, size_t *count)
{
    enum err e;
    if (!p->back)
        return store_list_deliveries(call->reader, call->arena, msg, p->at, 0, p->limit + 1, out, count);
    /* The store lists downwards only: all that is above the iterator, whose nearest are the last. They are at most as
     * many as the workspace has had endpoints. */
    struct delivery *all = NULL, *some = NULL;
    size_t n = 0, cap = 0, got;
    oid_t before = 0;
    do {
        e = store_list_deliveries(call->reader, call->arena, msg, before, p->at, STEP, &some, &got);
        if (e != ERR_OK)
            return e;
        if (n + got > cap) {
            struct delivery *more = arena_alloc(call->arena, (cap = 2 * (n + got)) * sizeof *more);
            if (n > 0)
                memcpy(more, all, n * sizeof *all);
            all = more;
        }
        for (size_t i = 0; i < got; i++)
            all[n++] = some[i];
        before = n > 0 ? all[n - 1].ep : 0;
    } while (got == STEP);
    size_t take = n < p->limit + 1 ? n : p->limit + 1;
    *out = arena_alloc(call->arena, (take + 1) * sizeof **out);
    for (size_t i = 0; i < take; i++)
        (*out)[i] = all[n - 1 - i];
    *count = take;
    return ERR_OK;
}

void message_endpoints(struct api *api, struct api_call *call)
{
    struct app app;
    struct message m;
    struct page page;
    struct delivery *deliveries;
    size_t count;
    if (!call_app(api, call, &app) || !call_message(api, call, &app, 1, false, &m) ||
        !page_read(api, call, "ep_", PAGE_NEWEST, &page) ||
        !answer_ok(call, read_page(call, m.id, &page, &deliveries, &count)))
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
