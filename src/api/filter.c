/* SPDX-License-Identifier: Apache-2.0 */
/* Content filters: what the endpoints' handlers check, and a route to try one without an endpoint. */
#include "api/endpoint.h"
#include "api/routes.h"

bool filter_check(struct api_call *call, const struct json *from, const struct filter **out)
{
    struct filter_fault fault;
    if (filter_compile(call->arena, from, out, &fault) == ERR_OK)
        return true;
    problem_add(&call->problems, "body", STR("filter"), fault.at.len > 0 ? fault.at : STR_NULL, "value_error", "%s",
                fault.why);
    return false;
}

/* A member that is an object; else a problem. */
static const struct json *object_at(struct api_call *call, const struct json *body, const char *name)
{
    const struct json *v = json_get(body, str_c(name));
    if (v != NULL && v->type == JSON_OBJECT)
        return v;
    if (v == NULL || json_is_null(v))
        call_problem(call, name, "value_error.missing", "is missing");
    else
        call_problem(call, name, "type_error.dict", "must be an object");
    return NULL;
}

void filter_test(struct api *api, struct api_call *call)
{
    const struct json *body = call_json(call, false);
    const struct filter *filter = NULL;
    (void)api;
    if (body == NULL)
        return;
    const struct json *from = object_at(call, body, "filter"), *payload = object_at(call, body, "payload");
    if (from != NULL)
        filter_check(call, from, &filter);
    if (!call_fits(call) || filter == NULL || payload == NULL)
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_bool_at(&w, "matches", filter_matches(filter, payload));
    json_w_object_end(&w);
}
