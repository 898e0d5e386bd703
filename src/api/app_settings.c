/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a workspace. */
#include "api/routes.h"
#include "api/trigger_in.h"
#include "model/config.h"

#define INCOMING_RATE_MAX 1000000

static void answer_settings(const struct api *api, struct api_call *call, const struct app *app)
{
    int server = api->triggers != NULL ? api->triggers->per_second : 0;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_i64_at(&w, "incomingRateLimit", app->incoming_rate_limit > 0 ? app->incoming_rate_limit : server);
    json_w_object_end(&w);
}

void application_settings_get(struct api *api, struct api_call *call)
{
    struct app app;
    if (call_app(api, call, &app))
        answer_settings(api, call, &app);
}

/* null: the server's again. */
void application_settings_patch(struct api *api, struct api_call *call)
{
    struct object o;
    struct app app;
    int64_t limit;
    const struct json *body = call_json(call, false);
    if (body == NULL || !call_app_object(api, call, &o, &app))
        return;
    const struct json *j = json_get(body, STR("incomingRateLimit"));
    limit = app.incoming_rate_limit;
    if (json_is_null(j))
        limit = 0;
    else if (j != NULL && (!json_as_i64(j, &limit) || limit < 1 || limit > INCOMING_RATE_MAX))
        call_problem(call, "incomingRateLimit", "value_error.range", "must be a whole number from 1 to %d",
                     INCOMING_RATE_MAX);
    if (!call_fits(call))
        return;
    struct object_change change = {.change = OBJECT_UPDATE, .expected_version = o.version};
    app.incoming_rate_limit = (int)limit;
    app.updated_ms = call->now_ms;
    app_encode(call->arena, &app, &change.object);
    if (answer_ok(call, call_commit(api, call, &change, 1, app.env, app.id)))
        answer_settings(api, call, &app);
}
