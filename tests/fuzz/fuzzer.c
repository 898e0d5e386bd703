/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer's two entrances. Which target: the variable POSTRIDER_FUZZ. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "sys/clock.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *name = getenv("POSTRIDER_FUZZ");
    target = fuzz_find(name != NULL ? name : "");
    if (target == NULL) {
        fprintf(stderr, "POSTRIDER_FUZZ must name a target; ./dev fuzz does that\n");
        exit(2);
    }
    clock_init(0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    target->run(str_of(size > 0 ? (const char *)data : "", size));
    return 0;
}
