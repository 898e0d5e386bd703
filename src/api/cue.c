/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cue.h"

#include "api/automation.h"

#define BODY_MAX ((size_t)64 << 20)

/* ---- stored form
 * ---------------------------------------------------------------------------------------------------------
 */

#define AT(member) offsetof(struct cue, member)
static const struct field cue_fields[] = {
        {.name = "msg", .kind = FIELD_MS, .at = AT(msg)},
        {.name = "event", .kind = FIELD_TEXT, .at = AT(event)},
        {.name = "change", .kind = FIELD_TEXT, .at = AT(change)},
        {.name = "record", .kind = FIELD_OBJECT, .at = AT(record)},
        {.name = "depth", .kind = FIELD_MS, .at = AT(depth)},
        {.name = "origin", .kind = FIELD_MS, .at = AT(origin)},
        {.name = "after", .kind = FIELD_MS, .at = AT(after)},
        {.name = "told", .kind = FIELD_BOOL, .at = AT(told)},
};
#undef AT

enum err cue_decode(struct arena *a, const struct doc *d, struct cue *out)
{
    struct json *body;
    if (json_parse(a, d->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct cue){0};
    fields_read(a, cue_fields, ARRAY_LEN(cue_fields), FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

struct doc cue_encode(struct oid_source *oids, struct arena *a, oid_t app, const struct cue *c, int64_t now_ms)
{
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    fields_write_stored(cue_fields, ARRAY_LEN(cue_fields), c, &w);
    json_w_object_end(&w);
    CHECK(!text.overflow); /* what goes in is limited */
    struct str body = arena_str(a, buf_str(&text));
    buf_fini(&text);
    return (struct doc){.id = oid_next(oids, now_ms),
                        .kind = DOC_CUE,
                        .app = app,
                        .due_ms = now_ms,
                        .body = body,
                        .created_ms = now_ms,
                        .updated_ms = now_ms};
}

bool cue_is_heard(const struct workspace *ws, struct str event)
{
    for (size_t i = 0; i < ws->hear_count; i++) {
        if (str_eq(ws->hears[i], event))
            return true;
    }
    return false;
}

int64_t cue_wait_ref(struct str event)
{
    struct hash_key fixed = {0x706f737472696465u, 0x7761697465727321u};
    return (int64_t)(hash_sip(fixed, event.ptr, event.len) >> 1) | 1;
}

/* ---- making them --------------------------------------------------------------------------------------------------
 */

struct doc_change *cue_of_message(struct oid_source *oids, struct arena *a, const struct workspace *ws,
                                  const struct message *m, int64_t depth, oid_t origin, int64_t now_ms)
{
    if (ws->hear_count == 0 || !cue_is_heard(ws, m->event_type))
        return NULL;
    struct doc_change *c = arena_zalloc(a, sizeof *c);
    struct cue cue = {.msg = m->id, .event = m->event_type, .depth = depth, .origin = origin};
    c->change = DOC_CREATE;
    c->doc = cue_encode(oids, a, ws->app.id, &cue, now_ms);
    return c;
}

void cue_plan_record(struct plan *p, struct str type, const char *change, const struct doc *d)
{
    const struct workspace *ws = catalog_get(p->api->catalog, p->app);
    if (ws == NULL && catalog_load(p->api->catalog, p->reader, p->app, &ws) != ERR_OK)
        return; /* what is committed with it will fail too */
    struct str name = arena_printf(p->arena, "record:" STR_FMT, STR_ARG(type));
    if (ws->hear_count > 0 && cue_is_heard(ws, name)) {
        struct cue cue = {.event = name,
                          .change = str_c(change),
                          .record = automation_record_json(p->api, p->arena, d),
                          .depth = p->depth,
                          .origin = p->origin};
        struct doc cd = cue_encode(p->api->oids, p->arena, p->app, &cue, p->now_ms);
        plan_change(p, DOC_CREATE, &cd, 0);
        p->cues++;
    }
    catalog_unref(ws);
}
