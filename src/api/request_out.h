/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a trigger received, as answers. */
#ifndef PR_API_REQUEST_OUT_H
#define PR_API_REQUEST_OUT_H

#include "api/handler.h"
#include "api/trigger_request.h"

#define REQUEST_SHOWN_BODY 16384 /* bytes of a body in a list; a larger one is null there */

const char *request_outcome_name(enum request_outcome o);
/* Writes the members of a request into an object that the caller has opened. whole: its body however large, and the
 * bytes of it. selected: it is the sample in force. */
void request_out_members(const struct api *api, struct api_call *call, const struct request *r, bool whole,
                         bool selected, struct json_writer *w);

#endif
