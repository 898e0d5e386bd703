/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connectors of an environment: templates of transformations for well-known receivers. They come and go with
 * environment imports and exports; nothing else uses them.
 */
#ifndef PR_API_CONNECTOR_H
#define PR_API_CONNECTOR_H

#include "api/handler.h"

struct connector {
    oid_t id;
    struct str uid; /* null: none */
    struct str kind;
    struct str name;
    struct str logo;
    struct str description;
    struct str instructions;
    const struct str *event_types; /* NULL: all */
    size_t event_type_count;
    struct str transformation;
    const struct str *flags;
    size_t flag_count;
    struct str product;
    int64_t transformed_ms; /* when the transformation changed last */
    int64_t created_ms;
    int64_t updated_ms;
};

#define CONNECTORS_MAX 500 /* of an environment */

/* Those of an environment, oldest first, with their objects. At most CONNECTORS_MAX. */
MUST_USE enum err connectors_read(struct api_call *call, oid_t env, struct object **objects, struct connector **out,
                                  size_t *count);
/* Reads one from a request; adds problems. */
void connector_in(struct api_call *call, const struct json *body, struct connector *out);
void connector_out(const struct api *api, struct api_call *call, const struct connector *c, struct json_writer *w);
/* The change that makes it, or makes the old one (NULL: none) this. False: it is like this already. */
bool connector_change(struct api *api, struct api_call *call, oid_t env, const struct object *old,
                      const struct connector *before, struct connector *c, struct object_change *out);

#endif
