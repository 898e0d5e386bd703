/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client against small servers on loopback.
 */
#include "fixture.h"

#include "sys/clock.h"

int main(void)
{
    clock_init(0);
    if (client_global_init() != ERR_OK)
        return 1;
    int failed = run_answer_tests() + run_request_tests() + run_guard_tests() + run_name_tests() + run_proxy_tests() +
                 run_tls_tests();
    client_global_fini();
    return failed;
}
