/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/match.h"

static bool contains(const struct str *list, size_t count, struct str s)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(list[i], s))
            return true;
    return false;
}

bool match_endpoint(const struct endpoint *ep, const struct match_facts *facts)
{
    if (ep->disabled)
        return false;
    if (ep->event_types != NULL && !contains(ep->event_types, ep->event_type_count, facts->event_type))
        return false;
    if (ep->channels == NULL)
        return true;
    for (size_t i = 0; i < facts->channel_count; i++)
        if (contains(ep->channels, ep->channel_count, facts->channels[i]))
            return true;
    return false;
}
