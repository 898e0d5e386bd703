/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_PORTAL_H
#define PR_API_PORTAL_H

#include "api/handler.h"

/* Bodies of the requests. */
extern const struct field portal_access_fields[], portal_expire_fields[], portal_exchange_fields[];
extern const size_t portal_access_field_count, portal_expire_field_count, portal_exchange_field_count;

#endif
