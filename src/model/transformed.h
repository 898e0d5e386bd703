/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint's transformation made of a message: kept from the first attempt on, so that every retry and replay
 * is the same request, whatever becomes of the code.
 */
#ifndef PR_MODEL_TRANSFORMED_H
#define PR_MODEL_TRANSFORMED_H

#include "base/oid.h"

struct transformed {
    oid_t version;      /* of the transformation that made it */
    bool cancelled;     /* nothing is sent; the rest is empty */
    bool as_is;         /* the payload goes out without the profile's envelope: it is text, not JSON */
    bool same;          /* the payload is the message's own; `payload` is null */
    struct str method;  /* "POST", "PUT" or "PATCH" */
    struct str url;     /* normalised; null: the endpoint's */
    struct str headers; /* "Name: value\n"…, null: none */
    struct str payload;
    struct str content_type; /* null: the message's */
};

#endif
