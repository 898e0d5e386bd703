/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object.h"

static const char *const prefixes[] = {
#define PREFIX_ROW(sym, num, prefix) [num] = (prefix),
        OBJECT_TABLE(PREFIX_ROW)
#undef PREFIX_ROW
};

const char *object_prefix(enum object_kind kind)
{
    CHECK(kind < ARRAY_LEN(prefixes) && prefixes[kind] != NULL);
    return prefixes[kind];
}
