/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/match.h"

static bool contains(const struct str *list, size_t count, struct str s)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(list[i], s))
            return true;
    return false;
}

/* A tree is many times as large as its text. */
#define TREE_CHUNK 16384

const struct json *match_tree(struct match_facts *facts)
{
    struct json *tree;
    if (facts->tree != NULL || facts->payload.ptr == NULL || facts->arena != NULL)
        return facts->tree;
    facts->arena = arena_new(TREE_CHUNK);
    if (json_parse(facts->arena, facts->payload, &tree, NULL) == ERR_OK)
        facts->tree = tree;
    return facts->tree;
}

void match_facts_fini(struct match_facts *facts)
{
    arena_free(facts->arena);
    facts->arena = NULL;
    facts->tree = NULL;
}

static bool on_channel(const struct endpoint *ep, const struct match_facts *facts)
{
    for (size_t i = 0; i < facts->channel_count; i++)
        if (contains(ep->channels, ep->channel_count, facts->channels[i]))
            return true;
    return ep->channels == NULL;
}

static bool fits_filter(const struct endpoint *ep, struct match_facts *facts)
{
    if (ep->wants == NULL)
        return false;
    const struct json *tree = match_tree(facts);
    return tree != NULL && filter_matches(ep->wants, tree);
}

bool match_endpoint(const struct endpoint *ep, struct match_facts *facts)
{
    if (ep->disabled)
        return false;
    if (ep->event_types != NULL && !contains(ep->event_types, ep->event_type_count, facts->event_type))
        return false;
    if (!on_channel(ep, facts))
        return false;
    return ep->filter.ptr == NULL || fits_filter(ep, facts);
}
