/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as tables of steps, through api_handle, against the memory store. */
#include "fixture.h"

int main(void)
{
    int failed = 0;
    failed += _cmocka_run_group_tests("resources", resource_tests, resource_test_count, NULL, NULL);
    failed += _cmocka_run_group_tests("messages", message_tests, message_test_count, NULL, NULL);
    failed += _cmocka_run_group_tests("access", access_tests, access_test_count, NULL, NULL);
    failed += _cmocka_run_group_tests("turns", turn_tests, turn_test_count, NULL, NULL);
    return failed == 0 ? 0 : 1;
}
