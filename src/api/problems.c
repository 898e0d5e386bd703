/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problems.h"

static void write_moved(const struct json *item, struct json_writer *w, struct str where, struct str sub)
{
    const struct json *loc = json_get(item, STR("loc"));
    json_w_object(w);
    json_w_name(w, STR("loc"));
    json_w_array(w);
    for (const struct json *part = loc->child; part != NULL; part = part->next) {
        json_w_raw(w, part->raw);
        if (part != loc->child)
            continue;
        json_w_str(w, where);
        if (sub.ptr != NULL)
            json_w_str(w, sub);
    }
    json_w_array_end(w);
    json_w_raw_at(w, "msg", json_get(item, STR("msg"))->raw);
    json_w_raw_at(w, "type", json_get(item, STR("type"))->raw);
    json_w_object_end(w);
}

void problems_move(struct arena *a, struct problems *from, struct problems *to, struct str where, struct str sub)
{
    struct json *list;
    struct str text = arena_printf(a, "[" STR_FMT "]", STR_ARG(buf_str(&from->json)));
    if (from->count > 0 && json_parse(a, text, &list, NULL) == ERR_OK) {
        for (const struct json *item = list->child; item != NULL; item = item->next) {
            if (to->count++ > 0)
                buf_add_c(&to->json, ',');
            struct json_writer w = json_writer(&to->json);
            write_moved(item, &w, where, sub);
        }
    }
    problems_fini(from);
    *from = PROBLEMS_INIT;
}
