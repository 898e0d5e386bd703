/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_OPENAPI_EXPORT_H
#define PR_API_OPENAPI_EXPORT_H

#include "api/task.h"

/* The event types of the environment, as they are now, as the webhooks of an OpenAPI 3.1 document. Store errors. */
MUST_USE enum err openapi_export_write(struct api_call *call, struct json_writer *w);

#endif
