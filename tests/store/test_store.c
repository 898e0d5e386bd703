/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The suite that every backend of the store passes: test_store sqlite, test_store memory. One topic alone:
 * test_store sqlite records.
 */
#include "topics.h"

#include <stdio.h>

static const struct {
    const char *name;
    const struct CMUnitTest *tests;
    const size_t *count;
} topics[] = {
        {"objects", object_tests, &object_test_count},
        {"messages", message_tests, &message_test_count},
        {"records", record_tests, &record_test_count},
        {"pending", pending_tests, &pending_test_count},
        {"attempts", attempt_tests, &attempt_test_count},
        {"sweeps", sweep_tests, &sweep_test_count},
        {"keep", keep_tests, &keep_test_count},
        {"threads", thread_tests, &thread_test_count},
        {"queue", queue_tests, &queue_test_count},
        {"keys", key_tests, &key_test_count},
        {"docs", doc_tests, &doc_test_count},
        {"replays", replay_tests, &replay_test_count},
        {"settle", settle_tests, &settle_test_count},
};

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2 || (strcmp(argv[1], "sqlite") != 0 && strcmp(argv[1], "memory") != 0)) {
        fprintf(stderr, "usage: test_store sqlite|memory [topic]\n");
        return 2;
    }
    fx_use_memory = strcmp(argv[1], "memory") == 0;
    for (size_t i = 0; i < ARRAY_LEN(topics); i++)
        if (argc < 3 || strcmp(argv[2], topics[i].name) == 0)
            failed += _cmocka_run_group_tests(topics[i].name, topics[i].tests, *topics[i].count, NULL, NULL);
    return failed == 0 ? 0 : 1;
}
