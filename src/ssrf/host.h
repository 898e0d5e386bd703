/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of ssrf/: the host part of a URL, reduced to the one spelling that says what would be connected to.
 */
#ifndef PR_SSRF_HOST_H
#define PR_SSRF_HOST_H

#include "ssrf/ssrf.h"

/* The longest name DNS can carry, and NUL; an address is shorter. */
#define SSRF_HOST_SIZE 254

struct ssrf_host {
    char text[SSRF_HOST_SIZE]; /* ASCII, lower case, no trailing dot, no brackets */
    bool is_literal;
    bool is_v6;
};

/*
 * The host as it stands in the URL, with brackets if it has them. Everything is checked here: spelling, reserved names
 * and, for an address, the policy. ERR_INVALID: *why is a static sentence.
 */
MUST_USE enum err ssrf_host_parse(const struct ssrf_policy *p, struct str raw, struct ssrf_host *out, const char **why);

/* As ssrf_check_address, but a whole sentence. */
const char *ssrf_address_sentence(const struct ssrf_policy *p, const struct sockaddr *sa);
/* Whether the allow list covers the usual loopback address of either family. */
bool ssrf_allows_loopback(const struct ssrf_policy *p);
/* Whether the allow list holds anything beside loopback: the operator delivers inside the house. */
bool ssrf_allows_inside(const struct ssrf_policy *p);

#endif
