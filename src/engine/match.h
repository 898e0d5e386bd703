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
    /* What content filters are tried on; null: not JSON, which no filter matches. */
    struct str payload;
    const struct json *tree; /* the payload, parsed when the first filter asks for it */
    struct arena *arena;     /* where the tree is, made with it; match_facts_fini frees it */
};

/*
 * Not disabled; the type is one of the endpoint's (or it takes all); if the endpoint has channels, the message has at
 * least one of them; and if it has a filter, the payload fits. An endpoint with a filter that is not compiled
 * (endpoint_compile) matches nothing.
 */
bool match_endpoint(const struct endpoint *ep, struct match_facts *facts);
/* The payload as a tree, parsed once; NULL: there is none. */
const struct json *match_tree(struct match_facts *facts);
void match_facts_fini(struct match_facts *facts);

#endif
