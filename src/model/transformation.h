/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version of an endpoint's transformation: its code and the variables that the code is given. Immutable: a change
 * makes another (OBJ_TRANSFORMATION), deliveries keep the one that they were accepted with. One that was replaced is
 * deleted and stays readable by id, as all objects do. Variables may be credentials: they are sealed.
 */
#ifndef PR_MODEL_TRANSFORMATION_H
#define PR_MODEL_TRANSFORMATION_H

#include "base/arena.h"
#include "crypto/seal.h"
#include "model/object.h"

struct transformation {
    oid_t id;
    oid_t env;
    oid_t app;
    struct str code;      /* null: none is set */
    struct str variables; /* JSON object of strings; null: none */
    int64_t created_ms;
};

/* ERR_INVALID: damage, or sealed with a key that is not here. */
MUST_USE enum err transformation_decode(struct arena *a, const struct keyring *keys, const struct object *o,
                                        struct transformation *out);
void transformation_encode(struct arena *a, const struct keyring *keys, const struct transformation *t,
                           struct object *out);

#endif
