/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, while it happens: the answer is a stream of server-sent events, which serve/live.c writes. */
#include "api/routes.h"

static void answer_stream(struct api_call *call, oid_t app)
{
    buf_clear(&call->out);
    call->status = 200;
    call->live.on = true;
    call->live.env = call->env;
    call->live.app = app;
    answer_header(call, STR("Content-Type"), STR("text/event-stream; charset=utf-8"));
    answer_header(call, STR("X-Accel-Buffering"), STR("no"));
}

void live_app(struct api *api, struct api_call *call)
{
    struct app app;
    if (call_app(api, call, &app))
        answer_stream(call, app.id);
}

void live_env(struct api *api, struct api_call *call)
{
    (void)api;
    answer_stream(call, 0);
}
