/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of event types that check their payloads. */
#include "api/message_check.h"
#include "serve/ingest.h"
#include "serve/serve_metrics.h"

bool ingest_fits(struct ingest *in, struct match_facts *facts)
{
    struct problems problems = PROBLEMS_INIT;
    bool fits = message_check(in->ws->types, facts, &problems);
    if (!fits && in->has_key && !in->key_is_new) {
        /* Another body under a known key does not matter. */
        ingest_again(in);
    } else if (!fits) {
        ingest_problems(in, &problems);
    }
    problems_fini(&problems);
    return fits;
}
