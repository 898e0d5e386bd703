/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cue.h"
#include "api/handler.h"
#include "api/record.h"

enum err record_type_find(struct store_reader *r, struct arena *a, const struct app *app, struct str name,
                          struct record_type *out)
{
    struct object o;
    const struct record_type *t = record_type_builtin(app->profile, name);
    if (t != NULL) {
        *out = *t;
        return ERR_OK;
    }
    enum err e = store_find_object(r, a, OBJ_RECORD_TYPE, app->env, 0, name, &o);
    if (e == ERR_OK)
        e = record_type_decode(a, &o, out);
    return e == ERR_OK && out->profile.ptr != NULL && !str_eq(out->profile, app->profile) ? ERR_NOT_FOUND : e;
}

enum err record_find(const struct api *api, struct store_reader *r, struct arena *a, oid_t app,
                     const struct record_type *t, struct str text, struct doc *d, struct record *out)
{
    oid_t id = 0;
    bool by_id = oid_parse(text, doc_prefix(DOC_RECORD), api->id_key, &id) == ERR_OK;
    enum err e = by_id ? store_get_doc(r, a, DOC_RECORD, id, d)
                       : store_find_doc(r, a, DOC_RECORD, app, t->ref, text, d);
    if (e == ERR_OK && (d->app != app || d->ref != t->ref))
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? record_decode(a, d, out) : e;
}

static const char *change_name(const struct record *was, const struct record *is)
{
    return was == NULL ? "created" : is == NULL ? "deleted" : "updated";
}

/* An entry of the history. */
static void plan_history(struct plan *p, const struct record *was, const struct record *is)
{
    const struct record *r = is != NULL ? is : was;
    struct buf text = BUF_INIT((size_t)32 * RECORD_DATA_MAX);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    json_w_str_at(&w, "change", str_c(change_name(was, is)));
    json_w_raw_at(&w, "actor", p->actor.ptr != NULL ? p->actor : STR("null"));
    if (p->via.ptr != NULL)
        json_w_str_at(&w, "import", p->via);
    json_w_raw_at(&w, "changes", record_differences(p->arena, was, is));
    json_w_object_end(&w);
    CHECK(!text.overflow);
    struct doc d = {.id = oid_next(p->api->oids, p->now_ms),
                    .kind = DOC_CHANGE,
                    .app = p->app,
                    .ref = r->id,
                    .purge_ms = p->now_ms + p->api->retention_history_ms,
                    .body = arena_str(p->arena, buf_str(&text)),
                    .created_ms = p->now_ms,
                    .updated_ms = p->now_ms};
    buf_fini(&text);
    plan_change(p, DOC_CREATE, &d, 0);
}

static void plan_events(struct plan *p, const struct record_type *t, const struct record *was, const struct record *is)
{
    const struct record_rule *rules[RECORD_RULES_MAX];
    char id[OID_TEXT_SIZE];
    oid_format(is != NULL ? is->id : was->id, doc_prefix(DOC_RECORD), p->api->id_key, id);
    size_t n = record_events(p->arena, t, was, is, rules);
    for (size_t i = 0; i < n; i++)
        plan_emit(p, rules[i]->event, record_payload(p->arena, t, rules[i], was, is, arena_str(p->arena, str_c(id))));
}

enum err record_plan(struct plan *p, const struct record_type *t, const struct doc *was, const struct record_edit *edit,
                     struct record *out, bool *changed, struct record_fault *fault)
{
    struct record before;
    enum err e = was != NULL ? record_decode(p->arena, was, &before) : ERR_OK;
    *fault = (struct record_fault){.field = "data", .why = "the stored record cannot be read"};
    if (e == ERR_OK)
        e = record_apply(p->arena, t, was != NULL ? &before : NULL, edit, out, changed, fault);
    if (e != ERR_OK || !*changed)
        return e;
    struct doc d = {.kind = DOC_RECORD, .app = p->app, .ref = t->ref, .created_ms = p->now_ms};
    if (was != NULL)
        d = *was;
    else
        d.id = oid_next(p->api->oids, p->now_ms);
    out->id = d.id;
    out->created_ms = d.created_ms;
    out->updated_ms = d.updated_ms = p->now_ms;
    out->version = was != NULL ? was->version + 1 : 1;
    record_encode(p->arena, out, &d);
    plan_change(p, was != NULL ? DOC_UPDATE : DOC_CREATE, &d, was != NULL ? was->version : 0);
    plan_history(p, was != NULL ? &before : NULL, out);
    plan_events(p, t, was != NULL ? &before : NULL, out);
    cue_plan_record(p, t->name, change_name(was != NULL ? &before : NULL, out), &d);
    return ERR_OK;
}

enum err record_plan_delete(struct plan *p, const struct record_type *t, const struct doc *was)
{
    struct record before;
    enum err e = record_decode(p->arena, was, &before);
    if (e != ERR_OK)
        return e;
    plan_change(p, DOC_DELETE, was, was->version);
    before.updated_ms = p->now_ms;
    plan_history(p, &before, NULL);
    plan_events(p, t, &before, NULL);
    cue_plan_record(p, t->name, change_name(&before, NULL), was);
    return ERR_OK;
}
