/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_PORTAL_H
#define PR_API_PORTAL_H

#include "api/handler.h"
#include "auth/portal.h"

/* Bodies of the requests. */
extern const struct field portal_access_fields[], portal_expire_fields[], portal_exchange_fields[];
extern const size_t portal_access_field_count, portal_expire_field_count, portal_exchange_field_count;

#define PORTAL_LINK_USED "this link has been used, or is over: ask for a new one"
/* A link becomes a session, whose text is appended. ERR_UNAUTHORIZED: it is none, or was used. */
MUST_USE enum err portal_redeem(struct api *api, struct api_call *call, struct str key, struct portal_key *link,
                                struct buf *session);
/* The member "capabilities" of an object. */
void portal_write_capabilities(const struct portal_key *k, struct json_writer *w);

#endif
