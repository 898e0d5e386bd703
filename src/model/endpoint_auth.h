/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Postrider proves to an endpoint who it is, besides signing: few endpoints have any of it, so an endpoint only
 * points at it. All of it lies in the sealed part of the stored object.
 */
#ifndef PR_MODEL_ENDPOINT_AUTH_H
#define PR_MODEL_ENDPOINT_AUTH_H

#include "base/arena.h"
#include "model/field.h"

struct endpoint;

/* Shown to servers that ask for a certificate. */
struct endpoint_identity {
    struct str key;          /* PEM, not encrypted */
    struct str certificates; /* PEM, the key's own first */
};

/* Reads the members of an opened sealed part into the endpoint. */
void endpoint_auth_read(struct arena *a, const struct json *sealed, struct endpoint *ep);
/* Writes them, into an object that the caller has opened. */
void endpoint_auth_write(const struct endpoint *ep, struct json_writer *w);
/* Lets it point into this arena only. */
void endpoint_auth_own(struct arena *a, struct endpoint *ep);

#endif
