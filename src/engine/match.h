/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which endpoints a message goes to. Pure.
 */
#ifndef PR_ENGINE_MATCH_H
#define PR_ENGINE_MATCH_H

#include "model/config.h"

/* What matching looks at. */
struct match_facts {
    struct str event_type;
    const struct str *channels; /* NULL: the message has none */
    size_t channel_count;
};

/*
 * Not disabled; the type is one of the endpoint's (or it takes all); and if the endpoint has channels, the message has
 * at least one of them.
 */
bool match_endpoint(const struct endpoint *ep, const struct match_facts *facts);

#endif
