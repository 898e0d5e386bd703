/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what the steps of an automation name is there: looked at when it is published, drafts may name anything. */
#include "api/automation.h"
#include "api/handler.h"

static enum err check_sequence(const struct api *api, struct api_call *call, oid_t app, oid_t own, const struct step *s)
{
    const struct step_value *v = step_value(s, "automation");
    struct automation m;
    oid_t id = 0;
    if (v == NULL)
        return ERR_OK;
    const char *why = NULL;
    enum err e = oid_parse(v->json->text, object_prefix(OBJ_AUTOMATION), api->id_key, &id);
    if (e == ERR_OK && id == own)
        return ERR_OK;
    if (e == ERR_OK)
        e = automation_load(call->reader, call->arena, app, id, &m);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID)
        why = "there is none of this id";
    else if (e != ERR_OK)
        return e;
    else if (s->kind == STEP_START_SEQUENCE && m.published == 0)
        why = "it is a draft: publish it first";
    if (why != NULL)
        problem_add(&call->problems, "body", STR("steps"),
                    arena_printf(call->arena, STR_FMT ".automation", STR_ARG(s->path)), "value_error", "%s", why);
    return ERR_OK;
}

enum err automation_fit(const struct api *api, struct api_call *call, oid_t app, oid_t own, const struct definition *d)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < d->count && e == ERR_OK; i++) {
        if (d->steps[i].kind == STEP_START_SEQUENCE || d->steps[i].kind == STEP_STOP_SEQUENCE)
            e = check_sequence(api, call, app, own, &d->steps[i]);
    }
    return e;
}
