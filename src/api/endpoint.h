/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about endpoints share. */
#ifndef PR_API_ENDPOINT_H
#define PR_API_ENDPOINT_H

#include "api/handler.h"
#include "api/operational.h"
#include "signing/header.h"

/* The profile that the endpoint uses now, parsed. *version (may be NULL): its id. ERR_NOT_FOUND: it names none. */
MUST_USE enum err endpoint_profile(struct api *api, struct api_call *call, const struct app *app,
                                   const struct endpoint *ep, const struct catalog_profile **out);
/* Adds problems: URL (normalised in place), event types, profile, headers, filter, CA bundle. Store errors. */
MUST_USE enum err endpoint_check(struct api *api, struct api_call *call, const struct app *app, struct endpoint *ep,
                                 const struct endpoint *before);
/* Whether it is a content filter; else a problem at body.filter, and the place inside as a JSON pointer. */
bool filter_check(struct api_call *call, const struct json *from, const struct filter **out);
/* Problems of custom headers, each at body.headers.<name>. */
void headers_check(struct api_call *call, const struct profile *profile, const struct header_pair *headers,
                   size_t count);
/* Adds a problem unless these are certificates in PEM form. */
void ca_bundle_check(struct api_call *call, const char *field, struct str pem);

/* The members of EndpointOut, extensions included. Store errors. */
MUST_USE enum err endpoint_out(struct api *api, struct api_call *call, const struct app *app, const struct endpoint *ep,
                               struct json_writer *w);
/* Writes an endpoint (old NULL: creates it), with one more change that `extra` may be, and the task that tells `news`
 * of it; hooks included. */
MUST_USE enum err endpoint_save(struct api *api, struct api_call *call, const struct object *old, struct endpoint *ep,
                                unsigned news, const struct object_change *extra);

/* The endpoint that a request below its path is about. */
struct called_endpoint {
    struct app app;
    struct object object;
    struct endpoint ep;
};
/* False: answered. */
bool endpoint_called(const struct api *api, struct api_call *call, struct called_endpoint *out);
/* Writes the changed endpoint and answers 204, or the error. */
void endpoint_save_answer(struct api *api, struct api_call *call, struct called_endpoint *f);

#endif
