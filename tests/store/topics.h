/* SPDX-License-Identifier: Apache-2.0 */
/* The topics of the suite: one file, one table each; test_store.c runs them all against the backend it is given. */
#ifndef PR_TESTS_STORE_TOPICS_H
#define PR_TESTS_STORE_TOPICS_H

#include "fixture.h"

extern const struct CMUnitTest object_tests[], message_tests[], record_tests[], pending_tests[], attempt_tests[],
        sweep_tests[], keep_tests[], thread_tests[], queue_tests[], key_tests[], doc_tests[], replay_tests[],
        settle_tests[];
extern const size_t object_test_count, message_test_count, record_test_count, pending_test_count, attempt_test_count,
        sweep_test_count, keep_test_count, thread_test_count, queue_test_count, key_test_count, doc_test_count,
        replay_test_count, settle_test_count;

#endif
