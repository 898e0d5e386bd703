/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_TRANSFORM_CALL_H
#define PR_TRANSFORM_CALL_H

#include "transform/transform.h"

/* The JSON of the object that the handler is given. */
void call_write(const struct transform_call *call, struct buf *out);

#endif
