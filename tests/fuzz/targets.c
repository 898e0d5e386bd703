/* SPDX-License-Identifier: Apache-2.0 */
/* The list of targets. */
#include "fuzz.h"

#define TARGETS(X)                                                                                                     \
    X(http)                                                                                                            \
    X(answer)                                                                                                          \
    X(json)                                                                                                            \
    X(url)                                                                                                             \
    X(address)                                                                                                         \
    X(verify)                                                                                                          \
    X(profile)                                                                                                         \
    X(filter)                                                                                                          \
    X(schema)                                                                                                          \
    X(expr)                                                                                                            \
    X(times)                                                                                                           \
    X(token)                                                                                                           \
    X(yaml)                                                                                                            \
    X(import)                                                                                                          \
    X(message)                                                                                                         \
    X(incoming)

#define DECLARE(name) extern const struct fuzz_target fuzz_##name;
TARGETS(DECLARE)

#define LIST(name) &fuzz_##name,
const struct fuzz_target *const fuzz_targets[] = {TARGETS(LIST) NULL};

const struct fuzz_target *fuzz_find(const char *name)
{
    for (size_t i = 0; fuzz_targets[i] != NULL; i++)
        if (strcmp(fuzz_targets[i]->name, name) == 0)
            return fuzz_targets[i];
    return NULL;
}
