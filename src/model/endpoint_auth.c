/* SPDX-License-Identifier: Apache-2.0 */
#include "model/endpoint_auth.h"

#include "model/config.h"

static const struct endpoint_identity *read_identity(struct arena *a, const struct json *from)
{
    struct endpoint_identity *i = arena_zalloc(a, sizeof *i);
    bool whole = json_as_str(json_get(from, STR("key")), &i->key) &&
                 json_as_str(json_get(from, STR("certificates")), &i->certificates);
    return whole ? i : NULL;
}

void endpoint_auth_read(struct arena *a, const struct json *sealed, struct endpoint *ep)
{
    const struct json *identity = json_get(sealed, STR("identity"));
    ep->identity = identity != NULL ? read_identity(a, identity) : NULL;
}

void endpoint_auth_write(const struct endpoint *ep, struct json_writer *w)
{
    if (ep->identity != NULL) {
        json_w_name(w, STR("identity"));
        json_w_object(w);
        json_w_str_at(w, "key", ep->identity->key);
        json_w_str_at(w, "certificates", ep->identity->certificates);
        json_w_object_end(w);
    }
}

void endpoint_auth_own(struct arena *a, struct endpoint *ep)
{
    if (ep->identity != NULL) {
        struct endpoint_identity *copy = arena_alloc(a, sizeof *copy);
        *copy = (struct endpoint_identity){.key = arena_str(a, ep->identity->key),
                                           .certificates = arena_str(a, ep->identity->certificates)};
        ep->identity = copy;
    }
}
