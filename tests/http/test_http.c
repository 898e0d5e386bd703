/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server against raw sockets; with an argument one topic alone: test_http tls. */
#include "fixture.h"

#include "sys/clock.h"

static const struct {
    const char *name;
    int (*run)(void);
} topics[] = {
        {"requests", run_request_tests},   {"bodies", run_body_tests},   {"connections", run_connection_tests},
        {"deadlines", run_deadline_tests}, {"linger", run_linger_tests}, {"tls", run_tls_tests},
};

int main(int argc, char **argv)
{
    int failed = 0;
    clock_init(0);
    for (size_t i = 0; i < ARRAY_LEN(topics); i++)
        if (argc < 2 || strcmp(argv[1], topics[i].name) == 0)
            failed += topics[i].run();
    return failed == 0 ? 0 : 1;
}
