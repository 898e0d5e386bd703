/* SPDX-License-Identifier: Apache-2.0 */
#include "automation/automation.h"

#define AT(member) offsetof(struct automation, member)
static const struct field stored_fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .at = AT(name)},
        {.name = "status", .kind = FIELD_MS, .at = AT(status)},
        {.name = "latest", .kind = FIELD_MS, .at = AT(latest)},
        {.name = "number", .kind = FIELD_MS, .at = AT(number)},
        {.name = "published", .kind = FIELD_MS, .at = AT(published)},
        {.name = "publishedNumber", .kind = FIELD_MS, .at = AT(published_number)},
        {.name = "trigger", .kind = FIELD_MS, .at = AT(trigger)},
        {.name = "hears", .kind = FIELD_NAMES, .at = AT(hears), .count_at = AT(hear_count)},
};
#undef AT

const char *automation_status_name(const struct automation *m)
{
    static const char *const names[] = {"draft", "published", "paused"};
    return names[m->status >= 0 && m->status <= AUTOMATION_PAUSED ? m->status : 0];
}

enum err automation_decode(struct arena *a, const struct object *o, struct automation *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct automation){.id = o->id,
                               .env = o->env,
                               .app = o->app,
                               .created_ms = o->created_ms,
                               .updated_ms = o->updated_ms,
                               .doc_version = o->version};
    fields_read(a, stored_fields, ARRAY_LEN(stored_fields), FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

struct object automation_encode(struct arena *a, const struct automation *m)
{
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    fields_write_stored(stored_fields, ARRAY_LEN(stored_fields), m, &w);
    json_w_object_end(&w);
    CHECK(!text.overflow); /* what goes in is limited */
    struct object o = {.id = m->id,
                       .kind = OBJ_AUTOMATION,
                       .env = m->env,
                       .app = m->app,
                       .body = arena_str(a, buf_str(&text)),
                       .created_ms = m->created_ms,
                       .updated_ms = m->updated_ms};
    buf_fini(&text);
    return o;
}

void automation_hears(struct arena *a, const struct object *o, const struct str **out, size_t *count)
{
    struct automation m;
    *count = 0;
    if (automation_decode(a, o, &m) != ERR_OK)
        return;
    *out = m.hears;
    *count = m.hear_count;
}

struct str automation_version_key(struct arena *a, oid_t automation, int64_t number)
{
    return arena_printf(a, "%lld:%06lld", (long long)automation, (long long)number);
}

static void hear(struct automation *m, struct str *names, struct str name)
{
    for (size_t i = 0; i < m->hear_count; i++) {
        if (str_eq(names[i], name))
            return;
    }
    if (m->hear_count < AUTOMATION_HEARS_MAX)
        names[m->hear_count++] = name;
}

struct hearing {
    struct automation *automation;
    struct str *names;
};

static void hear_awaited(void *arg, struct str event_type)
{
    struct hearing *h = arg;
    hear(h->automation, h->names, event_type);
}

void automation_hear(struct arena *a, struct automation *m, const struct start *start, const struct definition *d)
{
    struct str *names = arena_zalloc(a, AUTOMATION_HEARS_MAX * sizeof *names);
    struct hearing h = {m, names};
    if (m->hear_count > 0)
        memcpy(names, m->hears, m->hear_count * sizeof *names);
    m->hears = names;
    if (start->kind == START_RECORD)
        hear(m, names, arena_printf(a, "record:" STR_FMT, STR_ARG(start->record)));
    if (start->kind == START_EVENT && start->names->type == JSON_STRING)
        hear(m, names, start->names->text);
    for (const struct json *n = start->kind == START_EVENT && start->names->type == JSON_ARRAY ? start->names->child
                                                                                               : NULL;
         n != NULL; n = n->next)
        hear(m, names, n->text);
    definition_each_awaited(d, hear_awaited, &h);
}
