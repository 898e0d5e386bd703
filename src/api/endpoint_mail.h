/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail about an endpoint in trouble: to the members of its workspace, and to the address in the workspace's metadata
 * ("email"). Of each kind of trouble one letter per endpoint and day (UTC).
 */
#ifndef PR_API_ENDPOINT_MAIL_H
#define PR_API_ENDPOINT_MAIL_H

#include "api/api.h"

/* A message fails again and again: queues the letters if nothing has got through to the endpoint since since_ms, and
 * nobody was told today. Failures are logged. Blocks. */
void endpoint_mail_failing(struct api *api, struct store_reader *r, oid_t ep, int64_t since_ms, int64_t now_ms);
/* It was disabled by itself. Errors that may be retried; another one is logged. */
MUST_USE enum err endpoint_mail_disabled(struct api *api, struct store_reader *r, oid_t ep, int64_t now_ms);

#endif
