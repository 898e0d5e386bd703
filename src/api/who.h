/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_WHO_H
#define PR_API_WHO_H

#include "api/handler.h"

/* Role, scopes and confinement against a row of the table; whose objects they are is looked at when they are found. */
bool who_may(const struct principal *who, const struct route *route);

#endif
