/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client against small servers on loopback; with the argument "curl", everything through curl.
 */
#include "fixture.h"

#include "sys/clock.h"

int main(int argc, char **argv)
{
    fixture_no_h1 = argc > 1 && strcmp(argv[1], "curl") == 0;
    clock_init(0);
    if (client_global_init() != ERR_OK)
        return 1;
    int failed = run_answer_tests() + run_request_tests() + run_guard_tests() + run_name_tests() + run_proxy_tests() +
                 run_tls_tests();
    if (!fixture_no_h1)
        failed += run_h1_tests();
    client_global_fini();
    return failed;
}
