/* SPDX-License-Identifier: Apache-2.0 */
#include "model/doc.h"

static const char *const prefixes[] = {
#define PREFIX_ROW(sym, num, prefix, ref) [num] = (prefix),
        DOC_TABLE(PREFIX_ROW)
#undef PREFIX_ROW
};

const char *doc_prefix(enum doc_kind kind)
{
    CHECK(kind < ARRAY_LEN(prefixes) && prefixes[kind] != NULL);
    return prefixes[kind];
}
