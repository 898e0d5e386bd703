/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest sources (incoming/source.h): what the files about them share. */
#ifndef PR_API_SOURCE_H
#define PR_API_SOURCE_H

#include "api/handler.h"
#include "api/trigger.h"
#include "incoming/source.h"

/* The source of params[0], by id or uid; 404 for another tenant's. False: answered. */
bool call_source(const struct api *api, struct api_call *call, struct object *o, struct source *out);
/* Its workspace in its place: params[0] becomes the id of that. False: answered. */
bool source_enter(struct api *api, struct api_call *call);
/* Where the trigger of a source belongs, in its workspace `app`. */
struct trigger_place source_place(struct api *api, struct api_call *call, oid_t app);

/*
 * How the requests of this type are verified, by the body's `config`, into *t; what t has stays where the body does not
 * say otherwise. *config: what answers show. Adds problems.
 */
void source_config_read(struct api_call *call, const struct json *body, const struct source_type *type,
                        struct trigger *t, struct str *config);
/* The type that the body names; NULL: problems were added. */
const struct source_type *source_type_read(struct api_call *call, struct str name);

/* The members of IngestSourceOut; the URL without its token for who may not use it. Store errors. */
MUST_USE enum err source_write(const struct api *api, struct api_call *call, const struct source *s,
                               struct json_writer *w);
/* The URL of a source's trigger. Store errors. */
MUST_USE enum err source_url(const struct api *api, struct api_call *call, const struct source *s, struct str *out);

#endif
