/* SPDX-License-Identifier: Apache-2.0 */
/* The webhooks of an OpenAPI document as event types of the caller's environment; for openapi_import.c. */
#ifndef PR_API_OPENAPI_HOOK_H
#define PR_API_OPENAPI_HOOK_H

#include "api/event_type.h"

struct openapi_item {
    struct event_type type; /* as it is to be */
    struct object old;      /* id 0: it is new */
    bool changed;
};

struct openapi_in {
    struct api_call *call;
    const struct json *document;
    const char *field; /* of the request, where problems are: "spec" or "specRaw" */
    struct openapi_item *items;
    size_t count;
    size_t total; /* bytes of schemas */
};

/* Fills items; problems are added. Store errors. */
MUST_USE enum err openapi_hooks_read(struct openapi_in *in);

#endif
